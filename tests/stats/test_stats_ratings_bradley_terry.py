"""Bradley–Terry: published fits, outside implementations, ties, covariates, and data without a finite answer."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.core.errors import InvalidInputError
from assay.stats.ratings.battles import Battles, PairCounts
from assay.stats.ratings.bradley_terry import bradley_terry
from assay.stats.ratings.problem import POSITION
from assay.stats.ratings.table import ELO_POINTS, RatingTable

TEAMS = ("Milwaukee", "Detroit", "Toronto", "New York", "Boston", "Cleveland", "Baltimore")
HOME_WINS_AND_LOSSES = (
    (None, (4, 3), (4, 2), (4, 3), (6, 1), (4, 2), (6, 0)),
    ((3, 3), None, (4, 2), (4, 3), (6, 0), (6, 1), (4, 3)),
    ((2, 5), (4, 3), None, (2, 4), (4, 3), (4, 2), (6, 0)),
    ((3, 3), (5, 1), (2, 5), None, (4, 3), (4, 2), (6, 1)),
    ((5, 1), (2, 5), (3, 3), (4, 2), None, (5, 2), (6, 0)),
    ((2, 5), (3, 3), (3, 4), (4, 3), (4, 2), None, (2, 4)),
    ((2, 5), (1, 5), (1, 6), (2, 4), (1, 6), (3, 4), None),
)


def baseball() -> PairCounts:
    """American League, eastern division, 1987: Agresti (2002), Categorical Data Analysis, table 10.10."""
    rows = [
        (home, away, *result)
        for home, line in zip(TEAMS, HOME_WINS_AND_LOSSES, strict=True)
        for away, result in zip(TEAMS, line, strict=True)
        if result is not None
    ]
    home, away, won, lost = zip(*rows, strict=True)
    return PairCounts.of(home, away, wins_a=won, wins_b=lost)


def drawn(
    rng: np.random.Generator, n: int, *, size: int = 5, ties: float = 0.0, effect: float = 0.0, **more: object
) -> Battles:
    """Battles under Davidson's model, with one covariate where it has an effect."""
    strength = np.linspace(-0.8, 0.8, size)
    a = rng.integers(size, size=n)
    b = (a + rng.integers(1, size, size=n)) % size
    x = rng.normal(size=n)
    eta = strength[a] - strength[b] + effect * x
    weights = np.stack([np.exp(eta / 2), np.exp(-eta / 2), np.full(n, ties)])
    mark = rng.random(n) * weights.sum(axis=0)
    score = np.where(mark < weights[0], 1.0, np.where(mark < weights[0] + weights[1], 0.0, 0.5))
    if effect:
        more["covariates"] = x
    return Battles.of(a, b, score, names=[f"m{i}" for i in range(size)], **more)  # type: ignore[arg-type]


def values(table: RatingTable) -> np.ndarray:
    return np.array([e.value for e in table.ratings], dtype=float)


def errors(table: RatingTable) -> np.ndarray:
    return np.array([e.std_error for e in table.ratings], dtype=float)


# --- published ------------------------------------------------------------------------------------------------------
def test_baseball_without_home_advantage_is_agrestis_and_firths() -> None:
    """Turner & Firth (2012), J. Statistical Software 48(9), section 2: the fit baseballModel1."""
    table = bradley_terry(baseball(), interval="model", anchor="Baltimore")
    published = {
        "Boston": (1.1077, 0.3339), "Cleveland": (0.6839, 0.3319), "Detroit": (1.4364, 0.3396),
        "Milwaukee": (1.5814, 0.3433), "New York": (1.2476, 0.3359), "Toronto": (1.2945, 0.3367),
    }  # fmt: skip
    for team, (rating, std_error) in published.items():
        assert table.rating(team).value == pytest.approx(rating, abs=5e-5)
        assert table.rating(team).std_error == pytest.approx(std_error, abs=5e-5)
    assert (table.rating("Baltimore").value, table.rating("Baltimore").std_error) == (0.0, 0.0)


def test_baseball_with_home_advantage_is_the_published_one() -> None:
    """The same paper, baseballModel2: home advantage 0.3023, standard error 0.1309; Agresti: .302, .131."""
    table = bradley_terry(baseball(), interval="model", position=True, anchor="Baltimore")
    assert table.effects[POSITION].value == pytest.approx(0.3023, abs=5e-5)
    assert table.effects[POSITION].std_error == pytest.approx(0.1309, abs=5e-5)
    assert table.rating("Detroit").value == pytest.approx(1.4754, abs=5e-5)


