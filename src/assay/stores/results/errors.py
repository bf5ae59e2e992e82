"""Errors that sealed and live runs share."""

from __future__ import annotations

from collections.abc import Iterable

from assay.core.errors import NotFoundError, nearest


def scorer_unknown(run_id: str, scorer: str, known: Iterable[str]) -> NotFoundError:
    """The error for a scorer a run does not have."""
    return NotFoundError(f"run {run_id} has no scorer {scorer!r}", hint=nearest(scorer, known), code="scorer.unknown")


def sample_unknown(run_id: str, sample_id: str, epoch: int, known: Iterable[str]) -> NotFoundError:
    """The error for a sample a run does not have."""
    return NotFoundError(
        f"run {run_id} has no sample {sample_id!r} with epoch {epoch}",
        hint=nearest(sample_id, known),
        code="sample.unknown",
    )
