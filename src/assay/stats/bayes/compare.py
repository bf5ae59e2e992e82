"""Arms compared by their posteriors: who is better, by how much, and what a wrong choice costs.

**Looking again and again is not error-controlled.** Stopping as soon as P(better) > .95 declares a winner between
equal arms in 14 % of experiments with 5 looks and in 31 % with 100. A posterior does not depend on the stopping rule;
the share of false winners does. For a promise about that share use a sequential test; use expected loss to decide how
much a mistake may cost.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.bayes.answers import BayesArm, BayesComparison, BayesDifference, BayesQuestion
from assay.stats.bayes.laws import BetaLaw, GammaLaw, Law, StudentLaw
from assay.stats.bayes.pair import (
    best_probabilities,
    difference_cdf,
    difference_quantile,
    expected_losses,
    probability_greater,
    ratio_quantile,
)
from assay.stats.bayes.priors import (
    BetaPrior,
    GammaPrior,
    NormalInverseGammaPrior,
    NormalPrior,
    Prior,
    ReferencePrior,
)
from assay.stats.moments import Moments


def bayes_rates(
    counts: Mapping[str, tuple[int, int]], *, prior: BetaPrior | None = None, question: BayesQuestion | None = None
) -> BayesComparison:
    """Beta-Binomial comparison of success rates of two or more arms.

    **Not error-controlled when looked at repeatedly; see the module.**

    Args:
        counts: Successes and trials of each arm.
        prior: Of each arm's rate; uniform without it.
        question: Control, confidence, rope, loss limit.

    Raises:
        InvalidInputError: Counts do not fit, or there is one arm.

    Sources:
        Miller (2015), Formulas for Bayesian A/B testing; Stucchio (2015), Bayesian A/B testing at VWO (expected loss).

    Examples:
        >>> found = bayes_rates({"a": (100, 1_000), "b": (130, 1_000)}, question=BayesQuestion(max_expected_loss=0.001))
        >>> round(found.differences[0].probability_better, 4), found.choice, found.decision
        (0.9822, 'b', 'choose')
    """
    prior = prior or BetaPrior()
    laws: dict[str, Law] = {}
    for arm, (successes, trials) in counts.items():
        _check_count(arm, successes, "successes")
        _check_count(arm, trials, "trials")
        if successes > trials:
            raise InvalidInputError(f"arm {arm} has {successes} successes of {trials}", hint="successes <= trials")
        laws[arm] = BetaLaw(a=prior.alpha + successes, b=prior.beta + trials - successes)
    sizes = {arm: int(trials) for arm, (_, trials) in counts.items()}
    return _compared(laws, sizes, "beta-binomial", prior, question or BayesQuestion(), "share")


def bayes_counts(
    counts: Mapping[str, tuple[int, float]], *, prior: GammaPrior | None = None, question: BayesQuestion | None = None
) -> BayesComparison:
    """Gamma-Poisson comparison of event rates per unit of exposure.

    **Not error-controlled when looked at repeatedly; see the module.**

    Args:
        counts: Events and exposure (users, hours, tokens) of each arm; exposure above 0.
        prior: Of each arm's rate; Jeffreys' Gamma(0.5, 0) without it.
        question: As in ``bayes_rates``.

    Raises:
        InvalidInputError: A count is negative or fractional, or an exposure is not above 0.

    Sources:
        Gelman et al. (2013), Bayesian Data Analysis, 3rd ed., section 2.6 (exposure model).

    Examples:
        >>> found = bayes_counts({"a": (30, 10.0), "b": (45, 10.0)})
        >>> round(found.differences[0].probability_better, 3)
        0.959
    """
    prior = prior or GammaPrior()
    laws: dict[str, Law] = {}
    for arm, (events, exposure) in counts.items():
        _check_count(arm, events, "events")
        if not 0.0 < exposure < math.inf:
            raise InvalidInputError(f"the exposure of arm {arm} is {exposure}", hint="a finite number above 0")
        laws[arm] = GammaLaw(shape=prior.shape + events, rate=prior.rate + exposure)
    sizes = {arm: int(events) for arm, (events, _) in counts.items()}
    return _compared(laws, sizes, "gamma-poisson", prior, question or BayesQuestion(), "events per unit")


def bayes_means(
    arms: Mapping[str, Moments | Sequence[float]],
    *,
    prior: ReferencePrior | NormalInverseGammaPrior | NormalPrior | None = None,
    question: BayesQuestion | None = None,
) -> BayesComparison:
    """Normal comparison of means: variance unknown (Student posteriors) or known (``NormalPrior``).

    **Not error-controlled when looked at repeatedly; see the module.**

    Args:
        arms: Values, shape ``(n,)``, or their Moments, of each arm.
        prior: ``ReferencePrior`` (default: flat in mean and log variance, at least two differing values an arm),
            ``NormalInverseGammaPrior`` or, with a known standard deviation, ``NormalPrior``.
        question: As in ``bayes_rates``.

    Raises:
        InvalidInputError: Too few values for the prior, or values are clustered.

    Sources:
        Gelman et al. (2013), Bayesian Data Analysis, 3rd ed., sections 2.5, 3.2 and 3.3.

    Examples:
        >>> found = bayes_means({"a": [4.0, 5.0, 6.0], "b": [6.0, 7.0, 9.0]})
        >>> round(found.differences[0].difference.value, 4), found.choice
        (2.3333, 'b')
    """
    prior = prior or ReferencePrior()
    laws: dict[str, Law] = {}
    sizes: dict[str, int] = {}
    for arm, given in arms.items():
        moments = given if isinstance(given, Moments) else Moments.of([float(value) for value in given])
        if moments.clustered:
            raise InvalidInputError(
                f"the values of arm {arm} are clustered, which this model ignores",
                hint="average within each cluster first and pass the averages",
            )
        laws[arm] = prior.posterior(moments, arm)
        sizes[arm] = moments.count
    return _compared(laws, sizes, "normal", prior, question or BayesQuestion(), "score")


def _check_count(arm: str, value: float, what: str) -> None:
    if not (math.isfinite(value) and value >= 0 and value == int(value)):
        raise InvalidInputError(f"arm {arm} has {value} {what}", hint="whole numbers, at least 0")


def _compared(
    laws: Mapping[str, Law], sizes: Mapping[str, int], model: str, prior: Prior, asked: BayesQuestion, unit: str
) -> BayesComparison:
    if len(laws) < 2:
        raise InvalidInputError(f"{len(laws)} arm cannot be compared", hint="give at least two arms")
    control = asked.control if asked.control is not None else next(iter(laws))
    if control not in laws:
        raise InvalidInputError(f"there is no arm {control}", hint="the control is one of " + ", ".join(laws))
    unit, higher = asked.unit or unit, asked.better == "higher"
    ranked = list(laws.values())
    best, losses = best_probabilities(ranked, higher=higher), expected_losses(ranked, higher=higher)
    arms = tuple(
        BayesArm(
            name=name,
            estimate=_credible(law, sizes[name], f"{model}-posterior", unit, asked.confidence),
            posterior=law,
            probability_best=min(1.0, chance),
            expected_loss=loss,
        )
        for (name, law), (chance, _), loss in zip(laws.items(), best, losses, strict=True)
    )
    differences = tuple(_difference(control, name, laws, sizes, model, unit, asked) for name in laws if name != control)
    known = [(arm.expected_loss, arm.name) for arm in arms if arm.expected_loss is not None]
    loss, choice = min(known) if known else (None, None)
    limit = asked.max_expected_loss
    decision: Literal["choose", "continue", "not asked"] = "not asked"
    if limit is not None:
        decision = "choose" if loss is not None and loss <= limit else "continue"
    return BayesComparison(
        model=model,
        prior=prior,
        arms=arms,
        differences=differences,
        choice=choice,
        decision=decision,
        max_expected_loss=limit,
        sentence=_sentence(choice, loss, {arm.name: arm.probability_best for arm in arms}, decision, limit, unit),
    )


def _credible(law: Law, n: int, method: str, unit: str, confidence: float) -> Estimate:
    return Estimate(
        value=law.centre,
        low=law.quantile(0.5 - confidence / 2.0),
        high=law.quantile(0.5 + confidence / 2.0),
        n=n,
        method=method,
        confidence=confidence,
        unit=unit,
        std_error=law.spread,
    )


def _difference(
    control: str,
    arm: str,
    laws: Mapping[str, Law],
    sizes: Mapping[str, int],
    model: str,
    unit: str,
    asked: BayesQuestion,
) -> BayesDifference:
    first, second = laws[control], laws[arm]
    higher = asked.better == "higher"
    greater = probability_greater(first, second) if higher else probability_greater(second, first)
    tails = (0.5 - asked.confidence / 2.0, 0.5 + asked.confidence / 2.0)
    n = sizes[control] + sizes[arm]
    spreads = (first.spread, second.spread)
    difference = Estimate(
        value=second.centre - first.centre,
        low=difference_quantile(first, second, tails[0]),
        high=difference_quantile(first, second, tails[1]),
        n=n,
        method=f"{model}-difference",
        confidence=asked.confidence,
        unit=unit,
        std_error=None if spreads[0] is None or spreads[1] is None else math.hypot(spreads[0], spreads[1]),
    )
    ratio = None
    if not isinstance(first, StudentLaw):
        ratio = Estimate(
            value=ratio_quantile(first, second, 0.5),
            low=ratio_quantile(first, second, tails[0]),
            high=ratio_quantile(first, second, tails[1]),
            n=n,
            method=f"{model}-ratio",
            confidence=asked.confidence,
            unit="ratio",
        )
    below = inside = above = None
    if asked.rope is not None:
        below = difference_cdf(first, second, asked.rope[0])
        above = difference_cdf(second, first, -asked.rope[1])
        inside = max(0.0, 1.0 - below - above)
    loss_control, loss_arm = expected_losses([first, second], higher=higher)
    return BayesDifference(
        arm=arm,
        control=control,
        probability_better=greater.value,
        error=greater.error,
        probability_method=greater.method,
        difference=difference,
        ratio=ratio,
        rope=asked.rope,
        probability_below=below,
        probability_inside=inside,
        probability_above=above,
        loss_arm=loss_arm,
        loss_control=loss_control,
    )


def _sentence(
    choice: str | None, loss: float | None, best: Mapping[str, float], decision: str, limit: float | None, unit: str
) -> str:
    if choice is None or loss is None:
        return "expected losses do not exist (a posterior has no mean): collect more values before choosing"
    said = f"{choice} is best with probability {best[choice]:.3f}; choosing it costs {loss:.2g} {unit} on average"
    if decision == "choose":
        return f"{said}, within the limit of {limit:.2g}: choose it"
    return said if decision == "not asked" else f"{said}, above the limit of {limit:.2g}: continue"
