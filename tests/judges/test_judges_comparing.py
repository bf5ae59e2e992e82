"""Two judges against the same labels: paired, by documents, binary or graded; and what cannot be compared."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from assay.core.errors import DataError
from assay.judges.comparing import compare_judges, comparison_sentence
from assay.judges.judged import Judged
from assay.stats import compare_dependent_correlations


def judges(n: int = 300, *, worse: float = 2.0, seed: int = 1) -> tuple[Judged, Judged]:
    rng = np.random.default_rng(seed)
    truth, shared = rng.normal(size=n), rng.normal(size=n)
    ids, documents = [f"i{k}" for k in range(n)], [f"d{k // 6}" for k in range(n)]
    made = [
        Judged(ids=ids, verdicts=truth + 0.4 * shared + noise * rng.normal(size=n), human=truth, clusters=documents)
        for noise in (0.8, worse)
    ]
    return made[0], made[1]


def test_the_better_judge_is_found_and_the_order_is_a_sign() -> None:
    good, poor = judges()
    found, turned = compare_judges(good, poor), compare_judges(poor, good)
    assert (found.better, turned.better) == ("first", "second")
    assert found.correlations.difference.value == pytest.approx(-(turned.correlations.difference.value or 0.0))
    assert found.decisions is not None
    assert found.decisions.low is not None
    assert found.decisions.low > 0.0
    assert found.decisions.value == pytest.approx((found.first_decisions or 0.0) - (found.second_decisions or 0.0))
    alike = compare_judges(*judges(worse=0.8))
    assert alike.better is None


def test_the_difference_is_that_of_the_statistics() -> None:
    good, poor = judges()
    plain = [replace(one, clusters=None) for one in (good, poor)]
    found = compare_judges(*plain, kind="pearson")
    peer = compare_dependent_correlations(good.verdicts, poor.verdicts, good.human, kind="pearson")
    assert found.correlations == peer
    assert found.correlations.test == "delta"
    assert found.correlations.if_normal is not None
    assert found.decisions is None  # graded verdicts without documents: no pairs to rank


def test_items_are_matched_by_id_and_those_that_lack_something_are_counted() -> None:
    good, poor = judges()
    shuffled = poor.where(np.random.default_rng(2).permutation(300))
    assert compare_judges(good, shuffled).correlations == compare_judges(good, poor).correlations
    verdicts = good.verdicts.copy()
    verdicts[:20] = np.nan
    found = compare_judges(replace(good, verdicts=verdicts), poor.where(np.arange(10, 300)))
    assert (found.n, found.left_out) == (280, 20)


def test_yes_and_no_are_compared_by_decisions() -> None:
    good, poor = (
        replace(one, verdicts=(one.verdicts > 0).astype(float), human=(one.human > 0).astype(float))
        for one in judges(600, worse=4.0)
    )
    found = compare_judges(good, poor)
    assert found.first_decisions == pytest.approx(float((good.verdicts == good.human).mean()))
    assert found.better == "first"
    assert found.decisions is not None
    assert found.decisions.n == 600
    split = replace(good, human=None, raters=np.column_stack([good.human, 1.0 - good.human]))
    with pytest.raises(DataError):
        compare_judges(split, poor.where(np.arange(5)))


def test_documents_rank_by_hand() -> None:
    """Of three ranked pairs in each document the first judge has all, the second ties one and turns one."""
    people, first, second = [1.0, 2.0, 3.0], [1.0, 2.0, 9.0], [2.0, 2.0, 1.0]
    n = 12
    ids, documents = [str(k) for k in range(3 * n)], [str(k // 3) for k in range(3 * n)]
    one, other = (
        Judged(ids=ids, verdicts=column * n, human=people * n, clusters=documents) for column in (first, second)
    )
    found = compare_judges(one, other)
    assert found.first_decisions == 1.0
    assert found.second_decisions == pytest.approx((0.5 + 0.0 + 0.0) / 3)


def test_what_cannot_be_compared_is_refused() -> None:
    good, poor = judges()
    for one, other, code in (
        (replace(good, human=None), poor, "judge.no_labels"),
        (good, replace(poor, human=poor.human + 1.0), "judge.labels_differ"),
        (good.where(np.arange(9)), poor, "judge.few_labels"),
        (good, replace(poor, ids=[f"x{k}" for k in range(300)]), "judge.few_labels"),
    ):
        with pytest.raises(DataError) as caught:
            compare_judges(one, other)
        assert caught.value.code == code


def test_the_sentence_says_who_is_better_or_that_nobody_is_shown_to_be() -> None:
    said = comparison_sentence(compare_judges(*judges()), first="A", second="B")
    assert "A agrees better with people" in said
    assert "Spearman's rho" in said
    assert "Neither" in comparison_sentence(compare_judges(*judges(worse=0.8)), first="A", second="B")
    good, poor = judges()
    constant = comparison_sentence(compare_judges(good, replace(poor, verdicts=np.ones(300))), first="A", second="B")
    assert "cannot be said" in constant
    same = comparison_sentence(compare_judges(good, good), first="A", second="B")
    assert "no interval" in same
