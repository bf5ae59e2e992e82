"""Dependent correlations, summary and system level, human ceiling; published figures and SummEval."""

from __future__ import annotations

import gzip
import json
import math
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from assay.core.errors import InvalidInputError
from assay.stats.correlation.ceiling import (
    disattenuated_correlation,
    human_ceiling,
    spearman_brown,
    split_half_reliability,
)
from assay.stats.correlation.coefficients import spearman_correlation
from assay.stats.correlation.dependent import (
    compare_dependent_correlations,
    dependent_correlations_from_r,
    meng_rosenthal_rubin,
)
from assay.stats.correlation.levels import (
    summary_level_correlation,
    summary_level_difference,
    system_level_correlation,
)


def test_williams_example_of_steiger() -> None:
    """Steiger (1980), case A, as printed by the psych package's documentation of r.test: t = -0.89, p < .37."""
    found = dependent_correlations_from_r(0.4, 0.5, 0.1, n=103)
    assert round(found.statistic, 2) == -0.89
    assert found.p_value == pytest.approx(0.375, abs=0.001)
    assert found.df == 100


def test_zou_example() -> None:
    """Zou (2007), overlapping correlations: .396 and .179 with .088 between them, n = 66: -.093 to .517."""
    found = dependent_correlations_from_r(0.396, 0.179, 0.088, n=66).difference
    assert (round(found.low, 3), round(found.high, 3)) == (-0.093, 0.517)
    assert found.value == pytest.approx(0.217)


def test_zou_knows_that_near_copies_of_a_metric_err_together() -> None:
    """The correlation of the two errors is Olkin & Siotani's; here it is held against simulated correlations."""
    rng = np.random.default_rng(8)
    law = np.linalg.cholesky(np.array([[1, 0.5, 0.4], [0.5, 1, 0.9], [0.4, 0.9, 1]]))
    drawn = np.einsum("ij,rjn->rin", law, rng.normal(size=(2_000, 3, 400)))
    drawn -= drawn.mean(axis=2, keepdims=True)
    drawn /= np.sqrt(np.square(drawn).sum(axis=2, keepdims=True))
    gaps = (drawn[:, 0] * drawn[:, 1]).sum(axis=1) - (drawn[:, 0] * drawn[:, 2]).sum(axis=1)
    found = dependent_correlations_from_r(0.5, 0.4, 0.9, n=400).difference
    assert found.high - found.low == pytest.approx(2 * 1.96 * gaps.std(), rel=0.05)


def test_meng_example() -> None:
    """Meng, Rosenthal & Rubin (1992): .63 and -.03 with -.19 between them, N = 15: Z = 1.68, p = .047 one-sided."""
    found = meng_rosenthal_rubin(0.63, -0.03, -0.19, n=15)
    assert round(found.z, 2) == 1.68
    assert found.p_value / 2 == pytest.approx(0.0465, abs=0.0005)
    assert found.difference.value == pytest.approx(math.atanh(0.63) - math.atanh(-0.03))


def test_equal_correlations_do_not_differ() -> None:
    found = dependent_correlations_from_r(0.5, 0.5, 0.3, n=30)
    assert found.statistic == 0.0 and found.p_value == pytest.approx(1.0)
    assert found.difference.low == pytest.approx(-found.difference.high)
    assert meng_rosenthal_rubin(0.5, 0.5, 0.3, n=30).p_value == pytest.approx(1.0)


@given(st.floats(-0.9, 0.9), st.floats(-0.9, 0.9), st.floats(-0.9, 0.9), st.integers(4, 500))
def test_swapping_the_metrics_negates(a: float, b: float, between: float, n: int) -> None:
    if 1 - a * a - b * b - between**2 + 2 * a * b * between < 1e-6:
        return
    forward, backward = (dependent_correlations_from_r(*pair, between, n=n) for pair in ((a, b), (b, a)))
    assert forward.statistic == pytest.approx(-backward.statistic, abs=1e-9)
    assert (forward.difference.low, forward.difference.high) == pytest.approx(
        (-backward.difference.high, -backward.difference.low), abs=1e-9
    )


def _three(n: int = 120) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(4)
    people = rng.normal(size=n)
    return people + rng.normal(size=n), people + 2 * rng.normal(size=n), people


def test_pearson_of_few_continuous_data_is_the_test_of_its_three_correlations() -> None:
    first, second, people = _three(49)
    r = np.corrcoef([first, second, people])
    expected = dependent_correlations_from_r(r[0, 2], r[1, 2], r[0, 1], n=49)
    found = compare_dependent_correlations(first, second, people)
    assert found.p_value == pytest.approx(expected.p_value)
    assert found.difference.low == pytest.approx(expected.difference.low)
    assert (found.test, found.first.method, found.if_normal) == ("williams", "fisher-z", None)


