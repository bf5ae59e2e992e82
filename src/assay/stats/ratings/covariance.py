"""Covariance of fitted ratings: from the model, by the sandwich, by the sandwich over clusters."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from assay.stats.ratings.battles import Battles
from assay.stats.ratings.encoding import Floats, counted
from assay.stats.ratings.likelihood import Outcomes
from assay.stats.ratings.newton import Fit, Rows, anchored


def bread(fit: Fit, size: int, ridge: float) -> Floats:
    """Inverse of the information in the space where ratings have mean 0: the model's own covariance."""
    return _centred(np.linalg.inv(anchored(fit.information, size, ridge)), size)


def robust(fit: Fit, rows: Rows, outcomes: Outcomes, *, ridge: float) -> Floats:
    """Sandwich for independent battles in one solve, with the factor n / (n - parameters) left to the caller.

    With a prior, its information is added to the squared scores too: the covariance then is the posterior's where the
    model holds, and robust where it does not.

    Sources:
        White (1982), Econometrica 50, 1-25.
    """
    theta = float(fit.point[-1])
    in_eta, in_theta = outcomes.scores(rows.eta(fit.point), theta)
    curvature = (rows.squares * in_eta * in_eta).sum(axis=0)
    if in_theta is None:
        meat = rows.quadratic(curvature)
    else:
        mixed = (rows.squares * in_eta * in_theta).sum(axis=0)
        meat = rows.bordered(curvature, mixed, float((rows.squares * in_theta * in_theta).sum()))
    return sandwiched(fit, meat, rows.size, ridge)


def clustered(fit: Fit, rows: Rows, outcomes: Outcomes, battles: Battles, *, ridge: float) -> Floats:
    """Sandwich over clusters, without its factor G / (G - 1); ``rows`` are the battles themselves, in their order.

    The sums of a cluster are kept only for models that meet in it: O(n + K²) memory, whatever the number of clusters.

    Sources:
        Liang & Zeger (1986), Biometrika 73, 13-22.
    """
    from scipy.sparse import coo_array

    assert battles.cluster is not None and battles.n_clusters is not None
    in_eta, in_theta = outcomes.scores(rows.eta(fit.point), float(fit.point[-1]))
    slope = (rows.sums * in_eta).sum(axis=0)
    groups, size, width = battles.n_clusters, rows.size, fit.point.size
    places = (np.concatenate([battles.cluster, battles.cluster]), np.concatenate([rows.a, rows.b]))
    ratings = coo_array((np.concatenate([slope, -slope]), places), shape=(groups, size)).tocsr()
    columns = [rows.x[:, column] * slope for column in range(rows.x.shape[1])]
    if in_theta is not None:
        columns.append((rows.sums * in_theta).sum(axis=0))
    meat = np.zeros((width, width))
    meat[:size, :size] = (ratings.T @ ratings).toarray()
    if columns:
        others = np.column_stack([counted(battles.cluster, column, groups) for column in columns])
        meat[:size, size:] = ratings.T @ others
        meat[size:, :size] = meat[:size, size:].T
        meat[size:, size:] = others.T @ others
    return sandwiched(fit, meat, size, ridge)


def sandwiched(fit: Fit, meat: Floats, size: int, ridge: float) -> Floats:
    """Bread · (meat + prior) · bread."""
    meat[np.arange(size), np.arange(size)] += ridge
    outer = np.linalg.inv(anchored(fit.information, size, ridge))
    return _centred(outer @ meat @ outer, size)


def _centred(covariance: npt.NDArray[np.floating[Any]], size: int) -> Floats:
    """The same for ratings minus their mean."""
    ratings = covariance[:size]
    ratings -= ratings.mean(axis=0)
    columns = covariance[:, :size]
    columns -= columns.mean(axis=1, keepdims=True)
    return covariance.astype(np.float64, copy=False)
