"""``assay cascade plan``: what a budget buys, before money is spent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from assay.app.cascade_file import FREE, read_recorded
from assay.core.errors import ConfigError, nearest
from assay.engine.cascade.plan import (
    Forecast,
    Knowledge,
    TierPrice,
    forecast,
    from_correlations,
    pilot_knowledge,
)

SCHEMA = "assay.cascade_plan/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRequest:
    """What ``assay cascade plan`` was asked.

    Attributes:
        tiers: Above the free one, lowest first.
        correlations: Of each tier (with those below) with the top's verdict, by name; ``free`` too. A tier without one
            counts as explaining nothing, and nothing is said of whether it pays.
        std_dev: Of the top's verdicts; without it (and a pilot) half-widths are in such standard deviations.
        pilot: File with verdicts of every tier; then no correlations.
        free: Columns of free metrics in the pilot.
    """

    tiers: Sequence[TierPrice]
    items: int
    per: str = "run"
    shares: Sequence[float] | None = None
    budget_usd: float | None = None
    half_width: float | None = None
    correlations: Mapping[str, float] = field(default_factory=dict)
    std_dev: float | None = None
    pilot: str | None = None
    free: Sequence[str] = ()
    new_inputs: bool = False
    force: Sequence[str] = ()


def plan_cascade(request: PlanRequest) -> dict[str, Any]:
    """The ``assay.cascade_plan/1`` document.

    Raises:
        ConfigError: Tiers are missing or twice there (``cascade.tiers``), or the numbers do not make a plan.
    """
    names = [tier.name for tier in request.tiers]
    if not names or len({*names, FREE}) != len(names) + 1:
        raise ConfigError(
            f"the tiers above the free one are {', '.join(names) or 'missing'}",
            hint="--tier fast=0.0005 --tier strong=0.003, cheapest first",
            code="cascade.tiers",
        )
    for name in (*request.force, *request.correlations):
        if name not in (*names, FREE):
            raise ConfigError(f"there is no tier {name!r}", hint=nearest(name, [*names, FREE]), code="cascade.tiers")
    prices = [TierPrice(name=FREE, usd=0.0), *request.tiers]
    found = forecast(
        prices,
        _knowledge(request, names),
        n_items=request.items,
        shares=request.shares,
        budget_usd=request.budget_usd,
        half_width=request.half_width,
        new_inputs=request.new_inputs,
        force=request.force,
        per=request.per,
    )
    return _plan_document(found, request, _unknown(request, names))


def _unknown(request: PlanRequest, names: Sequence[str]) -> list[str]:
    """Tiers below the top of which nobody said anything; the free one only where nobody said anything at all."""
    if request.pilot is not None:
        return []
    below = names[:-1] if request.correlations else (FREE, *names[:-1])
    return [name for name in below if name not in request.correlations]


def _plan_document(found: Forecast, request: PlanRequest, unknown: Sequence[str]) -> dict[str, Any]:
    """The forecast, without a judgement on tiers of which nothing is known."""
    plans = [plan.name for plan in found.allocation.tiers if not plan.pays]
    advice = [said for name, said in zip(plans, found.allocation.advice, strict=True) if name not in unknown]
    document = {"schema": SCHEMA, **found.to_dict(), "advice": advice}
    document["unit"] = "std_dev" if request.std_dev is None and request.pilot is None else "verdict"
    document["unknown"] = list(unknown)
    for row in document["tiers"]:
        if row["tier"] in unknown:
            row |= {"partial_r2": None, "pays": True if row["tier"] == FREE else None}
    return {**document, "sentences": _plan_sentences(found, request, document)}


def _knowledge(request: PlanRequest, names: Sequence[str]) -> Knowledge:
    if request.pilot is not None:
        recorded = read_recorded(request.pilot, tiers={name: (name,) for name in names}, free=request.free)
        return pilot_knowledge([recorded.free, *recorded.verdicts[:-1]], recorded.labels)
    guesses = [request.correlations.get(name, 0.0) for name in (FREE, *names[:-1])]
    return from_correlations(guesses, 1.0 if request.std_dev is None else request.std_dev)


def _plan_sentences(found: Forecast, request: PlanRequest, document: Mapping[str, Any]) -> list[str]:
    allocation, per = found.allocation, " a day" if found.per == "day" else ""
    top, unknown = found.prices[-1].name, document["unknown"]
    unit = f" standard deviations of the verdict of {top}" if document["unit"] == "std_dev" else ""
    said = [
        f"${allocation.cost:,.2f}{per} for a half-width of {allocation.half_width:.3g}{unit};"
        f" {top} on everything costs ${found.whole_usd:,.2f}{per}."
    ]
    if found.cold_half_width > 1.05 * allocation.half_width:
        said.append(
            f"That is with weights from a calibration map; with weights of the same labels about"
            f" {found.cold_half_width:.3g}."
        )
    if allocation.top_alone_cost > 0.0:
        said.append(
            f"As narrow as {allocation.effective_n:,.0f} verdicts of {top} alone,"
            f" which would cost ${allocation.top_alone_cost:,.2f}{per}."
        )
    said += [f"{one[0].upper()}{one[1:]}." for one in document["advice"]]
    said += [
        f"Nothing is known of tier {name}, which counts as explaining nothing: give --correlation {name}=… or --pilot."
        for name in unknown
    ]
    kept = [plan.name for plan in allocation.tiers if plan.name in request.force and not plan.pays]
    said += [f"Tier {name} is kept because --force says so." for name in kept]
    said += [f"{one[0].upper()}{one[1:]}." for one in found.warnings]
    said += [
        f"Tier {low.name} costs more than tier {high.name} above it: are they in order?"
        for low, high in pairwise(found.prices)
        if low.usd_per_item > high.usd_per_item
    ]
    if request.correlations and request.pilot is None:
        said.append("This rests on guessed correlations; a pilot of 50 items with every verdict would test them.")
    return said


def explained_text(share: float | None) -> str:
    """A share of variance as a table shows it; ``?`` where nothing is known of it."""
    if share is None:
        return "?"
    return f"{share:.1g}" if 0.0 < share < 0.005 else f"{share:.2f}"