def test_two_models_by_hand() -> None:
    table = bradley_terry(PairCounts.of(["x"], ["y"], wins_a=[30], wins_b=[10]), interval="model")
    assert table.difference("x", "y").value == pytest.approx(np.log(3))
    assert table.difference("x", "y").std_error == pytest.approx(np.sqrt(1 / 30 + 1 / 10))
    assert table.expected_score("x", "y").value == pytest.approx(0.75)


def test_two_models_with_ties_by_hand() -> None:
    """Davidson (1970): with one pair the fit is exact, ν = ties / √(wins · losses)."""
    counts = PairCounts.of(["x"], ["y"], wins_a=[40], wins_b=[10], ties=[30])
    table = bradley_terry(counts, ties="davidson")
    assert table.tie_parameter == pytest.approx(30 / np.sqrt(400))
    assert table.difference("x", "y").value == pytest.approx(np.log(4))
    assert table.expected_score("x", "y").value == pytest.approx(55 / 80)
    kupper = bradley_terry(counts, ties="rao-kupper")
    # Rao & Kupper (1967): P(a) = π₁ / (π₁ + θ π₂) gives π₁ / (θ π₂) = 1 and θ π₁ / π₂ = 7
    assert kupper.tie_parameter == pytest.approx(np.sqrt(7))
    assert kupper.difference("x", "y").value == pytest.approx(np.log(np.sqrt(7)))
    assert kupper.expected_score("x", "y").value == pytest.approx(55 / 80)


# --- outside implementations ----------------------------------------------------------------------------------------
def test_ratings_are_choix_s() -> None:
    import choix

    battles = drawn(np.random.default_rng(1), 600)
    won, lost = np.where(battles.outcome == 0, (battles.a, battles.b), (battles.b, battles.a))
    theirs = choix.opt_pairwise(5, list(zip(won.tolist(), lost.tolist(), strict=True)), alpha=0.0, tol=1e-10)
    assert bradley_terry(battles).log_odds == pytest.approx(theirs - theirs.mean(), abs=1e-5)


def test_ratings_with_ties_as_half_are_evalica_s() -> None:
    import evalica

    battles = drawn(np.random.default_rng(2), 600, ties=0.5)
    labels = [f"m{i}" for i in range(5)]
    winners = [(evalica.Winner.X, evalica.Winner.Y, evalica.Winner.Draw)[k] for k in battles.outcome]
    theirs = evalica.bradley_terry(
        [labels[i] for i in battles.a], [labels[i] for i in battles.b], winners, tolerance=1e-12, limit=10_000
    )
    strengths = np.log(theirs.scores.loc[labels].to_numpy())
    assert bradley_terry(battles).log_odds == pytest.approx(strengths - strengths.mean(), abs=1e-4)


def _design(battles: Battles, x: np.ndarray | None = None) -> np.ndarray:
    """One row a battle, the last model as the reference, then the covariates."""
    table = np.zeros((battles.n, len(battles.names)))
    table[np.arange(battles.n), battles.a] = 1.0
    table[np.arange(battles.n), battles.b] = -1.0
    return table[:, :-1] if x is None else np.column_stack([table[:, :-1], x])


def test_style_control_is_statsmodels_logit() -> None:
    import statsmodels.api as sm

    battles = drawn(np.random.default_rng(3), 800, effect=0.7)
    assert battles.covariates is not None
    x = np.column_stack([np.ones(battles.n), battles.covariates])
    fit = sm.Logit((battles.outcome == 0).astype(float), _design(battles, x)).fit(disp=0, tol=1e-12)
    table = bradley_terry(battles, position=True, interval="model", anchor="m4")
    assert values(table)[:-1] == pytest.approx(fit.params[:4], abs=1e-7)
    assert errors(table)[:-1] == pytest.approx(fit.bse[:4], abs=1e-7)
    for name, at in ((POSITION, 4), ("covariate_1", 5)):
        assert table.effects[name].value == pytest.approx(fit.params[at], abs=1e-7)
        assert table.effects[name].std_error == pytest.approx(fit.bse[at], abs=1e-7)
    assert table.log_likelihood == pytest.approx(fit.llf)


