"""One candidate segmenter: its strata, the answers under each weighting, and what the uneven mix did."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from assay.core.records import Estimate
from assay.stats.adjustment.cells import StratumTable
from assay.stats.adjustment.result import t_estimate, welch
from assay.stats.health.tables import association, two_by_two_p
from assay.stats.health.weighting import WeightedAnswer, mantel_haenszel_odds_ratio, weighted_answers
from assay.stats.multiplicity.adjusted import holm
from assay.stats.two_sample import newcombe

MOST_LEFT_OUT = 0.05
"""Share of units in strata that lack an arm, above which a standardised effect would speak of other units."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StratumEffect:
    """Treatment minus control in one stratum.

    Attributes:
        counts: Units of control and treatment.
        means: Of control and treatment; ``None`` without units.
        effect: Interval simultaneous over the strata (Bonferroni); Newcombe for 0/1 outcomes, else Welch.
        p_value: Of no effect in the stratum.
        p_adjusted: Holm over the strata.
    """

    name: str
    counts: tuple[int, int]
    means: tuple[float | None, float | None]
    effect: Estimate
    p_value: float | None
    p_adjusted: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Segmentation:
    """What one segmenter, or a pair of them, makes of the overall difference.

    Attributes:
        segmenters: One name, or two for a pair.
        strata: Effects, in the order of the table.
        answers: The effect under each weighting (``weighting.WEIGHTINGS``); empty with a reason.
        odds_ratio: Mantel-Haenszel, for 0/1 outcomes.
        mix_effect: Overall difference minus the standardised one, given the arms' mixes: what the mix made.
        mix_p: That it is 0.
        imbalance_p: That the arms have one mix (Pearson's chi-square).
        p_reversal: Larger of the p-values of overall and standardised effect when their signs are opposite, else 1.
        p_confounding: Larger of ``imbalance_p`` and ``mix_p``: both must hold for a segmenter to confound.
        p_reversal_adjusted: Holm over all candidates that could be judged.
        p_confounding_adjusted: Likewise.
        left_out: Strata without at least ``min_per_arm`` units in both arms.
        left_out_share: Their share of all units.
        reason: Why it could not be judged.
    """

    segmenters: tuple[str, ...]
    strata: tuple[StratumEffect, ...]
    answers: tuple[WeightedAnswer, ...] = ()
    odds_ratio: Estimate | None = None
    mix_effect: Estimate | None = None
    mix_p: float | None = None
    imbalance_p: float | None = None
    p_reversal: float | None = None
    p_confounding: float | None = None
    p_reversal_adjusted: float | None = None
    p_confounding_adjusted: float | None = None
    left_out: tuple[str, ...] = ()
    left_out_share: float = 0.0
    reason: str | None = None

    @property
    def name(self) -> str:
        """For people: ``platform`` or ``platform × country``."""
        return " × ".join(self.segmenters)

    @property
    def standardised(self) -> WeightedAnswer | None:
        """The answer for the population as it is."""
        return next((answer for answer in self.answers if answer.weighting == "size"), None)


def segmentation(
    segmenters: tuple[str, ...],
    table: StratumTable,
    *,
    aggregate: Estimate,
    aggregate_p: float | None,
    min_per_arm: int,
    confidence: float,
    unit: str,
) -> Segmentation:
    """One candidate, before the correction over candidates."""
    strata = _stratum_effects(table, confidence=confidence, unit=unit)
    enough = table.counts.min(axis=1) >= min_per_arm
    left_out = tuple(name for name, keep in zip(table.names, enough, strict=True) if not keep)
    share = float(table.counts[~enough].sum() / table.counts.sum())
    reason = None
    if share > MOST_LEFT_OUT:
        reason = f"{share:.0%} of the units are in strata with fewer than {min_per_arm} units in an arm"
    elif enough.sum() < 2:
        reason = "it has fewer than two strata with units in both arms"
    if reason is not None:
        return Segmentation(
            segmenters=segmenters, strata=strata, left_out=left_out, left_out_share=share, reason=reason
        )
    used = table.kept(enough)
    answers = weighted_answers(used, confidence=confidence, unit=unit)
    mix, mix_p = _mix_effect(used, confidence=confidence, unit=unit)
    imbalance_p = association(used.counts)[2]
    standard = answers[0]
    opposite = (standard.effect.value or 0.0) * (aggregate.value or 0.0) < 0.0
    p_reversal = None
    if standard.p_value is not None and aggregate_p is not None:
        p_reversal = max(standard.p_value, aggregate_p) if opposite else 1.0
    return Segmentation(
        segmenters=segmenters,
        strata=strata,
        answers=answers,
        odds_ratio=mantel_haenszel_odds_ratio(used, confidence=confidence) if used.binary else None,
        mix_effect=mix,
        mix_p=mix_p,
        imbalance_p=imbalance_p,
        p_reversal=p_reversal,
        p_confounding=None if mix_p is None else max(imbalance_p, mix_p),
        left_out=left_out,
        left_out_share=share,
        reason=None if p_reversal is not None else "the outcomes within the strata do not differ",
    )


def _mix_effect(table: StratumTable, *, confidence: float, unit: str) -> tuple[Estimate, float | None]:
    """Plain minus standardised difference: both are sums over cells, so their difference is one too."""
    sizes = table.counts.sum(axis=1)
    own, shared = table.counts / table.counts.sum(axis=0), sizes / sizes.sum()
    factors = (own - shared[:, None]) * np.array([-1.0, 1.0])
    parts = np.square(factors) * table.variances()
    variance = float(parts.sum())
    freedom = variance**2 / float((parts**2 / (table.counts - 1.0)).sum()) if variance > 0.0 else 0.0
    return t_estimate(
        float((factors * table.means).sum()), variance, freedom, n=int(sizes.sum()), method="mix-effect-t",
        confidence=confidence, unit=unit, reason="the arms have exactly one mix, or outcomes do not differ",
    )  # fmt: skip


def _stratum_effects(table: StratumTable, *, confidence: float, unit: str) -> tuple[StratumEffect, ...]:
    level = 1.0 - (1.0 - confidence) / len(table.names)
    found = [_cell_effect(table, row, level, unit) for row in range(len(table.names))]
    adjusted = iter(holm([p for _, p in found if p is not None]))
    effects = []
    for row, (effect, p_value) in enumerate(found):
        old, new = (int(count) for count in table.counts[row])
        effects.append(
            StratumEffect(
                name=table.names[row],
                counts=(old, new),
                means=(float(table.means[row, 0]) if old else None, float(table.means[row, 1]) if new else None),
                effect=effect,
                p_value=p_value,
                p_adjusted=None if p_value is None else next(adjusted),
            )
        )
    return tuple(effects)


def _cell_effect(table: StratumTable, row: int, level: float, unit: str) -> tuple[Estimate, float | None]:
    counts, means = table.counts[row], table.means[row]
    n, method = int(counts.sum()), "newcombe" if table.binary else "welch"
    if counts.min() < (1 if table.binary else 2):
        value = float(means[1] - means[0]) if counts.min() else None
        return Estimate(
            value=value, low=None, high=None, n=n, method=method, confidence=level, unit=unit,
            reason="an arm has too few units in the stratum",
        ), None  # fmt: skip
    if not table.binary:
        return welch(counts, means, table.squares[row], confidence=level, unit=unit)[:2]
    ones = np.rint(counts * means).astype(int)
    p_value, _ = two_by_two_p(int(ones[0]), int(counts[0]), int(ones[1]), int(counts[1]))
    return newcombe(int(ones[0]), int(counts[0]), int(ones[1]), int(counts[1]), confidence=level), p_value
