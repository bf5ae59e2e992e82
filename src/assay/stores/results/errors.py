"""Errors of reading runs, sealed or live."""

from __future__ import annotations

from collections.abc import Iterable

from assay.core.errors import NotFoundError, StoreError, nearest
from assay.stores.failures import failure
from assay.stores.results.segments import Segment


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


def unreadable(segment: Segment, error: Exception) -> StoreError:
    """What a DuckDB error on a segment means: ``store.corrupt``, or ``store.unusable`` where the data may be whole.

    DuckDB says "IO Error" for a file that is gone, forbidden or cut off alike, so the system is asked first.
    """
    import duckdb

    for path in (segment.outputs, segment.scores):
        try:
            with path.open("rb") as file:
                file.read(1)
        except FileNotFoundError:
            return failure(path, "store.corrupt", cause=f"{path.name} is missing")
        except OSError as refused:
            return failure(path, "store.unusable", cause=refused.strerror or refused)
    whole = isinstance(error, duckdb.OutOfMemoryException | duckdb.InterruptException | duckdb.ConnectionException)
    return failure(segment.outputs.parent, "store.unusable" if whole else "store.corrupt", cause=error)
