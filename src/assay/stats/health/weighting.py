"""One comparison in strata, averaged in five ways that answer five questions."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from assay.core.records import Estimate
from assay.stats.adjustment.cells import StratumTable, weighted_difference
from assay.stats.adjustment.joint import Floats
from assay.stats.adjustment.result import t_estimate
from assay.stats.special import normal_quantile

WEIGHTINGS = ("size", "equal", "control", "mantel-haenszel", "regression")


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightedAnswer:
    """The effect within strata under one weighting.

    Attributes:
        weighting: ``size``: the population as it is (standardisation), the one to report. ``control``: the control's
            mix, what the treatment does to units like those. ``mantel-haenszel``: the most precise where the effect is
            the same in all strata, else of no particular population. ``regression``: the same point from least squares
            with a dummy a stratum, variance HC2. ``equal``: every stratum alike, an invented population.
        weights: Share of each stratum, in the table's order.
        effect: Treatment minus control.
        p_value: Of no effect; ``None`` when unknown.
    """

    weighting: str
    weights: tuple[float, ...]
    effect: Estimate
    p_value: float | None


def weighted_answers(table: StratumTable, *, confidence: float, unit: str) -> tuple[WeightedAnswer, ...]:
    """All five answers in the order of ``WEIGHTINGS``; every cell must hold at least two units.

    Sources:
        Miettinen (1972), American J. of Epidemiology 96, 383-388 (standardisation); Greenland & Robins (1985),
        Biometrics 41, 55-68 (Mantel-Haenszel difference); Angrist (1998), Econometrica 66, 249-288 (what regression
        weights by); MacKinnon & White (1985), J. Econometrics 29, 305-325 (HC2).
    """
    sizes, control = table.counts.sum(axis=1), table.counts[:, 0]
    overlap = table.counts.prod(axis=1) / sizes
    given: tuple[tuple[str, Floats, float | None], ...] = (
        ("size", sizes, float(sizes.sum())),
        ("equal", np.ones(len(sizes)), None),
        ("control", control, float(control.sum())),
        ("mantel-haenszel", overlap, None),
    )
    answers = []
    for name, weights, drawn_from in given:
        effect, p_value = weighted_difference(
            table, weights, weights_drawn_from=drawn_from, confidence=confidence, unit=unit, method=f"{name}-weighted-t"
        )
        answers.append(_answer(name, weights, effect, p_value))
    effect, p_value = _regression(table, confidence=confidence, unit=unit)
    return (*answers, _answer("regression", overlap, effect, p_value))


def _answer(name: str, weights: Floats, effect: Estimate, p_value: float | None) -> WeightedAnswer:
    shares = tuple((weights / weights.sum()).tolist())
    return WeightedAnswer(weighting=name, weights=shares, effect=effect, p_value=p_value)


def _regression(table: StratumTable, *, confidence: float, unit: str) -> tuple[Estimate, float | None]:
    """Outcome on arm and stratum dummies, from the cells: within a cell residuals share their leverage."""
    counts, sizes = table.counts, table.counts.sum(axis=1)
    overlap = counts.prod(axis=1) / sizes
    total = float(overlap.sum())
    value = float(overlap @ (table.means[:, 1] - table.means[:, 0])) / total
    share = counts[:, 1] / sizes
    centred = np.column_stack([-share, 1.0 - share])
    level = (counts * table.means).sum(axis=1) / sizes
    residual = table.means - level[:, None] - value * centred
    squares = table.squares + counts * np.square(residual)
    leverage = 1.0 / sizes[:, None] + np.square(centred) / total
    variance = float((np.square(centred) * squares / (1.0 - leverage)).sum()) / total**2
    freedom = float(sizes.sum()) - len(sizes) - 1.0
    if not table.squares.sum() > 0.0:
        variance = 0.0
    return t_estimate(
        value, variance, freedom, n=int(sizes.sum()), method="regression-HC2-t", confidence=confidence, unit=unit
    )


def mantel_haenszel_odds_ratio(table: StratumTable, *, confidence: float) -> Estimate:
    """Common odds ratio of 0/1 outcomes over strata, treatment to control.

    Sources:
        Mantel & Haenszel (1959), J. National Cancer Institute 22, 719-748; Robins, Breslow & Greenland (1986),
        Biometrics 42, 311-323, for the variance.

    Examples:
        >>> table = StratumTable.from_counts({"small": (234, 270, 81, 87), "large": (55, 80, 192, 263)})
        >>> round(mantel_haenszel_odds_ratio(table, confidence=0.95).value, 4)
        1.4468
    """
    n = table.counts.sum(axis=1)
    control, treatment = (np.rint(table.counts[:, arm] * table.means[:, arm]) for arm in (0, 1))
    lost_control, lost_treatment = table.counts[:, 0] - control, table.counts[:, 1] - treatment
    better, worse = treatment * lost_control / n, lost_treatment * control / n
    r, s = float(better.sum()), float(worse.sum())
    size, unit = int(n.sum()), "odds ratio"
    if r == 0.0 or s == 0.0:
        return Estimate(
            value=None, low=None, high=None, n=size, method="mantel-haenszel", confidence=confidence, unit=unit,
            reason="an arm has only successes or only failures in every stratum, so the odds ratio has no bound",
        )  # fmt: skip
    agree, differ = (treatment + lost_control) / n, (lost_treatment + control) / n
    variance = float((agree * better).sum()) / (2.0 * r * r) + float((differ * worse).sum()) / (2.0 * s * s)
    variance += float((agree * worse + differ * better).sum()) / (2.0 * r * s)
    half = normal_quantile(0.5 + confidence / 2.0) * math.sqrt(variance)
    value = r / s
    return Estimate(
        value=value, low=value * math.exp(-half), high=value * math.exp(half), n=size, method="mantel-haenszel",
        confidence=confidence, unit=unit, std_error=value * math.sqrt(variance),
    )  # fmt: skip
