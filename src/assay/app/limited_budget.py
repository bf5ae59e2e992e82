"""A budget that keeps to the limits of the store, of which other runs spend at the same time."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

from assay.app.spending import Books, standing_of_limits, today
from assay.app.wiring import App
from assay.core.protocols import Clock
from assay.gateway.budget import Budget

LOOKS_APART_S = 0.1
"""At least; and twenty times as long as a look takes, where the store has many runs this month."""


class LimitedBudget(Budget):
    """A budget whose limit falls as other runs of the store spend.

    What they have been answered is looked up before a call is sent and when one has ended, so that together they go
    beyond a limit by no more than what the others have in flight, and are answered between two looks.

    Args:
        budget_usd: Of these runs alone; ``None`` where only the store's limits bind.
        spent_usd: What they have spent already.
        run_ids: Of these runs; ids of runs that begin later may be added.
    """

    def __init__(
        self,
        app: App,
        *,
        budget_usd: float | None,
        spent_usd: float,
        run_ids: Sequence[str],
        hint_run: str = "",
        clock: Clock = time.monotonic,
    ) -> None:
        super().__init__(limit_usd=math.inf, spent_usd=spent_usd, run_id=hint_run)
        self._app, self._own_usd, self._run_ids, self._clock = app, budget_usd, run_ids, clock
        self._books, self._day, self._next_look = Books(app), today(), -math.inf
        self._look()

    async def reserve(self, worst_usd: float) -> None:
        """As ``Budget.reserve``, within what is left of the store's limits now."""
        self._look()
        await super().reserve(worst_usd)

    def settle(self, worst_usd: float, *, cost_usd: float) -> None:
        """As ``Budget.settle``; those who wait for money see what is left now."""
        self._look()  # before: the journal does not know of this call's cost yet
        super().settle(worst_usd, cost_usd=cost_usd)

    def _look(self) -> None:
        began = self._clock()
        if began < self._next_look:
            return
        self._books.refresh()
        if today() != self._day:
            for run_id in self._run_ids:
                self._books.resume(run_id)
            self._day = today()
        left = [limit["limit_usd"] - limit["spent_usd"] for limit in standing_of_limits(self._app, self._books)]
        shared = self.spent_usd + min(left, default=math.inf)
        self.limit_usd = shared if self._own_usd is None else min(self._own_usd, shared)
        ended = self._clock()
        self._next_look = ended + max(LOOKS_APART_S, 20.0 * (ended - began))
