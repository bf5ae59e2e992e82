"""Metrics that pool the parts of samples: IFEval's instruction-level accuracy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from assay.core.records import Estimate, Item, Output, Sample, Score
from assay.core.task import Prompt, SampleList, Task
from assay.engine.tally import Tally
from assay.scorers import IFEval, InstructionAccuracy
from assay.stats import mean_estimate, ratio_of_means
from assay.stats.moments import Moments
from assay.stats.scalar import wilson
from assay.stats.special import t_quantile
from assay.testing.metrics import check_metric

SCORER = IFEval(level="instruction")


def task(**changes: Any) -> Task:
    parts: dict[str, Any] = {
        "name": "t",
        "dataset": SampleList(name="d", content_hash="h", samples=[]),
        "solver": Prompt(template="{{ input }}"),
        "scorers": [SCORER],
        "metrics": {SCORER.name: [InstructionAccuracy()]},
        **changes,
    }
    return Task(**parts)


def item(row: int, followed: int | None, of: int, *, epoch: int = 0, **sample: Any) -> Item:
    made = Sample(id=f"s{row}", input="q", metadata={"instruction_id_list": ["a:b"] * of}, **sample)
    score = Score(
        sample_id=made.id,
        epoch=epoch,
        scorer=SCORER.name,
        scorer_version="v",
        value=None if followed is None else followed / of,
        reason="timeout" if followed is None else None,
    )
    return Item(row=row, sample=made, output=Output(sample_id=made.id, epoch=epoch), scores=[score])


def pooled(items: Sequence[Item], **changes: Any) -> Estimate:
    strata = changes.pop("strata", None)
    tally = Tally(task(**changes), strata=strata)
    for each in items:
        tally.add(each)
    return tally.estimates()["instruction_accuracy"]


def test_instructions_weigh_alike_and_not_prompts() -> None:
    """1 of 1 and 1 of 3: the mean over prompts is (1 + 1/3)/2 = 2/3, the pooled share 2/4."""
    tally = Tally(task())
    for each in (item(0, 1, 1), item(1, 1, 3), item(2, None, 2)):
        tally.add(each)
    found = tally.estimates()
    assert found[SCORER.name].value == pytest.approx(2 / 3)
    assert found["instruction_accuracy"].value == 0.5
    assert (found["instruction_accuracy"].n, found["instruction_accuracy"].unscored) == (2, 1)


COUNTS = [(1, 1), (3, 3), (0, 2), (1, 2), (2, 3), (0, 1), (2, 2), (1, 3), (3, 3), (0, 3), (1, 1), (2, 2)]


def test_the_interval_takes_each_prompt_as_a_cluster_by_hand() -> None:
    """Cluster-robust variance of a ratio of totals, then Wilson's interval on the number of samples it amounts to."""
    found = pooled([item(row, followed, of) for row, (followed, of) in enumerate(COUNTS)])
    total, groups = sum(of for _, of in COUNTS), len(COUNTS)
    share = sum(followed for followed, _ in COUNTS) / total
    squares = sum((followed - share * of) ** 2 for followed, of in COUNTS)
    effective = share * (1 - share) / (groups / (groups - 1) * squares / total**2)
    low, high = wilson(share * effective, effective, quantile=t_quantile(0.975, groups - 1))
    assert (found.value, found.low, found.high) == pytest.approx((share, low, high))
    assert (found.method, found.n, found.n_clusters) == ("cluster-wilson", 12, 12)
    ratio = ratio_of_means([of for _, of in COUNTS], [followed for followed, _ in COUNTS])
    assert found.value == pytest.approx(ratio.value)
    plain = mean_estimate(Moments.of([1.0] * round(share * total) + [0.0] * round((1 - share) * total)), unit="share")
    assert found.low is not None and plain.low is not None and found.low < plain.low  # instructions are not independent


def test_everything_followed_keeps_the_width_of_the_prompts() -> None:
    found = pooled([item(row, 3, 3) for row in range(20)])
    assert (found.value, found.high) == (1.0, 1.0)
    assert found.low == pytest.approx(wilson(20, 20, quantile=t_quantile(0.975, 19))[0])


def test_prompts_of_one_instruction_each_are_plain_shares() -> None:
    found = pooled([item(row, row % 2, 1) for row in range(30)])
    assert (found.method, found.n, found.low) == ("wilson", 30, pytest.approx(wilson(15, 30)[0]))


def test_epochs_are_parts_of_their_prompt_and_prompts_of_their_cluster() -> None:
    """Two epochs: 1/1 and 0/1 of the first prompt, 2/3 and 3/3 of the second: 6 of 8."""
    items = [item(0, 1, 1), item(1, 2, 3), item(0, 0, 1, epoch=1), item(1, 3, 3, epoch=1)]
    found = pooled(items, epochs=2)
    assert (found.value, found.n, found.n_clusters) == (0.75, 2, 2)
    grouped = pooled([item(row, row % 3, 3, cluster=f"c{row % 4}") for row in range(12)])
    assert (grouped.n, grouped.n_clusters) == (12, 4)


def test_critical_prompts_weigh_what_they_weigh_in_the_dataset() -> None:
    """Ordinary 90, two drawn with 2 of 4: stand for 90 prompts with 180 instructions; critical 10 with 0 of 10."""
    items = [item(0, 1, 1), item(1, 1, 3), *(item(row, 0, 1, critical=True) for row in range(2, 12))]
    found = pooled(items, strata={"ordinary": 90.0, "critical": 10.0})
    assert found.value == pytest.approx(90 / 190)
    assert found.n == 12


def test_the_metric_keeps_what_every_metric_promises() -> None:
    check_metric(InstructionAccuracy())


@pytest.mark.parametrize("repeats", [100, pytest.param(1_500, marks=pytest.mark.slow)])
def test_the_pooled_interval_covers_and_that_of_the_mean_over_prompts_does_not(repeats: int) -> None:
    """Prompts of three instructions are harder, and what a prompt asks stands or falls together."""
    rng, covered, naive = np.random.default_rng(13), 0, 0
    truth = (0.5 * 1 * 0.9 + 0.5 * 3 * 0.5) / 2.0
    for _ in range(repeats):
        sizes = rng.choice([1, 3], size=120)
        chances = np.where(sizes == 1, 0.9, rng.beta(1.0, 1.0, size=120))
        followed = rng.binomial(sizes, chances)
        tally = Tally(task())
        for row in range(120):
            tally.add(item(row, int(followed[row]), int(sizes[row])))
        found = tally.estimates()
        ours, mean = found["instruction_accuracy"], found[SCORER.name]
        assert ours.low is not None and ours.high is not None and mean.low is not None and mean.high is not None
        covered += ours.low <= truth <= ours.high
        naive += mean.low <= truth <= mean.high
    assert covered / repeats == pytest.approx(0.95, abs=4 * math.sqrt(0.95 * 0.05 / repeats))
    assert naive / repeats < 0.5
