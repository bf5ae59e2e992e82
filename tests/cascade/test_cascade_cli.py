"""``assay cascade plan`` and ``simulate``: one document, 80 columns, pages, clear refusals."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from assay.cli.main import cli
from assay.core.errors import AssayError

DAY = ["cascade", "plan", "--volume", "10M/day", "--tier", "fast=0.0005", "--tier", "strong=0.003"]


def call(*words: str, status: int = 0) -> str:
    found = CliRunner().invoke(cli, list(words))
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        raise found.exception
    assert found.exit_code == status, found.output
    return found.output


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """120 items: a free metric, two judges of which one sometimes could not tell, people; one item has no label."""
    rng = np.random.default_rng(1)
    path = tmp_path_factory.mktemp("cascade") / "recorded.csv"
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "doc", "system", "rouge", "fast", "strong", "human"])
        for place in range(121):
            label = rng.normal(3.0, 1.0)
            fast = "" if place % 30 == 7 else f"{label + rng.normal():.3f}"
            human = "" if place == 120 else f"{label:.3f}"
            strong = f"{label + 0.4 * rng.normal() + 0.5:.3f}"
            rouge = f"{label + 2 * rng.normal():.3f}"
            rows.writerow([place, place // 4, f"s{place % 4}", rouge, fast, strong, human])
    return path


def simulate(path: Path, *more: str, status: int = 0) -> str:
    words = ["cascade", "simulate", str(path), "--tier", "fast", "--tier", "strong", "--tier", "human"]
    return call(*words, "--free", "rouge", "--replays", "300", *more, status=status)


def test_the_plan_of_a_day() -> None:
    text = call(*DAY, "--shares", "10%,1%")
    assert "$800.00 a day" in text and "$30,000.00" in text
    assert all(len(line) <= 80 for line in text.splitlines())
    document: dict[str, Any] = json.loads(call(*DAY, "--shares", "0.1,0.015", "--json"))
    assert document["schema"] == "assay.cascade_plan/1"
    assert document["cost_usd"] == pytest.approx(950.0)
    assert document["tiers"][1]["needed_r2"] == pytest.approx(4 / 6 / (1 + 1 / 6) ** 2)


def test_of_what_nobody_knows_nothing_is_advised(tmp_path: Path) -> None:
    page = tmp_path / "plan.html"
    text = " ".join(call(*DAY, "--shares", "10%,1%", "--report", str(page)).split())
    assert (
        "Nothing is known of tier fast, which counts as explaining nothing: give --correlation fast=… or --pi" in text
    )
    assert "cannot pay" not in text and "guessed" not in text
    assert "half-width of 0.00617 standard deviations of the verdict of strong;" in text
    assert "Nothing is known of tier fast" in page.read_text(encoding="utf-8")
    document = json.loads(call(*DAY, "--shares", "10%,1%", "--json"))
    assert (document["advice"], document["unknown"], document["unit"]) == ([], ["free", "fast"], "std_dev")
    assert [row["pays"] for row in document["tiers"]] == [True, None, True]
    assert document["tiers"][1]["partial_r2"] is None
    told = " ".join(call(*DAY, "--shares", "10%,1%", "--correlation", "fast=0.5", "--std-dev", "0.8").split())
    assert "Tier fast cannot pay" in told and "guessed correlations" in told
    assert "Nothing is known" not in told and "standard deviations" not in told


def test_a_small_need_is_not_called_nothing() -> None:
    words = ["cascade", "plan", "--volume", "10M/day", "--tier", "fast=0.0003", "--tier", "human=0.3"]
    text = call(*words, "--shares", "10%,1%", "--correlation", "fast=0.02")
    assert "explains 0.0004 of" in text and "more than 0.004." in " ".join(text.split())
    assert "0.0004  0.004  no" in text


def test_people_warn_and_a_page_is_written(tmp_path: Path) -> None:
    page = tmp_path / "plan.html"
    text = call(
        *DAY, "--tier", "human=0.3", "--raters", "human=3", "--hours", "human=24", "--shares", "10%,1%,1%",
        "--correlation", "fast=0.5", "--correlation", "strong=0.7", "--report", str(page),
    )  # fmt: skip
    assert "$30,000 to" in text and "24 hours" in text
    assert b"Plan of a cascade" in page.read_bytes()


def test_a_pilot_takes_the_place_of_guesses_and_force_keeps_a_tier(recorded: Path) -> None:
    words = [
        "cascade", "plan", "--volume", "600", "--tier", "fast=0.1", "--tier", "strong=0.003", "--tier", "human=0.3",
        "--budget-usd", "8", "--pilot", str(recorded), "--free", "rouge",
    ]  # fmt: skip
    document = json.loads(call(*words, "--json"))
    assert document["knowledge"]["source"] == "pilot" and document["knowledge"]["labels"] == 116
    assert document["tiers"][1]["share"] == 0.0 and any("fast" in one for one in document["advice"])
    forced = json.loads(call(*words, "--force", "fast", "--json"))
    assert forced["tiers"][1]["share"] > 0.0
    assert any("kept because --force" in one for one in forced["sentences"])
    assert any("same labels" in one for one in document["sentences"])


def test_replays_as_text_and_as_one_document(recorded: Path) -> None:
    prices = ["--price", "fast=0.0005", "--price", "strong=0.003", "--price", "human=0.3"]
    text = simulate(recorded, "--share", "fast=1", "--share", "strong=0.5", *prices)
    assert "share: " in text and "narrower" in text and "would be off by" in text
    assert all(len(line) <= 80 for line in text.splitlines())
    document = json.loads(simulate(recorded, "--share", "fast=1", "--share", "strong=0.5", *prices, "--json"))
    assert document["schema"] == "assay.cascade_simulation/1"
    assert (document["items"], document["dropped"]) == (120, 1)
    row = document["policies"][0]
    assert row["labels"] == pytest.approx(18, abs=3)  # 18 by default, and what the judge below could not tell
    assert 0.85 < row["coverage"] <= 1.0 and abs(row["bias_z"]) < 4.5
    assert document["tiers"][1]["missing"] == 4
    assert row["below_alone_bias"] == pytest.approx(0.5, abs=0.2)


def test_all_policies_with_a_map_and_a_page(recorded: Path, tmp_path: Path) -> None:
    page = tmp_path / "replays.html"
    document = json.loads(
        simulate(
            recorded,
            "--policy",
            "share",
            "--policy",
            "budget",
            "--policy",
            "uncertainty",
            "--start",
            "map",
            "--cluster",
            "doc",
            "--system",
            "system",
            "--known-systems",
            "--share",
            "fast=1",
            "--share",
            "strong=1",
            "--price",
            "fast=0.0005",
            "--price",
            "strong=0.003",
            "--price",
            "human=0.3",
            "--id",
            "id",
            "--report",
            str(page),
            "--json",
        )
    )
    assert [row["policy"] for row in document["policies"]] == ["share", "budget", "uncertainty"]
    assert all(row["coverage"] > 0.85 for row in document["policies"])
    curves = {point["curve"] for point in document["frontier"]}
    assert curves == {"cascade", "human alone"}
    written = page.read_text(encoding="utf-8")
    assert "Half-width against cost" in written and "human alone" in written


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (["cascade", "plan", "--volume", "600", "--tier", "a=1"], 2, "one of them"),
        ([*DAY, "--shares", "1%,10%"], 3, "never rising"),
        ([*DAY, "--shares", "many"], 2, "10%,1%"),
        ([*DAY, "--budget-usd", "0.001"], 3, "cascade.budget"),
        ([*DAY[:-1], "strong", "--shares", "0.1,0.01"], 2, "NAME=NUMBER"),
        ([*DAY, "--raters", "human=3", "--shares", "0.1,0.01"], 2, "not there"),
        ([*DAY, "--force", "slow", "--shares", "0.1,0.01"], 3, "no tier 'slow'"),
        ([*DAY, "--tier", "free=1", "--shares", "0.1,0.01,0.01"], 3, "cascade.tiers"),
        (["cascade", "plan", "--volume", "lots", "--tier", "a=1", "--shares", "0.1"], 3, "cascade.volume"),
        (["cascade", "plane"], 2, "plan"),
    ],
)
def test_plans_that_cannot_be(words: list[str], status: int, says: str) -> None:
    found = CliRunner().invoke(cli, words)
    if isinstance(found.exception, AssayError):
        error = found.exception
        assert status == 3
        assert says in f"{error.code} {error} {error.hint}"
    else:
        assert found.exit_code == status and says in found.output


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--share", "stron=0.5"], "strong"),
        (["--share", "fast=0.01", "--share", "strong=0.5"], "cascade.order"),
        (["--tier", "again=human"], "cascade.tiers"),
        (["--tier", "last=rouge,id"], "cascade.tiers"),
        (["--cluster", "document"], "doc"),
        (["--id", "doc"], "cascade.duplicate_id"),
        (["--tier", "id", "--tier", "system"], "system"),
    ],
)
def test_files_that_cannot_be_replayed(recorded: Path, more: list[str], says: str) -> None:
    with pytest.raises(AssayError) as caught:
        simulate(recorded, *more)
    assert says in f"{caught.value.code} {caught.value} {caught.value.hint}"


def test_too_few_labels_and_tiers_that_cannot_disagree(recorded: Path, tmp_path: Path) -> None:
    small = tmp_path / "small.csv"
    small.write_text("a,b\n" + "\n".join(f"{k},{k}" for k in range(10)) + "\n")
    with pytest.raises(AssayError, match="10 items"):
        call("cascade", "simulate", str(small), "--tier", "a", "--tier", "b")
    with pytest.raises(AssayError, match="two tiers below"):
        call("cascade", "simulate", str(recorded), "--tier", "strong", "--tier", "human", "--policy", "uncertainty")
    assert "needs --system" in simulate(recorded, "--known-systems", status=2)
    assert "needs --cluster" in simulate(recorded, "--new-inputs", status=2)
    assert "each name once" in simulate(recorded, "--tier", "human", status=2)
    with pytest.raises(AssayError, match="make no map"):
        _one_document(tmp_path)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--price", "strong=-1"], "costs -1"),
        (["--win-rate"], "leave --win-rate out"),
    ],
)
def test_numbers_that_are_none(recorded: Path, more: list[str], says: str) -> None:
    with pytest.raises(AssayError) as caught:
        simulate(recorded, *more)
    assert says in f"{caught.value} {caught.value.hint}"


def test_everything_asked_is_no_division_by_nothing(recorded: Path) -> None:
    document = json.loads(simulate(recorded, *(w for t in ("fast", "strong", "human") for w in ("--share", f"{t}=1")),
                                   "--json"))  # fmt: skip
    (row,) = document["policies"]
    assert row["narrowing"] is None and row["half_width"] == 0.0


def test_wins_and_losses_are_told_of_the_interval_that_covers(tmp_path: Path) -> None:
    path = tmp_path / "wins.csv"
    path.write_text("a,won\n" + "\n".join(f"{k % 5},{int(k % 9 == 0)}" for k in range(90)) + "\n")
    words = ["cascade", "simulate", str(path), "--free", "a", "--tier", "won", "--share", "won=0.3", "--replays", "100"]
    assert "--win-rate has the interval" in " ".join(call(*words).split())
    assert "--win-rate has the interval" not in " ".join(call(*words, "--win-rate").split())
    assert "a on everything" not in call(*words)


def test_a_plan_says_what_is_odd(recorded: Path) -> None:
    text = call("cascade", "plan", "--volume", "1000", "--tier", "a=0.1", "--tier", "b=0.01", "--shares", "1,0.1")
    assert "Tier a costs more than tier b above it" in " ".join(text.split())
    words = [*DAY, "--shares", "1,0.1", "--pilot", str(recorded), "--correlation", "fast=0.5"]
    assert "one or the other" in call(*words, status=2)


def _one_document(folder: Path) -> str:
    path = folder / "one.csv"
    path.write_text("doc,a,b\n" + "\n".join(f"d,{k},{k % 7}" for k in range(60)) + "\n")
    return call("cascade", "simulate", str(path), "--tier", "a", "--tier", "b", "--start", "map", "--cluster", "doc")
