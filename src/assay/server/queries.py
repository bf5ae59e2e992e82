"""The questions that pages and API both put to a store, each answered by one document."""

from __future__ import annotations

from typing import Any

from assay.app.results import live_figures, standing
from assay.app.wiring import App
from assay.report import comparison, documents, judges, samples
from assay.report.remember import Memory

Document = dict[str, Any]


class Queries:
    """Answers from one store; called in worker threads, so a slow question holds up no other.

    Runs are named by id, by the beginning of one, or ``last``.
    """

    def __init__(self, app: App) -> None:
        self._app = app
        self._memory = Memory()

    def runs(self, *, task: str | None, model: str | None, limit: int, before: str | None) -> Document:
        """The list of runs, after the run ``before``."""
        return documents.runs_document(self._app, task=task, model=model, limit=limit, before=before)

    def run(self, *, run_id: str) -> Document:
        """One run, with its distributions."""
        return documents.run_document(self._app, run_id, memory=self._memory)

    def live(self, *, run_id: str) -> Document:
        """How far a run is: ``{"run_id", "status", "live"}``."""
        now = standing(self._app, self._app.store.metadata.run(run_id))
        return {"run_id": now.record.run_id, "status": now.status, "live": live_figures(self._app, now.record)}

    def samples(
        self, *, run_id: str, scorer: str | None, show: str, sort: str, order: str, search: str, limit: int, offset: int
    ) -> Document:
        """One page of a run's table of samples."""
        record = self._app.store.metadata.run(run_id)
        query = samples.table_query(
            record,
            scorer=scorer,
            show=show,
            sort=sort,
            descending=order == "desc",
            search=search.strip(),
            limit=limit,
            offset=offset,
        )
        return samples.samples_document(self._app, record, query)

    def sample(
        self,
        *,
        run_id: str,
        sample_id: str,
        epoch: int,
        at: int | None,
        scorer: str | None,
        show: str,
        sort: str,
        order: str,
        search: str,
    ) -> Document:
        """One sample, with its neighbours in the table it was opened from."""
        record = self._app.store.metadata.run(run_id)
        query = samples.table_query(
            record, scorer=scorer, show=show, sort=sort, descending=order == "desc", search=search.strip()
        )
        return samples.sample_document(self._app, record, sample_id, epoch=epoch, query=query, at=at)

    def compare(self, *, baseline: str, candidate: str, flips: str, limit: int, offset: int) -> Document:
        """Two runs side by side, with one page of flips."""
        return comparison.compare_document(
            self._app, baseline, candidate, memory=self._memory, side=flips, offset=offset, limit=limit
        )

    def judges(self, *, limit: int, after: str | None) -> Document:
        """The list of judges that have a card, after the version ``after``."""
        return judges.judges_document(self._app, limit=limit, after=after)

    def judge(self, *, version: str) -> Document:
        """One judge's card."""
        return judges.judge_document(self._app, version)
