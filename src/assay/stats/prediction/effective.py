"""What a cheap estimate is worth, counted in labels of the top tier."""

from __future__ import annotations

import math

from assay.core.errors import InvalidInputError


def effective_labels(variance: float, label_variance: float, *, population: int | None = None) -> float | None:
    """Labels, drawn at random and used alone, that would give an estimate of this variance.

    Solves S²(1/n - 1/N) = V for these N items, S²/n = V for new inputs.

    Args:
        variance: Of the estimate, at least 0.
        label_variance: Variance of the label over the items, at least 0.
        population: N, for the estimand ``these items``.

    Returns:
        The number, at most N; ``None`` where labels or estimate do not vary.

    Raises:
        InvalidInputError: A variance is negative or not finite.

    Sources:
        Cochran (1977), Sampling Techniques, section 4.6, solved for n.

    Examples:
        >>> effective_labels(0.01, 1.0)
        100.0
        >>> effective_labels(0.005, 1.0, population=200)
        100.0
    """
    if not (0.0 <= variance < math.inf and 0.0 <= label_variance < math.inf):
        raise InvalidInputError(f"variances {variance} and {label_variance} cannot be", hint="finite and at least 0")
    if label_variance == 0.0:
        return None
    inverse = variance / label_variance + (0.0 if population is None else 1.0 / population)
    return None if inverse == 0.0 else 1.0 / inverse


def kish_effective_n(weights: list[float]) -> float:
    """Kish's (Σw)² / Σw²: equally weighted samples that give a weighted mean of independent values this variance.

    Args:
        weights: Inverse inclusion probabilities, at least one positive.

    Raises:
        InvalidInputError: A weight is negative or not finite, or all are 0.

    Sources:
        Kish (1965), Survey Sampling, section 11.7.

    Examples:
        >>> kish_effective_n([1.0, 1.0, 2.0])
        2.6666666666666665
    """
    squares = math.fsum(w * w for w in weights)
    if not math.isfinite(squares) or squares <= 0.0 or min(weights) < 0.0:
        raise InvalidInputError("weights must be finite, at least 0 and not all 0", hint="give 1/probability")
    return math.fsum(weights) ** 2 / squares
