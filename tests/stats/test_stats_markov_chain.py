"""Chains: counting, estimation, exact powers, structure and times, against worked examples of textbooks."""

from __future__ import annotations

import csv
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import linalg, sparse, special

from assay.core.errors import InvalidInputError
from assay.stats.markov.counts import (
    context_matrix,
    count_transitions,
    estimate_markov_chain,
    sparse_transition_matrix,
)
from assay.stats.markov.inputs import check_matrix, check_start, encode_states
from assay.stats.markov.powers import ChainPowers, propagate_distribution
from assay.stats.markov.structure import chain_structure, stationary_law
from assay.stats.markov.times import hitting_probabilities, hitting_times, mixing_time, return_times

OZ = np.array([[0.5, 0.25, 0.25], [0.5, 0.0, 0.5], [0.25, 0.25, 0.5]])
"""Rain, nice, snow in the Land of Oz: Grinstead & Snell (1997), Introduction to Probability, example 11.1."""
DRUNKARD = np.array(
    [[1, 0, 0, 0, 0], [0.5, 0, 0.5, 0, 0], [0, 0.5, 0, 0.5, 0], [0, 0, 0.5, 0, 0.5], [0, 0, 0, 0, 1]], dtype=float
)
"""Grinstead & Snell, example 11.13."""
COMPLEX = np.array([[0, 1, 0], [0, 0.5, 0.5], [0.5, 0, 0.5]])
"""Norris (1997), Markov Chains, example 1.1.6: eigenvalues 1, i/2, -i/2."""
CLASSES = np.array(
    [
        [1 / 2, 1 / 2, 0, 0, 0, 0],
        [0, 0, 1, 0, 0, 0],
        [1 / 3, 0, 0, 1 / 3, 1 / 3, 0],
        [0, 0, 0, 1 / 2, 1 / 2, 0],
        [0, 0, 0, 0, 0, 1],
        [0, 0, 0, 0, 1, 0],
    ]
)
"""Norris, example 1.2.2: classes {1,2,3}, {4}, {5,6}, of which the last alone is closed."""
DEFECTIVE = np.array([[0.5, 0.5, 0.0], [0.0, 0.5, 0.5], [0.0, 0.0, 1.0]])
"""Twice the eigenvalue 1/2 with one eigenvector: (P^n)[0, 1] = n / 2^n."""


def stochastic(raw: np.ndarray) -> np.ndarray:
    """Rows as shares; an empty row keeps its state."""
    filled = raw + np.diag(raw.sum(axis=1) == 0.0)
    return filled / filled.sum(axis=1, keepdims=True)


def matrices(most: int = 5) -> st.SearchStrategy[np.ndarray]:
    """Chains of few different steps, so that zeros, periods, ties and defects are common."""
    weights = st.sampled_from([0.0, 0.0, 0.1, 1.0, 2.0, 7.0])
    return st.integers(2, most).flatmap(lambda k: arrays(np.float64, (k, k), elements=weights).map(stochastic))


def exact_power(matrix: np.ndarray, n: int) -> np.ndarray:
    """Powers in fractions: no rounding at all."""
    base = [[Fraction(float(entry)).limit_denominator(1000) for entry in row] for row in matrix]
    k = len(base)
    result = [[Fraction(int(i == j)) for j in range(k)] for i in range(k)]
    for _ in range(n):
        result = [[sum((result[i][m] * base[m][j] for m in range(k)), Fraction(0)) for j in range(k)] for i in range(k)]
    return np.array([[float(entry) for entry in row] for row in result])


# --- counting and estimating


def test_a_missing_observation_breaks_every_transition_it_touches() -> None:
    counts = count_transitions(["a", "b", None, "a", "a", "b"], order=1)
    assert counts.counts.tolist() == [[1.0, 2.0], [0.0, 0.0]]
    second = count_transitions(["a", "b", None, "a", "a", "b"], order=2)
    assert (second.n, second.counts[0].tolist(), second.context(1)) == (1, [0.0, 1.0], ("a", "b"))
    assert count_transitions(["a", "b", "a", None]).last is None


