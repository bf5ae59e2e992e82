"""What a run adds up to, by hand: epochs reduce within the sample, strata weigh what they weigh in the dataset."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.core.errors import ConfigError
from assay.core.records import Item, Output, Sample, Score
from assay.core.task import Prompt, SampleList, Task
from assay.engine.tally import Tally
from assay.scorers import ExactMatch
from assay.stats import PassAtK, PassHatK


def task(**changes: Any) -> Task:
    parts: dict[str, Any] = {
        "name": "t",
        "dataset": SampleList(name="d", content_hash="h", samples=[]),
        "solver": Prompt(template="{{ input }}"),
        "scorers": [ExactMatch()],
        **changes,
    }
    return Task(**parts)


def item(row: int, value: float | None, *, epoch: int = 0, error: str | None = None, **sample: Any) -> Item:
    made = Sample(id=f"s{row}", input="q", **sample)
    reason = None if value is not None else (error or "sample has no reference")
    score = Score(sample_id=made.id, epoch=epoch, scorer="exact_match", scorer_version="v", value=value, reason=reason)
    output = Output(sample_id=made.id, epoch=epoch, error=error, finish_reason=f"row {row} broke" if error else "stop")
    return Item(row=row, sample=made, output=output, scores=[score])


def test_epochs_are_reduced_within_the_sample_first() -> None:
    """Two samples of two epochs, one scored once: (1 + 0)/2 and 1 average to 3/4 over n = 2."""
    tally = Tally(task(epochs=2))
    for each in (item(0, 1.0), item(1, 1.0), item(0, 0.0, epoch=1), item(1, None, epoch=1)):
        tally.add(each)
    estimate = tally.primary_estimate()
    assert (estimate.value, estimate.n, estimate.unscored) == (0.75, 2, 0)


def test_a_sample_with_epochs_missing_is_not_counted_yet() -> None:
    tally = Tally(task(epochs=2))
    tally.add(item(0, 1.0))
    assert (tally.samples, tally.primary_estimate().n) == (0, 0)
    tally.add(item(0, 1.0, epoch=1))
    assert (tally.samples, tally.primary_estimate().n) == (1, 1)


def test_strata_weigh_what_they_weigh_in_the_dataset() -> None:
    """Ordinary: 90 in the dataset, 1 and 0 drawn (mean 1/2); critical: 10, all wrong. 0.9 × 1/2 + 0.1 × 0 = 0.45."""
    tally = Tally(task(), strata={"ordinary": 90.0, "critical": 10.0})
    tally.add(item(0, 1.0))
    tally.add(item(1, 0.0))
    for row in range(2, 12):
        tally.add(item(row, 0.0, critical=True))
    estimate = tally.primary_estimate()
    assert estimate.value == pytest.approx(0.45)
    assert estimate.n == 12
    stratum = tally.segments()[0]
    assert (stratum["key"], stratum["metrics"]["exact_match"]["n"]) == ("critical", 10)


def test_a_segment_weighs_its_critical_samples_as_the_dataset_does() -> None:
    """Ordinary: 90 in the dataset, 4 drawn, 2 of them (1 right) here: for 45. Critical: 10, 2 of them here, wrong."""
    tally = Tally(task(segments=["k"]), strata={"ordinary": 90.0, "critical": 10.0})
    for row in range(4):
        tally.add(item(row, float(row % 2), metadata={"k": "here" if row < 2 else "there"}))
    for row in range(4, 14):
        tally.add(item(row, 0.0, critical=True, metadata={"k": "here" if row < 6 else "elsewhere"}))
    found = {(part["key"], part["value"]): part["metrics"]["exact_match"] for part in tally.segments()}
    assert found["k", "here"]["value"] == pytest.approx(45 * 0.5 / 47)
    assert (found["k", "there"]["value"], found["k", "elsewhere"]["value"]) == (0.5, 0.0)
    assert found["k", "here"]["method"] == "stratified-wilson"


def test_reasons_are_counted_and_the_first_row_explains_them() -> None:
    tally = Tally(task())
    for row in (5, 2, 9):
        tally.add(item(row, None, error="timeout"))
    tally.add(item(1, 1.0))
    assert dict(tally.reasons) == {"timeout": 3}
    assert tally.causes() == {"timeout": "row 2 broke"}
    assert tally.primary_estimate().unscored == 3


def test_pass_at_k_uses_every_epoch_of_a_sample() -> None:
    tally = Tally(task(epochs=3, metrics={"exact_match": [PassAtK(k=2)]}))
    for epoch, value in enumerate((1.0, 0.0, 0.0)):
        tally.add(item(0, value, epoch=epoch))
    assert tally.estimates()["pass@2"].value == pytest.approx(1 - math.comb(2, 2) / math.comb(3, 2))


@dataclass(frozen=True)
class Named:
    """The lowest of a sample's epochs, under any name."""

    name: str
    transform: str = "identity"

    def reduce(self, values: Sequence[float]) -> float:
        return min(values)