@pytest.mark.parametrize("coarse", [False, True])
def test_pearson_of_many_or_tied_data_takes_its_spread_from_them(coarse: bool) -> None:
    """Williams's test stays beside it; what is assumed of normal scores does not hold for verdicts of two levels."""
    scores = [np.round(column) if coarse else column for column in _three(40 if coarse else 50)]
    r = np.corrcoef(scores)
    expected = dependent_correlations_from_r(r[0, 2], r[1, 2], r[0, 1], n=len(scores[0]))
    found = compare_dependent_correlations(*scores)
    assert (found.test, found.difference.method) == ("delta", "delta")
    assert {found.first.method, found.second.method} == {"delta-z"}
    assert found.if_normal is not None
    assert found.if_normal.p_value == pytest.approx(expected.p_value)
    assert found.if_normal.difference.low == pytest.approx(expected.difference.low)


def test_rank_correlations_of_tied_data_take_their_spread_from_them() -> None:
    plain = compare_dependent_correlations(*_three(60), kind="spearman")
    tied = compare_dependent_correlations(*(np.round(column) for column in _three(60)), kind="spearman")
    assert (plain.first.method, tied.first.method) == ("bonett-wright", "delta-z")
    assert tied.if_normal is None


def test_a_score_that_is_the_sum_of_the_others_is_compared() -> None:
    first, second, _ = _three(60)
    found = compare_dependent_correlations(first, second, first + second)
    assert found.difference.low is not None
    assert found.if_normal is None


@pytest.mark.parametrize("kind", ["pearson", "spearman", "kendall"])
def test_delta_difference_equals_the_jackknife(kind: str) -> None:
    first, second, people = _three(80)
    scipy_of = {"pearson": stats.pearsonr, "spearman": stats.spearmanr, "kendall": stats.kendalltau}[kind]
    keep = [np.arange(80) != i for i in range(80)]
    left = np.array([scipy_of(first[k], people[k])[0] - scipy_of(second[k], people[k])[0] for k in keep])
    jackknife = math.sqrt(79 / 80 * np.square(left - left.mean()).sum())
    found = compare_dependent_correlations(first, second, people, kind=kind, clusters=np.arange(80))
    assert found.difference.std_error == pytest.approx(jackknife, rel=0.06)
    assert found.test == "delta"


def test_a_metric_against_itself_or_a_constant_has_no_test() -> None:
    first, _, people = _three(30)
    same = compare_dependent_correlations(first, first, people)
    assert same.difference.value == pytest.approx(0.0) and same.p_value is None
    assert "same way" in (same.difference.reason or "")
    flat = compare_dependent_correlations(first, np.ones(30), people, kind="kendall")
    assert flat.difference.value is None and flat.between is None
    few = compare_dependent_correlations(first, people, people, kind="spearman", clusters=np.arange(30) % 3)
    assert few.difference.low is None and "3 independent groups" in (few.difference.reason or "")


def test_disattenuation_knows_that_raters_use_the_scale_more_and_less_widely() -> None:
    """One of them on twice the scale: the mean of both is less reliable than halves, stretched, make believe."""
    rng = np.random.default_rng(5)
    truth = rng.normal(size=20_000)
    people = np.column_stack([truth + rng.normal(size=20_000), 3 * (truth + rng.normal(size=20_000))])
    scores = truth + rng.normal(size=20_000)
    found = disattenuated_correlation(scores, people, rng=rng, repeats=100)
    mean = people.mean(axis=1)
    covariance, variance = np.cov(people.T)[0, 1], mean.var()
    assert found.value == pytest.approx(
        stats.pearsonr(scores, mean)[0] / math.sqrt(4 * covariance / (4 * variance)), rel=1e-3
    )


def test_impossible_correlations_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="no three scores"):
        dependent_correlations_from_r(0.9, -0.9, 0.9, n=30)
    with pytest.raises(InvalidInputError, match="cannot be compared"):
        dependent_correlations_from_r(1.0, 0.5, 0.2, n=30)
    with pytest.raises(InvalidInputError, match="cannot be compared"):
        meng_rosenthal_rubin(0.5, 0.4, 0.2, n=3)
    with pytest.raises(InvalidInputError, match="items"):
        compare_dependent_correlations([1, 2, 3], [1, 3, 2], [1, 2, 3])


# levels


