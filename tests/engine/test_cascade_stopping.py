"""When a run stops asking its top tier, what is recorded if it was disturbed, and how often a gate errs."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from graded_runs import FAST, STRONG, Grader, N, cascade, kept, run, task, tiers_of, verdicts

import assay
from assay.core.cascade import Cascade, Tier
from assay.core.errors import ConfigError
from assay.core.records import Score
from assay.core.stopping import parse_stopping
from assay.engine.cascade.board import Board
from assay.engine.cascade.figure import figure, look

pytestmark = pytest.mark.slow

TRUTH = float(np.mean([float("1234567"[random.Random(i).randrange(7)]) for i in range(N)]))


def ruled(until: str, share: float = 1.0, **changes: Any) -> Cascade:
    tiers = [Tier(name="fast", asks=FAST, share=1.0), Tier(name="strong", asks=STRONG, share=share)]
    return cascade(tiers=tiers, until=parse_stopping(until), **changes)


@pytest.mark.parametrize(
    ("text", "width", "threshold"),
    [
        ("half_width <= 0.02", 0.02, None),
        (" half_width ≤ .5 ", 0.5, None),
        ("help > 3.5", None, 3.5),
        ("help<-1e-1", None, -0.1),
    ],
)
def test_rules_are_read(text: str, width: float | None, threshold: float | None) -> None:
    rule = parse_stopping(text)
    assert (rule.half_width, rule.threshold) == (width, threshold)
    assert parse_stopping(rule.text) == rule


@pytest.mark.parametrize("text", ["", "soon", "half_width < small", "half_width >= 0.1", "half_width <= 0", "help = 3"])
def test_what_is_no_rule_is_refused(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_stopping(text)
    assert caught.value.code == "cascade.until"


@pytest.mark.parametrize("changes", [{"until": "hlep > 3"}, {"until": "help > 3", "policy": "uncertainty"}])
def test_a_gate_rule_is_about_the_figure_and_wants_equal_chances(changes: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as caught:
        ruled(**changes)
    assert caught.value.code == "cascade.until"


@pytest.mark.parametrize(("rule", "side"), [("help > 2.5", "above 2.5"), ("help > 5.5", "below 5.5")])
def test_a_gate_rule_stops_when_it_is_settled_on_either_side(folder: Path, rule: str, side: str) -> None:
    found = run(ruled(rule))
    stopping = found.document["cascade"]["stopping"]
    assert (found.status, stopping["kind"], stopping["stopped"]) == ("done", "gate", True)
    assert side in stopping["sentence"]
    assert 50 <= stopping["labels"] <= tiers_of(found)["strong"]["asked"] < N
    assert stopping["interval"]["low"] < TRUTH < stopping["interval"]["high"]


def test_a_gate_rule_that_nothing_settles_uses_its_share_up_and_says_so(folder: Path) -> None:
    found = run(ruled(f"help > {TRUTH:.2f}", share=0.4))
    stopping = found.document["cascade"]["stopping"]
    assert not stopping["stopped"]
    assert tiers_of(found)["strong"]["asked"] == stopping["labels"] == 120
    assert "not excluded yet" in stopping["sentence"]


def test_a_gate_rule_is_settled_when_every_sample_was_asked(folder: Path) -> None:
    found = run(ruled(f"help > {TRUTH:.3f}"))
    stopping = found.document["cascade"]["stopping"]
    assert stopping["stopped"]
    assert stopping["labels"] == N


@pytest.mark.parametrize("rule", ["half_width <= 0.06", "help > 3.5"])
@pytest.mark.parametrize("after", [310, 347])
def test_money_that_ended_under_a_rule_leaves_no_trace_once_the_run_is_resumed(
    folder: Path, rule: str, after: int
) -> None:
    Grader.broke_after = after
    found = run(ruled(rule))
    assert found.status == "budget"
    Grader.broke_after = None
    whole = assay.run(task(ruled(rule)), model="replay:outputs.jsonl", store="store", resume=found.run_id)
    calm = run(ruled(rule), use_cache=False)
    assert verdicts(whole.run_id) == verdicts(calm.run_id)
    assert len({score.probability for (name, _), score in verdicts(calm.run_id).items() if name == "help.strong"}) == 1
    assert whole.document["cascade"] == calm.document["cascade"]
    assert kept(whole.run_id).tiers[-1].cost_usd == kept(calm.run_id).tiers[-1].cost_usd


def test_what_is_wanted_no_more_after_an_outage_is_let_go(folder: Path) -> None:
    rule = "half_width <= 0.06"
    Grader.away = frozenset(f"q{i}" for i in range(0, N, 2))
    down = run(ruled(rule))
    assert down.status == "degraded"
    before = set(verdicts(down.run_id))
    Grader.away = frozenset()
    whole = assay.run(task(ruled(rule)), model="replay:outputs.jsonl", store="store", resume=down.run_id)
    assert before - set(verdicts(whole.run_id))
    calm = run(ruled(rule), use_cache=False)
    assert verdicts(whole.run_id) == verdicts(calm.run_id)
    assert whole.document["cascade"] == calm.document["cascade"]


def board_of(tiers: Cascade, strong: dict[str, float], fast: dict[str, float]) -> Board:
    ids = list(strong)
    board = Board(
        cascade=tiers,
        ids=ids,
        epochs=[[(name, 0)] for name in ids],
        free={"length": [float(len(name)) for name in ids]},
        broken=[False] * len(ids),
        failed=[False] * len(ids),
        clusters=[None] * len(ids),
        certain=[False] * len(ids),
        parts=[[] for _ in ids],
    )
    said = ({}, {})
    for place, values in enumerate((fast, strong)):
        for name, value in values.items():
            said[place][name, 0] = Score(sample_id=name, scorer="help", scorer_version="1", value=value)
    board.verdicts = list(said)
    return board


@pytest.mark.slow
def test_a_gate_rule_seldom_stops_where_nothing_is_to_be_found_and_a_t_interval_often(folder: Path) -> None:
    """Skewed verdicts, the rule's value is the truth: every stop is a false one."""
    rng = np.random.default_rng(3)
    runs, false, by_t = 200, 0, 0
    for seed in range(runs):
        truth = np.minimum(5.0, np.round(5.0 - rng.gamma(0.6, 1.2, size=800), 1))
        strong = dict(zip((f"s{i}" for i in range(truth.size)), truth.tolist(), strict=True))
        fast = {name: value + rng.normal(0.3, 1.0) for name, value in strong.items()}
        tiers = ruled(f"help > {float(truth.mean())!r}", share=0.4, seed=seed)
        board = board_of(tiers, strong, fast)
        board.climb_to(0)
        board.climb_to(1)
        assert tiers.until is not None
        false += look(board, tiers.until).stop  # it goes through every look before the last, too
        by_t += _fooled(board, truth.mean())
    assert false / runs <= 0.06
    assert by_t / runs > 0.12


def _fooled(board: Board, truth: float) -> bool:
    """Whether a t interval excludes the truth at one of the looks of a run."""
    whole = board.rungs[-1]
    for take in range(50, 321, 30):
        board.rungs[-1] = whole.first(take)
        here = figure(board).estimate
        if here.low is not None and here.high is not None and not here.low <= truth <= here.high:
            return True
    return False


@pytest.mark.parametrize("seed", range(3))
def test_a_gates_later_looks_take_nothing_back(folder: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.normal(3.0, 1.0, size=300)
    strong = dict(zip((f"s{i}" for i in range(truth.size)), truth.tolist(), strict=True))
    tiers = ruled("help > 2.6", seed=seed)
    board = board_of(tiers, strong, {name: value + rng.normal(0.0, 0.5) for name, value in strong.items()})
    board.climb_to(0)
    board.climb_to(1)
    whole = board.rungs[-1]
    assert tiers.until is not None
    said = []
    for take in range(50, 290, 10):
        board.rungs[-1] = whole.first(take)
        said.append(look(board, tiers.until))
    first = next(place for place, one in enumerate(said) if one.stop)
    assert {(one.labels, one.estimate) for one in said[first:]} == {(said[first].labels, said[first].estimate)}
