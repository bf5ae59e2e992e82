"""Recorded verdicts of several tiers in a file: one row an item, one column a tier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assay.core.errors import ConfigError, DataError
from assay.datasets.columns import TableFile

Floats = npt.NDArray[np.float64]
FREE = "free"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RecordedFile:
    """Verdicts as arrays, items without a top verdict left out.

    Attributes:
        name: Of the file.
        tiers: Names above the free tier, lowest first, the top last.
        free: Free metrics, ``(N, p)``; one column of zeros without any.
        verdicts: Of each tier, NaN where it could not tell.
        documents: Cluster of each item; the item itself where the file has none.
        clustered: The file has a column of clusters.
        systems: Who gave the answer; ``None`` without that column.
        dropped: Items without a top verdict.
    """

    name: str
    tiers: tuple[str, ...]
    free: Floats
    verdicts: tuple[Floats, ...]
    documents: list[str]
    clustered: bool
    systems: list[str] | None
    dropped: int

    @property
    def n(self) -> int:
        """Items."""
        return len(self.documents)

    @property
    def labels(self) -> Floats:
        """Top verdicts."""
        return self.verdicts[-1]


def read_recorded(
    path: str,
    *,
    tiers: Sequence[str],
    free: Sequence[str] = (),
    cluster: str | None = None,
    system: str | None = None,
    sample_id: str | None = None,
) -> RecordedFile:
    """Read the columns.

    Raises:
        ConfigError: Two tiers of one name, or no tier (``cascade.tiers``).
        DataError: A column is missing, a cell is no number, two rows have one id (``cascade.duplicate_id``), or fewer
            than 20 items have a top verdict (``cascade.few``).
    """
    names = [*free, *tiers]
    if not tiers or len(set(names)) != len(names):
        raise ConfigError(
            f"the tiers are {', '.join(names) or 'missing'}",
            hint="name one column or more with --tier, lowest first, each once",
            code="cascade.tiers",
        )
    table = TableFile(path)
    try:
        table.require(*names, *(one for one in (cluster, system, sample_id) if one))
        columns = {name: np.asarray(table.numbers(name), dtype=np.float64) for name in names}
        documents = table.texts(cluster) if cluster else None
        systems = table.texts(system) if system else None
        ids = table.texts(sample_id) if sample_id else None
        name = table.name
    finally:
        table.close()
    if ids is not None and len(set(ids)) != len(ids):
        raise DataError(f"{path}: two rows have one {sample_id}", hint="one row an item", code="cascade.duplicate_id")
    kept = np.isfinite(columns[tiers[-1]])
    if kept.sum() < 20:
        raise DataError(
            f"{path}: {int(kept.sum())} items have a verdict of {tiers[-1]}",
            hint="20 or more, of the tier named last",
            code="cascade.few",
        )
    rows = np.flatnonzero(kept)
    return RecordedFile(
        name=name,
        tiers=tuple(tiers),
        free=_free([columns[one][kept] for one in free], rows.size),
        verdicts=tuple(columns[one][kept] for one in tiers),
        documents=[str(row) if documents is None else f"of {documents[row]}" for row in rows],
        clustered=cluster is not None,
        systems=None if systems is None else [str(systems[row]) for row in rows],
        dropped=int(kept.size - rows.size),
    )


def _free(columns: Sequence[Floats], size: int) -> Floats:
    return np.column_stack(columns) if columns else np.zeros((size, 1))