def test_contexts_read_oldest_state_first() -> None:
    counts = count_transitions([0, 1, 2, 0, 1, 2, 0], order=2, states=[0, 1, 2])
    assert counts.counts[counts.last].sum() == 1.0  # (2, 0) is the last context, and 1 followed it once
    assert counts.context(counts.last) == (2, 0)
    assert counts.counts[0 * 3 + 1].tolist() == [0.0, 0.0, 2.0]  # after 0, 1 comes 2


def test_order_zero_counts_states_alone() -> None:
    assert count_transitions([0, 1, 1], order=0).counts.tolist() == [[1.0, 2.0]]


def test_seattle_rain_has_the_published_transition_probabilities(real_data: Path) -> None:
    """The vega_datasets table of NOAA's daily record for Seattle, 2012 to 2015."""
    with (real_data / "timeseries" / "seattle_weather.csv").open() as file:
        rain = [float(row["precipitation"]) > 0 for row in csv.DictReader(file)]
    found = estimate_markov_chain(count_transitions(rain))
    dry, wet = found.probabilities[0][1], found.probabilities[1][1]
    assert (round(dry.value, 4), round(wet.value, 4)) == (0.2437, 0.6726)
    assert (dry.n, wet.n) == (837, 623)
    assert (dry.low, dry.high) == pytest.approx((0.21587, 0.27388), abs=1e-4)


def test_tel_aviv_rain_has_the_published_chain() -> None:
    """Gabriel & Neumann (1962): 1,399 dry and 1,038 wet days; .250 and .662 of them are followed by a wet day."""
    counts = count_transitions([0, 1], states=[0, 1])
    counts.counts[:] = [[1049, 350], [351, 687]]
    found = estimate_markov_chain(counts)
    assert (round(found.matrix[0, 1], 3), round(found.matrix[1, 1], 3)) == (0.250, 0.662)
    assert stationary_law(found.matrix)[1] == pytest.approx(0.425, abs=5e-4)


def test_the_dirichlet_interval_is_the_beta_quantile_of_the_cell() -> None:
    counts = count_transitions([0, 1], states=[0, 1, 2])
    counts.counts[:] = [[5, 3, 2], [1, 1, 1], [0, 9, 0]]
    found = estimate_markov_chain(counts, smoothing=0.5)
    cell = found.probabilities[0][1]
    assert (cell.low, cell.high) == pytest.approx(
        (special.betaincinv(3.5, 8.0, 0.025), special.betaincinv(3.5, 8.0, 0.975))
    )
    assert cell.value == pytest.approx(3.5 / 11.5)
    assert found.matrix[0, 1] == pytest.approx(3.5 / 11.5)
    assert found.probabilities[2][1].high == 1.0  # always seen: certainty is not excluded
    assert found.probabilities[2][0].low == 0.0


def test_a_context_never_left_is_unknown_and_not_guessed() -> None:
    found = estimate_markov_chain(count_transitions(["a", "a", "b"]))
    assert (found.unseen, found.probabilities[1][0].value) == ((1,), None)
    assert found.probabilities[1][0].reason == "this context was never left"
    with pytest.raises(InvalidInputError, match="never left"):
        _ = found.matrix
    smoothed = estimate_markov_chain(count_transitions(["a", "a", "b"]), smoothing=1.0)
    assert smoothed.matrix[1].tolist() == [0.5, 0.5]


def test_a_chain_of_order_two_is_one_of_pairs() -> None:
    rng = np.random.default_rng(3)
    table = rng.dirichlet(np.ones(3), size=9)
    matrix = context_matrix(table)
    for first in range(3):
        for second in range(3):
            assert (
                matrix[3 * first + second, 3 * second : 3 * second + 3].tolist() == table[3 * first + second].tolist()
            )
    assert matrix.sum() == pytest.approx(9.0)
    assert context_matrix(table[:1]).tolist() == [table[0].tolist()] * 3  # order 0: every row is the same


