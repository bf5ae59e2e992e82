"""Detectors on streams: published run lengths, hand counts, promises."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.core.errors import InvalidInputError
from assay.stats.drift.adwin import Adwin
from assay.stats.drift.cusum import Cusum, PageHinkley, detect_changes
from assay.stats.drift.edetector import EDetector
from assay.stats.drift.run_length import (
    cusum_alarm_probability,
    cusum_run_length,
    cusum_threshold,
    measured_run_length,
    siegmund_run_length,
    threshold_for_horizon,
)

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("threshold", "lengths"),  # Montgomery (2009), table 9.3 (after Lucas & Crosier 1982), k = .5
    [(4.0, [168, 74.2, 26.6, 13.3, 8.38, 4.75, 3.34, 2.62, 2.19]), (5.0,
      [465, 139, 38.0, 17.0, 10.4, 5.75, 4.01, 3.11, 2.57])],
)  # fmt: skip
def test_run_lengths_are_the_published_table(threshold: float, lengths: list[float]) -> None:
    shifts = [0, 0.25, 0.5, 0.75, 1, 1.5, 2, 2.5, 3]
    found = [cusum_run_length(threshold_sds=threshold, shift_sds=shift) for shift in shifts]
    assert found == pytest.approx(lengths, rel=5e-3)
    assert cusum_run_length(threshold_sds=threshold, shift_sds=-1.0) == pytest.approx(found[4])


def test_siegmunds_approximation_is_the_published_one_and_near() -> None:
    # Montgomery (2009), section 9.1: k = .5, h = 5: 938.2 for one side, 469.1 for both
    assert siegmund_run_length(side="up") == pytest.approx(938.2, abs=0.05)
    assert siegmund_run_length() == pytest.approx(469.1, abs=0.05)
    for shift in (0.0, 0.25, 0.5, 1.0, 1.5):
        assert siegmund_run_length(shift_sds=shift) == pytest.approx(cusum_run_length(shift_sds=shift), rel=0.03)


def test_thresholds_are_the_published_ones() -> None:
    # Hawkins (1993), Journal of Quality Technology 25: run length 370 needs h 4.77 at k .5, 8.01 at k .25
    assert cusum_threshold(run_length=370.0) == pytest.approx(4.77, abs=0.01)
    assert cusum_threshold(run_length=370.0, allowance_sds=0.25) == pytest.approx(8.01, abs=0.01)


def test_alarm_probabilities_add_up_to_the_run_length() -> None:
    alive = [1.0 - cusum_alarm_probability(t, threshold_sds=0.5) for t in range(1, 90)]
    assert 1.0 + sum(alive) == pytest.approx(cusum_run_length(threshold_sds=0.5, side="up"), rel=1e-3)


def test_measured_run_lengths_hold_the_exact_ones() -> None:
    def make() -> Cusum:
        return Cusum(target=0.0, std=1.0, threshold_sds=2.0)

    def quiet(source: np.random.Generator, size: int) -> np.ndarray:
        return source.normal(size=size)

    truth = cusum_run_length(threshold_sds=2.0)
    found = measured_run_length(make, quiet, rng=np.random.default_rng(4), trials=300)
    assert found.low < truth < found.high and found.method == "run-length-t"  # type: ignore[operator]
    cut = measured_run_length(make, quiet, rng=np.random.default_rng(2), trials=300, limit=30)
    assert cut.low < truth < cut.high and cut.method == "run-length-censored"  # type: ignore[operator]
    never = measured_run_length(
        lambda: Cusum(target=0.0, std=1.0, threshold_sds=50.0), quiet, rng=np.random.default_rng(3), trials=5, limit=40
    )
    assert (never.value, never.high) == (None, None) and never.low == pytest.approx(200 / -math.log(0.025), rel=1e-9)
    assert "no alarm in 5 streams" in (never.reason or "")


def test_cusum_by_hand() -> None:
    # z - .5: .5, 1.5, -1.5, 2.5 → .5, 2, .5, 3
    found = detect_changes(Cusum(target=1.0, std=2.0, threshold_sds=2.5, side="up"), [3.0, 5.0, -1.0, 7.0])
    assert found.statistics == pytest.approx((0.5, 2.0, 0.5, 3.0))
    assert found.alarms == (3,)
    fall = detect_changes(Cusum(target=1.0, std=2.0, threshold_sds=2.5, side="down"), [-1.0, -3.0, 3.0, -5.0])
    assert fall.statistics == pytest.approx((0.5, 2.0, 0.5, 3.0))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-5, 5), min_size=1, max_size=40))
def test_mirrored_streams_alarm_at_the_same_values(values: list[float]) -> None:
    for make in (
        lambda side: Cusum(target=0.0, std=1.0, threshold_sds=3.0, side=side),
        lambda side: PageHinkley(threshold=4.0, minimum=3, side=side),
        lambda side: EDetector(mean=0.0, low=-5.0, high=5.0, run_length=20.0, side=side),
    ):
        up = detect_changes(make("up"), values)
        down = detect_changes(make("down"), [-value for value in values])
        assert up.alarms == down.alarms
        assert up.statistics == pytest.approx(down.statistics, rel=1e-9, abs=1e-9)


def test_page_hinkley_by_hand() -> None:
    # means 0, .5, 1; deviations 0, .5, 1 without tolerance: the sum rises to 1.5
    found = detect_changes(PageHinkley(threshold=1.4, tolerance=0.0, minimum=1, side="up"), [0.0, 1.0, 2.0])
    assert found.statistics == pytest.approx((0.0, 0.5, 1.5))
    assert found.alarms == (2,)
    quiet = PageHinkley(threshold=0.1, minimum=4)
    assert detect_changes(quiet, [0.0, 5.0, 9.0]).alarms == ()
    assert quiet.n == 3


def test_a_threshold_for_a_horizon_is_an_order_statistic_of_the_maxima() -> None:
    def make() -> Cusum:
        return Cusum(target=0.0, std=1.0, threshold_sds=math.inf, side="up")

    limit = threshold_for_horizon(
        make, lambda source, size: source.normal(size=size), horizon=60, rng=np.random.default_rng(1), trials=599
    )
    assert cusum_alarm_probability(60, threshold_sds=limit) == pytest.approx(0.05, abs=0.03)


def slow_adwin_cut(values: np.ndarray, ends: list[int], delta: float) -> bool:
    n = len(values)
    log_term = math.log(2 * math.log(n) / delta)
    for cut in ends:
        if cut < 5 or n - cut < 5:
            continue
        share = 1 / cut + 1 / (n - cut)
        limit = math.sqrt(2 * share * values.var() * log_term) + 2 / 3 * share * log_term
        if abs(values[:cut].mean() - values[cut:].mean()) > limit:
            return True
    return False


def test_adwin_cuts_where_its_definition_does() -> None:
    values = np.concatenate([np.full(30, 0.2), np.full(300, 0.8)]) + np.random.default_rng(1).uniform(-0.1, 0.1, 330)
    window = Adwin(delta=0.01)
    for place, value in enumerate(values.tolist()):
        alarm = window.update(value)
        if alarm:
            break
        ends = np.cumsum([1 << row for row in range(len(window._rows) - 1, -1, -1) for _ in window._rows[row]])
        assert place < 10 or not slow_adwin_cut(values[: place + 1], ends.tolist(), 0.01)
    assert place > 30 and slow_adwin_cut(values[: place + 1], list(range(place)), 0.01)
    assert alarm
    for value in values[place + 1 :].tolist():
        window.update(value)
    assert window.mean == pytest.approx(0.8, abs=0.06)
    kept = values[len(values) - window.n :]
    assert window._squares == pytest.approx(((kept - kept.mean()) ** 2).sum(), abs=1e-9)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=150))
def test_adwin_keeps_the_moments_of_its_window(values: list[float]) -> None:
    window = Adwin(delta=1e-9)
    for value in values:
        window.update(value)
    kept = np.array(values[len(values) - window.n :])
    assert window.mean == pytest.approx(kept.mean(), abs=1e-9)
    assert window._squares == pytest.approx(((kept - kept.mean()) ** 2).sum(), abs=1e-7)
    assert sum((1 << row) * len(buckets) for row, buckets in enumerate(window._rows)) == window.n
    assert sum(len(buckets) for buckets in window._rows) <= 5 * (math.log2(window.n) + 1)


def test_adwin_scales_values_and_looks_less_often_when_told() -> None:
    values = [0.0, 1.0] * 100 + [1.0] * 100
    one, scaled = Adwin(), Adwin(low=-10.0, high=30.0)
    assert [one.update(v) for v in values] == [scaled.update(40 * v - 10) for v in values]
    assert scaled.mean == pytest.approx(40 * one.mean - 10)  # type: ignore[operator]
    lazy = Adwin(every=32)
    alarms = [place for place, value in enumerate(values) if lazy.update(value)]
    assert alarms and all((place + 1) % 32 == 0 for place in alarms)
    one.reset()
    assert one.mean is None and one.statistic == 0.0


def test_the_e_detector_by_hand() -> None:
    # one sub-Gaussian bet λ: M = (M + 1) exp(λ x - λ²/2)
    watch = EDetector(mean=0.0, std=1.0, run_length=100.0, side="up")
    bets, expected = np.geomspace(0.1, 3.0, 16), np.zeros(16)
    for value in (0.5, 1.0, -0.3):
        watch.update(value)
        expected = (expected + 1) * np.exp(bets * value - bets**2 / 2)
    assert watch.statistic == pytest.approx(expected.mean(), rel=1e-12)
    flips = EDetector(mean=0.25, run_length=100.0, side="down")
    flips.update(0.0)
    assert flips.statistic == pytest.approx(1 + np.geomspace(0.005, 0.95, 16).mean() / 3, rel=1e-12)


def test_the_e_detector_waits_longer_than_promised_and_finds_a_change() -> None:
    source = np.random.default_rng(4)
    quiet = measured_run_length(
        lambda: EDetector(mean=0.3, run_length=50.0), lambda r, size: (r.random(size) < 0.3).astype(float),
        rng=source, trials=150, limit=3_000,
    )  # fmt: skip
    assert quiet.low is not None and quiet.low > 50.0
    changed = np.concatenate([source.random(100) < 0.3, source.random(100) < 0.7]).astype(float)
    found = detect_changes(EDetector(mean=0.3, run_length=1_000.0), changed)
    assert found.alarms and 100 <= found.alarms[0] < 150


def test_the_e_detector_does_not_overflow() -> None:
    watch = EDetector(mean=0.0, std=1.0)
    for _ in range(300):
        assert math.isfinite(watch.statistic + watch.update(1e6))


@pytest.mark.parametrize(
    "call",
    [
        lambda: Cusum(target=0.0, std=0.0),
        lambda: Cusum(target=0.0, std=1.0, side="left"),  # type: ignore[arg-type]
        lambda: Cusum(target=0.0, std=1.0).update(math.nan),
        lambda: PageHinkley(threshold=0.0),
        lambda: Adwin(delta=1.0),
        lambda: Adwin().update(1.5),
        lambda: EDetector(mean=1.0),
        lambda: EDetector(mean=0.5, std=-1.0),
        lambda: EDetector(mean=0.5, run_length=1.0),
        lambda: EDetector(mean=0.5).update(2.0),
        lambda: cusum_run_length(threshold_sds=0.0),
        lambda: cusum_alarm_probability(0),
        lambda: cusum_threshold(run_length=1e300),
        lambda: siegmund_run_length(allowance_sds=-1.0),
        lambda: measured_run_length(
            Adwin, lambda r, n: r.random(n), rng=np.random.default_rng(1), trials=1
        ),
        lambda: threshold_for_horizon(
            Adwin, lambda r, n: r.random(n), horizon=5, rng=np.random.default_rng(1), trials=5
        ),
        lambda: detect_changes(Adwin(), []),
    ],
)  # fmt: skip
def test_bad_input_is_refused(call: object) -> None:
    with pytest.raises(InvalidInputError):
        call()  # type: ignore[operator]
