"""One run's way to the models: the stack of ``gateway``, with the run's own budget and books."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

from assay.core.errors import ProviderError
from assay.core.records import ModelRequest, Output, Reply, Score
from assay.gateway.budget import Budget, worst_case_usd
from assay.gateway.checks import unpriced
from assay.gateway.endpoints import Answer, EndpointGroup
from assay.gateway.keys import KeyMaker
from assay.gateway.ledger import Ledger, UsageSummary
from assay.gateway.models import is_recording
from assay.gateway.payload import asked, decode, encode, is_for
from assay.gateway.prices import Price

if TYPE_CHECKING:
    from assay.gateway.batches import BatchLane
    from assay.gateway.gateway import Gateway


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRoute:
    """How one model is reached.

    Attributes:
        identity: Hash of what answers, for models in the process; part of every key.
        price: ``None`` when unknown.
        fallback_models: Other models, asked in order when no endpoint of this one is up.
        stored: Its replies go to the response table (recorded outputs do not: they are one already).
        lane: Its requests go through the provider's batches.
    """

    group: EndpointGroup
    identity: str | None
    price: Price | None
    fallback_models: tuple[str, ...]
    stored: bool
    lane: BatchLane | None = None


class Paid(NamedTuple):
    """A reply and the run that paid for it: where a batch is shared, the one that sent the request."""

    reply: Reply
    run_id: str


@runtime_checkable
class PaidReplies(Protocol):
    """A journal that can list what a run has paid for; lets a resumed run's usage start where it stopped."""

    def paid_replies(self, run_id: str) -> Iterator[tuple[bytes, bytes]]:
        """(key, payload) of every reply the run has paid for."""
        ...


