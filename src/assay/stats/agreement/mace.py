"""MACE: a rater either knows the label or spams one from a habit of its own."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from assay.stats.agreement.columns import Floats, Ints, summed
from assay.stats.agreement.consensus import (
    Consensus,
    beliefs,
    check_fit,
    codes_by_cell,
    largest_change,
    need_two_levels,
    rater_quality,
    vote_shares,
)
from assay.stats.agreement.ratings import Ratings

COMPETENCE_PRIOR = 0.5
"""Pseudo-count of knowing and of spamming: raters are mostly the one or mostly the other."""
SPAM_PRIOR = 10.0
"""Pseudo-count of every spam label: habits are even unless many labels say otherwise."""


def mace(
    ratings: Ratings,
    *,
    confidence: float = 0.95,
    iterations: int = 500,
    tolerance: float = 1e-5,
) -> Consensus:
    """True labels, raters' competence and their spam habits by variational Bayes, started from the vote shares.

    A rater gives the true label with its competence, else one drawn from its own spam distribution. All levels are
    equally likely beforehand. The priors are the authors': Beta(1/2, 1/2) on competence, Dirichlet(10) on habits. One
    deterministic start, where the authors draw a hundred and keep the likeliest.

    Args:
        ratings: Labels.
        confidence: Of the raters' intervals.
        iterations: Most rounds.
        tolerance: Ends when no belief on a label moves by more than this, on average over units.

    Returns:
        The beliefs. ``quality`` is the share of right labels (a lucky spam label is right);
        ``rater_parameters["competence"]`` the posterior mean of the chance of knowing, shape ``(raters,)``, and
        ``["spam"]`` that of the habits, shape ``(raters, levels)``. The log-likelihood is that of these means.

    Raises:
        InvalidInputError: No labels, or only one possible label.

    Sources:
        Hovy, Berg-Kirkpatrick, Vaswani & Hovy (2013), Learning Whom to Trust with MACE, NAACL-HLT, 1120-1130,
        sections 2 and 3.

    Examples:
        >>> votes = Ratings.from_matrix([[1, 1, 1], [2, 2, 1], [1, 1, 1], [2, 2, 1], [1, 1, 1]])
        >>> found = mace(votes)
        >>> found.labels, int(found.rater_parameters["competence"].argmin())
        ([1, 2, 1, 2, 1], 2)
    """
    check_fit(ratings, iterations=iterations, tolerance=tolerance)
    need_two_levels(ratings, model="MACE")
    cell, rated = codes_by_cell(ratings), ratings.per_unit > 0
    shape = (ratings.n_raters, len(ratings.levels))
    counts = np.bincount(cell, minlength=shape[0] * shape[1]).reshape(shape).astype(np.float64)
    posterior = vote_shares(ratings)
    weights = _Weights(np.full(shape[0], 0.5), np.full(shape, 0.5 / shape[1]))
    done, rounds = False, 0
    while rounds < iterations and not done:
        rounds += 1
        right = summed(cell, posterior[ratings.unit, ratings.code], counts.size).reshape(shape)
        known = right * weights.knows[:, None] / (weights.knows[:, None] + weights.spams)
        spammed = np.maximum(counts - known, 0.0)
        weights = _expected_logs(known.sum(axis=1), spammed)
        updated, _ = _beliefs(ratings, weights, cell)
        done = largest_change(posterior[rated], updated[rated]) <= tolerance
        posterior = updated
    knows = known.sum(axis=1) + COMPETENCE_PRIOR
    competence = knows / (counts.sum(axis=1) + 2.0 * COMPETENCE_PRIOR)
    habits = spammed + SPAM_PRIOR
    habits /= habits.sum(axis=1, keepdims=True)
    means = _Weights(competence, (1.0 - competence)[:, None] * habits)
    log_total = _beliefs(ratings, means, cell)[1]
    return Consensus(
        method="mace",
        unit_names=ratings.unit_names,
        rater_names=ratings.rater_names,
        levels=ratings.levels,
        posterior=posterior,
        prevalence=posterior[rated].mean(axis=0),
        quality=rater_quality(ratings, posterior[ratings.unit, ratings.code], method="mace", confidence=confidence),
        log_likelihood=float((counts * np.log(means.spams)).sum()) + float(log_total[rated].sum()),
        iterations=rounds,
        converged=done,
        rater_parameters={"competence": competence, "spam": habits},
        unit_parameters={},
    )


class _Weights(NamedTuple):
    """Of knowing, shape ``(raters,)``; of spamming each label, shape ``(raters, levels)``."""

    knows: Floats
    spams: Floats


def _expected_logs(known: Floats, spammed: Floats) -> _Weights:
    """Exponentials of the posterior means of the logarithms, which is what a variational step puts for the weights."""
    from scipy.special import digamma

    guesses = spammed.sum(axis=1)
    either = digamma(known + guesses + 2.0 * COMPETENCE_PRIOR)
    habits = digamma(spammed + SPAM_PRIOR) - digamma(guesses + spammed.shape[1] * SPAM_PRIOR)[:, None]
    spams = habits + (digamma(guesses + COMPETENCE_PRIOR) - either)[:, None]
    return _Weights(np.exp(digamma(known + COMPETENCE_PRIOR) - either), np.exp(spams))


def _beliefs(ratings: Ratings, weights: _Weights, cell: Ints) -> tuple[Floats, Floats]:
    levels = len(ratings.levels)
    gain = np.log1p(weights.knows[:, None] / weights.spams)
    return beliefs(ratings, gain.ravel()[cell], np.full(levels, -np.log(levels)))
