"""Do intervals cover as often as they say? Counts are enumerated exactly, the rest is simulated with a seed.

Every test carries a deliberately wrong method, which must fail where the right one passes.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from assay.stats.bootstrap import bootstrap_mean
from assay.stats.effect import cohens_dz
from assay.stats.moments import Moments
from assay.stats.paired import mcnemar, paired_difference, tango
from assay.stats.ratio import ratio_of_means
from assay.stats.scalar import mean_estimate, wilson

Bounds = tuple[float, float]


def _wald(successes: int, n: int) -> Bounds:
    half = 1.96 * math.sqrt(successes / n * (1 - successes / n) / n)
    return successes / n - half, successes / n + half


def _share_coverage(method: Callable[[int, int], Bounds], n: int, share: float) -> float:
    weights = stats.binom.pmf(np.arange(n + 1), n, share)
    bounds = [method(k, n) for k in range(n + 1)]
    return float(sum(w for w, (low, high) in zip(weights, bounds, strict=True) if low <= share <= high))


def test_wilson_covers_on_average_and_wald_does_not() -> None:
    shares = np.linspace(0.02, 0.98, 49)
    right = np.mean([_share_coverage(wilson, 40, share) for share in shares])
    wrong = np.mean([_share_coverage(_wald, 40, share) for share in shares])
    assert right == pytest.approx(0.95, abs=0.006)
    assert wrong < 0.91


def _tango_bounds(n: int, gained: int, lost: int) -> Bounds:
    estimate = tango(n, gained, lost)
    assert estimate.low is not None and estimate.high is not None
    return estimate.low, estimate.high


def _paired_wald(n: int, gained: int, lost: int) -> Bounds:
    value = (gained - lost) / n
    half = 1.96 * math.sqrt(max(gained + lost - n * value * value, 0.0)) / n
    return value - half, value + half


def _paired_coverage(method: Callable[[int, int, int], Bounds], n: int, up: float, down: float) -> float:
    """Exact: over all numbers of samples gained and lost."""
    total = 0.0
    for flips in range(n + 1):
        weight = float(stats.binom.pmf(flips, n, up + down))
        if weight < 1e-9:
            continue
        split = stats.binom.pmf(np.arange(flips + 1), flips, up / (up + down))
        for gained in range(flips + 1):
            low, high = method(n, gained, flips - gained)
            total += weight * float(split[gained]) * (low <= up - down <= high)
    return total


@pytest.mark.parametrize(("up", "down"), [(0.10, 0.08), (0.10, 0.03), (0.09, 0.02)])
def test_tango_covers_with_few_flips_and_wald_does_not(up: float, down: float) -> None:
    assert 0.94 <= _paired_coverage(_tango_bounds, 40, up, down) <= 0.985
    assert _paired_coverage(_paired_wald, 40, up, down) < 0.94


def test_exact_mcnemar_keeps_its_level_and_a_normal_test_does_not() -> None:
    def error(p_value: Callable[[int, int], float]) -> float:
        worst = 0.0
        for flips in range(2, 40):
            split = stats.binom.pmf(np.arange(flips + 1), flips, 0.5)
            worst = max(worst, float(sum(w for k, w in enumerate(split) if p_value(k, flips - k) <= 0.05)))
        return worst

    assert error(lambda b, c: mcnemar(b, c).exact) <= 0.05
    assert error(lambda b, c: math.erfc(abs(b - c) / math.sqrt(2 * (b + c)))) > 0.06


@pytest.mark.parametrize("repeats", [400, pytest.param(5_000, marks=pytest.mark.slow)])
def test_clustered_shares_cover_and_the_naive_interval_does_not(repeats: int) -> None:
    rng, covered, naive = np.random.default_rng(31), 0, 0
    labels = [str(row // 6) for row in range(120)]
    for _ in range(repeats):
        share = np.repeat(rng.beta(4.0, 1.0, size=20), 6)
        values = (rng.random(120) < share).astype(float).tolist()
        ours, plain = mean_estimate(Moments.of(values, labels), unit="share"), wilson(int(sum(values)), 120)
        covered += (ours.low or 0.0) <= 0.8 <= (ours.high or 0.0)
        naive += plain[0] <= 0.8 <= plain[1]
    assert covered / repeats == pytest.approx(0.95, abs=4 * math.sqrt(0.95 * 0.05 / repeats))
    assert naive / repeats < 0.90


@pytest.mark.parametrize("repeats", [500, pytest.param(6_000, marks=pytest.mark.slow)])
def test_clustered_differences_cover_and_the_naive_interval_does_not(repeats: int) -> None:
    rng, covered, naive = np.random.default_rng(11), 0, 0
    document = np.repeat(np.arange(6), 5)  # few groups: a wrong number of degrees of freedom shows
    zeros = [0.0] * 30
    for _ in range(repeats):
        gain = (rng.normal(size=6)[document] + rng.normal(size=30)).tolist()
        ours = paired_difference(zeros, gain, clusters=document.tolist())
        plain = paired_difference(zeros, gain)
        covered += (ours.low or 0.0) <= 0.0 <= (ours.high or 0.0)
        naive += (plain.low or 0.0) <= 0.0 <= (plain.high or 0.0)
    assert covered / repeats == pytest.approx(0.95, abs=4 * math.sqrt(0.95 * 0.05 / repeats))
    assert naive / repeats < 0.85


@pytest.mark.parametrize("repeats", [400, pytest.param(5_000, marks=pytest.mark.slow)])
def test_ratios_cover_and_treating_the_baseline_as_known_does_not(repeats: int) -> None:
    rng, covered, naive = np.random.default_rng(17), 0, 0
    quantile = float(stats.t.ppf(0.975, 39))
    for _ in range(repeats):
        before, after = rng.gamma(4.0, 1.0, size=40), rng.gamma(4.0, 1.2, size=40)
        ours = ratio_of_means(before.tolist(), after.tolist())
        known = quantile * after.std(ddof=1) / math.sqrt(40) / before.mean()
        covered += (ours.low or 0.0) <= 1.2 <= (ours.high or 0.0)
        naive += abs(after.mean() / before.mean() - 1.2) <= known
    assert covered / repeats == pytest.approx(0.95, abs=4 * math.sqrt(0.95 * 0.05 / repeats))
    assert naive / repeats < 0.90


@pytest.mark.slow
@pytest.mark.parametrize("method", ["delta-t", "noncentral-t"])
def test_effect_sizes_cover(method: str) -> None:
    rng, repeats, covered, wrong = np.random.default_rng(19), 3_000, 0, 0
    for _ in range(repeats):
        ours = cohens_dz(rng.normal(1.5, 1.0, size=80).tolist(), method=method)
        covered += (ours.low or 0.0) <= 1.5 <= (ours.high or 0.0)
        wrong += abs((ours.value or 0.0) - 1.5) <= 1.99 / math.sqrt(80)  # forgets that the deviation is estimated
    assert covered / repeats == pytest.approx(0.95, abs=4 * math.sqrt(0.95 * 0.05 / repeats))
    assert wrong / repeats < 0.90


@pytest.mark.slow
def test_cluster_bootstrap_covers_and_the_plain_one_does_not() -> None:
    rng, repeats, covered, naive = np.random.default_rng(23), 600, 0, 0
    document = np.repeat(np.arange(40), 5)
    labels = document.tolist()
    for _ in range(repeats):
        values = rng.normal(size=40)[document] + rng.normal(size=200)
        ours = bootstrap_mean(values, rng=rng, clusters=labels, repeats=800)
        plain = bootstrap_mean(values, rng=rng, repeats=800)
        covered += (ours.low or 0.0) <= 0.0 <= (ours.high or 0.0)
        naive += (plain.low or 0.0) <= 0.0 <= (plain.high or 0.0)
    assert covered / repeats == pytest.approx(0.94, abs=4 * math.sqrt(0.94 * 0.06 / repeats))
    assert naive / repeats < 0.85
