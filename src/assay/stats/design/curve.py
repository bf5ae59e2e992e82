"""Power along a range of sizes or differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.stats.design.result import PowerCurve, SampleSize


def power_curve(
    plan: Callable[..., SampleSize],
    *,
    over: Literal["n", "difference"],
    values: npt.ArrayLike,
    **inputs: Any,
) -> PowerCurve:
    """Power of a plan at many sizes or many differences.

    Args:
        plan: ``plan_means``, ``plan_proportions`` or any other plan of this family.
        over: The axis.
        values: Shape ``(k,)``; for ``n`` whole numbers of units (clusters) of the control.
        **inputs: The plan's other arguments: the difference for an axis of sizes, n for an axis of differences.

    Raises:
        InvalidInputError: There are no values, or the plan refuses one.

    Examples:
        >>> from assay.stats.design.means import plan_means
        >>> power_curve(plan_means, over="n", values=[32, 64, 128], std_dev=1.0, difference=0.5).power.round(3).tolist()
        [0.504, 0.801, 0.979]
    """
    points = np.asarray(values, dtype=np.float64)
    if points.ndim != 1 or points.size == 0 or over not in ("n", "difference"):
        raise InvalidInputError(
            f"values of shape {points.shape} over {over!r} are no curve", hint="a vector over 'n' or 'difference'"
        )
    if over == "n" and not np.array_equal(points, np.floor(points)):
        raise InvalidInputError("sizes are whole numbers", hint="round the axis, e.g. range(100, 2_000, 100)")
    plans = [plan(**{over: int(x) if over == "n" else float(x)}, **inputs) for x in points]
    return PowerCurve(
        axis=over, values=points, power=np.array([found.power for found in plans]), method=plans[0].method
    )
