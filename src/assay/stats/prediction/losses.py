"""Losses of the prediction-powered regressions: where each is least, its gradients and its curvature."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.stats.prediction.inputs import CHUNK_ROWS, Floats, finite_matrix, finite_vector

NEWTON_STEPS = 100
LARGEST_LINEAR = 300.0
"""Linear predictors of the logit beyond this are certainty: the labels are separated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegressionData:
    """Features, labels and predictions of n labelled inputs; features and predictions of N others, checked."""

    x: Floats
    y: Floats
    f: Floats
    far_x: Floats
    far_f: Floats

    @classmethod
    def of(
        cls, x: npt.ArrayLike, y: npt.ArrayLike, f: npt.ArrayLike, far_x: npt.ArrayLike, far_f: npt.ArrayLike
    ) -> RegressionData:
        label = finite_vector(y, "labels")
        rows = finite_matrix(x, "features", rows=label.size)
        far = finite_vector(far_f, "unlabelled predictions")
        far_rows = finite_matrix(far_x, "unlabelled features", rows=far.size, columns=rows.shape[1])
        if label.size <= rows.shape[1] or far.size <= rows.shape[1]:
            raise InvalidInputError(
                f"{label.size} labelled and {far.size} unlabelled rows for {rows.shape[1]} coefficients",
                hint="more rows than columns are needed on both sides",
            )
        if np.linalg.matrix_rank(rows) < rows.shape[1] or np.linalg.matrix_rank(gram(far_rows)) < rows.shape[1]:
            raise InvalidInputError("the features are collinear", hint="drop columns that others determine")
        return cls(x=rows, y=label, f=finite_vector(f, "predictions", length=label.size), far_x=far_rows, far_f=far)

    @property
    def n(self) -> int:
        return self.y.size

    @property
    def size(self) -> int:
        return self.far_f.size


def gram(rows: Floats, weights: Floats | None = None) -> Floats:
    """X'WX, a block of rows at a time."""
    total = np.zeros((rows.shape[1], rows.shape[1]))
    for start in range(0, rows.shape[0], CHUNK_ROWS):
        part = rows[start : start + CHUNK_ROWS]
        here = part if weights is None else part * weights[start : start + CHUNK_ROWS, None]
        total += part.T @ here
    return total


class LinearLoss:
    """Squared loss."""

    def __init__(self, data: RegressionData) -> None:
        self.data = data
        self.near, self.far = gram(data.x), gram(data.far_x)

    def point(self, lam: float) -> Floats:
        data = self.data
        rectifier = np.linalg.solve(self.near, data.x.T @ (data.y - lam * data.f))
        imputed = np.linalg.solve(self.far, data.far_x.T @ data.far_f) if lam else 0.0
        return np.asarray(lam * imputed + rectifier, dtype=np.float64)

    def mean(self, rows: Floats, theta: Floats) -> Floats:
        return np.asarray(rows @ theta, dtype=np.float64)

    def hessian(self, theta: Floats, lam: float) -> Floats:
        data = self.data
        return (self.near + self.far) / (data.n + data.size) if lam else self.near / data.n

    def small(self, theta: Floats, lam: float) -> Floats:
        """HC3 of the fit of y - λf on the labelled inputs, plus the imputed fit's own variance."""
        data, inverse = self.data, np.linalg.inv(self.near)
        left = data.y - lam * data.f
        residual = left - data.x @ (inverse @ (data.x.T @ left))
        leverage = np.sum((data.x @ inverse) * data.x, axis=1)
        scores = data.x * (residual / np.maximum(1.0 - leverage, 1e-6))[:, None]
        found = inverse @ (scores.T @ scores) @ inverse
        if lam:
            outer = np.linalg.inv(self.far / data.size)
            imputed = np.asarray(np.linalg.solve(self.far, data.far_x.T @ data.far_f), dtype=np.float64)
            found = found + lam * lam * outer @ far_spread(data, self, imputed) @ outer
        return np.asarray(found, dtype=np.float64)


