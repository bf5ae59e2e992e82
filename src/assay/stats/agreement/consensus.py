"""What every consensus model returns, and what their fits share: starting beliefs, posteriors, rater quality."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.agreement.columns import Floats, Ints, summed
from assay.stats.agreement.ratings import Ratings
from assay.stats.scalar import wilson_bounds
from assay.stats.special import check_confidence

TIE = 1e-9
"""Beliefs closer than this are equal: the label is then not determined."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Consensus:
    """Beliefs on the true label of every unit, and how good each rater is, from labels alone or with golden items.

    Attributes:
        method: Name of the model.
        unit_names: The units, rated or not.
        rater_names: The raters.
        levels: The possible labels.
        posterior: Probability of each level, shape ``(units, levels)``; a unit without labels has the model's prior
            (the prevalence, or even chances in a weighted vote, GLAD and MACE).
        prevalence: Share of each level among units, shape ``(levels,)``.
        quality: For each rater the share of its labels that are right, with an interval that allows for the truth
            being inferred; no value, and the reason, where the data cannot tell.
        log_likelihood: Natural logarithm of the probability of the labels, truth summed out; ``None`` for votes.
        iterations: Rounds of expectation and maximisation; 0 for votes.
        converged: Whether the rounds ended because nothing changed any more.
        rater_parameters: Further fitted arrays with one row a rater, by name.
        unit_parameters: Further fitted arrays with one entry a unit, by name.
    """

    method: str
    unit_names: Sequence[Hashable]
    rater_names: Sequence[Hashable]
    levels: tuple[Hashable, ...]
    posterior: Floats
    prevalence: Floats
    quality: tuple[Estimate, ...]
    log_likelihood: float | None
    iterations: int
    converged: bool
    rater_parameters: Mapping[str, Floats]
    unit_parameters: Mapping[str, Floats]

    @property
    def tied(self) -> npt.NDArray[np.bool_]:
        """Units for which several levels are equally likely, shape ``(units,)``; those without labels among them."""
        if not self.levels:
            return np.ones(len(self.unit_names), dtype=np.bool_)
        best = self.posterior.max(axis=1, keepdims=True)
        return np.asarray((self.posterior >= best - TIE).sum(axis=1) > 1)

    @property
    def labels(self) -> list[Hashable | None]:
        """The likeliest level of each unit; ``None`` where several are equally likely."""
        if not self.levels:
            return [None] * len(self.unit_names)
        best = self.posterior.argmax(axis=1).tolist()
        return [None if tied else self.levels[index] for index, tied in zip(best, self.tied.tolist(), strict=True)]

    def accuracy(self, gold: Mapping[Hashable, Hashable]) -> float | None:
        """Share of golden units whose label is right, a tie among j levels counting 1/j where the truth is one of them.

        Units of ``gold`` that nobody named are left out; ``None`` when none is left.

        Raises:
            InvalidInputError: A golden label is not one of the levels.
        """
        place = {name: index for index, name in enumerate(self.unit_names)}
        known = [(place[unit], level_of(self.levels, label)) for unit, label in gold.items() if unit in place]
        if not known:
            return None
        rows, truth = (np.array(column, dtype=np.intp) for column in zip(*known, strict=True))
        beliefs = self.posterior[rows]
        best = beliefs >= beliefs.max(axis=1, keepdims=True) - TIE
        return float((best[np.arange(truth.size), truth] / best.sum(axis=1)).mean())


def level_of(levels: Sequence[Hashable], label: Hashable) -> int:
    """Position of a golden label among the levels.

    Raises:
        InvalidInputError: It is not there.
    """
    if label not in levels:
        raise InvalidInputError(
            f"golden label {label!r} is not one of the levels {levels}", hint="declare it in levels"
        )
    return list(levels).index(label)


def check_fit(ratings: Ratings, *, iterations: int, tolerance: float) -> None:
    """Refuse what no model can start from.

    Raises:
        InvalidInputError: No labels, fewer than one round, or a tolerance that is not above 0.
    """
    if not ratings.n_labels:
        raise InvalidInputError("there are no labels", hint="give at least one label that is not missing")
    if iterations < 1 or not tolerance > 0.0:
        raise InvalidInputError(
            f"{iterations} iterations to a tolerance of {tolerance} fit nothing", hint="iterations=200, tolerance=1e-6"
        )


