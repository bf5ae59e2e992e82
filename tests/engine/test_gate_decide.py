"""Decisions: three verdicts, needed samples, Holm over rules, segments, and the error rate of a pass."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from scipy import stats

from assay.core.errors import InvalidInputError, NotFoundError
from assay.core.protocols import ScoreColumn
from assay.core.records import Decision, Verdict
from assay.engine.gate import decide
from assay.engine.paired_metric import ScorerFacts
from assay.stats.scalar import wilson

FACTS = {"m": ScorerFacts("share", True, "v1")}


def column(values: Sequence[float | None], *, clusters: Sequence[str] | None = None, critical: int = 0) -> ScoreColumn:
    n = len(values)
    return ScoreColumn(
        sample_id=[f"s{row}" for row in range(n)],
        epoch=[0] * n,
        value=list(values),
        reason=[None if value is not None else "no answer" for value in values],
        cluster=list(clusters) if clusters else [None] * n,
        critical=[row < critical for row in range(n)],
    )


def share(ones: int, n: int) -> ScoreColumn:
    return column([1.0] * ones + [0.0] * (n - ones))


def pairs(n: int, gained: int, lost: int) -> tuple[ScoreColumn, ScoreColumn]:
    rest = [1.0] * (n - gained - lost)
    return column([0.0] * gained + [1.0] * lost + rest), column([1.0] * gained + [0.0] * lost + rest)


def only(decision: Decision) -> Verdict:
    (verdict,) = decision.rules
    assert decision.verdict == verdict.verdict
    return verdict


@pytest.mark.parametrize(
    ("ones", "verdict"), [(700, "pass"), (631, "pass"), (629, "inconclusive"), (570, "inconclusive"), (560, "fail")]
)
def test_an_absolute_rule_follows_the_bounds(ones: int, verdict: str) -> None:
    found = only(decide(["m.low >= 0.60"], candidate={"m": share(ones, 1000)}, scorers=FACTS))
    low, high = wilson(ones, 1000)
    assert found.verdict == verdict
    assert (low > 0.6, high < 0.6) == (verdict == "pass", verdict == "fail")
    assert (found.needed_n is None) == (verdict != "inconclusive")


@pytest.mark.parametrize(("ones", "verdict"), [(20, "pass"), (45, "inconclusive"), (90, "fail")])
def test_an_upper_bound_is_the_mirror(ones: int, verdict: str) -> None:
    assert only(decide(["m.high <= 0.05"], candidate={"m": share(ones, 1000)}, scorers=FACTS)).verdict == verdict


@pytest.mark.parametrize(
    ("gained", "lost", "rule", "verdict"),
    [
        (50, 50, "noninferior(m, margin=0.05)", "pass"),
        (50, 50, "noninferior(m, margin=0.005)", "inconclusive"),
        (10, 120, "noninferior(m, margin=0.05)", "fail"),
        (90, 30, "superior(m, margin=0)", "pass"),
        (90, 30, "superior(m, margin=0.05)", "inconclusive"),
        (30, 90, "superior(m, margin=0)", "fail"),
    ],
)
def test_relative_rules_follow_the_paired_interval(gained: int, lost: int, rule: str, verdict: str) -> None:
    before, after = pairs(1000, gained, lost)
    found = only(decide([rule], candidate={"m": after}, baseline={"m": before}, scorers=FACTS))
    assert found.verdict == verdict
    assert found.estimate.method == "tango"
    turned = {"m": ScorerFacts("share", False, "v1")}
    assert only(decide([rule], candidate={"m": before}, baseline={"m": after}, scorers=turned)).verdict == verdict


def test_needed_samples_would_settle_it() -> None:
    found = only(decide(["m.low >= 0.60"], candidate={"m": share(620, 1000)}, scorers=FACTS))
    assert found.needed_n == pytest.approx(1263, abs=10)
    n = 1000 + (found.needed_n or 0)
    settled = decide(["m.low >= 0.60"], candidate={"m": share(round(0.62 * n) + 1, n)}, scorers=FACTS)
    assert settled.verdict == "pass"
    on_it = only(decide(["m.low >= 0.60"], candidate={"m": share(600, 1000)}, scorers=FACTS))
    assert on_it.needed_n is None
    assert "reaches across 60 %" in on_it.sentence


def test_holm_over_rules_can_withhold_a_pass_and_says_so() -> None:
    candidate = {"m": share(631, 1000), "k": share(631, 1000)}
    scorers = {**FACTS, "k": FACTS["m"]}
    alone = decide(["m.low >= 0.60"], candidate=candidate, scorers=scorers)
    both = decide(["m.low >= 0.60", "k.low >= 0.60"], candidate=candidate, scorers=scorers)
    assert (alone.verdict, both.verdict) == ("pass", "inconclusive")
    assert "not after Holm's correction over 2 rules" in both.rules[0].sentence
    assert both.rules[0].p_adjusted == pytest.approx(2 * (both.rules[0].p_value or 0.0))


def test_the_decision_is_the_worst_verdict() -> None:
    rules = ["m.low >= 0.5", "m.low >= 0.9", "m.low >= 0.99"]
    decision = decide(rules, candidate={"m": share(900, 1000)}, scorers=FACTS)
    assert [rule.verdict for rule in decision.rules] == ["pass", "inconclusive", "fail"]
    assert decision.verdict == "fail"


def test_segments_and_critical_samples() -> None:
    scores = column([1.0] * 20 + [0.0] * 80, critical=20)
    language = {f"s{row}": "de" if row < 50 else "fr" for row in range(100)}
    rules = ["m.low >= 0.8 segment=critical:true", "m.low >= 0.2, segment=lang:de", "m.high <= 0.2 segment=lang:fr"]
    decision = decide(rules, candidate={"m": scores}, scorers=FACTS, segments={"lang": language})
    assert [(v.verdict, v.estimate.n) for v in decision.rules] == [("pass", 20), ("pass", 50), ("pass", 50)]
    for rule in ("m.low >= 1 segment=lang:it", "m.low >= 1 segment=x:y", "m.low >= 1 segment=critical:no"):
        with pytest.raises(NotFoundError) as caught:
            decide([rule], candidate={"m": scores}, scorers=FACTS, segments={"lang": language})
        assert caught.value.code == "segment.unknown"


def test_what_a_rule_lacks_is_an_error_with_a_hint() -> None:
    before, after = pairs(10, 1, 1)
    rule = ["superior(m, margin=0)"]
    with pytest.raises(NotFoundError, match="no metric 'n'"):
        decide(["n.low >= 1"], candidate={"m": after}, scorers=FACTS)
    with pytest.raises(InvalidInputError, match="no baseline was given"):
        decide(rule, candidate={"m": after}, scorers=FACTS)
    with pytest.raises(InvalidInputError, match="the baseline has no metric"):
        decide(rule, candidate={"m": after}, baseline={}, scorers=FACTS)
    with pytest.raises(InvalidInputError, match="needs a direction"):
        undirected = {"m": ScorerFacts("chars", None, "v")}
        decide(rule, candidate={"m": after}, baseline={"m": before}, scorers=undirected)
    with pytest.raises(InvalidInputError, match="another version"):
        older = {"m": "v0"}
        decide(rule, candidate={"m": after}, baseline={"m": before}, scorers=FACTS, baseline_versions=older)
    with pytest.raises(InvalidInputError, match="without rules"):
        decide([], candidate={"m": after}, scorers=FACTS)


def test_scores_that_cannot_be_judged_are_inconclusive_with_the_reason() -> None:
    nothing = only(decide(["m.low >= 0.5"], candidate={"m": column([None, None])}, scorers=FACTS))
    assert (nothing.verdict, nothing.needed_n) == ("inconclusive", None)
    assert nothing.sentence == "m cannot be judged: no scored sample, n = 0, 2 unscored"
    seconds = {"m": ScorerFacts("s", False, "v")}
    same = only(decide(["m.high <= 2"], candidate={"m": column([0.5, 0.5])}, scorers=seconds))
    assert "their spread is unknown" in same.sentence


# How often does a gate let through what it must not? Exactly at the boundary every pass is an error.

Passes = Callable[[int, int, int], bool]


def _gate_passes(n: int, gained: int, lost: int) -> bool:
    before, after = pairs(n, gained, lost)
    rule = "noninferior(m, margin=0.1)"
    return decide([rule], candidate={"m": after}, baseline={"m": before}, scorers=FACTS).verdict == "pass"


def _bare_mean_passes(n: int, gained: int, lost: int) -> bool:
    return (gained - lost) / n > -0.1


def _unpaired_passes(n: int, gained: int, lost: int) -> bool:
    """The interval of two independent shares, on systems that disagree nearly always: one right, the other wrong."""
    old, new = lost / n, gained / n
    half = 1.96 * math.sqrt(old * (1 - old) / n + new * (1 - new) / n)
    return new - old - half > -0.1


def _error_at_the_boundary(passes: Passes, n: int, up: float, down: float) -> float:
    """Exact probability of a pass when the true loss is the margin."""
    total = 0.0
    for flips in range(n + 1):
        weight = float(stats.binom.pmf(flips, n, up + down))
        if weight < 1e-7:
            continue
        split = weight * stats.binom.pmf(np.arange(flips + 1), flips, up / (up + down))
        likely = np.flatnonzero(split > 1e-6)
        total += sum(float(split[gained]) for gained in likely if passes(n, int(gained), flips - int(gained)))
    return total


def test_a_pass_at_the_boundary_is_as_rare_as_promised_and_with_a_wrong_method_it_is_not() -> None:
    opposed = (60, 0.4499, 0.5499)
    assert _error_at_the_boundary(_gate_passes, *opposed) <= 0.03
    assert _error_at_the_boundary(_bare_mean_passes, *opposed) > 0.4
    assert _error_at_the_boundary(_unpaired_passes, *opposed) > 0.06
    assert _error_at_the_boundary(_gate_passes, 60, 0.05, 0.15) <= 0.03


@pytest.mark.parametrize("repeats", [200, pytest.param(4_000, marks=pytest.mark.slow)])
def test_an_absolute_pass_at_the_boundary_is_rare_with_clusters_too(repeats: int) -> None:
    rng, errors, naive = np.random.default_rng(41), 0, 0
    labels = [str(row // 8) for row in range(240)]
    for _ in range(repeats):
        values = (rng.random(240) < np.repeat(rng.beta(3.0, 2.0, size=30), 8)).astype(float).tolist()
        judged = decide(["m.low >= 0.6"], candidate={"m": column(values, clusters=labels)}, scorers=FACTS)
        errors += judged.verdict == "pass"
        naive += decide(["m.low >= 0.6"], candidate={"m": column(values)}, scorers=FACTS).verdict == "pass"
    assert errors / repeats <= 0.025 + 4 * math.sqrt(0.025 * 0.975 / repeats)
    assert naive / repeats > 0.08