class LogitLoss:
    """Logistic loss; Newton's method, halving the step while the gradient grows."""

    def __init__(self, data: RegressionData) -> None:
        self.data = data
        self.start = self._solve(np.zeros(data.x.shape[1]), 0.0)

    def point(self, lam: float) -> Floats:
        return self._solve(self.start, lam) if lam else self.start

    def mean(self, rows: Floats, theta: Floats) -> Floats:
        linear = np.clip(rows @ theta, -700.0, 700.0)
        return np.asarray(1.0 / (1.0 + np.exp(-linear)), dtype=np.float64)

    def hessian(self, theta: Floats, lam: float) -> Floats:
        data, mu = self.data, self.mean(self.data.x, theta)
        near = gram(data.x, mu * (1.0 - mu))
        if not lam:
            return near / data.n
        far = self.mean(data.far_x, theta)
        return (near + gram(data.far_x, far * (1.0 - far))) / (data.n + data.size)

    def small(self, theta: Floats, lam: float) -> Floats:
        """Scores of labelled inputs over 1 - leverage, between inverses of the curvature the estimate solved with."""
        data, mu = self.data, self.mean(self.data.x, theta)
        spread = mu * (1.0 - mu)
        inverse = np.linalg.inv(gram(data.x, spread))
        leverage = spread * np.sum((data.x @ inverse) * data.x, axis=1)
        own, predicted = gradients(data, self, theta)
        scores = (own - lam * predicted) / np.maximum(1.0 - leverage, 1e-6)[:, None]
        middle = spread_of(scores) / data.n
        if lam:
            middle = middle + lam * lam * far_spread(data, self, theta)
        outer = np.linalg.inv(self._curvature(theta, lam))
        return np.asarray(outer @ middle @ outer, dtype=np.float64)

    def _solve(self, theta: Floats, lam: float) -> Floats:
        gradient = self._gradient(theta, lam)
        for _ in range(NEWTON_STEPS):
            if np.abs(gradient).max() <= 1e-12:
                return theta
            step = np.linalg.lstsq(self._curvature(theta, lam), gradient, rcond=None)[0]
            for halving in range(40):
                new = theta - step * 0.5**halving
                found = self._gradient(new, lam)
                if np.linalg.norm(found) < np.linalg.norm(gradient):
                    break
            else:
                if np.abs(gradient).max() <= 1e-9:
                    return theta
                break
            theta, gradient = new, found
            if np.abs(self.data.x @ theta).max() > LARGEST_LINEAR:
                break
        mu = self.mean(self.data.x, theta)
        if np.abs(gradient).max() <= 1e-9 and np.abs(mu - self.data.y).max() > 1e-6:
            return theta
        raise InvalidInputError(
            "the logit has no finite coefficients: the features separate the labels",
            hint="label more items, or drop the column that tells 0 from 1 perfectly",
        )

    def _gradient(self, theta: Floats, lam: float) -> Floats:
        data, mu = self.data, self.mean(self.data.x, theta)
        found = data.x.T @ (mu - data.y) / data.n
        if lam:
            far = self.mean(data.far_x, theta)
            found = found + lam * (data.far_x.T @ (far - data.far_f) / data.size - data.x.T @ (mu - data.f) / data.n)
        return np.asarray(found, dtype=np.float64)

    def _curvature(self, theta: Floats, lam: float) -> Floats:
        data, mu = self.data, self.mean(self.data.x, theta)
        near = gram(data.x, mu * (1.0 - mu)) / data.n
        if not lam:
            return near
        far = self.mean(data.far_x, theta)
        return (1.0 - lam) * near + lam * gram(data.far_x, far * (1.0 - far)) / data.size


def gradients(data: RegressionData, model: LinearLoss | LogitLoss, theta: Floats) -> tuple[Floats, Floats]:
    """Of each labelled input's loss, with its label and with its prediction, ``(n, d)`` each."""
    mu = model.mean(data.x, theta)
    return data.x * (mu - data.y)[:, None], data.x * (mu - data.f)[:, None]


def far_moments(data: RegressionData, model: LinearLoss | LogitLoss, theta: Floats) -> tuple[Floats, Floats]:
    """Sum and sum of products of the gradients at the unlabelled predictions."""
    d = data.x.shape[1]
    total, products = np.zeros(d), np.zeros((d, d))
    for start in range(0, data.size, CHUNK_ROWS):
        rows = data.far_x[start : start + CHUNK_ROWS]
        part = rows * (model.mean(rows, theta) - data.far_f[start : start + CHUNK_ROWS])[:, None]
        total += part.sum(axis=0)
        products += part.T @ part
    return total, products


def spread_of(rows: Floats) -> Floats:
    """Covariance matrix of the columns."""
    centred = rows - rows.mean(axis=0)
    return np.asarray(centred.T @ centred / (rows.shape[0] - 1), dtype=np.float64)


def far_spread(data: RegressionData, model: LinearLoss | LogitLoss, theta: Floats) -> Floats:
    """Variance of the mean gradient at the unlabelled predictions."""
    total, products = far_moments(data, model, theta)
    mean = total / data.size
    return np.asarray((products / data.size - np.outer(mean, mean)) / (data.size - 1), dtype=np.float64)
