"""Golden items: contradictions, accuracy over time, and an alarm that may be looked at always."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from assay.core.errors import AssayError, DataError, InvalidInputError
from assay.judges.golden import golden_answers, golden_report
from assay.judges.judged import Judged


def stream(rates: list[float], *, each: int = 100, seed: int = 1, **more: Any) -> Judged:
    """Verdicts on one golden item whose answer is 5, right at these rates in turn."""
    rng = np.random.default_rng(seed)
    right = np.concatenate([rng.random(each) < rate for rate in rates])
    return Judged(ids=[f"g#{k}" for k in range(right.size)], verdicts=np.where(right, 5.0, 2.0), **more)


def test_contradictory_answers_are_refused() -> None:
    with pytest.raises(DataError) as caught:
        golden_answers([("a", 5.0), ("b", 2.0), ("a", 4.0)])
    assert caught.value.code == "judge.golden_contradiction"
    assert "'a' has the answers 5 and 4" in str(caught.value)
    for rows in ([("a", math.nan)], []):
        with pytest.raises(DataError) as empty:
            golden_answers(rows)
        assert empty.value.code == "judge.golden_answer"


def test_accuracy_by_hand() -> None:
    judged = Judged(ids=["a", "b", "real", "c"], verdicts=[5, 1, 3, None])
    found = golden_report(judged, {"a": 5.0, "b": 4.0, "c": 2.0})
    assert (found.accuracy.value, found.accuracy.n, found.unscored) == (0.5, 2, 1)
    assert found.wrong == (("b", 1.0, 4.0),)
    assert (found.expected, found.alarm_at, found.evidence) == (None, None, None)
    assert golden_report(judged, {"a": 5.0, "b": 4.0, "c": 2.0}, tolerance=3.0).accuracy.value == 1.0
    for bad in (math.nan, math.inf, -1.0):
        with pytest.raises(InvalidInputError, match="tolerance"):
            golden_report(judged, {"a": 5.0}, tolerance=bad)


def test_a_fall_raises_the_alarm_and_none_raises_none() -> None:
    steady = golden_report(stream([0.9, 0.9, 0.9, 0.9]), {"g": 5.0})
    assert steady.alarm_at is None
    assert steady.evidence is not None
    assert steady.evidence < steady.run_length
    fallen = golden_report(stream([0.9, 0.9, 0.4]), {"g": 5.0}, expected=0.8)
    assert fallen.alarm_after is not None
    assert 200 < fallen.alarm_after < 270
    assert fallen.alarm_at == str(fallen.alarm_after)
    assert fallen.watched == 300
    assert fallen.periods[0].accuracy.value > fallen.periods[-1].accuracy.value  # type: ignore[operator]


def test_a_rise_is_no_drift() -> None:
    assert golden_report(stream([0.6, 0.95, 0.99]), {"g": 5.0}, expected=0.6).alarm_at is None


@pytest.mark.slow
def test_looking_after_every_verdict_seldom_alarms_falsely() -> None:
    """Within 500 verdicts at most 5 % alarms at a run length of 10,000; the same promise as after one look."""
    trials, alarms, peeked = 300, 0, 0
    rng = np.random.default_rng(3)
    for _ in range(trials):
        right = rng.random(500) < 0.9
        judged = Judged(ids=[f"g#{k}" for k in range(500)], verdicts=np.where(right, 5.0, 1.0))
        alarms += golden_report(judged, {"g": 5.0}, expected=0.9).alarm_at is not None
        means = np.cumsum(right) / np.arange(1, 501)
        bound = 0.9 - 1.645 * np.sqrt(0.09 / np.arange(1, 501))
        peeked += bool((means[20:] < bound[20:]).any())  # a one-sided test after every verdict
    assert alarms / trials <= 0.05 + 4 * math.sqrt(0.05 * 0.95 / trials)
    assert peeked / trials > 0.15


def test_verdicts_are_put_in_the_order_of_time() -> None:
    times = [f"2026-01-{day:02d}T00:00:00+0{zone}:00" for day, zone in ((3, 0), (1, 0), (2, 5))]
    judged = Judged(ids=["a", "b", "c"], verdicts=[5, 5, 1], times=times)
    found = golden_report(judged, {"a": 5.0, "b": 5.0, "c": 5.0})
    assert (found.periods[0].since, found.periods[-1].until) == (times[1], times[0])
    with pytest.raises(InvalidInputError):
        golden_report(Judged(ids=["a"], verdicts=[5], times=["noon"]), {"a": 5.0})


def test_repeats_of_one_item_are_one_cluster() -> None:
    ids = [f"{name}#{k}" for name in "abcdefgh" for k in range(10)]
    verdicts = [5.0] * 40 + [1.0] * 40
    found = golden_report(Judged(ids=ids, verdicts=verdicts), dict.fromkeys("abcdefgh", 5.0))
    assert found.accuracy.n_clusters == 8
    assert (found.accuracy.high or 1.0) - (found.accuracy.low or 0.0) > 0.5


def test_what_is_out_of_range_is_refused() -> None:
    judged = Judged(ids=["a"], verdicts=[5])
    for options in ({"tolerance": -1.0}, {"expected": 1.0}, {"expected": 0.0}):
        with pytest.raises(InvalidInputError):
            golden_report(judged, {"a": 5.0}, **options)
    with pytest.raises(AssayError) as caught:
        golden_report(judged, {"b": 5.0})
    assert caught.value.code == "judge.no_golden"
    assert golden_report(Judged(ids=["a"], verdicts=[None]), {"a": 5.0}).accuracy.value is None
