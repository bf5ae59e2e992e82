"""``assay rank``: leaderboards from names, words and graded preferences; what moves verdicts; bad files."""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_shell import Shell

pytestmark = pytest.mark.slow

Row = tuple[Any, ...]
STRENGTH = {"ada": 1.0, "bea": 0.3, "cyd": -0.2, "dot": -1.1}
HEAD = ("model_a", "model_b", "winner", "prompt", "judge", "len_a", "len_b")


def arena(n: int = 400, *, first: float = 0.0, tie: float = 0.1, length: float = 0.0, seed: int = 1) -> list[Row]:
    """Battles of four models; ``first`` is the log-odds of being shown first, ``length`` those of a longer answer."""
    rng = np.random.default_rng(seed)
    rows: list[Row] = []
    for place in range(n):
        a, b = rng.choice(list(STRENGTH), 2, replace=False)
        sizes = rng.integers(100, 400, size=2)
        style = (sizes[0] - sizes[1]) / sizes.sum()
        chance = 1 / (1 + np.exp(-(STRENGTH[a] - STRENGTH[b] + first + length * style)))
        winner = "tie" if rng.random() < tie else str(a if rng.random() < chance else b)
        rows.append((str(a), str(b), winner, f"p{place % 80}", f"j{place % 6}", *map(int, sizes)))
    return rows


def write(shell: Shell, rows: Sequence[Row], header: Sequence[str] = HEAD, name: str = "arena.csv") -> str:
    with (shell.directory / name).open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    return name


