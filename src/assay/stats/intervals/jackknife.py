"""The jackknife: intervals of statistics without a formula, from leaving out one item, or one cluster, at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.calibration.inputs import Codes, cluster_codes
from assay.stats.scalar import NEW_INPUTS
from assay.stats.special import check_confidence, t_quantile

FEWEST_GROUPS = 10
MOST_GROUPS = 100
"""More clusters are left out several at a time, in groups made by shuffling their order of appearance once for all."""

Bools = npt.NDArray[np.bool_]


def deletion_groups(clusters: Sequence[Hashable] | None, n: int, *, most: int = MOST_GROUPS) -> Codes:
    """Group of each item that is left out together, at most ``most`` of them; clusters stay whole.

    Args:
        clusters: Label of each item's cluster (document), shape ``(n,)``; every item its own without.
        n: Items.
        most: Groups. More clusters are put together by chance, always in the same way.

    Returns:
        Codes from 0, shape ``(n,)``.

    Raises:
        InvalidInputError: There is no item, or not one label an item.

    Examples:
        >>> deletion_groups(["x", "x", "y"], 3).tolist()
        [0, 0, 1]
    """
    codes = np.arange(n) if clusters is None else cluster_codes(clusters, n)
    if codes is None or not n:
        raise InvalidInputError("there is nothing to leave out", hint="give at least one item")
    groups = int(codes.max()) + 1
    if groups <= most:
        return codes
    mixed = np.argsort(np.random.default_rng(groups).permutation(groups), kind="stable")
    return np.asarray(mixed[codes] % most, dtype=np.intp)


def left_out_values(
    statistic: Callable[[Bools], float | None], codes: Codes
) -> tuple[float | None, list[float | None]]:
    """A statistic on all items, and without each group; ``None`` where it does not exist.

    Args:
        statistic: From a mask of the items kept, shape ``(n,)``, to its value.
        codes: Of ``deletion_groups``.

    Examples:
        >>> x = np.array([1.0, 2.0, 6.0])
        >>> left_out_values(lambda kept: float(x[kept].mean()), deletion_groups(None, 3))
        (3.0, [4.0, 3.5, 1.5])
    """
    everything = np.ones(codes.size, dtype=bool)
    return statistic(everything), [statistic(codes != group) for group in range(int(codes.max()) + 1)]


def jackknife_error(left_out: npt.ArrayLike) -> float:
    """Standard error from the values without each of G groups: √((G - 1)/G · Σ (value - their mean)²).

    Args:
        left_out: Shape ``(G,)``, finite, at least one.

    Sources:
        Tukey (1958), Annals of Mathematical Statistics 29, 614.

    Examples:
        >>> round(jackknife_error([4.0, 3.5, 1.5]), 4)  # of the mean of 1, 2 and 6
        1.5275
    """
    values = np.asarray(left_out, dtype=np.float64)
    return math.sqrt((values.size - 1) / values.size * float(np.square(values - values.mean()).sum()))


def jackknife_estimate(
    whole: float | None,
    left_out: Sequence[float | None],
    *,
    n: int,
    unit: str,
    method: str,
    n_clusters: int | None = None,
    beyond_chance: bool = False,
    confidence: float = 0.95,
    estimand: str = NEW_INPUTS,
) -> Estimate:
    """The interval from leaving out one group at a time: t with G - 1 degrees of freedom.

    Args:
        whole: The statistic on all items.
        left_out: Without each of the G groups.
        n: Items.
        unit: Of the statistic.
        method: Its name; ``-jackknife`` is added.
        n_clusters: Clusters; ``None`` where every item stands for itself.
        beyond_chance: The statistic is 1 minus a ratio of disagreements (alpha, kappa): the interval is made on the
            scale of log(1 - x), which keeps it at most 1.
        confidence: Two-sided coverage.
        estimand: What is drawn anew.

    Returns:
        The statistic; without bounds, and with the reason, below ten groups, where it does not exist without one of
        them, or where leaving one out does not change it.

    Sources:
        Tukey (1958), Annals of Mathematical Statistics 29, 614; Shao & Wu (1989), Annals of Statistics 17, 1176-1197
        (delete a group).

    Examples:
        >>> x = np.arange(20.0)
        >>> whole, left_out = left_out_values(lambda kept: float(x[kept].mean()), deletion_groups(None, 20))
        >>> e = jackknife_estimate(whole, left_out, n=20, unit="score", method="mean")
        >>> e.value, round(e.std_error, 4)
        (9.5, 1.3229)
    """
    check_confidence(confidence)
    groups, what = len(left_out), "items" if n_clusters is None else "clusters"
    known = np.array([one for one in left_out if one is not None])
    reason = None
    if whole is None:
        reason = "it cannot be computed on these items"
    elif groups < FEWEST_GROUPS:
        reason = f"{groups} {what} are too few for an interval"
    elif known.size < groups:
        reason = f"it cannot be computed without one of the {what}"
    low = high = std_error = None
    if whole is not None and reason is None:
        one_sided = beyond_chance and whole < 1.0 - 1e-12
        scaled = -np.log1p(-np.minimum(known, 1.0 - 1e-12)) if one_sided else known
        spread = jackknife_error(scaled)
        half = t_quantile(0.5 + confidence / 2.0, groups - 1) * spread
        if spread <= 1e-12 * max(1.0, abs(whole)) or (beyond_chance and not one_sided):
            reason = f"it does not change when one of the {what} is left out, so its spread is unknown"
        elif one_sided:
            low, high = (-math.expm1(math.log1p(-whole) - side * half) for side in (-1.0, 1.0))
            std_error = spread * (1.0 - whole)
        else:
            low, high, std_error = whole - half, whole + half, spread
    return Estimate(
        value=whole, low=low, high=high, n=n, method=f"{method}-jackknife", confidence=confidence, unit=unit,
        estimand=estimand, reason=reason, n_clusters=n_clusters, std_error=std_error,
    )  # fmt: skip
