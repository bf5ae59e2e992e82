"""Runs made without a model: items written down, tallied and sealed as the engine does it."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.app.settings import load_settings
from assay.app.wiring import App
from assay.core.ids import make_id
from assay.core.records import Item, Output, RunRecord, Sample, Score, Usage
from assay.core.task import Prompt, SampleList, Task
from assay.engine.manifest import build_manifest, manifest_hash
from assay.engine.run import RunPlan
from assay.engine.selection import Selection
from assay.engine.summary import summarise
from assay.engine.tally import Tally

HOSTILE = '</script><script>window.hacked = 1</script><img src=x onerror="window.hacked=2">\'"&{{7*7}}<!--'


@dataclass(frozen=True)
class MadeScorer:
    name: str
    unit: str = "share"
    version: str = "v1"
    higher_is_better: bool | None = True
    requires: frozenset[str] = frozenset()

    def score(self, sample: Sample, output: Output) -> Score:
        raise NotImplementedError


MATCH = MadeScorer("exact_match")
OVERLAP = MadeScorer("overlap", unit="score")
LENGTH = MadeScorer("length", unit="chars", higher_is_better=None)


def open_app(folder: Path) -> App:
    return App(load_settings(environ={}, flags={"store": str(folder)}, directory=str(folder)))


def make_run(
    app: App,
    items: Sequence[Item],
    *,
    task: str = "support-tone",
    model: str | None = "openai/gpt-4o-mini",
    scorers: Sequence[MadeScorer] = (MATCH, OVERLAP, LENGTH),
    segments: Sequence[str] = ("skill",),
    notes: Sequence[str] = (),
    at: int = 0,
    status: str | None = None,
    planned: int | None = None,
) -> str:
    """Record, tally and seal; with ``status="running"`` the items stay in the journal and there is no summary.

    A running run is held by this process; ``status="killed"`` is one whose process died.
    """
    planned = planned or max(1, len(items))
    samples = SampleList(name=task, content_hash="sha256:00", samples=[item.sample for item in items])
    made = Task(
        name=task,
        dataset=samples,
        solver=Prompt(template="{{ input }}"),
        scorers=scorers,
        segments=segments,
        notes=notes,
    )
    selection = Selection(rows=list(range(planned)), population=planned, limit=None, seed=0)
    manifest = build_manifest(
        made,
        model=model,
        model_identity=None,
        selection=selection,
        source={"kind": "python"},
        options={},
        prices=None,
        version="0",
    )
    run_id = make_id("run", now_ms=1_760_000_000_000 + at * 86_400_000, entropy=bytes([at % 256] * 10))
    day = f"2026-{1 + at // 28:02d}-{1 + at % 28:02d}T09:30:00+00:00"
    record = RunRecord(
        run_id=run_id,
        task=task,
        model=model,
        status="running",
        manifest=manifest,
        manifest_hash=manifest_hash(manifest),
        created_at=day,
    )
    app.store.metadata.create_run(record)
    if status in ("running", "killed"):
        if status == "running":
            app.store.metadata.acquire(run_id)
        for item in items:
            app.store.journal.append_item(run_id, item)
        app.store.journal.flush()
        return run_id
    tally = Tally(made)
    for item in items:
        tally.add(item)
    plan = RunPlan(
        run_id=run_id,
        task=made,
        model=model,
        selection=selection,
        manifest=manifest,
        manifest_hash=record.manifest_hash,
    )
    costs = [item.output.cost_usd for item in items if item.output.cost_usd is not None]
    usage = {
        "requests": len(items),
        "cached": 0,
        "input_tokens": 1,
        "output_tokens": 1,
        "cost_usd": sum(costs) if costs else None,
        "unpriced_requests": 0,
    }
    summary = summarise(plan, tally, usage=usage, stop=None, failed=0, seconds=41.2)
    app.store.results.seal(run_id, items)
    app.store.metadata.update_run(run_id, status=status or summary["status"], summary=summary)
    return run_id


SKILLS = ("refunds", "shipping", "accounts", "warranty")
EXTRAS = (
    "You need not do anything.",
    "A colleague will write to you as soon as the parcel has left the depot.",
    "We are sorry for the wait.",
    "If it has not arrived by then, answer this message and we will look into it at once.",
)
OPENINGS = ("Thank you for writing.", "I am sorry about that.", "Happy to help!", "Certainly.")


def make_items(count: int, *, skill: float = 0.6, seed: int = 1) -> list[Item]:
    """Support tickets of four kinds, right with about the probability ``skill``."""
    rng = random.Random(seed)
    return [_item(row, rng, skill) for row in range(count)]


def _item(row: int, rng: random.Random, skill: float) -> Item:
    kind = SKILLS[row % 4]
    days = 3 + row % 11
    sample = Sample(
        id=f"ticket-{row:04d}",
        input=f"My order {10_000 + row} about {kind} has been open for {days} days. How long will it still take?",
        reference=f"{days + 2} days",
        cluster=f"customer-{row // 3}",
        critical=row % 37 == 5,
        metadata={"skill": kind, "channel": "mail"},
    )
    error = "timeout" if row % 61 == 17 else None
    right = rng.random() < skill + (0.1 if kind == "refunds" else -0.08 if kind == "warranty" else 0.0)
    told = days + 2 if right else days + 2 + rng.choice((-1, 1, 3))
    text = (
        ""
        if error
        else f"{OPENINGS[rng.randrange(4)]} For {kind} it takes {told} days in all, so please wait a little longer."
    )
    text += "".join(f" {EXTRAS[rng.randrange(4)]}" for _ in range(rng.randrange(6)) if text)
    latency = None if error else math.exp(rng.gauss(-0.2, 0.5))
    output = Output(
        sample_id=sample.id,
        text=text,
        messages=[
            {"role": "system", "content": "Answer the customer. Look the order up before you promise a date."},
            {"role": "user", "content": sample.input},
            {
                "role": "assistant",
                "content": "",
                "tool_calls": [
                    {
                        "id": "call_1",
                        "type": "function",
                        "function": {"name": "find_order", "arguments": f'{{"number": {10_000 + row}}}'},
                    }
                ],
            },
            {"role": "tool", "tool_call_id": "call_1", "content": f'{{"kind": "{kind}", "days_left": {told}}}'},
            {"role": "assistant", "content": text},
        ],
        tool_calls=[
            {
                "name": "find_order",
                "arguments": f'{{"number": {10_000 + row}}}',
                "result": f"days_left={told}",
                "seconds": 0.02,
            }
        ],
        finish_reason=None if error else "stop",
        usage=Usage(input_tokens=80 + row % 9, output_tokens=None if error else 20 + len(text) // 5),
        latency_s=latency,
        model="openai/gpt-4o-mini",
        cost_usd=None if error else 0.00001 * (20 + len(text)),
        error=error,
    )
    return Item(row=row, sample=sample, output=output, scores=_scores(sample, output, right=right, told=told))


def _scores(sample: Sample, output: Output, *, right: bool, told: int) -> list[Score]:
    if output.error:
        return [
            Score(sample_id=sample.id, scorer=s.name, scorer_version="v1", value=None, reason=output.error)
            for s in (MATCH, OVERLAP, LENGTH)
        ]
    return [
        Score(
            sample_id=sample.id,
            scorer="exact_match",
            scorer_version="v1",
            value=float(right),
            label=f"{told} days",
            explanation=f"expected {sample.reference}",
        ),
        Score(
            sample_id=sample.id,
            scorer="overlap",
            scorer_version="v1",
            value=0.8 if right else 0.35 + (len(output.text) % 7) / 20,
        ),
        Score(sample_id=sample.id, scorer="length", scorer_version="v1", value=float(len(output.text))),
    ]


def hostile_item(row: int = 0, *, right: bool = True, mark: str = HOSTILE) -> Item:
    """Every text a dataset or a model controls tries to be markup."""
    sample = Sample(
        id=f"x{row}{mark}",
        input=mark,
        reference=[mark, mark],
        choices=[mark],
        cluster=mark,
        critical=True,
        metadata={"skill": mark, mark: mark},
    )
    messages: list[dict[str, Any]] = [
        {
            "role": mark,
            "name": mark,
            "content": [{"type": mark, "text": mark}],
            "tool_calls": [{"function": {"name": mark, "arguments": mark}}],
        },
        {"role": "tool", "tool_call_id": mark, "content": {"odd": mark}},
    ]
    output = Output(
        sample_id=sample.id,
        text=f"{mark} {right}",
        messages=messages,
        tool_calls=[{"name": mark, "arguments": mark, "error": mark}],
        finish_reason=mark,
        model=mark,
        model_served=mark,
        error=None,
        latency_s=0.5,
    )
    scores = [
        Score(
            sample_id=sample.id,
            scorer="exact_match",
            scorer_version=mark,
            value=float(right),
            label=mark,
            explanation=mark,
        )
    ]
    return Item(row=row, sample=sample, output=output, scores=scores)
