"""Runs supervisors on threads, so that an event loop of any make can wait for them."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor

from assay.sandbox.program import Verdict
from assay.sandbox.supervisor import Supervisor


class Pool:
    """At most ``jobs`` programs at once; more wait their turn."""

    def __init__(self, *, jobs: int | None = None) -> None:
        self._threads = ThreadPoolExecutor(max_workers=jobs or os.cpu_count() or 1, thread_name_prefix="assay-sandbox")

    def run(self, supervisor: Supervisor) -> Verdict:
        """Wait for the verdict."""
        return self._threads.submit(supervisor.run).result()

    async def run_async(self, supervisor: Supervisor) -> Verdict:
        """Wait for the verdict without blocking the loop; cancelling ends the program."""
        try:
            return await asyncio.wrap_future(self._threads.submit(supervisor.run))
        except asyncio.CancelledError:
            supervisor.cancel()
            raise
