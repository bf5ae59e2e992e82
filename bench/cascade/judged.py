"""SummEval: narrowing, coverage, bias and cost of the cascade against the same number of expert labels alone."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from assay.engine.cascade.policy import Policy, budget_optimal, fixed_shares, uncertainty
from assay.engine.cascade.simulate import Replays, draws
from assay.engine.cascade.verdicts import TierVerdicts
from assay.stats.prediction.limits import t_quantiles
from assay.stats.prediction.twophase import two_phase_replays
from bench.cascade.elsewhere import one_by_one
from bench.cascade.maps import predicted
from bench.cascade.row import Row, both, cold_tiers, map_tiers, percent, seeded, usd
from bench.cascade.summeval import DIMENSIONS, OVERALL, Floats, load

TEN_THREE = fixed_shares(3, (1.0, 0.1, 0.03))
PLACES = (OVERALL, *DIMENSIONS)


def cold(replays: int) -> Iterator[Row]:
    """Weights fitted on the same 18 labels."""
    for name in PLACES:
        found = seeded(cold_tiers(name), TEN_THREE, replays=replays)
        naive = _in_sample(name, n=18, replays=min(replays, 2_000))
        gated = name == OVERALL
        yield Row(
            figure=f"cold, 10 % gpt-4, 3 % experts (60, 18 of 600), {name}: narrowing, coverage",
            target="≥ 12 %, ≥ 94" if gated else "shown",
            measured=f"{both(found)} (experts alone cover {100 * found.alone_coverage:.1f})",
            met=found.narrowing >= 0.12 and found.coverage >= 0.94 if gated else None,
            sloppy=f"weights and variance of the same labels, z: {naive}",
        )
    for labels, share in ((100, 0.28), (200, 0.56)):
        for name in PLACES:
            found = seeded(cold_tiers(name), fixed_shares(3, (1.0, share, labels / 600)), replays=replays)
            yield Row(
                figure=f"cold, {labels} experts, {100 * share:.0f} % gpt-4, {name}",
                target="shown",
                measured=f"{both(found)} (experts alone {100 * found.alone_coverage:.1f})",
            )


def mapped(replays: int) -> Iterator[Row]:
    """Weights of a map fitted on the other 25 documents."""
    for known, least in ((False, 0.24), (True, 0.33)):
        name = "known systems" if known else "left-out system"
        found = seeded(map_tiers(OVERALL, predicted(OVERALL, known=known), blend=True), TEN_THREE, replays=replays)
        plain = seeded(map_tiers(OVERALL, predicted(OVERALL, known=known), blend=False), TEN_THREE, replays=replays)
        yield Row(
            figure=f"map of 25 other documents, {name}, 10/3 %, overall",
            target=f"≥ {100 * least:.0f} %, 94 to 97",
            measured=f"{both(found)}; without the map's variance {both(plain)}",
            met=found.narrowing >= least and 0.94 <= found.coverage <= 0.97,
            sloppy=f"raw gpt-4, λ = 1: {both(_raw(replays))}" if not known else "",
        )
    for name in DIMENSIONS:
        least = 0.16 if name == "fluency" else 0.20
        found = seeded(map_tiers(name, predicted(name, known=True), blend=True), TEN_THREE, replays=replays)
        left = seeded(map_tiers(name, predicted(name, known=False), blend=True), TEN_THREE, replays=replays)
        yield Row(
            figure=f"map of 25 other documents, known systems, 10/3 %, {name}",
            target=f"≥ {100 * least:.0f} %",
            measured=f"{both(found)}; left-out system {both(left)}",
            met=found.narrowing >= least,
        )
    splits = [
        seeded(
            map_tiers(OVERALL, predicted(OVERALL, known=known, split=split), blend=True),
            TEN_THREE,
            replays=max(replays // 5, 400),
        ).narrowing
        for known in (False, True)
        for split in range(6)
    ]
    yield Row(
        figure="the same, overall, other ways to halve the documents (6 each): left-out system; known systems",
        target="shown",
        measured=f"{_range(splits[:6])}; {_range(splits[6:])}",
    )
    for known, name in ((False, "left-out system"), (True, "known systems")):
        alone = one_by_one(known=known, splits=6, replays=max(replays // 5, 400))
        narrowing, coverage = [one.narrowing for one in alone], [one.coverage for one in alone]
        yield Row(
            figure=f"the same, each way of 6 halvings for itself (60 and 18 of 300), {name}: least, mean, most",
            target="shown",
            measured=f"{_spread(narrowing)} %, covers {_spread(coverage)}",
        )


def optimal(replays: int) -> Iterator[Row]:
    """Probabilities that follow the expected size of the residual."""
    shares = (1.0, 1.0, 0.1)
    for name in PLACES:
        halved = predicted(name, known=False)
        tiers = map_tiers(name, halved, blend=False)
        found = seeded(tiers, budget_optimal(shares, sizes=halved.sizes), replays=replays)
        uniform = seeded(tiers, fixed_shares(3, shares), replays=replays)
        data = load()
        unsure = seeded(
            tiers, uncertainty(shares, verdicts=[data.small["rts", name], data.strong[name]]), replays=replays
        )
        low = Policy(name="budget", shares=shares, scores={2: halved.sizes**3}, floor=0.1)
        gated = name == OVERALL
        yield Row(
            figure=f"60 experts, gpt-4 on all, budget-optimal (left-out system), {name}",
            target="≥ 30 %, ≥ 93.5" if gated else "shown",
            measured=f"{both(found)}; uniform {both(uniform)}; uncertainty {both(unsure)}",
            met=found.narrowing >= 0.30 and found.coverage >= 0.935 if gated else None,
            sloppy=f"floor .1, cubed sizes: {both(seeded(tiers, low, replays=replays))}",
        )
    for name in PLACES:
        halved = predicted(name, known=False)
        policy = fixed_shares(3, (1.0, 1.0, 20 / 600))
        found = seeded(map_tiers(name, halved, blend=True), policy, replays=replays)
        plain = seeded(map_tiers(name, halved, blend=False), policy, replays=replays)
        yield Row(
            figure=f"20 experts, gpt-4 on all, blended variance, {name}",
            target="covers ≥ 94",
            measured=both(found),
            met=found.coverage >= 0.94,
            sloppy=f"t of the 20 alone: {both(plain)}",
        )


def biased(replays: int) -> Iterator[Row]:
    """The estimate's error over many draws, and the faults that the same test sees."""
    many = 18_000 if replays >= 10_000 else 2 * replays
    worst, largest = 0.0, 0.0
    for name in PLACES:
        halved = predicted(name, known=False)
        cells = (
            (cold_tiers(name), TEN_THREE),
            (map_tiers(name, halved, blend=True), TEN_THREE),
            (map_tiers(name, halved, blend=False), budget_optimal((1.0, 1.0, 0.1), sizes=halved.sizes)),
        )
        for tiers, policy in cells:
            found = seeded(tiers, policy, replays=many)
            worst = max(worst, abs(found.bias_z))
            largest = max(largest, abs(found.bias) / found.spread)
    halved = predicted("consistency", known=False)
    ignored = _ignored(halved.tiers, halved.sizes, many)
    same = _same_labels(OVERALL, n=18, replays=many)
    yield Row(
        figure=f"bias, worst of {3 * len(PLACES)} cells, {many:,} replays each: largest z of either sign;"
        " in SD of the label",
        target="≤ 3.5; ≤ .03",
        measured=f"{worst:.1f}; {largest:.3f}",
        met=worst <= 3.5 and largest <= 0.03,
        sloppy=f"weights ignored (consistency): z {ignored:.0f}; weights of the labels they correct: z {same:.0f}",
    )


