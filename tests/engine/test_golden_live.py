"""Golden items in a run: how often and when they are met, what they leave untouched, what a fall in accuracy says."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

import assay
from assay.core.cascade import Cascade, Tier
from assay.core.errors import AssayError, BudgetExhaustedError, ConfigError, ProviderError
from assay.core.golden import Golden, GoldenItem
from assay.core.protocols import ModelClient
from assay.core.records import Output, Sample, Score
from assay.core.task import SampleList, Task
from assay.engine.golden import golden_folder, golden_rows, is_right
from assay.engine.scout import LOOK_AT
from assay.judges.base import BaseJudge
from assay.scorers import Length
from assay.stores import open_store

pytestmark = pytest.mark.slow

N, GOLDEN = 200, 30
MODEL = "replay:outputs.jsonl"


@dataclass(frozen=True, kw_only=True)
class Reader(BaseJudge):
    """Reads the number in the output; told how far off it is, on which items it is unwell, and when money is gone."""

    calls: ClassVar[list[tuple[str, str]]] = []
    off: ClassVar[float] = 0.0
    unwell: ClassVar[dict[str, Any]] = {}
    left: ClassVar[int] = 10**9

    async def _judge(self, sample: Sample, output: Output, *, client: ModelClient) -> Score:
        if len(self.calls) >= self.left:
            raise BudgetExhaustedError("nothing is left")
        self.calls.append((self.name, sample.id))
        what = self.unwell.get(sample.id)
        if isinstance(what, Exception):
            raise what
        if what is not None:
            return self._unscored(sample, output, what)
        golden = sample.id.startswith("g")
        return self._priced(self._value(sample, output, float(output.text) + (self.off if golden else 0.0)), 0.001)


TIMEOUT = ProviderError("nobody answered", kind="timeout")
FAST, STRONG = (Reader(name=name, model=MODEL) for name in ("fast", "strong"))
STRONG = replace(STRONG, max_tokens=7)  # another version
SET = Golden(
    items=[
        GoldenItem(
            sample=Sample(id=f"g{k}", input="?"), output=Output(sample_id=f"g{k}", text=str(k % 5)), answer=float(k % 5)
        )
        for k in range(GOLDEN)
    ],
    content_hash="sha256:1",
    share=0.1,
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    rows = [{"id": f"q{i}", "output": str(i % 5)} for i in range(N)]
    (tmp_path / "outputs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    monkeypatch.chdir(tmp_path)
    Reader.calls.clear()
    Reader.off, Reader.left, Reader.unwell = 0.0, 10**9, {}
    return tmp_path


def task(golden: Golden | None = SET, *, tiers: bool = False, scorers: Sequence[Any] = (FAST,)) -> Task:
    samples = [Sample(id=f"q{i}", input="?") for i in range(N)]
    cascade = Cascade(
        name="good",
        free=["length"],
        tiers=[Tier(name="a", asks=FAST, share=0.5), Tier(name="b", asks=STRONG, share=0.25)],
        speaks_of="b",
    )
    return Task(
        name="t",
        dataset=SampleList(name="data", content_hash="sha256:0", samples=samples),
        solver=assay.prompt("{{ input }}"),
        scorers=[Length()] if tiers else [Length(), *scorers],
        cascade=cascade if tiers else None,
        golden=golden,
    )


def run(golden: Golden | None = SET, *, tiers: bool = False, **options: Any) -> Any:
    return assay.run(task(golden, tiers=tiers), model=MODEL, store="store", **options)


def rows(version: str = FAST.version) -> list[Any]:
    store = open_store("store", read_only=True)
    try:
        return golden_rows(store.objects, version)
    finally:
        store.close()


def met(name: str = "fast") -> list[str]:
    return [item for judge, item in Reader.calls if judge == name and item.startswith("g")]


def test_a_judge_meets_about_its_share_among_the_real_items_each_once() -> None:
    found = run()
    asked = met()
    assert 10 <= len(asked) <= GOLDEN
    assert len(set(asked)) == len(asked)
    places = [place for place, (_, item) in enumerate(Reader.calls) if item.startswith("g")]
    assert places[0] < 0.3 * len(Reader.calls)
    assert places[-1] > 0.7 * len(Reader.calls)
    (said,) = found.document["golden"]
    assert said == {
        "judge": "fast", "version": FAST.version, "asked": len(asked), "right": len(asked), "unscored": 0,
        "expected": None, "alarm": False,
    }  # fmt: skip
    assert [row["item"] for row in rows()] == asked
    assert {row["run"] for row in rows()} == {found.run_id}
    assert all(is_right(row) and row["at"].startswith("20") for row in rows())


@pytest.mark.parametrize("tiers", [False, True])
def test_no_figure_counts_a_golden_item(tiers: bool) -> None:
    Reader.off = 4.0
    without, having = (run(golden, tiers=tiers, concurrency=1) for golden in (None, SET))
    assert met()
    assert having.metrics == without.metrics
    assert having.document["samples"] == without.document["samples"]
    assert having.document.get("cascade") == without.document.get("cascade")
    assert "golden" not in without.document
    assert {row["right"] for row in having.document["golden"]} == {0}
    assert {row["judge"] for row in having.document["golden"]} == ({"fast", "strong"} if tiers else {"fast"})


def test_another_run_draws_others_and_the_manifest_holds_the_set() -> None:
    first, second = run(), run()
    by_run = {one.run_id: {row["item"] for row in rows() if row["run"] == one.run_id} for one in (first, second)}
    assert by_run[first.run_id] != by_run[second.run_id]
    store = open_store("store", read_only=True)
    try:
        manifest = store.metadata.run(first.run_id).manifest
    finally:
        store.close()
    assert manifest["golden"] == {"hash": "sha256:1", "items": GOLDEN, "share": 0.1, "tolerance": 0.5, "seed": 0}
    with pytest.raises(AssayError, match="golden changed"):
        assay.run(task(replace(SET, content_hash="sha256:2")), model=MODEL, store="store", resume=first.run_id)


@pytest.mark.parametrize("tiers", [False, True])
def test_a_resumed_run_meets_no_item_twice_and_says_the_whole(tiers: bool) -> None:
    Reader.left = 70
    broken = run(tiers=tiers)
    assert broken.status == "budget"
    before = met()
    Reader.left = 10**9
    whole = assay.run(task(tiers=tiers), model=MODEL, store="store", resume=broken.run_id)
    assert whole.status == "done"
    assert before == met()[: len(before)]
    assert max(Counter(met()).values()) == 1
    assert [row["item"] for row in rows()] == met()
    assert whole.document["golden"][0]["asked"] == len(met()) > len(before)
    again = assay.run(task(tiers=tiers), model=MODEL, store="store", resume=broken.run_id)
    assert again.document["golden"] == whole.document["golden"]


def test_money_that_ends_at_a_golden_item_and_a_refused_key_stop_the_run_in_order() -> None:
    Reader.unwell = {f"g{k}": BudgetExhaustedError("nothing is left") for k in range(GOLDEN)}
    found = run(concurrency=1)
    assert found.status == "budget"
    assert found.metrics["fast"].n == len(Reader.calls) - LOOK_AT - 1, "the item before it is kept"
    assert rows() == []
    Reader.unwell = {f"g{k}": ProviderError("refused", status=401) for k in range(GOLDEN)}
    with pytest.raises(ProviderError, match="what it has is kept"):
        run()


def test_a_judge_that_fails_or_is_out_of_reach_loses_that_verdict_only() -> None:
    ways = ("unavailable", "no_verdict", ValueError("odd"), "degraded", TIMEOUT)
    Reader.unwell = {f"g{k}": ways[k % 5] for k in range(GOLDEN)}
    found = run()
    kept = rows()
    assert {row["reason"] for row in kept} == {"no_verdict", "scorer_error"}
    assert {row["verdict"] for row in kept} == {None}
    assert found.status == "done"
    assert found.document["golden"][0]["unscored"] == len(kept) > 0
    assert {int(row["item"][1:]) % 5 for row in kept} == {1, 2}, "what nobody said of the judge is no verdict of it"
    assert found.document["golden"][0]["right"] == 0


def test_a_fall_in_accuracy_raises_the_alarm_in_the_run_and_stays_in_the_card() -> None:
    fast = replace(SET, share=0.3)
    quiet = [run(fast).document["golden"][0] for _ in range(4)]
    assert not any(row["alarm"] for row in quiet)
    assert quiet[-1]["expected"] == pytest.approx(0.929, abs=0.001)
    Reader.off = 2.0
    for _ in range(5):
        found = run(fast)
    (said,) = found.document["golden"]
    assert said["alarm"]
    assert said["right"] == 0
    (note,) = [note for note in found.document["notes"] if "golden" in note]
    assert f"assay judge golden --judge {FAST.version}" in note
    assert "below 92.9%" in note


def test_a_set_that_cannot_be_met_is_refused() -> None:
    for share in (0.0, 0.6, -1.0, float("nan")):
        with pytest.raises(ConfigError):
            replace(SET, share=share)
    with pytest.raises(ConfigError):
        replace(SET, tolerance=-0.1)


def test_a_version_that_is_no_file_name_has_a_place_all_the_same() -> None:
    assert golden_folder("v1.2-b") == "golden/v1.2-b"
    odd = golden_folder("my/judge ☃")
    assert odd.startswith("golden/")
    assert odd.count("/") == 1
    assert odd != golden_folder("my/judge")


@given(st.floats(0.01, 0.5), st.integers(0, 99), st.text(max_size=8))
def test_draws_depend_on_names_alone_and_keep_their_share(share: float, seed: int, run_id: str) -> None:
    golden = replace(SET, share=share, seed=seed)
    assert golden.drawn(run_id=run_id, judge="v") == replace(golden, items=SET.items[::-1]).drawn(
        run_id=run_id, judge="v"
    )
    due = sum(golden.due(run_id=run_id, judge="v", sample_id=f"q{k}", epoch=k % 2) for k in range(400))
    rate = share / (1.0 - share)
    assert abs(due - 400 * rate) <= 5.5 * (400 * rate * (1 - rate)) ** 0.5 + 1
    assert golden.forecast(10**6) == GOLDEN
