"""The tiered estimator: unbiased by enumeration, equal to refitting by hand, equal one by one and in a batch."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2

from assay.core.errors import InvalidInputError
from assay.stats.prediction.effective import effective_labels, kish_effective_n
from assay.stats.prediction.twophase import two_phase_mean, two_phase_replays
from assay.stats.scalar import NEW_INPUTS, wilson
from assay.stats.special import t_quantile

RNG = np.random.default_rng(4)
N = 7
Y = RNG.gamma(1.0, size=N)
STRONG = Y + RNG.normal(size=N)
WEAK = RNG.normal(size=N)


def _nested_draws(n: int, middle: int, top: int) -> np.ndarray:
    """Every pair of nested subsets, ``(draws, 2, n)``."""
    found = []
    for asked in itertools.combinations(range(n), middle):
        for labelled in itertools.combinations(asked, top):
            mask = np.zeros((2, n), dtype=bool)
            mask[0, list(asked)] = mask[1, list(labelled)] = True
            found.append(mask)
    return np.array(found)


def _least_squares(rows: np.ndarray, values: np.ndarray) -> np.ndarray:
    return np.linalg.lstsq(rows, values, rcond=None)[0]


def _items(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, a strong and a weak proxy of n items."""
    rng = np.random.default_rng(4)
    y = rng.gamma(1.0, size=n)
    return y, y + rng.normal(size=n), rng.normal(size=n)


@pytest.mark.parametrize("ridge", [0.0, 2.0])
def test_fitted_weights_leave_no_bias_over_every_possible_draw(ridge: float) -> None:
    y, strong, weak = _items(16)
    draws = _nested_draws(16, 15, 5)
    found = two_phase_replays(y, [weak, strong], asked=draws, ridge=ridge)
    assert found.value.mean() == pytest.approx(y.mean(), abs=2e-3 if ridge else 1e-9)
    designs = [np.c_[np.ones(16), weak], np.c_[np.ones(16), weak, strong]]
    plain = [_chain_by_hand(mask, designs, y) for mask in draws[::6]]  # without the folds: what the test would catch
    assert abs(np.mean(plain) - y.mean()) > 0.01


def _chain_by_hand(mask: np.ndarray, designs: list[np.ndarray], y: np.ndarray) -> float:
    low, high = (design @ _least_squares(design[mask[1]], y[mask[1]]) for design in designs)
    return float(low.mean() + (high - low)[mask[0]].mean() + (y - high)[mask[1]].mean())


def _fold_formula(mask: np.ndarray, designs: list[np.ndarray], y: np.ndarray) -> float:
    """Each label left out of the fit in turn; the rest, without the labels fitted on, is what is left to estimate."""
    asked, labelled = np.flatnonzero(mask[0]), np.flatnonzero(mask[1])
    estimates = []
    for out in labelled:
        train = [i for i in labelled if i != out]
        low, high = (design @ _least_squares(design[train], y[train]) for design in designs)
        rest = [i for i in range(y.size) if i not in train]
        rest_asked = [i for i in asked if i not in train]
        chain = low[rest].mean() + (high - low)[rest_asked].mean() + y[out] - high[out]
        estimates.append((y[train].sum() + len(rest) * chain) / y.size)
    return float(np.mean(estimates))


def test_the_closed_form_is_the_fold_formula_with_folds_of_one() -> None:
    y, strong, weak = _items(17)
    mask = _nested_draws(17, 15, 5)[1_017]
    designs = [np.c_[np.ones(17), weak], np.c_[np.ones(17), weak, strong]]
    found = two_phase_replays(y, [weak, strong], asked=mask[None], ridge=0.0)
    assert found.value[0] == pytest.approx(_fold_formula(mask, designs, y), abs=1e-7)