def test_the_sparse_matrix_is_the_dense_one() -> None:
    walk = np.random.default_rng(1).integers(0, 6, 400).tolist()
    matrix, states = sparse_transition_matrix(walk)
    dense = estimate_markov_chain(count_transitions(walk)).matrix
    np.testing.assert_allclose(matrix.toarray(), dense)
    assert states == tuple(range(6))
    stuck, _ = sparse_transition_matrix(["a", "b"])
    assert stuck.toarray().tolist() == [[0.0, 1.0], [0.0, 1.0]]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: count_transitions([]), "no state"),
        (lambda: count_transitions([None, None]), "no state"),
        (lambda: count_transitions(["a"]), "no transition"),
        (lambda: count_transitions(["a", None, "b"]), "no transition"),
        (lambda: count_transitions([0, 1], order=-1), "order is -1"),
        (lambda: count_transitions(range(3000)), "cells"),
        (lambda: count_transitions(["a", "c"], states=["a", "b"]), "'c' is not one"),
        (lambda: encode_states(["a"], states=["a", "a"]), "twice"),
        (lambda: sparse_transition_matrix([1]), "no transition"),
        (lambda: estimate_markov_chain(count_transitions([0, 1, 0]), smoothing=-1), "smoothing"),
        (lambda: estimate_markov_chain(count_transitions([0, 1, 0]), smoothing=1, interval="wilson"), "unsmoothed"),
        (lambda: estimate_markov_chain(count_transitions([0, 1, 0]), interval="wald"), "no interval"),  # type: ignore[arg-type]
        (lambda: check_matrix([[0.5, 0.4], [0.5, 0.5]]), "misses 1"),
        (lambda: check_matrix([[1.5, -0.5], [0.5, 0.5]]), "negative"),
        (lambda: check_matrix([[np.nan, 1.0], [0.5, 0.5]]), "not finite"),
        (lambda: check_matrix([[0.5, 0.5]]), "shape"),
        (lambda: check_matrix([["a"]]), "not made of numbers"),
        (lambda: check_start(3, 2), "no state number"),
        (lambda: check_start([0.5, 0.6], 2), "misses 1"),
        (lambda: check_start([1.0], 2), "shape"),
        (lambda: ChainPowers(OZ).power(-1), "horizons"),
        (lambda: ChainPowers(OZ).distributions(0, []), "horizons"),
        (lambda: ChainPowers(OZ).probabilities(0, 5, [1]), "no state number"),
        (lambda: propagate_distribution(sparse.csr_array([[0.5, 0.4], [1.0, 0.0]]), 0, [1]), "does not sum to 1"),
        (lambda: propagate_distribution(sparse.csr_array([[0.5, 0.5]]), 0, [1]), "shape"),
        (lambda: hitting_times(OZ, []), "no target"),
        (lambda: hitting_times(OZ, [7]), "no state number"),
        (lambda: mixing_time(OZ, epsilon=0.0), "epsilon"),
    ],
)
def test_what_is_no_chain_is_refused(call: object, words: str) -> None:
    with pytest.raises(InvalidInputError, match=words):
        call()  # type: ignore[operator]


# --- powers


def test_the_land_of_oz_after_six_days_is_the_printed_table() -> None:
    """Grinstead & Snell, table 11.1: all rows are (.4, .2, .4) to three digits."""
    np.testing.assert_allclose(ChainPowers(OZ).power(6), [[0.4, 0.2, 0.4]] * 3, atol=5e-4)
    assert ChainPowers(OZ).power(2)[0].tolist() == [0.4375, 0.1875, 0.375]


