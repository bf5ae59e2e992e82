"""What missing verdicts leave open is with every scorer's mean whose scale is known."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from assay.core.records import Item, Output, Sample, Score
from assay.core.task import Prompt, SampleList, Task
from assay.engine.tally import Tally
from assay.judges import GEval
from assay.scorers import ExactMatch, Length
from assay.stats import Moments, missing_bounds
from assay.stats.strata import stratified_mean_evidence

JUDGE = GEval(name="tone", model="test/m", criteria="The answer is friendly.")


@dataclass(frozen=True)
class Seen:
    """A verdict, and where its sample stands."""

    value: float | None
    cluster: str | None = None
    critical: bool = False


def tallied(*seen: Seen, strata: dict[str, float] | None = None, scorers: tuple[object, ...] = (JUDGE,)) -> Tally:
    samples = [Sample(id=str(k), input="", cluster=one.cluster, critical=one.critical) for k, one in enumerate(seen)]
    task = Task(
        name="t",
        dataset=SampleList(name="d", content_hash="h", samples=samples),
        solver=Prompt(template="{{ input }}"),
        scorers=list(scorers),
    )
    tally = Tally(task, strata=strata)
    for row, (sample, one) in enumerate(zip(samples, seen, strict=True)):
        scores = [
            Score(sample_id=sample.id, scorer=scorer.name, scorer_version="v", value=one.value,
                  reason=None if one.value is not None else "no_verdict")
            for scorer in task.scorers
        ]  # fmt: skip
        tally.add(Item(row=row, sample=sample, output=Output(sample_id=sample.id, text=""), scores=scores))
    return tally


@pytest.mark.parametrize("clusters", [(None,) * 6, ("a", "a", "b", "b", "c", "c")])
def test_the_bounds_are_those_of_the_verdicts_filled_in(clusters: tuple[str | None, ...]) -> None:
    values = (4.0, None, 3.0, 5.0, None, 2.0)
    found = tallied(*map(Seen, values, clusters)).estimates()["tone"]
    expected = missing_bounds(values, low=1, high=5, clusters=clusters)
    assert found.bounds is not None
    assert (found.bounds["low"], found.bounds["high"]) == pytest.approx((expected.low, expected.high))
    assert (found.bounds["worst"], found.bounds["best"]) == pytest.approx((16 / 6, 24 / 6))
    assert found.value == 3.5  # as before: the mean of those that are there


def test_critical_samples_weigh_what_they_weigh_in_the_dataset() -> None:
    seen = [Seen(4.0), Seen(5.0), Seen(None), Seen(2.0, critical=True), Seen(1.0, critical=True)]
    weights = {"ordinary": 90.0, "critical": 10.0}
    found = tallied(*seen, strata=weights).estimates()["tone"]
    parts = {"ordinary": Moments.of([4, 5, 1]), "critical": Moments.of([2, 1])}
    worst = stratified_mean_evidence(parts, weights=weights).estimate(0.95)
    assert found.bounds is not None
    assert found.bounds["worst"] == pytest.approx(worst.value)


def test_where_nothing_is_missing_or_no_scale_is_known_there_are_none() -> None:
    assert tallied(Seen(4.0), Seen(5.0)).estimates()["tone"].bounds is None
    assert tallied(Seen(4.0), Seen(None), scorers=(Length(),)).estimates()["length"].bounds is None
    assert tallied(Seen(7.0), Seen(None)).estimates()["tone"].bounds is None  # not on the scale it says it has


def test_a_share_lies_between_0_and_1() -> None:
    found = tallied(Seen(1.0), Seen(0.0), Seen(None), scorers=(ExactMatch(),)).estimates()["exact_match"]
    assert found.bounds is not None
    assert (found.bounds["worst"], found.bounds["best"]) == pytest.approx((1 / 3, 2 / 3))


def test_a_judge_without_a_verdict_on_any_sample_is_named_with_its_reasons() -> None:
    assert tallied(Seen(None), Seen(None)).unheard() == {"tone": {"no_verdict": 2}}
    assert tallied(Seen(None), Seen(3.0)).unheard() == {}
    assert tallied().unheard() == {}
