"""The one-coin model: every rater has one chance of being right, whatever the truth."""

from __future__ import annotations

import numpy as np

from assay.core.errors import InvalidInputError
from assay.stats.agreement.columns import summed
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


def one_coin(
    ratings: Ratings,
    *,
    smoothing: float = 0.01,
    confidence: float = 0.95,
    iterations: int = 500,
    tolerance: float = 1e-5,
) -> Consensus:
    """True labels and raters' accuracies by EM, started from the vote shares; a wrong label is any other, evenly.

    Right for raters with few labels, where whole confusion matrices cannot be learnt. ``smoothing`` is a pseudo-count
    of the right label and of each wrong one, and of each level's prevalence.

    Args:
        ratings: Labels.
        smoothing: At least 0.
        confidence: Of the raters' intervals.
        iterations: Most rounds.
        tolerance: Ends when no belief on a label moves by more than this, on average over units.

    Returns:
        The beliefs; ``rater_parameters["accuracy"]`` has shape ``(raters,)``.

    Raises:
        InvalidInputError: No labels, only one possible label, or negative smoothing.

    Sources:
        Zhang, Chen, Zhou & Jordan (2016), JMLR 17(102), section 2 (the model); Dawid & Skene (1979) for the EM.

    Examples:
        >>> found = one_coin(Ratings.from_matrix([[1, 1, 2], [2, 2, 2], [1, 1, 1], [2, 2, 1]]))
        >>> found.labels
        [1, 2, 1, 2]
    """
    check_fit(ratings, iterations=iterations, tolerance=tolerance)
    need_two_levels(ratings, model="the one-coin model")
    if smoothing < 0.0:
        raise InvalidInputError(f"smoothing is {smoothing}", hint="a pseudo-count of at least 0, e.g. 0.01")
    others = len(ratings.levels) - 1
    rated = ratings.per_unit > 0
    count = np.bincount(ratings.rater, minlength=ratings.n_raters).astype(np.float64)
    posterior = vote_shares(ratings)
    log_likelihood, done, rounds = 0.0, False, 0
    accuracy = prevalence = np.empty(0)
    while rounds < iterations and not done:
        rounds += 1
        right = summed(ratings.rater, posterior[ratings.unit, ratings.code], ratings.n_raters)
        accuracy = (right + smoothing) / np.maximum(count + smoothing * (others + 1), 1e-300)
        accuracy = np.clip(accuracy, 1e-12, 1.0 - 1e-12)
        prevalence = posterior[rated].sum(axis=0) + smoothing
        prevalence = np.maximum(prevalence / prevalence.sum(), 1e-300)
        wrong = np.log((1.0 - accuracy) / others)
        updated, log_total = beliefs(ratings, (np.log(accuracy) - wrong)[ratings.rater], np.log(prevalence))
        log_likelihood = float(count @ wrong) + float(log_total[rated].sum())
        done = largest_change(posterior[rated], updated[rated]) <= tolerance
        posterior = updated
    return Consensus(
        method="one-coin",
        unit_names=ratings.unit_names,
        rater_names=ratings.rater_names,
        levels=ratings.levels,
        posterior=posterior,
        prevalence=prevalence,
        quality=rater_quality(ratings, posterior[ratings.unit, ratings.code], method="one-coin", confidence=confidence),
        log_likelihood=log_likelihood,
        iterations=rounds,
        converged=done,
        rater_parameters={"accuracy": accuracy},
        unit_parameters={},
    )
