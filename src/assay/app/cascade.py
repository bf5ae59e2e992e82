"""``assay cascade``: plan a budget, replay recorded verdicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from assay.app.cascade_file import FREE, RecordedFile, read_recorded
from assay.app.cascade_map import HalvedMap, halved_map
from assay.core.errors import ConfigError, InvalidInputError, nearest
from assay.engine.cascade.plan import (
    Forecast,
    Knowledge,
    TierPrice,
    forecast,
    from_correlations,
    pilot_knowledge,
)
from assay.engine.cascade.policy import Policy, budget_optimal, fixed_shares, uncertainty
from assay.engine.cascade.simulate import Replays, replay
from assay.engine.cascade.verdicts import Question, TierVerdicts, prepare
from assay.stats.prediction.limits import t_quantiles

PLAN_SCHEMA, SIMULATION_SCHEMA = "assay.cascade_plan/1", "assay.cascade_simulation/1"
FRONTIER = 10
"""Points of the frontier."""
FRONTIER_REPLAYS = 300
FLAT_BIAS = 3.5
Kind = Literal["share", "budget", "uncertainty"]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationRequest:
    """What ``assay cascade simulate`` was asked.

    Attributes:
        tiers: Columns, lowest first; the last is the tier that the figure speaks of.
        shares: Of all items, by tier; 10 % and 1 % by default, but never fewer than 18 top verdicts.
        prices: US dollars a verdict, by tier.
        start: ``cold`` or ``map`` (one half of the documents predicts the other).
    """

    path: str
    tiers: Sequence[str]
    free: Sequence[str] = ()
    shares: Mapping[str, float] = field(default_factory=dict)
    prices: Mapping[str, float] = field(default_factory=dict)
    cluster: str | None = None
    system: str | None = None
    sample_id: str | None = None
    policies: Sequence[Kind] = ("share",)
    start: Literal["cold", "map"] = "cold"
    known_systems: bool = False
    share_scale: bool = False
    replays: int = 2_000
    seed: int = 0
    frontier: bool = False


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
    document = {"schema": PLAN_SCHEMA, **found.to_dict(), "advice": advice}
    document["unit"] = "std_dev" if request.std_dev is None and request.pilot is None else "verdict"
    document["unknown"] = list(unknown)
    for row in document["tiers"]:
        if row["tier"] in unknown:
            row |= {"partial_r2": None, "pays": True if row["tier"] == FREE else None}
    return {**document, "sentences": _plan_sentences(found, request, document)}


def _knowledge(request: PlanRequest, names: Sequence[str]) -> Knowledge:
    if request.pilot is not None:
        recorded = read_recorded(request.pilot, tiers=names, free=request.free)
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
    if request.correlations and request.pilot is None:
        said.append("This rests on guessed correlations; a pilot of 50 items with every verdict would test them.")
    return said


def explained_text(share: float | None) -> str:
    """A share of variance as a table shows it; ``?`` where nothing is known of it."""
    if share is None:
        return "?"
    return f"{share:.1g}" if 0.0 < share < 0.005 else f"{share:.2f}"


def simulate_file(request: SimulationRequest) -> dict[str, Any]:
    """The ``assay.cascade_simulation/1`` document of a file.

    Raises:
        ConfigError: A share or price names no tier, shares rise, or a policy needs a map (``cascade.policy``).
        DataError: As ``read_recorded``.
    """
    recorded = read_recorded(
        request.path,
        tiers=request.tiers,
        free=request.free,
        cluster=request.cluster,
        system=request.system,
        sample_id=request.sample_id,
    )
    for name in (*request.shares, *request.prices):
        if name not in recorded.tiers:
            raise ConfigError(f"there is no tier {name!r}", hint=nearest(name, recorded.tiers), code="cascade.tiers")
    shares = shares_of(recorded, request.shares)
    prices = [request.prices.get(name, 0.0) for name in recorded.tiers]
    halved = _halved(recorded, request)
    tiers = verdict_tiers(recorded, halved if request.start == "map" else None)
    rows = []
    for kind in request.policies:
        found = replay(
            tiers,
            make_policy(kind, recorded, shares, halved),
            replays=request.replays,
            seed=request.seed,
            prices=prices,
            question=Question(share=request.share_scale),
        )
        rows.append({"policy": kind, **figures(found, prices[-1])})
    document: dict[str, Any] = {
        "schema": SIMULATION_SCHEMA,
        "file": recorded.name,
        "items": recorded.n,
        "dropped": recorded.dropped,
        "start": request.start,
        "replays": request.replays,
        "seed": request.seed,
        "speaks_of": recorded.tiers[-1],
        "tiers": _tier_rows(recorded, shares, prices),
        "policies": rows,
    }
    if request.frontier:
        document["frontier"] = frontier(recorded, tiers, prices, seed=request.seed)
    return {**document, "sentences": _simulation_sentences(document)}


def _halved(recorded: RecordedFile, request: SimulationRequest) -> HalvedMap | None:
    if request.start == "cold" and "budget" not in request.policies:
        return None
    filled = prepare(verdict_tiers(recorded, None)).proxies
    return halved_map(
        filled,
        recorded.labels,
        documents=recorded.documents,
        systems=recorded.systems,
        known=request.known_systems,
        seed=request.seed,
    )


def shares_of(recorded: RecordedFile, given: Mapping[str, float]) -> list[float]:
    """Share of every tier: as given, else the defaults, with 18 top verdicts at least."""
    shares = list(fixed_shares(len(recorded.tiers)).shares)
    shares[-1] = max(shares[-1], min(18 / recorded.n, 1.0))
    for place in reversed(range(len(shares) - 1)):
        shares[place] = max(shares[place], shares[place + 1])
    found = [given.get(name, share) for name, share in zip(recorded.tiers, shares, strict=True)]
    try:
        fixed_shares(len(found), found)
    except InvalidInputError as error:
        raise ConfigError(str(error), hint=error.hint, code="cascade.order") from error
    return found


def verdict_tiers(recorded: RecordedFile, halved: HalvedMap | None) -> list[TierVerdicts]:
    """The file's columns as the estimator takes them."""
    names, values = (FREE, *recorded.tiers), (recorded.free, *recorded.verdicts)
    tiers = [TierVerdicts(name=name, values=one) for name, one in zip(names, values, strict=True)]
    everyone = np.ones(recorded.n, dtype=bool)
    tiers = [replace(tier, asked=everyone) for tier in tiers]
    if halved is None:
        return tiers
    lower = [
        replace(tier, prediction=prediction, prior_variance=variance)
        for tier, prediction, variance in zip(tiers[:-1], halved.tiers, halved.variances, strict=True)
    ]
    return [*lower, tiers[-1]]