def two_scorers(row: int, first: float, second: float, *, epoch: int = 0) -> Item:
    single = item(row, first, epoch=epoch)
    return replace(single, scores=[*single.scores, replace(single.scores[0], scorer="loose", value=second)])


def test_metrics_of_one_name_are_shown_for_each_of_their_scorers() -> None:
    """Two epochs: strict is right once, loose twice; so pass^2 is 0 for one and 1 for the other."""
    shared, alone = PassHatK(k=2), PassAtK(k=2)
    scorers = [ExactMatch(), ExactMatch(name="loose")]
    tally = Tally(task(epochs=2, scorers=scorers, metrics={"exact_match": [shared, alone], "loose": [shared]}))
    for epoch, strict in enumerate((1.0, 0.0)):
        tally.add(two_scorers(0, strict, 1.0, epoch=epoch))
    estimates = {name: estimate.value for name, estimate in tally.estimates().items()}
    assert estimates == {
        "exact_match": 0.5,
        "exact_match.pass^2": 0.0,
        "pass@2": 1.0,
        "loose": 1.0,
        "loose.pass^2": 1.0,
    }


def test_a_metric_called_like_a_scorer_hides_no_mean() -> None:
    tally = Tally(
        task(epochs=2, scorers=[ExactMatch(), ExactMatch(name="loose")], metrics={"exact_match": [Named("loose")]})
    )
    for epoch, strict in enumerate((1.0, 0.0)):
        tally.add(two_scorers(0, strict, 0.0, epoch=epoch))
    assert [tally.estimates()[name].value for name in ("exact_match", "exact_match.loose", "loose")] == [0.5, 0.0, 0.0]


def test_a_metric_called_like_its_own_scorer_hides_no_mean() -> None:
    tally = Tally(task(epochs=2, metrics={"exact_match": [Named("exact_match")]}))
    for epoch, strict in enumerate((1.0, 0.0)):
        tally.add(item(0, strict, epoch=epoch))
    assert tally.primary_estimate().value == 0.5
    assert tally.estimates()["exact_match.exact_match"].value == 0.0


def test_two_metrics_of_one_name_for_one_scorer_are_refused() -> None:
    with pytest.raises(ConfigError) as caught:
        task(metrics={"exact_match": [PassAtK(k=2), PassAtK(k=2)]})
    assert (caught.value.code, "as:" in caught.value.hint) == ("metric.duplicate", True)


@given(st.permutations(range(12)), st.lists(st.sampled_from([0.0, 1.0, None]), min_size=12, max_size=12))
def test_the_order_of_items_does_not_matter(order: list[int], values: list[float | None]) -> None:
    items = [item(row // 2, values[row], epoch=row % 2, metadata={"k": str(row // 6)}) for row in range(12)]
    tallies = [Tally(task(epochs=2, segments=["k"])) for _ in range(2)]
    for row in range(12):
        tallies[0].add(items[row])
    for row in order:
        tallies[1].add(items[row])
    first, second = ([t.primary_estimate().to_dict(), *t.segments()] for t in tallies)
    assert str(first) == pytest.approx(str(second)) or first == second
    assert tallies[0].reasons == tallies[1].reasons