def test_summary_level_is_the_mean_of_scipy_correlations_with_its_t_interval() -> None:
    rng = np.random.default_rng(2)
    scores, people = rng.integers(1, 6, size=(2, 20, 7)).astype(float)
    document = np.repeat([f"d{i}" for i in range(20)], 7)
    mixed = rng.permutation(140)
    for kind, scipy_of in (("spearman", stats.spearmanr), ("kendall", stats.kendalltau), ("pearson", stats.pearsonr)):
        each = [scipy_of(a, b)[0] for a, b in zip(scores, people, strict=True)]
        found = summary_level_correlation(
            scores.ravel()[mixed], people.ravel()[mixed], document[mixed], kind=kind
        ).estimate
        expected = stats.ttest_1samp(each, 0).confidence_interval()
        assert found.value == pytest.approx(np.mean(each))
        assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
        assert found.n == 20


def test_documents_without_a_correlation_are_counted_and_named() -> None:
    scores = [1, 1, 1, 2, 3, 1, 5, 2, 3]
    people = [1, 2, 3, 4, 4, 4, 1, 3, 2]
    found = summary_level_correlation([*scores, 1], [*people, 1], list("aaabbbcccd"))
    assert found.estimate.value == pytest.approx(stats.spearmanr([5, 2, 3], [1, 3, 2])[0])
    assert (found.estimate.n, found.estimate.unscored) == (1, 3)
    assert found.estimate.low is None
    assert dict(found.undefined) == {
        "all first scores are equal": 1,
        "all second scores are equal": 1,
        "fewer than two pairs": 1,
    }
    nothing = summary_level_correlation([1, 1], [1, 2], ["a", "a"])
    assert nothing.estimate.value is None and nothing.estimate.reason == "no document has a correlation"


def test_difference_of_metrics_is_paired_over_documents() -> None:
    rng = np.random.default_rng(7)
    people = rng.normal(size=(15, 6))
    first, second = people + rng.normal(size=(15, 6)), people + 2 * rng.normal(size=(15, 6))
    second[3] = 0.0
    document = np.repeat(np.arange(15), 6)
    found = summary_level_difference(first.ravel(), second.ravel(), people.ravel(), document, kind="pearson")
    gaps = [
        stats.pearsonr(a, p)[0] - stats.pearsonr(b, p)[0]
        for i, (a, b, p) in enumerate(zip(first, second, people, strict=True))
        if i != 3
    ]
    expected = stats.ttest_1samp(gaps, 0).confidence_interval()
    assert (found.estimate.low, found.estimate.high) == pytest.approx((expected.low, expected.high))
    assert dict(found.undefined) == {"second metric: all first scores are equal": 1}


def test_system_level_is_the_correlation_of_means() -> None:
    rng = np.random.default_rng(1)
    scores, people = rng.normal(size=(2, 10, 8))
    system, document = np.tile(np.arange(8), 10), np.repeat(np.arange(10), 8)
    for kind, scipy_of in (("pearson", stats.pearsonr), ("spearman", stats.spearmanr), ("kendall", stats.kendalltau)):
        found = system_level_correlation(scores.ravel(), people.ravel(), system, document, kind=kind)
        assert found.value == pytest.approx(scipy_of(scores.mean(axis=0), people.mean(axis=0))[0])
        assert found.n == 8 and found.estimand == "new systems, these documents"
    flat = system_level_correlation(np.ones(80), people.ravel(), system, document)
    assert flat.value is None and flat.reason


def test_levels_refuse() -> None:
    with pytest.raises(InvalidInputError, match="more than once"):
        system_level_correlation([1, 2, 3], [1, 2, 3], ["a", "a", "b"], ["d", "d", "d"])
    with pytest.raises(InvalidInputError, match="clusters"):
        summary_level_correlation([1, 2], [1, 2], ["a"])
    with pytest.raises(InvalidInputError, match="called"):
        summary_level_correlation([1, 2], [1, 2], ["a", "a"], kind="rho")
    with pytest.raises(InvalidInputError, match="document"):
        summary_level_correlation([1, 2], [1, 2], None)