def make_policy(kind: Kind, recorded: RecordedFile, shares: Sequence[float], halved: HalvedMap | None) -> Policy:
    """The policy of that name on these items."""
    if kind == "share":
        return fixed_shares(len(shares), shares)
    if kind == "budget":
        assert halved is not None
        return budget_optimal(shares, sizes=halved.sizes)
    columns = [recorded.free[:, place] for place in range(recorded.free.shape[1]) if np.ptp(recorded.free[:, place])]
    judges = [*columns, *recorded.verdicts[:-1]] if len(recorded.verdicts) < 3 else recorded.verdicts[:-1]
    if len(judges) < 2:
        raise ConfigError(
            "uncertainty needs two tiers below the top that can disagree", hint="--policy share", code="cascade.policy"
        )
    return uncertainty(shares, verdicts=judges)


def figures(found: Replays, top_price: float) -> dict[str, Any]:
    """What replays say, as JSON."""
    known = found.known
    quantile = t_quantiles(0.95, np.maximum(found.labels - 1.0, 1.0))
    spread = found.spread
    worth = None
    if known.any():
        variance = ((found.high - found.low)[known] / 2.0 / quantile[known]) ** 2
        worth = float(1.0 / (variance.mean() / spread**2 + 1.0 / found.items))
    return {
        "truth": found.truth,
        "labels": float(found.labels.mean()),
        "half_width": found.half_width if known.any() else None,
        "coverage": found.coverage if known.any() else None,
        "narrowing": found.narrowing if known.any() else None,
        "bias": found.bias,
        "bias_z": found.bias_z,
        "alone_half_width": float(found.alone_half.mean()),
        "alone_coverage": found.alone_coverage,
        "below_alone_bias": found.raw - found.truth,
        "without_interval": int(np.count_nonzero(~known)),
        "cost_usd": float(found.cost.mean()),
        "effective_n": worth,
        "top_alone_usd": None if worth is None else worth * top_price,
    }


