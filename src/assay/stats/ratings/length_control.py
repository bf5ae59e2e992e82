"""Length-controlled win rate: what the win rate would be if both answers were of the same length."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.ratings.encoding import Floats, Ints, counted, encoded
from assay.stats.ratings.win_rate import Labels, group_codes, preferences
from assay.stats.special import check_confidence, normal_quantile, t_quantile

_STEPS = 1_000
_LIMIT = 30.0


def length_controlled_win_rate(
    preference: npt.ArrayLike,
    length_difference: npt.ArrayLike,
    *,
    difficulty: npt.ArrayLike | None = None,
    clusters: Labels | None = None,
    ridge: float = 0.1,
    confidence: float = 0.95,
) -> Estimate:
    """Mean over instructions of the fitted chance to win with the length term set to 0.

    Fits logit P(win on x) = θ + φ·tanh(Δ / sd(Δ)) + ψ·γ(x), Δ the candidate's length minus the baseline's and γ(x) how
    hard instruction x is for models in general; then averages σ(θ + ψ·γ(x)). It answers a question about a model of
    the judge, not about answers that exist: where all answers of a model are longer than the baseline's, equal length
    is outside the data.

    Args:
        preference: Chance that the candidate won, or 1, 0.5, 0; shape ``(n,)``, in [0, 1], one for each instruction.
        length_difference: Candidate's length minus the baseline's, shape ``(n,)``.
        difficulty: γ of each instruction, from ``instruction_difficulty``; ``None`` leaves the term out.
        clusters: Label of each instruction's group, shape ``(n,)``.
        ridge: Precision of a normal prior on φ and ψ (per unit of their columns), against separation.
        confidence: Two-sided, in (0, 1).

    Returns:
        A share. The interval is by the sandwich and the delta method on the log-odds of the share, for new
        instructions and the fitted model; γ counts as known. No bounds, with the reason, where the fit has no finite
        maximum.

    Raises:
        InvalidInputError: Shapes differ, a number is not finite or a preference is outside [0, 1], n is below 10,
            lengths never differ, the ridge is below 0.

    Sources:
        Dubois, Galambosi, Liang & Hashimoto (2024), COLM, arXiv:2404.04475, equations 1 to 3.

    Examples:
        >>> rng = np.random.default_rng(1)
        >>> longer = rng.normal(200, 300, size=2_000)
        >>> won = rng.random(2_000) < 1 / (1 + np.exp(-1.5 * np.tanh(longer / longer.std())))
        >>> e = length_controlled_win_rate(won, longer)
        >>> round(float(won.mean()), 2), e.low < 0.5 < e.high
        (0.63, True)
    """
    check_confidence(confidence)
    won = preferences(preference, "preference")
    n = won.size
    length = _finite(length_difference, n, "length_difference")
    if n < 10 or not np.isfinite(ridge) or ridge < 0.0:
        raise InvalidInputError(f"{n} instructions with ridge {ridge} cannot be fitted", hint="10 or more; ridge >= 0")
    columns = [np.ones(n), _bounded(length)]
    if difficulty is not None:
        columns.append(_finite(difficulty, n, "difficulty"))
    x = np.column_stack(columns)
    label = group_codes(clusters, n)
    groups = None if label is None else int(label.max()) + 1
    penalty = np.full(x.shape[1], ridge)
    penalty[0] = 0.0
    reason = _no_fit(won, groups)
    point = _logit(x, won, penalty) if reason is None else None
    if reason is None and point is None:
        reason = "preferences can be foretold without error, so no maximum is finite; raise the ridge"
    if point is None:
        return Estimate(
            value=None, low=None, high=None, n=n, method="length-controlled", confidence=confidence, unit="share",
            reason=reason, n_clusters=groups,
        )  # fmt: skip
    value, std_error = _equal_length(x, won, point, penalty, label)
    upper = 0.5 + confidence / 2.0
    quantile = normal_quantile(upper) if groups is None else t_quantile(upper, groups - 1)
    middle, half = math.log(value / (1.0 - value)), quantile * std_error / (value * (1.0 - value))
    return Estimate(
        value=value,
        low=1.0 / (1.0 + math.exp(half - middle)),
        high=1.0 / (1.0 + math.exp(-half - middle)),
        n=n,
        method="length-controlled",
        confidence=confidence,
        unit="share",
        n_clusters=groups,
        std_error=std_error,
    )


def instruction_difficulty(
    preference: npt.ArrayLike,
    *,
    model: Labels,
    item: Labels,
    length_difference: npt.ArrayLike,
    ridge: float = 1.0,
) -> dict[Any, float]:
    """γ of each instruction: by how many log-odds it favours candidates over the baseline, all models together.

    Fits logit P = θ(model) + φ(model)·tanh(Δ / sd) + γ(item) with a normal prior on γ and φ; by alternating Newton
    steps, O(rows) memory.

    Args:
        preference: Chance that the candidate won, shape ``(n,)``, in [0, 1].
        model: Candidate of each row.
        item: Instruction of each row.
        length_difference: Candidate's length minus the baseline's.
        ridge: Precision of the prior on γ and φ, above 0.

    Returns:
        γ by item label; the mean is near 0.

    Raises:
        InvalidInputError: Lengths differ, a number is not finite, the ridge is not above 0, a model won or lost all.

    Sources:
        Dubois, Galambosi, Liang & Hashimoto (2024), arXiv:2404.04475, section 3 (the joint fit with ψ fixed at 1).

    Examples:
        >>> hard = instruction_difficulty(
        ...     [1, 0, 0.9, 0.2], model=["m", "m", "k", "k"], item=[1, 2, 1, 2], length_difference=[5, -3, -2, 4]
        ... )
        >>> hard[1] > 0 > hard[2]
        True
    """
    won = preferences(preference, "preference")
    n = won.size
    length = _finite(length_difference, n, "length_difference")
    if not (math.isfinite(ridge) and ridge > 0.0):
        raise InvalidInputError(f"ridge is {ridge}", hint="a precision above 0, for example 1")
    if len(model) != n or len(item) != n:
        raise InvalidInputError("preferences, models and items differ in length", hint="one of each a row")
    names, which = encoded(model)
    _, where = encoded(item)
    total = counted(which, won, len(names))
    count = np.bincount(which, minlength=len(names))
    extreme = np.flatnonzero((total <= 0.0) | (total >= count))
    if extreme.size:
        raise InvalidInputError(
            f"{names[extreme[0]]} won all or lost all, so it says nothing of the instructions", hint="leave it out"
        )
    gamma = _joint(won, which, where, _bounded_by_model(length, which, len(names)), ridge)
    labels = sorted(dict.fromkeys(item.tolist() if isinstance(item, np.ndarray) else item), key=_sort_key)
    return dict(zip(labels, gamma.tolist(), strict=True))


def _joint(won: Floats, which: Ints, where: Ints, length: Floats, ridge: float) -> Floats:
    """Alternate between γ of every item and (θ, φ) of every model until nothing moves."""
    models, items = int(which.max()) + 1, int(where.max()) + 1
    theta, phi, gamma = np.zeros(models), np.zeros(models), np.zeros(items)
    for _ in range(_STEPS):
        before = gamma
        share = _sigmoid(theta[which] + phi[which] * length + gamma[where])
        gamma = gamma + _newton(
            counted(where, won - share, items), counted(where, share * (1 - share), items), gamma, ridge
        )
        share = _sigmoid(theta[which] + phi[which] * length + gamma[where])
        left, weight = won - share, share * (1.0 - share)
        slope = np.stack([counted(which, left, models), counted(which, left * length, models) - ridge * phi])
        level, mixed, bend = (counted(which, weight * length**power, models) for power in range(3))
        bend += ridge
        level += 1e-9
        apart = level * bend - mixed * mixed
        theta = theta + np.clip((bend * slope[0] - mixed * slope[1]) / apart, -1.0, 1.0)
        phi = phi + np.clip((level * slope[1] - mixed * slope[0]) / apart, -1.0, 1.0)
        if np.abs(gamma - before).max() < 1e-9:
            break
    return gamma


def _newton(slope: Floats, curvature: Floats, at: Floats, ridge: float) -> Floats:
    """One damped step for many separate parameters with a normal prior."""
    return np.clip((slope - ridge * at) / (curvature + ridge), -1.0, 1.0)


def _logit(x: Floats, won: Floats, penalty: Floats) -> Floats | None:
    """Coefficients at the maximum; ``None`` where they run away."""
    point = np.zeros(x.shape[1])
    for _ in range(_STEPS):
        share = _sigmoid(x @ point)
        slope = x.T @ (won - share) - penalty * point
        step = np.linalg.lstsq(_information(x, share, penalty), slope)[0]
        step *= min(1.0, 2.0 / max(float(np.abs(step).max()), 1e-300))
        point = point + step
        if np.abs(point).max() > _LIMIT:
            return None
        if np.abs(step).max() < 1e-10:
            return point
    return None


def _equal_length(x: Floats, won: Floats, point: Floats, penalty: Floats, label: Ints | None) -> tuple[float, float]:
    """The share at equal length and its standard error, from the influence of each instruction on it."""
    level = x.copy()
    level[:, 1] = 0.0
    at_level, fitted = _sigmoid(level @ point), _sigmoid(x @ point)
    value = float(at_level.mean())
    pull = level.T @ (at_level * (1.0 - at_level)) / won.size
    answer = np.linalg.solve(_information(x, fitted, penalty) / won.size, pull)
    influence = at_level - value + (won - fitted) * (x @ answer)
    if label is not None:
        influence = counted(label, influence, int(label.max()) + 1)
    units = influence.size
    return value, math.sqrt(units / (units - 1) * float(influence @ influence)) / won.size


def _information(x: Floats, share: Floats, penalty: Floats) -> Floats:
    full = (x * (share * (1.0 - share))[:, None]).T @ x + np.diag(penalty)
    return np.asarray(full, dtype=np.float64)


def _no_fit(won: Floats, groups: int | None) -> str | None:
    if groups == 1:
        return "all instructions share one cluster"
    if won.max() <= 0.0 or won.min() >= 1.0:
        return "every instruction was won, or every one lost: no finite maximum"
    return None


def _bounded(length: Floats) -> Floats:
    """tanh of the difference in units of its spread."""
    spread = float(length.std())
    if spread == 0.0:
        raise InvalidInputError(
            "the length differences are all equal", hint="then length explains nothing: use win_rate"
        )
    return np.tanh(length / spread)


def _bounded_by_model(length: Floats, which: Ints, models: int) -> Floats:
    count = np.bincount(which, minlength=models)
    mean = counted(which, length, models) / count
    spread = np.sqrt(counted(which, (length - mean[which]) ** 2, models) / count)
    return np.tanh(length / np.where(spread > 0.0, spread, 1.0)[which])


def _finite(column: npt.ArrayLike, n: int, what: str) -> Floats:
    values = np.asarray(column, dtype=np.float64)
    if values.shape != (n,) or not np.isfinite(values).all():
        raise InvalidInputError(f"{what} must be {n} finite numbers", hint="one for each preference")
    return values


def _sigmoid(x: Floats) -> Floats:
    return 0.5 * (1.0 + np.tanh(0.5 * x))


def _sort_key(label: Any) -> tuple[str, Any]:
    return str(type(label)), label
