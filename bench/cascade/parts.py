"""SummEval: one system, two systems on shared documents, and inputs that are not there yet."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from assay.engine.cascade.compare import tiered_difference
from assay.engine.cascade.draw import Draw
from assay.engine.cascade.policy import fixed_shares
from assay.engine.cascade.simulate import Replays, draws, replay
from assay.engine.cascade.verdicts import TierVerdicts
from assay.stats.prediction.twophase import two_phase_replays
from assay.stats.scalar import NEW_INPUTS, THESE_ITEMS
from bench.cascade.maps import predicted
from bench.cascade.row import Row, map_tiers
from bench.cascade.summeval import DIMENSIONS, OVERALL, load

ONE_SYSTEM = fixed_shares(3, (1.0, 0.5, 0.2))
"""25 gpt-4 and 10 experts of 50 documents."""


def one_system(replays: int) -> Iterator[Row]:
    """What a user with one system sees: ten experts."""
    data = load()
    for name in (OVERALL, *DIMENSIONS):
        tiers = map_tiers(name, predicted(name, known=False), blend=True, within=True)
        found: list[Replays] = []
        for number, system in enumerate(np.unique(data.systems)):
            rows = np.flatnonzero(data.systems == system)
            if data.experts[name][rows].std() > 0.0:
                found.append(
                    replay([tier.at(rows) for tier in tiers], ONE_SYSTEM, replays=max(replays // 12, 100), seed=number)
                )
        half = float(np.mean([one.half_width for one in found]))
        error = float(np.mean([one.std_dev / one.alone_value.std(ddof=1) for one in found]))
        alone = float(np.mean([one.alone_half.mean() for one in found]))
        covered = float(np.mean([one.coverage for one in found]))
        lonely = float(np.mean([one.alone_coverage for one in found]))
        gated = name == OVERALL
        yield Row(
            figure=f"one system never seen by the map (10 experts, 25 gpt-4 of 50), mean of 12 systems, {name}",
            target="≥ 17 %" if gated else "shown",
            measured=f"{100 * (1 - half / alone):.1f} %, covers {100 * covered:.1f}; standard error"
            f" {100 * abs(1 - error):.1f} % {'smaller' if error < 1 else 'larger'}",
            met=1 - half / alone >= 0.17 if gated else None,
            sloppy=f"experts alone cover {100 * lonely:.1f}",
        )


def pairs(replays: int) -> Iterator[Row]:
    """Differences of two systems: the same documents labelled for both, or each drawn for itself."""
    data = load()
    systems = np.unique(data.systems)
    tiers = map_tiers(OVERALL, predicted(OVERALL, known=False), blend=False)
    rng = np.random.default_rng(3)
    widths: dict[str, list[float]] = {"shared": [], "apart": [], "experts": []}
    inside: dict[str, list[bool]] = {"shared": [], "apart": [], "experts": []}
    for turn in range(max(replays // 8, 200)):
        one, other = rng.choice(systems, size=2, replace=False)
        parts = [_by_document(tiers, data.systems == name, data.documents) for name in (one, other)]
        truth = float(np.mean(np.asarray(parts[1][-1].values)) - np.mean(np.asarray(parts[0][-1].values)))
        for kind, seeds in (("shared", (turn, turn)), ("apart", (turn, turn + 100_000))):
            before, after = (_drawn(part, seed) for part, seed in zip(parts, seeds, strict=True))
            found = tiered_difference(before, after, coordinated=kind == "shared")
            if found.low is not None and found.high is not None:
                widths[kind].append((found.high - found.low) / 2.0)
                inside[kind].append(found.low <= truth <= found.high)
            if kind == "shared":
                plain = [[_nothing(part[0]), _simple(part[-1])] for part in (before, after)]
                alone = tiered_difference(*plain, coordinated=True)
                if alone.low is not None and alone.high is not None:
                    widths["experts"].append((alone.high - alone.low) / 2.0)
                    inside["experts"].append(alone.low <= truth <= alone.high)
    half, rate = ({kind: float(np.mean(one[kind])) for kind in one} for one in (widths, inside))
    yield Row(
        figure="difference of two systems, overall, 10 experts and 25 gpt-4 of 50 each: shared documents",
        target="covers ≥ 93.5",
        measured=f"half-width {half['shared']:.2f}, covers {100 * rate['shared']:.1f};"
        f" drawn apart {half['apart']:.2f}, {100 * rate['apart']:.1f}",
        met=rate["shared"] >= 0.935,
        sloppy=f"experts alone on shared documents {half['experts']:.2f}, {100 * rate['experts']:.1f}",
    )


def _by_document(tiers: list[TierVerdicts], rows: np.ndarray, documents: np.ndarray) -> list[TierVerdicts]:
    order = np.flatnonzero(rows)[np.argsort(documents[rows])]
    return [tier.at(order) for tier in tiers]


def _drawn(tiers: list[TierVerdicts], seed: int) -> list[TierVerdicts]:
    draw = Draw([str(k) for k in range(np.asarray(tiers[-1].values).size)], seed=seed)
    rung, found = draw.everything("free"), [tiers[0]]
    for tier, rate in zip(tiers[1:], (1.0, 0.5, 0.4), strict=True):
        rung = draw.above(rung, tier=tier.name, rate=rate)
        values = np.asarray(tier.values, dtype=np.float64)
        mask = rung.asked if values.ndim == 1 else rung.asked[:, None]
        found.append(TierVerdicts.of(rung, np.where(mask, values, np.nan), prediction=tier.prediction))
    return found


def _nothing(tier: TierVerdicts) -> TierVerdicts:
    zeros = np.zeros(np.asarray(tier.values).shape[0])
    return TierVerdicts(name="none", values=zeros, prediction=zeros)


def _simple(tier: TierVerdicts) -> TierVerdicts:
    return TierVerdicts(name=tier.name, values=tier.values, asked=tier.asked)


def new_inputs(replays: int) -> Iterator[Row]:
    """50 documents drawn from these 50 with replacement, then experts on random items: what holds for further ones."""
    for labels in (20, 50, 100, 200):
        found = _superpopulation(labels, worlds=max(replays // 2, 500))
        yield Row(
            figure=f"new inputs: cluster interval, {labels} experts, gpt-4 on all, overall",
            target="≥ 92.5" if labels >= 50 else "shown",
            measured=f"covers {100 * found['cluster']:.1f}",
            met=found["cluster"] >= 0.925 if labels >= 50 else None,
            sloppy=f"these-items interval {100 * found['finite']:.1f}; clusters ignored {100 * found['iid']:.1f}",
        )


def _superpopulation(labels: int, *, worlds: int) -> dict[str, float]:
    data = load()
    halved = predicted(OVERALL, known=False)
    y = data.experts[OVERALL]
    names, document = np.unique(data.documents, return_inverse=True)
    members = [np.flatnonzero(document == one) for one in range(names.size)]
    rng = np.random.default_rng(labels)
    hits = {"cluster": 0, "finite": 0, "iid": 0}
    seen = 0
    for world in range(worlds):
        chosen = rng.integers(names.size, size=names.size)
        rows = np.concatenate([members[one] for one in chosen])
        cluster = np.concatenate([np.full(members[one].size, place) for place, one in enumerate(chosen)])
        asked = _labelled(rows.size, labels, seed=world)
        options = {"asked": asked, "weights": "fixed"}
        for kind, more in (
            ("cluster", {"estimand": NEW_INPUTS, "clusters": cluster}),
            ("finite", {"estimand": THESE_ITEMS}),
            ("iid", {"estimand": NEW_INPUTS}),
        ):
            found = two_phase_replays(y[rows], [halved.tiers[-1][rows]], **options, **more)
            hits[kind] += int(np.count_nonzero((found.low <= y.mean()) & (y.mean() <= found.high)))
        seen += asked.shape[0]
    return {kind: count / seen for kind, count in hits.items()}


def _labelled(size: int, labels: int, *, seed: int) -> np.ndarray:
    nothing = [np.zeros(size, dtype=bool)] * 2
    policy = fixed_shares(1, (labels / size,))
    return next(iter(draws(policy, nothing, n=size, replays=2, seed=seed)))[0]
