"""Win rates against one opponent: ties as half, clusters, and both orders of showing the answers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.ratings.encoding import Floats, Ints, counted, encoded
from assay.stats.scalar import effective_n, wilson_bounds
from assay.stats.special import check_confidence, t_quantile

Labels = Sequence[Any] | npt.NDArray[Any]


def win_rate(scores: npt.ArrayLike, *, clusters: Labels | None = None, confidence: float = 0.95) -> Estimate:
    """Mean score against the opponent, a tie being half a win, with Wilson's interval on the effective number.

    Scores of 0 and 1 alone give Wilson's interval itself. With ties or graded preferences the variance is smaller than
    a share's, which is n / (effective n) of it; with clusters it is cluster-robust (CR1), with G - 1 degrees of
    freedom. The interval stays inside [0, 1] and keeps its width at 0 % and 100 %.

    Args:
        scores: 1 won, 0 lost, 0.5 tied, or the judge's probability that it won; shape ``(n,)``, in [0, 1].
        clusters: Label of each battle's group (prompt, document), shape ``(n,)``.
        confidence: Two-sided, in (0, 1).

    Returns:
        A share; ``std_error`` is s/√n (cluster-robust with clusters), which is what leaderboards print. No bounds,
        with the reason, for one battle that is not plainly won or lost, or for one cluster.

    Raises:
        InvalidInputError: Scores are empty, outside [0, 1] or not finite; lengths differ.

    Sources:
        Wilson (1927), JASA 22, 209-212; Korn & Graubard (1998), Survey Methodology 24, 193-201 (effective number).

    Examples:
        >>> e = win_rate([1, 1, 0.5, 0, 1, 0.5, 1, 0])
        >>> e.value, round(e.low, 3), round(e.high, 3)
        (0.625, 0.281, 0.877)
    """
    check_confidence(confidence)
    column = preferences(scores, "scores")
    n, groups = column.size, None
    label = group_codes(clusters, n)
    if label is None:
        variance = float(column.var(ddof=1)) / n if n > 1 else math.nan
        units, quantile = n, t_quantile(0.5 + confidence / 2.0, n - 1) if n > 1 else None
        if np.isin(column, (0.0, 1.0)).all():
            quantile = None
        method = "wilson" if quantile is None and not math.isnan(variance) else "effective-wilson"
    else:
        units = groups = int(label.max()) + 1
        sums = counted(label, column - column.mean(), units)
        variance = units / (units - 1) * float(sums @ sums) / n**2 if units > 1 else math.nan
        quantile = t_quantile(0.5 + confidence / 2.0, units - 1) if units > 1 else None
        method = "cluster-wilson"
    value = float(column.mean())
    low = high = reason = None
    if math.isnan(variance):
        reason = "all battles share one cluster" if label is not None else "a single battle"
    else:
        size = float(n) if method == "wilson" else effective_n(value, variance, units)
        low, high, _ = wilson_bounds(value, size, confidence, quantile)
    return Estimate(
        value=value,
        low=low,
        high=high,
        n=n,
        method=method,
        confidence=confidence,
        unit="share",
        reason=reason,
        n_clusters=groups,
        std_error=None if math.isnan(variance) else math.sqrt(variance),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SwappedWinRate:
    """What judging every pair in both orders says.

    Attributes:
        win_rate: Of the candidate over pairs, both orders together.
        flip_rate: Share of pairs that each order decided for the other side: ties made by position alone.
        position_bias: Mean score when shown first minus mean score when shown second, in [-1, 1]; 0 is no bias.
        n_flips: Pairs that the exchange of order turned round.
        n_partial: Pairs decided in one order and tied in the other.
        n_agreed: Pairs with the same verdict in both orders.
    """

    win_rate: Estimate
    flip_rate: Estimate
    position_bias: Estimate
    n_flips: int
    n_partial: int
    n_agreed: int


def swapped_win_rate(
    shown_first: npt.ArrayLike,
    shown_second: npt.ArrayLike,
    *,
    clusters: Labels | None = None,
    rule: Literal["average", "agree"] = "average",
    confidence: float = 0.95,
) -> SwappedWinRate:
    """Win rate from pairs judged in both orders; a verdict that turns with the order is a tie, and is counted.

    The pair is the unit: its two verdicts are not two battles.

    Args:
        shown_first: The candidate's score when its answer was shown first: 1, 0.5 or 0; shape ``(n,)``.
        shown_second: Its score on the same pairs when shown second.
        clusters: Label of each pair's group, shape ``(n,)``.
        rule: ``average`` of both verdicts (won once and tied once is 0.75); ``agree``: a win or loss needs both
            orders, everything else is a tie.
        confidence: Two-sided, in (0, 1).

    Raises:
        InvalidInputError: Shapes differ, a score is none of 1, 0.5 and 0, the rule is unknown.

    Sources:
        Zheng et al. (2023), NeurIPS Datasets and Benchmarks, arXiv:2306.05685, section 3.4 (both orders);
        Wang et al. (2024), ACL, arXiv:2305.17926 (position bias).

    Examples:
        >>> both = swapped_win_rate([1, 1, 1, 0], [1, 0, 1, 0])
        >>> both.win_rate.value, both.n_flips, both.position_bias.value
        (0.625, 1, 0.25)
    """
    first, second = preferences(shown_first, "shown_first"), preferences(shown_second, "shown_second")
    if first.shape != second.shape:
        raise InvalidInputError(
            f"{first.size} verdicts in one order and {second.size} in the other", hint="judge every pair in both orders"
        )
    if not np.isin(np.concatenate([first, second]), (0.0, 0.5, 1.0)).all():
        raise InvalidInputError("a verdict is none of 1, 0.5 and 0", hint="win 1, tie 0.5, loss 0")
    if rule not in ("average", "agree"):
        raise InvalidInputError(f"rule {rule!r} is unknown", hint="average or agree")
    pair = 0.5 * (first + second)
    flipped = np.abs(first - second) == 1.0
    partial = np.abs(first - second) == 0.5
    if rule == "agree":
        pair = np.where(partial, 0.5, pair)
    # the bias is a mean in [-1, 1]: as a share of [0, 1] it has the same kind of interval
    bias = win_rate(0.5 * (1.0 + first - second), clusters=clusters, confidence=confidence)
    return SwappedWinRate(
        win_rate=win_rate(pair, clusters=clusters, confidence=confidence),
        flip_rate=win_rate(flipped.astype(np.float64), clusters=clusters, confidence=confidence),
        position_bias=_stretched(bias),
        n_flips=int(flipped.sum()),
        n_partial=int(partial.sum()),
        n_agreed=int((first == second).sum()),
    )


def _stretched(share: Estimate) -> Estimate:
    """An estimate on [0, 1] put on [-1, 1]."""
    value, low, high = (None if x is None else 2.0 * x - 1.0 for x in (share.value, share.low, share.high))
    return Estimate(
        value=value,
        low=low,
        high=high,
        n=share.n,
        method=share.method,
        confidence=share.confidence,
        unit="share difference",
        reason=share.reason,
        n_clusters=share.n_clusters,
        std_error=None if share.std_error is None else 2.0 * share.std_error,
    )


def preferences(scores: npt.ArrayLike, what: str) -> Floats:
    """A column of scores in [0, 1]."""
    column = np.asarray(scores, dtype=np.float64)
    if column.ndim != 1 or column.size == 0 or not ((column >= 0.0) & (column <= 1.0)).all():
        raise InvalidInputError(
            f"{what} must be a list of numbers from 0 to 1", hint="leave out battles without a verdict, and say so"
        )
    return column


def group_codes(clusters: Labels | None, n: int) -> Ints | None:
    """Number of each row's cluster."""
    if clusters is None:
        return None
    if len(clusters) != n:
        raise InvalidInputError(f"{n} scores and {len(clusters)} cluster labels", hint="one label a score")
    return encoded(clusters)[1]