@pytest.mark.parametrize("clustered", [False, True])
def test_the_sandwich_is_statsmodels_robust_covariance(clustered: bool) -> None:
    import statsmodels.api as sm

    rng = np.random.default_rng(4)
    cluster = rng.integers(60, size=500)
    battles = drawn(rng, 500, ties=0.6, effect=0.5, **({"cluster": cluster} if clustered else {}))
    score = np.array([1.0, 0.0, 0.5])[battles.outcome]
    model = sm.GLM(score, _design(battles, battles.covariates), family=sm.families.Binomial())
    if clustered:
        theirs = model.fit(cov_type="cluster", cov_kwds={"groups": cluster, "use_correction": False})
        factor = 60 / 59
    else:
        theirs, factor = model.fit(cov_type="HC0"), 500 / (500 - 5)
    table = bradley_terry(battles, anchor="m4")
    assert values(table)[:-1] == pytest.approx(theirs.params[:4], abs=1e-6)
    assert errors(table)[:-1] == pytest.approx(np.sqrt(factor) * theirs.bse[:4], rel=1e-5)
    assert table.effects["covariate_1"].std_error == pytest.approx(np.sqrt(factor) * theirs.bse[4], rel=1e-5)
    assert table.n_clusters == (60 if clustered else None)


def test_davidson_is_fienbergs_log_linear_model() -> None:
    """Fienberg (1979), Biometrics 35, 479-481: Poisson counts with a term for each pair."""
    import statsmodels.api as sm

    battles = drawn(np.random.default_rng(5), 900, ties=0.7)
    counts = battles.counts().unordered()
    pairs, rows, y = counts.a.size, [], []
    for pair, (i, j) in enumerate(zip(counts.a, counts.b, strict=True)):
        for outcome, (mine, other, tie) in enumerate(((0.5, -0.5, 0.0), (-0.5, 0.5, 0.0), (0.0, 0.0, 1.0))):
            row = np.zeros(5 + 1 + pairs)
            row[i], row[j], row[5], row[6 + pair] = mine, other, tie, 1.0
            rows.append(np.delete(row, 4))
            y.append(counts.sums[outcome, pair])
    fit = sm.GLM(np.array(y), np.array(rows), family=sm.families.Poisson()).fit(tol=1e-12)
    table = bradley_terry(battles, ties="davidson", interval="model", anchor="m4")
    assert values(table)[:-1] == pytest.approx(fit.params[:4], abs=1e-6)
    assert errors(table)[:-1] == pytest.approx(fit.bse[:4], abs=1e-6)
    assert np.log(table.tie_parameter or 0.0) == pytest.approx(fit.params[4], abs=1e-6)


def test_rao_kupper_is_the_ordered_logit() -> None:
    """A cumulative logit with thresholds ±τ; every battle in both orders makes the thresholds symmetric."""
    from statsmodels.miscmodels.ordinal_model import OrderedModel

    battles = drawn(np.random.default_rng(6), 400, size=4, ties=0.7)
    level = np.array([2, 0, 1])[battles.outcome]
    design = _design(battles)
    fit = OrderedModel(np.r_[level, 2 - level], np.r_[design, -design], distr="logit").fit(
        method="bfgs", disp=0, gtol=1e-8, maxiter=500
    )
    table = bradley_terry(battles, ties="rao-kupper", interval="model", anchor="m3")
    assert values(table)[:-1] == pytest.approx(fit.params[:3], abs=1e-4)
    assert errors(table)[:-1] == pytest.approx(np.sqrt(2) * fit.bse[:3], rel=1e-3)
    assert np.log(table.tie_parameter or 0.0) == pytest.approx(-fit.params[3], abs=1e-4)


# --- properties -----------------------------------------------------------------------------------------------------
@given(st.integers(0, 10_000), st.sampled_from(["half", "davidson", "rao-kupper"]))
@settings(max_examples=25, deadline=None)
def test_exchanging_a_and_b_and_renaming_change_nothing(seed: int, ties: str) -> None:
    battles = drawn(np.random.default_rng(seed), 200, ties=0.5)
    turned = Battles.of(battles.b, battles.a, 1.0 - np.array([1.0, 0.0, 0.5])[battles.outcome], names=battles.names)
    first, second = bradley_terry(battles, ties=ties), bradley_terry(turned, ties=ties)  # type: ignore[arg-type]
    assert first.log_odds == pytest.approx(second.log_odds, abs=1e-8)
    assert first.covariance == pytest.approx(second.covariance, abs=1e-10)