def cost(replays: int) -> Iterator[Row]:
    """What the interval would have cost with experts alone."""
    halved = predicted(OVERALL, known=False)
    prices = usd("gpt-3.5", "gpt-4", "experts")
    found = seeded(map_tiers(OVERALL, halved, blend=False), TEN_THREE, replays=replays, prices=prices)
    plain = found.alone_half.mean() / float(t_quantiles(0.95, np.array([17.0]))[0])
    wanted = plain**2 * (found.half_width / float(found.alone_half.mean())) ** 2 / found.spread**2
    worth = 1.0 / (wanted + 1.0 / 600)
    alone = worth * prices[-1]
    share = float(found.cost.mean()) / alone
    yield Row(
        figure="cost at the width of experts alone (left-out system, 18/60, gpt-3.5 on all)",
        target="≤ 65 %",
        measured=f"{percent(share, 0)} (${found.cost.mean():.2f} against ${alone:.2f} for {worth:.0f} experts;"
        f" {percent(float(found.cost.mean()) / 180.0)} of experts on all)",
        met=share <= 0.65,
    )
    strong = predicted(OVERALL, known=False, tiers=("free", "gpt-4"))
    tiers = map_tiers(OVERALL, halved, blend=False)
    lean = [tiers[0], tiers[2], tiers[3]]
    lean = [
        TierVerdicts(name=one.name, values=one.values, prediction=prediction)
        for one, prediction in zip(lean, (*strong.tiers, None), strict=True)
    ]
    less = seeded(lean, fixed_shares(2, (0.1, 0.03)), replays=replays, prices=usd("gpt-4", "experts"))
    yield Row(
        figure="the same without gpt-3.5 (free metrics and 60 gpt-4)",
        target="shown",
        measured=f"{both(less)}, ${less.cost.mean():.2f}",
    )


