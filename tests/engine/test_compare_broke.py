"""The standing panel: what else changed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from assay.core.records import Item, Output, Sample, Score, Usage
from assay.engine.broke import BrokeColumns, Refused, vitals_of, what_broke
from assay.engine.paired_metric import ScorerFacts
from assay.engine.pairing import Pairs, Reduced
from assay.scorers import Refusal
from assay.stores.results.rows import OPENING_CHARS
from assay.testing.stores import MemoryResults


def reduced(values: list[float]) -> Reduced:
    return Reduced(
        values={f"s{row}": value for row, value in enumerate(values)},
        unscored={},
        clusters={},
        critical=frozenset(),
        repeated=False,
    )


def panel(name: str, before: list[float], after: list[float]) -> dict[str, Any]:
    columns = BrokeColumns(baseline={name: reduced(before)}, candidate={name: reduced(after)})
    (row,) = what_broke({}, columns)
    return row


def test_a_slower_candidate_is_reported_and_a_slightly_slower_one_is_not() -> None:
    rng = np.random.default_rng(1)
    before = rng.gamma(20.0, 0.1, size=200)
    slow = panel("latency_s", before.tolist(), (before * 1.5 + rng.normal(0, 0.5, 200)).tolist())
    fine = panel("latency_s", before.tolist(), (before * 1.05 + rng.normal(0, 0.5, 200)).tolist())
    assert (slow["verdict"], fine["verdict"]) == ("worse", "noninferior")
    assert slow["sentence"].startswith("latency: +")
    assert "a rise of 20 %" in fine["sentence"]
    assert slow["estimate"]["method"] == "fieller"


def test_few_samples_are_unclear_and_none_are_unknown() -> None:
    assert panel("cost_usd", [1.0, 2.0, 1.5], [1.6, 1.7, 2.2])["verdict"] == "unclear"
    unknown = panel("cost_usd", [], [])
    assert unknown["verdict"] == "unknown"
    assert unknown["sentence"] == "cost: unknown (no sample has it on both sides)"


def test_unchanged_is_fine() -> None:
    row = panel("output_chars", [5.0, 9.0, 12.0], [5.0, 9.0, 12.0])
    assert (row["verdict"], row["sentence"]) == ("noninferior", "output length: the same on all 3 paired samples")
    assert panel("cost_usd", [0.0, 0.0], [0.0, 0.0])["verdict"] == "noninferior"


@pytest.mark.parametrize("factor", [1.6, 0.6])
def test_length_has_no_better_direction(factor: float) -> None:
    rng = np.random.default_rng(2)
    before = rng.gamma(20.0, 10.0, size=300)
    after = before * factor + rng.normal(0, 2, 300)
    assert panel("output_chars", before.tolist(), after.tolist())["verdict"] == "changed"


def test_more_refusals_are_worse_and_fewer_are_fine() -> None:
    none, some = [0.0] * 300, [float(row % 8 == 0) for row in range(300)]
    assert panel("refusals", none, some)["verdict"] == "worse"
    better = panel("refusals", some, none)
    assert better["verdict"] == "noninferior"
    assert better["sentence"].startswith("refusals: −12.7 points (−16.9 to −9.4)")


def test_secondary_metrics_are_judged_by_their_direction() -> None:
    before, after = reduced([1.0] * 400), reduced([float(row % 10 != 0) for row in range(400)])
    pairs = Pairs.of(before, after)
    rows = what_broke(
        {"good": (pairs, ScorerFacts("share", True, "v")), "bad": (pairs, ScorerFacts("share", False, "v"))},
        BrokeColumns(),
    )
    assert [(row["name"], row["verdict"]) for row in rows] == [("good", "worse"), ("bad", "noninferior")]


def test_the_panel_is_corrected_for_its_length() -> None:
    rng, alarms, uncorrected, repeats = np.random.default_rng(3), 0, 0, 100
    for _ in range(repeats):
        metrics = {}
        for name in "abcdefgh":
            before, after = (reduced((rng.random(150) < 0.5).astype(float).tolist()) for _ in range(2))
            metrics[name] = (Pairs.of(before, after), ScorerFacts("share", True, "v"))
        alarms += any(row["verdict"] == "worse" for row in what_broke(metrics, BrokeColumns()))
        uncorrected += any((pairs.evidence("share").p_below(0.0) or 1.0) <= 0.025 for pairs, _ in metrics.values())
    assert alarms / repeats <= 0.025 + 4 * (0.025 * 0.975 / repeats) ** 0.5
    assert uncorrected / repeats > 0.1


def test_one_of_many_fine_metrics_is_not_fine_by_luck() -> None:
    before, after = reduced([1.0] * 20 + [0.0] * 180), reduced([1.0] * 22 + [0.0] * 178)
    barely = (Pairs.of(before, after), ScorerFacts("share", True, "v"))
    (alone,) = what_broke({"m": barely}, BrokeColumns())
    assert alone["verdict"] == "noninferior"
    assert {row["verdict"] for row in what_broke(dict.fromkeys("abcdefgh", barely), BrokeColumns())} == {"unclear"}


class _SaysNo:
    """Refusal by one word, so that this test does not depend on the scorer's list."""

    name, version, unit, higher_is_better, requires = "no", "1", "share", False, frozenset[str]()

    def __init__(self) -> None:
        self.asked: list[str] = []

    def score(self, sample: Sample, output: Output) -> Score:
        self.asked.append(output.text)
        return Score(sample_id=sample.id, scorer="no", scorer_version="1", value=float(output.text == "no"))


