"""Where an uncertain straight line crosses zero: the interval of a break-even, by inverting its test."""

from __future__ import annotations

import math
from collections.abc import Callable

_STEPS = 80


def zero_crossing_bounds(
    line: Callable[[float], tuple[float, float]], root: float, *, low: float, high: float, z: float
) -> tuple[float | None, float | None]:
    """Ends of the x next to ``root`` at which the line is not told from 0; ``None`` where it never is up to the end.

    Args:
        line: Value and standard error at x; the value is linear in x and 0 at ``root``.
        root: Inside [low, high].
        low: Where to stop looking.
        high: Likewise.
        z: Standard errors that tell.

    Sources:
        Fieller (1954), Journal of the Royal Statistical Society B 16, 175-185.
    """
    return _end(line, root, low, z), _end(line, root, high, z)


def _end(line: Callable[[float], tuple[float, float]], root: float, end: float, z: float) -> float | None:
    def is_told(x: float) -> bool:
        value, std_error = line(x)
        return abs(value) > z * std_error

    if not math.isfinite(end):
        step = math.copysign(max(abs(root), 1e-6), end)
        reach = next((root + step * 2.0**k for k in range(_STEPS) if is_told(root + step * 2.0**k)), None)
        if reach is None:
            return None
        end = reach
    elif not is_told(end):
        return None
    inside, outside = root, end
    for _ in range(_STEPS):
        middle = 0.5 * (inside + outside)
        inside, outside = (inside, middle) if is_told(middle) else (middle, outside)
    return outside
