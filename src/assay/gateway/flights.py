"""Single flight: equal calls under way at once are sent once."""

from __future__ import annotations

import asyncio

from assay.core.errors import ProviderError
from assay.core.records import Reply


class Flights:
    """The calls under way by key. The first caller leads; others follow and get its reply or its ProviderError.

    A leader that was cancelled, or whose budget refused the call, gives its place up: a follower takes it.
    """

    def __init__(self) -> None:
        self._under_way: dict[bytes, asyncio.Future[Reply | None] | None] = {}

    def __contains__(self, key: bytes) -> bool:
        return key in self._under_way

    def __len__(self) -> int:
        return len(self._under_way)

    def lead(self, key: bytes) -> None:
        """Start a call; ``land`` must follow, whatever becomes of it."""
        self._under_way[key] = None

    async def follow(self, key: bytes) -> Reply | None:
        """What the leader got; ``None`` when it gave up."""
        landing = self._under_way[key]
        if landing is None:  # made by the first follower: most calls have none
            landing = self._under_way[key] = asyncio.get_running_loop().create_future()
        return await asyncio.shield(landing)

    def land(self, key: bytes, reply: Reply | None = None, *, error: ProviderError | None = None) -> None:
        """Tell the followers; neither reply nor error means that the leader gave up."""
        landing = self._under_way.pop(key)
        if landing is None:
            return
        if error is None:
            landing.set_result(reply)
        else:
            landing.set_exception(error)
            landing.exception()  # seen, even if every follower has been cancelled