@pytest.mark.slow
def test_where_the_middle_tier_is_hardly_larger_than_the_top_its_other_items_decide_nothing() -> None:
    rng = np.random.default_rng(5)
    y = rng.normal(size=200)
    judge = 0.9 * y + 0.4 * rng.normal(size=200)
    order = np.argsort(rng.random((4_000, 200)), axis=1)
    asked = np.stack([order < 40, order < 36], axis=1)
    found = two_phase_replays(y, [np.zeros(200), judge], asked=asked)
    alone = np.array([y[mask].mean() for mask in asked[:, 1]])
    assert found.value.std() < alone.std()
    assert np.mean((found.low <= y.mean()) & (y.mean() <= found.high)) > 0.935
    assert abs(found.value.mean() - y.mean()) < 3.5 * found.value.std() / math.sqrt(4_000)
    designs = [np.ones((200, 1)), np.c_[np.ones(200), judge]]
    folds = np.array([_fold_formula(mask, designs, y) for mask in asked[:150]])
    assert folds.std() > 1.6 * alone[:150].std()  # free of bias, and of use to nobody


def test_fixed_weights_have_an_unbiased_estimate_and_an_unbiased_variance() -> None:
    draws = _nested_draws(N, 5, 3)
    found = two_phase_replays(Y, [0.3 * WEAK, STRONG], asked=draws, weights="fixed")
    assert found.value.mean() == pytest.approx(Y.mean(), abs=1e-12)
    assert np.mean(found.std_error**2) == pytest.approx(found.value.var(), rel=1e-9)


def test_unequal_probabilities_leave_no_bias_over_every_poisson_draw() -> None:
    n = 8
    rng = np.random.default_rng(2)
    y = rng.gamma(1.0, size=n)
    proxy, p = y + rng.normal(size=n), rng.uniform(0.3, 0.9, size=n)
    masks = np.array(list(itertools.product([False, True], repeat=n)))
    masks = masks[masks.any(axis=1)]
    chance = np.prod(np.where(masks, p, 1.0 - p), axis=1)
    empty = float(np.prod(1.0 - p))
    found = two_phase_replays(y, [proxy], asked=masks[:, None, :], probabilities=[p], weights="fixed", hajek=False)
    assert chance @ found.value + empty * proxy.mean() == pytest.approx(y.mean(), abs=1e-12)
    fitted = two_phase_replays(y, [proxy], asked=masks[:, None, :], probabilities=[p], ridge=1.0, hajek=False)
    no_fit = empty + float(chance[masks.sum(axis=1) == 1].sum())  # draws too small to fit without one label
    assert abs(chance @ fitted.value / chance.sum() - y.mean()) < no_fit < 0.002
    ignored = two_phase_replays(y, [proxy], asked=masks[:, None, :], weights="fixed")
    assert abs(chance @ ignored.value / chance.sum() - y.mean()) > 0.01


def test_two_tiers_by_hand() -> None:
    judge = np.array([3.0, 4.0, 2.0, 5.0, 4.0, 1.0, 3.0, 2.0])
    people = np.array([2.5, np.nan, 2.0, 4.0, np.nan, np.nan, 3.5, np.nan])
    found = two_phase_mean(people, [judge], weights="fixed")
    residual = np.array([-0.5, 0.0, -1.0, 0.5])
    error = math.sqrt(residual.var(ddof=1) * (1 / 4 - 1 / 8))
    assert found.estimate.value == pytest.approx(judge.mean() + residual.mean())
    assert found.estimate.std_error == pytest.approx(error)
    assert found.estimate.low == pytest.approx(judge.mean() + residual.mean() - t_quantile(0.975, 3) * error)
    assert (found.df, found.estimate.n, found.n_asked) == (3.0, 4, (8, 4))
    spread = np.array([2.5, 2.0, 4.0, 3.5]).var(ddof=1) * 7 / 7
    assert found.effective_n == pytest.approx(1 / (error**2 / spread + 1 / 8))


