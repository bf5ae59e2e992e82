"""Runs whose judges read the number in an output: what they are asked, on which task, and what was recorded."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import assay
from assay.core.cascade import Cascade, People, Tier
from assay.core.errors import BudgetExhaustedError
from assay.core.protocols import ModelClient
from assay.core.records import Output, Sample, Score
from assay.core.task import SampleList, Task
from assay.engine.cascade.kept import KeptTiers, object_name
from assay.judges.base import BaseJudge
from assay.scorers import Length
from assay.stores import open_store

N = 300


@dataclass(frozen=True, kw_only=True)
class Grader(BaseJudge):
    """Reads the number in the output and adds noise of its own; told which samples it fails on, and how."""

    noise: float = 0.0
    unreadable: frozenset[str] = frozenset()
    down: frozenset[str] = frozenset()
    calls: ClassVar[list[tuple[str, str]]] = []
    broke_after: ClassVar[int | None] = None
    away: ClassVar[frozenset[str]] = frozenset()
    error: ClassVar[Exception] = BudgetExhaustedError("nothing is left")

    async def _judge(self, sample: Sample, output: Output, *, client: ModelClient) -> Score:
        if not output.text.isdigit():
            return self._unscored(sample, output, "no_verdict")
        if self.broke_after is not None and len(self.calls) >= self.broke_after:
            raise self.error
        self.calls.append((self.name, sample.id))
        if sample.id in self.unreadable:
            return self._priced(self._unscored(sample, output, "no_verdict"), 0.001)
        if sample.id in self.down or sample.id in self.away:
            return self._unscored(sample, output, "unavailable")
        value = float(output.text) + random.Random(f"{self.name} {sample.id}").gauss(0.0, self.noise)
        return self._priced(self._value(sample, output, value), 0.001)


FAST = Grader(name="fast judge", model="replay:outputs.jsonl", noise=1.0)
STRONG = Grader(name="strong judge", model="replay:outputs.jsonl", noise=0.2)


def cascade(fast: Grader = FAST, strong: Grader | People = STRONG, **changes: Any) -> Cascade:
    tiers = [Tier(name="fast", asks=fast, share=0.4), Tier(name="strong", asks=strong, share=0.1)]
    fields: dict[str, Any] = {"name": "help", "free": ["length"], "tiers": tiers, "speaks_of": "strong", **changes}
    return Cascade(**fields)


def task(tiers: Cascade, *, critical: frozenset[str] = frozenset(), epochs: int = 1) -> Task:
    samples = [
        Sample(id=f"q{i}", input="?", critical=f"q{i}" in critical, metadata={"lang": "de" if i % 3 else "en"})
        for i in range(N)
    ]
    data = SampleList(name="data", content_hash="sha256:0", samples=samples)
    return Task(
        name="t",
        dataset=data,
        solver=assay.prompt("{{ input }}"),
        scorers=[Length()],
        cascade=tiers,
        segments=["lang"],
        epochs=epochs,
    )


def run(tiers: Cascade, **options: Any) -> Any:
    made = {key: options.pop(key) for key in ("critical", "epochs") if key in options}
    return assay.run(task(tiers, **made), model="replay:outputs.jsonl", store="store", **options)


def verdicts(run_id: str) -> dict[tuple[str, str], Score]:
    store = open_store("store", read_only=True)
    try:
        return {
            (score.scorer, item.sample.id): score
            for item in store.results.items(run_id)
            for score in item.scores
            if score.tier in ("fast", "strong")
        }
    finally:
        store.close()


def kept(run_id: str) -> KeptTiers:
    store = open_store("store", read_only=True)
    try:
        return KeptTiers.from_bytes(store.objects.get(object_name(run_id)))
    finally:
        store.close()


def tiers_of(found: Any) -> Mapping[str, Any]:
    return {tier["tier"]: tier for tier in found.document["cascade"]["these_items"]["tiers"]}
