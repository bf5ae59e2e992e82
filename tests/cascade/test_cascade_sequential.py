"""Stopping: a width rule looks at t intervals, a gate at a confidence sequence, and they are not exchanged."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.engine.cascade.draw import Draw
from assay.engine.cascade.estimate import tiered_estimate
from assay.engine.cascade.sequential import first_look, gate_rule, gate_terms, skewness, width_rule
from assay.engine.cascade.verdicts import TierVerdicts
from assay.stats.special import t_quantile

N = 500


def _estimate(half: float, n: int) -> Estimate:
    return Estimate(value=3.0, low=3.0 - half, high=3.0 + half, n=n, method="t")


def _drawn(labels: np.ndarray, judge: np.ndarray, *, seed: int, rates: tuple, fixed: bool, failed=None):
    draw = Draw([str(k) for k in range(labels.size)], seed=seed)
    fast = draw.above(draw.everything("free"), tier="judge", rate=rates[0])
    top = draw.above(fast, tier="human", rate=rates[1], failed=failed)
    zeros = np.zeros(labels.size)
    tiers = [
        TierVerdicts(name="free", values=zeros, prediction=zeros + labels.mean() - 0.1 if fixed else None),
        TierVerdicts.of(fast, np.where(fast.asked, judge, np.nan), prediction=judge if fixed else None),
        TierVerdicts.of(top, np.where(top.asked, labels, np.nan)),
    ]
    return tiers, top


def test_skewed_scales_wait_longer() -> None:
    even, ceiling = np.tile([3.0, 4.0, 5.0], 10), np.r_[np.full(40, 5.0), 1.0, 2.0]
    assert (first_look(even), first_look(ceiling)) == (20, 50)
    assert skewness(ceiling) < -1.0 and skewness([2.0, 2.0]) == 0.0 and skewness([]) == 0.0


def test_a_width_rule_stops_when_narrow_and_not_before_its_first_look() -> None:
    even, ceiling = np.tile([3.0, 4.0, 5.0], 10), np.r_[np.full(40, 5.0), 1.0, 2.0]
    assert width_rule(_estimate(0.1, 30), even, half_width=0.1).stop
    assert not width_rule(_estimate(0.11, 30), even, half_width=0.1).stop
    early = width_rule(_estimate(0.1, 15), even[:15], half_width=0.1)
    assert not early.stop and early.estimate is None and "first look is at 20" in early.sentence
    assert not width_rule(_estimate(0.01, 42), ceiling, half_width=0.1).stop
    flat = Estimate(value=3.0, low=None, high=None, n=30, method="t", reason="all alike")
    assert "all alike" in width_rule(flat, even, half_width=0.1).sentence
    with pytest.raises(InvalidInputError, match="half_width"):
        width_rule(_estimate(0.1, 30), even, half_width=0.0)


@pytest.mark.slow
@pytest.mark.parametrize("fixed", [False, True])
@pytest.mark.parametrize("rates", [(1.0, 0.4), (0.6, 0.5)])
def test_gate_terms_have_the_figure_as_their_mean(fixed: bool, rates: tuple) -> None:
    rng = np.random.default_rng(2)
    labels = np.clip(rng.normal(4.0, 1.0, size=N), 1.0, 5.0)
    judge = labels + 0.5 * rng.normal(size=N)
    means, errors = [], []
    for seed in range(120):
        tiers, top = _drawn(labels, judge, seed=seed, rates=rates, fixed=fixed)
        terms, lower = gate_terms(tiers, top.rows())
        means.append(terms.mean())
        errors.append(lower)
    assert np.mean(means) == pytest.approx(labels.mean(), abs=4 * np.std(means) / np.sqrt(120))
    assert (max(errors) == 0.0) == (rates[0] == 1.0)
    if fixed and rates[0] == 1.0:
        assert means[-1] == pytest.approx(tiered_estimate(tiers).estimate.value)


@pytest.mark.slow
def test_certain_items_are_known_and_the_rest_is_drawn() -> None:
    rng = np.random.default_rng(5)
    labels = rng.normal(size=N)
    judge = labels + rng.normal(size=N)
    failed = np.arange(N) < 25
    means = []
    for seed in range(150):
        tiers, top = _drawn(labels - 2.0 * failed, judge, seed=seed, rates=(1.0, 0.2), fixed=True, failed=failed)
        terms, _ = gate_terms(tiers, top.rows())
        assert terms.size == 95
        means.append(terms.mean())
    truth = (labels - 2.0 * failed).mean()
    error = np.std(means) / np.sqrt(150)
    assert abs(np.mean(means) - truth) < 4 * error
    wrong = [_plain_mean(labels - 2.0 * failed, judge, seed, failed) for seed in range(150)]
    assert abs(np.mean(wrong) - truth) > 4 * error


def _plain_mean(labels: np.ndarray, judge: np.ndarray, seed: int, failed: np.ndarray) -> float:
    """All residuals alike, certain or drawn."""
    _, top = _drawn(labels, judge, seed=seed, rates=(1.0, 0.2), fixed=True, failed=failed)
    return float(judge.mean() + (labels - judge)[top.asked].mean())


def test_certain_items_that_gave_no_verdict_are_made_up_for_by_the_others() -> None:
    labels = np.random.default_rng(5).normal(size=N)
    failed = np.arange(N) < 25
    tiers, top = _drawn(labels, np.zeros(N), seed=1, rates=(1.0, 0.2), fixed=True, failed=failed)
    values = np.where(np.arange(N) < 5, np.nan, np.asarray(tiers[2].values))
    tiers[2] = replace(tiers[2], values=values)
    rows = top.rows()[np.isfinite(values[top.rows()])]
    terms, _ = gate_terms(tiers, rows)
    level = np.asarray(tiers[0].prediction).mean() + (0.0 - np.asarray(tiers[0].prediction)).mean()
    drawn = rows[rows >= 25]
    assert terms == pytest.approx(level + labels[5:25].sum() * 25 / 20 / N + 475 / N * labels[drawn])


def test_a_gate_on_certain_items_alone_has_no_terms() -> None:
    labels = np.random.default_rng(5).normal(size=N)
    everyone = np.ones(N, dtype=bool)
    tiers, top = _drawn(labels, labels, seed=1, rates=(1.0, 0.2), fixed=True, failed=everyone)
    terms, _ = gate_terms(tiers, top.rows())
    assert terms.size == 0


@pytest.mark.slow
def test_looking_at_every_label_needs_the_sequence() -> None:
    rng = np.random.default_rng(7)
    ours = peeking = 0
    for _ in range(200):
        values = 5.0 - rng.gamma(1.0, size=300)
        ours += gate_rule(values, threshold=4.0).stop
        n = np.arange(20, 301)
        mean = values.cumsum()[19:] / n
        spread = np.sqrt(np.maximum(np.square(values).cumsum()[19:] / n - mean**2, 1e-12))
        half = np.array([t_quantile(0.975, k - 1) for k in n]) * spread / np.sqrt(n)
        peeking += bool((np.abs(mean - 4.0) > half).any())
    assert ours / 200 <= 0.06
    assert peeking / 200 > 0.2


def test_a_gate_stops_on_the_right_side_and_no_sooner_than_fifty() -> None:
    rng = np.random.default_rng(8)
    values = rng.normal(4.0, 0.5, size=200)
    above = gate_rule(values, threshold=3.0)
    assert above.stop and above.labels >= 50 and "above 3" in above.sentence
    assert "below 5" in gate_rule(values, threshold=5.0).sentence
    waiting = gate_rule(values[:49], threshold=3.0)
    assert not waiting.stop and waiting.estimate is None
    near = gate_rule(values, threshold=4.0)
    assert not near.stop and "not excluded yet" in near.sentence
    wider = gate_rule(values, threshold=3.9, lower_error=0.5)
    assert not wider.stop and wider.estimate.high - wider.estimate.low > near.estimate.high - near.estimate.low
    flat = gate_rule(np.full(60, 2.0), threshold=2.0)
    assert not flat.stop and flat.estimate.low is None and flat.estimate.reason
    with pytest.raises(InvalidInputError, match="20 verdicts"):
        gate_rule(values, threshold=3.0, start=20)


def test_a_gate_refuses_draws_of_unequal_probability_and_rows_without_a_verdict() -> None:
    labels = np.random.default_rng(9).normal(size=60)
    draw = Draw([str(k) for k in range(60)], seed=1)
    top = draw.above(draw.everything("free"), tier="human", rate=np.linspace(0.3, 0.8, 60))
    tiers = [
        TierVerdicts(name="free", values=np.zeros(60), prediction=np.zeros(60)),
        TierVerdicts.of(top, np.where(top.asked, labels, np.nan)),
    ]
    with pytest.raises(InvalidInputError, match="simple random"):
        gate_terms(tiers, top.rows())
    with pytest.raises(InvalidInputError, match="no top verdict"):
        gate_terms(tiers, np.flatnonzero(~top.asked)[:1])
