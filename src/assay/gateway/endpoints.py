"""Which endpoint of a model answers: breaker and limiter of each, taking turns among those that are up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from assay.core.errors import ProviderError
from assay.core.protocols import Clock, Sleep
from assay.core.records import ModelRequest, Reply
from assay.gateway.breaker import Breaker
from assay.gateway.limiter import Limiter
from assay.gateway.provider import Endpoint, Provider

CHARS_PER_TOKEN = 4
CAUSE_CHARS = 300
OUTPUT_TOKENS = 256
"""Reply length assumed by the token limiter when ``max_tokens`` is not set; corrected by what is counted."""


@dataclass(slots=True, kw_only=True)
class EndpointState:
    """One endpoint with what guards it.

    Attributes:
        answered: It has given at least one answer.
        last_error: Why it failed last.
    """

    endpoint: Endpoint
    breaker: Breaker
    limiter: Limiter
    answered: bool = False
    last_error: ProviderError | None = None


class Answer(NamedTuple):
    """A provider's reply.

    Attributes:
        latency_s: Seconds it took; ``None`` when that says nothing about the model.
        sent_by: The run that sent the request, where that may be another one than the run that asks.
    """

    reply: Reply
    latency_s: float | None
    sent_by: str | None = None


class EndpointGroup:
    """The endpoints of one model.

    Calls go round among the endpoints whose breaker is closed, those not blocked by a Retry-After first. With every
    breaker open, calls wait for a probe until all have been down for ``patience_s``; then they fail at once. Endpoints
    that never gave anything but replies that cannot be read (a web page at the wrong address) are not waited for.
    """

    def __init__(
        self,
        *,
        model: str,
        name: str,
        provider: Provider,
        states: Sequence[EndpointState],
        clock: Clock,
        sleep: Sleep,
        patience_s: float,
        max_retry_after_s: float,
    ) -> None:
        self.model = model
        self.name = name
        self.provider = provider
        self.states = states
        self._clock = clock
        self._sleep = sleep
        self._patience_s = patience_s
        self._max_retry_after_s = max_retry_after_s
        self._turn = 0

    async def call(self, request: ModelRequest) -> Answer:
        """One attempt on one endpoint.

        Raises:
            ProviderError: It failed; ``unavailable`` when there was no endpoint to try.
        """
        state = self._pick() or await self._wait_for_one()
        limiter, breaker = state.limiter, state.breaker
        probe, estimate, ticket = breaker.enter(), 0, 0
        try:
            if limiter.free:
                ticket = limiter.count()
            else:
                estimate = estimate_tokens(request)
                ticket = await limiter.acquire(estimate)
            started = self._clock()
            reply = await self.provider.call(request, name=self.name, endpoint=state.endpoint)
        except ProviderError as error:
            self._note_failure(state, error, ticket=ticket, probe=probe)
            raise
        except BaseException:
            breaker.leave(probe=probe)
            raise
        breaker.success()
        state.answered = True
        if not limiter.free:
            limiter.on_success()
            limiter.correct_tokens(estimate, _total_tokens(reply))
        return Answer(reply, self._clock() - started)

    def _pick(self) -> EndpointState | None:
        states = self.states
        if len(states) == 1:
            return states[0] if states[0].breaker.wait_s() == 0.0 else None
        now = self._clock()
        self._turn += 1
        order = [states[(self._turn + offset) % len(states)] for offset in range(len(states))]
        up = [state for state in order if state.breaker.closed]
        ready = [state for state in up if state.limiter.blocked_until <= now]
        probes = [state for state in order if not state.breaker.closed and state.breaker.wait_s() == 0.0]
        return next(iter(probes[:1] + ready + up), None)

    async def _wait_for_one(self) -> EndpointState:
        while True:
            down = [state.breaker.down_since for state in self.states]
            since = max((at for at in down if at is not None), default=self._clock())
            left_s = since + self._patience_s - self._clock()
            if left_s <= 0.0 or self._never_readable():
                raise self._unavailable(down_s=self._clock() - since)
            await self._sleep(min(left_s, max(0.05, min(state.breaker.wait_s() for state in self.states))))
            if (state := self._pick()) is not None:
                return state

    def _never_readable(self) -> bool:
        return all(
            state.last_error is not None and state.last_error.kind == "bad_reply" and not state.answered
            for state in self.states
        )

    def _unavailable(self, *, down_s: float) -> ProviderError:
        failed = [(state.endpoint.base_url, state.last_error) for state in self.states if state.last_error is not None]
        causes = [str(error).removeprefix(f"{self.model}: ")[:CAUSE_CHARS] for _, error in failed]
        if len(self.states) > 1:
            causes = [f"{_place(url)}: {cause}" for (url, _), cause in zip(failed, causes, strict=True)]
        unreadable = self._never_readable()
        how_long = "" if unreadable else f" (down for {down_s:.0f} s)"
        return ProviderError(
            f"{self.model}: no endpoint answers{how_long}; last error: {'; '.join(causes) or 'unknown'}",
            hint=failed[0][1].hint if unreadable else "when the provider is back: assay resume RUN --wait",
            code="provider.unavailable",
            kind="unavailable",
            retryable=True,
        )

    def _note_failure(self, state: EndpointState, error: ProviderError, *, ticket: int, probe: bool) -> None:
        state.last_error = error
        if error.kind == "rate_limited":
            asked = error.retry_after_s
            state.limiter.on_429(ticket, None if asked is None else min(asked, self._max_retry_after_s))
        if error.retryable and error.kind != "rate_limited":
            state.breaker.failure(probe=probe)
        else:
            state.breaker.success()


def _place(url: str) -> str:
    """Where an endpoint is, without what may be secret in its address."""
    scheme, slashes, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{slashes}{host.rpartition('@')[2]}{slash}{path.partition('?')[0]}"


def estimate_tokens(request: ModelRequest) -> int:
    """About how many tokens a call takes, reply included, for the token limiter."""
    chars = len(request.prompt or "")
    for message in request.messages or ():
        content = message.get("content")
        chars += len(content) if isinstance(content, str) else len(str(content or ""))
    if request.options is not None:
        chars = chars * len(request.options) + sum(len(option) for option in request.options)
        return chars // CHARS_PER_TOKEN + len(request.options)
    return chars // CHARS_PER_TOKEN + 1 + (request.params.max_tokens or OUTPUT_TOKENS)


def _total_tokens(reply: Reply) -> int | None:
    usage = reply.usage
    if usage.input_tokens is None or usage.output_tokens is None:
        return None
    return usage.input_tokens + usage.output_tokens
