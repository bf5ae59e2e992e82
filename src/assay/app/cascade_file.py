"""Recorded verdicts of several tiers in a file: one row an item, one column a tier, or several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assay.core.errors import ConfigError, DataError
from assay.datasets.columns import TableFile

Floats = npt.NDArray[np.float64]
FREE = "free"
LEAST_ITEMS = 20


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RecordedFile:
    """Verdicts as arrays, items without a top verdict left out.

    Attributes:
        name: Of the file.
        tiers: Names above the free tier, lowest first, the top last.
        free: Free metrics, ``(N, p)``; one column of zeros without any.
        verdicts: Of each tier, NaN where it could not tell: ``(N,)``, or ``(N, p)`` for a tier of several columns.
        features: Every column below the top by its name, and by the tier's where it is the only one.
        documents: Cluster of each item; the item itself where the file has none.
        clustered: The file has a column of clusters.
        systems: Who gave the answer; ``None`` without that column.
        dropped: Items without a top verdict.
    """

    name: str
    tiers: tuple[str, ...]
    free: Floats
    verdicts: tuple[Floats, ...]
    features: Mapping[str, Floats]
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
    tiers: Mapping[str, Sequence[str]],
    free: Sequence[str] = (),
    cluster: str | None = None,
    system: str | None = None,
    sample_id: str | None = None,
) -> RecordedFile:
    """Read the columns.

    Args:
        path: The file, or a query.
        tiers: Columns of each tier, lowest first; the last tier has one.
        free: Columns of free metrics.
        cluster: Column of documents.
        system: Column of who gave the answer.
        sample_id: Column of ids.

    Raises:
        ConfigError: No tier, two of one name, a column named twice, or a last tier of several columns
            (``cascade.tiers``).
        DataError: A column is missing, a cell is no number, two rows have one id (``cascade.duplicate_id``), or fewer
            than 20 items have a top verdict (``cascade.few``).
    """
    _check_tiers(tiers, free)
    table = TableFile(path)
    names = [*free, *(column for columns in tiers.values() for column in columns)]
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
    top = list(tiers)[-1]
    kept = np.isfinite(columns[tiers[top][0]])
    if kept.sum() < LEAST_ITEMS:
        raise DataError(
            f"{path}: {int(kept.sum())} items have a verdict of {top}",
            hint=f"{LEAST_ITEMS} or more, of the tier named last",
            code="cascade.few",
        )
    rows = np.flatnonzero(kept)
    columns = {one: values[kept] for one, values in columns.items()}
    single = {tier: columns[own[0]] for tier, own in tiers.items() if len(own) == 1 and tier != top}
    return RecordedFile(
        name=name,
        tiers=tuple(tiers),
        free=np.column_stack([columns[one] for one in free]) if free else np.zeros((rows.size, 1)),
        verdicts=tuple(
            columns[own[0]] if len(own) == 1 else np.column_stack([columns[one] for one in own])
            for own in tiers.values()
        ),
        features={**{one: values for one, values in columns.items() if one != tiers[top][0]}, **single},
        documents=[str(row) if documents is None else f"of {documents[row]}" for row in rows],
        clustered=cluster is not None,
        systems=None if systems is None else [str(systems[row]) for row in rows],
        dropped=int(kept.size - rows.size),
    )


def _check_tiers(tiers: Mapping[str, Sequence[str]], free: Sequence[str]) -> None:
    columns = [*free, *(column for own in tiers.values() for column in own)]
    hint = ""
    if not tiers or not all(tiers.values()) or FREE in tiers:
        hint = f"name one column or more with --tier, lowest first; {FREE!r} is the tier of the free metrics"
    elif len(set(columns)) != len(columns):
        hint = "a column belongs to one tier"
    elif len(list(tiers.values())[-1]) != 1:
        hint = "the figure speaks of the last tier, which has one column"
    if hint:
        named = ", ".join(f"{name}={','.join(own)}" for name, own in tiers.items())
        raise ConfigError(f"the tiers are {named or 'missing'}", hint=hint, code="cascade.tiers")
