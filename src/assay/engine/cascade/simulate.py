"""Replays of a cascade on recorded verdicts: what the draws alone do to its figure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from assay.core.errors import InvalidInputError
from assay.engine.cascade.draw import Bools, Floats, choose
from assay.engine.cascade.policy import Policy
from assay.engine.cascade.verdicts import DEFAULT, Prepared, Question, TierVerdicts, answers, prepare
from assay.stats.prediction.limits import t_quantiles
from assay.stats.prediction.twophase import two_phase_replays

CHUNK_CELLS = 2_000_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Replays:
    """One policy on recorded verdicts, one entry a replay.

    Attributes:
        truth: What the top tier said about every item.
        spread: Standard deviation of its verdicts over the items.
        items: How many there are.
        value: Estimates.
        low: Bounds; NaN where there was no interval.
        high: Likewise.
        std_error: Likewise.
        labels: Top verdicts used.
        cost: Of each replay, US dollars.
        alone_value: Mean of as many top verdicts drawn at random and used alone.
        alone_half: Half of their t interval.
        raw: Mean verdict of the tier below the top on all items: what a judge alone would have reported.
    """

    truth: float
    spread: float
    items: int
    value: Floats
    low: Floats
    high: Floats
    std_error: Floats
    labels: Floats
    cost: Floats
    alone_value: Floats
    alone_half: Floats
    raw: float

    @property
    def known(self) -> Bools:
        """Replays with an interval."""
        return np.isfinite(self.low)

    @property
    def coverage(self) -> float:
        """Share of the intervals that hold the truth."""
        known = self.known
        inside = (self.low[known] <= self.truth) & (self.truth <= self.high[known])
        return float(inside.mean()) if known.any() else float("nan")

    @property
    def alone_coverage(self) -> float:
        """That of top verdicts alone."""
        return float((np.abs(self.alone_value - self.truth) <= self.alone_half).mean())

    @property
    def half_width(self) -> float:
        """Mean half of the intervals."""
        known = self.known
        return float((self.high - self.low)[known].mean() / 2.0) if known.any() else float("nan")

    @property
    def narrowing(self) -> float:
        """How much narrower than as many top verdicts alone."""
        return 1.0 - self.half_width / float(self.alone_half.mean())

    @property
    def bias(self) -> float:
        """Mean error of the estimates."""
        return float(self.value.mean()) - self.truth

    @property
    def bias_z(self) -> float:
        """The same in its own standard errors."""
        return self.bias / (float(self.value.std(ddof=1)) / float(np.sqrt(self.value.size)))

    @property
    def std_dev(self) -> float:
        """Of the estimates over the replays: what the standard errors should be."""
        return float(self.value.std(ddof=1))

    def join(self, other: Replays) -> Replays:
        """Replays of both, for one truth (several seeds)."""
        arrays = ("value", "low", "high", "std_error", "labels", "cost", "alone_value", "alone_half")
        return Replays(
            truth=self.truth,
            spread=self.spread,
            items=self.items,
            raw=self.raw,
            **{name: np.concatenate([getattr(self, name), getattr(other, name)]) for name in arrays},
        )


def replay(
    tiers: Sequence[TierVerdicts],
    policy: Policy,
    *,
    replays: int,
    seed: int,
    prices: Sequence[float] | None = None,
    certain: Bools | None = None,
    question: Question = DEFAULT,
) -> Replays:
    """Draw again and again from verdicts that were recorded on every item.

    Args:
        tiers: Free one first; the last has a verdict on every item. A gap in a tier between is a verdict that could
            not be read: such items go up for certain, as in a live run.
        policy: Shares and scores.
        replays: Draws.
        seed: Of the draws.
        prices: US dollars a verdict of each tier above the free one.
        certain: Items that go up every tier.
        question: As in ``tiered_estimate``; the truth is the mean over these items whatever the estimand.

    Raises:
        InvalidInputError: The top tier lacks a verdict, or the numbers of tiers do not fit.
    """
    ready = prepare(tiers)
    labels, upper = ready.labels, len(tiers) - 1
    if np.isnan(labels).any():
        raise InvalidInputError(
            f"{np.isnan(labels).sum()} items lack a verdict of the top tier", hint="replay items that have one"
        )
    if len(policy.shares) != upper or (prices is not None and len(prices) != upper):
        raise InvalidInputError(
            f"{len(policy.shares)} shares for {upper} tiers above the free one", hint="one for each"
        )
    failed = [~answers(tier, place, tiers)[1] for place, tier in enumerate(tiers)]
    price = np.zeros(upper) if prices is None else np.asarray(prices, dtype=np.float64)
    options = question.options()
    parts = []
    for asked, probability, alone in draws(policy, failed, n=labels.size, replays=replays, seed=seed, certain=certain):
        used = np.array([place - 1 for place in ready.places[1:]])
        found = two_phase_replays(
            labels,
            ready.proxies,
            asked=asked[:, used],
            probabilities=[probability[:, place] for place in used],
            weights=ready.weights,
            prior_variances=ready.prior_variances,
            **options,
        )
        counts = asked.sum(axis=2)
        parts.append(_part(found.value, found.low, found.high, found.std_error, counts, price, alone, ready, tiers))
    whole = parts[0]
    for part in parts[1:]:
        whole = whole.join(part)
    return whole


def draws(
    policy: Policy,
    failed: Sequence[Bools],
    *,
    n: int,
    replays: int,
    seed: int,
    certain: Bools | None = None,
) -> Iterator[tuple[Bools, Floats, Floats]]:
    """Batches of draws: who was asked ``(R, K, N)``, with which overall probability, and keys for labels alone."""
    rng = np.random.default_rng(seed)
    upper = len(policy.shares)
    always = np.zeros(n, dtype=bool) if certain is None else certain
    step = max(1, CHUNK_CELLS // (n * upper))
    for start in range(0, replays, step):
        size = min(step, replays - start)
        asked = np.empty((size, upper, n), dtype=bool)
        probability = np.empty((size, upper, n))
        reached, overall = np.ones((size, n), dtype=bool), np.ones((size, n))
        for place in range(upper):
            sure = reached & (always | failed[place])
            rate = policy.rate(place, reached=np.ones(n, dtype=bool), certain=always | failed[place])
            chosen, conditional = choose(rng.random((size, n)), reached=reached, certain=sure, rate=rate)
            overall = overall * conditional
            asked[:, place], probability[:, place], reached = chosen, overall, chosen
        yield asked, probability, rng.random((size, n))


def _part(
    value: Floats,
    low: Floats,
    high: Floats,
    std_error: Floats,
    counts: Floats,
    price: Floats,
    keys: Floats,
    ready: Prepared,
    tiers: Sequence[TierVerdicts],
) -> Replays:
    labels = ready.labels
    n = np.maximum(counts[:, -1], 2).astype(np.float64)
    order = np.argsort(keys, axis=1)
    drawn = labels[order]
    inside = np.arange(labels.size)[None, :] < n[:, None]
    mean = (drawn * inside).sum(axis=1) / n
    variance = (np.square(drawn - mean[:, None]) * inside).sum(axis=1) / (n - 1.0)
    half = t_quantiles(0.95, n - 1.0) * np.sqrt(variance * (1.0 / n - 1.0 / labels.size))
    below = np.asarray(tiers[-2].values, dtype=np.float64)
    return Replays(
        truth=float(labels.mean()),
        spread=float(labels.std(ddof=1)),
        items=labels.size,
        value=value,
        low=low,
        high=high,
        std_error=std_error,
        labels=counts[:, -1].astype(np.float64),
        cost=counts @ price,
        alone_value=mean,
        alone_half=half,
        raw=float(np.nanmean(below if below.ndim == 1 else below[:, 0])),
    )