def document(shell: Shell, *arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = shell.ok("rank", *arguments, "--json").json
    assert found["schema"] == "assay.rank/1"
    return found


def ratings(found: dict[str, Any]) -> dict[str, float]:
    return {row["model"]: row["rating"]["value"] for row in found["models"]}


def test_names_of_winners_make_a_leaderboard(shell: Shell) -> None:
    rows = arena()
    found = document(shell, write(shell, rows), "--scale", "log-odds")
    assert [row["model"] for row in found["models"]] == ["ada", "bea", "cyd", "dot"]
    assert (found["battles"], found["method"]) == (400, "bradley-terry-sandwich")
    ada = found["models"][0]
    assert ada["rating"]["low"] < STRENGTH["ada"] < ada["rating"]["high"]
    assert ada["rank_low"] == ada["rank"] == 1
    played = [row for row in rows if "ada" in row[:2]]
    assert (ada["battles"], ada["wins"]) == (len(played), sum(row[2] == "ada" for row in played))
    assert ada["ties"] == sum(row[2] == "tie" for row in played)
    assert ada["win_rate"]["value"] == pytest.approx((ada["wins"] + ada["ties"] / 2) / ada["battles"])
    assert ada["elo_in_file_order"]["low"] is None
    assert "order" in ada["elo_in_file_order"]["reason"]
    assert ada["elo_over_orders"]["low"] < ada["elo_over_orders"]["high"]
    assert found["mapping"] == {"tie": {"means": "tie", "n": sum(row[2] == "tie" for row in rows)}}


def test_it_is_the_library_s_leaderboard(shell: Shell) -> None:
    from assay.stats.ratings.battles import Battles
    from assay.stats.ratings.bradley_terry import bradley_terry

    rows = arena()
    said = [{row[0]: "a", row[1]: "b", "tie": "tie"}[row[2]] for row in rows]
    battles = Battles.of([r[0] for r in rows], [r[1] for r in rows], said, cluster=[r[3] for r in rows])
    for ties in ("half", "davidson", "rao-kupper"):
        table = bradley_terry(battles, ties=ties, scale="elo")  # type: ignore[arg-type]
        found = document(shell, write(shell, rows), "--cluster", "prompt", "--ties", ties)
        for row in found["models"]:
            expected = table.rating(row["model"])
            assert (row["rating"]["low"], row["rating"]["high"]) == pytest.approx((expected.low, expected.high))
        assert (found["tie_probability"] is None) == (ties == "half")
        assert found["n_clusters"] == 80


def test_sides_words_and_columns_mean_the_same(shell: Shell) -> None:
    rows = arena(200)
    plain = ratings(document(shell, write(shell, rows)))
    for a, b, tie, more in (
        ("left", "RIGHT", "both", ()),
        ("model_a", "model_b", "tie (bothbad)", ()),
        ("1", "2", "0", ("--map", "1=a", "--map", "2=b", "--map", "0=tie")),
    ):
        words = {0: a, 1: b}
        said = [(*r[:2], tie if r[2] == "tie" else words[r[:2].index(r[2])], *r[3:]) for r in rows]
        found = document(shell, write(shell, said), *more)
        assert ratings(found) == pytest.approx(plain)
        assert {entry["means"] for entry in found["mapping"].values()} == {"a", "b", "tie"}
        assert sum(entry["n"] for entry in found["mapping"].values()) == 200
    swapped = [(r[1], r[0], *r[2:]) for r in rows]
    header = ("links", "rechts", *HEAD[2:])
    assert ratings(document(shell, write(shell, swapped, header), "--a", "links", "--b", "rechts")) == pytest.approx(
        plain
    )


def test_preferences_on_either_scale(shell: Shell) -> None:
    rng = np.random.default_rng(6)
    rows = arena(300)
    graded = [float(np.clip({r[0]: 0.9, r[1]: 0.1, "tie": 0.5}[r[2]] + rng.normal(0, 0.05), 0, 1)) for r in rows]
    first = [(*r[:2], p, *r[3:]) for r, p in zip(rows, graded, strict=True)]
    one = document(shell, write(shell, first), "--preference", "winner")
    assert one["graded"]
    assert "chance that model_a wins" in one["reading"]
    second = [(*r[:2], 2.0 - p, *r[3:]) for r, p in zip(rows, graded, strict=True)]
    two = document(shell, write(shell, second), "--preference", "winner")
    assert ratings(two) == pytest.approx(ratings(one))
    assert "1 for model_a, 2 for model_b" in two["reading"]
    assert sum(row["rating"]["n"] for row in one["models"]) == 600, "a graded battle is one battle"
    assert one["battles"] == 300
    decided = [(*r[:2], {r[0]: 1, r[1]: 2, "tie": 0}[r[2]], *r[3:]) for r in rows]
    path = write(shell, decided)
    assert shell("rank", path, "--preference", "winner").code == "rank.preference"
    told = document(shell, path, "--preference", "winner", "--preference-scale", "1-2")
    assert "as a tie" in told["reading"]
    assert ratings(told) == pytest.approx(ratings(document(shell, write(shell, rows))))


def test_the_halves_of_a_graded_preference_are_one_observation(shell: Shell) -> None:
    rows = [(*r[:2], 0.7 if r[2] == r[0] else 0.3, *r[3:]) for r in arena(300, tie=0.0)]
    found = document(shell, write(shell, rows), "--preference", "winner", "--scale", "log-odds")
    whole = document(shell, write(shell, arena(300, tie=0.0)), "--scale", "log-odds")
    widths = [row["rating"]["high"] - row["rating"]["low"] for row in found["models"]]
    others = [row["rating"]["high"] - row["rating"]["low"] for row in whole["models"]]
    assert max(widths) < 0.6 * min(others), "answers near .5 vary less than wins and losses"


def test_position_bias_is_measured(shell: Shell) -> None:
    found = document(shell, write(shell, arena(600, first=0.8)))
    share = found["position"]["share"]
    assert share["low"] > 0.5
    assert share["low"] < 1 / (1 + np.exp(-0.8)) < share["high"]
    assert any("position bias towards the first" in sentence for sentence in found["sentences"])
    one_side = [(*sorted(r[:2]), *r[2:]) for r in arena(200) if "ada" in r[:2]]
    found = document(shell, write(shell, one_side))
    assert found["position"]["share"] is None
    assert "shown first" in found["position"]["reason"]


def test_pairs_in_both_orders_are_matched(shell: Shell) -> None:
    rng = np.random.default_rng(9)
    rows: list[Row] = []
    for place in range(150):
        a, b = (str(name) for name in rng.choice(list(STRENGTH), 2, replace=False))
        steady = rng.random() < 0.7
        better = a if rng.random() < 1 / (1 + np.exp(STRENGTH[b] - STRENGTH[a])) else b
        rows += [(a, b, better if steady else a, f"p{place}"), (b, a, better if steady else b, f"p{place}")]
    path = write(shell, [*rows, ("ada", "bea", "ada", "alone")], HEAD[:4])
    found = document(shell, path, "--cluster", "prompt", "--swap")
    swapped = found["swapped"]
    turned = sum(rows[k][2] != rows[k + 1][2] for k in range(0, 300, 2))
    assert (swapped["pairs"], swapped["unmatched"], swapped["flipped"]) == (150, 1, turned)
    assert swapped["position_bias"]["value"] == pytest.approx(turned / 150)
    assert any("Exchanging the order turns" in sentence for sentence in found["sentences"])
    assert shell("rank", path, "--swap").status == 2


def test_style_is_held_equal(shell: Shell) -> None:
    rows = arena(800, length=2.0, tie=0.0)
    path = write(shell, rows)
    found = document(shell, path, "--covariate", "length=len_a,len_b")
    effect = found["covariates"]["length"]
    assert effect["low"] < 2.0 < effect["high"]
    assert any("more length helps" in sentence for sentence in found["sentences"])
    made = [(*row, (row[5] - row[6]) / (row[5] + row[6])) for row in rows]
    same = document(shell, write(shell, made, (*HEAD, "style")), "--covariate", "style")
    assert same["covariates"]["style"]["value"] == pytest.approx(effect["value"])


def test_raters_have_a_skill(shell: Shell) -> None:
    rng = np.random.default_rng(12)
    rows = [(*r[:2], str(rng.choice(r[:2])) if r[4] == "j5" else r[2], *r[3:]) for r in arena(900, tie=0.0)]
    found = document(shell, write(shell, rows), "--rater", "judge")
    assert found["raters"][0]["rater"] == "j5"
    assert found["raters"][0]["skill"]["low"] < 0.3
    assert found["method"] == "bradley-terry-raters"
    assert any("tossing a coin" in sentence and "j5" in sentence for sentence in found["sentences"])
    assert "skill" in shell.ok("rank", "arena.csv", "--rater", "judge").out
    assert shell("rank", "arena.csv", "--rater", "judge", "--ridge", "1").code == "rank.options"


def test_a_model_without_a_loss_has_a_reason_and_a_way_out(shell: Shell) -> None:
    rows = [(*r[:2], "ada" if "ada" in r[:2] else r[2], *r[3:]) for r in arena()]
    path = write(shell, rows)
    found = document(shell, path)
    assert found["models"][-1]["model"] == "ada"
    assert found["models"][-1]["rank"] is None
    assert "no finite maximum" in found["models"][-1]["rating"]["reason"]
    assert any("--ridge" in sentence for sentence in found["sentences"])
    assert "–" in shell.ok("rank", path).out
    assert document(shell, path, "--ridge", "0.1")["models"][0]["model"] == "ada"
    nobody = [("ada", "bea", "ada"), ("bea", "cyd", "bea"), ("ada", "cyd", "ada")]
    found = document(shell, write(shell, nobody, HEAD[:3]))
    assert found["sentences"][0].startswith("No model has a rating")
    shell.ok("rank", "arena.csv", "--report", "page.html")


def test_groups_that_never_met_are_named(shell: Shell) -> None:
    rows = [("ada", "bea", "tie"), ("cyd", "dot", "tie")]
    said = shell("rank", write(shell, rows, HEAD[:3]), "--json")
    assert said.status == 3
    assert "2 groups that never met" in said.json["error"]["message"]
    assert sorted(map(sorted, said.json["error"]["details"]["components"])) == [["ada", "bea"], ["cyd", "dot"]]


def test_a_bootstrap_is_seeded(shell: Shell) -> None:
    path = write(shell, arena(200))
    first = shell.ok("rank", path, "--bootstrap", "40", "--seed", "3", "--json").out
    assert json.loads(first)["method"] == "bradley-terry-bootstrap"
    assert shell.ok("rank", path, "--bootstrap", "40", "--seed", "3", "--json").out == first
    assert shell.ok("rank", path, "--bootstrap", "40", "--seed", "4", "--json").out != first


def test_the_text_fits_a_terminal_and_queries_are_read(shell: Shell) -> None:
    rows = [(*r[:3], *r[3:]) for r in arena(200)]
    path = write(shell, [*rows, ("ada", "bea", "", "", "", "", "")])
    said = shell.ok("rank", path).out
    assert max(map(len, said.splitlines())) <= 80
    for part in ("rank", "Elo*", "another order gives other figures", "winners: tie = tie", "1 rows have no verdict"):
        assert part in said
    query = "SELECT model_a AS x, model_b AS y, winner AS w FROM 'arena.csv'"
    assert ratings(document(shell, query, "--a", "x", "--b", "y", "--winner", "w")) == ratings(document(shell, path))


def test_the_page_is_one_file_whose_texts_cannot_run(shell: Shell) -> None:
    bad = "<script>alert(1)</script>"
    rows = [tuple(bad if cell == "dot" else cell for cell in row) for row in arena(300)]
    said = shell.ok("rank", write(shell, rows), "--rater", "judge", "--report", "page.html")
    assert "report page.html" in said.out
    page = (shell.directory / "page.html").read_text(encoding="utf-8")
    assert "<script>alert" not in page
    specs = [json.loads(spec) for spec in
             re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', page, re.DOTALL)]  # fmt: skip
    charts = [spec for spec in specs if "vega-lite" in spec.get("$schema", "")]
    assert len(charts) == 2
    assert [row["name"] for row in charts[0]["data"]["values"]] == ["ada", "bea", "cyd", bad]
    assert charts[0]["layer"][0]["encoding"]["x"]["scale"] == {"zero": False}
    assert shell("rank", "arena.csv", "--report", "no/such.html").code == "report.unwritable"


def changed(rows: list[Row], column: int, value: Any) -> list[Row]:
    """The seventh row with another cell."""
    row = list(rows[6])
    row[column] = value
    return [*rows[:6], tuple(row), *rows[7:]]


@pytest.mark.parametrize(
    ("change", "arguments", "code", "says"),
    [
        (lambda rows: rows, ("--winner", "winer"), "data.no_column", "did you mean 'winner'"),
        (lambda rows: changed(rows, 2, "nobody knows"), (), "rank.winner", "row 7"),
        (lambda rows: [("left", "bea", "bea"), ("bea", "left", "left")], (), "rank.ambiguous", "--map left="),
        (lambda rows: changed(rows, 0, ""), (), "rank.no_name", "row 7"),
        (lambda rows: changed(rows, 3, ""), ("--cluster", "prompt"), "rank.no_name", "row 7"),
        (lambda rows: [*rows[:6], ("ada", "ada", "tie", "p", "j", 1, 1)], (), "rank.self", "row 7"),
        (lambda rows: [(*r[:2], "", *r[3:]) for r in rows], (), "rank.no_battles", "winner"),
        (lambda rows: [], (), "rank.no_battles", "winner"),
        (lambda rows: rows, ("--preference", "winner"), "data.type", "not a number"),
        (lambda rows: rows, ("--preference", "len_a"), "rank.preference", "--preference-scale"),
        (lambda rows: [(*r[:2], 1, *r[3:]) for r in rows], ("--preference", "winner"), "rank.preference", "0-1 or 1-2"),
        (lambda rows: [(*r[:2], -0.5, *r[3:]) for r in rows], ("--preference", "winner", "--preference-scale", "0-1"),
         "rank.preference", "0..1"),
        (lambda rows: changed(rows, 5, ""), ("--covariate", "len_a"), "rank.covariate", "row 7"),
        (lambda rows: changed(rows, 5, -3), ("--covariate", "len_a,len_b"), "rank.covariate", "row 7"),
        (lambda rows: rows, ("--covariate", "lenght_a"), "data.no_column", "len_a"),
        (lambda rows: [(*r[:5], 1, 1) for r in rows], ("--covariate", "len_a,len_b"),
         "input.invalid", "cannot be told"),
        (lambda rows: rows, ("--cluster", "len_a", "--swap"), "rank.no_swaps", "both orders"),
        (lambda rows: [(*r[:2], 0.3, *r[3:]) for r in rows],
         ("--preference", "winner", "--cluster", "prompt", "--swap"), "rank.options", "graded"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_used_ends_with_a_code(
    shell: Shell, change: Any, arguments: tuple[str, ...], code: str, says: str
) -> None:
    rows = change(arena(60))
    said = shell("rank", write(shell, rows, HEAD[: len(rows[0])] if rows else HEAD), *arguments, "--json")
    assert (said.status, said.code) == (3, code)
    assert says in said.json["error"]["message"] + said.json["error"]["hint"]
    assert said.json["error"]["hint"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("--winner", "winner", "--preference", "len_a"),
        ("--preference", "len_a", "--map", "1=a"),
        ("--map", "1=left"),
        ("--map", "left"),
        ("--bootstrap", "3"),
        ("--ties", "ignore"),
    ],
)
def test_options_that_do_not_fit_are_usage_errors(shell: Shell, arguments: tuple[str, ...]) -> None:
    assert shell("rank", write(shell, arena(30)), *arguments).status == 2


DATA = Path(os.environ.get("ASSAY_TEST_DATA", "/nowhere"))


@pytest.mark.slow
@pytest.mark.skipif(not DATA.is_dir(), reason="ASSAY_TEST_DATA is not set")
def test_people_and_a_model_rank_alike_but_not_the_same(shell: Shell) -> None:
    from scipy.stats import spearmanr

    crowd, gpt4 = (str(DATA / "preference" / f"llmfao_{name}crowd_comparisons.csv") for name in ("", "gpt4_"))
    people = document(shell, crowd, "--a", "left", "--b", "right", "--cluster", "worker")
    judge = document(shell, gpt4, "--a", "left", "--b", "right")
    assert (people["battles"], len(people["models"])) == (5237, 59)
    assert people["mapping"]["left"] == {"means": "a", "n": 1699}
    assert people["models"][0]["model"] == "GPT 4"
    assert judge["models"][-1]["model"] == "GPT 4", "it never lost, so it has no finite rating"
    ours, theirs = ratings(people), ratings(judge)
    shared = [name for name in ours if theirs[name] is not None]
    assert 0.6 < spearmanr([ours[name] for name in shared], [theirs[name] for name in shared]).statistic < 0.95
    assert people["position"]["share"]["low"] > 0.5 > judge["position"]["share"]["high"]


@pytest.mark.slow
@pytest.mark.skipif(not DATA.is_dir(), reason="ASSAY_TEST_DATA is not set")
def test_graded_preferences_give_the_published_win_rates(shell: Shell) -> None:
    folder = DATA / "judge" / "alpaca_eval"
    query = (
        f"SELECT baseline AS model_a, model AS model_b, preference, id FROM '{folder}/preferences.csv.gz' "
        "WHERE annotator = 'weighted_alpaca_eval_gpt4_turbo'"
    )
    found = document(shell, query, "--preference", "preference", "--cluster", "id")
    with (folder / "leaderboard_v2_weighted_gpt4_turbo.csv").open(encoding="utf-8") as file:
        published = {row[""]: row for row in csv.DictReader(file)}
    compared = 0
    for row in found["models"]:
        if row["model"] in published and row["model"] != "gpt4_1106_preview":
            compared += 1
            assert 100 * row["win_rate"]["value"] == pytest.approx(float(published[row["model"]]["win_rate"]), abs=1e-9)
    assert compared > 30
