"""Scores one output with every scorer of a task; nothing a scorer does can stop a run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from assay.core.errors import BudgetExhaustedError, ProviderError
from assay.core.protocols import AsyncScorer, Judge, ModelClient, Scorer, Spending
from assay.core.records import ModelRequest, Output, Reply, Sample, Score

Way = Callable[[Sample, Output], Coroutine[Any, Any, Score]]
"""How a scorer that waits is asked."""


class ItemScorer:
    """The scorers of a task, bound once.

    A scorer that raises leaves its score unscored with reason ``scorer_error``, a judge that lets a failed call through
    with that failure's word. What another model than the one asked for answered is scored and marked, and kept out of
    the estimates unless ``include_degraded``.

    Args:
        at_once: Those that wait for something do so side by side, not one after the other.
    """

    def __init__(
        self,
        scorers: Sequence[Scorer],
        *,
        client: ModelClient | None = None,
        include_degraded: bool = False,
        at_once: bool = False,
    ) -> None:
        self._scorers = [(scorer, self._way(scorer, client)) for scorer in scorers]
        self._include_degraded = include_degraded
        self._at_once = at_once

    @staticmethod
    def _way(scorer: Scorer, client: ModelClient | None) -> Way | None:
        """How a scorer that waits is asked; ``None`` for one that does not."""
        if isinstance(scorer, Judge) and client is not None:
            return partial(judged, scorer, client=client)
        return scorer.score_async if isinstance(scorer, AsyncScorer) else None

    async def score(self, sample: Sample, output: Output) -> list[Score]:
        """One Score a scorer, in the task's order.

        Raises:
            BudgetExhaustedError: A judge's call was not sent because it might not be payable.
            ProviderError: A judge's key is refused.
        """
        if not self._at_once:
            return await self._score(sample, output, [waits for _, waits in self._scorers])
        begun = [None if waits is None else asyncio.create_task(waits(sample, output)) for _, waits in self._scorers]
        try:
            return await self._score(
                sample, output, [None if task is None else partial(_given, task) for task in begun]
            )
        finally:
            under_way = [task for task in begun if task is not None]
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)

    async def _score(self, sample: Sample, output: Output, ways: Sequence[Way | None]) -> list[Score]:
        scores = []
        for (scorer, _), waits in zip(self._scorers, ways, strict=True):
            try:
                score = await waits(sample, output) if waits else scorer.score(sample, output)
            except BudgetExhaustedError:
                raise
            except ProviderError as error:
                if error.status == 401:
                    raise
                score = _unscored(scorer, sample, error.kind, str(error))
            except Exception as error:  # a scorer is somebody else's code: its failure costs this item its score only
                score = _unscored(scorer, sample, "scorer_error", f"{type(error).__name__}: {error}")
            if score.epoch != output.epoch:
                score = replace(score, epoch=output.epoch)
            if output.degraded and not self._include_degraded and score.value is not None:
                score = _set_aside(score, output)
            scores.append(score)
        return scores


def _unscored(scorer: Scorer, sample: Sample, reason: str, explanation: str) -> Score:
    return Score(
        sample_id=sample.id,
        scorer=scorer.name,
        scorer_version=scorer.version,
        value=None,
        reason=reason,
        explanation=explanation,
    )


async def _given(asked: asyncio.Task[Score], sample: Sample, output: Output) -> Score:
    return await asked


def _set_aside(score: Score, output: Output) -> Score:
    return replace(
        score,
        value=None,
        reason="degraded",
        explanation=f"{output.model_served or 'another model'} answered instead; its score would be {score.value}",
    )


async def judged(judge: Judge, sample: Sample, output: Output, *, client: ModelClient) -> Score:
    """A judge's verdict with its ``cached_calls``, which a resumed run takes into its books; raises as ``judge``."""
    counting = _Counting(client)
    score = await judge.judge(sample, output, client=counting)
    return replace(score, cached_calls=counting.cached) if counting.cached else score


class _Counting:
    """A way to the models that counts the calls that cost nothing."""

    def __init__(self, client: ModelClient) -> None:
        self._client = client
        self.cached: dict[str, int] = {}

    def usage(self) -> Spending:
        return self._client.usage()

    def capabilities(self, model: str) -> frozenset[str]:
        return self._client.capabilities(model)

    async def generate(self, request: ModelRequest) -> Reply:
        reply = await self._client.generate(request)
        if reply.cached:
            self.cached[request.model] = self.cached.get(request.model, 0) + 1
        return reply