def _in_sample(name: str, *, n: int, replays: int) -> str:
    """Least squares on the labels it corrects, residual variance of the same labels, normal quantile."""
    value, error, alone = _same(name, n=n, replays=replays)
    truth = load().experts[name].mean()
    covered = np.abs(value - truth) <= 1.96 * error
    return f"“{100 * (1 - (1.96 * error).mean() / alone):.0f} %”, covers {100 * covered.mean():.1f}"


def _same_labels(name: str, *, n: int, replays: int) -> float:
    value, _, _ = _same(name, n=n, replays=replays)
    return float((value.mean() - load().experts[name].mean()) / (value.std(ddof=1) / np.sqrt(value.size)))


def _same(name: str, *, n: int, replays: int) -> tuple[Floats, Floats, float]:
    """Estimates and errors of the short cut, and the mean half-width of labels alone."""
    data = load()
    y = data.experts[name]
    rows = np.column_stack([np.ones(y.size), data.free, data.small["rts", name], data.strong[name]])
    rng = np.random.default_rng(5)
    values, errors, alone = [], [], []
    for _ in range(replays):
        asked = rng.permutation(y.size)[:60]
        labelled = asked[:n]
        low = np.linalg.lstsq(rows[labelled, :-1], y[labelled], rcond=None)[0]
        high = np.linalg.lstsq(rows[labelled], y[labelled], rcond=None)[0]
        m0, m1 = rows[:, :-1] @ low, rows @ high
        values.append(m0.mean() + (m1 - m0)[asked].mean() + (y - m1)[labelled].mean())
        errors.append(
            np.sqrt(
                (y - m1)[labelled].var(ddof=1) * (1 / n - 1 / 60)
                + (y - m0)[labelled].var(ddof=1) * (1 / 60 - 1 / y.size)
            )
        )
        alone.append(np.sqrt(y[labelled].var(ddof=1) * (1 / n - 1 / y.size)))
    half = float(t_quantiles(0.95, np.array([n - 1.0]))[0]) * float(np.mean(alone))
    return np.array(values), np.array(errors), half


def _ignored(tiers: tuple[Floats, ...], sizes: Floats, replays: int) -> float:
    """Neyman's draw read as if it had been a simple one."""
    y = load().experts["consistency"]
    policy = Policy(name="budget", shares=(0.1,), scores={0: sizes})
    nothing = [np.zeros(y.size, dtype=bool)] * 2
    values = [
        two_phase_replays(y, [tiers[-1]], asked=asked, weights="fixed").value
        for asked, _, _ in draws(policy, nothing, n=y.size, replays=replays, seed=4)
    ]
    found = np.concatenate(values)
    return float((found.mean() - y.mean()) / (found.std(ddof=1) / np.sqrt(found.size)))


def _raw(replays: int) -> Replays:
    """gpt-4 taken as the label, its level corrected and nothing else."""
    data = load()
    tiers = map_tiers(OVERALL, predicted(OVERALL, known=False), blend=False)
    raw = TierVerdicts(name="gpt-4", values=data.strong[OVERALL], prediction=data.strong[OVERALL])
    return seeded([raw, tiers[-1]], fixed_shares(1, (0.03,)), replays=replays)


def _spread(values: list[float]) -> str:
    return " / ".join(f"{100 * one:.1f}" for one in (min(values), float(np.mean(values)), max(values)))


def _range(values: list[float]) -> str:
    return f"{100 * min(values):.1f} to {100 * max(values):.1f} %"
