"""Intervals on a judge's card: slopes at equal quality, coefficients of items that share documents, r² of a map."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import numpy as np
import numpy.typing as npt

from assay.core.records import Estimate
from assay.judges.agreeing import alpha_of, beside_people
from assay.judges.calibrate import explained
from assay.judges.ridge import cross_fitted_ridge, document_folds
from assay.judges.slopes import controlled_slope, label_noise
from assay.stats.prediction.ridge import Ridge, fit_ridge
from bench.coverage.case import Case, Simulation

Floats = npt.NDArray[np.float64]
Found = Callable[[np.random.Generator], tuple[Estimate, float]]
"""An interval on drawn data, and the truth it should hold."""

SLOPE, DOCUMENTS, PER_DOCUMENT, RATERS = 0.3, 60, 5, 3


def _covered(draw: Found) -> Simulation:
    def simulate(rng: np.random.Generator, trials: int) -> int:
        hits = 0
        for _ in range(trials):
            estimate, truth = draw(rng)
            if estimate.low is not None and estimate.high is not None:
                hits += estimate.low <= truth <= estimate.high
        return hits

    return simulate


def _case(
    method: str,
    domain: str,
    right: Found,
    wrong: Found,
    wrong_method: str,
    *,
    short: int,
    long: int,
    slack: float = 0.0,
    slack_because: str = "",
) -> Case:
    return Case(
        family="judges",
        method=method,
        domain=domain,
        nominal=0.95,
        claim="equal",
        right=_covered(right),
        wrong=_covered(wrong),
        wrong_method=wrong_method,
        short=short,
        long=long,
        slack=slack,
        slack_because=slack_because,
    )


def _length(
    *, noisy: bool, per_document: int
) -> Callable[[np.random.Generator], tuple[Floats, Floats, Floats, list[int]]]:
    """Verdict, log-length, raters' labels, document; longer answers are better, and the judge adds to that."""

    def draw(rng: np.random.Generator) -> tuple[Floats, Floats, Floats, list[int]]:
        items = DOCUMENTS * PER_DOCUMENT
        document = np.arange(items) // per_document
        shared = rng.normal(size=(2, int(document[-1]) + 1))[:, document]
        length = 0.7 * shared[0] + 0.7 * rng.normal(size=items)
        quality = 0.6 * length + 0.8 * rng.normal(size=items)
        verdict = quality + SLOPE * length + 0.6 * shared[1] * (1.0 + 0.5 * shared[0]) + 0.6 * rng.normal(size=items)
        spread = 1.0 if noisy else 0.05
        raters = quality[:, None] + spread * rng.normal(size=(items, RATERS)) + rng.normal(size=RATERS)
        return verdict, length, raters, document.tolist()

    return draw


def _slope(*, noisy: bool = True, corrected: bool = True, clustered: bool = True, per_document: int = 5) -> Found:
    draw = _length(noisy=noisy, per_document=per_document)

    def found(rng: np.random.Generator) -> tuple[Estimate, float]:
        verdict, length, raters, document = draw(rng)
        noise = label_noise(raters) if corrected else None
        groups = document if clustered else None
        return controlled_slope(verdict, length, [raters.mean(axis=1)], noise=noise, clusters=groups), SLOPE

    return found


def _family(*, length_held: bool) -> Found:
    """One system of six is the judge's own; it writes longer answers, which the judge likes as such."""

    def found(rng: np.random.Generator) -> tuple[Estimate, float]:
        documents = np.repeat(np.arange(40), 6)
        own = np.tile(np.arange(6) == 0, 40).astype(np.float64)
        length = 0.6 * own + 0.5 * rng.normal(size=own.size)
        quality = 0.3 * own + rng.normal(size=own.size)
        raters = quality[:, None] + rng.normal(size=(own.size, RATERS))
        liking = 0.5 * rng.normal(size=40)[documents]
        verdict = quality + 0.4 * length + 0.2 * own + liking * (1.0 + own) + 0.5 * rng.normal(size=own.size)
        controls = [raters.mean(axis=1), *([length] if length_held else [])]
        estimate = controlled_slope(verdict, own, controls, noise=label_noise(raters), clusters=documents.tolist())
        return estimate, 0.2

    return found


@cache
def _true_alpha(kind: str) -> float:
    pair, _ = _rated(np.random.default_rng(5), 20_000, kind)
    return alpha_of(pair, None, "binary" if kind == "binary" else "interval").value or math.nan


def _rated(rng: np.random.Generator, documents: int, kind: str, per_document: int = 10) -> tuple[Floats, list[str]]:
    """Verdict and label; whether the judge follows people depends on the document."""
    document = np.repeat(np.arange(documents), per_document)
    truth = rng.normal(size=document.size) + rng.normal(size=documents)[document]
    noise = np.exp(0.4 * rng.normal(size=documents))[document] * rng.normal(size=document.size)
    verdict = truth + noise + 0.7 * rng.normal(size=documents)[document]
    pair = np.column_stack([verdict, truth])
    return (pair > 0.0).astype(np.float64) if kind == "binary" else pair, [str(one) for one in document]


