"""Simpson's paradox: an overall difference that turns round once the arms are compared like with like."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Literal

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.adjustment.cells import Labels, StratumTable, label_codes
from assay.stats.adjustment.joint import column, same_length, treated_mask
from assay.stats.adjustment.result import welch
from assay.stats.health.segments import Segmentation, segmentation
from assay.stats.multiplicity.adjusted import holm
from assay.stats.special import check_confidence

Candidate = tuple[tuple[str, ...], StratumTable]


@dataclass(frozen=True, slots=True, kw_only=True)
class SimpsonReport:
    """The overall difference beside what every candidate segmenter makes of it.

    Attributes:
        verdict: ``reversal``: overall and standardised effect differ from 0 in opposite directions, after correction.
            ``confounded``: no reversal, but the arms' mixes differ and move the overall difference. ``none``: neither.
            ``unknown``: no candidate could be judged.
        aggregate: Overall difference of means, treatment minus control, Welch.
        aggregate_p: Of no overall difference.
        explained_by: The candidate that explains a reversal or confounding best: a single segmenter before a pair,
            then the strongest evidence.
        candidates: All that were looked at, in order, pairs last.
        sentence: The finding in words.
        assumed: What the detector cannot see.
    """

    verdict: Literal["reversal", "confounded", "none", "unknown"]
    aggregate: Estimate
    aggregate_p: float | None
    explained_by: Segmentation | None
    candidates: tuple[Segmentation, ...]
    sentence: str
    assumed: tuple[str, ...] = (
        "the segmenters were fixed before the treatment could act: one that it moves must not be held equal",
        "units are independent of each other",
    )


def simpson_check(
    arms: Labels,
    outcomes: npt.ArrayLike,
    segmenters: Mapping[str, Labels],
    *,
    control: Hashable,
    pairs: bool = True,
    level: float = 0.05,
    confidence: float = 0.95,
    min_per_arm: int = 2,
    unit: str = "score",
) -> SimpsonReport:
    """Search segmenters, and pairs of them, for one that turns the overall difference round.

    A reversal is an overall effect and a standardised effect (strata weighted by size) that are *both* significant,
    with opposite signs, after Holm's correction over all candidates. A single stratum of the other sign is none: among
    ten null strata of 100 units an arm, 98 % of data sets have one that is above and one that is below.

    Args:
        arms: Two labels, shape ``(n,)``.
        outcomes: Shape ``(n,)``, finite.
        segmenters: Labels by name, shape ``(n,)`` each; at least one.
        control: Which of the two arms is the baseline.
        pairs: Look at pairs of segmenters too.
        level: Of all candidates together.
        confidence: Of each interval (of a segmenter's strata together).
        min_per_arm: Strata with fewer units in an arm, at least 2, are left out of the standardised effects and named;
            above 5 % of the units the candidate is not judged.
        unit: Of the outcome.

    Returns:
        Memory: a few arrays of length n, one candidate at a time.

    Raises:
        InvalidInputError: There are not two arms with two units each, lengths differ, an outcome is not finite, or
            there is no segmenter.

    Sources:
        Simpson (1951), JRSS B 13, 238-241; Pearl (2014), The American Statistician 68, 8-13, on which answer to take;
        Berger (1982), Technometrics 24, 295-300, for the test of two things at once.

    Examples:
        >>> arms = ["control"] * 200 + ["test"] * 200
        >>> platform = ["iOS"] * 160 + ["Android"] * 40 + ["iOS"] * 40 + ["Android"] * 160
        >>> outcomes = [1] * 128 + [0] * 32 + [1] * 8 + [0] * 32 + [1] * 38 + [0] * 2 + [1] * 64 + [0] * 96
        >>> report = simpson_check(arms, outcomes, {"platform": platform}, control="control")
        >>> report.verdict, round(report.aggregate.value, 3), round(report.explained_by.standardised.effect.value, 3)
        ('reversal', -0.17, 0.175)
    """
    names, codes = label_codes(arms)
    if len(names) != 2 or str(control) not in names:
        raise InvalidInputError(
            f"the arms are {', '.join(names[:5])} and the control is {control}",
            hint="give two arms, one of them the control; test several treatments one by one",
        )
    where = names.index(str(control))
    mask = treated_mask(codes != where)
    values = column(outcomes, "outcomes")
    same_length([values, mask], ["outcomes", "arms"])
    labels = {name: label_codes(given) for name, given in segmenters.items()}
    for name, (_, numbers) in labels.items():
        same_length([values, numbers], ["outcomes", name])
    return _report(
        _candidates(values, mask, labels, pairs=pairs), arms=(names[where], names[1 - where]), level=level,
        confidence=confidence, min_per_arm=min_per_arm, unit=unit,
    )  # fmt: skip


def simpson_from_tables(
    tables: Mapping[str, StratumTable],
    *,
    arms: tuple[str, str] = ("control", "treatment"),
    level: float = 0.05,
    confidence: float = 0.95,
    min_per_arm: int = 2,
    unit: str = "score",
) -> SimpsonReport:
    """``simpson_check`` on cells that were counted elsewhere, one table a candidate.

    Args:
        tables: Of the same units, cut by different segmenters; ``StratumTable.from_counts`` takes successes and units.
        arms: Names of control and treatment, for the sentence.
        level: Of all candidates together.
        confidence: Of each interval.
        min_per_arm: As ``simpson_check``.
        unit: Of the outcome.

    Raises:
        InvalidInputError: The tables hold different numbers of units, or an arm has fewer than two.

    Sources:
        As ``simpson_check``; the example is the worked case of two platforms.

    Examples:
        >>> table = StratumTable.from_counts({"iOS": (7525, 8750, 2200, 2500), "Android": (975, 1250, 6000, 7500)})
        >>> report = simpson_from_tables({"platform": table})
        >>> report.verdict, round(report.aggregate.value, 3), round(report.explained_by.standardised.effect.value, 3)
        ('reversal', -0.03, 0.02)
    """
    totals = [table.counts.sum(axis=0) for table in tables.values()]
    if any((total != totals[0]).any() for total in totals):
        raise InvalidInputError("the tables hold different units", hint="cut the same units by each segmenter")
    candidates = (((name,), table) for name, table in tables.items())
    return _report(candidates, arms=arms, level=level, confidence=confidence, min_per_arm=min_per_arm, unit=unit)


def _candidates(
    values: npt.NDArray[np.float64],
    mask: npt.NDArray[np.bool_],
    labels: Mapping[str, tuple[list[str], npt.NDArray[np.intp]]],
    *,
    pairs: bool,
) -> Iterator[Candidate]:
    for name, (names, codes) in labels.items():
        yield (name,), StratumTable.of_codes(values, mask, names, codes)
    for first, second in combinations(labels, 2) if pairs else ():
        (names, codes), (other_names, other_codes) = labels[first], labels[second]
        both = codes * len(other_names) + other_codes
        distinct, numbers = np.unique(both, return_inverse=True)
        texts = [f"{names[one // len(other_names)]} · {other_names[one % len(other_names)]}" for one in distinct]
        yield (first, second), StratumTable.of_codes(values, mask, texts, numbers.astype(np.intp))


def _report(
    candidates: Iterator[Candidate],
    *,
    arms: tuple[str, str],
    level: float,
    confidence: float,
    min_per_arm: int,
    unit: str,
) -> SimpsonReport:
    check_confidence(confidence)
    if not 0.0 < level < 1.0 or min_per_arm < 2:
        raise InvalidInputError(f"level {level}, min_per_arm {min_per_arm}", hint="0 < level < 1, min_per_arm >= 2")
    found: list[Segmentation] = []
    aggregate, aggregate_p = None, None
    for segmenters, table in candidates:
        if aggregate is None:
            whole = table.pooled()
            if whole.counts.min() < 2:
                raise InvalidInputError("an arm has fewer than two units", hint="give at least two units an arm")
            aggregate, aggregate_p, _ = welch(
                whole.counts[0], whole.means[0], whole.squares[0], confidence=confidence, unit=unit
            )
        found.append(
            segmentation(
                segmenters, table, aggregate=aggregate, aggregate_p=aggregate_p, min_per_arm=min_per_arm,
                confidence=confidence, unit=unit,
            )
        )  # fmt: skip
    if aggregate is None:
        raise InvalidInputError("there is no segmenter to look at", hint="give at least one candidate")
    judged = _corrected(found)
    verdict, best = _verdict(judged, level)
    return SimpsonReport(
        verdict=verdict,
        aggregate=aggregate,
        aggregate_p=aggregate_p,
        explained_by=best,
        candidates=judged,
        sentence=_sentence(verdict, aggregate, best, judged, arms, confidence),
    )


def _corrected(found: Sequence[Segmentation]) -> tuple[Segmentation, ...]:
    reversal = iter(holm([one.p_reversal for one in found if one.p_reversal is not None]))
    confounding = iter(holm([one.p_confounding for one in found if one.p_confounding is not None]))
    return tuple(
        replace(
            one,
            p_reversal_adjusted=None if one.p_reversal is None else next(reversal),
            p_confounding_adjusted=None if one.p_confounding is None else next(confounding),
        )
        for one in found
    )


def _verdict(
    judged: Sequence[Segmentation], level: float
) -> tuple[Literal["reversal", "confounded", "none", "unknown"], Segmentation | None]:
    def simplest(significant: list[Segmentation]) -> Segmentation:
        return min(
            significant,
            key=lambda one: (len(one.segmenters), one.p_reversal or 0.0, -abs(_value(one.mix_effect))),
        )

    reversed_by = [one for one in judged if one.p_reversal_adjusted is not None and one.p_reversal_adjusted <= level]
    if reversed_by:
        return "reversal", simplest(reversed_by)
    confounded = [
        one for one in judged if one.p_confounding_adjusted is not None and one.p_confounding_adjusted <= level
    ]
    if confounded:
        return "confounded", simplest(confounded)
    return ("none" if any(one.reason is None for one in judged) else "unknown"), None


def _value(estimate: Estimate | None) -> float:
    return 0.0 if estimate is None or estimate.value is None else estimate.value


def _sentence(
    verdict: str,
    aggregate: Estimate,
    best: Segmentation | None,
    judged: Sequence[Segmentation],
    arms: tuple[str, str],
    confidence: float,
) -> str:
    overall = f"Overall {arms[1]} is {_side(aggregate)} {arms[0]}"
    unjudged = sum(one.reason is not None for one in judged)
    if best is None or best.standardised is None:
        if verdict == "unknown":
            return f"{overall}; none of {len(judged)} candidates could be judged: {judged[0].name}: {judged[0].reason}."
        left = f" ({unjudged} could not be judged)" if unjudged else ""
        return f"{overall}; none of {len(judged)} candidate segmentations explains it away or turns it round{left}."
    within = f"at equal {best.name} it is {_side(best.standardised.effect)} it"
    gaps = [one for one in best.strata if None not in one.means]
    totals = [sum(one.counts[arm] for one in best.strata) for arm in (0, 1)]
    widest = max(gaps, key=lambda one: abs(one.counts[1] / totals[1] - one.counts[0] / totals[0]))
    elsewhere = [one for one in gaps if one is not widest]
    rest = sum(one.counts[0] * (one.means[0] or 0.0) for one in elsewhere) / sum(one.counts[0] for one in elsewhere)
    why = (
        f"{widest.name} is {widest.counts[0] / totals[0]:.1%} of {arms[0]} and {widest.counts[1] / totals[1]:.1%} of "
        f"{arms[1]}, and there {arms[0]} has {widest.means[0]:.3g} against {rest:.3g} elsewhere"
    )
    if verdict == "reversal":
        return f"{overall}, yet {within}: {best.name} explains the reversal ({why}; {confidence:.0%} intervals)."
    return f"{overall}, and {within}: the arms differ in {best.name} ({why}; {confidence:.0%} intervals)."


def _side(effect: Estimate) -> str:
    """``0.02 (0.01 to 0.03) above``, to follow a subject."""
    if effect.value is None or effect.low is None or effect.high is None:
        return "not comparable with"
    low, high = (effect.low, effect.high) if effect.value >= 0 else (-effect.high, -effect.low)
    interval = f"({low:.3g} to {high:.3g})".replace("-", "\N{MINUS SIGN}")
    return f"{abs(effect.value):.3g} {interval} {'above' if effect.value >= 0 else 'below'}"
