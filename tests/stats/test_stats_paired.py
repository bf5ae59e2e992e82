"""Paired differences: hand examples, scipy and statsmodels, published tables, properties."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar

from assay.core.errors import InvalidInputError
from assay.stats.evidence import difference_evidence, mean_evidence
from assay.stats.moments import Moments
from assay.stats.paired import mcnemar, paired_difference, tango, tango_evidence, tango_score

COUNTS = st.tuples(st.integers(0, 40), st.integers(0, 40), st.integers(0, 300)).filter(sum)


@pytest.mark.parametrize(
    ("n", "gained", "lost", "low", "high"),
    [
        (21, 1, 7, -0.517, -0.026),  # Fagerland, Lydersen & Laake (2014), airway hyper-responsiveness
        (86, 16, 8, -0.020, 0.207),  # Agresti & Min (2005), crossover trial
    ],
)
def test_tango_gives_the_published_intervals(n: int, gained: int, lost: int, low: float, high: float) -> None:
    estimate = tango(n, gained, lost)
    assert (estimate.low, estimate.high) == pytest.approx((low, high), abs=5e-4)


@given(COUNTS)
def test_tango_bounds_are_where_the_score_reaches_the_quantile(counts: tuple[int, int, int]) -> None:
    gained, lost, same = counts
    n = gained + lost + same
    estimate = tango(n, gained, lost)
    assert estimate.low is not None and estimate.high is not None and estimate.value is not None
    assert -1.0 <= estimate.low <= estimate.value <= estimate.high <= 1.0
    if estimate.value > -1.0:
        assert tango_score(n, gained, lost, estimate.low) == pytest.approx(1.959964, abs=1e-4)
    mirrored = tango(n, lost, gained)
    assert (mirrored.low, mirrored.high) == pytest.approx((-estimate.high, -estimate.low))


def test_identical_systems_have_an_interval_of_honest_width() -> None:
    z2 = stats.norm.ppf(0.975) ** 2
    estimate = tango(200, 0, 0)
    assert (estimate.low, estimate.high) == pytest.approx((-z2 / (200 + z2), z2 / (200 + z2)))


@given(st.integers(0, 60), st.integers(0, 60))
def test_exact_mcnemar_is_statsmodels(gained: int, lost: int) -> None:
    p = mcnemar(gained, lost)
    expected = 1.0 if gained + lost == 0 else statsmodels_mcnemar([[5, gained], [lost, 5]], exact=True).pvalue
    assert p.exact == pytest.approx(expected, rel=1e-9)
    assert p.mid <= p.exact


def test_mcnemar_gives_the_published_example() -> None:
    p = mcnemar(1, 7)  # Fagerland, Lydersen & Laake (2013): exact .0703, mid-p .0391
    assert (p.exact, p.mid) == pytest.approx((0.0703125, 0.0390625))


def test_independent_samples_give_the_scipy_paired_t_interval() -> None:
    before, after = np.random.default_rng(7).normal(size=(2, 30))
    expected = stats.ttest_rel(after, before).confidence_interval(0.95)
    ours = paired_difference(before.tolist(), after.tolist())
    assert (ours.low, ours.high) == pytest.approx((expected.low, expected.high))
    assert ours.method == "paired-t"


def test_evidence_asks_the_same_of_p_value_and_interval() -> None:
    differences = np.random.default_rng(8).normal(0.3, 1.0, size=25)
    for evidence in (
        difference_evidence(Moments.of(differences.tolist())),
        difference_evidence(Moments.of([0.1] * 30)),
        tango_evidence(90, 20, 9),
        mean_evidence(Moments.of([1.0] * 33 + [0.0] * 7), unit="share"),
        mean_evidence(Moments.of([1.0] * 30 + [0.0] * 10, [str(i // 4) for i in range(40)]), unit="share"),
    ):
        for confidence in (0.8, 0.95):
            found = evidence.estimate(confidence)
            assert found.low is not None and found.high is not None
            assert evidence.p_above(found.low) == pytest.approx(0.5 - confidence / 2, rel=1e-5)
            assert evidence.p_below(found.high) == pytest.approx(0.5 - confidence / 2, rel=1e-5)


def test_t_evidence_is_scipys_one_sided_test() -> None:
    differences = np.random.default_rng(9).normal(0.2, 1.0, size=40)
    evidence = difference_evidence(Moments.of(differences.tolist()))
    expected = stats.ttest_1samp(differences, 0.1, alternative="greater").pvalue
    assert evidence.p_above(0.1) == pytest.approx(expected)


@given(
    st.lists(st.tuples(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3), st.integers(0, 5)), min_size=2, max_size=40).filter(
        lambda rows: len({row[2] for row in rows}) > 1
    )
)
def test_swapping_the_systems_negates_the_difference(rows: list[tuple[float, float, int]]) -> None:
    before, after, groups = ([row[i] for row in rows] for i in range(3))
    forward = paired_difference(before, after, clusters=groups, span=2e3)
    backward = paired_difference(after, before, clusters=groups, span=2e3)
    assert (forward.value, forward.low) == pytest.approx((-(backward.value or 0), -(backward.high or 0)), abs=1e-6)


def test_equal_differences_are_bounded_by_how_rare_others_may_be() -> None:
    same = paired_difference([0.3, 0.9, 0.5, 0.2], [0.3, 0.9, 0.5, 0.2])
    assert (same.low, same.high) == pytest.approx((tango(4, 0, 0).low, tango(4, 0, 0).high))
    shifted = difference_evidence(Moments.of([0.25] * 50)).estimate(0.95)
    rare = stats.norm.ppf(0.975) ** 2 / (50 + stats.norm.ppf(0.975) ** 2)
    assert (shifted.low, shifted.high) == pytest.approx((0.25 - rare * 1.25, 0.25 + rare * 0.75))
    unknown = difference_evidence(Moments.of([0.25] * 50), unit="s", span=0.0)
    assert unknown.score is None
    assert unknown.estimate(0.95).reason == "all 50 paired differences are equal, so their spread is unknown"


def test_what_cannot_be_paired_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="cannot be paired"):
        paired_difference([1.0], [1.0, 2.0])
    with pytest.raises(InvalidInputError, match="1 independent group"):
        paired_difference([1.0, 2.0], [2.0, 2.0], clusters=["a", "a"])
    with pytest.raises(InvalidInputError, match="do not fit"):
        tango(5, 4, 2)
    with pytest.raises(InvalidInputError, match="not counts"):
        mcnemar(-1, 2)


def test_gsm8k_verification_against_finetuning() -> None:
    folder = os.environ.get("ASSAY_TEST_DATA")
    if not folder:
        pytest.skip("ASSAY_TEST_DATA is not set: the recorded GSM8K solutions are not here")
    path = Path(folder) / "benchmarks" / "gsm8k_model_solutions.jsonl.gz"
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    before = np.array([row["175b_finetuning"]["is_correct"] for row in rows], dtype=float)
    after = np.array([row["175b_verification"]["is_correct"] for row in rows], dtype=float)
    gained, lost = int((after > before).sum()), int((after < before).sum())
    assert (before.mean() * 100, after.mean() * 100) == pytest.approx((34.72, 56.25), abs=0.01)
    assert (gained, lost) == (360, 76)
    score, mean = tango(1319, gained, lost), paired_difference(before.tolist(), after.tolist())
    assert score.value == mean.value == pytest.approx(0.2153, abs=1e-4)
    assert (score.low, score.high) == pytest.approx(
        (mean.low, mean.high), abs=1e-3
    )  # two methods, one answer at n = 1,319
    assert mcnemar(gained, lost).exact == pytest.approx(float(stats.binomtest(76, 436).pvalue), rel=1e-9)
