"""Requests and tokens a minute of one endpoint: kept to, lowered by 429, raised again by success."""

from __future__ import annotations

from assay.core.protocols import Clock, Sleep

BACKOFF = 0.5
"""A burst of 429 halves the rate once."""
RECOVERY = 1.02
"""Each success after it raises the rate by 2 % until the configured one (or the observed one, doubled) is reached."""
BURST_S = 1.0
"""An idle endpoint may be sent at once what it would have taken in this time."""
MIN_RATE = 1.0 / 60.0


class Limiter:
    """Paces the calls to one endpoint; without limits and without 429 it costs nothing.

    Calls are given slots in the order they come. A 429 blocks the endpoint for its Retry-After and lowers the rate of
    requests: to half the configured one, or half the observed one where none is configured.

    Args:
        rpm: Requests a minute; ``None`` is unlimited.
        tpm: Tokens a minute, prompt and reply together.
    """

    def __init__(self, *, rpm: float | None, tpm: float | None, clock: Clock, sleep: Sleep) -> None:
        self._clock = clock
        self._sleep = sleep
        self._full_rate = None if rpm is None else rpm / 60.0
        self._rate = self._full_rate
        self._token_rate = None if tpm is None else tpm / 60.0
        self._next_request_at = self._next_token_at = float("-inf")
        self.blocked_until = float("-inf")
        self._recover_to: float | None = None
        self._generation = 0
        self._sent = 0
        self._counting_since: float | None = None
        self.free = rpm is None and tpm is None

    @property
    def rate_per_s(self) -> float | None:
        """Requests a second allowed now; ``None`` is unlimited."""
        return self._rate

    def count(self) -> int:
        """Note a call sent without waiting (``free``); returns the ticket for ``on_429``."""
        if self._counting_since is None:
            self._counting_since = self._clock()
        self._sent += 1
        return self._generation

    async def acquire(self, tokens: int) -> int:
        """Wait for a slot of about ``tokens`` tokens; returns the ticket for ``on_429``."""
        while not self.free:
            generation = self._generation
            at, undo = self._take_slot(tokens)
            now = self._clock()
            try:
                while at > now:
                    await self._sleep(at - now)
                    now = self._clock()
            except BaseException:
                if generation == self._generation:
                    self._next_request_at -= undo[0]
                    self._next_token_at -= undo[1]
                raise
            if generation == self._generation and self.blocked_until <= now:
                break  # else a 429 came meanwhile: slots given before it are void
        return self.count()

    def _take_slot(self, tokens: int) -> tuple[float, tuple[float, float]]:
        """When the next call may be sent, and what that took from requests and tokens, in seconds."""
        start = max(self._clock(), self.blocked_until)
        at = max(start, self._next_request_at, self._next_token_at)
        request_cost = token_cost = 0.0
        if self._rate is not None:
            request_cost = 1.0 / self._rate
            burst = max(BURST_S, request_cost) - request_cost
            self._next_request_at = max(self._next_request_at, start - burst) + request_cost
        if self._token_rate is not None:
            token_cost = tokens / self._token_rate
            self._next_token_at = max(self._next_token_at, start - BURST_S) + token_cost
        return at, (request_cost, token_cost)

    def correct_tokens(self, estimated: int, used: int | None) -> None:
        """Replace the estimate by what the provider counted."""
        if self._token_rate is not None and used is not None:
            self._next_token_at += (used - estimated) / self._token_rate

    def on_429(self, ticket: int, retry_after_s: float | None) -> None:
        """Slow down; calls sent before the last slow-down tell nothing new about the rate."""
        now = self._clock()
        if retry_after_s is not None:
            self.blocked_until = max(self.blocked_until, now + retry_after_s)
            self.free = False
        if ticket != self._generation:
            return
        self._generation += 1
        rate = self._rate
        if rate is None:
            elapsed = now - (self._counting_since if self._counting_since is not None else now)
            rate = self._sent / max(elapsed, 1.0)
            self._recover_to = 2.0 * rate
        self._rate = max(MIN_RATE, rate * BACKOFF)
        self._next_request_at = max(now, self.blocked_until)
        self.free = False

    def on_success(self) -> None:
        """Recover a little, if slowed down."""
        if self._rate is None or self._rate == self._full_rate:
            return
        self._rate *= RECOVERY
        if self._full_rate is not None:
            self._rate = min(self._rate, self._full_rate)
        elif self._recover_to is not None and self._rate >= self._recover_to:
            self._rate, self._sent, self._counting_since = None, 0, None
            self.free = self._token_rate is None
