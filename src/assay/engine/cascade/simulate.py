"""Replays of a cascade on recorded verdicts: what the draws alone do to its figure."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from assay.core.errors import InvalidInputError
from assay.engine.cascade.draw import Bools, Floats, choose
from assay.engine.cascade.policy import Policy
from assay.engine.cascade.verdicts import DEFAULT, Question, TierVerdicts, answers, prepare
from assay.stats.prediction.limits import t_quantiles
from assay.stats.prediction.twophase import two_phase_replays
from assay.stats.scalar import NEW_INPUTS

CHUNK_CELLS = 2_000_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Replays:
    """One policy on recorded verdicts, one entry a replay.

    Attributes:
        truth: What the top tier said about every item.
        spread: Standard deviation of its verdicts over the items.
        items: How many there are.
        finite: They are all that the figure speaks of; else it speaks of new ones.
        confidence: Of the intervals.
        value: Estimates.
        low: Bounds; NaN where there was no interval.
        high: Likewise.
        std_error: Likewise.
        labels: Top verdicts used.
        cost: Of each replay, US dollars.
        alone_value: Mean of as many top verdicts drawn at random and used alone.
        alone_half: Half of their t interval.
        raw: Mean verdict of the tier below the top (of all its columns) on all items: what it alone would report.
    """

    truth: float
    spread: float
    items: int
    finite: bool
    confidence: float
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
    def narrowing(self) -> float | None:
        """How much narrower than as many top verdicts alone; ``None`` without an interval, or where all were asked."""
        alone = float(self.alone_half.mean())
        return 1.0 - self.half_width / alone if alone > 0.0 and self.known.any() else None

    @property
    def effective_n(self) -> float | None:
        """As many top verdicts drawn at random and used alone have, on average, the variance of these intervals."""
        known = self.known
        if not known.any():
            return None
        quantile = t_quantiles(self.confidence, np.maximum(self.labels - 1.0, 1.0))
        variance = np.square((self.high - self.low)[known] / 2.0 / quantile[known]).mean()
        return float(1.0 / (variance / self.spread**2 + (1.0 / self.items if self.finite else 0.0)))

    @property
    def bias(self) -> float:
        """Mean error of the estimates."""
        return float(self.value.mean()) - self.truth

    @property
    def bias_z(self) -> float:
        """The same in its own standard errors; 0 where every replay gives one value."""
        if self.std_dev <= 1e-12 * self.spread:
            return 0.0
        return self.bias / (self.std_dev / float(np.sqrt(self.value.size)))

    @property
    def std_dev(self) -> float:
        """Of the estimates over the replays: what the standard errors should be."""
        return float(self.value.std(ddof=1))


def joined(parts: Sequence[Replays]) -> Replays:
    """Replays of all parts, for one truth (several seeds, several worlds)."""
    arrays = ("value", "low", "high", "std_error", "labels", "cost", "alone_value", "alone_half")
    whole: dict[str, Any] = {name: np.concatenate([getattr(one, name) for one in parts]) for name in arrays}
    return replace(parts[0], **whole)


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
    options = ready.options(question)
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
        mean, half = _alone(ready.labels, counts[:, -1], alone, question)
        below = np.asarray(tiers[-2].values, dtype=np.float64)
        parts.append(
            Replays(
                truth=float(labels.mean()),
                spread=float(labels.std(ddof=1)),
                items=labels.size,
                finite=question.estimand != NEW_INPUTS,
                confidence=question.confidence,
                value=found.value,
                low=found.low,
                high=found.high,
                std_error=found.std_error,
                labels=counts[:, -1].astype(np.float64),
                cost=counts @ price,
                alone_value=mean,
                alone_half=half,
                raw=float(np.nanmean(below)),
            )
        )
    return joined(parts)


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


def replay_new_inputs(
    tiers: Sequence[TierVerdicts],
    policy: Policy,
    *,
    clusters: Sequence[Hashable],
    replays: int,
    seed: int,
    prices: Sequence[float] | None = None,
    question: Question = DEFAULT,
) -> Replays:
    """Replays on items that are new: before each draw the documents are drawn anew, with replacement.

    The items recorded stand for all there are, so the truth is their mean.

    Args:
        tiers: As in ``replay``.
        policy: Its scores are those of the items recorded.
        clusters: Document of each item.
        replays: Draws.
        seed: Of both kinds of draw.
        prices: See there.
        question: Estimand and clusters are set here.

    Raises:
        InvalidInputError: As ``replay``; or fewer than two documents.
    """
    codes = {name: place for place, name in enumerate(dict.fromkeys(clusters))}
    document = np.array([codes[one] for one in clusters])
    if len(codes) < 2:
        raise InvalidInputError("new inputs are drawn by document, and there is one", hint="two documents or more")
    members = [np.flatnonzero(document == place) for place in range(len(codes))]
    rng, truth, parts = np.random.default_rng(seed), float(prepare(tiers).labels.mean()), []
    for _ in range(replays):
        chosen = rng.integers(len(members), size=len(members))
        rows = np.concatenate([members[one] for one in chosen])
        drawn = np.repeat(np.arange(chosen.size), [members[one].size for one in chosen])
        found = replay(
            [tier.at(rows) for tier in tiers],
            replace(policy, scores={place: scores[rows] for place, scores in policy.scores.items()}),
            replays=1,
            seed=int(rng.integers(2**63)),
            prices=prices,
            question=replace(question, estimand=NEW_INPUTS, clusters=drawn),
        )
        parts.append(replace(found, truth=truth))
    return joined(parts)


def _alone(labels: Floats, counts: Floats, keys: Floats, question: Question) -> tuple[Floats, Floats]:
    """Mean, and half of the interval, of as many top verdicts drawn at random and used alone."""
    n = np.maximum(counts, 2).astype(np.float64)
    inside = np.empty(keys.shape, dtype=bool)
    np.put_along_axis(inside, np.argsort(keys, axis=1), np.arange(labels.size)[None, :] < n[:, None], axis=1)
    if question.estimand == NEW_INPUTS:
        found = two_phase_replays(
            labels,
            [np.zeros(labels.size)],
            asked=inside[:, None, :],
            weights="fixed",
            estimand=NEW_INPUTS,
            clusters=question.clusters,
            confidence=question.confidence,
        )
        return found.value, (found.high - found.low) / 2.0
    mean = (labels * inside).sum(axis=1) / n
    variance = (np.square(labels - mean[:, None]) * inside).sum(axis=1) / (n - 1.0)
    half = t_quantiles(question.confidence, n - 1.0) * np.sqrt(variance * (1.0 / n - 1.0 / labels.size))
    return mean, half
