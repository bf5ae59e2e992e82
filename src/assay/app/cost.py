"""What evaluation has cost and will cost: by day, project, model, tier and evaluator, with limits that hold."""

from __future__ import annotations

import calendar
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from assay.app.wiring import App
from assay.core.canonical import canonical_json
from assay.core.errors import BudgetExhaustedError, StoreError
from assay.core.records import RunRecord

GROUPS = ("day", "project", "model", "tier", "evaluator", "task")
LOOK_BACK_DAYS = 14
MOST_RUNS = 100_000
UNNAMED = "(none)"
BOOKED = "spending/outside-runs.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What one run paid for one thing.

    Attributes:
        tier: ``generation``, or the rung of the cascade that was paid.
        evaluator: The judge that was paid; ``None`` for generation.
        cost_usd: ``None`` when a price is unknown.
    """

    day: str
    project: str
    task: str
    model: str
    tier: str
    evaluator: str
    cost_usd: float | None


def cost_report(app: App, *, by: str, days: int, today: date) -> dict[str, Any]:
    """The ``assay cost --json`` document.

    Args:
        by: One of ``GROUPS``.
        days: How far back, today included.
        today: In UTC; a run counts on the day it was started.
    """
    since = (today - timedelta(days=days - 1)).isoformat()
    lines = [line for record in _records(app) for line in lines_of(app, record)] + _booked_lines(app)
    lines = [line for line in lines if line.day >= since]
    groups: dict[str, dict[str, Any]] = {}
    for line in lines:
        row = groups.setdefault(getattr(line, by), {"cost_usd": 0.0, "unpriced": 0})
        row["cost_usd"] += line.cost_usd or 0.0
        row["unpriced"] += line.cost_usd is None
    rows = [{by: name, **row} for name, row in groups.items()]
    rows.sort(key=lambda row: row[by] if by == "day" else (-row["cost_usd"], row[by]))
    return {
        "schema": "assay.cost/1",
        "by": by,
        "since": since,
        "rows": rows,
        "total_usd": sum(line.cost_usd or 0.0 for line in lines),
        "unpriced": sum(line.cost_usd is None for line in lines),
        "forecast": _forecast(app, today),
        "limits": standing_of_limits(app, today),
    }


def lines_of(app: App, record: RunRecord) -> list[Line]:
    """What a run has paid so far: by model, and for the tiers of its cascade.

    What it took from the response table was paid by another run, and what people are paid is not known here.
    """
    common, lines = _common(record), []
    tiers = (record.summary.get("cascade") or {}).get("these_items", {}).get("tiers", [])[1:]
    asked = [tier for tier in tiers if tier["asked"] and tier["asks"] != "people"]
    by_model = _by_model(app, record)
    for model, paid in by_model.items():
        its = {tier["tier"]: part for tier in asked if (part := _part(tier, model, record, by_model)) is not None}
        worth = sum(its.values())
        scale = 0.0 if paid is None or worth <= 0.0 else min(1.0, paid / worth)
        for tier in asked:
            if tier["tier"] not in its:
                continue
            cost = None if paid is None or tier["cost_usd"] is None else round(scale * its[tier["tier"]], 9)
            lines.append(Line(**common, model=model, tier=tier["tier"], evaluator=str(tier["asks"]), cost_usd=cost))
        rest = None if paid is None else round(paid - scale * worth, 9)
        if rest is None or rest > 0.0:
            lines.append(Line(**common, model=model, tier="generation", evaluator=UNNAMED, cost_usd=rest))
    return lines


def _part(tier: Mapping[str, Any], model: str, record: RunRecord, by_model: Mapping[str, float | None]) -> float | None:
    """What of a tier's cost is one model's; a panel's is shared out as its models were paid. ``None``: not asked."""
    members = _model_of(tier, record).split("+")
    if model not in members:
        return None
    paid = {name: by_model.get(name) or 0.0 for name in members}
    whole = sum(paid.values())
    return (tier["cost_usd"] or 0.0) * (paid[model] / whole if whole > 0.0 else 1.0 / len(paid))


def book(app: App, run_id: str, *, work: str, model: str, evaluator: str) -> None:
    """Remember what was paid outside of runs (attacks on judges), so that it is in the sums and the limits.

    Args:
        run_id: Under which the journal has the replies.
        work: Shown as the tier.
    """
    entries = [entry for entry in _booked(app) if entry["run_id"] != run_id]
    entries.append(
        {
            "run_id": run_id,
            "day": datetime.now(UTC).date().isoformat(),
            "project": app.settings["project"] or UNNAMED,
            "tier": work,
            "model": model,
            "evaluator": evaluator,
        }
    )
    app.store.objects.put(BOOKED, canonical_json(entries))


def _booked(app: App) -> list[dict[str, str]]:
    objects = app.store.objects
    found: list[dict[str, str]] = json.loads(objects.get(BOOKED)) if objects.exists(BOOKED) else []
    return found


