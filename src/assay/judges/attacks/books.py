"""What a judge's calls were and cost while it is attacked, and the figures that progress shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from assay.core.errors import BudgetExhaustedError, ProviderError
from assay.core.protocols import Judge, ModelClient, Observer, Snapshot, Spending
from assay.core.records import Item, ModelRequest, Output, Reply, Sample, Score
from assay.stats import Moments, mean_estimate

DETAIL_CHARS = 200


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


async def verdict(judge: Judge, sample: Sample, output: Output, ear: Ear) -> Score:
    """A judge's verdict; a judge that raises, which may be somebody else's code, has none on this item.

    Raises:
        BudgetExhaustedError: A call was not sent because it might not be payable.
        ProviderError: The key is refused.
    """
    try:
        return await judge.judge(sample, output, client=ear)
    except BudgetExhaustedError:
        raise
    except ProviderError as error:
        if error.status == 401:
            raise
        reason, detail = error.kind, str(error)
    except Exception as error:  # a judge may be somebody else's code: its failure costs this item its verdict only
        reason, detail = "scorer_error", f"{type(error).__name__}: {error}"
    return Score(
        sample_id=sample.id, epoch=output.epoch, scorer=judge.name, scorer_version=judge.version, value=None,
        reason=reason, explanation=detail,
    )  # fmt: skip


class Books:
    """What the calls were and cost, and the figures that progress shows."""

    def __init__(self, observe: Callable[[str], Observer] | None, run_id: str) -> None:
        self._observe = observe
        self._run_id = run_id
        self._observer: Observer | None = None
        self._values: list[float] = []
        self._metric = ""
        self._lost = 0
        self._details: dict[str, Counter[str]] = {}
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
        if score.value is None and score.explanation:
            self._details.setdefault(score.reason or "", Counter())[score.explanation[:DETAIL_CHARS]] += 1
        if value is not None:
            self._values.append(value)
        if self._observer is not None:
            self._observer.item(Item(row=len(self._values), sample=sample, output=output, scores=[score]))

    def details(self) -> dict[str, str]:
        """For each reason of a missing verdict what was said most often, where anything was."""
        return {reason: said.most_common(1)[0][0] for reason, said in self._details.items()}

    def _snapshot(self) -> Snapshot:
        share = "share" if self._metric == "moved" else "score"
        running = mean_estimate(Moments.of(self._values), unit=share)
        return Snapshot(metric=self._metric, estimate=running, cost_usd=self.cost_usd, failed=self._lost)
