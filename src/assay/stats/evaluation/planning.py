"""How many samples and how many epochs of each: the cheapest split for a wanted precision, or the best for a budget."""

from __future__ import annotations

import math
from dataclasses import dataclass

from assay.core.errors import InvalidInputError
from assay.stats.special import check_confidence, normal_quantile, t_quantile


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochPlan:
    """A design of an evaluation.

    Attributes:
        samples: How many samples.
        epochs: How many epochs of each.
        half_width: Expected distance of the mean from either bound.
        cost: ``samples · (cost_sample + epochs · cost_epoch)``.
        ideal_epochs: The best number of epochs if it could be a fraction and samples were unlimited.
    """

    samples: int
    epochs: int
    half_width: float
    cost: float
    ideal_epochs: float


def plan_samples_and_epochs(
    *,
    between: float,
    within: float,
    cost_sample: float,
    cost_epoch: float,
    half_width: float | None = None,
    budget: float | None = None,
    samples_available: int | None = None,
    max_epochs: int = 64,
    confidence: float = 0.95,
) -> EpochPlan:
    """The cheapest samples × epochs for a half-width, or the most precise for a budget, from variance components.

    The mean over S samples of m epochs has variance (between + within / m) / S. The best m is
    √(cost_sample / cost_epoch · within / between), whatever the precision; every whole m up to ``max_epochs`` is
    compared, with the t quantile of S - 1 degrees of freedom, so rounding and a limit on samples are taken in.

    Args:
        between: Variance of the samples' true means, at least 0 (``epoch_variance_components``).
        within: Variance of repeating one sample, at least 0.
        cost_sample: Of having one sample (writing, labelling, reading its long prompt once), at least 0.
        cost_epoch: Of one answer to it, above 0, in the same currency.
        half_width: Wanted; give this or ``budget``.
        budget: To spend.
        samples_available: At most so many samples exist.
        max_epochs: At most so many epochs.
        confidence: Two-sided coverage.

    Raises:
        InvalidInputError: Not exactly one goal, a number out of range, or a goal out of reach.

    Sources:
        Cochran (1977), Sampling Techniques, 3rd ed., eq. 10.25 (optimal subsampling).

    Examples:
        >>> plan = plan_samples_and_epochs(between=0.15, within=0.10, cost_sample=4, cost_epoch=1, half_width=0.05)
        >>> plan.samples, plan.epochs, round(plan.ideal_epochs, 2)
        (310, 2, 1.63)
    """
    finite = all(math.isfinite(x) and x >= 0.0 for x in (between, within, cost_sample, cost_epoch))
    if not finite or cost_epoch == 0.0 or between + within == 0.0 or max_epochs < 1:
        raise InvalidInputError(
            f"variances {between} and {within} at costs {cost_sample} and {cost_epoch} cannot be planned",
            hint="variances at least 0 and not both 0, cost_sample at least 0, cost_epoch above 0",
        )
    if samples_available is not None and samples_available < 2:
        raise InvalidInputError(f"{samples_available} samples give no interval", hint="two samples or more")
    check_confidence(confidence)
    ideal = math.sqrt(cost_sample * within / (cost_epoch * between)) if between > 0.0 else math.inf
    plans = []
    for epochs in range(1, max_epochs + 1):
        variance, price = between + within / epochs, cost_sample + epochs * cost_epoch
        samples = _samples(variance, price, half_width, budget, samples_available, confidence)
        if samples is not None:
            reached = t_quantile(0.5 + confidence / 2.0, samples - 1) * math.sqrt(variance / samples)
            plans.append(
                EpochPlan(
                    samples=samples,
                    epochs=epochs,
                    half_width=reached,
                    cost=samples * price,
                    ideal_epochs=max(1.0, ideal),
                )
            )
    if not plans:
        goal = f"half-width {half_width}" if half_width is not None else f"budget {budget}"
        raise InvalidInputError(
            f"no plan up to {max_epochs} epochs reaches {goal}"
            + (f" with {samples_available} samples" if samples_available is not None else ""),
            hint="epochs cannot buy off the variance between samples: relax the goal or find more samples",
        )
    return min(plans, key=lambda plan: (plan.cost, plan.epochs) if budget is None else (plan.half_width, plan.epochs))


def _samples(
    variance: float,
    price: float,
    half_width: float | None,
    budget: float | None,
    available: int | None,
    confidence: float,
) -> int | None:
    """Samples this number of epochs takes or allows; ``None`` when it cannot be done."""
    most = math.inf if available is None else available
    if budget is not None and half_width is None and budget > 0.0:
        affordable = min(most, math.floor(budget / price + 1e-9))
        return int(affordable) if affordable >= 2 else None
    if half_width is None or budget is not None or not half_width > 0.0:
        raise InvalidInputError(f"half_width={half_width} and budget={budget}", hint="give one of them, above 0")
    samples = max(2, math.ceil((normal_quantile(0.5 + confidence / 2.0) / half_width) ** 2 * variance - 1e-9))
    while samples <= most:
        if t_quantile(0.5 + confidence / 2.0, samples - 1) * math.sqrt(variance / samples) <= half_width * (1 + 1e-12):
            return samples
        samples += 1
    return None
