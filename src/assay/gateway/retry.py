"""Bounded retries with full jitter, of what is retryable only, obeying Retry-After."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from assay.core.errors import ProviderError
from assay.core.protocols import Sleep

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often and how late.

    Attributes:
        max_retries: Attempts after the first.
        base_s: The first pause is drawn from [0, base_s]; each further one from twice the range.
        cap_s: No range is longer.
        max_retry_after_s: A provider that asks for a longer pause ends the call.

    Sources:
        Full jitter: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog (2015).
    """

    max_retries: int = 5
    base_s: float = 0.5
    cap_s: float = 30.0
    max_retry_after_s: float = 300.0

    def pause_s(self, error: ProviderError, attempt: int, rng: random.Random) -> float | None:
        """Seconds before attempt ``attempt + 1`` (counting from 0); ``None`` when there should be none."""
        if not error.retryable or error.kind == "unavailable" or attempt >= self.max_retries:
            return None
        jitter = rng.uniform(0.0, min(self.cap_s, self.base_s * 2.0**attempt))
        if error.retry_after_s is None:
            return jitter
        if error.retry_after_s > self.max_retry_after_s:
            return None
        return error.retry_after_s + min(jitter, self.base_s)

    async def run(
        self,
        attempt_once: Callable[[], Awaitable[Answer]],
        *,
        sleep: Sleep,
        rng: random.Random,
        on_retry: Callable[[], None],
    ) -> Answer:
        """The answer of the first attempt that has one.

        Raises:
            ProviderError: The last attempt's.
        """
        attempt = 0
        while True:
            try:
                return await attempt_once()
            except ProviderError as error:
                pause_s = self.pause_s(error, attempt, rng)
                if pause_s is None:
                    raise
            attempt += 1
            on_retry()
            await sleep(pause_s)
