"""Dawid and Skene's model: every rater has a confusion matrix; truth and matrices are found together by EM."""

from __future__ import annotations

import numpy as np

from assay.core.errors import InvalidInputError
from assay.stats.agreement.columns import Floats, Ints, summed
from assay.stats.agreement.consensus import (
    Consensus,
    check_fit,
    codes_by_cell,
    normalised,
    rater_quality,
    vote_shares,
)
from assay.stats.agreement.ratings import Ratings


def dawid_skene(
    ratings: Ratings,
    *,
    smoothing: float = 0.01,
    confidence: float = 0.95,
    iterations: int = 500,
    tolerance: float = 1e-5,
) -> Consensus:
    """True labels and raters' confusion matrices by EM, started from the vote shares; deterministic.

    Each cell of a confusion matrix and of the prevalence has ``smoothing`` pseudo-counts added (the mode under a
    Dirichlet prior of 1 + smoothing), so that no probability is 0. The end is a local mode: where raters are worse than
    chance on the whole, labels may be swapped. A round costs one pass over the labels for each level but one; memory is
    about 50 bytes a label and 30 a unit and level.

    Args:
        ratings: Labels.
        smoothing: Pseudo-count of every cell, at least 0.
        confidence: Of the raters' intervals.
        iterations: Most rounds.
        tolerance: Ends when no belief on a label moves by more than this, on average over units.

    Returns:
        The beliefs; ``rater_parameters["confusion"]`` has shape ``(raters, levels, levels)``, truth by row.

    Raises:
        InvalidInputError: No labels, or negative smoothing.

    Sources:
        Dawid & Skene (1979), Applied Statistics 28, 20-28, equations 2.3-2.5.

    Examples:
        >>> votes = Ratings.from_matrix([["a", "a", "b"], ["b", "b", "b"], ["a", "a", "a"], ["b", "b", "a"]])
        >>> found = dawid_skene(votes)
        >>> found.labels, found.converged
        (['a', 'b', 'a', 'b'], True)
    """
    check_fit(ratings, iterations=iterations, tolerance=tolerance)
    if smoothing < 0.0:
        raise InvalidInputError(f"smoothing is {smoothing}", hint="a pseudo-count of at least 0, e.g. 0.01")
    levels, raters = len(ratings.levels), ratings.n_raters
    rated = ratings.per_unit > 0
    fit = _Fit(ratings, smoothing)
    belief = vote_shares(ratings)[rated].T.copy()
    log_likelihood, done, rounds = 0.0, False, 0
    while rounds < iterations and not done:
        rounds += 1
        updated, log_likelihood = fit.round(belief)
        done = float(np.abs(updated - belief).max(axis=0).mean()) <= tolerance
        belief = updated
    confusion, prevalence = fit.parameters(belief)
    posterior = np.tile(prevalence, (ratings.n_units, 1))
    posterior[rated] = belief.T
    right = posterior[ratings.unit, ratings.code]
    return Consensus(
        method="dawid-skene",
        unit_names=ratings.unit_names,
        rater_names=ratings.rater_names,
        levels=ratings.levels,
        posterior=posterior,
        prevalence=prevalence,
        quality=rater_quality(ratings, right, method="dawid-skene", confidence=confidence),
        log_likelihood=log_likelihood,
        iterations=rounds,
        converged=done,
        rater_parameters={"confusion": confusion.reshape(levels, raters, levels).transpose(1, 0, 2).copy()},
        unit_parameters={},
    )


class _Fit:
    """The labels arranged for EM: beliefs of shape ``(levels, rated units)``, tables ``(levels, raters * levels)``."""

    def __init__(self, ratings: Ratings, smoothing: float) -> None:
        rated = ratings.rated_only()
        self._unit: Ints = rated.unit
        self._cell = codes_by_cell(ratings)
        self._levels, self._raters = len(ratings.levels), ratings.n_raters
        self._counts = np.bincount(self._cell, minlength=self._raters * self._levels).astype(np.float64)
        self._smoothing = smoothing

    def parameters(self, belief: Floats) -> tuple[Floats, Floats]:
        """Confusion matrices and prevalence; the last level's counts are what the others leave."""
        cells = np.empty((self._levels, self._counts.size))
        for level in range(self._levels - 1):
            cells[level] = summed(self._cell, belief[level][self._unit], self._counts.size)
        cells[-1] = np.maximum(self._counts - cells[:-1].sum(axis=0), 0.0)
        cells += self._smoothing
        table = cells.reshape(self._levels, self._raters, self._levels)
        total = table.sum(axis=2, keepdims=True)
        # without smoothing, a level that no unit has says nothing about the raters
        table = np.divide(table, total, out=np.full(table.shape, 1.0 / self._levels), where=total > 0.0)
        prevalence = belief.sum(axis=1) + self._smoothing
        return table.reshape(cells.shape), prevalence / prevalence.sum()

    def round(self, belief: Floats) -> tuple[Floats, float]:
        """New beliefs, and the log-likelihood of the parameters that the old ones gave."""
        cells, prevalence = self.parameters(belief)
        with np.errstate(divide="ignore"):  # without smoothing some probabilities are 0
            table = np.maximum(np.log(cells), -700.0)
            prior = np.maximum(np.log(prevalence), -700.0)
        last = table[-1]
        found = np.empty_like(belief)
        for level in range(self._levels - 1):
            gain = (table[level] - last)[self._cell]
            found[level] = summed(self._unit, gain, belief.shape[1])
            found[level] += prior[level] - prior[-1]
        found[-1] = 0.0
        probability, log_total = normalised(found.T)
        base = float(self._counts @ last) + belief.shape[1] * float(prior[-1])
        return probability.T, base + float(log_total.sum())
