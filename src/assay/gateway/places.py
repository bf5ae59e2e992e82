"""How many single calls are under way, and how many may be, where a run keeps more requests open than that."""

from __future__ import annotations

import asyncio
from types import TracebackType


class Places:
    """A limit on single calls over all models.

    Attributes:
        under_way: Calls that have a place or wait for one.
    """

    def __init__(self, count: int) -> None:
        self._free = asyncio.Semaphore(count)
        self.under_way = 0

    async def __aenter__(self) -> None:
        self.under_way += 1
        try:
            await self._free.acquire()
        except BaseException:
            self.under_way -= 1
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.under_way -= 1
        self._free.release()
