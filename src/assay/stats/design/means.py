"""Plans for means: two groups, pairs, and metrics that are a ratio of two means."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Literal

from assay.core.errors import InvalidInputError
from assay.stats.design.result import Hypothesis, SampleSize
from assay.stats.design.solve import Layout, Question, Spread, solve


def plan_means(
    *,
    std_dev: float | tuple[float, float],
    difference: float | None = None,
    n: int | tuple[int, int] | None = None,
    power: float | None = None,
    ratio: float = 1.0,
    hypothesis: Hypothesis = "two-sided",
    margin: float | None = None,
    alpha: float = 0.05,
    test: Literal["welch", "pooled", "z"] = "welch",
    variance_factor: float = 1.0,
    unit: str = "score",
) -> SampleSize:
    """Units, difference, margin or power of a comparison of two independent means; leave one out to have it solved.

    Give the difference to learn n, n to learn the smallest detectable difference, both to learn the power.

    Args:
        std_dev: Of one unit, or of one unit of control and treatment; above 0.
        difference: True mean of the treatment minus the control's. Where lower is better, turn the sign.
        n: Units of the control, or of both groups.
        power: In (alpha, 1); .8 when it is left out together with another.
        ratio: Units of the treatment for one of the control; √(sd treatment / sd control)² wastes least.
        hypothesis: ``two-sided``; ``superiority`` by more than ``margin`` (0 allowed); ``non-inferiority``: worse by
            less than ``margin``; ``equivalence``: two one-sided tests against ± ``margin``.
        margin: See there; left out with n and difference given, the smallest one is solved.
        alpha: Error rate of the test: both tails together for ``two-sided``, one tail otherwise.
        test: ``welch``; ``pooled`` (equal variances); ``z`` (variances known, or n large).
        variance_factor: Variance of the estimate over that of plain means of independent units: 1 - ρ² with CUPED
            (``cuped_gain``), the ``design_effect`` with clusters that are not assigned as a whole.
        unit: Of the outcome.

    Returns:
        The plan. Power is exact for normal outcomes with ``pooled``; ``welch`` uses Satterthwaite's degrees of
        freedom at the true variances, an approximation that shows only with a handful of units.

    Raises:
        InvalidInputError: Not exactly one unknown, a number out of range, or nothing solves it.

    Sources:
        Chow, Shao, Wang & Lokhnygina (2018), Sample Size Calculations in Clinical Research, chapter 3;
        Satterthwaite (1946), Biometrics Bulletin 2, 110-114.

    Examples:
        >>> plan_means(std_dev=1.0, difference=0.5).n
        (64, 64)
        >>> round(plan_means(std_dev=1.0, n=1_000).difference, 4)
        0.1254
        >>> plan_means(std_dev=1.0, difference=0.0, margin=0.2, hypothesis="non-inferiority", alpha=0.025).n
        (394, 394)
    """
    control, treatment = std_dev if isinstance(std_dev, tuple) else (std_dev, std_dev)
    _above_zero(std_dev=control, std_dev_treatment=treatment, ratio=ratio, variance_factor=variance_factor)
    if test not in ("welch", "pooled", "z"):
        raise InvalidInputError(f"there is no test {test!r}", hint="welch, pooled or z")
    if test == "pooled" and control != treatment:
        raise InvalidInputError(
            f"a pooled test with standard deviations {control} and {treatment}", hint="test='welch' allows them"
        )

    def spread(units: tuple[int, ...], difference: float, margin: float) -> Spread:
        parts = control**2 / units[0], treatment**2 / units[1]
        variance = sum(parts)
        freedom = math.inf
        if test == "welch":
            freedom = variance**2 / (parts[0] ** 2 / (units[0] - 1) + parts[1] ** 2 / (units[1] - 1))
        elif test == "pooled":
            freedom = units[0] + units[1] - 2
        std_error = math.sqrt(variance * variance_factor)
        return Spread(distance=difference, se_null=std_error, se_true=std_error, df=freedom)

    return solve(
        Layout(spread=spread, ratio=ratio),
        Question(hypothesis=hypothesis, margin=margin, alpha=alpha),
        n=n,
        difference=difference,
        power=power,
        method={"welch": "welch-t", "pooled": "pooled-t", "z": "z"}[test],
        unit=unit,
        inputs={
            "std_dev_control": control,
            "std_dev_treatment": treatment,
            "ratio": ratio,
            "variance_factor": variance_factor,
        },
    )


def plan_paired_means(
    *,
    std_dev: float,
    difference: float | None = None,
    n: int | None = None,
    power: float | None = None,
    correlation: float | None = None,
    hypothesis: Hypothesis = "two-sided",
    margin: float | None = None,
    alpha: float = 0.05,
    variance_factor: float = 1.0,
    unit: str = "score",
) -> SampleSize:
    """Pairs, difference, margin or power of a paired t test; leave one out to have it solved.

    Two systems on the same samples are pairs: what is hard for one is mostly hard for the other, and that part of the
    variance drops out.

    Args:
        std_dev: Of the paired differences; of one system's scores where ``correlation`` is given.
        difference: True mean of candidate minus baseline.
        n: Pairs.
        power: As in ``plan_means``, likewise hypothesis, margin, alpha.
        correlation: Between the two scores of a pair, in (-1, 1): the differences then have
            ``std_dev · √(2(1 - correlation))``.
        hypothesis: As in ``plan_means``.
        margin: As in ``plan_means``.
        alpha: As in ``plan_means``.
        variance_factor: The ``design_effect`` where samples share a source.
        unit: Of the scores.

    Returns:
        The plan; exact for normal differences.

    Raises:
        InvalidInputError: As ``plan_means``.

    Sources:
        Chow et al. (2018), section 3.1; Miller (2024), arXiv:2411.00640, section 5.

    Examples:
        >>> plan_paired_means(std_dev=1.0, difference=0.5).n
        (34,)
        >>> plan_paired_means(std_dev=0.5, correlation=0.5, difference=0.05).total
        787
    """
    _above_zero(std_dev=std_dev, variance_factor=variance_factor)
    deviation = std_dev
    if correlation is not None:
        if not -1.0 < correlation < 1.0:
            raise InvalidInputError(f"correlation is {correlation}", hint="strictly between -1 and 1")
        deviation = std_dev * math.sqrt(2.0 * (1.0 - correlation))

    def spread(units: tuple[int, ...], difference: float, margin: float) -> Spread:
        std_error = deviation * math.sqrt(variance_factor / units[0])
        return Spread(distance=difference, se_null=std_error, se_true=std_error, df=units[0] - 1)

    return solve(
        Layout(spread=spread, ratio=None),
        Question(hypothesis=hypothesis, margin=margin, alpha=alpha),
        n=n,
        difference=difference,
        power=power,
        method="paired-t",
        unit=unit,
        inputs={"std_dev_of_differences": deviation, "variance_factor": variance_factor},
    )


def plan_ratio_metric(
    *,
    mean_numerator: float,
    mean_denominator: float,
    var_numerator: float,
    var_denominator: float,
    covariance: float,
    difference: float | None = None,
    n: int | tuple[int, int] | None = None,
    power: float | None = None,
    ratio: float = 1.0,
    hypothesis: Hypothesis = "two-sided",
    margin: float | None = None,
    alpha: float = 0.05,
    variance_factor: float = 1.0,
    unit: str = "ratio",
) -> SampleSize:
    """Users, difference, margin or power for a metric that is a sum over a sum (clicks per view, cost per answer).

    A user brings a numerator x and a denominator y. The linearised unit (x - R·y) / mean y has the variance of the
    ratio R = mean x / mean y, so the plan is that of a mean (delta method); treating every view as a unit of its own
    ignores that views of one user go together.

    Args:
        mean_numerator: Of x over users.
        mean_denominator: Of y over users, above 0.
        var_numerator: Of x over users, at least 0.
        var_denominator: Of y over users, at least 0.
        covariance: Of x and y over users.
        difference: True ratio of the treatment minus the control's.
        n: Users; the rest as in ``plan_means``.
        power: As in ``plan_means``.
        ratio: As in ``plan_means``.
        hypothesis: As in ``plan_means``.
        margin: As in ``plan_means``.
        alpha: As in ``plan_means``.
        variance_factor: As in ``plan_means``.
        unit: Of the ratio.

    Returns:
        The plan, by the normal approximation; the denominator's mean should be 10 standard errors or more from 0.

    Raises:
        InvalidInputError: As ``plan_means``; the covariance is larger than the variances allow.

    Sources:
        Deng, Knoblich & Lu (2018), KDD, Applying the delta method in metric analytics (arXiv:1803.06336).

    Examples:
        >>> plan_ratio_metric(mean_numerator=1.0, mean_denominator=10.0, var_numerator=2.0, var_denominator=50.0,
        ...                   covariance=6.0, difference=0.005).n
        (8163, 8163)
    """
    _above_zero(mean_denominator=mean_denominator)
    if min(var_numerator, var_denominator) < 0.0 or covariance**2 > var_numerator * var_denominator * (1.0 + 1e-9):
        raise InvalidInputError(
            f"variances {var_numerator} and {var_denominator} with covariance {covariance} cannot be",
            hint="covariance² <= product of the variances, which are at least 0",
        )
    rate = mean_numerator / mean_denominator
    variance = (var_numerator - 2.0 * rate * covariance + rate * rate * var_denominator) / mean_denominator**2
    if not variance > 0.0:
        raise InvalidInputError("every user has the same ratio, so it has no variance", hint="check the moments")
    plan = plan_means(
        std_dev=math.sqrt(variance), difference=difference, n=n, power=power, ratio=ratio, hypothesis=hypothesis,
        margin=margin, alpha=alpha, test="z", variance_factor=variance_factor, unit=unit,
    )  # fmt: skip
    moments = {
        "mean_numerator": mean_numerator,
        "mean_denominator": mean_denominator,
        "var_numerator": var_numerator,
        "var_denominator": var_denominator,
        "covariance": covariance,
    }
    return _renamed(plan, method="delta-z", inputs={**moments, **plan.inputs})


def _renamed(plan: SampleSize, *, method: str, inputs: dict[str, float | str]) -> SampleSize:
    return replace(plan, method=method, inputs=inputs)


def _above_zero(**numbers: float) -> None:
    for name, value in numbers.items():
        if not (math.isfinite(value) and value > 0.0):
            raise InvalidInputError(f"{name} is {value}", hint=f"{name} is a finite number above 0")
