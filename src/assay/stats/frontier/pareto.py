"""Pareto fronts of measured systems: which are on the front, which surely, which surely not."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.stats.calibration.inputs import Floats
from assay.stats.multiplicity.simultaneous import max_t_intervals
from assay.stats.special import check_confidence, normal_cdf

Bools = npt.NDArray[np.bool_]
_CHUNK_CELLS = 4_000_000
_MOST_SYSTEMS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontierPoint:
    """One system.

    Attributes:
        name: The system.
        on_front: No other system's estimates dominate its own.
        probability: Share of the joint distribution of the estimates in which nothing dominates it. It reads as a
            posterior under flat priors, not as a confidence: a system tied with another in everything gets about 3/4
            with two objectives, though it is on the front.
        probability_error: Monte Carlo standard error; 0 where the probability is exact.
        status: ``on`` or ``off`` with simultaneous confidence, else ``open``.
    """

    name: str
    on_front: bool
    probability: float
    probability_error: float
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ParetoFront:
    """The front, and two sets between which the true front lies.

    Attributes:
        points: In the order given.
        certain: Names that are on the true front, with ``confidence`` for this and ``possible`` together.
        possible: Names outside which no system is on the true front.
        confidence: Of both sets together.
        method: ``normal`` or ``draws``.
    """

    points: tuple[FrontierPoint, ...]
    certain: tuple[str, ...]
    possible: tuple[str, ...]
    confidence: float
    method: str


def pareto_front(
    names: Sequence[str],
    values: npt.ArrayLike,
    *,
    maximise: Sequence[bool],
    rng: np.random.Generator,
    covariance: npt.ArrayLike | None = None,
    draws: npt.ArrayLike | None = None,
    repeats: int = 20_000,
    confidence: float = 0.95,
) -> ParetoFront:
    """Systems that no other beats in one objective without losing in another, with the doubt of the estimates.

    A system dominates another when it is at least as good in all objectives and better in one. ``status`` rests on
    simultaneous intervals (largest t) of all differences between systems, so all statuses are right together with at
    least ``confidence``. Give the full covariance when systems share items: paired differences are sharper.
    Memory: about 4 million numbers, and (k²m/2)² for the covariance of differences, at most 100 systems.

    Args:
        names: k different names, at least two.
        values: Estimates, shape ``(k, m)``.
        maximise: For each objective, whether more is better, shape ``(m,)``.
        rng: Draws the joint distribution.
        covariance: Of the estimates: standard errors of shape ``(k, m)`` when all are independent; ``(k, m, m)`` when
            systems are; or ``(k·m, k·m)``, rows of ``values`` one after the other. A price known exactly has 0.
        draws: Bootstrap replicates of ``values`` from paired resampling, shape ``(repeats, k, m)``, in place of a
            covariance.
        repeats: Joint normal draws, when there is a covariance.
        confidence: Of the statuses together.

    Raises:
        InvalidInputError: Shapes do not fit, not exactly one of covariance and draws, a number is not finite, fewer
            than 1,000 draws, more than 100 systems.

    Sources:
        Hothorn, Bretz & Westfall (2008), Biometrical Journal 50, 346-363 (simultaneous intervals); Hunter et al.
        (2019), ACM TOMACS 29(1), 7 (Pareto sets of noisy systems).

    Examples:
        >>> front = pareto_front(["big", "small", "bad"], [[0.9, 2.0], [0.8, 1.0], [0.5, 3.0]],
        ...                      maximise=[True, False], covariance=[[0.01, 0.1]] * 3, rng=np.random.default_rng(1))
        >>> front.certain, front.possible
        (('big', 'small'), ('big', 'small'))
    """
    check_confidence(confidence)
    point, sign = _checked(names, values, maximise)
    k, m = point.shape
    if (covariance is None) == (draws is None):
        raise InvalidInputError(
            "give the covariance or bootstrap draws, one of them", hint="draws have (repeats, k, m)"
        )
    if draws is not None:
        sample = np.asarray(draws, dtype=np.float64)
        if sample.ndim != 3 or sample.shape[1:] != (k, m) or len(sample) < 1_000 or not np.isfinite(sample).all():
            raise InvalidInputError(
                f"draws have shape {sample.shape} for {k} systems and {m} objectives",
                hint="finite, shape (repeats, k, m), at least 1,000 repeats",
            )
        spread = np.atleast_2d(np.cov((sample * sign).reshape(len(sample), -1), rowvar=False))
        blocks: Iterator[Floats] = (sample[start : start + 1_000] * sign for start in range(0, len(sample), 1_000))
        total = len(sample)
    else:
        if repeats < 1_000:
            raise InvalidInputError(f"{repeats} draws are too few", hint="20,000 take a moment")
        spread = _covariance(covariance, k, m, sign)
        blocks, total = _normal_draws(point, spread, repeats, rng), repeats
    exact = _exact_for_two(point, spread) if draws is None else None
    chance = exact if exact is not None else _share_on_front(blocks, total, k)
    error = np.zeros(k) if exact is not None else np.sqrt(chance * (1.0 - chance) / total)
    on, off = _statuses(point, spread, confidence, rng)
    front = ~_dominated(point[None])[0]
    status = np.where(on, "on", np.where(off, "off", "open")).tolist()
    points = tuple(
        FrontierPoint(name=name, on_front=bool(here), probability=float(p), probability_error=float(e), status=said)
        for name, here, p, e, said in zip(names, front, chance, error, status, strict=True)
    )
    return ParetoFront(
        points=points,
        certain=tuple(x.name for x in points if x.status == "on"),
        possible=tuple(x.name for x in points if x.status != "off"),
        confidence=confidence,
        method="normal" if draws is None else "draws",
    )


def _checked(names: Sequence[str], values: npt.ArrayLike, maximise: Sequence[bool]) -> tuple[Floats, Floats]:
    point = np.asarray(values, dtype=np.float64)
    if point.ndim != 2 or len(names) != len(point) or len(set(names)) != len(names) or not np.isfinite(point).all():
        raise InvalidInputError(
            f"{len(names)} names and values of shape {point.shape} do not fit",
            hint="k different names and finite values of shape (k, m)",
        )
    if not 2 <= len(point) <= _MOST_SYSTEMS or point.shape[1] != len(maximise) or not len(maximise):
        raise InvalidInputError(
            f"{len(point)} systems with {point.shape[1]} objectives and {len(maximise)} directions",
            hint=f"2 to {_MOST_SYSTEMS} systems, and one direction for each objective",
        )
    sign = np.where(np.asarray(maximise, dtype=bool), 1.0, -1.0)
    return point * sign, sign


def _covariance(covariance: npt.ArrayLike | None, k: int, m: int, sign: Floats) -> Floats:
    given = np.asarray(covariance, dtype=np.float64)
    full = np.zeros((k * m, k * m))
    if given.shape == (k * m, k * m) and given.shape != (k, m):
        full = given
    elif given.shape == (k, m):
        if (given < 0.0).any():
            raise InvalidInputError("a standard error is negative", hint="0 for what is known exactly")
        full = np.diag(np.square(given).ravel())
    elif given.shape == (k, m, m):
        for system in range(k):
            full[system * m : (system + 1) * m, system * m : (system + 1) * m] = given[system]
    else:
        raise InvalidInputError(
            f"the covariance has shape {given.shape}", hint=f"({k}, {m}), ({k}, {m}, {m}) or ({k * m}, {k * m})"
        )
    if not (np.isfinite(full).all() and np.allclose(full, full.T) and (np.diag(full) >= 0.0).all()):
        raise InvalidInputError("the covariance is not symmetric, or a number is not finite", hint="check its entries")
    roots = np.linalg.eigvalsh(full)
    if roots[0] < -1e-8 * max(float(roots[-1]), 1e-300):
        raise InvalidInputError("the covariance is not positive semi-definite", hint="compute it from complete rows")
    turn = np.tile(sign, k)
    return full * np.outer(turn, turn)


def _normal_draws(point: Floats, spread: Floats, repeats: int, rng: np.random.Generator) -> Iterator[Floats]:
    roots, vectors = np.linalg.eigh(spread)
    factor = vectors * np.sqrt(np.clip(roots, 0.0, None))
    factor[np.diag(spread) == 0.0] = 0.0  # what is known exactly stays exact, and ties in it stay ties
    k, m = point.shape
    at_once = max(1, _CHUNK_CELLS // (k * k * m))
    for start in range(0, repeats, at_once):
        size = min(at_once, repeats - start)
        yield point + (rng.standard_normal((size, roots.size)) @ factor.T).reshape(size, k, m)


def _dominated(values: Floats) -> Bools:
    """Whether each system is dominated, shape ``(draws, k)``; more is better."""
    other, own = values[:, :, None, :], values[:, None, :, :]
    pairs: Bools = np.asarray((other >= own).all(axis=3) & (other > own).any(axis=3))
    return np.asarray(pairs.any(axis=1), dtype=np.bool_)


def _share_on_front(blocks: Iterator[Floats], total: int, k: int) -> Floats:
    free = np.zeros(k)
    for block in blocks:
        free += (~_dominated(block)).sum(axis=0)
    return free / total


def _exact_for_two(point: Floats, spread: Floats) -> Floats | None:
    """With two systems whose differences are independent over objectives: 1 - Π Φ(difference / error)."""
    k, m = point.shape
    if k != 2:
        return None
    contrast = np.hstack([np.eye(m), -np.eye(m)])
    between = contrast @ spread @ contrast.T
    if np.abs(between - np.diag(np.diag(between))).max() > 0.0:
        return None
    difference, error = point[0] - point[1], np.sqrt(np.diag(between))
    if not error.any():
        return np.where(_dominated(point[None])[0], 0.0, 1.0)

    def worse(gap: Floats) -> float:
        return math.prod(
            normal_cdf(g / e) if e > 0.0 else float(g >= 0.0) for g, e in zip(gap.tolist(), error.tolist(), strict=True)
        )

    return np.array([1.0 - worse(-difference), 1.0 - worse(difference)])


def _statuses(point: Floats, spread: Floats, confidence: float, rng: np.random.Generator) -> tuple[Bools, Bools]:
    """Systems surely on and surely off the front, from simultaneous bounds of every difference."""
    k, m = point.shape
    first, second = np.triu_indices(k, 1)
    flat = np.arange(k * m).reshape(k, m)
    left, right = flat[first].ravel(), flat[second].ravel()
    gap = point.ravel()[left] - point.ravel()[right]
    half = np.zeros(gap.size)
    rows = spread[left] - spread[right]
    between = rows[:, left] - rows[:, right]
    noisy = np.diag(between) > 1e-14 * (np.diag(spread)[left] + np.diag(spread)[right])
    if noisy.any():
        bounds = max_t_intervals(
            gap[noisy].tolist(), between[np.ix_(noisy, noisy)], rng=rng, confidence=confidence, draws=20_000
        )
        half[noisy] = [float(e.high) - float(e.value) for e in bounds if e.high is not None and e.value is not None]
    low, high = np.zeros((k, k, m)), np.zeros((k, k, m))
    low[first, second], high[first, second] = (gap - half).reshape(-1, m), (gap + half).reshape(-1, m)
    low[second, first], high[second, first] = -high[first, second], -low[first, second]
    beats = (low >= 0.0).all(axis=2) & (low > 0.0).any(axis=2)
    equal = (low == 0.0).all(axis=2) & (high == 0.0).all(axis=2)
    safe = (low > 0.0).any(axis=2) | equal
    return np.asarray(safe.all(axis=1), dtype=np.bool_), np.asarray(beats.any(axis=0), dtype=np.bool_)
