"""What holds for any battles, rankings, surveys, proxies, harms and shortlists."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from assay.core.records import Estimate
from assay.stats.ratings.battles import PairCounts
from assay.stats.structure.hodge import hodge_rank
from assay.stats.structure.plackett_luce import plackett_luce
from assay.stats.structure.promoters import net_promoter_score, promoter_counts
from assay.stats.structure.proxy import ProxyValidity, proxy_validity
from assay.stats.structure.rare import (
    allowed_harms,
    exposures_for_bound,
    harm_pass_chance,
    rare_harm_bound,
    rule_of_three,
)
from assay.stats.structure.screening import screen_candidates

pytestmark = pytest.mark.slow

FEW = settings(max_examples=20, deadline=None)
MANY = settings(max_examples=60, deadline=None)
SEEDS = st.integers(0, 10_000)
COUNTS = st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(0, 60)).filter(sum)


def _bounds(found: Estimate) -> tuple[float, float, float]:
    assert found.value is not None and found.low is not None and found.high is not None
    return found.value, found.low, found.high


@FEW
@given(SEEDS)
def test_names_and_sides_of_battles_play_no_part_in_the_decomposition(seed: int) -> None:
    rng = np.random.default_rng(seed)
    k = int(rng.integers(3, 6))
    a, b = np.triu_indices(k, 1)
    met = np.concatenate([[True] * (k - 1), rng.random(a.size - k + 1) < 0.7])  # the first has met all
    a, b, n = a[met], b[met], int(rng.integers(5, 30))
    wins = rng.integers(0, n + 1, size=a.size)
    names = np.array(list("abcdef"[:k]))

    def found(first: npt.NDArray[np.int64], second: npt.NDArray[np.int64], won: npt.NDArray[np.int64]) -> object:
        counts = PairCounts.of(names[first], names[second], wins_a=won, wins_b=n - won)
        return hodge_rank(counts, rng=np.random.default_rng(1), repeats=99)

    plain, turned, swapped = found(a, b, wins), found(b, a, n - wins), found(a, b, n - wins)
    assert 0.0 <= plain.residual_share <= 1.0 + 1e-12
    assert plain.freedom == a.size - k + 1
    assert (plain.curl_share or 0.0) + (plain.harmonic_share or 0.0) == pytest.approx(plain.residual_share, abs=1e-9)
    assert plain.potentials.sum() == pytest.approx(0.0, abs=1e-9)
    assert turned.potentials == pytest.approx(plain.potentials, abs=1e-9)
    assert (turned.residual_share, turned.cyclic.value) == pytest.approx((plain.residual_share, plain.cyclic.value))
    assert swapped.potentials == pytest.approx(-plain.potentials, abs=1e-9)
    assert swapped.residual_share == pytest.approx(plain.residual_share, abs=1e-9)
    if plain.freedom:
        value, low, high = _bounds(plain.cyclic)
        assert 0.0 <= low <= high and value <= high and 0.01 <= plain.p_value <= 1.0
        assert [c.p_value for c in plain.cycles] == sorted(c.p_value for c in plain.cycles)
        assert all(c.log_odds >= 0.0 for c in plain.cycles)


@st.composite
def rankings(draw: st.DrawFn) -> list[list[str]]:
    rows = draw(st.lists(st.permutations("abcd"), min_size=3, max_size=12))
    kept = [list(row)[: draw(st.integers(2, 4))] for row in rows]
    return [*kept, list("abcd"), list("dcba"), list("bdac")]  # everything has beaten everything


@MANY
@given(rankings(), st.permutations("wxyz"))
def test_names_and_order_of_rankings_play_no_part(rows: list[list[str]], other: list[str]) -> None:
    plain = plackett_luce(rows)
    rename = dict(zip("abcd", other, strict=True))
    renamed = plackett_luce([[rename[name] for name in row] for row in reversed(rows)])
    assert plain.log_odds.sum() == pytest.approx(0.0, abs=1e-9)
    for name in "abcd":
        first, second = plain.rating(name), renamed.rating(rename[name])
        assert second.value == pytest.approx(first.value, abs=1e-7)
        if first.std_error is not None:
            assert second.std_error == pytest.approx(first.std_error, rel=1e-5)


@MANY
@given(rankings())
def test_rankings_told_three_times_are_no_news(rows: list[list[str]]) -> None:
    once, thrice = plackett_luce(rows, interval="model"), plackett_luce(rows * 3, interval="model")
    assert thrice.log_odds == pytest.approx(once.log_odds, abs=1e-7)
    assert thrice.covariance == pytest.approx(once.covariance / 3, rel=1e-6, abs=1e-9)
    people = np.tile(np.arange(len(rows)), 3)
    by_person = plackett_luce(rows * 3, clusters=people)
    assert by_person.covariance == pytest.approx(plackett_luce(rows).covariance, rel=1e-5, abs=1e-9, nan_ok=True)


@MANY
@given(COUNTS, st.integers(0, 80))
def test_promoters_and_detractors_exchanged_turn_the_sign(counts: tuple[int, int, int], silent: int) -> None:
    up, middle, down = counts
    found, turned = (net_promoter_score(*c, invited=sum(counts) + silent) for c in (counts, (down, middle, up)))
    value, low, high = _bounds(found.score)
    assert -100.0 - 1e-9 <= low <= value <= high <= 100.0 + 1e-9
    assert _bounds(turned.score) == pytest.approx((-value, -high, -low), abs=1e-6)
    assert found.population is not None and found.invited is not None and turned.population is not None
    inner, outer = found.invited, found.population
    assert inner.low is not None and inner.high is not None and outer.low is not None and outer.high is not None
    assert outer.low <= inner.low + 1e-9 and inner.high <= outer.high + 1e-9
    assert (turned.population.low, turned.population.high) == pytest.approx((-outer.high, -outer.low), abs=1e-6)
    if not silent:
        assert (outer.low, outer.high) == pytest.approx((low, high), abs=1e-6)


@MANY
@given(COUNTS, st.integers(0, 40), st.integers(1, 40), st.sampled_from([0.3, 0.8, 0.95, 0.999]))
def test_more_silence_says_less(counts: tuple[int, int, int], silent: int, more: int, confidence: float) -> None:
    few, many = (
        net_promoter_score(*counts, invited=sum(counts) + s, confidence=confidence).invited
        for s in (silent, silent + more)
    )
    assert few is not None and many is not None
    assert (many.high or 0) - (many.low or 0) >= (few.high or 0) - (few.low or 0)


@given(st.lists(st.integers(0, 10), min_size=1, max_size=60))
def test_every_answer_is_counted_once(answers: list[int]) -> None:
    counts = promoter_counts(answers)
    assert sum(counts) == len(answers)
    assert counts[0] == sum(x >= 9 for x in answers) and counts[2] == sum(x <= 6 for x in answers)


def _proxy(seed: int, errors: bool, scale: float = 1.0, shift: float = 0.0, order: int = 0) -> ProxyValidity:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=25)
    y = 0.3 + 0.8 * x + 0.4 * rng.normal(size=25)
    noise = rng.uniform(0.1, 0.3, size=25)
    turn = np.random.default_rng(order).permutation(25) if order else np.arange(25)
    x, y, noise = x[turn], shift + scale * y[turn], noise[turn]
    return proxy_validity(
        x, y, offline_errors=noise if errors else None, online_errors=abs(scale) * noise if errors else None
    )


@MANY
@given(SEEDS, st.booleans(), st.floats(0.1, 50), st.floats(-20, 20), st.integers(1, 99))
def test_units_and_order_of_experiments_play_no_part(
    seed: int, errors: bool, scale: float, shift: float, order: int
) -> None:
    plain, other = _proxy(seed, errors), _proxy(seed, errors, scale, shift, order)
    assert _bounds(other.correlation) == pytest.approx(_bounds(plain.correlation), rel=1e-6)
    assert _bounds(other.slope) == pytest.approx([scale * x for x in _bounds(plain.slope)], rel=1e-6)
    assert _bounds(other.intercept) == pytest.approx(
        [shift + scale * x for x in _bounds(plain.intercept)], rel=1e-6, abs=1e-6
    )
    if errors and plain.true_correlation.low is not None:
        assert _bounds(other.true_correlation) == pytest.approx(_bounds(plain.true_correlation), rel=1e-6)


@MANY
@given(SEEDS)
def test_taking_noise_off_steepens_the_line_and_turning_the_metric_turns_it(seed: int) -> None:
    plain, corrected, turned = _proxy(seed, False), _proxy(seed, True), _proxy(seed, True, -1.0)
    assert abs(corrected.slope.value or 0.0) >= abs(plain.slope.value or 0.0)
    value, low, high = _bounds(corrected.slope)
    assert _bounds(turned.slope) == pytest.approx((-value, -high, -low))
    r = corrected.true_correlation.value
    assert r is None or abs(r) >= abs(corrected.correlation.value or 0.0)


@MANY
@given(st.integers(1, 5_000), st.floats(0.001, 0.5), st.sampled_from([0.8, 0.95, 0.99]))
def test_bound_size_and_allowance_are_one_law_read_three_ways(n: int, bound: float, confidence: float) -> None:
    allowed = allowed_harms(n, bound, confidence=confidence)
    if allowed is None:
        assert (rare_harm_bound(0, n, confidence=confidence).high or 0.0) > bound * (1 - 1e-9)
        assert exposures_for_bound(bound, confidence=confidence) > n
        assert harm_pass_chance(n, bound, true_rate=bound, confidence=confidence) == 0.0
        return
    assert (rare_harm_bound(allowed, n, confidence=confidence).high or 0.0) <= bound * (1 + 1e-9)
    assert (rare_harm_bound(allowed + 1, n, confidence=confidence).high or 0.0) > bound * (1 - 1e-9)
    assert exposures_for_bound(bound, events=allowed, confidence=confidence) <= n
    assert exposures_for_bound(bound, events=allowed + 1, confidence=confidence) > n
    assert harm_pass_chance(n, bound, true_rate=bound, confidence=confidence) <= 1 - confidence + 1e-12


@MANY
@given(st.integers(1, 10**6), st.sampled_from([0.5, 0.9, 0.95, 0.999]))
def test_the_rule_of_three_is_never_below_the_exact_bound(n: int, confidence: float) -> None:
    assert rule_of_three(n, confidence=confidence) >= (rare_harm_bound(0, n, confidence=confidence).high or 0.0)


@FEW
@given(SEEDS, st.integers(1, 4), st.floats(0.1, 20), st.floats(-30, 30))
def test_a_shortlist_moves_with_its_scale_and_stays_within_the_projection(
    seed: int, k: int, factor: float, shift: float
) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(k, 7))
    root = rng.normal(size=(n, n + 2))
    covariance, scores = root @ root.T / n, rng.normal(size=n)
    names = [f"m{i}" for i in range(n)]
    assume(np.unique(scores.round(6)).size == n)
    order = rng.permutation(n)
    plain = screen_candidates(names, scores, covariance, k=k, rng=np.random.default_rng(1))
    moved = screen_candidates(
        [names[i] for i in order], (shift + factor * scores)[order], factor**2 * covariance[np.ix_(order, order)], k=k,
        rng=np.random.default_rng(1),
    )  # fmt: skip
    best = [names[i] for i in np.argsort(-scores)[:k]]
    assert [one.name for one in plain.selected] == [one.name for one in moved.selected] == best
    for one, other in zip(plain.selected, moved.selected, strict=True):
        value, low, high = _bounds(one.corrected)
        assert low <= value <= high
        assert one.naive.value is not None and one.naive.std_error is not None
        assert abs(value - one.naive.value) <= 3.5 * one.naive.std_error  # .995 of six or fewer by Bonferroni: 3.34
        # the quantile is drawn, and draws meet another order of the candidates
        near = 0.05 * factor * one.naive.std_error + 1e-9 * abs(shift)
        assert _bounds(other.corrected) == pytest.approx([shift + factor * x for x in (value, low, high)], abs=near)
