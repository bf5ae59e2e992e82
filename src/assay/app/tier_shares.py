"""Shares from a budget: what each tier of a run gets, found once before anything is asked, and kept with the run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from assay.core.cascade import PROGRAMMATIC, Cascade, People, Tier
from assay.core.errors import ConfigError
from assay.core.task import Task
from assay.engine.scout import EVERY

if TYPE_CHECKING:
    from assay.engine.cascade.plan import Forecast, TierPrice
    from assay.engine.plan import Plan
    from assay.judges.calibration_map import CalibrationMap

LEAST_VERDICTS = 10
"""Of the top tier; with fewer there is no plan."""


def spread_budget(task: Task, plan: Plan, *, model: str, budget_usd: float | None) -> Task:
    """The task with the shares that make its figure narrowest for the money; itself where its shares are given.

    Args:
        plan: Of the run with every tier asked on everything, which an open cascade is.
        model: Whose answers are judged.
        budget_usd: Of the whole run; what the longest answers may cost is not there for verdicts.

    Raises:
        ConfigError: There is no budget, no map, or a price is unknown (``cascade.policy``); or the budget cannot buy
            ten verdicts of the top tier (``cascade.budget``).
    """
    cascade = task.cascade
    if cascade is None or not cascade.open:
        return task
    from assay.engine.cascade.plan import Knowledge, TierPrice, forecast
    from assay.judges.calibration_map import CalibrationMap

    calibration = cascade.calibration
    if budget_usd is None or not isinstance(calibration, CalibrationMap):
        raise ConfigError(
            "policy: budget has neither the shares of its tiers nor a budget to spread over them",
            hint="budget_usd: 20 (or --budget-usd 20), or share: on every tier above the programmatic one",
            code="cascade.policy",
        )
    prices = [TierPrice(name=PROGRAMMATIC, usd=0.0), *(_price(tier, plan) for tier in cascade.used)]
    if prices[-1].usd_per_item == 0.0:
        raise ConfigError(
            f"a verdict of tier {prices[-1].name} costs nothing: there is no budget to spread",
            hint="share: on every tier above the programmatic one",
            code="cascade.policy",
        )
    left_usd = budget_usd - _besides(plan) - plan.certain * sum(price.usd_per_item for price in prices)
    known = Knowledge(
        r2=tuple(calibration.r2(known_systems=model in calibration.systems)),
        std_dev=calibration.label_std_dev,
        source="map",
        labels=calibration.n,
        features=len(calibration.features),
    )
    try:
        found = forecast(
            prices,
            known,
            n_items=max(plan.samples - plan.certain, 1),
            budget_usd=left_usd,
            force=[tier.name for tier in cascade.used[:-1]],
        )
    except ConfigError as error:
        raise _too_little(prices, plan, budget_usd, left_usd) from error
    return replace(task, cascade=_with_shares(cascade, found, calibration, budget_usd, left_usd))


def _price(tier: Tier, plan: Plan) -> TierPrice:
    """What asking a tier of one sample takes, all epochs together, as the plan has it: replies as long as may be."""
    from assay.engine.cascade.plan import TierPrice

    if isinstance(tier.asks, People):
        return TierPrice(
            name=tier.name, usd=tier.asks.usd_per_label, raters=tier.asks.raters, hours=tier.asks.hours, people=True
        )
    cost = next(row.cost_usd_max for row in plan.judges if row.tier == tier.name)
    if cost is None:
        raise ConfigError(
            f"policy: budget has to know what a verdict of tier {tier.name} costs, and the price of"
            f" {tier.asks.model} is unknown",
            hint="give it under models: in assay.yaml, or share: on every tier",
            code="cascade.policy",
        )
    return TierPrice(name=tier.name, usd=cost / plan.samples)


def _besides(plan: Plan) -> float:
    """What answers and judges of every sample may cost."""
    rest = [plan.cost_usd_max, *(row.cost_usd_max for row in plan.judges if row.tier == EVERY)]
    if None in rest:
        raise ConfigError(
            "policy: budget has to know what answers cost, and a price is unknown",
            hint="give it under models: in assay.yaml, or share: on every tier",
            code="cascade.policy",
        )
    return sum(cost or 0.0 for cost in rest)


def _too_little(prices: list[TierPrice], plan: Plan, budget_usd: float, left_usd: float) -> ConfigError:
    top, least = prices[-1], min(LEAST_VERDICTS, plan.samples)
    besides = budget_usd - left_usd
    paid = f"the answers and {plan.certain:,} certain samples" if plan.certain else "the answers"
    need = besides + least * sum(price.usd_per_item for price in prices)
    return ConfigError(
        f"a budget of {_usd(budget_usd)} cannot buy {least} verdicts of every tier: a verdict of {top.name} may cost"
        f" {_usd(top.usd_per_item)}, {paid} together {_usd(besides)}",
        hint=f"give {_usd(1.05 * need)} or more, shorter answers (generate: {{max_tokens: …}}), or cheaper tiers",
        code="cascade.budget",
    )


def _with_shares(
    cascade: Cascade, found: Forecast, calibration: CalibrationMap, budget_usd: float, left_usd: float
) -> Cascade:
    plans = {plan.name: plan for plan in found.allocation.tiers}
    top = cascade.used[-1]
    shares, why = {}, {}
    for tier in cascade.tiers:
        plan = plans.get(tier.name, plans[top.name])
        shares[tier.name] = min(plan.share, 1.0)
        if tier.name in plans:
            worth = f"explains {plan.partial_r2:.2f} of what is open below" if tier is not top else "the figure's own"
            why[tier.name] = f"{_usd(plan.cost / plan.n)} a verdict at most; {worth}"
    sentences = [
        f"{_usd(left_usd)} of {_usd(budget_usd)} are for verdicts, when answers are as long as they may be",
        f"by a map of {calibration.n:,} labels these shares make the half-width on these items least:"
        f" about {found.allocation.half_width:.2g}",
        *(f"{advice}; it is kept because the task names it" for advice in found.allocation.advice),
    ]
    return cascade.with_shares(shares, why=why, because="; ".join(sentences))


def recorded_shares(task: Task, manifest: Mapping[str, Any]) -> Task:
    """The task with the shares its run was started with, whatever prices and budget are by now."""
    cascade, told = task.cascade, manifest.get("cascade")
    if cascade is None or not cascade.open or told is None:
        return task
    rows = {row["tier"]: row for row in told["tiers"]}
    if list(rows) != [tier.name for tier in cascade.tiers]:
        return task
    shares = {name: float(row["share"]) for name, row in rows.items()}
    why = {name: row.get("why") for name, row in rows.items()}
    return replace(task, cascade=cascade.with_shares(shares, why=why, because=told.get("because")))


def _usd(amount: float) -> str:
    return f"${amount:,.2f}" if abs(amount) >= 0.1 or amount == 0.0 else f"${amount:.2g}"
