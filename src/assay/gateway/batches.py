"""The lane of a model that is asked in batches: requests gather, are left with the provider, and fetched when done.

It stands in the stack for endpoint choice, limiter and provider. A batch is written to the journal before it is sent,
and its name in the tick that read it; whoever asks for one of its requests later, in this process or another, waits for
that batch instead of sending the request again. A request leaves the journal's batch when its reply is stored.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from assay.core.errors import AssayError, ProviderError
from assay.core.protocols import PendingBatch
from assay.core.records import ModelRequest
from assay.gateway.config import BatchConfig
from assay.gateway.endpoints import Answer
from assay.gateway.payload import decode
from assay.gateway.provider import BatchService, Endpoint
from assay.gateway.under_way import Asked, UnderWay, settle

if TYPE_CHECKING:
    from assay.gateway.gateway import Gateway

QUIET_S = 1.0
"""Requests are sent when none has come for this long and no single call is under way that may bring more."""
LONGEST_GATHER_S = 60.0


class BatchLane:
    """One model's way through its provider's batch endpoint, shared by all runs of a gateway.

    Replies have no latency: how long a batch took says nothing about the model.

    Args:
        name: The model's, without the provider's prefix.
        endpoints: Batches are sent to the first; those of an earlier process are fetched from where they were sent.
    """

    def __init__(
        self,
        gateway: Gateway,
        *,
        model: str,
        name: str,
        service: BatchService,
        endpoints: Sequence[Endpoint],
        batching: BatchConfig,
    ) -> None:
        self._gateway = gateway
        self._model = model
        self._name = name
        self._service = service
        self._endpoints = {endpoint.base_url: endpoint for endpoint in reversed(endpoints)}
        self._first = endpoints[0]
        self._batching = batching
        self._gathered: list[Asked] = []
        self._arrivals = 0
        self._gathering: asyncio.Task[None] | None = None
        self._under_way: dict[str, UnderWay] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._unheard: set[str] = set()

    async def call(self, request: ModelRequest, *, key: bytes, run_id: str) -> Answer:
        """The answer to one request, from the batch it waits in already or from a new one.

        Raises:
            ProviderError: There is none; ``unavailable`` when no batch could be sent or looked at.
        """
        answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._take_in(Asked(request=request, key=key, run_id=run_id, at=self._gateway.clock(), answered=answered))
        return await answered

    async def close(self) -> None:
        """Wait for what is being sent, so that its name is known, and for nothing else."""
        posting = [batch.posting for batch in self._under_way.values() if batch.posting is not None]
        tasks = [*self._tasks, *([] if self._gathering is None else [self._gathering])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, *posting, return_exceptions=True)

    def _take_in(self, asked: Asked) -> None:
        """Wait with others where the request waits already, else gather it."""
        if asked.answered.done():
            return
        pending = self._gateway.batches.pending_batch(asked.key)
        if pending is not None:
            batch, sent_by = pending
            endpoint = self._endpoints.get(batch.base_url)
            if endpoint is not None:
                asked.line = None  # left with the provider already: not to be sent from here
                self._wait_in(batch, [(asked, sent_by)], endpoint=endpoint)
                return
            # nothing is configured at its address any more
            self._gateway.batches.release_from_batch(batch.token, [asked.key])
        if asked.line is None:
            asked.line = self._service.line(asked.request, name=self._name, custom_id=asked.key.hex())
        self._gathered.append(asked)
        self._arrivals += 1
        if len(self._gathered) >= self._batching.max_requests:
            self._send_gathered()
        elif self._gathering is None:
            self._gathering = asyncio.ensure_future(self._gather())

    async def _gather(self) -> None:
        while self._gathered:
            seen = self._arrivals
            await self._gateway.sleep(QUIET_S)
            quiet = seen == self._arrivals and not self._gateway.single_calls
            if self._gathered and (quiet or self._gateway.clock() - self._gathered[0].at >= LONGEST_GATHER_S):
                self._send_gathered()
        self._gathering = None

    def _send_gathered(self) -> None:
        gathered, self._gathered = self._gathered, []
        by_path: dict[str, list[Asked]] = {}
        for asked in gathered:
            if asked.line is not None and not asked.answered.done():
                by_path.setdefault(asked.line.path, []).append(asked)
        for same_path in by_path.values():
            for part in within(same_path, self._service.max_bytes):
                try:
                    self._send(part)
                except AssayError as error:  # the journal cannot be written
                    settle(part, error)

    def _send(self, part: Sequence[Asked]) -> None:
        batch = PendingBatch(
            token=secrets.token_hex(16),
            provider_id="",
            model=self._model,
            base_url=self._first.base_url,
            since=datetime.fromtimestamp(self._gateway.wall_clock(), UTC).isoformat(timespec="seconds"),
            sending=True,
        )
        taken = self._gateway.batches.intend_batch(batch, {asked.key: asked.run_id for asked in part})
        mine = [(asked, asked.run_id) for asked in part if asked.key in taken]
        if mine:
            self._wait_in(batch, mine, endpoint=self._first)
        for asked in part:
            if asked.key not in taken:
                self._look_again(asked)

    def _look_again(self, asked: Asked) -> None:
        """Another process was faster: there is a reply, or a batch of its; or it has given the request back."""
        stored = self._gateway.journal.reply(asked.key)
        if stored is None:
            self._take_in(asked)
            return
        reply = decode(stored.payload)
        if reply is None:
            settle([asked], _damaged(self._model))
        elif not asked.answered.done():
            asked.answered.set_result(Answer(reply, None, stored.run_id))

    def _wait_in(self, batch: PendingBatch, asked: Sequence[tuple[Asked, str]], *, endpoint: Endpoint) -> None:
        under_way = self._under_way.get(batch.token)
        if under_way is None:
            if batch.token in self._unheard:
                batch = batch._replace(sending=False)
            under_way = self._under_way[batch.token] = UnderWay(
                batch,
                gateway=self._gateway,
                service=self._service,
                endpoint=endpoint,
                poll_s=self._batching.poll_s,
                again=self._look_again,
            )
            task = asyncio.ensure_future(self._carry_out(under_way))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        for one, sent_by in asked:
            under_way.add(one, sent_by=sent_by)

    async def _carry_out(self, under_way: UnderWay) -> None:
        try:
            await under_way.carry_out()
        finally:
            del self._under_way[under_way.batch.token]
            if under_way.unheard:
                self._unheard.add(under_way.batch.token)


def _damaged(model: str) -> ProviderError:
    """A request the store has an answer to is in no batch of its, so it would be gathered for ever."""
    return ProviderError(
        f"{model}: the stored reply to this request is damaged, and it cannot be asked again in a batch",
        hint="assay run … --no-cache asks everything anew; batch: false asks one by one",
        code="batch.unanswered",
    )


def within(asked: Sequence[Asked], max_bytes: int) -> Iterator[list[Asked]]:
    """Parts whose lines are not longer together than a provider takes at once."""
    part: list[Asked] = []
    size = 0
    for one in asked:
        length = 1 + (0 if one.line is None else len(one.line.body))
        if part and size + length > max_bytes:
            yield part
            part, size = [], 0
        part.append(one)
        size += length
    if part:
        yield part
