"""Confidence sequences and e-values against their definitions, their twins, and peeking."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.core.errors import InvalidInputError
from assay.stats.prediction.anytime import ppi_confidence_sequence
from assay.stats.sequential.asymptotic import difference_sequence, mean_sequence
from assay.stats.sequential.betting import betting_sequence, empirical_bernstein_sequence, predictable_bets
from assay.stats.sequential.evalues import betting_e_process, e_value_average, e_value_from_p, e_value_product
from assay.stats.sequential.mixture import msprt, msprt_from_values

SCORES = st.lists(st.floats(0, 1), min_size=2, max_size=60)


def test_msprt_is_the_closed_form_of_johari() -> None:
    # Johari et al. (2022): √(s²/(s² + n τ²)) exp(n² τ² mean² / (2 s² (s² + n τ²))), known s
    s, tau, n, mean = 2.0, 0.3, 400, 0.25
    ratio = math.sqrt(s**2 / (s**2 + n * tau**2)) * math.exp(n**2 * tau**2 * mean**2 / (2 * s**2 * (s**2 + n * tau**2)))
    found = msprt([mean], [s / math.sqrt(n)], n=[n], mixing_std_dev=tau)
    assert found.p_value is not None and found.p_value[0] == pytest.approx(1 / ratio, rel=1e-12)


def test_msprt_is_the_mixture_of_likelihood_ratios() -> None:
    from scipy import integrate, stats

    mean, error, tau = 0.4, 0.15, 0.2
    mixed, _ = integrate.quad(
        lambda effect: stats.norm.pdf(effect, 0, tau) * stats.norm.pdf(mean, effect, error), -2, 2, epsabs=1e-13
    )
    found = msprt([mean], [error], n=[10], mixing_std_dev=tau)
    assert found.p_value is not None
    assert found.p_value[0] == pytest.approx(stats.norm.pdf(mean, 0, error) / mixed, rel=1e-8)


def test_the_interval_holds_what_the_p_value_does_not_refute() -> None:
    look = {"std_errors": [0.1], "n": [50], "mixing_std_dev": 0.2}
    found = msprt([0.3], **look).final()  # type: ignore[arg-type]
    assert found.low is not None and found.high is not None
    for edge in (found.low, found.high):
        at = msprt([0.3], null=edge, **look).p_value  # type: ignore[arg-type]
        assert at is not None and at[0] == pytest.approx(0.05, rel=1e-9)


def test_msprt_from_values_looks_like_msprt() -> None:
    a, b = np.random.default_rng(1).normal(size=(2, 300))
    found = msprt_from_values(a, b, mixing_std_dev=0.2, start=300)
    error = math.sqrt((a.var(ddof=1) + b.var(ddof=1)) / 300)
    twin = msprt([b.mean() - a.mean()], [error], n=[600], mixing_std_dev=0.2)
    assert (found.low[0], found.high[0], found.n[0]) == pytest.approx((twin.low[0], twin.high[0], 600))


def test_mean_sequence_is_the_sequence_of_prediction() -> None:
    x = np.random.default_rng(2).exponential(size=300)
    ours, theirs = mean_sequence(x, tuned_for_n=120), ppi_confidence_sequence(x, tuned_for_n=120)
    assert ours.low == pytest.approx(theirs.low) and ours.high == pytest.approx(theirs.high)
    assert (ours.n == theirs.n).all()


def test_asymptotic_and_mixture_intervals_are_one_formula() -> None:
    # with τ² = ρ² σ² the two boundaries are the same normal mixture (Robbins 1970)
    x = np.random.default_rng(3).normal(size=400)
    alpha, m = 0.05, 150
    rho_square = (-2 * math.log(alpha) + math.log(-2 * math.log(alpha) + 1)) / m
    sd = float(x.std())
    ours = mean_sequence(x, tuned_for_n=m).final()
    twin = msprt([x.mean()], [sd / 20], n=[400], mixing_std_dev=math.sqrt(rho_square) * sd).final()
    assert (ours.low, ours.high) == pytest.approx((twin.low, twin.high), rel=1e-9)


def test_difference_sequence_counts_both_groups() -> None:
    rng = np.random.default_rng(4)
    arm = rng.random(500) < 0.4
    x = rng.normal(size=500) + 2.0 * arm
    found = difference_sequence(x, arm)
    last = found.final()
    assert last.value == pytest.approx(x[arm].mean() - x[~arm].mean()) and last.n == 500
    assert found.n[0] == 100
    flipped = difference_sequence(x, ~arm)
    assert flipped.low == pytest.approx(-found.high)


def _slow_betting(x: np.ndarray, grid: np.ndarray) -> tuple[float, float]:
    """The definition, value by value and mean by mean (Waudby-Smith & Ramdas 2024, theorem 3)."""
    bar, kept = math.log(2 / 0.05), []
    for m in grid:
        up = down = best = 0.0
        mean_sum, square = 0.5, 0.25
        for t, value in enumerate(x, start=1):
            bet = math.sqrt(2 * bar / (square / t * t * math.log1p(t)))
            up += math.log1p(min(bet, 0.5 / m) * (value - m))
            down += math.log1p(-min(bet, 0.5 / (1 - m)) * (value - m))
            best = max(best, up, down)
            mean_sum += value
            square += (value - mean_sum / (t + 1)) ** 2
        if best < bar:
            kept.append(m)
    return float(kept[0]), float(kept[-1])


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_betting_is_its_slow_twin(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.beta(1, 1 + 2 * seed, size=330)
    low, high = _slow_betting(x, np.arange(1, 400) / 400)
    found = betting_sequence(x)
    last = found.final()
    assert last.low is not None and last.high is not None
    assert low - 1 / 400 <= last.low <= low and high <= last.high <= high + 1 / 400
    coarse = betting_sequence(x, grid=20)
    assert coarse.final().low == pytest.approx(last.low, abs=1e-9)
    assert coarse.final().high == pytest.approx(last.high, abs=1e-9)
    assert (coarse.low[:-1] <= found.low[:-1] + 1e-12).all() and (coarse.high[:-1] >= found.high[:-1] - 1e-12).all()


def test_published_shape_of_the_bets() -> None:
    # Waudby-Smith & Ramdas (2024), eq. 26: √(2 log(2/α) / (σ̂² t log(1 + t))), variance 1/4 before the first score
    bets = predictable_bets(np.array([1.0, 1.0]), 0.05, None)
    assert bets[0] == pytest.approx(math.sqrt(2 * math.log(40) / (0.25 * math.log(2))))
    after_one = (0.25 + (1.0 - 0.75) ** 2) / 2
    assert bets[1] == pytest.approx(math.sqrt(2 * math.log(40) / (after_one * 2 * math.log(3))))
    fixed = predictable_bets(np.array([1.0]), 0.05, 100)
    assert fixed[0] == pytest.approx(math.sqrt(2 * math.log(40) / (0.25 * 100)))


def test_empirical_bernstein_by_hand() -> None:
    # one score of 1: bet 1/2 (cut), surprise (1 - 1/2)², cost (-log(1/2) - 1/2)
    found = empirical_bernstein_sequence([1.0] * 40)
    first = 1 - (math.log(40) + 0.25 * (math.log(2) - 0.5)) / 0.5
    assert first < 0 and found.low[0] == 0.0 and found.high[0] == 1.0
    total = 0.5 * 40
    means = np.concatenate(([0.5], (0.5 + np.arange(1, 40)) / np.arange(2, 41)))
    cost = ((1 - means) ** 2).sum() * (math.log(2) - 0.5)
    assert found.low[-1] == pytest.approx(1 - (math.log(40) + cost) / total, abs=1e-12)


@settings(max_examples=30, deadline=None)
@given(SCORES)
def test_bounded_sequences_nest_stay_inside_and_mirror(values: list[float]) -> None:
    x = np.array(values)
    for sequence in (betting_sequence, empirical_bernstein_sequence):
        found, mirrored = sequence(x), sequence(1.0 - x)
        assert np.isfinite(found.low).all() or found.reason
        low, high = found.low[np.isfinite(found.low)], found.high[np.isfinite(found.high)]
        assert (np.diff(low) >= 0).all() and (np.diff(high) <= 0).all()
        assert (low >= 0).all() and (high <= 1).all()
        assert found.low == pytest.approx(1.0 - mirrored.high, abs=1e-9, nan_ok=True)


def test_a_range_is_a_scale() -> None:
    x = np.random.default_rng(5).random(100)
    for sequence in (betting_sequence, empirical_bernstein_sequence):
        plain, scaled = sequence(x).final(), sequence(4.0 * x - 2.0, lower=-2.0, upper=2.0).final()
        assert (scaled.low, scaled.high) == pytest.approx((4 * plain.low - 2, 4 * plain.high - 2), abs=1e-9)  # type: ignore[operator]


def test_a_mean_that_moves_is_refuted_whole() -> None:
    found = betting_sequence([0.0] * 400 + [1.0] * 400).final()
    assert found.low is None and found.reason is not None and "one mean" in found.reason


def test_tuning_pays_at_its_size() -> None:
    x = (np.random.default_rng(6).random(1_000) < 0.3).astype(float)
    tuned, spread = betting_sequence(x, tuned_for_n=1_000).final(), betting_sequence(x).final()
    assert tuned.high - tuned.low < spread.high - spread.low  # type: ignore[operator]


def test_calibrators() -> None:
    # Vovk & Wang (2021), section 2: at p = .05 and κ = 1/2, e = 1/(2 √p); the mixture integrates κ p^(κ-1)
    from scipy import integrate

    assert e_value_from_p(0.05, kappa=0.5).value == pytest.approx(0.5 / math.sqrt(0.05))
    for p in (1e-12, 0.003, 0.5, 0.9985, 0.9995, 1.0):
        mixed, _ = integrate.quad(lambda k, p=p: k * p ** (k - 1), 0, 1)
        assert e_value_from_p(p).value == pytest.approx(mixed, rel=1e-7)
    assert e_value_from_p(0.0).p_value == 0.0
    for kappa in (None, 0.3):  # the expectation under a uniform p is 1
        mean, _ = integrate.quad(lambda u, k=kappa: e_value_from_p(math.exp(-u), kappa=k).value * math.exp(-u), 0, 700,
                                 limit=500, points=[1, 10, 100])  # fmt: skip
        assert mean == pytest.approx(1.0, abs=3e-3)


def test_merging() -> None:
    assert e_value_product([2.0, 3.0]).value == pytest.approx(6.0)
    assert e_value_product([0.0, 3.0]).value == 0.0
    assert e_value_product([1e200] * 3).p_value == pytest.approx(0.0, abs=1e-300)
    assert e_value_product([1e200] * 3).value == math.inf
    assert e_value_average([1.0, 3.0], weights=[3.0, 1.0]).value == pytest.approx(1.5)
    assert e_value_average([0.0, 0.0]).value == 0.0 and e_value_average([0.0]).p_value == 1.0
    assert e_value_average([math.inf, 1.0]).value == math.inf
    assert e_value_average([8.0]).p_value == pytest.approx(0.125)


def test_the_process_and_the_sequence_agree() -> None:
    x = np.random.default_rng(7).random(200)
    bounds = betting_sequence(x).final()
    assert bounds.low is not None
    outside = betting_e_process(x, null=bounds.low - 1e-6, alternative="greater")
    inside = betting_e_process(x, null=bounds.low + 1e-6, alternative="greater")
    assert outside.p_value[-1] <= 0.025 < inside.p_value[-1]
    both = betting_e_process(x, null=0.3)
    up, down = (betting_e_process(x, null=0.3, alternative=a) for a in ("greater", "less"))  # type: ignore[arg-type]
    assert np.exp(both.log_value) == pytest.approx(0.5 * np.exp(up.log_value) + 0.5 * np.exp(down.log_value))
    assert both.final().n == 200 and betting_e_process(x[:3], null=0.5).first_at(0.05) is None


def test_equal_values_have_no_bounds_yet() -> None:
    flat = mean_sequence([0.7] * 60)
    assert flat.final().low is None and flat.final().reason
    two = msprt_from_values([1.0] * 120, [1.0] * 120, mixing_std_dev=0.1)
    assert two.p_value is not None and two.p_value[-1] == 1.0 and two.final().reason
    assert two.first_excluding(0.0) is None


def test_bad_streams() -> None:
    nan = float("nan")
    for call in (
        lambda: betting_sequence([]),
        lambda: betting_sequence([0.5, nan]),
        lambda: betting_sequence([0.5, 1.5]),
        lambda: betting_sequence([0.5], lower=1.0, upper=1.0),
        lambda: betting_sequence([0.5], grid=2),
        lambda: betting_sequence([0.5], confidence=1.0),
        lambda: betting_sequence(["a"]),
        lambda: betting_sequence([[0.5]]),
        lambda: empirical_bernstein_sequence([0.5], tuned_for_n=0),
        lambda: mean_sequence([1.0, 2.0]),
        lambda: mean_sequence([1.0, 2.0], start=1),
        lambda: mean_sequence([1.0, 2.0], start=2, tuned_for_n=-1),
        lambda: difference_sequence([1.0] * 200, [0] * 200),
        lambda: difference_sequence([1.0] * 200, [0, 2] * 100),
        lambda: difference_sequence([1.0] * 200, [0, 1]),
        lambda: msprt([0.1], [0.0], n=[10], mixing_std_dev=0.1),
        lambda: msprt([0.1, 0.2], [0.1, 0.1], n=[10, 5], mixing_std_dev=0.1),
        lambda: msprt([0.1], [0.1], n=[10], mixing_std_dev=0.0),
        lambda: msprt_from_values([1.0], [2.0], mixing_std_dev=0.1),
        lambda: msprt_from_values([1.0], [2.0], mixing_std_dev=0.1, start=1),
        lambda: e_value_product([]),
        lambda: e_value_product([-1.0]),
        lambda: e_value_product([0.0, math.inf]),
        lambda: e_value_average([1.0], weights=[0.0]),
        lambda: e_value_average([1.0, 2.0], weights=[1.0]),
        lambda: e_value_from_p(1.5),
        lambda: e_value_from_p(0.5, kappa=1.0),
        lambda: betting_e_process([0.5], null=0.0),
        lambda: betting_e_process([0.5], null=0.5, alternative="other"),  # type: ignore[arg-type]
    ):
        with pytest.raises(InvalidInputError) as caught:
            call()
        assert caught.value.hint