def _tier_rows(recorded: RecordedFile, shares: Sequence[float], prices: Sequence[float]) -> list[dict[str, Any]]:
    labels = recorded.labels
    rows: list[dict[str, Any]] = [{"tier": FREE, "share": 1.0, "usd": 0.0, "r": None, "missing": 0}]
    for name, values, share, price in zip(recorded.tiers, recorded.verdicts, shares, prices, strict=True):
        both = np.isfinite(values)
        varies = both.sum() > 2 and values[both].std() > 0 and labels[both].std() > 0
        r = float(np.corrcoef(values[both], labels[both])[0, 1]) if varies else None
        rows.append({"tier": name, "share": share, "usd": price, "r": r, "missing": int((~both).sum())})
    return rows


def frontier(
    recorded: RecordedFile, tiers: Sequence[TierVerdicts], prices: Sequence[float], *, seed: int
) -> list[dict[str, Any]]:
    """Cost against half-width: the cascade at its best shares for each budget, and the top tier alone."""
    if not all(price > 0.0 for price in prices):
        return []
    known = pilot_knowledge([recorded.free, *recorded.verdicts[:-1]], recorded.labels)
    named = [TierPrice(name=FREE, usd=0.0)]
    named += [TierPrice(name=name, usd=price) for name, price in zip(recorded.tiers, prices, strict=True)]
    points = []
    for labels in np.geomspace(20, 0.8 * recorded.n, FRONTIER):
        budget = float(labels) * prices[-1]
        spread = float(recorded.labels.std(ddof=1))
        quantile = float(t_quantiles(0.95, np.array([labels - 1.0]))[0])
        alone = quantile * spread * float(np.sqrt(max(1.0 / labels - 1.0 / recorded.n, 0.0)))
        points.append({"curve": f"{recorded.tiers[-1]} alone", "cost_usd": budget, "half_width": alone})
        plan = forecast(named, known, n_items=recorded.n, budget_usd=budget).allocation
        used = [place for place, tier in enumerate(plan.tiers) if tier.n > 0.0]
        shares = [plan.tiers[place].share for place in used[1:]]
        found = replay(
            [tiers[place] for place in used],
            fixed_shares(len(shares), shares),
            replays=FRONTIER_REPLAYS,
            seed=seed,
            prices=[prices[place - 1] for place in used[1:]],
        )
        points.append(
            {"curve": "cascade", "cost_usd": float(found.cost.mean()), "half_width": found.half_width,
             "shares": {plan.tiers[place].name: plan.tiers[place].share for place in used}}
        )  # fmt: skip
    return points


def _simulation_sentences(document: Mapping[str, Any]) -> list[str]:
    top, said = document["speaks_of"], []
    below = document["tiers"][-2]["tier"]
    for row in document["policies"]:
        if row["half_width"] is None:
            said.append(f"{row['policy']}: no replay had an interval.")
            continue
        said.append(
            f"{row['policy']}: {abs(100 * row['narrowing']):.0f} % {'narrower' if row['narrowing'] >= 0 else 'wider'}"
            f" than {row['labels']:.0f} verdicts of {top} alone, covering {100 * row['coverage']:.1f} %"
            f" (alone {100 * row['alone_coverage']:.1f} %)."
        )
        if abs(row["bias_z"]) > FLAT_BIAS:
            said.append(f"{row['policy']}: biased by {row['bias']:+.3g} (z {row['bias_z']:.1f}).")
    first = document["policies"][0]
    said.append(f"{below} on everything, taken as {top}, would be off by {first['below_alone_bias']:+.3g}.")
    if first["top_alone_usd"]:
        said.append(f"It costs ${first['cost_usd']:,.2f}; as narrow with {top} alone: ${first['top_alone_usd']:,.2f}.")
    if document["dropped"]:
        said.append(f"{document['dropped']:,} items without a verdict of {top} were left out.")
    return said