def test_complex_eigenvalues_give_the_printed_real_formula() -> None:
    """Norris, example 1.1.6: p11(n) = 1/5 + (1/2)^n (4/5 cos(nπ/2) - 2/5 sin(nπ/2))."""
    chain = ChainPowers(COMPLEX)
    steps = list(range(25))
    formula = [0.2 + 0.5**n * (0.8 * np.cos(n * np.pi / 2) - 0.4 * np.sin(n * np.pi / 2)) for n in steps]
    np.testing.assert_allclose(chain.probabilities(0, 0, steps), formula, atol=1e-14)
    np.testing.assert_allclose(chain.distributions(0, steps)[:, 0], formula, atol=1e-14)
    assert not chain.spectrum.defective
    assert np.iscomplex(chain.spectrum.eigenvalues[1])


def test_two_states_follow_the_printed_formula() -> None:
    """Norris, example 1.1.4: p11(n) = β/(α+β) + α/(α+β) (1-α-β)^n."""
    a, b = 0.25, 0.5
    steps = [0, 1, 2, 7, 10**6]
    expected = [b / (a + b) + a / (a + b) * (1 - a - b) ** n for n in steps]
    np.testing.assert_allclose(ChainPowers([[1 - a, a], [b, 1 - b]]).probabilities(0, 0, steps), expected, rtol=1e-13)


def test_a_defective_chain_is_answered_exactly_where_its_eigenvectors_fail() -> None:
    """The wrong method, V·Dⁿ·V⁻¹, on a chain with one eigenvector too few."""
    steps = [1, 2, 5, 20, 60]
    truth = [n / 2.0**n for n in steps]
    chain = ChainPowers(DEFECTIVE)
    assert chain.spectrum.defective
    assert chain.spectrum.condition > 1e12
    np.testing.assert_allclose(chain.probabilities(0, 1, steps), truth, rtol=1e-14)
    np.testing.assert_allclose(chain.power(20), exact_power(DEFECTIVE, 20), rtol=1e-14)
    values, vectors = np.linalg.eig(DEFECTIVE)
    wrong = [(vectors @ np.diag(values**n) @ np.linalg.pinv(vectors))[0, 1] for n in steps]
    assert max(abs(w - t) for w, t in zip(wrong, truth, strict=True)) > 0.1


def test_an_irreducible_chain_can_be_defective_too() -> None:
    """Rows one and two are equal, the trace is 1: eigenvalues 1, 0, 0 with rank 2; made lazy they are 1, 1/2, 1/2."""
    matrix = 0.5 * (np.array([[5 / 12, 1 / 4, 1 / 3], [5 / 12, 1 / 4, 1 / 3], [1 / 6, 1 / 2, 1 / 3]]) + np.eye(3))
    chain = ChainPowers(matrix)
    assert chain_structure(matrix).irreducible
    assert chain.spectrum.defective or chain.spectrum.condition > 1e6
    np.testing.assert_allclose(
        chain.probabilities(0, 2, [3, 9]), [exact_power(matrix, n)[0, 2] for n in (3, 9)], rtol=1e-7
    )
    np.testing.assert_allclose(chain.power(9), exact_power(matrix, 9), rtol=1e-13)


def test_a_periodic_chain_keeps_its_phase_after_a_trillion_steps() -> None:
    ring = np.roll(np.eye(3), 1, axis=1)
    chain = ChainPowers(ring)
    assert chain.probabilities(0, 0, [3 * 10**12, 3 * 10**12 + 1]).tolist() == [1.0, 0.0]
    assert chain.power(10**12 + 1).tolist() == np.linalg.matrix_power(ring, (10**12 + 1) % 3).tolist()
    assert chain.spectrum.relaxation_time == float("inf")
    seventh = ChainPowers(np.roll(np.eye(7), 1, axis=1))
    reached = [seventh.probabilities(0, state, [7 * 10**15 + 3])[0] for state in range(7)]
    assert reached == [0, 0, 0, 1, 0, 0, 0]  # the spectral form says 14 for one of them


