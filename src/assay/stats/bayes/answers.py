"""What a Bayesian comparison is asked and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.bayes.laws import Law
from assay.stats.bayes.priors import Prior
from assay.stats.special import check_confidence

PEEKING = (
    "P(better) and expected loss are not error-controlled under repeated looks: stopping at P > .95 declares a false "
    "winner in 14 % of experiments with 5 looks and 31 % with 100"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BayesArm:
    """One arm.

    Attributes:
        estimate: Posterior mean with its equal-tailed credible interval.
        posterior: The law itself.
        probability_best: Probability that no other arm is better.
        expected_loss: Mean shortfall against the best of the others if this arm is chosen, in the metric's unit;
            ``None`` where the posterior has no mean (a Student law with df ≤ 1).
    """

    name: str
    estimate: Estimate
    posterior: Law
    probability_best: float
    expected_loss: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BayesDifference:
    """One arm against the control.

    Attributes:
        probability_better: P(arm better than control); ``error`` bounds its numerical error.
        difference: Arm minus control with credible interval.
        ratio: Arm over control (posterior median with credible interval); ``None`` for means, which may be negative.
        rope: Differences that make no practical difference, ``(low, high)``.
        probability_below: P(difference < low end of the rope); likewise inside and above.
        loss_arm: Expected loss of choosing the arm over the control; ``loss_control`` of keeping the control.
    """

    arm: str
    control: str
    probability_better: float
    error: float
    probability_method: str
    difference: Estimate
    ratio: Estimate | None
    rope: tuple[float, float] | None
    probability_below: float | None
    probability_inside: float | None
    probability_above: float | None
    loss_arm: float | None
    loss_control: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BayesComparison:
    """Everything a Bayesian comparison of arms says.

    Attributes:
        model: ``beta-binomial``, ``normal`` or ``gamma-poisson``.
        prior: What was assumed before the data, for every arm alike.
        choice: Arm with the smallest expected loss; ``None`` where losses do not exist.
        decision: ``choose`` when that loss is at most ``max_expected_loss``, else ``continue``; ``not asked`` without
            a limit.
        caution: What this does not promise.
    """

    model: str
    prior: Prior
    arms: tuple[BayesArm, ...]
    differences: tuple[BayesDifference, ...]
    choice: str | None
    decision: Literal["choose", "continue", "not asked"]
    max_expected_loss: float | None
    sentence: str
    caution: str = PEEKING


@dataclass(frozen=True, slots=True, kw_only=True)
class BayesQuestion:
    """What is asked of the posteriors, the same for every model.

    Attributes:
        control: Arm that the others are compared with; the first without it.
        confidence: Probability inside each credible interval.
        rope: Region of practical equivalence for the difference, ``(low, high)`` in the metric's unit.
        max_expected_loss: Choose once the best arm's expected loss is at most this, in the metric's unit.
        better: Whether ``higher`` or ``lower`` values are better.
        unit: Of the metric; without it the model's own.
    """

    control: str | None = None
    confidence: float = 0.95
    rope: tuple[float, float] | None = None
    max_expected_loss: float | None = None
    better: Literal["higher", "lower"] = "higher"
    unit: str | None = None

    def __post_init__(self) -> None:
        check_confidence(self.confidence)
        if self.rope is not None and not self.rope[0] <= self.rope[1]:
            raise InvalidInputError(f"the rope {self.rope} is not in order", hint="for example (-0.01, 0.01)")
        if self.max_expected_loss is not None and not self.max_expected_loss >= 0.0:
            raise InvalidInputError(f"the largest expected loss is {self.max_expected_loss}", hint="at least 0")
        if self.better not in ("higher", "lower"):
            raise InvalidInputError(f"better is {self.better!r}", hint="'higher' or 'lower'")
