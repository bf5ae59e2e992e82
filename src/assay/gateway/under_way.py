"""One batch at its provider: sent or found again, looked at until it has ended, its answers handed out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from assay.core.errors import AssayError, ProviderError
from assay.core.protocols import BatchWait, PendingBatch
from assay.core.records import ModelRequest
from assay.gateway.endpoints import Answer
from assay.gateway.provider import BatchService, BatchState, Endpoint, Line, bad_reply
from assay.gateway.providers.batch_results import given_up, unanswered

if TYPE_CHECKING:
    from assay.gateway.gateway import Gateway

FIRST_LOOK_S = 2.0
SLOWER = 1.5
"""Each pause between looks is this much longer than the one before, up to ``poll_s``."""
PATIENCE_S = 900.0
"""A provider that cannot be reached for longer ends the waiting; the batch goes on there."""
SENDING_S = 3600.0
"""Another process is not believed to be still sending a batch after this long."""
AT_ONCE = 200
"""Results handed out before others get their turn."""
GONE = (404, 410)
GONE_LOOKS = 3
"""A batch is lost when it was not there so often in a row; one such answer may be a proxy's."""
MAYBE_TAKEN = frozenset({None, 200, 408, 500, 502, 504, 520, 522, 524})
"""Statuses of a sending that failed, of which nobody knows whether the batch was taken; ``None``: no answer."""
UNREADABLE = (LookupError, TypeError, ValueError, AttributeError, OverflowError)
"""What reading JSON raises that has another shape than documented."""


@dataclass(slots=True, eq=False, kw_only=True)
class Asked:
    """A request and who waits for its answer.

    Attributes:
        run_id: The run that asks.
        at: When it came, on the gateway's clock.
        line: As it is to be sent; ``None`` where it was left with the provider already.
    """

    request: ModelRequest
    key: bytes
    run_id: str
    at: float
    answered: asyncio.Future[Answer]
    line: Line | None = None


def settle(left: Iterable[Asked], error: AssayError) -> None:
    """Tell everybody who still waits that there is no answer."""
    for asked in left:
        if not asked.answered.done():
            asked.answered.set_exception(error)


