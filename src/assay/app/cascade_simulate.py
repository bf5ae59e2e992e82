"""``assay cascade simulate``: replay recorded verdicts of several tiers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from assay.app.cascade_file import FREE, RecordedFile, read_recorded
from assay.app.cascade_map import MapPredictions, halved_map, map_predictions
from assay.app.judge_calibrate import read_map
from assay.core.errors import ConfigError, DataError, InvalidInputError, nearest
from assay.engine.cascade.plan import TierPrice, forecast, pilot_knowledge
from assay.engine.cascade.policy import Policy, budget_optimal, fixed_shares, uncertainty
from assay.engine.cascade.simulate import Replays, replay, replay_new_inputs
from assay.engine.cascade.verdicts import Question, TierVerdicts
from assay.stats.prediction.limits import t_quantiles
from assay.stats.scalar import NEW_INPUTS, THESE_ITEMS

SCHEMA = "assay.cascade_simulation/1"
FRONTIER = 10
"""Points of the frontier."""
FRONTIER_REPLAYS = 300
FLAT_BIAS = 3.5
Kind = Literal["share", "budget", "uncertainty"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationRequest:
    """What ``assay cascade simulate`` was asked.

    Attributes:
        tiers: Columns of each tier, lowest first; the last is the one that the figure speaks of.
        shares: Of all items, by tier; 10 % and 1 % by default, but never fewer than 18 top verdicts.
        prices: US dollars a verdict, by tier.
        start: ``cold`` or ``map``.
        map_path: File of ``assay judge calibrate``; without it one half of the documents predicts the other.
        known_systems: The map may use what it knows of each item's own system; else it is as if that were new.
        new_inputs: Replay documents drawn anew, for the interval on new inputs.
    """

    path: str
    tiers: Mapping[str, Sequence[str]]
    free: Sequence[str] = ()
    shares: Mapping[str, float] = field(default_factory=dict)
    prices: Mapping[str, float] = field(default_factory=dict)
    cluster: str | None = None
    system: str | None = None
    sample_id: str | None = None
    policies: Sequence[Kind] = ("share",)
    start: Literal["cold", "map"] = "cold"
    map_path: str | None = None
    known_systems: bool = False
    new_inputs: bool = False
    share_scale: bool = False
    replays: int = 2_000
    seed: int = 0
    frontier: bool = False


def simulate_file(request: SimulationRequest) -> dict[str, Any]:
    """The ``assay.cascade_simulation/1`` document of a file.

    Raises:
        ConfigError: A share or price names no tier, shares rise (``cascade.order``), a price is below 0, or too few
            tiers can disagree (``cascade.policy``).
        DataError: As ``read_recorded``; or win rates outside [0, 1] (``cascade.scale``).
    """
    recorded = read_recorded(
        request.path,
        tiers=request.tiers,
        free=request.free,
        cluster=request.cluster,
        system=request.system,
        sample_id=request.sample_id,
    )
    _check(request, recorded)
    shares = shares_of(recorded, request.shares)
    prices = [request.prices.get(name, 0.0) for name in recorded.tiers]
    predicted = _predicted(recorded, request)
    tiers = verdict_tiers(recorded, predicted if request.start == "map" else None)
    estimand = NEW_INPUTS if request.new_inputs else THESE_ITEMS
    rows = []
    for kind in request.policies:
        policy = make_policy(kind, recorded, shares, predicted)
        found = _replays(request, recorded, tiers, policy, prices)
        rows.append({"policy": kind, **figures(found, prices[-1])})
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "file": recorded.name,
        "items": recorded.n,
        "dropped": recorded.dropped,
        "start": request.start,
        "map": request.map_path,
        "known_systems": request.known_systems if request.start == "map" else None,
        "estimand": estimand,
        "replays": request.replays,
        "seed": request.seed,
        "speaks_of": recorded.tiers[-1],
        "tiers": _tier_rows(recorded, shares, prices),
        "policies": rows,
        "win_rate": request.share_scale,
        "unit_interval": _in_unit(recorded),
    }
    if request.frontier:
        document["frontier"] = frontier(recorded, tiers, prices, seed=request.seed)
    return {**document, "sentences": _simulation_sentences(document)}


def _check(request: SimulationRequest, recorded: RecordedFile) -> None:
    for name in (*request.shares, *request.prices):
        if name not in recorded.tiers:
            raise ConfigError(f"there is no tier {name!r}", hint=nearest(name, recorded.tiers), code="cascade.tiers")
    below = [name for name, price in request.prices.items() if not 0.0 <= price < np.inf]
    if below:
        raise ConfigError(
            f"a verdict of {below[0]} costs {request.prices[below[0]]:g}",
            hint="US dollars from 0",
            code="cascade.tiers",
        )
    if request.share_scale and not _in_unit(recorded):
        raise DataError(
            f"verdicts of {recorded.tiers[-1]} lie outside [0, 1]", hint="leave --win-rate out", code="cascade.scale"
        )


def _in_unit(recorded: RecordedFile) -> bool:
    return bool((recorded.labels >= 0.0).all() and (recorded.labels <= 1.0).all())


def _replays(
    request: SimulationRequest,
    recorded: RecordedFile,
    tiers: Sequence[TierVerdicts],
    policy: Policy,
    prices: Sequence[float],
) -> Replays:
    tiers = [*tiers[:-1], replace(tiers[-1], share=request.share_scale)]
    if not request.new_inputs:
        return replay(tiers, policy, replays=request.replays, seed=request.seed, prices=prices)
    return replay_new_inputs(
        tiers,
        policy,
        clusters=recorded.documents,
        replays=request.replays,
        seed=request.seed,
        prices=prices,
        question=Question(estimand=NEW_INPUTS),
    )


def _predicted(recorded: RecordedFile, request: SimulationRequest) -> MapPredictions | None:
    """What a map says of every item; ``None`` where nobody asks one."""
    if request.map_path is not None:
        return map_predictions(read_map(request.map_path), recorded, known_systems=request.known_systems)
    if request.start == "cold" and "budget" not in request.policies:
        return None
    return halved_map(
        [recorded.free, *recorded.verdicts[:-1]],
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


def verdict_tiers(recorded: RecordedFile, predicted: MapPredictions | None) -> list[TierVerdicts]:
    """The file's columns as the estimator takes them."""
    names, values = (FREE, *recorded.tiers), (recorded.free, *recorded.verdicts)
    tiers = [TierVerdicts(name=name, values=one) for name, one in zip(names, values, strict=True)]
    everyone = np.ones(recorded.n, dtype=bool)
    tiers = [replace(tier, asked=everyone) for tier in tiers]
    if predicted is None:
        return tiers
    variances = predicted.within if len(set(recorded.systems or "two")) == 1 else predicted.variances
    lower = [
        replace(tier, prediction=prediction, prior_variance=variance)
        for tier, prediction, variance in zip(tiers[:-1], predicted.tiers, variances, strict=True)
    ]
    return [*lower, tiers[-1]]


