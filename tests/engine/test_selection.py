from __future__ import annotations

import pytest

from assay.core.errors import DataError, InvalidInputError
from assay.core.records import Sample
from assay.core.task import SampleList
from assay.engine.selection import select


def dataset(count: int, critical: frozenset[int] = frozenset()) -> SampleList:
    rows = [Sample(id=f"s{i}", input="q", critical=i in critical) for i in range(count)]
    return SampleList(name="d", content_hash="sha256:0", samples=rows)


def test_the_same_seed_picks_the_same_rows_and_a_larger_limit_only_adds() -> None:
    small, large = (set(select(dataset(100), limit=limit, seed=3).rows) for limit in (10, 30))
    assert len(small) == 10
    assert small < large
    assert set(select(dataset(100), limit=10, seed=4).rows) != small


def test_a_sample_is_not_the_first_rows() -> None:
    assert select(dataset(1000), limit=10).rows != list(range(10))


def test_every_row_is_as_likely_as_any_other() -> None:
    counts = [0] * 20
    repeats = 2000
    for seed in range(repeats):
        for row in select(dataset(20), limit=5, seed=seed).rows:
            counts[row] += 1
    spread = 4 * (repeats * 0.25 * 0.75) ** 0.5
    assert all(abs(count - repeats / 4) < spread for count in counts)


def test_critical_rows_are_never_sampled_away() -> None:
    selection = select(dataset(100, frozenset({7, 93})), limit=5)
    assert {7, 93} <= set(selection.rows)
    assert (len(selection.rows), selection.critical) == (7, 2)


def test_nothing_to_select_from_and_nothing_to_select_are_errors() -> None:
    with pytest.raises(DataError):
        select(dataset(0))
    with pytest.raises(InvalidInputError):
        select(dataset(3), limit=0)