def _alpha(kind: str, *, clustered: bool) -> Found:
    def found(rng: np.random.Generator) -> tuple[Estimate, float]:
        pair, documents = _rated(rng, 40, kind)
        level = "binary" if kind == "binary" else "interval"
        return alpha_of(pair, documents if clustered else None, level), _true_alpha(kind)  # type: ignore[arg-type]

    return found


def _people(rng: np.random.Generator, documents: int) -> tuple[Floats, Floats, list[str]]:
    """Three raters, and a judge that is exactly as good as one of them: the true difference is 0."""
    document = np.repeat(np.arange(documents), 8)
    truth = rng.normal(size=document.size)
    strange = rng.normal(size=(4, documents))[:, document]
    four = truth + 1.2 * strange + 0.6 * rng.normal(size=(4, document.size))
    return four[:3].T, four[3], [str(one) for one in document]


def _difference(*, clustered: bool) -> Found:
    def found(rng: np.random.Generator) -> tuple[Estimate, float]:
        table, judge, documents = _people(rng, 20)
        return beside_people(table, judge, documents if clustered else None, "interval").difference, 0.0

    return found


FEATURES, LABELS = 25, 800


def _r2(*, honest: bool) -> Found:
    """The truth is what these very fits explain of new items, on average over the folds."""

    def found(rng: np.random.Generator) -> tuple[Estimate, float]:
        x = rng.normal(size=(LABELS, FEATURES))
        y = x[:, 0] * 0.6 + 0.8 * rng.normal(size=LABELS)
        if not honest:
            fit = fit_ridge(x, y, penalty=10.0)
            return explained(y, fit.predict(x), None), _explains(fit)
        folds = document_folds(None, LABELS, folds=10, rng=rng)
        predicted = cross_fitted_ridge(x, y, folds=folds, penalties=(10.0,))
        fits = [fit_ridge(x[folds != fold], y[folds != fold], penalty=10.0) for fold in range(10)]
        return explained(y, predicted, None), math.fsum(map(_explains, fits)) / len(fits)

    return found


def _explains(fit: Ridge) -> float:
    """Share of the variance (1) of new labels: their noise is .64, and what the fit gets wrong is known."""
    weights = np.array(fit.weights) / np.array(fit.spread)
    level = fit.intercept - float(weights @ np.array(fit.centre))
    weights[0] -= 0.6
    return 1.0 - (0.64 + float(weights @ weights) + level**2)


CASES: list[Case] = [
    _case(
        "length bias, labels' noise taken off, jackknife over documents",
        "60 documents of 5 answers, 3 raters with noise as large as quality, longer answers are better",
        _slope(),
        _slope(corrected=False),
        "people's mean label held equal as it is",
        short=800,
        long=20_000,
    ),
    _case(
        "length bias, jackknife over documents",
        "60 documents of 5 answers, people without noise, length and liking go by document",
        _slope(noisy=False),
        _slope(noisy=False, clustered=False),
        "answers to one document as if independent",
        short=800,
        long=20_000,
    ),
    _case(
        "self-preference, jackknife over documents",
        "40 documents, 6 systems of which one is the judge's own and writes longer answers",
        _family(length_held=True),
        _family(length_held=False),
        "length not held equal",
        short=800,
        long=20_000,
    ),
    _case(
        "Krippendorff's alpha of judge and people, jackknife over documents",
        "40 documents of 10 items, numbers, the judge follows people in some documents only",
        _alpha("interval", clustered=True),
        _alpha("interval", clustered=False),
        "items of one document as if independent",
        short=400,
        long=3_000,
    ),
    _case(
        "Krippendorff's alpha of judge and people, jackknife over documents",
        "40 documents of 10 items, yes or no",
        _alpha("binary", clustered=True),
        _alpha("binary", clustered=False),
        "items of one document as if independent",
        short=400,
        long=3_000,
    ),
    _case(
        "alpha of judge minus alpha of a person, against the other people",
        "20 documents of 8 items, 3 raters and a judge just like them, views of a document differ",
        _difference(clustered=True),
        _difference(clustered=False),
        "items of one document as if independent",
        short=80,
        long=2_000,
    ),
    _case(
        "explained variance of a calibration map, cross-fitted",
        "800 labels, 25 features of which one matters, ridge",
        _r2(honest=True),
        _r2(honest=False),
        "residuals of the labels it was fitted on",
        short=250,
        long=4_000,
        slack=0.015,
        slack_because="every fold's fit has seen the other folds' labels, which the delta method does not know",
    ),
]