@given(matrices(), st.integers(0, 60))
def test_powers_agree_with_scipy_and_their_rows_sum_to_one(matrix: np.ndarray, n: int) -> None:
    ours = ChainPowers(matrix).power(n)
    expected = np.asarray(linalg.fractional_matrix_power(matrix, n)) if n else np.eye(len(matrix))
    np.testing.assert_allclose(ours, expected, atol=1e-11)
    np.testing.assert_allclose(ours.sum(axis=1), 1.0, rtol=1e-12)


@given(matrices(), st.lists(st.integers(0, 200), min_size=1, max_size=6))
def test_three_ways_to_many_horizons_agree(matrix: np.ndarray, horizons: list[int]) -> None:
    chain = ChainPowers(matrix)
    together = chain.distributions(0, horizons)
    np.testing.assert_allclose(together, [chain.power(n)[0] for n in horizons], atol=1e-12)
    np.testing.assert_allclose(propagate_distribution(sparse.csr_array(matrix), 0, horizons), together, atol=1e-11)
    np.testing.assert_allclose(chain.probabilities(0, 1, horizons), together[:, 1], atol=1e-7)


def test_a_large_sparse_chain_needs_no_power() -> None:
    k = 20_000
    rows = np.arange(k)
    ring = sparse.csr_array((np.full(2 * k, 0.5), (np.tile(rows, 2), np.concatenate([rows, (rows + 1) % k]))))
    found = propagate_distribution(ring, 0, [10, 4])
    assert found[0, 5] == pytest.approx(special.binom(10, 5) / 2**10)
    assert found[1, 4] == pytest.approx(1 / 16)


# --- structure


def test_norris_classes_are_found_with_the_period_of_the_closed_one() -> None:
    found = chain_structure(CLASSES)
    assert [(one.states, one.closed) for one in found.classes] == [((0, 1, 2), False), ((3,), False), ((4, 5), True)]
    assert (found.classes[2].period, found.irreducible, found.limit) == (2, False, None)
    assert found.reason == "the class of state 4 has period 2: probabilities go on oscillating"
    np.testing.assert_allclose(found.average, [[0, 0, 0, 0, 0.5, 0.5]] * 6, atol=1e-12)
    np.testing.assert_allclose(stationary_law(CLASSES), [0, 0, 0, 0, 0.5, 0.5])


def test_the_drunkard_has_two_ends_and_no_single_stationary_law() -> None:
    found = chain_structure(DRUNKARD)
    assert len(found.closed) == 2
    assert found.limit is not None
    np.testing.assert_allclose(found.limit[1], [0.75, 0, 0, 0, 0.25], atol=1e-12)
    np.testing.assert_allclose(found.limit, ChainPowers(DRUNKARD).power(1 << 30), atol=1e-12)
    assert found.reason is not None
    assert "2 closed classes" in found.reason
    with pytest.raises(InvalidInputError, match="2 closed classes"):
        stationary_law(DRUNKARD)


def test_a_state_that_is_left_for_good_has_period_zero() -> None:
    found = chain_structure([[0.0, 1.0], [0.0, 1.0]])
    assert (found.classes[0].period, found.classes[0].closed, found.aperiodic) == (0, False, True)


def test_stationary_laws_are_the_printed_ones() -> None:
    """Grinstead & Snell, example 11.19 (Oz); Norris, example 1.7.3 (the limit 1/5 of example 1.1.6)."""
    np.testing.assert_allclose(stationary_law(OZ), [0.4, 0.2, 0.4], rtol=1e-14)
    np.testing.assert_allclose(stationary_law(COMPLEX), [0.2, 0.4, 0.4], rtol=1e-14)


def test_a_tiny_leak_keeps_all_digits_of_the_stationary_law() -> None:
    """Nearly uncoupled: I - P loses four digits here, state reduction loses none."""
    leaky = np.array([[1 - 1e-12, 1e-12], [3e-12, 1 - 3e-12]])
    np.testing.assert_allclose(stationary_law(leaky), [0.75, 0.25], rtol=1e-14)
    solved = leaky[1, 0] / ((1 - leaky[0, 0]) + leaky[1, 0])
    assert abs(solved - 0.75) > 1e-6


