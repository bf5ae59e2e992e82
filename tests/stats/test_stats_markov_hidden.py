"""Hidden Markov models against printed examples and against every path added up."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.core.errors import InvalidInputError
from assay.stats.markov.hidden import (
    CategoricalEmission,
    GaussianEmission,
    HiddenMarkovModel,
    hidden_filter,
    hidden_forecast,
    hidden_log_likelihood,
    hidden_markov_model,
    hidden_smooth,
    viterbi_path,
)
from assay.stats.markov.hidden_fit import fit_hidden_markov

pytestmark = pytest.mark.slow


def rain_walk(n: int, *, dry: float = 0.24, wet: float = 0.67, seed: int = 1) -> list[int]:
    walk = [0]
    for u in np.random.default_rng(seed).random(n - 1):
        walk.append(int(u < (wet if walk[-1] else dry)))
    return walk


UMBRELLA = hidden_markov_model(
    [0.5, 0.5], [[0.7, 0.3], [0.3, 0.7]], CategoricalEmission(probabilities=np.array([[0.9, 0.1], [0.2, 0.8]]))
)
"""Russell & Norvig (2010), Artificial Intelligence, section 15.2: rain behind umbrellas."""
FEVER = hidden_markov_model(
    [0.6, 0.4],
    [[0.7, 0.3], [0.4, 0.6]],
    CategoricalEmission(probabilities=np.array([[0.5, 0.4, 0.1], [0.1, 0.3, 0.6]])),
)


def every_path(model: HiddenMarkovModel, shown: list[int]) -> dict[tuple[int, ...], float]:
    """Probability of each hidden path together with what was shown."""
    density = np.exp(model.emission.log_density(np.array(shown)))
    chances = {}
    for path in product(range(len(model.start)), repeat=len(shown)):
        chance = model.start[path[0]] * density[0, path[0]]
        for t in range(1, len(shown)):
            chance *= model.transition[path[t - 1], path[t]] * density[t, path[t]]
        chances[path] = float(chance)
    return chances


def test_the_umbrella_world_has_the_printed_filter_and_smoother() -> None:
    """Russell & Norvig: filtered .818, .883; smoothed .883 for the first day."""
    assert hidden_filter(UMBRELLA, [0, 0])[:, 0].round(3).tolist() == [0.818, 0.883]
    assert hidden_smooth(UMBRELLA, [0, 0])[0, 0] == pytest.approx(0.883, abs=5e-4)
    np.testing.assert_allclose(
        hidden_smooth(UMBRELLA, [0, 0, 1, 0, 0])[:, 0].round(4), [0.8673, 0.8204, 0.3075, 0.8204, 0.8673]
    )


def test_viterbi_finds_the_printed_path() -> None:
    """The widely printed healthy-fever example: normal, cold, dizzy → healthy, healthy, fever with .01512."""
    path = viterbi_path(FEVER, [0, 1, 2])
    assert (path.states.tolist(), round(float(np.exp(path.log_probability)), 5)) == ([0, 0, 1], 0.01512)


@given(st.lists(st.integers(-1, 2), min_size=1, max_size=6))
def test_every_answer_agrees_with_all_paths_added_up(shown: list[int]) -> None:
    chances = every_path(FEVER, shown)
    total = sum(chances.values())
    assert hidden_log_likelihood(FEVER, shown) == pytest.approx(np.log(total), abs=1e-12)
    assert np.exp(viterbi_path(FEVER, shown).log_probability) == pytest.approx(max(chances.values()))
    for t in range(len(shown)):
        sick = sum(chance for path, chance in chances.items() if path[t] == 1)
        assert hidden_smooth(FEVER, shown)[t, 1] == pytest.approx(sick / total, abs=1e-12)
    ahead = hidden_forecast(FEVER, shown, horizons=[1])[0]
    np.testing.assert_allclose(ahead, hidden_filter(FEVER, shown)[-1] @ FEVER.transition, atol=1e-12)


def test_a_thousand_far_outliers_do_not_underflow() -> None:
    model = hidden_markov_model(
        [1.0, 0.0], [[0.9, 0.1], [0.0, 1.0]], GaussianEmission(means=np.array([0.0, 5.0]), stds=np.array([0.1, 0.1]))
    )
    values = np.full(1_000, 40.0)  # each has a density below e^-60000 in either state
    assert np.isfinite(hidden_log_likelihood(model, values))
    np.testing.assert_allclose(hidden_filter(model, values).sum(axis=1), 1.0)


def test_what_a_model_cannot_emit_is_refused() -> None:
    blind = hidden_markov_model([1.0, 0.0], np.eye(2), CategoricalEmission(probabilities=np.eye(2)))
    for ask in (hidden_log_likelihood, viterbi_path, hidden_filter):
        with pytest.raises(InvalidInputError, match="probability 0"):
            ask(blind, [0, 1])


def test_baum_welch_finds_the_chain_behind_normal_numbers() -> None:
    rng = np.random.default_rng(5)
    hidden = np.array(rain_walk(1_500, dry=0.05, wet=0.9))
    values = np.where(hidden == 1, 3.0, 0.0) + rng.normal(size=1_500)
    values[::50] = np.nan
    fit = fit_hidden_markov(values, states=2, emission="gaussian", rng=rng, restarts=3, max_iterations=60)
    assert isinstance(fit.model.emission, GaussianEmission)
    np.testing.assert_allclose(fit.model.emission.means, [0.0, 3.0], atol=0.25)
    np.testing.assert_allclose(fit.model.emission.stds, [1.0, 1.0], atol=0.15)
    np.testing.assert_allclose(fit.model.transition, [[0.95, 0.05], [0.1, 0.9]], atol=0.05)
    assert fit.log_likelihood == pytest.approx(hidden_log_likelihood(fit.model, values), rel=1e-4)
    agree = (viterbi_path(fit.model, values).states == hidden).mean()
    assert agree > 0.95


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 1000))
def test_no_step_of_baum_welch_loses_likelihood(seed: int) -> None:
    shown = np.random.default_rng(seed).integers(0, 3, 60)
    reached = [
        fit_hidden_markov(
            shown,
            states=2,
            emission="categorical",
            rng=np.random.default_rng(seed),
            restarts=1,
            max_iterations=steps,
            tolerance=0.0,
        ).log_likelihood
        for steps in (1, 2, 4, 8, 16)
    ]
    assert all(b >= a - 1e-9 for a, b in pairwise(reached))


def test_one_hidden_state_is_the_sample_itself() -> None:
    values = np.random.default_rng(1).normal(2.0, 3.0, 200)
    fit = fit_hidden_markov(values, states=1, emission="gaussian", rng=np.random.default_rng(1), restarts=2)
    assert isinstance(fit.model.emission, GaussianEmission)
    assert (fit.model.emission.means[0], fit.model.emission.stds[0]) == pytest.approx((values.mean(), values.std()))
    assert (fit.agreeing, fit.converged) == (1.0, True)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda rng: fit_hidden_markov([0, 1], states=0, emission="categorical", rng=rng), "0 states"),
        (lambda rng: fit_hidden_markov([0.5, 1], states=2, emission="categorical", rng=rng), "symbol numbers"),
        (lambda rng: fit_hidden_markov([0, 5], states=2, emission="categorical", symbols=3, rng=rng), "outside"),
        (lambda rng: fit_hidden_markov([1.0, 1.0], states=2, emission="gaussian", rng=rng), "equal"),
        (lambda rng: fit_hidden_markov([1.0, np.nan], states=2, emission="gaussian", rng=rng), "1 observations"),
        (lambda rng: fit_hidden_markov([1.0, np.inf], states=2, emission="gaussian", rng=rng), "finite"),
        (lambda rng: fit_hidden_markov([1, 2], states=2, emission="poisson", rng=rng), "no emission"),
        (lambda _: hidden_markov_model([1, 0], np.eye(2), CategoricalEmission(probabilities=np.eye(3))), "shape"),
        (
            lambda _: hidden_markov_model(
                [1, 0], np.eye(2), GaussianEmission(means=np.zeros(2), stds=np.array([1.0, 0.0]))
            ),
            "positive spread",
        ),
        (lambda _: hidden_log_likelihood(UMBRELLA, [0, 2]), "outside"),
    ],
)
def test_hidden_chains_refuse_what_they_cannot_read(call: object, words: str) -> None:
    with pytest.raises(InvalidInputError, match=words):
        call(np.random.default_rng(1))  # type: ignore[operator]
