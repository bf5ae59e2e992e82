"""“95 % of the accuracy at 3 % of the cost”: gpt-4 as the top tier, for a mean and for a ranking."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from assay.engine.cascade.plan import Knowledge, TierPrice, forecast
from assay.engine.cascade.policy import fixed_shares
from assay.engine.cascade.verdicts import TierVerdicts
from assay.stats.correlation.coefficients import kendall_tau_b, spearman_correlation
from bench.cascade.row import Row, seeded
from bench.cascade.summeval import DIMENSIONS, OVERALL, Floats, load

HALF = 0.2
"""5 % of the range of a scale from 1 to 5."""


def free_r2(name: str) -> float:
    """What free metrics and the system's name explain of gpt-4's verdict, left-one-document-out."""
    data = load()
    y = data.strong[name]
    system = (data.systems[:, None] == np.unique(data.systems)[None, :]).astype(np.float64)
    rows = np.column_stack([system, data.free])
    left = np.empty(y.size)
    for document in np.unique(data.documents):
        out = data.documents == document
        left[out] = rows[out] @ np.linalg.lstsq(rows[~out], y[~out], rcond=None)[0]
    return 1.0 - float(np.square(y - left).mean() / y.var())


def needed(name: str) -> tuple[float, float]:
    """gpt-4 verdicts for the half-width, from very many items: alone, and with free metrics and the system."""
    y = load().strong[name]
    plain = (1.96 * float(y.std(ddof=1)) / HALF) ** 2
    return plain, plain * (1.0 - free_r2(name))


def mean(replays: int) -> Iterator[Row]:
    """Where the claim is true: the mean of many items."""
    data = load()
    for name in (OVERALL, *DIMENSIONS):
        plain, helped = needed(name)
        yield Row(
            figure=f"gpt-4's own mean to ± 5 % of the range, {name}: verdicts; items from which 3 % suffice",
            target="shown",
            measured=f"{helped:.0f} with free metrics and system; {_from(helped):,.0f} items",
            sloppy=f"{plain:.0f} alone; {_from(plain):,.0f} items",
        )
    plain, _ = needed(OVERALL)
    n = 1.0 / (1.0 / plain + 1.0 / 600)
    tiers = [TierVerdicts(name="free", values=np.zeros(600)), TierVerdicts(name="gpt-4", values=data.strong[OVERALL])]
    found = seeded(tiers, fixed_shares(1, (n / 600,)), replays=replays)
    yield Row(
        figure=f"the same, drawn: {n:.0f} of 600 gpt-4 verdicts alone, overall",
        target=f"half-width about {HALF}",
        measured=f"{found.half_width:.3f}, covers {100 * found.coverage:.1f}",
        met=abs(found.half_width - HALF) < 0.015,
    )


def _from(n: float) -> float:
    """Items of which 3 % are that many, finite-population correction included."""
    return n * (1.0 / 0.03 - 1.0)


def ranks(replays: int) -> Iterator[Row]:
    """Where it is false: the order of 12 systems."""
    data = load()
    documents, systems = np.unique(data.documents), np.unique(data.systems)
    table = np.full((documents.size, systems.size), np.nan)
    table[np.searchsorted(documents, data.documents), np.searchsorted(systems, data.systems)] = data.strong[OVERALL]
    turns = min(max(replays // 10, 200), 1_000)
    rng = np.random.default_rng(6)
    for count in (2, 5, 10, 15, 25, 35):
        rho, tau = zip(*(_order(table, rng.permutation(documents.size)[:count]) for _ in range(turns)), strict=True)
        yield Row(
            figure=f"order of 12 systems, {count} of 50 shared documents ({2 * count} %): Spearman, Kendall",
            target="shown",
            measured=f"{np.nanmean(rho):.2f}, {np.nanmean(tau):.2f}",
        )
    rho, tau = zip(
        *(_order(table, rng.integers(documents.size, size=documents.size)) for _ in range(turns)), strict=True
    )
    yield Row(
        figure="the whole set against itself, documents drawn anew (what these 50 documents can say at all)",
        target="shown",
        measured=f"{np.nanmean(rho):.2f}, {np.nanmean(tau):.2f}",
    )


def _order(table: Floats, rows: np.ndarray) -> tuple[float, float]:
    whole, part = table.mean(axis=0), table[rows].mean(axis=0)
    found = (spearman_correlation(part, whole).value, kendall_tau_b(part, whole).value)
    return tuple(np.nan if one is None else float(one) for one in found)  # type: ignore[return-value]


def planner(replays: int) -> Iterator[Row]:
    """The planner's sums, and the tier it advises against."""
    data = load()
    free, small, strong = (TierPrice(name=n, usd=p) for n, p in (("free", 0.0), ("fast", 0.0005), ("strong", 0.003)))
    day = Knowledge(r2=(0.1, 0.4), std_dev=0.8, source="priors")
    sums = [
        forecast([free, TierPrice(name="fast", usd=price), strong], day, n_items=10_000_000, shares=shares, per="day")
        for price, shares in ((0.0005, (0.1, 0.01)), (0.0005, (0.1, 0.015)), (0.001, (0.1, 0.01)))
    ]
    people = TierPrice(name="human", usd=0.30, raters=3, people=True)
    warned = forecast([free, people], Knowledge(r2=(0.1,), std_dev=0.8, source="priors"), n_items=10_000_000,
                      shares=(0.01,), per="day").warnings[0]  # fmt: skip
    figures = [f"${one.allocation.cost:,.0f}" for one in sums]
    yield Row(
        figure="10M items a day: strong on all; 10 % fast and 1 % strong; 1.5 % strong; fast at $.001",
        target="$30,000; $800; $950; $1,300",
        measured=f"${sums[0].whole_usd:,.0f}; {'; '.join(figures)}",
        met=[f"${sums[0].whole_usd:,.0f}", *figures] == ["$30,000", "$800", "$950", "$1,300"],
    )
    yield Row(
        figure="10M items a day, people on 1 %, three raters",
        target="$30,000 to $150,000 said beforehand",
        measured=warned,
        met="$30,000 to $150,000" in warned,
    )
    r2 = {name: float(np.corrcoef(data.small["rts", name], data.strong[name])[0, 1] ** 2) for name in DIMENSIONS}
    found = [
        forecast([free, small, strong], Knowledge(r2=(0.0, one), std_dev=1.0, source="pilot"), n_items=5_000,
                 budget_usd=6.0).allocation
        for one in r2.values()
    ]  # fmt: skip
    refused = [not one.tiers[1].pays for one in found]
    yield Row(
        figure="gpt-3.5 as a proxy of gpt-4 at a sixth of the price: r² by dimension; advised against",
        target="all (r² below .49)",
        measured=f"{', '.join(f'{one:.2f}' for one in r2.values())}; {sum(refused)} of {len(refused)}",
        met=all(refused),
    )