def item(row: int, epoch: int = 0, **fields: Any) -> Item:
    sample = Sample(id=f"q{row}", input="?", cluster="c")
    return Item(row=row, sample=sample, output=Output(sample_id=sample.id, epoch=epoch, **fields), scores=[])


def sealed(**runs: list[Item]) -> MemoryResults:
    results = MemoryResults()
    for run_id, items in runs.items():
        results.seal(run_id, items)
    return results


def test_vitals_come_from_the_outputs_and_a_failed_call_is_not_brevity() -> None:
    items = [
        item(0, text="four", latency_s=2.0, cost_usd=0.1, usage=Usage(output_tokens=3)),
        item(0, epoch=1, text="fo", latency_s=1.0),
        item(1, text="cut", finish_reason="length", latency_s=1.0),
        item(2, text="", error="provider_error"),
        item(3, text="no", latency_s=1.0),
        item(4, text="", tool_calls=[{"name": "f"}], latency_s=1.0),
        item(5, text=" " * 400 + "late", latency_s=1.0),
        item(6, text=" \n" * 400, latency_s=1.0),
    ]
    says_no = _SaysNo()
    found = vitals_of(sealed(a=items), "a", Refused(says_no))
    assert found["output_chars"].values["q0"] == 3.0
    assert found["output_tokens"].values == {"q0": 3.0}
    assert found["latency_s"].values["q0"] == 1.5
    assert found["cost_usd"].values == {"q0": pytest.approx(0.1)}
    assert found["format"].values == {"q0": 0.0, "q1": 1.0, "q3": 0.0, "q4": 0.0, "q5": 0.0, "q6": 1.0}
    assert found["failures"].values == {f"q{row}": float(row == 2) for row in range(7)}
    assert found["refusals"].values == {f"q{row}": float(row == 3) for row in (0, 1, 3, 4, 5, 6)}
    assert found["output_chars"].clusters["q0"] == "c"
    assert [name for name, column in found.items() if not column.repeated] == ["output_tokens", "cost_usd"]
    assert max(map(len, says_no.asked)) == 300


def test_the_refusal_scorer_looks_no_further_than_the_opening_that_is_kept() -> None:
    assert Refusal().within_chars == OPENING_CHARS


def test_the_same_opening_is_asked_about_once_in_both_runs() -> None:
    says_no = _SaysNo()
    refused = Refused(says_no)
    assert refused.values(["no", "yes", "no"]) == [1.0, 0.0, 1.0]
    assert refused.values(["yes", "maybe"]) == [0.0, 0.0]
    assert sorted(says_no.asked) == ["maybe", "no", "yes"]


def test_the_columns_of_two_runs_are_read_without_their_items() -> None:
    results = sealed(
        a=[item(row, text="x" * 9, latency_s=1.0) for row in range(3)],
        b=[item(row, text="I cannot help with that.", latency_s=1.0) for row in range(3)],
    )
    columns = BrokeColumns.of(results, "a", "b")
    assert columns.baseline["output_chars"].values == dict.fromkeys(("q0", "q1", "q2"), 9.0)
    assert (columns.baseline["refusals"].values["q0"], columns.candidate["refusals"].values["q0"]) == (0.0, 1.0)
