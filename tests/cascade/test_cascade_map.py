"""A calibration map from a file in ``assay cascade simulate``, systems as new, tiers of several columns, new inputs."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from assay.app.cascade_map import applied_map, fitted_map, halved_map, named_columns
from assay.cli.main import cli
from assay.core.errors import AssayError, ConfigError
from assay.engine.cascade.policy import fixed_shares
from assay.engine.cascade.simulate import replay, replay_new_inputs
from assay.engine.cascade.verdicts import TierVerdicts

pytestmark = pytest.mark.slow

TIERS = ["--tier", "strong=one,two", "--tier", "human", "--free", "rouge", "--cluster", "doc", "--system", "system"]
SHARES = ["--share", "strong=0.5", "--share", "human=0.2"]


def call(*words: str) -> dict[str, Any]:
    found = CliRunner().invoke(cli, [*words, "--json"])
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        raise found.exception
    assert found.exit_code == 0, found.output
    document: dict[str, Any] = json.loads(found.output)
    return document


def verdicts(path: Path, *, seed: int, systems: tuple[str, ...] = ("a", "b", "c")) -> Path:
    """80 documents by each system; two columns of a judge that are half noise each, systems of different level."""
    rng = np.random.default_rng(seed)
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "doc", "system", "rouge", "one", "two", "human"])
        for place in range(80):
            for level, system in enumerate(systems):
                said = rng.normal(0.7 * level, 1.0)
                cells = [said + rng.normal(scale=scale) for scale in (2.0, 0.6, 0.6)]
                rows.writerow([f"{place}{system}", f"{seed}-{place}", system, *cells, said])
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("maps")
    verdicts(where / "labelled.csv", seed=1)
    verdicts(where / "other.csv", seed=2)
    calibrate(where / "labelled.csv", where / "map.json", "--by-system")
    return where


def calibrate(path: Path, out: Path, *more: str) -> None:
    words = ["judge", "calibrate", str(path), "--out", str(out), "--verdict", "one", "--human", "human"]
    call(*words, "--cluster", "doc", "--tier", "programmatic=rouge", "--tier", "strong=one,two", *more)


def simulate(folder: Path, *more: str, name: str = "other.csv") -> dict[str, Any]:
    return call("cascade", "simulate", str(folder / name), *TIERS, *SHARES, "--replays", "400", *more)


def test_a_map_of_other_documents_narrows_more_than_a_cold_start_and_covers(folder: Path) -> None:
    mapped = simulate(folder, "--map", str(folder / "map.json"), "--known-systems")
    cold = simulate(folder)
    assert mapped["start"] == "map" and mapped["map"].endswith("map.json") and mapped["known_systems"] is True
    assert cold["start"] == "cold" and cold["map"] is None and cold["known_systems"] is None
    (best,), (plain,) = mapped["policies"], cold["policies"]
    assert best["narrowing"] > 0.25 and best["coverage"] > 0.91 and abs(best["bias_z"]) < 4
    assert best["half_width"] < plain["half_width"] * 1.02


def test_a_system_taken_as_new_is_predicted_by_fits_without_it(folder: Path) -> None:
    known = simulate(folder, "--map", str(folder / "map.json"), "--known-systems")
    new = simulate(folder, "--map", str(folder / "map.json"))
    assert new["known_systems"] is False
    assert new["policies"][0]["half_width"] > known["policies"][0]["half_width"]


def test_labels_of_the_left_out_system_do_not_reach_its_predictions() -> None:
    rng = np.random.default_rng(3)
    systems = [f"s{place % 4}" for place in range(160)]
    own = np.array([system == "s1" for system in systems])
    columns = named_columns([rng.normal(size=160), rng.normal(size=(160, 2))])
    labels = columns["1.0"] + rng.normal(size=160)
    documents = [place // 4 for place in range(160)]
    found, moved = (
        fitted_map(columns, said, documents=documents, systems=systems) for said in (labels, labels + 5.0 * own)
    )
    before, after = (applied_map(one, columns, systems, known=False).tiers[-1] for one in (found, moved))
    assert before[own] == pytest.approx(after[own])
    assert np.abs(before[~own] - after[~own]).max() > 0.1
    knows = applied_map(moved, columns, systems, known=True).tiers[-1]
    assert np.mean(knows[own] - before[own]) > 2.0


def test_halves_predict_each_other_without_a_look_at_their_own_labels() -> None:
    rng = np.random.default_rng(4)
    labels, documents = rng.normal(size=200), np.repeat(np.arange(50), 4).tolist()
    judge = labels + rng.normal(size=200)
    noise = halved_map([judge, rng.normal(size=(200, 8))], rng.permutation(labels), documents=documents)
    assert noise.variances[-1] > 0.95 * labels.var()
    useful = halved_map([judge], labels, documents=documents)
    assert useful.variances[0] == pytest.approx(0.5, abs=0.12)
    assert np.square(labels - useful.tiers[0]).mean() == pytest.approx(0.5, abs=0.12)


@pytest.mark.parametrize(
    ("more", "code"),
    [
        (["--tier", "last=more"], "cascade.map"),
        (["--system", "doc", "--known-systems"], "judge.no_systems"),
    ],
)
def test_maps_that_do_not_fit(folder: Path, more: list[str], code: str) -> None:
    words = [str(folder / "wide.csv"), *TIERS, *SHARES]
    with (folder / "other.csv").open() as file, (folder / "wide.csv").open("w", newline="") as out:
        rows = csv.writer(out)
        rows.writerows([*row, "more" if place == 0 else row[-1]] for place, row in enumerate(csv.reader(file)))
    with pytest.raises(ConfigError) as caught:
        call("cascade", "simulate", *words, *more, "--map", str(folder / "map.json"))
    assert caught.value.code == code and caught.value.hint


def test_a_map_needs_its_columns(folder: Path) -> None:
    words = ["--tier", "strong=one", "--tier", "human", "--free", "rouge", "--map", str(folder / "map.json")]
    with pytest.raises(AssayError, match="needs 'two'"):
        call("cascade", "simulate", str(folder / "other.csv"), *words)


def test_a_map_file_serves_every_policy(folder: Path) -> None:
    found = simulate(folder, "--map", str(folder / "map.json"), "--policy", "budget", "--policy", "share")
    assert [row["policy"] for row in found["policies"]] == ["budget", "share"]
    assert all(abs(row["bias_z"]) < 4 for row in found["policies"])


def clustered(seed: int = 5) -> tuple[list[TierVerdicts], list[int]]:
    """40 documents of 10 items that differ more between than within documents, and a judge blind to the documents."""
    rng = np.random.default_rng(seed)
    document = np.repeat(np.arange(40), 10)
    own = rng.normal(size=400)
    people = TierVerdicts(name="human", values=own + rng.normal(scale=1.5, size=40)[document])
    return [TierVerdicts(name="free", values=own), people], document.tolist()


def test_intervals_on_new_inputs_cover_where_those_on_these_items_do_not() -> None:
    tiers, documents = clustered()
    policy = fixed_shares(1, (0.5,))
    fresh = replay_new_inputs(tiers, policy, clusters=documents, replays=400, seed=6)
    assert 0.91 < fresh.coverage < 0.985 and abs(fresh.bias_z) < 4
    assert fresh.alone_coverage > 0.91
    here = replay(tiers, policy, replays=50, seed=6)
    assert here.half_width < 0.4 * fresh.half_width
    planted = replay_new_inputs(tiers, policy, clusters=list(range(400)), replays=400, seed=6)
    assert planted.half_width < 0.6 * fresh.half_width


def test_new_inputs_from_the_command_line(folder: Path) -> None:
    found = simulate(folder, "--new-inputs", "--start", "map", "--known-systems")
    assert found["estimand"] == "new inputs like these"
    assert found["policies"][0]["coverage"] > 0.9
    assert found["policies"][0]["half_width"] > simulate(folder)["policies"][0]["half_width"]
