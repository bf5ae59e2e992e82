"""The two comparisons of counted instructions: ``at least`` and ``less than``."""

from __future__ import annotations

RELATIONS = ("at least", "less than")


def holds(count: int, *, relation: str, threshold: int) -> bool:
    """Whether ``count`` stands in ``relation`` (one of ``RELATIONS``) to ``threshold``.

    Examples:
        >>> holds(3, relation="at least", threshold=3), holds(3, relation="less than", threshold=3)
        (True, False)
    """
    return count >= threshold if relation == "at least" else count < threshold
