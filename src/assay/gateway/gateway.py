"""The gateway: one for all runs of a process, so that they share limits, breakers, connections and calls under way.

The stack, outermost first, is documented here and nowhere else:

1. response table: a call answered before is answered from the journal (``keys``, ``payload``);
2. single flight: equal calls under way are sent once (``flights``);
3. budget: the worst case is set aside before sending (``budget``);
4. retry: bounded, jittered, only what is retryable, obeying Retry-After (``retry``);
5. endpoint choice: a breaker each, taking turns among those that are up (``endpoints``, ``breaker``);
6. that endpoint's limiter (``limiter``);
7. the provider (``providers``, over a ``transport``);
8. ledger: tokens and dollars by model (``ledger``, ``prices``).

A model that is asked in batches has a lane (``batches``) in place of 5 to 7: its requests gather there, are left with
the provider together and fetched when it has done them. Everything around it is the same, so a batch is a matter of
price and patience: a request that failed or expired in one is tried again in the next.

Fail-over to *another model* happens outside the stack: the stand-in's call goes through all of it under its own key,
so that the table never holds one model's reply under another's name.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable

from assay.core.errors import ProviderError
from assay.core.protocols import BatchWait, Clock, Journal, PendingBatches, Sleep
from assay.core.records import GenerateParams, ModelRequest
from assay.gateway.batches import BatchLane
from assay.gateway.breaker import Breaker
from assay.gateway.budget import Budget
from assay.gateway.client import ModelRoute, RunClient
from assay.gateway.config import GatewayConfig
from assay.gateway.endpoints import EndpointGroup, EndpointState
from assay.gateway.flights import Flights
from assay.gateway.limiter import Limiter
from assay.gateway.models import is_recording, make_provider, parse_model, resolve_endpoints
from assay.gateway.places import Places
from assay.gateway.provider import Batching, Closable, Identified, Provider
from assay.gateway.remembered import RememberedBatches
from assay.gateway.retry import RetryPolicy
from assay.gateway.terms import batching_of, price_of
from assay.gateway.transport import Transport, open_transport

PROBE_PAUSE_S = 5.0


class Gateway:
    """Reaches models for several runs at once.

    Args:
        journal: Holds the response table.
        clock: Seconds, monotonic.
        wall_clock: Seconds since 1970.
        rng: Draws the jitter of retries.
        transport: Instead of the configured one.
    """

    def __init__(
        self,
        config: GatewayConfig,
        *,
        journal: Journal,
        clock: Clock = time.monotonic,
        sleep: Sleep = asyncio.sleep,
        wall_clock: Clock = time.time,
        rng: random.Random | None = None,
        transport: Transport | None = None,
    ) -> None:
        self.config = config
        self.journal = journal
        self.clock = clock
        self.sleep = sleep
        self.wall_clock = wall_clock
        self.rng = rng or random.Random()  # noqa: S311 - jitter, not a secret
        self.retry = RetryPolicy(max_retries=config.max_retries, max_retry_after_s=config.max_retry_after_s)
        self.flights = Flights()
        self.batches: PendingBatches = journal if isinstance(journal, PendingBatches) else RememberedBatches(journal)
        self.places = Places(config.concurrency) if config.batches else None
        self.watchers: list[Callable[[BatchWait], None]] = []
        self._transport = transport
        self._providers: dict[str, Provider] = {}
        self._routes: dict[str, ModelRoute] = {}

    @property
    def single_calls(self) -> int:
        """Calls under way that are not in a batch."""
        return 0 if self.places is None else self.places.under_way

    def tell(self, wait: BatchWait) -> None:
        """Tell everybody who watches what is waited for."""
        for watcher in self.watchers:
            watcher(wait)

    def client(self, *, run_id: str, budget_usd: float | None = None, use_cache: bool = True) -> RunClient:
        """The model client of one run.

        Args:
            budget_usd: The most the run may spend, what its earlier parts have spent included.
            use_cache: Replies paid for by other runs may be used; a run's own always are.
        """
        budget = None
        if budget_usd is not None:
            budget = Budget(limit_usd=budget_usd, spent_usd=self.journal.spent_usd(run_id), run_id=run_id)
        return RunClient(self, run_id=run_id, budget=budget, use_cache=use_cache)

    def route(self, model: str) -> ModelRoute:
        """How a model is reached, set up on first use.

        Raises:
            NotFoundError: The provider, file or function does not exist.
            ConfigError: A key or base URL is missing.
        """
        route = self._routes.get(model)
        if route is None:
            route = self._routes[model] = self._make_route(model)
        return route

    def _make_route(self, model: str) -> ModelRoute:
        config, parsed = self.config, parse_model(model, self.config)
        provider = self._providers.get(parsed.provider)
        if provider is None:
            provider = make_provider(parsed.provider, config, self._shared_transport)
            self._providers[parsed.provider] = provider
        places = resolve_endpoints(model, config)
        batching = batching_of(model, config)
        service = provider.batches() if batching is not None and isinstance(provider, Batching) else None
        states = [
            EndpointState(
                endpoint=resolved.endpoint,
                breaker=Breaker(clock=self.clock),
                limiter=Limiter(rpm=resolved.rpm, tpm=resolved.tpm, clock=self.clock, sleep=self.sleep),
            )
            for resolved in places
        ]
        fallbacks = tuple(config.model(model).fallback_models)
        group = EndpointGroup(
            model=model,
            name=parsed.name,
            provider=provider,
            states=states,
            clock=self.clock,
            sleep=self.sleep,
            patience_s=0.0 if fallbacks else config.outage_patience_s,
            max_retry_after_s=config.max_retry_after_s,
        )
        return ModelRoute(
            group=group,
            identity=provider.identity(parsed.name) if isinstance(provider, Identified) else None,
            price=price_of(model, config),
            fallback_models=fallbacks,
            stored=not is_recording(model),
            lane=None
            if batching is None or service is None
            else BatchLane(
                self,
                model=model,
                name=parsed.name,
                service=service,
                endpoints=[place.endpoint for place in places],
                batching=batching,
            ),
        )

    def _shared_transport(self) -> Transport:
        if self._transport is None:
            config = self.config
            self._transport = open_transport(
                config.transport, max_connections=config.concurrency, ca_file=config.ca_file
            )
        return self._transport

    async def probe(self, model: str, *, pause_s: float = PROBE_PAUSE_S) -> None:
        """Wait until an endpoint of the model answers; each attempt asks for one token.

        Raises:
            ProviderError: The key is refused: waiting would not help.
        """
        group = self.route(model).group
        chat = "chat" in group.provider.capabilities(group.name)
        request = ModelRequest(
            model=model,
            messages=[{"role": "user", "content": "ping"}] if chat else None,
            prompt=None if chat else "ping",
            params=GenerateParams(max_tokens=1),
        )
        while True:
            wait_s = pause_s
            for state in group.states:
                try:
                    await group.provider.call(request, name=group.name, endpoint=state.endpoint)
                except ProviderError as error:
                    if error.code == "provider.unauthorized":
                        raise
                    if error.retryable:
                        wait_s = max(wait_s, min(error.retry_after_s or 0.0, self.config.max_retry_after_s))
                        continue
                state.breaker.success()
                return
            await self.sleep(wait_s)

    async def close(self) -> None:
        """Close connections and let models in the process go; batches go on at their providers."""
        await asyncio.gather(*(route.lane.close() for route in self._routes.values() if route.lane is not None))
        for provider in self._providers.values():
            if isinstance(provider, Closable):
                await provider.close()
        if self._transport is not None:
            await self._transport.close()
