"""Conformance suite for metrics: what a run's running totals rely on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import permutations
from typing import Any

from assay.core.errors import InvalidInputError
from assay.core.protocols import Metric
from assay.testing.promise import calmly, global_randomness_untouched, must

EPOCHS: Sequence[Sequence[float]] = (
    (0.0,),
    (1.0,),
    (1.0, 0.0),
    (0.0, 0.0, 0.0),
    (1.0, 0.0, 1.0),
    (1.0, 0.0, 0.0, 1.0),
    (1.0, 1.0, 0.0, 1.0, 0.0, 0.0),
    (1.0,) * 40 + (0.0,) * 24,
    (0.5, 0.25),
    (-3.0, 0.125, 1e6),
    (0.1, 0.7, 1e-12),
)
"""Values of one sample's epochs: verdicts, then graded ones."""


def check_metric(metric: Metric, *, examples: Sequence[Sequence[float]] = ()) -> None:
    """Hold a metric to its promises: a finite number or ``None``, whatever the order in which epochs come in.

    Graded values may be refused with InvalidInputError; too few epochs are ``None``.

    Args:
        examples: Further epochs of one sample, at least one value each.

    Raises:
        AssertionError: A promise is broken; the message says which and on what values.

    Examples:
        >>> from assay.stats import PassAtK
        >>> check_metric(PassAtK(k=2))
    """
    who = f"metric {type(metric).__name__}"
    name = getattr(metric, "name", None)
    must(isinstance(name, str) and name, f"{who}: name is {name!r}; a text that is not empty is wanted")
    transform = getattr(metric, "transform", None)
    must(transform in ("identity", "exp"), f"{who}: transform is {transform!r}; identity or exp is wanted")
    with global_randomness_untouched(who):
        reduced = [_check_epochs(metric, values) for values in (*examples, *EPOCHS)]
    must(
        any(number is not None for number in reduced),
        f"{who} gave no sample a number: pass examples=[[…], …] that it can reduce",
    )


def _check_epochs(metric: Metric, values: Sequence[float]) -> float | None:
    shown = str(list(values[:6])) + (" …" if len(values) > 6 else "")
    what = f"metric {metric.name} on the epochs {shown}"
    given = list(values)
    number = _reduced(metric, given, what)
    must(given == list(values), f"{what} changed the list it was given")
    must(
        number is None or (isinstance(number, int | float) and math.isfinite(number)),
        f"{what} gave {number!r}; a finite number, or None where there are too few epochs, is wanted",
    )
    must(
        _same(_reduced(metric, tuple(values), what), number), f"{what} gives another number for a tuple than for a list"
    )
    orders = list(permutations(values)) if len(values) <= 4 else [tuple(reversed(values)), tuple(sorted(values))]
    for order in orders:
        again = _reduced(metric, list(order), what)
        must(
            _same(again, number),
            f"{what} gave {number} and, in the order {list(order[:6])}, {again}: epochs come in as they end",
        )
    return number


def _reduced(metric: Metric, values: Any, what: str) -> float | None:
    number: float | None = calmly(lambda: metric.reduce(values), what, allowed=InvalidInputError)
    return number


def _same(first: float | None, second: float | None) -> bool:
    if first is None or second is None:
        return first is second
    return math.isclose(first, second, rel_tol=1e-9, abs_tol=1e-12)