def vote_shares(ratings: Ratings) -> Floats:
    """Share of each unit's labels at each level, shape ``(units, levels)``; zeros where there are none."""
    levels = len(ratings.levels)
    cells = np.bincount(ratings.unit * levels + ratings.code, minlength=ratings.n_units * levels)
    cells = cells.reshape(ratings.n_units, levels)
    total = cells.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(cells, total, out=np.zeros(cells.shape), where=total > 0.0))


def normalised(log_weights: Floats) -> tuple[Floats, Floats]:
    """Probabilities from unnormalised logarithms, row by row and in place, and the logarithms of their sums."""
    top = log_weights.max(axis=1)
    log_weights -= top[:, None]
    np.exp(log_weights, out=log_weights)
    total = log_weights.sum(axis=1)
    log_weights /= total[:, None]
    return log_weights, top + np.log(total)


def rater_quality(ratings: Ratings, right: Floats, *, method: str, confidence: float) -> tuple[Estimate, ...]:
    """Share of right labels of each rater from the probability that each label is right, shape ``(n,)``.

    Only labels of units with two labels or more count: a truth known from one label says nothing about it.

    With known truth that share has Wilson's interval on m labels. What is not known takes information away: by Louis'
    identity the fraction 1 - Σ p(1 - p) / (m a (1 - a)) of it is left, for a share a of right labels. So the interval
    is Wilson's on m times this fraction labels. The other raters' parameters are held at their estimates; the error
    of that falls with the labels a unit has, and with two or three labels a unit the interval is too narrow.

    Args:
        ratings: Labels.
        right: Probability of being right, in [0, 1].
        method: Name of the model.
        confidence: Two-sided coverage.

    Sources:
        Louis (1982), J. R. Statist. Soc. B 44, 226-233; Wilson (1927), JASA 22, 209-212.
    """
    check_confidence(confidence)
    used = ratings.per_unit[ratings.unit] >= 2
    rater, probability = ratings.rater[used], right[used]
    count = np.bincount(rater, minlength=ratings.n_raters)
    total = summed(rater, probability, ratings.n_raters)
    doubt = summed(rater, probability * (1.0 - probability), ratings.n_raters)
    found = []
    for n, right_sum, unknown in zip(count.tolist(), total.tolist(), doubt.tolist(), strict=True):
        share = right_sum / n if n else None
        low = high = spread = None
        reason = "no label that could be checked" if share is None else None
        if share is not None:
            variance = n * share * (1.0 - share)
            kept = max(0.0, 1.0 - unknown / variance) if variance > 1e-12 else 1.0
            if n * kept < 0.5:
                reason = "the labels leave open whether this rater is right"
            else:
                low, high, spread = wilson_bounds(min(share, 1.0), n * kept, confidence, None)
        found.append(
            Estimate(
                value=share,
                low=low,
                high=high,
                n=n,
                method=f"{method}-louis-wilson",
                confidence=confidence,
                unit="share",
                reason=reason,
                std_error=spread,
            )
        )
    return tuple(found)


def codes_by_cell(ratings: Ratings) -> Ints:
    """Cell of each label in a table raters × levels, flattened."""
    return ratings.rater * len(ratings.levels) + ratings.code


def beliefs(ratings: Ratings, gain: Floats, log_prior: Floats) -> tuple[Floats, Floats]:
    """Posterior where a label only speaks for its own level, by ``gain`` (log odds, shape ``(n,)``).

    Returns:
        The posterior ``(units, levels)``, and the logarithm of its normaliser for each unit.
    """
    levels = len(ratings.levels)
    cells = summed(ratings.unit * levels + ratings.code, gain, ratings.n_units * levels)
    log_weights = cells.reshape(ratings.n_units, levels)
    log_weights += log_prior
    return normalised(log_weights)


def largest_change(before: Floats, after: Floats) -> float:
    """Largest change of a belief within a unit, averaged over units."""
    return float(np.abs(after - before).max(axis=1).mean())


def need_two_levels(ratings: Ratings, *, model: str) -> None:
    """Refuse data in which a label could not have been wrong.

    Raises:
        InvalidInputError: Only one label is possible.
    """
    if len(ratings.levels) < 2:
        raise InvalidInputError(
            f"{model} needs two possible labels, and there is only {ratings.levels[0]!r}",
            hint="declare all labels that were possible with levels=[...]",
        )
