"""What a store's runs, and work outside of runs, have spent on each day, and the limits of assay.yaml against it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from assay.app.wiring import App
from assay.core.canonical import canonical_json
from assay.core.errors import BudgetExhaustedError, StoreError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assay.gateway.budget import Budget

OUTSIDE = "spending/outside"
RESUMED = "spending/resumed"
UNNAMED = "(none)"
_PAGE = 20


def book(app: App, run_id: str, *, work: str, model: str, evaluator: str) -> None:
    """Remember what is paid outside of runs (attacks on judges, steps of judges), for the sums and the limits.

    Args:
        run_id: Under which the journal has the replies.
        work: Shown as the tier.
    """
    entry = {
        "run_id": run_id,
        "day": today().isoformat(),
        "project": app.settings["project"] or UNNAMED,
        "tier": work,
        "model": model,
        "evaluator": evaluator,
    }
    app.store.objects.put(f"{OUTSIDE}/{run_id}.json", canonical_json(entry))


def today() -> date:
    """The day on which spending counts now, in UTC."""
    return datetime.now(UTC).date()


class Books:
    """Who has spent on which day; ``refresh`` takes in what other processes have begun since.

    A run counts on the day it was started; what it spends after it was resumed on another day counts on that day.
    """

    def __init__(self, app: App) -> None:
        self._store = app.store
        self._parts: dict[str, list[tuple[str, float]]] = {}
        self._read: set[str] = set()
        self.outside: list[Mapping[str, str]] = []
        self.refresh()

    def refresh(self) -> None:
        """Take in runs, work outside of runs and resumptions that are new."""
        before: str | None = None
        while True:
            page = self._store.metadata.runs(limit=_PAGE, before=before)
            fresh = [record for record in page if record.run_id not in self._parts]
            for record in fresh:
                self._parts[record.run_id] = [(record.created_at[:10], 0.0)]
            if len(fresh) < _PAGE:
                break
            before = page[-1].run_id
        for name in self._new(OUTSIDE):
            entry = json.loads(self._store.objects.get(name))
            self.outside.append(entry)
            self._parts[entry["run_id"]] = [(entry["day"], 0.0)]
        for name in self._new(RESUMED):
            run_id, day = name.removesuffix(".json").split("/")[-2:]
            self._parts[run_id].append((day, float(json.loads(self._store.objects.get(name))["from_usd"])))

    def _new(self, folder: str) -> list[str]:
        names = [name for name in self._store.objects.names(folder) if name not in self._read]
        self._read.update(names)
        return names

    def resume(self, run_id: str) -> None:
        """What a run spends from now on counts today."""
        day = today().isoformat()
        if self._parts[run_id][-1][0] < day:
            spent = canonical_json({"from_usd": self._store.journal.spent_usd(run_id)})
            self._store.objects.put(f"{RESUMED}/{run_id}/{day}.json", spent)
            self.refresh()

    def by_day(self, run_id: str) -> dict[str, float]:
        """What a run has spent on each of its days."""
        parts, total = self._parts[run_id], self._store.journal.spent_usd(run_id)
        ends = [*(from_usd for _, from_usd in parts[1:]), total]
        return {day: end - from_usd for (day, from_usd), end in zip(parts, ends, strict=True)}

    def spent(self, *, since: str = "") -> dict[str, float]:
        """Paid to models on each day from ``since`` on; people are paid elsewhere."""
        found: dict[str, float] = {}
        for run_id, parts in self._parts.items():
            if parts[-1][0] >= since:
                for day, usd in self.by_day(run_id).items():
                    if day >= since:
                        found[day] = found.get(day, 0.0) + usd
        return found


def standing_of_limits(app: App, books: Books | None = None) -> list[dict[str, Any]]:
    """How the limits of ``spending:`` in assay.yaml stand: ``{"limit", "limit_usd", "spent_usd", "state"}``.

    ``state`` is ``ok``, ``alert`` (beyond the share ``alert_at``) or ``stop`` (nothing is left).
    """
    spending = app.settings.spending
    limits = {"day": spending.usd_per_day, "month": spending.usd_per_month} if spending else {}
    if spending is None or not any(limit is not None for limit in limits.values()):
        return []
    now = today().isoformat()
    spent = _spent(app, books, since=now[:7])
    found = []
    for name, limit in limits.items():
        if limit is None:
            continue
        used = sum(usd for day, usd in spent.items() if day.startswith(now if name == "day" else now[:7]))
        state = "stop" if used >= limit else "alert" if used >= spending.alert_at * limit else "ok"
        found.append({"limit": name, "limit_usd": limit, "spent_usd": used, "state": state})
    return found


def _spent(app: App, books: Books | None, *, since: str) -> dict[str, float]:
    try:
        return (books or Books(app)).spent(since=since)
    except StoreError as error:
        if error.code != "store.missing":
            raise
        return {}  # nobody has paid for anything yet


def limit_notes(app: App, *, more_usd: float | None = None) -> list[str]:
    """A sentence on every limit that is at its alert level.

    Args:
        more_usd: What is about to be spent at most: limits that it would bring there are named, too.
    """
    spending, found = app.settings.spending, list[str]()
    for row in standing_of_limits(app):
        limit, spent = row["limit_usd"], row["spent_usd"]
        stands = f"${spent:,.4g} of ${limit:,.4g} are spent"
        if row["state"] == "stop":
            found.append(f"the {row['limit']}'s limit is reached: {stands}, and no further run can be started")
        elif row["state"] == "alert":
            found.append(f"the {row['limit']}'s limit is nearly reached: {stands}")
        elif spending is not None and more_usd is not None and spent + more_usd >= spending.alert_at * limit:
            found.append(
                f"this may cost up to ${more_usd:,.4g}, and of the {row['limit']}'s limit {stands}: beyond"
                f" {spending.alert_at:.0%} it counts as nearly reached"
            )
    return found


def check_limits(app: App) -> list[dict[str, Any]]:
    """How the limits stand, none of them reached.

    Raises:
        BudgetExhaustedError: One is: nothing is started (``cost.limit_reached``).
    """
    standing = standing_of_limits(app)
    for limit in standing:
        if limit["state"] == "stop":
            raise BudgetExhaustedError(
                f"the {limit['limit']}'s limit of ${limit['limit_usd']:,.2f} is reached"
                f" (${limit['spent_usd']:,.2f} are spent); nothing was started",
                hint="raise spending: in assay.yaml, or wait; see: assay cost",
                code="cost.limit_reached",
            )
    return standing


def count_today(app: App, run_id: str) -> None:
    """Have a run that goes on spend on today's account; nothing to do where it was started today."""
    if app.store.metadata.run(run_id).created_at[:10] < today().isoformat():
        Books(app).resume(run_id)


def budget_of(app: App, budget_usd: float | None, *, run_ids: Sequence[str], hint_run: str = "") -> Budget | None:
    """What may be spent: a budget, and no more than the limits of the store leave while others spend, too.

    Args:
        budget_usd: In all, earlier executions included; none when ``None``.
        run_ids: Under which it is, or was, spent; ids of runs that begin later may be added to it.
        hint_run: The run that the error's hint goes on with.

    Returns:
        ``None`` where nothing bounds spending.

    Raises:
        BudgetExhaustedError: A limit is reached: nothing is started (``cost.limit_reached``).
    """
    limits = check_limits(app)
    if budget_usd is None and not limits:
        return None
    spent_usd = sum(app.store.journal.spent_usd(run_id) for run_id in run_ids)
    if limits:
        from assay.app.limited_budget import LimitedBudget

        return LimitedBudget(app, budget_usd=budget_usd, spent_usd=spent_usd, run_ids=run_ids, hint_run=hint_run)
    from assay.gateway.budget import Budget

    assert budget_usd is not None
    return Budget(limit_usd=budget_usd, spent_usd=spent_usd, run_id=hint_run)
