"""Agreement with people: the coefficients a scale asks for, documents, parts, and the ceiling people set."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.core.errors import DataError
from assay.judges.agreeing import agreement_with_people, alpha_of, beside_people, majority, scale_level
from assay.judges.judged import Judged
from assay.stats import cohen_kappa, krippendorff_alpha
from assay.stats.agreement.ratings import Ratings

pytestmark = pytest.mark.slow


def study(n: int = 200, *, spread: float = 1.0, levels: bool = True, seed: int = 1) -> Judged:
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=n) + rng.normal(size=n // 5)[np.arange(n) // 5]

    def seen(noise: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        marks = 3.0 + truth + noise * rng.normal(size=n)
        return np.clip(np.round(marks), 1, 5) if levels else marks

    return Judged(
        ids=[str(k) for k in range(n)],
        verdicts=seen(spread),
        raters=np.column_stack([seen(0.7) for _ in range(3)]),
        clusters=[f"d{k // 5}" for k in range(n)],
        segments=["even" if k % 2 == 0 else "odd" for k in range(n)],
        languages=["de"] * n,
    )


def test_a_judge_like_a_person_reaches_the_ceiling_and_a_worse_one_does_not() -> None:
    for spread, better in ((0.7, None), (3.0, False)):
        found = agreement_with_people(study(400, spread=spread, levels=False), rng=np.random.default_rng(1))
        assert found is not None
        assert [beside.measure for beside in found.ceiling] == ["spearman", "alpha"]
        for beside in found.ceiling:
            gap = beside.difference
            assert gap.low is not None
            assert gap.high is not None
            assert (gap.low < 0.0 < gap.high) if better is None else gap.high < 0.0
            assert beside.judge.value is not None
            assert beside.person.value is not None
            assert gap.value == pytest.approx(beside.judge.value - beside.person.value)
        assert found.people is not None
        assert (found.raters, found.n) == (3, 400)


def test_the_scale_chooses_the_coefficients() -> None:
    graded = study()
    assert scale_level(graded) == "ordinal"
    found = agreement_with_people(graded, rng=np.random.default_rng(1))
    assert found is not None
    assert list(found.coefficients) == ["alpha", "spearman", "kendall", "spearman_within_documents"]
    single = agreement_with_people(
        replace(graded, human=graded.raters[:, 0], raters=None), rng=np.random.default_rng(1)
    )
    assert single is not None
    assert next(iter(single.coefficients)) == "kappa_quadratic"
    assert single.people is None
    assert single.ceiling == ()
    yes = replace(
        graded, verdicts=(graded.verdicts > 3).astype(float), raters=(graded.raters > 3).astype(float), human=None
    )
    assert scale_level(yes) == "binary"
    binary = agreement_with_people(yes, rng=np.random.default_rng(1))
    assert binary is not None
    assert list(binary.coefficients)[:3] == ["agreement", "kappa", "alpha"]
    assert scale_level(study(levels=False)) == "interval"


def test_coefficients_are_those_of_the_statistics() -> None:
    judged = study()
    plain = replace(judged, clusters=None, human=judged.raters[:, 0], raters=None)
    found = agreement_with_people(plain, rng=np.random.default_rng(1))
    assert found is not None
    table = np.column_stack([plain.verdicts, plain.human])
    kappa = cohen_kappa(Ratings.from_matrix(table, levels=[1.0, 2.0, 3.0, 4.0, 5.0]), weights="quadratic")
    assert found.coefficients["kappa_quadratic"] == kappa
    assert found.coefficients["alpha"] == krippendorff_alpha(Ratings.from_matrix(table), metric="interval")


def test_documents_keep_the_value_and_widen_the_interval() -> None:
    rng = np.random.default_rng(2)
    documents = np.repeat(np.arange(30), 10)
    truth = rng.normal(size=300)
    verdict = np.where((rng.random(30) < 0.5)[documents], truth, rng.normal(size=300))
    table = np.column_stack([verdict, truth])
    plain = alpha_of(table, None, "interval")
    grouped = alpha_of(table, [str(one) for one in documents], "interval")
    assert plain.value == grouped.value
    assert None not in (plain.low, plain.high, grouped.low, grouped.high)
    assert grouped.high - grouped.low > 1.3 * (plain.high - plain.low)  # type: ignore[operator]
    assert (grouped.n_clusters, grouped.method) == (30, "alpha-interval-jackknife")


def test_without_documents_the_jackknife_agrees_with_the_linearised_interval() -> None:
    judged = study(150)
    table = np.column_stack([judged.verdicts, judged.raters[:, 0]])
    linear = alpha_of(table, None, "interval")
    pairs = [str(k or 1) for k in range(150)]  # items 0 and 1 share a document, the others none
    left = alpha_of(table, pairs, "interval")
    assert left.low == pytest.approx(linear.low, abs=0.03)
    assert left.high == pytest.approx(linear.high, abs=0.03)


def test_parts_hold_together_and_too_many_are_refused() -> None:
    found = agreement_with_people(study(), rng=np.random.default_rng(1))
    assert found is not None
    assert [(part.name, part.n) for part in found.segments] == [("even", 100), ("odd", 100)]
    assert found.segments[0].spearman.confidence > 0.95
    assert [part.name for part in found.languages] == ["de"]
    assert found.languages[0].alpha.value == found.coefficients["alpha"].value
    many = replace(study(), segments=[str(k) for k in range(200)])
    with pytest.raises(DataError) as caught:
        agreement_with_people(many, rng=np.random.default_rng(1))
    assert caught.value.code == "judge.segments"


def test_small_parts_say_that_they_are_small() -> None:
    judged = replace(study(), segments=["few"] * 5 + [None] * 195)
    found = agreement_with_people(judged, rng=np.random.default_rng(1))
    assert found is not None
    empty, few = found.segments
    assert (empty.name, few.name) == ("(empty)", "few")
    assert few.spearman.value is None
    assert "fewer than 10" in (few.spearman.reason or "")


def test_items_without_a_verdict_or_a_label_do_not_count() -> None:
    judged = study(40)
    verdicts = judged.verdicts.copy()
    verdicts[:5] = np.nan
    found = agreement_with_people(replace(judged, verdicts=verdicts), rng=np.random.default_rng(1))
    assert found is not None
    assert found.n == 35
    verdicts[:32] = np.nan
    assert agreement_with_people(replace(judged, verdicts=verdicts), rng=np.random.default_rng(1)) is None
    assert agreement_with_people(replace(judged, raters=None, human=None), rng=np.random.default_rng(1)) is None


def test_a_majority_that_is_split_is_no_label() -> None:
    raters = np.array([[1.0, 1.0, 0.0], [1.0, 0.0, np.nan], [0.0, 0.0, 0.0], [np.nan] * 3])
    found = majority(np.array([2 / 3, 0.5, 0.0, np.nan]), raters)
    assert found[[0, 2]].tolist() == [1.0, 0.0]
    assert np.isnan(found[[1, 3]]).all()


def test_a_judge_that_never_varies_has_no_correlation_and_says_why() -> None:
    judged = replace(study(), verdicts=np.full(200, 4.0))
    found = agreement_with_people(judged, rng=np.random.default_rng(1))
    assert found is not None
    assert found.coefficients["spearman"].value is None
    assert found.coefficients["spearman"].reason
    assert found.ceiling[0].judge.value is None


def test_raters_who_saw_little_are_left_out_of_the_ceiling() -> None:
    judged = study(60)
    raters = np.column_stack([judged.raters, np.full(60, np.nan)])
    raters[:5, 3] = 3.0
    raters[10:, 2] = np.nan
    found = agreement_with_people(replace(judged, raters=raters, human=None), rng=np.random.default_rng(1))
    assert found is not None
    assert found.ceiling
    alone = agreement_with_people(replace(judged, raters=judged.raters[:, :1]), rng=np.random.default_rng(1))
    assert alone is not None
    assert alone.ceiling == ()


@settings(max_examples=4)
@given(st.integers(0, 1_000))
def test_the_order_of_raters_does_not_matter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    table, verdicts = rng.normal(size=(30, 3)), rng.normal(size=30)
    one = beside_people(table, verdicts, None, "interval")
    other = beside_people(table[:, ::-1], verdicts, None, "interval")
    assert one.difference.value == pytest.approx(other.difference.value)
    assert one.person.value == pytest.approx(other.person.value)


def two_codings(verdicts: list[float], labels: list[float], scale: tuple[float, float] | None = None) -> Judged:
    times = 20
    ids = [str(k) for k in range(times * len(verdicts))]
    return Judged(ids=ids, verdicts=verdicts * times, human=labels * times, scale=scale)


@pytest.mark.parametrize(
    ("verdicts", "labels", "scale"),
    [
        ([1, 2, 1], [0, 1, 0], None),
        ([1, 2, 3, 5], [10, 30, 50, 90], None),
        ([0, 1, 0.5], [1, 5, 3], None),
        ([1, 3, 5], [0, 40, 100], None),
        ([1, 3, 5], [1, 3, 6], (1, 5)),
    ],
)
def test_labels_on_another_coding_are_correlated_and_not_compared(
    verdicts: list[float], labels: list[float], scale: tuple[float, float] | None
) -> None:
    judged = replace(two_codings(verdicts, labels, scale), segments=["a", "b"] * (10 * len(verdicts)))
    found = agreement_with_people(judged, rng=np.random.default_rng(1))
    assert found is not None
    assert list(found.coefficients) == ["alpha", "spearman", "kendall"]
    assert found.coefficients["alpha"].value is None
    assert found.coefficients["alpha"].reason == found.other_coding
    assert "reach from" in (found.other_coding or "")
    assert (found.coefficients["spearman"].value or 0.0) > 0.9
    assert found.segments[0].alpha.value is None


@pytest.mark.parametrize(
    ("verdicts", "labels", "scale"),
    [
        ([1, 2, 1], [0, 1, 0], (0, 2)),
        ([4, 5, 4], [1, 5, 3], None),
        ([3, 3, 3], [1, 3, 5], None),
        ([0.45, 0.52, 0.5], [0, 1, 1], None),
    ],
)
def test_labels_that_may_be_on_one_scale_are_compared(
    verdicts: list[float], labels: list[float], scale: tuple[float, float] | None
) -> None:
    found = agreement_with_people(two_codings(verdicts, labels, scale), rng=np.random.default_rng(1))
    assert found is not None
    assert found.other_coding is None
    assert found.coefficients["alpha"].value is not None


def test_alpha_of_a_handful_of_items_has_no_value() -> None:
    judged = replace(study(), segments=["few"] * 4 + ["many"] * 196)
    found = agreement_with_people(judged, rng=np.random.default_rng(1))
    assert found is not None
    few = found.segments[0].alpha
    assert (few.value, few.low, few.reason) == (None, None, "fewer than 10 items")
