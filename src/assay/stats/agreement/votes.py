"""Votes: the majority with its ties in the open, and a vote weighted by each rater's record on golden items."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.agreement.columns import Floats, Ints, summed
from assay.stats.agreement.consensus import TIE, Consensus, beliefs, level_of, need_two_levels, vote_shares
from assay.stats.agreement.ratings import Ratings
from assay.stats.scalar import share_of
from assay.stats.special import check_confidence


def smallest_majority(n_raters: int, n_levels: int) -> float:
    """The lowest share that the most frequent label can have: ⌈raters / levels⌉ / raters.

    A rule that acts when the majority's share is *below* a bound can never fire where this is not below it: with three
    raters and two labels the share is at least 2/3, so "less than 2/3" is a rule that does nothing.

    Raises:
        InvalidInputError: Fewer than one rater or level.

    Examples:
        >>> round(smallest_majority(3, 2), 3), round(smallest_majority(3, 3), 3), smallest_majority(4, 2)
        (0.667, 0.333, 0.5)
    """
    if n_raters < 1 or n_levels < 1:
        raise InvalidInputError(f"{n_raters} raters and {n_levels} levels cannot vote", hint="at least one of each")
    return -(-n_raters // n_levels) / n_raters


@dataclass(frozen=True, slots=True, kw_only=True)
class MajorityVote:
    """The most frequent label of each unit, and what a rule on its share would do.

    Attributes:
        labels: Per unit; ``None`` where labels tie or there are none.
        share: Of the unit's labels that are the most frequent one, shape ``(units,)``; 0 without labels.
        posterior: Shares of all levels, shape ``(units, levels)``.
        tied: Units with several most frequent labels.
        escalated: Units whose share is below the bound.
        can_escalate: Units with as many labels as could have given a share below the bound.
        ties: Share of the labelled units that tie.
        escalations: Share of the labelled units that are escalated; no value where the rule cannot fire on any.
        warning: What is wrong with the rule; ``None`` when it can fire on every labelled unit, or there is no rule.
    """

    labels: Sequence[Hashable | None]
    share: Floats
    posterior: Floats
    tied: npt.NDArray[np.bool_]
    escalated: npt.NDArray[np.bool_]
    can_escalate: npt.NDArray[np.bool_]
    ties: Estimate
    escalations: Estimate
    warning: str | None


def majority_vote(ratings: Ratings, *, escalate_below: float | None = None, confidence: float = 0.95) -> MajorityVote:
    """Majority with explicit ties, and a rule that sends units of little agreement on.

    Args:
        ratings: Labels.
        escalate_below: Units are escalated when the share of their most frequent label is below this, in (0, 1].
        confidence: Of the two shares.

    Raises:
        InvalidInputError: The bound is outside (0, 1], or there are no labels.

    Examples:
        >>> vote = majority_vote(Ratings.from_matrix([["a", "a", "b"], ["b", "b", "b"]]), escalate_below=2 / 3)
        >>> vote.labels, vote.warning
        (['a', 'b'], 'a share below 0.667 is impossible with 3 raters and 2 labels: the rule can never fire')
    """
    check_confidence(confidence)
    if not ratings.n_labels:
        raise InvalidInputError("there are no labels", hint="give at least one label that is not missing")
    if escalate_below is not None and not 0.0 < escalate_below <= 1.0:
        raise InvalidInputError(f"a share below {escalate_below} is no rule", hint="a bound in (0, 1], e.g. 0.75")
    shares, sizes, levels = vote_shares(ratings), ratings.per_unit, len(ratings.levels)
    rated = sizes > 0
    share = shares.max(axis=1)
    tied = rated & ((shares >= share[:, None] - TIE).sum(axis=1) > 1)
    bound = 0.0 if escalate_below is None else escalate_below
    lowest = -(-sizes // levels) / np.maximum(sizes, 1)
    can = rated & (lowest < bound - TIE)
    escalated = rated & (share < bound - TIE)
    best = shares.argmax(axis=1).tolist()
    clear = (rated & ~tied).tolist()
    n = int(rated.sum())
    impossible = None
    if escalate_below is not None and not can.all():
        impossible = _impossible(escalate_below, sizes[rated & ~can], levels, everywhere=not can.any())
    escalations = share_of(int(escalated.sum()), n, confidence)
    if not can.any():
        escalations = Estimate(
            value=None,
            low=None,
            high=None,
            n=n,
            method="wilson",
            confidence=confidence,
            unit="share",
            reason=impossible or "there is no rule",
        )
    return MajorityVote(
        labels=[ratings.levels[index] if ok else None for index, ok in zip(best, clear, strict=True)],
        share=share,
        posterior=shares,
        tied=tied,
        escalated=escalated,
        can_escalate=can,
        ties=share_of(int(tied.sum()), n, confidence),
        escalations=escalations,
        warning=impossible,
    )


def _impossible(bound: float, sizes: Ints, levels: int, *, everywhere: bool) -> str | None:
    if not sizes.size:
        return None
    counts = np.unique(sizes).tolist()
    raters = ", ".join(str(count) for count in counts[:5]) + (" …" if len(counts) > 5 else "")
    end = "the rule can never fire" if everywhere else f"the rule cannot fire on {sizes.size:,} units"
    labels = f"{levels} label{'s' * (levels != 1)}"
    return f"a share below {bound:.3g} is impossible with {raters} rater{'s' * (counts != [1])} and {labels}: {end}"


def weighted_vote(
    ratings: Ratings,
    gold: Mapping[Hashable, Hashable],
    *,
    prior_labels: float = 4.0,
    confidence: float = 0.95,
) -> Consensus:
    """Vote in which a rater counts by its record on golden items: log of a (levels - 1) / (1 - a), a its accuracy.

    This is the likeliest label when raters err independently of each other, evenly over wrong labels, with known
    accuracy. The accuracy used is shrunk towards that of all raters together as if by ``prior_labels`` further golden
    labels, so a short record weighs little and a rater without one counts like the average. Golden units keep their
    golden label.

    Args:
        ratings: Labels, those of the golden units among them.
        gold: True label by unit name; units that nobody named are ignored.
        prior_labels: Weight of the common accuracy, above 0.
        confidence: Of the raters' intervals.

    Returns:
        The beliefs; ``quality`` is each rater's plain share on golden items with Wilson's interval, or no value where
        it labelled none; ``rater_parameters["weight"]`` the weights used, shape ``(raters,)``.

    Raises:
        InvalidInputError: No golden unit has a label, only one label is possible, a golden label is not among the
            levels, or ``prior_labels`` is not above 0.

    Sources:
        Nitzan & Paroush (1982), International Economic Review 23, 289-297; Shapley & Grofman (1984), Public Choice
        43, 329-343 (optimal weights).

    Examples:
        >>> votes = Ratings.from_matrix([[1, 2, 2], [2, 1, 1], [1, 2, 1], [2, 1, 2], [1, 2, 2]])
        >>> weighted_vote(votes, {0: 1, 1: 2, 2: 1, 3: 2}).labels[4]
        1
    """
    need_two_levels(ratings, model="a weighted vote")
    check_confidence(confidence)
    if not prior_labels > 0.0:
        raise InvalidInputError(f"prior_labels is {prior_labels}", hint="a number above 0, e.g. 4")
    levels = len(ratings.levels)
    truth = np.full(ratings.n_units, -1, dtype=np.intp)
    place = {name: index for index, name in enumerate(ratings.unit_names)}
    for unit, label in gold.items():
        if unit in place:
            truth[place[unit]] = level_of(ratings.levels, label)
    known = truth[ratings.unit] >= 0
    if not known.any():
        raise InvalidInputError("no golden unit has a label", hint="use dawid_skene, which needs no golden items")
    right = (truth[ratings.unit] == ratings.code)[known].astype(np.float64)
    count = np.bincount(ratings.rater[known], minlength=ratings.n_raters)
    correct = summed(ratings.rater[known], right, ratings.n_raters)
    common = (correct.sum() + 0.5) / (count.sum() + 1.0)
    accuracy = (correct + prior_labels * common) / (count + prior_labels)
    weight = np.log(accuracy * (levels - 1.0) / (1.0 - accuracy))
    posterior, _ = beliefs(ratings, weight[ratings.rater], np.full(levels, -np.log(levels)))
    golden = np.flatnonzero(truth >= 0)
    posterior[golden] = 0.0
    posterior[golden, truth[golden]] = 1.0
    return Consensus(
        method="weighted-vote",
        unit_names=ratings.unit_names,
        rater_names=ratings.rater_names,
        levels=ratings.levels,
        posterior=posterior,
        prevalence=posterior.mean(axis=0),
        quality=tuple(
            share_of(int(ok), int(n), confidence) if n else _unjudged(confidence)
            for ok, n in zip(correct, count, strict=True)
        ),
        log_likelihood=None,
        iterations=0,
        converged=True,
        rater_parameters={"weight": weight},
        unit_parameters={},
    )


def _unjudged(confidence: float) -> Estimate:
    return Estimate(
        value=None,
        low=None,
        high=None,
        n=0,
        method="wilson",
        confidence=confidence,
        unit="share",
        reason="labelled no golden item",
    )
