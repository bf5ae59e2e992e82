"""Results of any run: the sealed segments where there are some, else the live journal through the twins."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from assay.core.protocols import Journal, Page, PageQuery, Results, ScoreColumn
from assay.core.records import Item
from assay.stores.results import twins


class ResultsReader:
    """Results whether the run is sealed or still going on.

    A run may be sealed, and its live items dropped, while it is being read; the answer then comes from the segments.

    Args:
        journal: Holds the live items.
        sealed: Holds the sealed runs.
    """

    def __init__(self, journal: Journal, sealed: Results) -> None:
        self._journal = journal
        self._sealed = sealed

    def seal(self, run_id: str, items: Iterable[Item]) -> None:
        """Write the run's segments at once (all or nothing); the live items stay until they are forgotten."""
        self._sealed.seal(run_id, items)

    def sealed(self, run_id: str) -> bool:
        """Whether the run has been sealed."""
        return self._sealed.sealed(run_id)

    def items(self, run_id: str) -> Iterator[Item]:
        """Every item, ordered by (row, epoch), streamed."""
        after = (-1, -1)
        if not self._sealed.sealed(run_id):
            for found in self._journal.items(run_id):
                after = (found.row, found.output.epoch)
                yield found
            if not self._sealed.sealed(run_id):
                return
        for found in self._sealed.items(run_id):
            if (found.row, found.output.epoch) > after:
                yield found

    def item(self, run_id: str, sample_id: str, epoch: int = 0) -> Item:
        """One item with everything; raises NotFoundError (``sample.unknown``) naming the nearest sample."""
        if self._sealed.sealed(run_id):
            return self._sealed.item(run_id, sample_id, epoch)
        return twins.item(self.items(run_id), run_id=run_id, sample_id=sample_id, epoch=epoch)

    def column(self, run_id: str, scorer: str) -> ScoreColumn:
        """One scorer's verdicts; raises NotFoundError (``scorer.unknown``) when the run has items but none of its."""
        if self._sealed.sealed(run_id):
            return self._sealed.column(run_id, scorer)
        return twins.column(self.items(run_id), run_id=run_id, scorer=scorer)

    def page(self, run_id: str, query: PageQuery) -> Page:
        """The rows of one page and how many there are in all."""
        if self._sealed.sealed(run_id):
            return self._sealed.page(run_id, query)
        return twins.page(self.items(run_id), query, run_id=run_id)

    def outputs(self, run_id: str, fields: Sequence[str]) -> list[list[Any]]:
        """Fields of the outputs as parallel lists; raises InvalidInputError naming the nearest known field."""
        if self._sealed.sealed(run_id):
            return self._sealed.outputs(run_id, fields)
        return twins.outputs(self.items(run_id), fields)

    def segment(self, run_id: str, key: str) -> Mapping[str, str]:
        """sample_id → value of the metadata key as text; samples without it are absent."""
        if self._sealed.sealed(run_id):
            return self._sealed.segment(run_id, key)
        return twins.segment(self.items(run_id), key)
