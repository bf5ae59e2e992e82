"""GLAD: raters differ in ability and units in difficulty; both are found together with the labels."""

from __future__ import annotations

import numpy as np

from assay.stats.agreement.columns import Floats, summed
from assay.stats.agreement.consensus import (
    Consensus,
    beliefs,
    check_fit,
    largest_change,
    need_two_levels,
    rater_quality,
    vote_shares,
)
from assay.stats.agreement.ratings import Ratings

PRIOR_MEAN = 1.0
"""Of a rater's ability and of the logarithm of a unit's easiness; both priors are normal with variance 1."""
LARGEST_STEP = 1.0
NEWTON_STEPS = 3


def glad(
    ratings: Ratings,
    *,
    confidence: float = 0.95,
    iterations: int = 500,
    tolerance: float = 1e-5,
) -> Consensus:
    """True labels, raters' ability and units' easiness by EM, started from the vote shares; deterministic.

    A label is right with probability 1 / (1 + exp(-ability · easiness)), easiness > 0; a wrong label is any other,
    evenly; all levels are equally likely beforehand. Abilities below 0 belong to raters who are wrong more often than
    right. Ability and easiness are shrunk by normal priors, as one unit has few labels. Each maximisation takes a few
    damped Newton steps, so it improves its objective without always reaching its top.

    Args:
        ratings: Labels.
        confidence: Of the raters' intervals.
        iterations: Most rounds.
        tolerance: Ends when no belief on a label moves by more than this, on average over units.

    Returns:
        The beliefs; ``rater_parameters["ability"]`` has shape ``(raters,)``, ``unit_parameters["easiness"]`` has shape
        ``(units,)``. The log-likelihood is that of the labels without the priors.

    Raises:
        InvalidInputError: No labels, or only one possible label.

    Sources:
        Whitehill, Ruvolo, Wu, Bergsma & Movellan (2009), Whose Vote Should Count More, NIPS 22, equations 1-4.

    Examples:
        >>> found = glad(Ratings.from_matrix([[1, 1, 2], [2, 2, 1], [1, 1, 1], [2, 2, 1]]))
        >>> found.labels, int(found.rater_parameters["ability"].argmin())
        ([1, 2, 1, 2], 2)
    """
    check_fit(ratings, iterations=iterations, tolerance=tolerance)
    need_two_levels(ratings, model="GLAD")
    levels = len(ratings.levels)
    rated = ratings.per_unit > 0
    log_prior = np.full(levels, -np.log(levels))
    ability, log_easiness = np.full(ratings.n_raters, PRIOR_MEAN), np.full(ratings.n_units, PRIOR_MEAN)
    posterior = vote_shares(ratings)
    log_likelihood, done, rounds = 0.0, False, 0
    while rounds < iterations and not done:
        rounds += 1
        right = posterior[ratings.unit, ratings.code]
        for _ in range(NEWTON_STEPS):
            ability = _better_ability(ratings, right, ability, log_easiness)
            log_easiness = _better_easiness(ratings, right, ability, log_easiness)
        logit = ability[ratings.rater] * np.exp(log_easiness)[ratings.unit]
        updated, log_total = beliefs(ratings, logit + np.log(levels - 1.0), log_prior)
        wrong = -np.logaddexp(0.0, logit) - np.log(levels - 1.0)
        log_likelihood = float(wrong.sum()) + float(log_total[rated].sum())
        done = largest_change(posterior[rated], updated[rated]) <= tolerance
        posterior = updated
    return Consensus(
        method="glad",
        unit_names=ratings.unit_names,
        rater_names=ratings.rater_names,
        levels=ratings.levels,
        posterior=posterior,
        prevalence=posterior[rated].mean(axis=0),
        quality=rater_quality(ratings, posterior[ratings.unit, ratings.code], method="glad", confidence=confidence),
        log_likelihood=log_likelihood,
        iterations=rounds,
        converged=done,
        rater_parameters={"ability": ability},
        unit_parameters={"easiness": np.exp(log_easiness)},
    )


def _better_ability(ratings: Ratings, right: Floats, ability: Floats, log_easiness: Floats) -> Floats:
    """A damped Newton step; the objective is concave in the abilities."""
    easiness = np.exp(log_easiness)[ratings.unit]
    chance = _logistic(ability[ratings.rater] * easiness)
    slope = summed(ratings.rater, easiness * (right - chance), ability.size) - (ability - PRIOR_MEAN)
    bend = summed(ratings.rater, np.square(easiness) * chance * (1.0 - chance), ability.size) + 1.0
    return ability + np.clip(slope / bend, -LARGEST_STEP, LARGEST_STEP)


def _better_easiness(ratings: Ratings, right: Floats, ability: Floats, log_easiness: Floats) -> Floats:
    """A damped step of Fisher scoring; the expected curvature is positive where the observed one need not be."""
    logit = ability[ratings.rater] * np.exp(log_easiness)[ratings.unit]
    chance = _logistic(logit)
    slope = ratings.unit_sums(logit * (right - chance)) - (log_easiness - PRIOR_MEAN)
    bend = ratings.unit_sums(np.square(logit) * chance * (1.0 - chance)) + 1.0
    return log_easiness + np.clip(slope / bend, -LARGEST_STEP, LARGEST_STEP)


def _logistic(x: Floats) -> Floats:
    return np.asarray(np.exp(-np.logaddexp(0.0, -x)))