def test_labels_alone_give_the_survey_t_interval() -> None:
    y = np.array([1.0, 3.0, 2.0, 5.0, 4.0])
    labels = np.r_[y, np.full(15, np.nan)]
    found = two_phase_mean(labels, [np.zeros(20)], weights="fixed").estimate
    error = math.sqrt(y.var(ddof=1) / 5 * (1 - 5 / 20))
    assert (found.value, found.std_error) == pytest.approx((3.0, error), rel=1e-6)
    new = two_phase_mean(labels, [np.zeros(20)], weights="fixed", estimand=NEW_INPUTS).estimate
    assert new.std_error == pytest.approx(math.sqrt(y.var(ddof=1) / 5), rel=1e-6)
    fitted = two_phase_mean(labels, [np.zeros(20)]).estimate  # HC3 of a mean is n/(n - 1) of that
    assert (fitted.value, fitted.std_error) == pytest.approx((3.0, error * math.sqrt(5 / 4)), rel=1e-6)
    assert (found.estimand, new.estimand) == ("these items", "new inputs like these")


def test_the_penalty_is_one_label_for_each_feature_unless_named() -> None:
    rng = np.random.default_rng(3)
    y = np.where(np.arange(40) < 15, rng.normal(size=40), np.nan)
    features = rng.normal(size=(40, 3))
    assert two_phase_mean(y, [features]) == two_phase_mean(y, [features], ridge=3.0)
    assert two_phase_mean(y, [features[:, :1]]) == two_phase_mean(y, [features[:, :1]], ridge=1.0)
    assert two_phase_mean(y, [features]).estimate != two_phase_mean(y, [features], ridge=0.0).estimate


def test_the_weights_noise_counts_along_the_difference_of_the_features() -> None:
    rng = np.random.default_rng(5)
    n, size = 12, 50
    proxy = rng.normal(size=size)
    labels = np.where(np.arange(size) < n, proxy + rng.normal(size=size), np.nan)
    rows = np.c_[np.ones(n), proxy[:n]]
    inverse = np.linalg.inv(rows.T @ rows)
    residual = labels[:n] - rows @ inverse @ rows.T @ labels[:n]
    left_out = residual / (1.0 - np.einsum("np,pq,nq->n", rows, inverse, rows))
    between = np.array([0.0, proxy.mean() - proxy[:n].mean()])
    noise = np.square(rows @ inverse @ between * residual).sum()
    plain = (1 / n - 1 / size) * np.square(left_out).mean()
    found = two_phase_mean(labels, [proxy], ridge=0.0).estimate
    assert found.std_error == pytest.approx(math.sqrt(plain + noise), rel=1e-6)
    assert noise > 0.01 * plain  # or this test proves nothing


def test_one_run_and_a_batch_give_the_same_estimate() -> None:
    rng = np.random.default_rng(8)
    n = 60
    y = rng.normal(size=n)
    proxies = [np.c_[rng.normal(size=n), rng.normal(size=n)], y + rng.normal(size=n)]
    p = [np.full(n, 0.5), rng.uniform(0.1, 0.5, size=n)]
    draws = np.zeros((5, 2, n), dtype=bool)
    for k in range(5):
        u = rng.random(n)
        draws[k] = u < p[0], u < p[1]
    cluster = np.arange(n) // 4
    for options in (
        {"weights": "fit"},
        {"weights": "fit", "estimand": NEW_INPUTS, "clusters": cluster},
        {"weights": "fixed", "prior_variances": [1.0, 0.5]},
    ):
        used = proxies if options["weights"] == "fit" else [one.reshape(n, -1)[:, -1] for one in proxies]
        batch = two_phase_replays(y, used, asked=draws, probabilities=p, **options)
        for k in range(5):
            seen = [used[0], np.where(draws[k, 0], used[1], np.nan)]
            alone = two_phase_mean(np.where(draws[k, 1], y, np.nan), seen, probabilities=p, **options).estimate
            assert (alone.value, alone.low, alone.high) == pytest.approx(
                (batch.value[k], batch.low[k], batch.high[k]), rel=1e-8
            )


