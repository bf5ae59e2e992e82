"""What a judge's calls were and cost while it is attacked, and the figures that progress shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from assay.core.protocols import ModelClient, Observer, Snapshot, Spending
from assay.core.records import Item, ModelRequest, Output, Reply, Sample, Score
from assay.stats import Moments, mean_estimate


class Ear:
    """A client that hears what the judge is told, and may ask everything anew."""

    def __init__(self, client: ModelClient, *, replicate: int = 0) -> None:
        self._client = client
        self._replicate = replicate
        self.replies: list[Reply] = []

    def usage(self) -> Spending:
        return self._client.usage()

    def capabilities(self, model: str) -> frozenset[str]:
        return self._client.capabilities(model)

    async def generate(self, request: ModelRequest) -> Reply:
        reply = await self._client.generate(replace(request, replicate=request.replicate + self._replicate))
        self.replies.append(reply)
        return reply


class Books:
    """What the calls were and cost, and the figures that progress shows."""

    def __init__(self, observe: Callable[[str], Observer] | None, run_id: str) -> None:
        self._observe = observe
        self._run_id = run_id
        self._observer: Observer | None = None
        self._values: list[float] = []
        self._metric = ""
        self._lost = 0
        self.calls = 0
        self.cost_usd: float | None = 0.0

    def begin(self, what: str, metric: str, *, total: int) -> None:
        self._values, self._metric, self._lost = [], metric, 0
        if self._observe is not None:
            self._observer = self._observe(what)
            self._observer.started(run_id=self._run_id, total=total, done=0, snapshot=self._snapshot)

    def end(self) -> None:
        if self._observer is not None:
            self._observer.ended()

    def heard(self, replies: Sequence[Reply]) -> None:
        self.calls += len(replies)
        for reply in replies:
            known = self.cost_usd is not None and reply.cost_usd is not None
            self.cost_usd = (self.cost_usd or 0.0) + (reply.cost_usd or 0.0) if known else None

    def item(self, sample: Sample, output: Output, score: Score, value: float | None) -> None:
        self._lost += value is None
        if value is not None:
            self._values.append(value)
        if self._observer is not None:
            self._observer.item(Item(row=len(self._values), sample=sample, output=output, scores=[score]))

    def _snapshot(self) -> Snapshot:
        share = "share" if self._metric == "moved" else "score"
        running = mean_estimate(Moments.of(self._values), unit=share)
        return Snapshot(metric=self._metric, estimate=running, cost_usd=self.cost_usd, failed=self._lost)
