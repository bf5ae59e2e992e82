"""The frontier as a picture: cost against half-width, sampling the experts alone as its own curve."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from assay.engine.cascade.plan import TierPrice, forecast, pilot_knowledge
from assay.engine.cascade.policy import budget_optimal, fixed_shares
from assay.engine.cascade.simulate import replay
from assay.engine.cascade.verdicts import TierVerdicts
from assay.stats.prediction.limits import t_quantiles
from bench.cascade.maps import TIERS, predicted
from bench.cascade.row import cold_tiers, map_tiers
from bench.cascade.summeval import OVERALL, PRICES, load

WIDE, HIGH = 720, 420
LEFT, RIGHT, TOP, BOTTOM = 70, 20, 40, 60
COLOURS = ("#6b7280", "#c8571b", "#2f7fc1", "#1f8f6b")
DASHES = ("", "8 4", "3 3", "")
LABELS = (15, 20, 30, 45, 70, 110, 170, 260)
"""Expert labels that the budgets would buy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """A name and its points (cost in dollars, half-width)."""

    name: str
    points: list[tuple[float, float]]


def frontier(replays: int) -> list[Curve]:
    """Experts alone, and the cascade cold, with a map for an unknown system and with one for known systems."""
    data = load()
    y = data.experts[OVERALL]
    alone = [
        (n * PRICES["experts"], float(t_quantiles(0.95, np.array([n - 1.0]))[0]) * float(y.std(ddof=1))
         * math.sqrt(1 / n - 1 / y.size))
        for n in LABELS
    ]  # fmt: skip
    curves = [Curve(name="experts alone", points=alone)]
    known, unknown = predicted(OVERALL, known=True), predicted(OVERALL, known=False)
    for name, tiers, sizes in (
        ("cascade, cold", cold_tiers(OVERALL), None),
        ("cascade, map, new system", map_tiers(OVERALL, unknown, blend=True), unknown.sizes),
        ("cascade, map, known systems", map_tiers(OVERALL, known, blend=True), known.sizes),
    ):
        points = [_point(tiers, sizes, n * PRICES["experts"], replays) for n in LABELS]
        curves.append(Curve(name=name, points=points))
    return curves


def _point(tiers: list[TierVerdicts], sizes: np.ndarray | None, budget: float, replays: int) -> tuple[float, float]:
    prices = [0.0, PRICES["gpt-3.5"], PRICES["gpt-4"], PRICES["experts"]]
    names = [*TIERS, "experts"]
    features = [np.asarray(tier.values if tier.prediction is None else tier.prediction) for tier in tiers[:-1]]
    plan = forecast(
        [TierPrice(name=name, usd=price) for name, price in zip(names, prices, strict=True)],
        pilot_knowledge(features, tiers[-1].values),
        n_items=600,
        budget_usd=budget,
    ).allocation
    used = [place for place, tier in enumerate(plan.tiers) if tier.n > 0.0]
    shares = [plan.tiers[place].share for place in used[1:]]
    policy = fixed_shares(len(shares), shares) if sizes is None else budget_optimal(shares, sizes=sizes)
    found = replay(
        [tiers[place] for place in used], policy, replays=replays, seed=3, prices=[prices[place] for place in used[1:]]
    )
    return float(found.cost.mean()), found.half_width


def svg(curves: list[Curve]) -> str:
    """A drawing without a script; both axes are logarithmic."""
    xs = [x for curve in curves for x, _ in curve.points]
    ys = [y for curve in curves for _, y in curve.points]
    x_low, x_high, y_low, y_high = min(xs) * 0.95, max(xs) * 1.05, min(ys) * 0.9, max(ys) * 1.1

    def at(x: float, y: float) -> tuple[float, float]:
        across = math.log(x / x_low) / math.log(x_high / x_low)
        up = math.log(y / y_low) / math.log(y_high / y_low)
        return LEFT + across * (WIDE - LEFT - RIGHT), HIGH - BOTTOM - up * (HIGH - TOP - BOTTOM)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE} {HIGH}" role="img"'
        ' font-family="sans-serif" font-size="13">',
        "<title>Half-width of the 95% interval of the mean expert score against cost</title>",
        f'<rect width="{WIDE}" height="{HIGH}" fill="white"/>',
        f'<text x="{LEFT}" y="22" font-size="15">600 summaries, mean expert score: half-width against cost</text>',
    ]
    for x in (5, 10, 20, 50):
        place, _ = at(x, y_low)
        parts.append(f'<line x1="{place:.1f}" x2="{place:.1f}" y1="{TOP}" y2="{HIGH - BOTTOM}" stroke="#e5e7eb"/>')
        parts.append(f'<text x="{place:.1f}" y="{HIGH - BOTTOM + 18}" text-anchor="middle">${x}</text>')
    for y in (0.05, 0.1, 0.15, 0.2, 0.3, 0.4):
        if y_low < y < y_high:
            _, place = at(x_low, y)
            parts.append(f'<line x1="{LEFT}" x2="{WIDE - RIGHT}" y1="{place:.1f}" y2="{place:.1f}" stroke="#e5e7eb"/>')
            parts.append(f'<text x="{LEFT - 8}" y="{place + 4:.1f}" text-anchor="end">{y:g}</text>')
    parts.append(f'<text x="{(LEFT + WIDE) / 2:.0f}" y="{HIGH - 16}" text-anchor="middle">cost, US dollars</text>')
    parts.append(
        f'<text transform="translate(16 {(TOP + HIGH - BOTTOM) / 2:.0f}) rotate(-90)" text-anchor="middle">'
        "half-width, points of the scale from 1 to 5</text>"
    )
    for place, (curve, colour, dash) in enumerate(zip(curves, COLOURS, DASHES, strict=True)):
        points = " ".join("{:.1f},{:.1f}".format(*at(x, y)) for x, y in curve.points)
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2.5"{dashed}/>')
        line = TOP + 16 + 20 * place
        start = WIDE - RIGHT - 250
        parts.append(
            f'<line x1="{start}" x2="{start + 32}" y1="{line - 4}" y2="{line - 4}" stroke="{colour}"'
            f' stroke-width="2.5"{dashed}/>'
        )
        parts.append(f'<text x="{start + 40}" y="{line}">{curve.name}</text>')
    return "\n".join([*parts, "</svg>", ""])