@settings(max_examples=30, deadline=None)
@given(st.floats(-50.0, 50.0), st.floats(0.1, 20.0), st.integers(0, 10_000))
def test_moving_and_scaling_the_labels_moves_and_scales_the_interval(shift: float, scale: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    y = rng.normal(size=40)
    judge = y + rng.normal(size=40)
    labels, p = np.where(np.arange(40) < 15, y, np.nan), rng.uniform(0.2, 0.6, size=40)
    before = two_phase_mean(labels, [judge], probabilities=[p]).estimate
    after = two_phase_mean(shift + scale * labels, [7.0 - 3.0 * judge], probabilities=[p]).estimate
    assert after.value == pytest.approx(shift + scale * before.value, rel=1e-6, abs=1e-6)
    assert after.high - after.low == pytest.approx(scale * (before.high - before.low), rel=1e-6)


def test_a_sum_over_everything_is_a_census() -> None:
    y = np.array([1.0, 2.0, 4.0, 4.0])
    found = two_phase_mean(y, [y + 1.0]).estimate
    assert (found.value, found.low, found.high, found.method) == (2.75, 2.75, 2.75, "census")


def test_equal_labels_are_refused_with_a_reason() -> None:
    labels = np.where(np.arange(30) < 10, 5.0, np.nan)
    found = two_phase_mean(labels, [np.full(30, 5.0)], weights="fixed")
    assert (found.estimate.value, found.estimate.low, found.effective_n) == (5.0, None, None)
    assert "spread is unknown" in (found.estimate.reason or "")
    fitted = two_phase_mean(labels, [np.arange(30.0)]).estimate
    assert fitted.low is None and fitted.reason
    blended = two_phase_mean(labels, [np.full(30, 5.0)], weights="fixed", prior_variances=[0.5]).estimate
    assert blended.low is not None and blended.high > blended.low


def test_too_few_labels_for_the_weights_are_refused() -> None:
    labels = np.where(np.arange(30) < 3, np.arange(30.0), np.nan)
    found = two_phase_mean(labels, [RNG.normal(size=(30, 3))], ridge=0.0).estimate
    assert found.low is None and ("degrees of freedom" in found.reason or "alone determines" in found.reason)
    one = two_phase_mean(np.where(np.arange(30) < 1, 2.0, np.nan), [np.zeros(30)], weights="fixed").estimate
    assert one.low is None


def test_few_wins_get_wilson_on_the_plain_number_of_labels() -> None:
    labels = np.where(np.arange(400) < 40, (np.arange(400) < 2).astype(float), np.nan)
    found = two_phase_mean(labels, [np.full(400, 0.05)], weights="fixed", share=True).estimate
    n = 40 / ((400 - 40) / 399)  # effective n carries the finite population
    assert (found.method, found.value) == ("two-phase-wilson", pytest.approx(0.05))
    low, high = wilson(0.05 * n, n)
    poisson = chi2.ppf(0.05, 2 * 0.05 * n) / 2 / n  # up to three wins Wilson's lower limit is too high
    assert poisson < low
    assert (found.low, found.high) == pytest.approx((poisson, high))
    none = two_phase_mean(np.where(labels == 1.0, 0.0, labels), [np.zeros(400)], weights="fixed", share=True).estimate
    assert none.low == 0.0 and none.high > 0.05


def test_blend_by_hand() -> None:
    labels = np.array([1.0, 2.0, 4.0, *[np.nan] * 7])
    found = two_phase_mean(labels, [np.zeros(10)], weights="fixed", prior_variances=[3.0], prior_weight=20.0)
    variance = (2 * labels[:3].var(ddof=1) + 6 * 3.0) / 8  # a map is worth twice the labels at most
    assert found.df == 8.0
    assert found.estimate.std_error == pytest.approx(math.sqrt(variance * (1 / 3 - 1 / 10)))


def test_clusters_widen_new_inputs_and_only_them() -> None:
    rng = np.random.default_rng(3)
    document = np.repeat(np.arange(20), 10)
    y = rng.normal(size=20)[document] + 0.3 * rng.normal(size=200)
    labels = np.where(rng.random(200) < 0.5, y, np.nan)
    options = {"weights": "fixed", "clusters": document}
    apart = two_phase_mean(labels, [np.zeros(200)], weights="fixed", estimand=NEW_INPUTS).estimate
    found = two_phase_mean(labels, [np.zeros(200)], estimand=NEW_INPUTS, **options).estimate
    these = two_phase_mean(labels, [np.zeros(200)], **options).estimate
    assert found.n_clusters == 20 and these.n_clusters is None
    assert these.std_error < apart.std_error < 0.6 * found.std_error


def test_cluster_variance_by_hand_when_every_item_is_labelled() -> None:
    y, document = np.array([1.0, 2.0, 4.0, 7.0, 3.0, 3.0]), np.array(["a", "a", "b", "b", "c", "c"])
    found = two_phase_mean(y, [np.zeros(6)], weights="fixed", estimand=NEW_INPUTS, clusters=document).estimate
    sums = np.array([(y - y.mean())[document == name].sum() for name in "abc"])
    assert found.std_error == pytest.approx(math.sqrt(3 / 2 * np.square(sums).sum()) / 6)


@pytest.mark.parametrize("weights", ["fit", "fixed"])
def test_cluster_variance_by_hand_with_three_tiers(weights: str) -> None:
    """Each item's term is m_0 + w_1 (m_1 - m_0) + w_2 (y - m_1), centred tier by tier, summed by document."""
    rng = np.random.default_rng(6)
    n, document = 40, np.arange(40) // 4
    y, weak, strong = rng.normal(size=(3, n))
    strong = strong + y
    asked, labelled = np.arange(n) % 2 == 0, np.arange(n) % 4 == 0
    found = two_phase_mean(
        np.where(labelled, y, np.nan),
        [weak, np.where(asked, strong, np.nan)],
        weights=weights,
        ridge=0.0,
        estimand=NEW_INPUTS,
        clusters=document,
    ).estimate
    low, high, last = weak, strong, (y - strong)[labelled]
    if weights == "fit":
        designs = [np.c_[np.ones(n), weak], np.c_[np.ones(n), weak, strong]]
        low, high = (z @ _least_squares(z[labelled], y[labelled]) for z in designs)
        rows = designs[1][labelled]
        leverage = np.sum((rows @ np.linalg.inv(rows.T @ rows)) * rows, axis=1)
        last = (y - high)[labelled] / (1 - leverage)
    terms = low - low.mean()
    step = (high - low)[asked]
    terms[asked] += n / asked.sum() * (step - step.mean())
    terms[labelled] += n / labelled.sum() * (last - last.mean())
    sums = np.bincount(document, weights=terms)
    assert found.std_error == pytest.approx(math.sqrt(10 / 9 * np.square(sums).sum()) / n, rel=1e-6)


def test_cluster_variance_by_hand_with_unequal_probabilities() -> None:
    rng = np.random.default_rng(11)
    n, document = 30, np.arange(30) // 5
    y, judge, p = rng.normal(size=n), rng.normal(size=n), rng.uniform(0.3, 0.7, size=n)
    labelled = np.arange(n) % 2 == 0
    found = two_phase_mean(
        np.where(labelled, y, np.nan),
        [judge],
        probabilities=[p],
        weights="fixed",
        estimand=NEW_INPUTS,
        clusters=document,
    ).estimate
    w, residual = 1 / p[labelled], (y - judge)[labelled]
    level = w @ residual / w.sum()
    terms = judge - judge.mean()
    terms[labelled] += n / w.sum() * w * (residual - level)
    sums = np.bincount(document, weights=terms)
    assert found.value == pytest.approx(judge.mean() + level)
    assert found.std_error == pytest.approx(math.sqrt(6 / 5 * np.square(sums).sum()) / n)


def test_effective_numbers() -> None:
    assert effective_labels(0.04, 1.0) == pytest.approx(25.0)
    assert effective_labels(0.04 - 1 / 100, 1.0, population=100) == pytest.approx(25.0)
    assert effective_labels(0.0, 1.0, population=50) == pytest.approx(50.0)
    assert effective_labels(0.1, 0.0) is None
    assert kish_effective_n([2.0] * 9) == pytest.approx(9.0)
    for bad in ([0.0], [1.0, -1.0], [math.nan]):
        with pytest.raises(InvalidInputError):
            kish_effective_n(bad)
    with pytest.raises(InvalidInputError):
        effective_labels(-1.0, 1.0)


NAN = math.nan


@pytest.mark.parametrize(
    ("labels", "proxies", "options", "says"),
    [
        ([1.0, NAN], [], {}, "no tier below"),
        ([1.0, NAN], [[1.0, NAN]], {}, "lowest tier"),
        ([1.0, 2.0, 1.0, NAN], [[0.0] * 4, [1.0, NAN, 1.0, 1.0]], {}, "nested|not asked on"),
        ([NAN, NAN], [[1.0, 2.0]], {}, "no item"),
        ([1.0, math.inf], [[1.0, 2.0]], {}, "infinite"),
        ([1.0, 2.0], [[1.0, 2.0, 3.0]], {}, "rows"),
        ([1.0, NAN], [[1.0, 2.0]], {"probabilities": [[0.0, 0.5]]}, "outside"),
        ([1.0, NAN], [[1.0, 2.0]], {"probabilities": [[1.5, 0.5]]}, "outside"),
        ([1.0, NAN], [[1.0, 2.0]], {"probabilities": [[0.5, 1.0]]}, "for certain"),
        ([1.0, NAN], [[1.0, 2.0]], {"probabilities": [0.5, 0.5]}, "2 probabilities"),
        ([1.0, NAN], [[1.0, 2.0], [1.0, NAN]], {"probabilities": [0.2, 0.5]}, "rises"),
        ([1.0, NAN], [[[1.0, 2.0], [1.0, 1.0]]], {"weights": "fixed"}, "one prediction"),
        ([1.0, NAN], [[1.0, 2.0]], {"weights": "free"}, "weights"),
        ([1.0, NAN], [[1.0, 2.0]], {"estimand": "all"}, "estimand"),
        ([1.0, NAN], [[1.0, 2.0]], {"prior_variances": [1.0]}, "prior"),
        ([1.0, NAN], [[1.0, 2.0]], {"weights": "fixed", "prior_variances": [0.0]}, "prior"),
        ([3.0, NAN], [[1.0, 2.0]], {"share": True}, "share"),
        ([1.0, NAN], [[1.0, 2.0]], {"ridge": -1.0}, "ridge"),
        ([1.0, NAN], [[1.0, 2.0]], {"confidence": 95}, "confidence"),
        ([1.0, NAN], [[1.0, 2.0]], {"estimand": NEW_INPUTS, "clusters": ["a"]}, "clusters"),
        ([["x"]], [[1.0]], {}, "numbers"),
    ],
)
def test_bad_input_is_named(labels: list, proxies: list, options: dict, says: str) -> None:
    with pytest.raises(InvalidInputError, match=says):
        two_phase_mean(labels, proxies, **options)


def test_replays_refuse_draws_that_do_not_fit() -> None:
    with pytest.raises(InvalidInputError, match="shape"):
        two_phase_replays(Y, [WEAK], asked=np.ones((2, 2, N), dtype=bool))
    with pytest.raises(InvalidInputError, match="not recorded"):
        two_phase_replays(np.r_[np.nan, Y[1:]], [WEAK], asked=np.ones((2, 1, N), dtype=bool))
    with pytest.raises(InvalidInputError, match="nest"):
        two_phase_replays(Y, [WEAK, STRONG], asked=np.array([[[True] * 3 + [False] * 4, [True] * 4 + [False] * 3]]))
