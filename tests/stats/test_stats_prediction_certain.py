"""Labels asked for certain count in the estimate and never in its doubt."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2

from assay.stats.prediction.twophase import TwoPhaseResult, two_phase_mean, two_phase_replays
from assay.stats.scalar import NEW_INPUTS, wilson
from assay.stats.special import t_quantile

N = 60
RNG = np.random.default_rng(4)


def beside(y: np.ndarray, *, certain: int, drawn: int, proxy: np.ndarray | None = None, **more: Any) -> TwoPhaseResult:
    """The first items for certain, and the next ones as a simple draw of the rest."""
    n = y.size
    chance = np.where(np.arange(n) < certain, 1.0, drawn / (n - certain))
    labels = np.where(np.arange(n) < certain + drawn, y, np.nan)
    return two_phase_mean(
        labels, [np.zeros(n) if proxy is None else proxy], probabilities=[chance], **{"weights": "fixed", **more}
    )


def test_certain_and_drawn_items_are_the_two_strata_of_the_textbook() -> None:
    """Cochran (1977), equations 5.1 and 5.7, with one stratum counted in full and the other drawn from."""
    y = np.r_[RNG.normal(9.0, 1.0, size=20), RNG.normal(size=40)]
    found = beside(y, certain=20, drawn=8)
    drawn = y[20:28]
    assert found.estimate.value == pytest.approx((20 * y[:20].mean() + 40 * drawn.mean()) / N)
    error = 40 / N * math.sqrt(drawn.var(ddof=1) / 8 * (1 - 8 / 40))
    assert found.estimate.std_error == pytest.approx(error)
    assert found.df == 7.0  # 27 would be that of all labels
    assert found.estimate.high == pytest.approx(found.estimate.value + t_quantile(0.975, 7) * error)
    assert found.estimate.n == 28


def test_rare_wins_get_wilson_on_the_stratum_that_was_drawn_from() -> None:
    y = np.r_[np.tile([1.0, 0.0], 10), [1.0], np.zeros(39)]
    found = beside(y, certain=20, drawn=12, share=True).estimate
    left = (40 - 12) / 39
    _, high = wilson(1 / left, 12 / left)
    low = chi2.ppf(0.05, 2 / left) / 2 / (12 / left)
    assert found.method == "two-phase-wilson"
    assert found.value == pytest.approx((10 + 40 / 12) / N)
    assert (found.low, found.high) == pytest.approx(((10 + 40 * low) / N, (10 + 40 * high) / N))
    assert found.std_error == pytest.approx((found.high - found.low) / (2 * 1.959963984540054))
    none = beside(np.r_[y[:20], np.zeros(40)], certain=20, drawn=12, share=True).estimate
    assert none.low == pytest.approx(10 / N) and none.high > 10 / N + 0.1  # the ten wins are known


def test_new_inputs_vary_where_certain_items_do() -> None:
    """Half of the items are known and split evenly; the doubt about new ones is mostly theirs."""
    y = np.r_[np.tile([1.0, 0.0], 250), np.zeros(500)]
    found = beside(y, certain=500, drawn=50, share=True, estimand=NEW_INPUTS).estimate
    whole = 1.96 * math.sqrt(y.var() / 1_000)  # with every label known
    assert found.method == "two-phase-wilson" and found.value == pytest.approx(0.25)
    assert found.value - found.low > 0.9 * whole and found.high - found.value > 0.9 * whole
    assert found.high - found.value < 1.9 * whole


def test_drawn_labels_without_spread_are_refused_however_the_certain_ones_vary() -> None:
    y = np.r_[RNG.normal(size=20), np.full(40, 3.0)]
    refused = beside(y, certain=20, drawn=8).estimate
    assert (refused.low, refused.std_error) == (None, None) and "spread is unknown" in refused.reason
    proxy = RNG.normal(size=N)
    rounded = beside(np.r_[y[:20], proxy[20:] + 0.1], certain=20, drawn=8, proxy=proxy).estimate
    assert rounded.low is None  # equal but for the last digit
    one = beside(np.r_[y[:20], RNG.normal(size=40)], certain=20, drawn=1).estimate
    assert one.low is None
    blended = beside(y, certain=20, drawn=8, prior_variances=[0.5])
    assert blended.df == 27.0 and blended.estimate.low is not None


def test_the_map_is_blended_by_the_labels_that_were_drawn() -> None:
    y = RNG.normal(size=N)
    found = beside(y, certain=30, drawn=6, prior_variances=[3.0])
    variance = (5 * y[30:36].var(ddof=1) + 20 * 3.0) / 25
    assert found.df == 25.0
    assert found.estimate.std_error == pytest.approx(0.5 * math.sqrt(variance * (1 / 6 - 1 / 30)))


def test_a_fit_takes_its_degrees_of_freedom_from_the_labels_that_were_drawn() -> None:
    y = RNG.normal(size=300)
    proxy = y + RNG.normal(size=300)
    whole = beside(y, certain=0, drawn=12, proxy=proxy, weights="fit", ridge=0.0)
    found = beside(y, certain=100, drawn=12, proxy=proxy, weights="fit", ridge=0.0)
    assert whole.df == pytest.approx(10.0)
    assert 9.0 < found.df < 12.0


def test_failures_that_all_go_up_count_by_what_they_carry() -> None:
    """A tenth is drawn, and of these all failures and a tenth of the others: the failures stand for ten each."""
    n, rng = 3_000, np.random.default_rng(8)
    failed = np.arange(n) % 10 == 0
    first = np.arange(n) < 300
    second = first & (failed | (np.arange(n) < 31))
    y = rng.normal(size=n)
    rate = (second & ~failed).sum() / (first & ~failed).sum()
    chance = np.where(failed, 0.1, 0.1 * rate)
    found = two_phase_mean(
        np.where(second, y, np.nan),
        [np.zeros(n), np.where(first, 0.0, np.nan)],
        probabilities=[np.full(n, 0.1), chance],
        weights="fixed",
    )
    drawn = int((second & ~failed).sum())
    assert second.sum() == drawn + 30
    assert drawn - 1 < found.df < drawn + 2  # 56 would be that of all labels


@settings(max_examples=40, deadline=None)
@given(certain=st.integers(0, 40), drawn=st.integers(3, 12), seed=st.integers(0, 2**16))
def test_items_asked_for_certain_never_add_degrees_of_freedom(certain: int, drawn: int, seed: int) -> None:
    y = np.random.default_rng(seed).normal(size=N)
    assert beside(y, certain=certain, drawn=drawn).df == pytest.approx(drawn - 1)
    assert beside(y, certain=certain, drawn=drawn, estimand=NEW_INPUTS).df < drawn + certain


# --- documents -------------------------------------------------------------------------------------------------------
DOCUMENT = np.repeat(np.arange(15), 4)


def documents(y: np.ndarray, labels: int, **more: Any) -> TwoPhaseResult:
    options: dict[str, Any] = {"estimand": NEW_INPUTS, "clusters": DOCUMENT, **more}
    return two_phase_mean(
        np.where(np.random.default_rng(1).permutation(N) < labels, y, np.nan), [np.zeros(N)], weights="fixed", **options
    )


def test_the_map_replaces_the_independent_part_of_the_documents_variance() -> None:
    y = RNG.normal(size=15)[DOCUMENT] + RNG.normal(size=N)
    clustered, blended = documents(y, 20), documents(y, 20, prior_variances=[2.5])
    alone = documents(y, 20, clusters=None)
    mapped = documents(y, 20, clusters=None, prior_variances=[2.5])
    squares = [one.estimate.std_error**2 for one in (clustered, mapped, alone)]
    assert blended.estimate.std_error**2 == pytest.approx(squares[0] + squares[1] - squares[2])
    assert blended.estimate.n_clusters == clustered.estimate.n_clusters
    assert blended.df == clustered.df == blended.estimate.n_clusters - 1


def test_labels_that_do_not_vary_have_the_maps_variance_or_none() -> None:
    y = np.full(N, 5.0)
    refused = documents(y, 20).estimate
    assert (refused.value, refused.low) == (5.0, None) and "spread is unknown" in refused.reason
    found, apart = documents(y, 20, prior_variances=[0.4]), documents(y, 20, clusters=None, prior_variances=[0.4])
    assert found.estimate.std_error == pytest.approx(apart.estimate.std_error)
    assert found.estimate.low < 4.9


def test_documents_whose_items_cancel_are_no_certainty() -> None:
    y = np.tile([1.0, -1.0], N // 2)
    found = two_phase_mean(y, [np.zeros(N)], weights="fixed", estimand=NEW_INPUTS, clusters=DOCUMENT).estimate
    assert found.low is None and "spread is unknown" in found.reason


def test_documents_of_certain_items_alone_add_no_degrees_of_freedom() -> None:
    y = np.random.default_rng(6).normal(size=N)
    chance = np.where(np.arange(N) < 40, 1.0, 0.1)
    seen = np.r_[np.full(40, True), np.tile([True, *[False] * 9], 2)]
    found = two_phase_mean(
        np.where(seen, y, np.nan),
        [np.zeros(N)],
        probabilities=[chance],
        weights="fixed",
        estimand=NEW_INPUTS,
        clusters=DOCUMENT,
    )
    assert found.estimate.n_clusters == 12
    assert found.df < 4.0  # of the twelve, two hold labels that were drawn


def test_replays_and_one_draw_agree_beside_certain_items() -> None:
    y = (RNG.random(N) < 0.2).astype(float)
    asked = np.zeros((1, 1, N), dtype=bool)
    asked[0, 0, :28] = True
    chance = np.where(np.arange(N) < 20, 1.0, 8 / 40)
    for share in (True, False):
        many = two_phase_replays(y, [np.zeros(N)], asked=asked, probabilities=[chance], weights="fixed", share=share)
        one = beside(y, certain=20, drawn=8, share=share).estimate
        assert (many.low[0], many.high[0], many.std_error[0]) == pytest.approx((one.low, one.high, one.std_error))


def test_certain_items_of_another_kind_do_not_bend_the_fit_for_the_drawn_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """80 of 400 items are known to be all 5, of which the judge knows nothing; all of its use is for the others."""
    from assay.stats.prediction import chain

    rng = np.random.default_rng(6)
    n, certain = 400, 80
    known = np.arange(n) < certain
    y = np.where(known, 5.0, rng.normal(3.0, 1.0, size=n))
    proxies = [rng.normal(size=n), np.where(known, 3.0, y) + rng.normal(scale=0.6, size=n)]
    keys = np.where(known, -1.0, rng.random((4_000, n)))
    order = np.argsort(np.argsort(keys, axis=1), axis=1)
    fast, strong = certain + 48, certain + 12
    chance = [np.where(known, 1.0, (size - certain) / (n - certain)) for size in (fast, strong)]
    asked = np.stack([order < fast, order < strong], axis=1)

    def z() -> float:
        found = two_phase_replays(y, proxies, asked=asked, probabilities=chance)
        return float((found.value.mean() - y.mean()) / (found.value.std() / math.sqrt(4_000)))

    assert abs(z()) < 3.5
    monkeypatch.setattr(chain, "_fit_weights", lambda top, _: top * ((top > 0).sum(axis=1) / top.sum(axis=1))[:, None])
    assert abs(z()) > 5.0  # one fit for both kinds
