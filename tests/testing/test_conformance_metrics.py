"""Every built-in metric passes the suite plug-ins are held to; the suite finds each planted fault."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

import pytest

from assay.app.parts import build_metric, built_in
from assay.core.protocols import Metric
from assay.stats import Mean
from assay.testing import check_metric

NAMES = ["pass@1", "pass@3", "pass@64", "pass^1", "pass^2", "perplexity"]


@pytest.mark.parametrize("metric", [Mean(), *map(build_metric, NAMES)], ids=["mean", *NAMES])
def test_a_built_in_metric_keeps_its_promises(metric: Metric) -> None:
    check_metric(metric)


def test_every_built_in_metric_is_held_to_it() -> None:
    tested = {type(build_metric(name)) for name in NAMES}
    assert {built_in().get("metric", name) for name in built_in().names("metric")} == tested


class Median:
    """A metric without a fault."""

    name = "acme/median"
    transform = "identity"

    def reduce(self, values: Sequence[float]) -> Any:
        return statistics.median(values)


class Nameless(Median):
    name = ""


class Squared(Median):
    transform = "square"


class First(Median):
    def reduce(self, values: Sequence[float]) -> Any:
        return values[0]


class Sorting(Median):
    def reduce(self, values: Any) -> Any:
        if isinstance(values, list):
            values.sort()
        return max(values)


class Infinite(Median):
    def reduce(self, values: Sequence[float]) -> Any:
        return float("inf")


class Raising(Median):
    def reduce(self, values: Sequence[float]) -> Any:
        return statistics.stdev(values)


class Saying(Median):
    def reduce(self, values: Sequence[float]) -> Any:
        return "good"


class Nothing(Median):
    def reduce(self, values: Sequence[float]) -> Any:
        return None


class Listing(Median):
    def reduce(self, values: Sequence[float]) -> Any:
        return 1.0 if isinstance(values, list) else 0.0


FAULTS = [
    (Nameless, "name is ''"),
    (Squared, "transform is 'square'"),
    (First, "epochs come in as they end"),
    (Sorting, "changed the list"),
    (Infinite, "gave inf; a finite number"),
    (Raising, "raised StatisticsError"),
    (Saying, "gave 'good'"),
    (Nothing, "gave no sample a number"),
    (Listing, "another number for a tuple"),
]


@pytest.mark.parametrize(("faulty", "said"), FAULTS, ids=[said for _, said in FAULTS])
def test_a_planted_fault_is_found(faulty: type[Median], said: str) -> None:
    check_metric(Median())
    with pytest.raises(AssertionError) as caught:
        check_metric(faulty())
    assert said in str(caught.value)