class UnderWay:
    """A batch this process waits for.

    Attributes:
        batch: As the journal has it.
        posting: The sending under way: once it has begun, the batch's name must be read.
        unheard: It may have reached the provider, and no answer was read: whoever asks again looks there first.

    Args:
        poll_s: Seconds between two looks, at most.
        again: Takes back what turns out to wait elsewhere, or nowhere.
    """

    def __init__(
        self,
        batch: PendingBatch,
        *,
        gateway: Gateway,
        service: BatchService,
        endpoint: Endpoint,
        poll_s: float,
        again: Callable[[Asked], None],
    ) -> None:
        self.batch = batch
        self.posting: asyncio.Task[None] | None = None
        self.unheard = False
        self._gateway = gateway
        self._service = service
        self._endpoint = endpoint
        self._poll_s = poll_s
        self._again = again
        self._asked: dict[bytes, Asked] = {}
        self._sent_by: dict[bytes, str] = {}
        self._fresh = False

    def add(self, asked: Asked, *, sent_by: str) -> None:
        """Wait for one more of its answers; ``sent_by`` is the run that pays for it."""
        before = self._asked.get(asked.key)
        if before is not None and asked.line is None:
            asked.line = before.line  # who asked first has left, and it may still have to be sent
        self._asked[asked.key] = asked
        self._sent_by[asked.key] = sent_by

    @property
    def wanted(self) -> int:
        """Answers somebody still waits for."""
        return sum(not asked.answered.done() for asked in self._asked.values())

    async def carry_out(self) -> None:
        """Everything from here to the last answer; errors go to those who wait."""
        try:
            self._tell()
            if not self.batch.provider_id:
                self._fresh = all(asked.line is not None for asked in self._asked.values())
                await (self._leave_with_provider() if self._fresh else self._find_sent())
                self._tell()
            while self.wanted:
                state = await self._ended()
                if state is None:
                    return
                await self._hand_out(state)
        except AssayError as error:
            settle(self._asked.values(), error)
        except UNREADABLE as error:
            settle(self._asked.values(), bad_reply(self.batch.model, f"the batch cannot be read ({error!r})"))
        except BaseException:
            for asked in self._asked.values():
                asked.answered.cancel()
            raise
        self._tell(over=True)

    def _tell(self, *, answered: int = 0, over: bool = False) -> None:
        batch, wanted = self.batch, 0 if over else self.wanted
        self._gateway.tell(BatchWait(batch.token, batch.model, batch.provider_id, wanted, answered, batch.since))

    def _release(self, keys: Iterable[bytes]) -> None:
        self._gateway.batches.release_from_batch(self.batch.token, list(keys))

    async def _leave_with_provider(self) -> None:
        gateway = self._gateway

        async def attempt() -> None:
            self.posting = asyncio.ensure_future(self._post())
            await asyncio.shield(self.posting)

        try:
            await gateway.retry.run(attempt, sleep=gateway.sleep, rng=gateway.rng, on_retry=lambda: None)
        except ProviderError as error:
            if not self.unheard:
                self._release(self._asked)
            raise given_up(error, "sent") from error
        for asked in self._asked.values():
            asked.line = None

    async def _post(self) -> None:
        token, model, endpoint = self.batch.token, self.batch.model, self._endpoint
        name = await self._service.find(token, model=model, endpoint=endpoint) if self.unheard else None
        if name is None:
            lines = [asked.line for asked in self._asked.values() if asked.line is not None]
            unheard_before, self.unheard = self.unheard, True
            try:
                name = await self._service.submit(
                    [line.body for line in lines], path=lines[0].path, token=token, model=model, endpoint=endpoint
                )
            except ProviderError as error:
                self.unheard = unheard_before or error.status in MAYBE_TAKEN
                raise
        self._gateway.batches.name_batch(token, name)  # nothing may be waited for between answer and journal
        self.unheard = False
        self.batch = self.batch._replace(provider_id=name, sending=False)

    async def _find_sent(self) -> None:
        """A process wrote the batch down and died, or is still sending it."""
        gateway, token = self._gateway, self.batch.token
        since = datetime.fromisoformat(self.batch.since).timestamp()
        while self._asked:
            key, asked = next(iter(self._asked.items()))
            known = gateway.batches.pending_batch(key)
            if known is None or known[0].token != token:
                self._again(asked)
                del self._asked[key]
                continue
            self.batch = known[0]._replace(sending=self.batch.sending and known[0].sending)
            if self.batch.provider_id:
                return
            if not self.batch.sending or gateway.wall_clock() - since > SENDING_S:
                name = await gateway.retry.run(
                    lambda: self._service.find(token, model=self.batch.model, endpoint=self._endpoint),
                    sleep=gateway.sleep,
                    rng=gateway.rng,
                    on_retry=lambda: None,
                )
                if name is not None:
                    gateway.batches.name_batch(token, name)
                    self.batch = self.batch._replace(provider_id=name, sending=False)
                    return
                self._release(self._asked)
                continue
            await gateway.sleep(FIRST_LOOK_S)

    async def _ended(self) -> BatchState | None:
        """What the provider says when the batch has ended; ``None`` when nobody waits any more."""
        gateway, first_s = self._gateway, min(FIRST_LOOK_S, self._poll_s)
        pause_s = first_s if self._fresh else 0.0
        unseen_since: float | None = None
        gone = 0
        while True:
            await gateway.sleep(pause_s)
            if not self.wanted:
                return None
            pause_s = min(self._poll_s, max(first_s, SLOWER * pause_s))
            try:
                state = await self._service.look(
                    self.batch.provider_id, model=self.batch.model, endpoint=self._endpoint
                )
            except ProviderError as error:
                gone = gone + 1 if error.status in GONE else 0
                if not error.retryable and gone in (0, GONE_LOOKS):
                    raise self._lost(error) from error
                unseen_since = gateway.clock() if unseen_since is None else unseen_since
                if gateway.clock() - unseen_since > PATIENCE_S:
                    raise given_up(error, "looked at") from error
                pause_s = max(pause_s, min(error.retry_after_s or 0.0, gateway.config.max_retry_after_s))
                continue
            unseen_since, gone = None, 0
            if state.ended:
                return state
            self._tell(answered=state.answered)

    def _lost(self, error: ProviderError) -> ProviderError:
        """A batch the provider does not know any more has to be sent again."""
        if error.status not in GONE:
            return error
        self._release(self._asked)
        return ProviderError(
            f"{self.batch.model}: the provider does not know the batch {self.batch.provider_id} any more",
            code="batch.lost",
            status=error.status,
            retryable=True,
        )

    async def _hand_out(self, state: BatchState) -> None:
        gateway, model, waited_for = self._gateway, self.batch.model, list(self._asked)

        async def fetch() -> None:
            some: list[Mapping[str, Any]] = []
            async for result in self._service.results(state, model=model, endpoint=self._endpoint):
                some.append(result)
                if len(some) >= AT_ONCE:
                    self._resolve(some)
                    some.clear()
                    await asyncio.sleep(0)
            self._resolve(some)

        try:
            await gateway.retry.run(fetch, sleep=gateway.sleep, rng=gateway.rng, on_retry=lambda: None)
        except ProviderError as error:
            lost = self._lost(error)
            raise (lost if lost is not error else given_up(error, "fetched")) from error
        left = [key for key in waited_for if key in self._asked]
        self._release(left)
        why = state.failure or unanswered(model, f"{self.batch.provider_id} ended without a result for it")
        settle([self._asked.pop(key) for key in left], why)

    def _resolve(self, results: Sequence[Mapping[str, Any]]) -> None:
        """Give each result to who asked for it; what nobody here waits for stays in the journal's batch."""
        failed: dict[bytes, ProviderError] = {}
        for result in results:
            key = _key(result)
            asked = self._asked.get(key)
            if asked is None or key in failed:
                continue
            if asked.answered.done():
                del self._asked[key]
                continue
            try:
                reply = self._service.read(result, asked.request)
            except ProviderError as error:
                failed[key] = error
            except UNREADABLE as error:
                failed[key] = bad_reply(asked.request.model, f"the result cannot be read ({error!r})")
            else:
                asked.answered.set_result(Answer(reply, None, self._sent_by[key]))
                del self._asked[key]
        if failed:  # first: whoever asks again must not be sent back to this batch
            self._release(failed)
        for key, why in failed.items():
            settle([self._asked.pop(key)], why)


def _key(result: Mapping[str, Any]) -> bytes:
    try:
        return bytes.fromhex(result["custom_id"])
    except ValueError:
        return b""
