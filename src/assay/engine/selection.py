"""Which rows of a dataset a run uses: all, or a seeded random sample that never drops a critical one."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from assay.core.errors import DataError, InvalidInputError
from assay.core.task import Samples


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Rows in dataset order.

    Attributes:
        population: Rows of the dataset.
        critical: How many of the rows are critical (all of the dataset's are in).
    """

    rows: list[int]
    population: int
    limit: int | None
    seed: int
    critical: int = 0

    @property
    def strata(self) -> dict[str, float] | None:
        """Sizes in the dataset of what was taken whole and what was sampled; ``None`` for a plain sample."""
        if not self.critical:
            return None
        return {"critical": self.critical, "ordinary": self.population - self.critical}


def select(dataset: Samples, *, limit: int | None = None, seed: int = 0) -> Selection:
    """A simple random sample of ``limit`` rows without replacement; critical samples are always in, on top.

    Every sample's key is a hash of the seed and its id; the rows with the smallest keys are taken. The same seed
    picks the same samples in every process, and a larger limit only adds to a smaller one.

    Raises:
        DataError: The dataset is empty.
        InvalidInputError: The limit is below 1.
    """
    total = len(dataset)
    if total == 0:
        raise DataError(
            f"dataset {dataset.name} holds no samples", hint="give a file with at least one line", code="data.empty"
        )
    if limit is not None and limit < 1:
        raise InvalidInputError(f"--limit is {limit}; it must be at least 1", hint="leave it out to use every sample")
    critical = {row for row in range(total) if dataset[row].critical} if limit is not None and limit < total else set()
    if limit is None or limit >= total:
        return Selection(rows=list(range(total)), population=total, limit=limit, seed=seed)
    prefix = str(seed).encode() + b"\0"
    keyed = sorted(
        (hashlib.sha256(prefix + sample_id.encode("utf-8", "surrogatepass")).digest(), row)
        for row, sample_id in enumerate(dataset.ids())
        if row not in critical
    )
    rows = sorted(critical | {row for _, row in keyed[:limit]})
    return Selection(rows=rows, population=total, limit=limit, seed=seed, critical=len(critical))
