"""Cycles, rankings, promoters and proxies against scipy, statsmodels, choix and published examples."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import choix
import numpy as np
import numpy.typing as npt
import pytest
import statsmodels.api as sm
from scipy import optimize, stats
from statsmodels.discrete.conditional_models import ConditionalLogit
from statsmodels.stats.proportion import proportion_confint

from assay.core.errors import InvalidInputError
from assay.stats.ratings.battles import PairCounts
from assay.stats.structure.hodge import hodge_rank
from assay.stats.structure.plackett_luce import plackett_luce
from assay.stats.structure.promoters import net_promoter_score, promoter_counts
from assay.stats.structure.proxy import proxy_validity

Floats = npt.NDArray[np.float64]
Z = 1.959963984540054
NAMES = "abcdef"


def _battles(seed: int, each: int = 40) -> tuple[PairCounts, Floats, Floats]:
    """All pairs of five systems with a circle among the first three: counts, log-odds and their weights."""
    rng = np.random.default_rng(seed)
    a, b = np.triu_indices(5, 1)
    ahead = 0.3 * (b - a) + np.where((a == 0) & (b == 2), -1.5, 0.0)
    wins = rng.binomial(each, 1 / (1 + np.exp(-ahead))).astype(np.float64)
    won, lost = wins + 0.5, each - wins + 0.5
    counts = PairCounts.of(a, b, wins_a=wins, wins_b=each - wins, names=list(NAMES[:5]))
    return counts, np.log(won / lost), won * lost / (won + lost)


def _incidence(k: int) -> Floats:
    a, b = np.triu_indices(k, 1)
    design = np.zeros((a.size, k))
    design[np.arange(a.size), a], design[np.arange(a.size), b] = 1.0, -1.0
    return design


# cycles


def test_potentials_and_residual_are_weighted_least_squares_of_statsmodels() -> None:
    counts, flow, weight = _battles(1)
    found = hodge_rank(counts, rng=np.random.default_rng(1), repeats=99)
    fit = sm.WLS(flow, _incidence(5)[:, 1:], weights=weight).fit()
    ratings = np.append(0.0, fit.params)
    assert found.potentials == pytest.approx(ratings - ratings.mean(), abs=1e-9)
    assert found.residual_share == pytest.approx(fit.ssr / (weight @ flow**2), rel=1e-9)
    # the whole residual of a complete graph is made of triangles
    assert (found.curl_share, found.harmonic_share) == pytest.approx((found.residual_share, 0.0), abs=1e-12)


def test_curl_is_the_projection_on_triangles_in_an_incomplete_graph() -> None:
    # a square with one diagonal and a tail: two triangles; and a ring of four beside it with none
    pairs = ["ab", "bc", "cd", "ad", "ac", "de", "ef", "fg", "dg"]
    rng = np.random.default_rng(4)
    wins = rng.integers(5, 36, size=len(pairs)).astype(np.float64)
    counts = PairCounts.of([p[0] for p in pairs], [p[1] for p in pairs], wins_a=wins, wins_b=40 - wins)
    found = hodge_rank(counts, rng=np.random.default_rng(1), repeats=99)
    flow = np.log((wins + 0.5) / (40.5 - wins))
    weight = (wins + 0.5) * (40.5 - wins) / 41
    root = np.sqrt(weight)
    gradient = np.array([[(n == p[0]) * 1.0 - (n == p[1]) for n in "abcdefg"] for p in pairs])
    place = {p: i for i, p in enumerate(pairs)}
    turns = np.zeros((len(pairs), 2))
    for column, (first, second, back) in enumerate((("ab", "bc", "ac"), ("ac", "cd", "ad"))):
        turns[place[first], column], turns[place[second], column], turns[place[back], column] = 1.0, 1.0, -1.0
    target, total = root * flow, float(weight @ flow**2)

    def part(design: Floats) -> float:
        return float(np.square(design @ np.linalg.lstsq(design, target, rcond=None)[0]).sum()) / total

    assert found.residual_share == pytest.approx(1 - part(root[:, None] * gradient), abs=1e-10)
    assert found.curl_share == pytest.approx(part(turns / root[:, None]), abs=1e-8)
    assert found.harmonic_share is not None and found.harmonic_share > 0.01


def test_with_many_battles_the_p_value_is_that_of_chi_square() -> None:
    counts, flow, weight = _battles(7, each=400)
    a, b = np.triu_indices(5, 1)
    ahead = 0.3 * (b - a)
    wins = np.random.default_rng(12).binomial(400, 1 / (1 + np.exp(-ahead))).astype(np.float64)
    counts = PairCounts.of(a, b, wins_a=wins, wins_b=400 - wins, names=list(NAMES[:5]))
    won, lost = wins + 0.5, 400.5 - wins
    flow, weight = np.log(won / lost), won * lost / 401
    found = hodge_rank(counts, rng=np.random.default_rng(1), repeats=4_000)
    left = sm.WLS(flow, _incidence(5)[:, 1:], weights=weight).fit().ssr
    assert found.freedom == 6
    assert found.p_value == pytest.approx(stats.chi2.sf(left, 6), abs=0.03)
    assert 0.05 < found.p_value < 0.95


def test_the_departure_inverts_the_non_central_chi_square() -> None:
    counts, flow, weight = _battles(3)
    found = hodge_rank(counts, rng=np.random.default_rng(1), repeats=99)
    left, total = sm.WLS(flow, _incidence(5)[:, 1:], weights=weight).fit().ssr, weight.sum()
    low, high = (
        optimize.brentq(lambda x, p=p: stats.ncx2.cdf(left, 6, x) - p, 1e-9, 10 * left) for p in (0.975, 0.025)
    )
    assert found.cyclic.value == pytest.approx(math.sqrt((left - 6) / total))
    assert (found.cyclic.low, found.cyclic.high) == pytest.approx(
        (math.sqrt(low / total), math.sqrt(high / total)), rel=1e-6
    )


def test_condorcets_circle_is_found_and_named_in_its_order() -> None:
    # Condorcet (1785): three orders abc, bca, cab held by a third of the voters each
    orders = ["abc"] * 30 + ["bca"] * 30 + ["cab"] * 30
    wins = {p: sum(o.index(p[0]) < o.index(p[1]) for o in orders) for p in ("ab", "bc", "ca")}
    assert wins == {"ab": 60, "bc": 60, "ca": 60}
    counts = PairCounts.of("abc", "bca", wins_a=[60] * 3, wins_b=[30] * 3)
    found = hodge_rank(counts, rng=np.random.default_rng(1), repeats=999)
    assert found.potentials == pytest.approx([0.0] * 3, abs=1e-12)
    assert found.residual_share == pytest.approx(1.0)
    assert found.cycles[0].models == ("a", "b", "c")
    assert found.cycles[0].log_odds == pytest.approx(3 * math.log(60.5 / 30.5))
    assert found.p_value is not None and found.p_value <= 0.01 and found.cycles[0].p_value <= 0.01


def test_the_largest_circle_pays_for_having_been_looked_for() -> None:
    counts, flow, weight = _battles(9, each=30)
    found = hodge_rank(counts, rng=np.random.default_rng(1), repeats=999)
    a, b = np.triu_indices(5, 1)
    place = {(int(i), int(j)): e for e, (i, j) in enumerate(zip(a, b, strict=True))}
    scores = []
    for i, j, k in itertools.combinations(range(5), 3):
        e = [place[i, j], place[j, k], place[i, k]]
        scores.append(abs(flow[e] @ [1, 1, -1]) / math.sqrt((1 / weight[e]).sum()))
    alone = 2 * stats.norm.sf(max(scores))
    assert len(found.cycles) == 10
    assert alone < found.cycles[0].p_value <= min(1.0, 10 * alone) + 0.03


def test_bad_battles_are_refused() -> None:
    rng = np.random.default_rng(1)
    for counts, repeats in (
        (PairCounts.of("ac", "bd", wins_a=[1, 1], wins_b=[1, 1]), 99),
        (PairCounts.of("a", "b", wins_a=[0], wins_b=[0], ties=[3]), 99),
        (PairCounts.of("a", "b", wins_a=[1], wins_b=[2]), 98),
    ):
        with pytest.raises(InvalidInputError):
            hodge_rank(counts, rng=rng, repeats=repeats)


# rankings


def _rankings(seed: int, n: int = 150, k: int = 5) -> npt.NDArray[np.int64]:
    rng = np.random.default_rng(seed)
    order: npt.NDArray[np.int64] = np.argsort(-(np.linspace(0.8, -0.8, k) + rng.gumbel(size=(n, k))), axis=1)
    return order


def _named(order: npt.NDArray[np.int64]) -> list[list[str]]:
    return [[NAMES[i] for i in row] for row in order.tolist()]


def test_model_errors_are_those_of_the_exploded_logit_of_statsmodels() -> None:
    order = _rankings(1, n=60, k=4)
    chosen, items, group = [], [], []
    for number, (row, stage) in enumerate(itertools.product(order.tolist(), range(3))):
        chosen += [1] + [0] * (3 - stage)
        items += row[stage:]
        group += [number] * (4 - stage)
    design = np.eye(4)[items][:, 1:]
    fit = ConditionalLogit(np.array(chosen), design, groups=np.array(group)).fit(disp=0, method="bfgs", gtol=1e-9)
    table = plackett_luce(_named(order), interval="model")
    for column, name in enumerate("bcd"):
        found = table.difference(name, "a")
        assert (found.value, found.std_error) == pytest.approx((fit.params[column], fit.bse[column]), rel=1e-4)
    assert table.log_likelihood == pytest.approx(fit.llf, abs=1e-6)


def test_rankings_of_two_by_people_are_the_clustered_logit_of_statsmodels() -> None:
    rng = np.random.default_rng(5)
    people, pairs = np.repeat(np.arange(30), 6), np.array(list(itertools.combinations(range(4), 2)))
    shown = pairs[np.tile(np.arange(6), 30)]
    taste = np.array([0.6, 0.2, -0.1, -0.5]) + 0.7 * rng.normal(size=(30, 4))
    ahead = taste[people, shown[:, 0]] - taste[people, shown[:, 1]]
    first = rng.random(180) < 1 / (1 + np.exp(-ahead))
    rows = [[NAMES[i] for i in (pair if won else pair[::-1])] for pair, won in zip(shown, first, strict=True)]
    design = np.zeros((180, 4))
    design[np.arange(180), shown[:, 0]], design[np.arange(180), shown[:, 1]] = 1.0, -1.0
    fit = sm.Logit(first.astype(float), design[:, 1:]).fit(
        disp=0, cov_type="cluster", cov_kwds={"groups": people, "use_correction": False}
    )
    table = plackett_luce(rows, clusters=people)
    assert (table.n_clusters, table.freedom) == (30, 29.0)
    for column, name in enumerate("bcd"):
        found = table.difference(name, "a")
        assert found.value == pytest.approx(fit.params[column], rel=1e-6)
        assert found.std_error == pytest.approx(fit.bse[column] * math.sqrt(30 / 29), rel=1e-6)
        half = stats.t.ppf(0.975, 29) * (found.std_error or 0.0)
        assert found.high == pytest.approx((found.value or 0.0) + half, rel=1e-6)


def test_every_table_has_its_intervals_however_the_rounding_falls() -> None:
    # nothing is known of the mean rating; of these seeds, five made a pseudo-inverse take rounding for knowledge of it
    people = np.repeat(np.arange(40), 8)
    for seed in range(30, 50):
        rng = np.random.default_rng(seed)
        taste = np.linspace(0.4, -0.4, 5) + 0.7 * rng.normal(size=(40, 5))
        order = _named(np.argsort(-(taste[people] + rng.gumbel(size=(320, 5))), axis=1))
        for interval, clusters in (("sandwich", people), ("sandwich", None), ("model", None)):
            table = plackett_luce(order, clusters=clusters, interval=interval)  # type: ignore[arg-type]
            assert np.abs(table.covariance.sum(axis=0)).max() < 1e-12
            for name in "bcde":
                error = table.difference("a", name).std_error
                assert error is not None and 0.05 < error < 0.5


def test_one_ranking_a_person_needs_no_clusters() -> None:
    order = _named(_rankings(3))
    alone, each = plackett_luce(order), plackett_luce(order, clusters=np.arange(150))
    assert each.covariance == pytest.approx(alone.covariance)
    with pytest.raises(InvalidInputError):
        plackett_luce(order, clusters=np.arange(149))


def test_few_people_carry_no_intervals_for_many_items() -> None:
    table = plackett_luce(_named(_rankings(3)), clusters=np.repeat([0, 1, 2], 50))
    estimate = table.rating("a")
    assert estimate.value is not None and estimate.low is None and "too few" in (estimate.reason or "")


def test_two_items_ranked_give_the_log_odds_of_the_counts() -> None:
    table = plackett_luce([["a", "b"]] * 30 + [["b", "a"]] * 10, interval="model")
    found = table.difference("a", "b")
    assert (found.value, found.std_error) == pytest.approx((math.log(3), math.sqrt(1 / 30 + 1 / 10)))


def test_top_choices_are_those_of_choix_with_ranked_starts() -> None:
    rng = np.random.default_rng(8)
    rows = [rng.permutation(5) for _ in range(120)]
    rows = [row[np.argsort(-(0.3 * row + rng.gumbel(size=5)))] for row in rows]
    expected = choix.opt_rankings(5, [r.tolist() for r in rows], alpha=0.0)
    found = plackett_luce([[str(i) for i in row] for row in rows]).log_odds
    assert found == pytest.approx(expected - expected.mean(), abs=1e-4)


# promoters


@pytest.mark.parametrize(
    ("n", "gained", "lost", "low", "high"),
    [
        (21, 1, 7, -0.517, -0.026),  # Fagerland, Lydersen & Laake (2014), airway hyper-responsiveness
        (86, 16, 8, -0.020, 0.207),  # Agresti & Min (2005), crossover trial
    ],
)
def test_bounds_are_the_published_ones_and_those_of_a_constrained_likelihood(
    n: int, gained: int, lost: int, low: float, high: float
) -> None:
    found = net_promoter_score(gained, n - gained - lost, lost).score
    for bound, said in ((found.low, low), (found.high, high)):
        assert bound is not None and bound / 100 == pytest.approx(said, abs=5e-4)
        gap = bound / 100

        def minus(down: float, gap: float = gap) -> float:
            up = down + gap
            cells = ((gained, up), (lost, down), (n - gained - lost, 1 - up - down))
            return -sum(count * math.log(max(p, 1e-300)) for count, p in cells)

        edge = (max(0.0, -gap) + 1e-12, (1 - gap) / 2 - 1e-12)
        down = optimize.minimize_scalar(minus, bounds=edge, method="bounded", options={"xatol": 1e-13}).x
        spread = math.sqrt((2 * down + gap - gap * gap) / n)
        assert abs((gained - lost) / n - gap) / spread == pytest.approx(Z, rel=1e-3)


def test_a_large_survey_has_the_multinomial_normal_interval() -> None:
    found = net_promoter_score(50_000, 30_000, 20_000).score
    error = math.sqrt((0.7 - 0.09) / 100_000)
    assert (found.low, found.high) == pytest.approx((100 * (0.3 - Z * error), 100 * (0.3 + Z * error)), abs=1e-3)
    assert found.std_error == pytest.approx(100 * error)


def test_nobody_but_promoters_has_a_lower_bound_below_100() -> None:
    found = net_promoter_score(20, 0, 0).score
    assert (found.value, found.high) == pytest.approx((100.0, 100.0))
    # the score interval of one share (Wilson), moved to promoters minus detractors
    low, _ = proportion_confint(20, 20, method="wilson")
    assert found.low == pytest.approx(100 * (2 * low - 1), abs=1e-6)


def test_sampling_error_at_the_ends_of_a_wide_range_is_one_sided() -> None:
    # Imbens and Manski (2004), equation 7: far apart 1.645, together 1.960
    wide = net_promoter_score(10_000, 6_000, 4_000, invited=40_000)
    assert wide.population is not None and wide.invited is not None
    assert wide.population.low is not None and wide.invited.low is not None
    share = wide.invited.low / 100
    spread = math.sqrt((0.25 + 0.6 - share**2) / 40_000)
    assert (wide.invited.low - wide.population.low) / (100 * spread) == pytest.approx(1.6449, abs=0.01)
    full = net_promoter_score(500, 300, 200, invited=1_000)
    assert full.population is not None
    assert (full.population.low, full.population.high) == pytest.approx((full.score.low, full.score.high), abs=1e-6)


def test_between_the_two_the_quantile_solves_imbens_and_manskis_equation() -> None:
    found = net_promoter_score(398, 299, 299, invited=1_000)  # .4 % silent
    assert found.population is not None and found.population.low is not None
    worst = net_promoter_score(398, 299, 303).score
    assert worst.std_error is not None
    spread = max(worst.std_error, net_promoter_score(402, 299, 299).score.std_error or 0.0)
    c = optimize.brentq(lambda c: stats.norm.cdf(c + 0.8 / spread) - stats.norm.cdf(-c) - 0.95, 1.0, 2.5)
    assert 1.7 < c < 1.95
    other = net_promoter_score(398, 299, 303, confidence=2 * stats.norm.cdf(c) - 1).score
    assert found.population.low == pytest.approx(other.low, abs=1e-6)
    assert (found.population.confidence, found.population.unscored) == (0.95, 4)


def test_answers_are_sorted_as_reichheld_does() -> None:
    assert promoter_counts(list(range(11))) == (2, 2, 7)
    assert promoter_counts([6, 7, 8, 9]) == (1, 2, 1)
    for answers in ([], [-1], [1.5], [math.nan], [11]):
        with pytest.raises(InvalidInputError):
            promoter_counts(answers)


@pytest.mark.parametrize(("counts", "invited"), [((0, 0, 0), None), ((-1, 2, 2), None), ((1, 1, 1), 2)])
def test_impossible_surveys_are_refused(counts: tuple[int, int, int], invited: int | None) -> None:
    with pytest.raises(InvalidInputError):
        net_promoter_score(*counts, invited=invited)


# proxies


def test_without_errors_the_line_is_ols_with_hc3_of_statsmodels() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(1.0, 2.0, size=25)
    y = 0.5 + 0.7 * x + rng.normal(size=25) * (0.3 + np.abs(x))
    found = proxy_validity(x, y)
    fit = sm.OLS(y, sm.add_constant(x)).fit(cov_type="HC3", use_t=True)
    low, high = fit.conf_int().T
    for place, ours in enumerate((found.intercept, found.slope)):
        assert (ours.value, ours.std_error) == pytest.approx((fit.params[place], fit.bse[place]))
        assert (ours.low, ours.high) == pytest.approx((low[place], high[place]))
    r, rho = stats.pearsonr(x, y), stats.spearmanr(x, y)
    interval = r.confidence_interval(0.95)
    assert (found.correlation.value, found.correlation.low, found.correlation.high) == pytest.approx(
        (r.statistic, interval.low, interval.high)
    )
    assert found.rank_correlation.value == pytest.approx(rho.statistic)
    bias = stats.ttest_rel(y, x).confidence_interval(0.95)
    assert (found.bias.low, found.bias.high) == pytest.approx((bias.low, bias.high))
    agree = int((np.sign(x) == np.sign(y)).sum())
    assert (found.sign_agreement.low, found.sign_agreement.high) == pytest.approx(
        proportion_confint(agree, 25, method="wilson")
    )


def test_fullers_corn_yields_on_soil_nitrogen() -> None:
    # Fuller (1987), Measurement Error Models, table 1.2.1 and example 1.2.1: error variance of nitrogen 57;
    # slope .4232 (standard error .1745), intercept 67.56 (12.54)
    nitrogen = [70, 97, 53, 64, 95, 64, 50, 70, 94, 69, 51]
    yields = [86, 115, 90, 86, 110, 91, 99, 96, 99, 104, 96]
    found = proxy_validity(nitrogen, yields, offline_errors=[math.sqrt(57)] * 11)
    assert found.slope.value == pytest.approx(0.4232, abs=5e-5)
    assert found.intercept.value == pytest.approx(67.56, abs=0.01)
    # his error rests on one variance for all, ours does not
    assert found.slope.std_error == pytest.approx(0.1745, rel=0.05)
    assert found.intercept.std_error == pytest.approx(12.54, rel=0.05)
    assert found.slope.method == "errors-in-variables-hc2"


def test_equal_noise_divides_slope_and_correlation_by_the_reliability() -> None:
    # Spearman (1904): r / √(reliabilities), and the slope by the reliability of the offline metric
    rng = np.random.default_rng(4)
    x = rng.normal(size=40)
    y = 0.6 * x + 0.5 * rng.normal(size=40)
    found = proxy_validity(x, y, offline_errors=[0.4] * 40, online_errors=[0.3] * 40)
    plain = proxy_validity(x, y)
    of_x, of_y = (1 - e**2 / v.var(ddof=1) for e, v in ((0.4, x), (0.3, y)))
    assert found.slope.value == pytest.approx(plain.slope.value / of_x)
    assert found.true_correlation.value == pytest.approx(plain.correlation.value / math.sqrt(of_x * of_y))


def test_the_jackknife_of_the_true_correlation_is_that_of_left_out_experiments() -> None:
    rng = np.random.default_rng(6)
    x = rng.normal(size=30)
    y = x + 0.5 * rng.normal(size=30)
    errors = 0.3, 0.2
    found = proxy_validity(x, y, offline_errors=[0.3] * 30, online_errors=[0.2] * 30).true_correlation

    def z(keep: npt.NDArray[np.int64]) -> float:
        c = np.cov(x[keep], y[keep])
        return math.atanh(c[0, 1] / math.sqrt((c[0, 0] - errors[0] ** 2) * (c[1, 1] - errors[1] ** 2)))

    each = np.array([z(np.delete(np.arange(30), i)) for i in range(30)])
    half = stats.t.ppf(0.975, 28) * math.sqrt(29 / 30 * ((each - each.mean()) ** 2).sum())
    assert (found.low, found.high) == pytest.approx(tuple(np.tanh([z(np.arange(30)) + s * half for s in (-1, 1)])))


PROXY_EDGES: dict[str, tuple[Callable[[], object], str]] = {
    "one line": (lambda: proxy_validity([1, 2, 3, 4], [2, 4, 6, 8]).slope, "one line"),
    "noise explains all": (
        lambda: proxy_validity([1, 2, 3, 4], [1, 3, 2, 5], offline_errors=[9.0] * 4).slope, "no more than their noise",
    ),
    "one decides": (lambda: proxy_validity([0, 0, 0, 5], [1, 2, 3, 4]).slope, "one experiment decides"),
    "no movement": (lambda: proxy_validity([0, 0, 0, 0], [1, 2, 3, 4]).sign_agreement, "no experiment moved"),
    "errors of one metric": (
        lambda: proxy_validity([1, 2, 3, 4], [1, 3, 2, 5], offline_errors=[0.1] * 4).true_correlation, "needs the",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("call", "reason"), PROXY_EDGES.values(), ids=PROXY_EDGES)
def test_what_cannot_be_estimated_says_why(call: Callable[[], object], reason: str) -> None:
    found = call()
    assert found.low is None and reason in (found.reason or "")  # type: ignore[attr-defined]
