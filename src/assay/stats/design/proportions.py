"""Plans for shares: two groups, and two systems on the same samples."""

from __future__ import annotations

import math
from typing import Literal

from assay.core.errors import InvalidInputError
from assay.stats.design.result import Hypothesis, SampleSize
from assay.stats.design.solve import Layout, Question, Spread, solve

ProportionTest = Literal["pooled", "fleiss", "unpooled", "arcsine", "farrington-manning"]


def plan_proportions(
    *,
    baseline: float,
    difference: float | None = None,
    n: int | tuple[int, int] | None = None,
    power: float | None = None,
    ratio: float = 1.0,
    hypothesis: Hypothesis = "two-sided",
    margin: float | None = None,
    alpha: float = 0.05,
    test: ProportionTest | None = None,
    continuity: bool = False,
    towards: Literal["increase", "decrease"] = "increase",
    variance_factor: float = 1.0,
) -> SampleSize:
    """Units, difference, margin or power of a comparison of two independent shares; leave one out to have it solved.

    From 20 % to 22 % at two-sided .05 and power .8 takes 6,510 a group, not the 3,138 that circulate: those have
    power .494.

    Args:
        baseline: True share of the control, in (0, 1). Where lower is better, plan for the complement.
        difference: True share of the treatment minus the control's, absolute (0.02 is two points).
        n: Units of the control, or of both groups.
        power: In (alpha, 1); .8 when it is left out together with another.
        ratio: Units of the treatment for one of the control.
        hypothesis: As in ``plan_means``, likewise ``margin`` and ``alpha``.
        margin: In shares.
        alpha: Error rate of the test.
        test: Formula of the two standard errors: ``fleiss`` (default): pooled under the null, unpooled under the
            truth, which is what the pooled z test does; ``pooled`` twice; ``unpooled`` twice (the Wald test; default
            with a margin above 0); ``arcsine`` (Cohen's h); ``farrington-manning``: the score test with a margin, its
            standard error re-estimated under the null.
        continuity: With Yates' correction: near the power of Fisher's exact test.
        towards: Where a detectable difference is looked for.
        variance_factor: As in ``plan_means``.

    Returns:
        The plan, by the normal approximation: right to about a point of power where every cell expects 10 or more.

    Raises:
        InvalidInputError: As ``plan_means``; a share outside (0, 1); a test that cannot be used with a margin.

    Sources:
        Fleiss, Levin & Paik (2003), Statistical Methods for Rates and Proportions, 3rd ed., chapter 4;
        Chow et al. (2018), chapter 4; Farrington & Manning (1990), Statistics in Medicine 9, 1447-1454.

    Examples:
        >>> [plan_proportions(baseline=0.2, difference=0.02, test=t).n[0] for t in ("pooled", "fleiss", "unpooled")]
        [6511, 6510, 6507]
        >>> round(plan_proportions(baseline=0.2, difference=0.02, n=3_138).power, 3)
        0.494
    """
    if not 0.0 < baseline < 1.0:
        raise InvalidInputError(f"the baseline is {baseline}", hint="a share strictly between 0 and 1: 20 % is 0.2")
    if not (ratio > 0.0 and math.isfinite(ratio) and variance_factor > 0.0 and math.isfinite(variance_factor)):
        raise InvalidInputError(f"ratio {ratio}, variance factor {variance_factor}", hint="both are above 0")
    question = Question(hypothesis=hypothesis, margin=margin, alpha=alpha)
    away = question.needs_margin or bool(margin)
    chosen: ProportionTest = test or ("unpooled" if away else "fleiss")
    if away and chosen not in ("unpooled", "farrington-manning"):
        raise InvalidInputError(
            f"the {chosen} test compares with a difference of 0, but there is a margin",
            hint="test='unpooled' or 'farrington-manning'",
        )
    if chosen not in ("pooled", "fleiss", "unpooled", "arcsine", "farrington-manning") or towards not in (
        "increase",
        "decrease",
    ):
        raise InvalidInputError(f"test {chosen!r}, towards {towards!r}", hint="see the arguments' description")
    if continuity and chosen in ("arcsine", "farrington-manning"):
        raise InvalidInputError(f"{chosen} has no continuity correction", hint="test='fleiss' has one")

    def spread(units: tuple[int, ...], difference: float, margin: float) -> Spread:
        return _spread(chosen, question, baseline, units, difference, margin, continuity, variance_factor)

    return solve(
        Layout(spread=spread, ratio=ratio, most_difference=1.0 - baseline, least_difference=-baseline),
        question,
        n=n,
        difference=difference,
        power=power,
        method=f"{chosen}-z" + ("-continuity" if continuity else ""),
        unit="share",
        inputs={"baseline": baseline, "ratio": ratio, "variance_factor": variance_factor},
        towards=-1.0 if towards == "decrease" and hypothesis == "two-sided" else 1.0,
    )