def make_policy(
    kind: Kind, recorded: RecordedFile, shares: Sequence[float], predicted: MapPredictions | None
) -> Policy:
    """The policy of that name on these items."""
    if kind == "share":
        return fixed_shares(len(shares), shares)
    if kind == "budget":
        assert predicted is not None
        return budget_optimal(shares, sizes=predicted.sizes)
    columns = [recorded.free[:, place] for place in range(recorded.free.shape[1]) if np.ptp(recorded.free[:, place])]
    said = [one if one.ndim == 1 else one.mean(axis=1) for one in recorded.verdicts[:-1]]
    judges = [*columns, *said] if len(said) < 2 else said
    if len(judges) < 2:
        raise ConfigError(
            "uncertainty needs two tiers below the top that can disagree", hint="--policy share", code="cascade.policy"
        )
    return uncertainty(shares, verdicts=judges)


def figures(found: Replays, top_price: float) -> dict[str, Any]:
    """What replays say, as JSON."""
    known, worth = found.known, found.effective_n
    return {
        "truth": found.truth,
        "labels": float(found.labels.mean()),
        "half_width": found.half_width if known.any() else None,
        "coverage": found.coverage if known.any() else None,
        "narrowing": found.narrowing,
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
        values = values if values.ndim == 1 else values.mean(axis=1)
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
            f"{row['policy']}: {_narrowing_text(row['narrowing'])} {row['labels']:.0f} verdicts of {top} alone,"
            f" covering {100 * row['coverage']:.1f} % (alone {100 * row['alone_coverage']:.1f} %)."
        )
        if abs(row["bias_z"]) > FLAT_BIAS:
            said.append(f"{row['policy']}: biased by {row['bias']:+.3g} (z {row['bias_z']:.1f}).")
    first = document["policies"][0]
    if below != FREE:
        said.append(f"{below} on everything, taken as {top}, would be off by {first['below_alone_bias']:+.3g}.")
    if first["top_alone_usd"]:
        said.append(f"It costs ${first['cost_usd']:,.2f}; as narrow with {top} alone: ${first['top_alone_usd']:,.2f}.")
    if document["unit_interval"] and not document["win_rate"]:
        said.append("All verdicts lie in [0, 1]: where wins are rare, --win-rate has the interval that covers.")
    if document["dropped"]:
        said.append(f"{document['dropped']:,} items without a verdict of {top} were left out.")
    return said


def _narrowing_text(narrowing: float | None) -> str:
    if narrowing is None:
        return "everything was asked, as with"
    return f"{abs(100 * narrowing):.0f} % {'narrower' if narrowing >= 0 else 'wider'} than"