@given(matrices())
def test_the_long_run_is_the_average_of_many_steps(matrix: np.ndarray) -> None:
    found = chain_structure(matrix)
    assert found.average is not None
    np.testing.assert_allclose(found.average @ matrix, found.average, atol=1e-9)
    np.testing.assert_allclose(found.average.sum(axis=1), 1.0, atol=1e-9)
    if found.limit is not None:
        np.testing.assert_allclose(ChainPowers(matrix).power(1 << 40), found.limit, atol=1e-6)
    if len(found.closed) == 1:
        np.testing.assert_allclose(found.average, [stationary_law(matrix)] * len(matrix), atol=1e-9)


def test_a_large_chain_has_its_law_solved_sparse() -> None:
    k = 2_500
    up = np.full(k, 0.3)
    down = np.full(k, 0.4)
    stay = 0.3 + np.zeros(k)
    stay[0] += down[0]
    stay[-1] += up[-1]
    walk = sparse.diags_array([down[1:], stay, up[:-1]], offsets=[-1, 0, 1]).tocsr()
    law = stationary_law(walk)
    assert law[0] == pytest.approx(0.25)  # a birth-death chain: geometric with ratio 3/4
    np.testing.assert_allclose(law[1:20] / law[:19], 0.75, rtol=1e-9)
    assert chain_structure(walk, max_states=100).average is None


# --- times


def test_the_drunkards_walk_has_the_printed_times_and_ends() -> None:
    """Grinstead & Snell, examples 11.14 and 11.15: 3, 4, 3 steps; home with 1/4, 1/2, 3/4."""
    np.testing.assert_allclose(hitting_times(DRUNKARD, [0, 4]), [0, 3, 4, 3, 0], rtol=1e-12)
    np.testing.assert_allclose(hitting_probabilities(DRUNKARD, [4]), [0, 0.25, 0.5, 0.75, 1], atol=1e-12)
    assert np.isinf(hitting_times(DRUNKARD, [4])[:4]).all()
    assert hitting_times([[0, 1, 0], [0, 0, 1], [0, 0, 1]], [1]).tolist() == [1.0, 0.0, np.inf]  # lost only afterwards


def test_oz_has_the_printed_first_passage_and_recurrence_times() -> None:
    """Grinstead & Snell, examples 11.24 and 11.25."""
    np.testing.assert_allclose(hitting_times(OZ, [1]), [4, 0, 4], rtol=1e-12)
    np.testing.assert_allclose(hitting_times(OZ, [0]), [0, 8 / 3, 10 / 3], rtol=1e-12)
    np.testing.assert_allclose(return_times(OZ), [2.5, 5.0, 2.5], rtol=1e-12)


def test_a_transient_state_may_never_be_seen_again() -> None:
    assert return_times(CLASSES).tolist() == [*[float("inf")] * 4, pytest.approx(2.0), pytest.approx(2.0)]
    assert hitting_probabilities(CLASSES, [3])[0] == pytest.approx(0.5)  # left from state 2 to 3 or 4 alike


@given(matrices(), st.floats(0.01, 0.4))
def test_the_mixing_time_is_the_first_step_that_is_close(matrix: np.ndarray, epsilon: float) -> None:
    found = mixing_time(matrix, epsilon=epsilon)
    if found.steps is None:
        assert found.reason
        assert chain_structure(matrix).reason == found.reason
        return
    law, chain = stationary_law(matrix), ChainPowers(matrix)

    def distance(n: int) -> float:
        return float(0.5 * np.abs(chain.power(n) - law).sum(axis=1).max())

    assert distance(found.steps) <= epsilon + 1e-12
    assert found.steps == 0 or distance(found.steps - 1) > epsilon - 1e-9
