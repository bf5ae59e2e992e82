"""Least squares of y = a·x^(-b) + c for many y at once, by a search over b alone."""

from __future__ import annotations

import math

import numpy as np

from assay.stats.calibration.inputs import Floats

SMALLEST, LARGEST = 0.01, 10.0
"""Exponents searched; nearer 0 the curve is a logarithm, above 10 a step."""
_GRID = np.linspace(math.log(SMALLEST), math.log(LARGEST), 400)


def at_the_edge(exponent: float) -> bool:
    """Whether the search ended where it had to stop."""
    return not math.exp(_GRID[1]) < exponent < math.exp(_GRID[-2])


def fit_power_laws(x: Floats, rows: Floats, weight: Floats, *, offset: bool, refine: bool = False) -> Floats:
    """Exponent, scale and floor of each row, shape ``(rows, 3)``.

    Args:
        x: Sizes about 1, shape ``(n,)``.
        rows: Values, shape ``(rows, n)``.
        weight: Reciprocal of each point's noise, shape ``(n,)``.
        offset: Whether the floor is free; else it is 0.
        refine: Polish the exponent of the first row to 1e-10; the others are good to about 1e-4 of themselves.
    """
    weighted = rows * weight
    loss = _grid_losses(x, weighted, weight, offset)
    best = np.clip(np.argmin(loss, axis=1), 1, _GRID.size - 2)
    row = np.arange(rows.shape[0])
    before, here, after = loss[row, best - 1], loss[row, best], loss[row, best + 1]
    bend = before - 2.0 * here + after
    shift = np.divide(0.5 * (before - after), bend, out=np.zeros_like(bend), where=bend > 0.0)
    log_b = _GRID[best] + np.clip(shift, -1.0, 1.0) * (_GRID[1] - _GRID[0])
    if refine:
        from scipy.optimize import minimize_scalar

        ends = (_GRID[best[0] - 1], _GRID[best[0] + 1])
        target = weighted[:1]
        found = minimize_scalar(
            lambda at: float(_loss(at, x, target, weight, offset)[0]),
            bounds=ends,
            method="bounded",
            options={"xatol": 1e-10},
        )
        log_b[0] = found.x
    return _linear_parts(np.exp(log_b), x, weighted, weight, offset)


def _grid_losses(x: Floats, weighted: Floats, weight: Floats, offset: bool) -> Floats:
    """Residual sums of squares of each row at each exponent of the grid but for what all exponents share."""
    curves = x ** -np.exp(_GRID)[:, None] * weight
    if offset:
        along = weight / math.sqrt(float(weight @ weight))
        curves = curves - (curves @ along)[:, None] * along
        weighted = weighted - (weighted @ along)[:, None] * along
    curves /= np.sqrt(np.square(curves).sum(axis=1, keepdims=True))
    return np.asarray(-np.square(weighted @ curves.T))


def _loss(log_b: float, x: Floats, weighted: Floats, weight: Floats, offset: bool) -> Floats:
    """Residual sum of squares of each row at one exponent, everything else fitted, without loss of digits."""
    curve = x ** -math.exp(log_b)
    design = np.stack([curve, np.ones_like(x)], axis=1) if offset else curve[:, None]
    basis, _ = np.linalg.qr(design * weight[:, None])
    return np.asarray(np.square(weighted - (weighted @ basis) @ basis.T).sum(axis=1))


def _linear_parts(b: Floats, x: Floats, weighted: Floats, weight: Floats, offset: bool) -> Floats:
    curve = x ** -b[:, None] * weight
    if not offset:
        scale = (curve * weighted).sum(axis=1) / np.square(curve).sum(axis=1)
        return np.stack([b, scale, np.zeros_like(b)], axis=1)
    total = float(np.square(weight).sum())
    mean_curve, mean_value = (curve @ weight) / total, (weighted @ weight) / total
    centred = curve - mean_curve[:, None] * weight
    scale = (centred * weighted).sum(axis=1) / np.square(centred).sum(axis=1)
    return np.stack([b, scale, mean_value - scale * mean_curve], axis=1)


def jacobian(x: Floats, found: Floats, *, offset: bool) -> Floats:
    """Derivatives of the curve by exponent, scale and (with an offset) floor, shape ``(n, 2 or 3)``."""
    curve = x ** -found[0]
    columns = [-found[1] * curve * np.log(x), curve]
    return np.stack([*columns, np.ones_like(x)] if offset else columns, axis=1)