class RunClient:
    """A core ``ModelClient`` for one run; made by ``Gateway.client``.

    Usage is that of the whole run. A reply found in the table that this run has paid for, before it was interrupted,
    counts as a paid request when it is asked for again for the same sample. One that another run, or another sample of
    this one, has paid for counts as ``cached`` and costs nothing.
    """

    def __init__(self, gateway: Gateway, *, run_id: str, budget: Budget | None, use_cache: bool) -> None:
        self._gateway = gateway
        self._journal = gateway.journal
        self._run_id = run_id
        self._budget = budget
        self._keys = KeyMaker(scope="" if use_cache else run_id)
        self._ledger = Ledger()
        self._counted: set[bytes] = set()
        self._recalled: set[bytes] = set()
        self._knows_paid = isinstance(gateway.journal, PaidReplies)
        if isinstance(gateway.journal, PaidReplies):
            self._recall_paid(gateway.journal)

    def _recall_paid(self, journal: PaidReplies) -> None:
        """Take earlier parts of the run into the books, also the calls that no item will ask for again."""
        for key, payload in journal.paid_replies(self._run_id):
            reply = decode(payload)
            if reply is not None:
                self._recalled.add(key)
                self._ledger.recalled(asked(payload).model, reply)

    def recall(self, output: Output) -> None:
        """Take the calls of an output into the books that an earlier part of the run has recorded.

        What it paid for is there already, unless the journal does not know it: it lists no paid replies, or they were
        never in it (recorded outputs).
        """
        if output.model is None or not output.calls:
            return
        counts = self._ledger.of(output.model)
        counts.cached += output.cached_calls
        paid = output.calls - output.cached_calls
        if paid and (not self._knows_paid or is_recording(output.model)):
            counts.add(output.usage, output.cost_usd, requests=paid)

    def recall_verdict(self, score: Score) -> None:
        """Take the calls of a judge that cost nothing into the books; what it paid for is there already."""
        for model, calls in (score.cached_calls or {}).items():
            self._ledger.of(model).cached += calls

    def usage(self) -> UsageSummary:
        """What the run has used so far."""
        return self._ledger.summary()

    def models_served(self) -> Mapping[str, int]:
        """Paid replies by the model that providers named as the one that answered."""
        return dict(self._ledger.served)

    def capabilities(self, model: str) -> frozenset[str]:
        """Of ``chat, completion, options, logprobs, json_schema, tools, images``."""
        group = self._gateway.route(model).group
        return group.provider.capabilities(group.name)

    async def generate(self, request: ModelRequest) -> Reply:
        """Answer one request, from the response table when it was answered before.

        Raises:
            ProviderError: No answer could be had; ``unavailable`` when no endpoint, and no fall-back model's, is up.
            BudgetExhaustedError: Its worst case does not fit the budget.
            ConfigError: There is a budget and the model's price is unknown (``budget.unpriced``).
        """
        route = self._gateway.route(request.model)
        if not route.fallback_models:
            return await self._answer(request, route)
        try:
            return await self._answer(request, route)
        except ProviderError as error:
            if error.kind != "unavailable":
                raise
            return await self._stand_in(request, route, error)

    async def _stand_in(self, request: ModelRequest, route: ModelRoute, error: ProviderError) -> Reply:
        for model in route.fallback_models:
            try:
                reply = await self._answer(replace(request, model=model), self._gateway.route(model))
            except ProviderError as another:
                if another.kind != "unavailable":
                    raise
                continue
            return replace(reply, degraded=True, model_served=reply.model_served or model)
        raise error

    async def _answer(self, request: ModelRequest, route: ModelRoute) -> Reply:
        if not route.stored:
            return (await self._pay(request, route, b"")).reply
        key = self._keys.key(request, identity=route.identity)
        reply = self._from_table(request, key)
        if reply is not None:
            return reply
        flights = self._gateway.flights
        while key in flights:
            shared = await flights.follow(key)
            if shared is not None:
                self._ledger.of(request.model).cached += 1
                return replace(shared, cached=True)
        flights.lead(key)
        try:
            reply, paid_by = await self._pay(request, route, key)
        except ProviderError as error:
            flights.land(key, error=error)
            raise
        except BaseException:
            flights.land(key)
            raise
        self._counted.add(key)
        flights.land(key, reply)  # first: it is paid for, even if it cannot be written down
        record = self._journal.record_reply if route.lane is None else self._gateway.batches.collect_reply
        payload = encode(reply, model=request.model, sample_id=request.sample_id)
        committed = record(key, payload, run_id=paid_by, cost_usd=reply.cost_usd)
        if committed is not None:
            await (
                committed
            )  # nothing more is sent in its place before it is safe: a kill repeats what was in flight only
        return reply

    def _from_table(self, request: ModelRequest, key: bytes) -> Reply | None:
        stored = self._journal.reply(key)
        reply = None if stored is None else decode(stored.payload)
        if stored is None or reply is None:
            return None
        recalled = key in self._recalled  # counted when the client was made
        if (recalled or stored.run_id == self._run_id) and self._pays_again(request, key, stored.payload):
            self._counted.add(key)  # from now on it is a repeat
            if not recalled:
                self._ledger.recalled(request.model, reply)
            return replace(reply, cached=False)
        self._ledger.of(request.model).cached += 1
        return reply

    def _pays_again(self, request: ModelRequest, key: bytes, payload: bytes) -> bool:
        """Whether this is the call that paid for the run's own reply, made again by a later part of the run."""
        return key not in self._counted and is_for(payload, request.sample_id)

    async def _pay(self, request: ModelRequest, route: ModelRoute, key: bytes) -> Paid:
        budget = self._budget
        if budget is None:
            return await self._send(request, route, key)
        if route.price is None:
            raise unpriced(request.model)
        if route.price.free:
            return await self._send(request, route, key)
        worst_usd, cost_usd = worst_case_usd(request, route.price), 0.0
        await budget.reserve(worst_usd)
        try:
            paid = await self._send(request, route, key)
            if paid.run_id == self._run_id:
                cost_usd = worst_usd if paid.reply.cost_usd is None else paid.reply.cost_usd
        finally:
            budget.settle(worst_usd, cost_usd=cost_usd)
        return paid

    async def _send(self, request: ModelRequest, route: ModelRoute, key: bytes) -> Paid:
        gateway, retries = self._gateway, 0

        def retried() -> None:
            nonlocal retries
            retries += 1
            self._ledger.of(request.model).retries += 1

        answer = await gateway.retry.run(
            self._attempt(request, route, key),
            sleep=gateway.sleep,
            rng=gateway.rng,
            on_retry=retried,
        )
        reply, paid_by = answer.reply, answer.sent_by or self._run_id
        reply = replace(
            reply,
            latency_s=answer.latency_s if reply.latency_s is None and route.stored else reply.latency_s,
            cost_usd=None if route.price is None else route.price.cost_usd(reply.usage),
            cached=paid_by != self._run_id,
            retries=retries,
        )
        if reply.cached:
            self._ledger.of(request.model).cached += 1
        else:
            self._ledger.paid(request.model, reply)
        return Paid(reply, paid_by)

    def _attempt(self, request: ModelRequest, route: ModelRoute, key: bytes) -> Callable[[], Awaitable[Answer]]:
        """One attempt at a call, to be made several times."""
        group, lane, places = route.group, route.lane, self._gateway.places
        if lane is not None:
            return lambda: lane.call(request, key=key, run_id=self._run_id)
        if places is None:
            return lambda: group.call(request)

        async def in_place() -> Answer:
            async with places:
                return await group.call(request)

        return in_place