def _spread(
    test: ProportionTest,
    question: Question,
    baseline: float,
    units: tuple[int, ...],
    difference: float,
    margin: float,
    continuity: bool,
    factor: float,
) -> Spread:
    control, treatment = units
    share = min(max(baseline + difference, 0.0), 1.0)
    harmonic = factor * (1.0 / control + 1.0 / treatment)
    if test == "arcsine":
        distance = 2.0 * (math.asin(math.sqrt(share)) - math.asin(math.sqrt(baseline)))
        return Spread(distance=distance, se_null=math.sqrt(harmonic), se_true=math.sqrt(harmonic))
    mixed = (control * baseline + treatment * share) / (control + treatment)
    pooled = math.sqrt(mixed * (1.0 - mixed) * harmonic)
    unpooled = math.sqrt(factor * (baseline * (1.0 - baseline) / control + share * (1.0 - share) / treatment))
    null, true = {
        "pooled": (pooled, pooled),
        "fleiss": (pooled, unpooled),
        "unpooled": (unpooled, unpooled),
        "farrington-manning": (0.0, unpooled),
    }[test]
    if test == "farrington-manning":
        edge = -margin if question.hypothesis in ("non-inferiority", "equivalence") else margin
        null = _null_error(baseline, share, control, treatment, edge) * math.sqrt(factor)
        if question.hypothesis == "equivalence":
            null = max(null, _null_error(baseline, share, control, treatment, margin) * math.sqrt(factor))
    shift = 0.5 * (1.0 / control + 1.0 / treatment) if continuity else 0.0
    return Spread(distance=difference, se_null=null, se_true=max(true, 1e-12), shift=shift)


def _null_error(baseline: float, share: float, control: int, treatment: int, edge: float) -> float:
    """Standard error at the shares that are likeliest among those whose difference is ``edge``.

    The likelihood of the null is concave in the control's share, so its slope is bisected.
    """
    low, high = max(0.0, -edge), min(1.0, 1.0 - edge)

    def slope(p: float) -> float:
        q = p + edge
        return control * (baseline - p) / (p * (1.0 - p)) + treatment * (share - q) / (q * (1.0 - q))

    for _ in range(100):
        middle = 0.5 * (low + high)
        if middle in (low, high):
            break
        low, high = (middle, high) if slope(middle) > 0.0 else (low, middle)
    p = 0.5 * (low + high)
    q = p + edge
    return math.sqrt(max(p * (1.0 - p) / control + q * (1.0 - q) / treatment, 0.0))


def plan_paired_proportions(
    *,
    discordance: float,
    difference: float | None = None,
    n: int | None = None,
    power: float | None = None,
    alpha: float = 0.05,
    variance_factor: float = 1.0,
) -> SampleSize:
    """Pairs, difference or power of McNemar's test of two systems on the same 0/1-scored samples.

    Only samples on which the systems disagree speak. Two systems at 80 and 82 % need 6,510 samples each when they
    are unrelated, but 1,960 shared ones when they disagree on a tenth.

    Args:
        discordance: True share of samples that exactly one of the two has right, in (0, 1].
        difference: True share gained minus share lost, at most the discordance in size.
        n: Pairs.
        power: In (alpha, 1); .8 when it is left out together with another.
        alpha: Of the two-sided test.
        variance_factor: The ``design_effect`` where samples share a source.

    Returns:
        The plan, by the normal approximation of the unconditional test. The exact test needs about 1/difference more
        pairs.

    Raises:
        InvalidInputError: Not exactly one unknown, a number out of range, or nothing solves it.

    Sources:
        Connor (1987), Biometrics 43, 207-211; Lachin (1992), Statistics in Medicine 11, 1239-1251.

    Examples:
        >>> plan_paired_proportions(discordance=0.1, difference=0.02).n
        (1960,)
    """
    if not 0.0 < discordance <= 1.0:
        raise InvalidInputError(f"the discordance is {discordance}", hint="a share in (0, 1]")
    if not (variance_factor > 0.0 and math.isfinite(variance_factor)):
        raise InvalidInputError(f"variance factor {variance_factor}", hint="a number above 0")

    def spread(units: tuple[int, ...], difference: float, margin: float) -> Spread:
        per_pair = variance_factor / units[0]
        true = math.sqrt(max(discordance - difference**2, 0.0) * per_pair)
        return Spread(distance=difference, se_null=math.sqrt(discordance * per_pair), se_true=max(true, 1e-12))

    return solve(
        Layout(spread=spread, ratio=None, least=1, most_difference=discordance, least_difference=-discordance),
        Question(alpha=alpha),
        n=n,
        difference=difference,
        power=power,
        method="mcnemar-z",
        unit="share",
        inputs={"discordance": discordance, "variance_factor": variance_factor},
    )
