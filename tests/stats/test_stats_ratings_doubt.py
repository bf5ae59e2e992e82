"""Bootstrap, clusters, rank ranges and raters: the doubt of ratings."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.core.errors import InvalidInputError
from assay.stats.ratings.battles import Battles, PairCounts
from assay.stats.ratings.bradley_terry import bradley_terry
from assay.stats.ratings.covariance import clustered, sandwiched
from assay.stats.ratings.likelihood import outcomes_of
from assay.stats.ratings.newton import maximise
from assay.stats.ratings.problem import POSITION, problem_of
from assay.stats.ratings.ranks import rank_ranges
from assay.stats.ratings.raters import rater_bradley_terry

pytestmark = pytest.mark.slow

STRENGTH = np.linspace(-0.7, 0.7, 4)


def clustered_battles(rng: np.random.Generator, *, n: int = 800, ties: float = 0.2, **more: object) -> Battles:
    """Battles of which ten at a time share a prompt, and the prompt's leaning to one model."""
    prompt = np.repeat(np.arange(n // 10), 10)
    leaning = rng.normal(scale=0.8, size=(n // 10, 4))
    a = rng.integers(4, size=n)
    b = (a + rng.integers(1, 4, size=n)) % 4
    eta = STRENGTH[a] - STRENGTH[b] + leaning[prompt, a] - leaning[prompt, b]
    score = (rng.random(n) < 1 / (1 + np.exp(-eta))).astype(float)
    score[rng.random(n) < ties] = 0.5
    return Battles.of(a, b, score, names=list("wxyz"), cluster=prompt, **more)  # type: ignore[arg-type]


def errors(table: object) -> np.ndarray:
    return np.array([e.std_error for e in table.ratings], dtype=float)  # type: ignore[attr-defined]


# --- likelihoods and sandwich ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("ties", ["half", "davidson", "rao-kupper"])
def test_slopes_are_those_of_the_probabilities(ties: str) -> None:
    model, eta, theta, h = outcomes_of(ties), np.linspace(-3, 3, 13), 0.4, 1e-6  # type: ignore[arg-type]
    in_eta, in_theta = model.scores(eta, theta)
    shares = model.probabilities(eta, theta)
    assert shares.sum(axis=0) == pytest.approx(np.ones(13))
    rows = slice(0, 2) if ties == "half" else slice(0, 3)  # half a win each has no probability of its own
    up, down = (np.log(model.probabilities(eta + step, theta)[rows]) for step in (h, -h))
    assert in_eta[rows] == pytest.approx((up - down) / (2 * h), abs=1e-7)
    if in_theta is not None:
        up, down = (np.log(model.probabilities(eta, theta + step)) for step in (h, -h))
        assert in_theta == pytest.approx((up - down) / (2 * h), abs=1e-7)


@pytest.mark.parametrize("ties", ["half", "davidson", "rao-kupper"])
def test_cluster_sums_are_those_of_a_loop(ties: str) -> None:
    battles = clustered_battles(np.random.default_rng(20), n=200)
    problem = problem_of(battles, battles.counts(), np.arange(4), position=True)
    model, start = outcomes_of(ties), np.zeros(5) if ties == "half" else np.r_[np.zeros(5), 0.3]  # type: ignore[arg-type]
    fit, rows = maximise(problem.rows, model, start), problem.as_battles()
    in_eta, in_theta = model.scores(rows.eta(fit.point), float(fit.point[-1]))
    sums = np.zeros((20, start.size))
    for battle in range(200):
        group, outcome = battles.cluster[battle], battles.outcome[battle]  # type: ignore[index]
        sums[group, [battles.a[battle], battles.b[battle], 4]] += np.array([1, -1, 1]) * in_eta[outcome, battle]
        if in_theta is not None:
            sums[group, 5] += in_theta[outcome, battle]
    assert sums.sum(axis=0) == pytest.approx(np.zeros(start.size), abs=1e-6)
    expected = sandwiched(fit, sums.T @ sums, 4, 0.0)
    assert clustered(fit, rows, model, battles, ridge=0.0) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("interval", ["sandwich", "model"])
def test_a_prior_that_outweighs_the_data_leaves_its_own_variance(interval: str) -> None:
    battles = clustered_battles(np.random.default_rng(21), ties=0.0)
    plain = replace(battles, cluster=None, n_clusters=None)
    table = bradley_terry(plain, ridge=1e6, interval=interval)  # type: ignore[arg-type]
    assert table.covariance == pytest.approx(1e-6 * (np.eye(4) - 0.25), rel=1e-3)


# --- bootstrap ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("ties", ["half", "davidson", "rao-kupper"])
def test_the_bootstrap_agrees_with_the_sandwich(ties: str) -> None:
    battles = clustered_battles(np.random.default_rng(1))
    for data in (battles, battles.counts()):
        drawn = bradley_terry(data, ties=ties, interval="bootstrap", rounds=400, rng=np.random.default_rng(2))  # type: ignore[arg-type]
        solved = bradley_terry(data, ties=ties)  # type: ignore[arg-type]
        assert errors(drawn) == pytest.approx(errors(solved), rel=0.12)
        assert drawn.freedom == 399
        assert drawn.failed_rounds == 0


def test_clusters_widen_both_intervals() -> None:
    battles = clustered_battles(np.random.default_rng(3), ties=0.0)
    for interval in ("sandwich", "bootstrap"):
        rng = np.random.default_rng(4)
        whole = bradley_terry(battles, interval=interval, rng=rng)  # type: ignore[arg-type]
        single = bradley_terry(replace(battles, cluster=None, n_clusters=None), interval=interval, rng=rng)  # type: ignore[arg-type]
        assert errors(whole).mean() > 1.15 * errors(single).mean()
        assert whole.ratings[0].method == f"bradley-terry-cluster-{interval}"
        assert (whole.n_clusters, single.n_clusters) == (80, None)


def test_position_weights_and_covariates_are_drawn_again_too() -> None:
    rng = np.random.default_rng(5)
    battles = clustered_battles(rng, weight=rng.uniform(0.5, 2.0, size=800), covariates=rng.normal(size=800))
    plain = replace(battles, covariates=None, covariate_names=())
    for data in (battles, plain, replace(plain, cluster=None, n_clusters=None)):
        drawn = bradley_terry(data, position=True, interval="bootstrap", rounds=200, rng=np.random.default_rng(6))
        solved = bradley_terry(data, position=True)
        assert errors(drawn) == pytest.approx(errors(solved), rel=0.25)
        for name, effect in solved.effects.items():
            assert drawn.effects[name].std_error == pytest.approx(effect.std_error, rel=0.25)


def test_the_same_generator_gives_the_same_bounds() -> None:
    counts = clustered_battles(np.random.default_rng(7)).counts()
    first, second = (
        bradley_terry(counts, interval="bootstrap", rounds=20, rng=np.random.default_rng(8)) for _ in range(2)
    )
    assert first.ratings == second.ratings


def test_resamples_without_finite_ratings_are_counted_and_take_the_bounds_away() -> None:
    counts = PairCounts.of(["x"], ["y"], wins_a=[30], wins_b=[1])
    table = bradley_terry(counts, interval="bootstrap", rng=np.random.default_rng(9))
    assert table.failed_rounds > 20
    assert all(e.value is not None and e.low is None and "resamples" in (e.reason or "") for e in table.ratings)
    assert table.difference("x", "y").low is None
    assert {(r.low, r.high) for r in rank_ranges(table)} == {(1, 2)}
    held = bradley_terry(counts, interval="bootstrap", ridge=0.5, rng=np.random.default_rng(9))
    assert held.failed_rounds == 0 and held.rating("x").low is not None


def test_one_cluster_gives_no_bounds() -> None:
    battles = clustered_battles(np.random.default_rng(10), n=100)
    one = replace(battles, cluster=np.zeros(100, dtype=np.int64), n_clusters=1)
    for interval in ("sandwich", "bootstrap"):
        rated = bradley_terry(one, interval=interval, rng=np.random.default_rng(1)).rating("w")  # type: ignore[arg-type]
        assert rated.value is not None and rated.low is None and rated.reason == "all battles share one cluster"


def test_fewer_clusters_than_ratings_give_no_bounds() -> None:
    battles = clustered_battles(np.random.default_rng(22), n=300)
    few = replace(battles, cluster=np.arange(300) % 3, n_clusters=3)
    for interval in ("sandwich", "bootstrap"):
        table = bradley_terry(few, interval=interval, rng=np.random.default_rng(1))  # type: ignore[arg-type]
        assert table.rating("w").reason == "3 clusters are too few for 3 ratings and effects"
    assert bradley_terry(few, ties="davidson", interval="model").rating("w").low is not None


def test_nothing_but_ties_has_no_spread() -> None:
    rated = bradley_terry(Battles.of(["x"] * 9, ["y"] * 9, ["tie"] * 9)).rating("x")
    assert rated.value == pytest.approx(0.0) and rated.low is None and "tie" in (rated.reason or "")
    rows = [("x", "y", "tie"), ("x", "z", "a"), ("x", "z", "b"), ("y", "z", "a"), ("y", "z", "b")] * 3
    table = bradley_terry(Battles.of(*zip(*rows, strict=True)))
    assert table.rating("x").low is not None
    assert {(r.low, r.high) for r in rank_ranges(table)} == {(1, 3)}


def test_weighted_counts_cannot_be_drawn_again() -> None:
    battles = clustered_battles(np.random.default_rng(11), weight=np.full(800, 2.0))
    with pytest.raises(InvalidInputError, match="weighted"):
        bradley_terry(battles.counts(), interval="bootstrap", rng=np.random.default_rng(1))


def test_winners_foretold_by_position_have_a_reason() -> None:
    battles = Battles.of(["x", "y"] * 5, ["y", "x"] * 5, ["a"] * 10)
    table = bradley_terry(battles, position=True)
    assert all(e.value is None and "foretell" in (e.reason or "") for e in table.ratings)
    assert bradley_terry(battles).rating("x").value == pytest.approx(0.0)
    assert POSITION not in table.effects


# --- ranks ----------------------------------------------------------------------------------------------------------
def test_rank_ranges_by_hand() -> None:
    counts = PairCounts.of(["x", "x", "y"], ["y", "z", "z"], wins_a=[500, 900, 900], wins_b=[500, 100, 100])
    ranges = {r.model: (r.low, r.high) for r in rank_ranges(bradley_terry(counts))}
    assert ranges == {"x": (1, 2), "y": (1, 2), "z": (3, 3)}


@given(st.integers(0, 10_000))
@settings(max_examples=15, deadline=None)
def test_wider_families_have_wider_ranges_that_hold_the_rank(seed: int) -> None:
    rng = np.random.default_rng(seed)
    table = bradley_terry(clustered_battles(rng, n=200))
    none, model, everything = (rank_ranges(table, family=family) for family in ("none", "model", "all"))  # type: ignore[arg-type]
    for narrow, middle, wide in zip(none, model, everything, strict=True):
        assert wide.low <= middle.low <= narrow.low <= (narrow.rank or 0) <= narrow.high <= middle.high <= wide.high
    assert min(r.rank or 0 for r in none) == 1


def test_joint_draws_find_the_studentised_range() -> None:
    """Independent ratings of equal variance: the largest difference is Tukey's, q(.05; 4, ∞) = 3.633 (his table)."""
    from assay.stats.ratings.ranks import _limits

    covariance = np.eye(4) - 0.25
    error = np.where(np.eye(4) > 0, np.inf, np.sqrt(2.0))
    limits = _limits(covariance, error, np.inf, "all", 0.95, np.random.default_rng(1), 40_000)
    assert limits == pytest.approx(np.full(4, 3.633 / np.sqrt(2)), abs=0.03)
    tukey_10 = _limits(covariance, error, 10, "all", 0.95, np.random.default_rng(2), 40_000)
    assert tukey_10 == pytest.approx(np.full(4, 4.327 / np.sqrt(2)), abs=0.05)  # q(.05; 4, 10) = 4.327
    one = _limits(covariance, error, np.inf, "model", 0.95, np.random.default_rng(3), 40_000)
    assert one == pytest.approx(np.full(4, 2.349), abs=0.03)  # Dunnett's two-sided d(.05; 3, ∞) = 2.349


def test_without_draws_the_limits_are_bonferronis() -> None:
    from assay.stats.ratings.ranks import _limits

    covariance, error = np.eye(4) - 0.25, np.full((4, 4), np.sqrt(2.0))
    every = _limits(covariance, error, np.inf, "all", 0.95, None, 4_000)
    assert every == pytest.approx(np.full(4, 2.6383), abs=1e-4)  # normal quantile of 1 - .025/6
    one = _limits(covariance, error, 10, "model", 0.95, None, 4_000)
    assert one == pytest.approx(np.full(4, 2.8701), abs=1e-4)  # t quantile of 1 - .025/3 with 10 degrees of freedom


def test_a_model_without_a_rating_may_stand_anywhere() -> None:
    rows = [("x", "y", "a"), ("y", "x", "a")] * 3 + [("best", "x", "a")]
    best, x, y = rank_ranges(bradley_terry(Battles.of(*zip(*rows, strict=True))))
    assert (best.rank, best.low, best.high) == (None, 1, 3) and best.reason
    assert (x.low, x.high, y.low, y.high) == (1, 3, 1, 3)


@pytest.mark.parametrize("bad", [{"family": "some"}, {"confidence": 1.0}, {"draws": 10}])
def test_bad_rank_arguments_are_refused(bad: dict) -> None:
    with pytest.raises(InvalidInputError):
        rank_ranges(bradley_terry(clustered_battles(np.random.default_rng(12))), **bad)


# --- raters ---------------------------------------------------------------------------------------------------------
def rated_battles(rng: np.random.Generator, skill: np.ndarray, position: np.ndarray, *, votes: int) -> Battles:
    n = votes * skill.size
    rater = np.repeat(np.arange(skill.size), votes)
    a = rng.integers(4, size=n)
    b = (a + rng.integers(1, 4, size=n)) % 4
    eta = skill[rater] * (STRENGTH[a] - STRENGTH[b]) + position[rater]
    return Battles.of(a, b, rng.random(n) < 1 / (1 + np.exp(-eta)), names=list("wxyz"), rater=rater)


def test_careless_and_biased_raters_are_found_and_do_not_pull_the_ratings() -> None:
    rng = np.random.default_rng(13)
    skill, position = np.r_[np.full(10, 1.3), np.zeros(10)], np.r_[np.zeros(19), 2.0]
    fit = rater_bradley_terry(rated_battles(rng, skill, position, votes=150))
    found = np.array([e.value for e in fit.skill])
    assert found[:10].min() > found[10:].max()
    biased = fit.position[fit.raters.index("19")]
    assert biased.low is not None and biased.low > 1.0
    assert fit.table.order() == ["z", "y", "x", "w"]


def test_raters_who_are_known_to_be_alike_give_plain_bradley_terry() -> None:
    battles = rated_battles(np.random.default_rng(14), np.ones(6), np.zeros(6), votes=60)
    fit = rater_bradley_terry(battles, skill_sd=1e-5, position_sd=1e-5)
    plain = bradley_terry(battles, interval="model")
    assert fit.table.log_odds == pytest.approx(plain.log_odds, abs=1e-5)
    assert fit.table.covariance == pytest.approx(plain.covariance, abs=1e-6)
    assert [e.value for e in fit.skill] == pytest.approx(np.ones(6), abs=1e-4)


def test_rater_effects_are_integrated_out_like_on_a_fine_grid() -> None:
    from scipy.optimize import minimize

    rng = np.random.default_rng(15)
    battles = rated_battles(rng, np.array([1.4, 0.3, 1.0]), np.array([0.5, 0.0, -0.5]), votes=50)
    assert battles.rater is not None
    won, rater = battles.outcome == 0, battles.rater
    skill, position = (g.ravel() for g in np.meshgrid(np.linspace(-1.5, 3.5, 31), np.linspace(-2.5, 2.5, 31)))
    prior = -((skill - 1) ** 2 / 0.5**2 + position**2 / 0.4**2) / 2

    def logs(point: np.ndarray) -> np.ndarray:
        rating = point - point.mean()
        gap = np.where(won, 1, -1) * (rating[battles.a] - rating[battles.b])
        eta = skill[:, None] * gap + np.where(won, 1, -1) * position[:, None]
        each = -np.logaddexp(0, -eta)
        return np.stack([each[:, rater == k].sum(axis=1) + prior for k in range(3)])

    def value(point: np.ndarray) -> float:
        return float(np.logaddexp.reduce(logs(point), axis=1).sum())

    def means(point: np.ndarray) -> np.ndarray:
        share = np.exp(logs(point) - np.logaddexp.reduce(logs(point), axis=1)[:, None])
        return np.stack([share @ skill, share @ position, share @ skill**2])

    best = minimize(lambda x: -value(x), np.zeros(4), method="BFGS", tol=1e-5).x
    fit = rater_bradley_terry(battles, skill_sd=0.5, position_sd=0.4)
    assert fit.table.log_odds == pytest.approx(best - best.mean(), abs=2e-3)
    area = (5.0 / 30) ** 2
    assert fit.table.log_likelihood == pytest.approx(value(best) + 3 * np.log(area), abs=1e-2)
    first, second, squares = means(best)
    assert [e.value for e in fit.skill] == pytest.approx(first, abs=2e-3)
    assert [e.value for e in fit.position] == pytest.approx(second, abs=2e-3)
    # doubt: the curvature of the marginal likelihood, and how a skill moves with the ratings
    step = 1e-2 * np.eye(4)
    corners = [[value(best + u + v) + value(best - u - v) - 2 * value(best + u - v) for u in step] for v in step]
    curve = (np.array(corners) + np.array(corners).T) / 8e-4
    covariance = np.linalg.pinv(-curve, rcond=1e-3, hermitian=True)
    assert fit.table.covariance == pytest.approx(covariance, abs=1e-3)
    pulls = np.array([(means(best + u)[0] - means(best - u)[0]) / 2e-2 for u in step])
    errors = np.sqrt(squares - first**2 + np.einsum("ik,ij,jk->k", pulls, covariance, pulls))
    assert [e.std_error for e in fit.skill] == pytest.approx(errors, rel=0.02)


def test_raters_of_models_without_ratings_have_a_reason() -> None:
    fit = rater_bradley_terry(Battles.of(["x"], ["y"], ["a"], rater=["ann"]))
    assert fit.skill[0].value is None and fit.skill[0].reason and fit.table.order() == []


@pytest.mark.parametrize("bad", [{"skill_sd": 0.0}, {"position_sd": np.inf}, {"anchor": "nobody"}, {"confidence": 0.0}])
def test_bad_rater_arguments_are_refused(bad: dict) -> None:
    battles = rated_battles(np.random.default_rng(16), np.ones(3), np.zeros(3), votes=20)
    with pytest.raises(InvalidInputError):
        rater_bradley_terry(battles, **bad)
    with pytest.raises(InvalidInputError, match="no raters"):
        rater_bradley_terry(replace(battles, rater=None))
