"""Scores one output with every scorer of a task; nothing a scorer does can stop a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from assay.core.protocols import AsyncScorer, Scorer
from assay.core.records import Output, Sample, Score


class ItemScorer:
    """The scorers of a task, bound once.

    A scorer that raises leaves its score unscored with reason ``scorer_error``. What another model than the one asked
    for answered is scored and marked, and kept out of the estimates unless ``include_degraded``.
    """

    def __init__(self, scorers: Sequence[Scorer], *, include_degraded: bool = False) -> None:
        self._scorers = [(scorer, scorer if isinstance(scorer, AsyncScorer) else None) for scorer in scorers]
        self._include_degraded = include_degraded

    async def score(self, sample: Sample, output: Output) -> list[Score]:
        """One Score a scorer, in the task's order."""
        scores = []
        for scorer, waits in self._scorers:
            try:
                score = await waits.score_async(sample, output) if waits else scorer.score(sample, output)
            except Exception as error:  # a scorer is somebody else's code: its failure costs this item its score only
                score = Score(
                    sample_id=sample.id,
                    scorer=scorer.name,
                    scorer_version=scorer.version,
                    value=None,
                    reason="scorer_error",
                    explanation=f"{type(error).__name__}: {error}",
                )
            if score.epoch != output.epoch:
                score = replace(score, epoch=output.epoch)
            if output.degraded and not self._include_degraded and score.value is not None:
                score = _set_aside(score, output)
            scores.append(score)
        return scores


def _set_aside(score: Score, output: Output) -> Score:
    return replace(
        score,
        value=None,
        reason="degraded",
        explanation=f"{output.model_served or 'another model'} answered instead; its score would be {score.value}",
    )