@given(st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_fitted_wins_equal_observed_wins(seed: int) -> None:
    """The likelihood equations of Bradley & Terry (1952)."""
    counts = drawn(np.random.default_rng(seed), 150, ties=0.3).counts().unordered()
    table = bradley_terry(counts)
    share = 1 / (1 + np.exp(table.log_odds[counts.b] - table.log_odds[counts.a]))
    total, won = counts.sums.sum(axis=0), counts.sums[0] + counts.sums[2] / 2
    expected = np.bincount(counts.a, total * share, 5) + np.bincount(counts.b, total * (1 - share), 5)
    observed = np.bincount(counts.a, won, 5) + np.bincount(counts.b, total - won, 5)
    assert expected == pytest.approx(observed, abs=1e-6)


def test_elo_points_and_anchors_are_the_same_differences() -> None:
    battles = drawn(np.random.default_rng(7), 400)
    plain, elo = bradley_terry(battles), bradley_terry(battles, scale="elo", anchor="m0")
    assert elo.rating("m0").value == 1000.0
    assert np.mean(values(bradley_terry(battles, scale="elo"))) == pytest.approx(1000.0)
    gap, points = plain.difference("m3", "m1"), elo.difference("m3", "m1")
    assert points.value == pytest.approx(ELO_POINTS * (gap.value or 0.0))
    assert points.std_error == pytest.approx(ELO_POINTS * (gap.std_error or 0.0))
    assert (points.unit, gap.unit) == ("elo points", "log-odds")
    assert elo.rating("m3").std_error == pytest.approx(elo.difference("m3", "m0").std_error or 0.0)
    assert plain.order() == elo.order()


def test_weights_of_two_are_battles_counted_twice_for_the_ratings_but_not_for_the_doubt() -> None:
    battles = drawn(np.random.default_rng(8), 300)
    heavy = Battles.of(battles.a, battles.b, battles.outcome == 0, names=battles.names, weight=np.full(300, 2.0))
    plain, weighted = bradley_terry(battles), bradley_terry(heavy)
    assert values(weighted) == pytest.approx(values(plain), abs=1e-9)
    assert errors(weighted) == pytest.approx(errors(plain), rel=1e-9)


def test_counts_and_battles_give_the_same_table() -> None:
    battles = drawn(np.random.default_rng(9), 300, ties=0.5)
    for ties in ("half", "davidson", "rao-kupper"):
        one, other = bradley_terry(battles, ties=ties), bradley_terry(battles.counts(), ties=ties)  # type: ignore[arg-type]
        assert one.log_odds == pytest.approx(other.log_odds, abs=1e-12)
        assert one.covariance == pytest.approx(other.covariance, abs=1e-12)


def test_clusters_of_one_battle_are_the_plain_sandwich() -> None:
    battles = drawn(np.random.default_rng(10), 200, ties=0.5)
    score = np.array([1.0, 0.0, 0.5])[battles.outcome]
    each = Battles.of(battles.a, battles.b, score, names=battles.names, cluster=np.arange(200))
    for ties, parameters in (("half", 4), ("davidson", 5), ("rao-kupper", 5)):
        plain, single = bradley_terry(battles, ties=ties), bradley_terry(each, ties=ties)  # type: ignore[arg-type]
        factor = (200 / 199) / (200 / (200 - parameters))
        assert single.covariance == pytest.approx(factor * plain.covariance, rel=1e-8, abs=1e-12)


# --- no finite answer -----------------------------------------------------------------------------------------------
def _unbeaten() -> Battles:
    rows = [("x", "y", "a"), ("y", "x", "a"), ("y", "z", "a"), ("z", "y", "a"), ("best", "x", "a"), ("best", "z", "a")]
    return Battles.of(*zip(*rows, strict=True))


def test_a_model_that_always_wins_has_a_reason_and_does_not_disturb_the_rest() -> None:
    table = bradley_terry(_unbeaten())
    best = table.rating("best")
    assert (best.value, best.low, best.high) == (None, None, None)
    assert best.reason is not None and "below the rated models" in best.reason and "ridge" in best.reason
    assert best.n == 2
    assert table.order() == ["x", "y", "z"]
    assert values(table)[1:] == pytest.approx([0.0, 0.0, 0.0], abs=1e-9)
    gap = table.difference("best", "x")
    assert gap.value is None and gap.reason == best.reason
    assert table.expected_score("x", "best").value is None
    anchored = bradley_terry(_unbeaten(), anchor="best")
    assert all(e.value is None and e.reason for e in anchored.ratings)


@pytest.mark.parametrize("ties", ["half", "davidson", "rao-kupper"])
def test_a_ridge_gives_every_model_a_rating_and_says_so(ties: str) -> None:
    battles = Battles.of(["x", "y", "x", "x"], ["y", "z", "z", "y"], ["a", "a", "a", "tie"])
    table = bradley_terry(battles, ridge=1.0, ties=ties)  # type: ignore[arg-type]
    assert table.order() == ["x", "y", "z"]
    assert all(e.low is not None and "ridge" in e.method for e in table.ratings)


def test_the_ridge_is_a_normal_prior() -> None:
    """One battle x over y with prior precision λ on both: λ r = 1 - σ(2 r)."""
    table = bradley_terry(Battles.of(["x"], ["y"], ["a"]), ridge=0.5)
    r = values(table)[0]
    assert 0.5 * r == pytest.approx(1 - 1 / (1 + np.exp(-2 * r)))


def test_results_that_only_go_one_way_rate_nobody() -> None:
    table = bradley_terry(Battles.of(["x", "y"], ["y", "z"], ["a", "a"]))
    assert all(e.value is None and e.reason and "one way" in e.reason for e in table.ratings)
    assert table.order() == []


def test_a_tie_parameter_without_ties_is_missing_with_a_reason() -> None:
    battles = drawn(np.random.default_rng(11), 200)
    table = bradley_terry(battles, ties="davidson")
    assert table.tie is not None and table.tie.reason == "no battle was a tie"
    assert values(table) == pytest.approx(values(bradley_terry(battles)))


def test_a_tie_parameter_that_grows_for_ever_rates_nobody() -> None:
    battles = Battles.of(["x"] * 5, ["y"] * 5, ["a", "a", "tie", "tie", "tie"])
    table = bradley_terry(battles, ties="davidson")
    assert all(e.value is None and e.reason and "tie parameter" in e.reason for e in table.ratings)
    assert bradley_terry(battles).rating("x").value is not None  # half a win each is enough for a plain rating


def test_separation_by_a_covariate_has_a_reason() -> None:
    battles = drawn(np.random.default_rng(12), 100)
    winner = np.where(battles.outcome == 0, 1.0, -1.0)
    told = Battles.of(battles.a, battles.b, battles.outcome == 0, names=battles.names, covariates=winner)
    table = bradley_terry(told)
    assert all(e.value is None and e.reason and "without error" in e.reason for e in table.ratings)


@pytest.mark.parametrize("copies", ["the models", "another", "a constant"])
def test_a_covariate_that_copies_something_is_refused_by_name(copies: str) -> None:
    battles = drawn(np.random.default_rng(13), 200)
    size = np.arange(5.0)
    x = np.random.default_rng(14).normal(size=200)
    table = {"the models": size[battles.a] - size[battles.b], "another": 2 * x, "a constant": np.zeros(200)}[copies]
    told = Battles.of(
        battles.a, battles.b, battles.outcome == 0, names=battles.names,
        covariates=np.column_stack([x, table]), covariate_names=["length", "copy"],
    )  # fmt: skip
    with pytest.raises(InvalidInputError, match="cannot be told from"):
        bradley_terry(told)


def test_a_disconnected_graph_is_refused_even_with_a_ridge() -> None:
    battles = Battles.of(["v", "x"], ["w", "y"], ["tie", "tie"])
    for ridge in (0.0, 1.0):
        with pytest.raises(InvalidInputError, match=r"\{v, w\}; \{x, y\}"):
            bradley_terry(battles, ridge=ridge)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"ridge": -1.0}, "ridge"),
        ({"ridge": float("nan")}, "ridge"),
        ({"interval": "profile"}, "interval"),
        ({"interval": "bootstrap"}, "random generator"),
        ({"interval": "model"}, "half wins"),
        ({"ties": "glenn-david"}, "tie model"),
        ({"anchor": "nobody"}, "anchor"),
        ({"scale": "points"}, "scale"),
        ({"confidence": 1.0}, "confidence"),
    ],
)
def test_bad_arguments_are_refused(more: dict, says: str) -> None:
    with pytest.raises(InvalidInputError, match=says):
        bradley_terry(drawn(np.random.default_rng(15), 100, ties=0.5), **more)


def test_unknown_and_equal_names_are_refused() -> None:
    table = bradley_terry(drawn(np.random.default_rng(16), 100))
    with pytest.raises(InvalidInputError, match="no model"):
        table.rating("m9")
    with pytest.raises(InvalidInputError, match="itself"):
        table.difference("m1", "m1")
