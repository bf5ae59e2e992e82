"""A map whose residuals vary less than the labels here: its variance is left out, and the result says so."""

from __future__ import annotations

import numpy as np
import pytest

from assay.stats.prediction import limits
from assay.stats.prediction.twophase import two_phase_mean, two_phase_replays

N, LABELS = 400, 18


def replays(prior: float, *, draws: int = 3_000) -> tuple[float, float]:
    """Coverage and mean width with residuals of variance 1 and a map that saw ``prior``."""
    rng = np.random.default_rng(1)
    judge = rng.normal(size=N)
    y = judge + rng.normal(size=N)
    asked = np.argsort(rng.random((draws, N)), axis=1)[:, None, :] < LABELS
    found = two_phase_replays(y, [judge], asked=asked, weights="fixed", prior_variances=[prior])
    covered = (found.low <= y.mean()) & (y.mean() <= found.high)
    return float(covered.mean()), float((found.high - found.low).mean())


def test_a_map_of_something_else_does_not_narrow_the_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    covered, _ = replays(0.1)
    assert covered > 0.935
    monkeypatch.setattr(limits, "STRANGE", 1e-12)
    trusted, _ = replays(0.1)
    assert trusted < 0.87


def test_a_map_that_fits_is_hardly_ever_taken_for_a_stranger(monkeypatch: pytest.MonkeyPatch) -> None:
    covered, width = replays(1.0)
    assert covered > 0.94
    monkeypatch.setattr(limits, "STRANGE", 1e-12)
    assert width < 1.02 * replays(1.0)[1]


def test_the_result_says_whether_the_map_counts() -> None:
    rng = np.random.default_rng(2)
    judge = rng.normal(size=60)
    labels = np.where(np.arange(60) < 20, judge + rng.normal(size=60), np.nan)
    fits, strange, without = (
        two_phase_mean(labels, [judge], weights="fixed", prior_variances=prior) for prior in ([1.0], [0.01], None)
    )
    assert (fits.map_fits, strange.map_fits, without.map_fits) == (True, False, None)
    assert strange.estimate == without.estimate
    assert fits.df is not None and strange.df is not None and fits.df > strange.df
