"""Pending batches where the journal keeps none: they are known as long as this process lives."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Mapping

from assay.core.protocols import Journal, PendingBatch


class RememberedBatches:
    """A PendingBatches in memory; replies go to the journal as those of single calls do."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._batches: dict[str, PendingBatch] = {}
        self._waits: dict[bytes, tuple[str, str]] = {}

    def intend_batch(self, batch: PendingBatch, sent_by: Mapping[bytes, str]) -> set[bytes]:
        taken = {key for key in sent_by if key not in self._waits and self._journal.reply(key) is None}
        self._batches[batch.token] = batch
        self._waits.update((key, (batch.token, sent_by[key])) for key in taken)
        return taken

    def name_batch(self, token: str, provider_id: str) -> None:
        self._batches[token] = self._batches[token]._replace(provider_id=provider_id)

    def pending_batch(self, key: bytes) -> tuple[PendingBatch, str] | None:
        if key not in self._waits:
            return None
        token, run_id = self._waits[key]
        batch = self._batches[token]
        return batch._replace(sending=not batch.provider_id), run_id

    def release_from_batch(self, token: str, keys: Iterable[bytes]) -> None:
        for key in keys:
            if self._waits.get(key, ("", ""))[0] == token:
                del self._waits[key]

    def collect_reply(
        self, key: bytes, payload: bytes, *, run_id: str, cost_usd: float | None
    ) -> Awaitable[None] | None:
        self._waits.pop(key, None)
        return self._journal.record_reply(key, payload, run_id=run_id, cost_usd=cost_usd)