def _booked_lines(app: App) -> list[Line]:
    return [
        Line(
            **{key: value for key, value in entry.items() if key != "run_id"},
            task=entry["tier"],
            cost_usd=app.store.journal.spent_usd(entry["run_id"]),
        )
        for entry in _booked(app)
    ]


def _common(record: RunRecord) -> dict[str, str]:
    project = record.manifest.get("options", {}).get("project") or UNNAMED
    return {"day": record.created_at[:10], "project": project, "task": record.task}


def _model_of(tier: Mapping[str, Any], record: RunRecord) -> str:
    named = [one for one in record.manifest.get("cascade", {}).get("tiers", ()) if one["tier"] == tier["tier"]]
    return str(named[0].get("model", "people")) if named else UNNAMED


def _by_model(app: App, record: RunRecord) -> dict[str, float | None]:
    """Paid to each model; a run that has not ended is known by what its replies have cost."""
    usage = record.summary.get("usage")
    if record.status == "running" or usage is None:
        return {record.model or UNNAMED: app.store.journal.spent_usd(record.run_id)}
    if "by_model" in usage:
        return {model: counts["cost_usd"] for model, counts in usage["by_model"].items()}
    return {record.model or UNNAMED: usage.get("cost_usd")}


def _records(app: App) -> Sequence[RunRecord]:
    return app.store.metadata.runs(limit=MOST_RUNS)


def _forecast(app: App, today: date) -> dict[str, Any]:
    """Spending a day over the last two weeks, and what the month comes to if it goes on like that."""
    from assay.stats.moments import Moments
    from assay.stats.scalar import mean_estimate

    spent = _spent_by_day(app)
    days = [(today - timedelta(days=back)).isoformat() for back in range(1, LOOK_BACK_DAYS + 1)]
    first = min(spent, default=today.isoformat())
    known = [spent.get(day, 0.0) for day in days if day >= first]
    daily = mean_estimate(Moments.of(known), confidence=0.95, unit="usd")
    month = today.isoformat()[:7]
    so_far = sum(cost for day, cost in spent.items() if day.startswith(month))
    left = calendar.monthrange(today.year, today.month)[1] - today.day
    return {
        "days": len(known),
        "usd_a_day": daily.to_dict(),
        "month_so_far_usd": so_far,
        "month_usd": None if daily.value is None else so_far + left * daily.value,
    }


def _spent_by_day(app: App) -> dict[str, float]:
    """Paid to models; people are paid elsewhere."""
    found: dict[str, float] = {}
    for entry in _booked(app):
        found[entry["day"]] = found.get(entry["day"], 0.0) + app.store.journal.spent_usd(entry["run_id"])
    for record in _records(app):
        cost = app.store.journal.spent_usd(record.run_id)
        found[record.created_at[:10]] = found.get(record.created_at[:10], 0.0) + cost
    return found


def standing_of_limits(app: App, today: date) -> list[dict[str, Any]]:
    """How the limits of ``spending:`` in assay.yaml stand: ``{"limit", "limit_usd", "spent_usd", "state"}``.

    ``state`` is ``ok``, ``alert`` (beyond the share ``alert_at``) or ``stop`` (nothing is left).
    """
    spending = app.settings.spending
    limits = {"day": spending.usd_per_day, "month": spending.usd_per_month} if spending else {}
    if not any(limit is not None for limit in limits.values()):
        return []
    try:
        spent = _spent_by_day(app)
    except StoreError as error:
        if error.code != "store.missing":
            raise
        spent = {}  # nobody has paid for anything yet
    now = today.isoformat()
    found = []
    for name, limit in limits.items():
        if limit is None:
            continue
        used = sum(cost for day, cost in spent.items() if day.startswith(now if name == "day" else now[:7]))
        state = "stop" if used >= limit else "alert" if spending and used >= spending.alert_at * limit else "ok"
        found.append({"limit": name, "limit_usd": limit, "spent_usd": used, "state": state})
    return found


def left_to_spend(app: App, budget_usd: float | None, *, run_id: str | None = None) -> float | None:
    """What a run may spend in all: its budget, and no more than it has spent and the limits of the store leave.

    Raises:
        BudgetExhaustedError: A limit is reached: nothing is started.
    """
    limits = standing_of_limits(app, datetime.now(UTC).date())
    own = app.store.journal.spent_usd(run_id) if run_id is not None and limits else 0.0
    for limit in limits:
        if limit["state"] == "stop":
            raise BudgetExhaustedError(
                f"the {limit['limit']}'s limit of ${limit['limit_usd']:,.2f} is reached"
                f" (${limit['spent_usd']:,.2f} are spent); nothing was started",
                hint="raise spending: in assay.yaml, or wait; see: assay cost",
                code="cost.limit_reached",
            )
    left = [limit["limit_usd"] - limit["spent_usd"] + own for limit in limits]
    return min([*left, *([] if budget_usd is None else [budget_usd])], default=None)