@pytest.fixture(scope="module")
def summeval(real_data: Path) -> dict[str, dict[tuple[str, str], list[float]]]:
    """People's mean and three experts, and the scores of two judges, by dimension and answer."""
    folder = real_data / "judge" / "summeval"
    found: dict[str, dict[tuple[str, str], list[float]]] = defaultdict(dict)
    with gzip.open(folder / "human.jsonl.gz", "rt", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            for dimension in ("coherence", "consistency", "fluency", "relevance"):
                found[f"human {dimension}"][row["doc_id"], row["system"]] = [
                    float(one[dimension]) for one in row["expert_annotations"]
                ]
    with gzip.open(folder / "llm_judge_scores.jsonl.gz", "rt", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            if row["prompt"] == "rts" and row["judge"] in ("gpt-4-0314", "gpt-3.5-turbo-0301"):
                key = f"{row['judge'][:5]} {row['dimension']}"
                found[key][row["doc_id"], row["system"]] = [float(row["score"])]
    return found


STATED = {
    "gpt-4": {"coherence": 0.441, "consistency": 0.570, "fluency": 0.503, "relevance": 0.440},
    "gpt-3": {"coherence": 0.455, "consistency": 0.378, "fluency": 0.278, "relevance": 0.414},
}


@pytest.mark.parametrize("dimension", ["coherence", "consistency", "fluency", "relevance"])
@pytest.mark.parametrize("judge", ["gpt-4", "gpt-3"])
def test_summeval_spearman_is_the_stated_one(
    summeval: dict[str, dict[tuple[str, str], list[float]]], judge: str, dimension: str
) -> None:
    """The stated figures are one Spearman correlation over all 600 answers, ties and all."""
    people, scores = summeval[f"human {dimension}"], summeval[f"{judge} {dimension}"]
    keys = sorted(people)
    x, y = [scores[key][0] for key in keys], [float(np.mean(people[key])) for key in keys]
    found = spearman_correlation(x, y, clusters=[key[0] for key in keys])
    assert found.value == pytest.approx(STATED[judge][dimension], abs=0.0005)
    assert (found.n, found.n_clusters) == (600, 50)
    assert found.low < found.value < found.high


def test_summeval_by_document_names_the_documents_that_have_no_correlation(
    summeval: dict[str, dict[tuple[str, str], list[float]]],
) -> None:
    people, scores = summeval["human consistency"], summeval["gpt-4 consistency"]
    keys = sorted(people)
    x, y = [scores[key][0] for key in keys], [float(np.mean(people[key])) for key in keys]
    found = summary_level_correlation(x, y, [key[0] for key in keys])
    assert (found.estimate.n, found.estimate.unscored) == (40, 10)
    assert dict(found.undefined) == {"all first scores are equal": 9, "all second scores are equal": 1}
    assert found.estimate.value == pytest.approx(0.607, abs=0.0005)  # not the stated .570, which pools all answers
    systems = system_level_correlation(x, y, [key[1] for key in keys], [key[0] for key in keys])
    assert systems.n == 12 and systems.high - systems.low > 0.2


def test_summeval_judge_beside_the_experts(summeval: dict[str, dict[tuple[str, str], list[float]]]) -> None:
    keys = sorted(summeval["human coherence"])
    experts = np.array([summeval["human coherence"][key] for key in keys])
    judge = np.array([summeval["gpt-4 coherence"][key][0] for key in keys])
    documents = [key[0] for key in keys]
    found = human_ceiling(experts, metric=judge, clusters=documents, rng=np.random.default_rng(1), repeats=200)
    assert found.person.value == pytest.approx(
        np.mean([stats.spearmanr(experts[:, j], np.delete(experts, j, axis=1).mean(axis=1))[0] for j in range(3)])
    )
    assert found.difference.high < 0.0  # one expert predicts the others better than the judge does
    assert found.person.n_clusters == 50


# ceiling


def test_spearman_brown_of_a_half() -> None:
    assert spearman_brown(0.6, 2) == pytest.approx(0.75)
    assert spearman_brown(0.75, 0.5) == pytest.approx(0.6)
    assert spearman_brown(0.0, 10) == 0.0
    for wrong in ((1.2, 2), (0.5, 0), (-0.6, 3)):
        with pytest.raises(InvalidInputError, match="stretched"):
            spearman_brown(*wrong)


def _ratings(items: int = 60, raters: int = 4) -> np.ndarray:
    rng = np.random.default_rng(11)
    return rng.normal(size=items)[:, None] + rng.normal(size=(items, raters)) + np.arange(raters)


def test_two_raters_are_their_correlation_stretched() -> None:
    table = _ratings(raters=2)
    found = split_half_reliability(table, rng=np.random.default_rng(1), repeats=100)
    assert found.value == pytest.approx(spearman_brown(stats.pearsonr(*table.T)[0], 2))
    assert found.low < found.value < found.high


def test_three_raters_are_the_mean_pair_stretched_three_times() -> None:
    table = _ratings(raters=3)
    pairs = [stats.pearsonr(table[:, i], table[:, j])[0] for i, j in ((0, 1), (0, 2), (1, 2))]
    found = split_half_reliability(table, rng=np.random.default_rng(1), repeats=100, splits=900)
    assert found.value == pytest.approx(spearman_brown(float(np.mean(pairs)), 3), abs=0.01)


def test_gaps_in_the_table_are_left_out() -> None:
    table = _ratings(300)
    holes = table - np.arange(4)
    holes[np.arange(300), np.arange(300) % 4] = np.nan
    found = split_half_reliability(holes, rng=np.random.default_rng(1), repeats=100, splits=100)
    assert found.value == pytest.approx(0.75, abs=0.06)  # three ratings of reliability one half


def test_disattenuation_divides_by_the_root_of_reliability() -> None:
    table = _ratings(raters=2)
    scores = table[:, 0] * 0.3 + np.random.default_rng(2).normal(size=60)
    reliability = 2 * (1 - table.var(axis=0).sum() / table.sum(axis=1).var())  # Cronbach's alpha of two raters
    r = stats.pearsonr(scores, table.mean(axis=1))[0]
    found = disattenuated_correlation(scores, table, rng=np.random.default_rng(1), repeats=100)
    assert found.value == pytest.approx(r / math.sqrt(reliability))
    half = disattenuated_correlation(scores, table, rng=np.random.default_rng(1), repeats=100, score_reliability=0.25)
    assert half.value == pytest.approx(2 * found.value)


def test_people_who_do_not_agree_leave_nothing_to_correct_for() -> None:
    table = np.stack([np.arange(10.0), -np.arange(10.0) + 0.1 * np.arange(10) ** 2], axis=1)
    found = disattenuated_correlation(np.arange(10.0), table, rng=np.random.default_rng(1), repeats=100)
    assert found.value is None and "do not agree" in (found.reason or "")
    flat = split_half_reliability(np.ones((5, 2)), rng=np.random.default_rng(1), repeats=100)
    assert flat.value is None and flat.reason == "some ratings are all equal"


def test_leave_one_out_with_gaps_uses_what_was_rated() -> None:
    table = _ratings()
    table[:20, 0] = np.nan
    found = human_ceiling(table, kind="pearson", rng=np.random.default_rng(1), repeats=100)
    each = [stats.pearsonr(table[20:, 0], table[20:, 1:].mean(axis=1))[0]]
    each += [stats.pearsonr(table[:, j], np.nanmean(np.delete(table, j, axis=1), axis=1))[0] for j in (1, 2, 3)]
    assert found.person.value == pytest.approx(np.mean(each))
    assert found.metric is None and found.difference is None


def test_a_metric_is_held_against_the_same_means_as_people() -> None:
    table, metric = _ratings(), np.random.default_rng(3).normal(size=60)
    found = human_ceiling(table, metric=metric, kind="kendall", rng=np.random.default_rng(1), repeats=100)
    expected = np.mean([stats.kendalltau(metric, np.delete(table, j, axis=1).mean(axis=1))[0] for j in range(4)])
    assert found.metric.value == pytest.approx(expected)
    assert found.difference.value == pytest.approx(found.metric.value - found.person.value)


def test_ceiling_refuses() -> None:
    rng = np.random.default_rng(1)
    with pytest.raises(InvalidInputError, match="shape"):
        human_ceiling([1.0, 2.0], rng=rng)
    with pytest.raises(InvalidInputError, match="infinite"):
        human_ceiling([[1.0, 2.0], [1.0, math.inf], [1.0, 2.0]], rng=rng)
    with pytest.raises(InvalidInputError, match="fewer than two ratings"):
        split_half_reliability([[1.0, 2.0], [1.0, math.nan], [1.0, 2.0]], rng=rng)
    with pytest.raises(InvalidInputError, match="rater 2 rated 2"):
        table = _ratings(5, 3)
        table[:3, 2] = np.nan
        human_ceiling(table, rng=rng)
    with pytest.raises(InvalidInputError, match="metric scores"):
        human_ceiling(_ratings(), metric=[1.0], rng=rng)
    with pytest.raises(InvalidInputError, match="reliability"):
        disattenuated_correlation(np.ones(60), _ratings(), rng=rng, score_reliability=0.0)
    with pytest.raises(InvalidInputError, match="come with 1 scores"):
        disattenuated_correlation([1.0], _ratings(), rng=rng)
    with pytest.raises(InvalidInputError, match="splits"):
        split_half_reliability(_ratings(), rng=rng, splits=0)
