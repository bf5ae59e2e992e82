"""A run's spending limit: the worst case of a call is set aside before it is sent, so the limit holds in any order."""

from __future__ import annotations

import asyncio
from collections import deque

from assay.core.errors import BudgetExhaustedError
from assay.core.records import ModelRequest
from assay.gateway.prices import Price

IMAGE_TOKENS = 50_000
"""More than any provider counts for one image."""
MESSAGE_TOKENS = 16
"""Role, separators and what chat templates add to one message."""
DEFAULT_OUTPUT_TOKENS = 32_768
"""Assumed longest reply when neither the call nor the price table bounds it."""


class Budget:
    """Dollars one run may spend; money set aside counts as spent until the call has settled.

    Args:
        limit_usd: The most the run may spend, resumed parts included.
        spent_usd: What its earlier parts have spent.
    """

    def __init__(self, *, limit_usd: float, spent_usd: float = 0.0, run_id: str = "") -> None:
        self.limit_usd = limit_usd
        self.spent_usd = spent_usd
        self.reserved_usd = 0.0
        self._run_id = run_id
        self._in_flight = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def reserve(self, worst_usd: float) -> None:
        """Set ``worst_usd`` aside; waits while calls in flight may still leave enough.

        Raises:
            BudgetExhaustedError: It would not fit even if everything in flight turned out to be free.
        """
        while self._waiting or self.spent_usd + self.reserved_usd + worst_usd > self.limit_usd:
            if self.spent_usd + worst_usd > self.limit_usd:
                self._wake()
                raise self._exhausted(worst_usd)
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                if turn in self._waiting:
                    self._waiting.remove(turn)
                else:
                    self._wake()
                raise
            if self.spent_usd + self.reserved_usd + worst_usd <= self.limit_usd:
                break
        self.reserved_usd += worst_usd
        self._in_flight += 1
        self._wake()

    def settle(self, worst_usd: float, *, cost_usd: float) -> None:
        """Replace what was set aside by what the call cost (0 when it failed or was cancelled)."""
        self._in_flight -= 1
        self.reserved_usd = self.reserved_usd - worst_usd if self._in_flight else 0.0
        self.spent_usd += cost_usd
        self._wake()

    def _wake(self) -> None:
        """Let the first in line look again; it wakes the next when it is through."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return

    def _exhausted(self, worst_usd: float) -> BudgetExhaustedError:
        return BudgetExhaustedError(
            f"{_usd(self.spent_usd)} of {_usd(self.limit_usd)} are spent and the next call may cost {_usd(worst_usd)}: "
            "it was not sent, everything answered is kept",
            hint=f"raise the limit and continue with: assay resume {self._run_id or 'RUN'} --budget-usd <amount>",
        )


def _usd(amount: float) -> str:
    return f"${amount:.2f}" if amount >= 0.01 or amount == 0.0 else f"${amount:.2g}"


def worst_case_usd(request: ModelRequest, price: Price) -> float:
    """The most a call can cost at a price.

    A token is at least one byte of UTF-8, so the bytes of the prompt bound its tokens; the reply is bounded by
    ``max_tokens``, else by the model's longest reply.
    """
    prompt = prompt_bytes(request)
    if request.options is not None:
        count = len(request.options)
        prompt = prompt * count + sum(len(option.encode()) for option in request.options)
        output = count
    else:
        output = request.params.max_tokens or price.max_output_tokens or DEFAULT_OUTPUT_TOKENS
    dearest = max(price.input, price.cached_input or 0.0)
    return (prompt * dearest + output * price.output) / 1e6


def prompt_bytes(request: ModelRequest) -> int:
    """An upper bound of the prompt's tokens."""
    total = MESSAGE_TOKENS + (len(request.prompt.encode()) if request.prompt else 0)
    for message in request.messages or ():
        total += MESSAGE_TOKENS + _content_bytes(message.get("content"))
        for call in message.get("tool_calls") or ():
            total += len(str(call).encode())
    for tool in request.tools:
        total += len(str(tool).encode())
    if request.params.json_schema is not None:
        total += len(str(request.params.json_schema).encode())
    return total


def _content_bytes(content: object) -> int:
    if content is None:
        return 0
    if isinstance(content, str):
        return len(content.encode())
    if isinstance(content, list | tuple):
        return sum(_part_bytes(part) for part in content)
    return len(str(content).encode())


def _part_bytes(part: object) -> int:
    if isinstance(part, dict) and "image" in str(part.get("type", "")):
        return IMAGE_TOKENS
    return len(str(part).encode())
