"""What evaluation has cost and will cost: by day, project, model, tier and evaluator."""

from __future__ import annotations

import calendar
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from assay.app.spending import UNNAMED, Books, standing_of_limits
from assay.app.wiring import App
from assay.core.records import RunRecord
from assay.engine.scout import EVERY

GROUPS = ("day", "project", "model", "tier", "evaluator", "task")
LOOK_BACK_DAYS = 14
MOST_RUNS = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What one run paid for one thing.

    Attributes:
        tier: ``generation``; ``every sample`` for a judge among the scorers; or the rung of the cascade that was paid.
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
        today: In UTC.
    """
    since = (today - timedelta(days=days - 1)).isoformat()
    books = Books(app)
    lines = [line for record in _records(app) for line in _by_day(lines_of(app, record), books.by_day(record.run_id))]
    lines = [line for line in lines + _outside_lines(app, books) if line.day >= since]
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
        "forecast": month_forecast(books.spent(), today),
        "limits": standing_of_limits(app, books),
    }


def lines_of(app: App, record: RunRecord) -> list[Line]:
    """What a run has paid so far: by model, for the judges among its scorers and for the tiers of its cascade.

    What it took from the response table was paid by another run, and what people are paid is not known here.
    """
    common, lines = _common(record), []
    asked, by_model = _asked(record), _by_model(app, record)
    for model, paid in by_model.items():
        its = [(row, part) for row in asked if (part := _part(row, model, by_model)) is not None]
        worth = sum(part for _, part in its)
        if len(its) == 1 and model != record.model and paid is not None:
            its, worth = [(its[0][0], paid)], paid  # what failed, was asked anew or was golden is that judge's, too
        scale = 0.0 if paid is None or worth <= 0.0 else min(1.0, paid / worth)
        for row, part in its:
            cost = None if paid is None or row["cost_usd"] is None else round(scale * part, 9)
            lines.append(Line(**common, model=model, tier=row["tier"], evaluator=row["asks"], cost_usd=cost))
        rest = None if paid is None else round(paid - scale * worth, 9)
        if (rest is None and not its) or (rest or 0.0) > 0.0:
            lines.append(Line(**common, model=model, tier="generation", evaluator=UNNAMED, cost_usd=rest))
    return lines


def _asked(record: RunRecord) -> list[dict[str, Any]]:
    """Judges that a run has asked, among its scorers and in its tiers: ``tier``, ``asks``, ``model``, ``cost_usd``."""
    tiers = (record.summary.get("cascade") or {}).get("these_items", {}).get("tiers", [])[1:]
    found = [
        {
            "tier": tier["tier"],
            "asks": str(tier["asks"]),
            "model": _model_of(tier, record),
            "cost_usd": tier["cost_usd"],
        }
        for tier in tiers
        if tier["asked"] and tier["asks"] != "people"
    ]
    return [{"tier": EVERY, **row} for row in record.summary.get("judges", ())] + found


def _by_day(lines: Sequence[Line], spent: Mapping[str, float]) -> list[Line]:
    """The lines of a run that was resumed on another day, shared out as its spending was."""
    total = sum(spent.values())
    if len(spent) == 1 or total <= 0.0:
        return list(lines)
    return [
        replace(line, day=day, cost_usd=None if line.cost_usd is None else line.cost_usd * usd / total)
        for line in lines
        for day, usd in spent.items()
    ]


def _part(row: Mapping[str, Any], model: str, by_model: Mapping[str, float | None]) -> float | None:
    """What of a judge's cost is one model's; a panel's is shared out as its models were paid. ``None``: not asked."""
    members = row["model"].split("+")
    if model not in members:
        return None
    paid = {name: by_model.get(name) or 0.0 for name in members}
    whole = sum(paid.values())
    return (row["cost_usd"] or 0.0) * (paid[model] / whole if whole > 0.0 else 1.0 / len(paid))


def _outside_lines(app: App, books: Books) -> list[Line]:
    return [
        Line(
            **{key: value for key, value in entry.items() if key != "run_id"},
            task=entry["tier"],
            cost_usd=app.store.journal.spent_usd(entry["run_id"]),
        )
        for entry in books.outside
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


def month_forecast(spent: Mapping[str, float], today: date) -> dict[str, Any]:
    """Spending a day over the last two weeks, and what the month comes to if it goes on like that."""
    from assay.stats.moments import Moments
    from assay.stats.outlook import further_total
    from assay.stats.scalar import mean_estimate

    days = [(today - timedelta(days=back)).isoformat() for back in range(1, LOOK_BACK_DAYS + 1)]
    first = min(spent, default=today.isoformat())
    known = [spent.get(day, 0.0) for day in days if day >= first]
    seen = Moments.of(known)
    month = today.isoformat()[:7]
    so_far = sum(cost for day, cost in spent.items() if day.startswith(month))
    left = calendar.monthrange(today.year, today.month)[1] - today.day
    return {
        "days": len(known),
        "usd_a_day": mean_estimate(seen, confidence=0.95, unit="usd").to_dict(),
        "month_so_far_usd": so_far,
        "month_usd": further_total(seen, further=left, so_far=so_far, unit="usd", each="days").to_dict(),
    }
