"""Weights of items drawn by lot add up to those of the items they were drawn from; beside certain ones as well."""

from __future__ import annotations

import math

import numpy as np
import pytest

from assay.stats.prediction import twophase
from assay.stats.prediction.draws import balanced
from assay.stats.prediction.twophase import two_phase_mean, two_phase_replays

pytestmark = pytest.mark.slow

N, DRAWS = 300, 6_000


def test_lot_items_weigh_what_they_were_drawn_from() -> None:
    inverse = np.zeros((1, 2, 6))
    inverse[0, 0] = [1.0, 1.0, 4.0, 4.0, 0.0, 0.0]
    inverse[0, 1] = [1.0, 5.0, 8.0, 0.0, 0.0, 0.0]
    found = balanced(inverse)[0]
    assert found[0].tolist() == [1.0, 1.0, 2.0, 2.0, 0.0, 0.0]  # two of four stand for four
    assert found[1, 0] == 1.0
    assert found[1].sum() == pytest.approx(6.0)
    assert found[1, 1] / found[1, 2] == pytest.approx(5.0 / 4.0)


def test_a_simple_draw_is_left_as_it_is() -> None:
    rng = np.random.default_rng(1)
    asked = np.argsort(rng.random((5, 40)), axis=1) < 10
    inverse = np.stack([np.where(asked | True, 1.0, 0.0), np.where(asked, 4.0, 0.0)], axis=1)
    assert balanced(inverse) == pytest.approx(inverse)


def unequal(monkeypatch: pytest.MonkeyPatch, *, plain: bool) -> tuple[float, float]:
    """z and coverage of a Poisson draw beside 60 certain items that are two levels higher."""
    if plain:
        monkeypatch.setattr(twophase, "balanced", lambda inverse, _: inverse)
    rng = np.random.default_rng(2)
    certain = np.arange(N) < 60
    y = rng.normal(size=N) + 2.0 * certain
    chance = np.where(certain, 1.0, rng.uniform(0.03, 0.12, size=N))
    asked = (rng.random((DRAWS, N)) < chance)[:, None, :]
    found = two_phase_replays(y, [np.zeros(N)], asked=asked, probabilities=[chance], weights="fixed")
    known = found.refused == 0
    error = found.value[known] - y.mean()
    return float(error.mean() / (error.std() / math.sqrt(known.sum()))), found.coverage(float(y.mean()))


def test_certain_items_of_another_kind_do_not_move_with_the_number_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    z, covered = unequal(monkeypatch, plain=False)
    assert abs(z) < 3.5 and covered > 0.92
    bent, _ = unequal(monkeypatch, plain=True)
    assert abs(bent) > 5.0


def test_certain_items_alone_say_nothing_of_the_others() -> None:
    labels = np.where(np.arange(40) < 10, 1.0, np.nan)
    chance = np.where(np.arange(40) < 10, 1.0, 0.1)
    found = two_phase_mean(labels, [np.zeros(40)], probabilities=[chance], weights="fixed", share=True).estimate
    assert found.value is None and found.low is None
    assert found.reason is not None and "left to chance" in found.reason


def test_a_share_lies_in_the_unit_interval_and_in_its_own() -> None:
    rng = np.random.default_rng(3)
    y = (rng.random(N) < 0.03).astype(float)
    judge = 0.4 * y + 0.1 * rng.random(N)
    asked = np.argsort(rng.random((DRAWS, N)), axis=1)[:, None, :] < 15
    found = two_phase_replays(y, [judge], asked=asked, weights="fixed", share=True)
    assert found.value.min() >= 0.0
    assert np.all((found.low <= found.value + 1e-12) & (found.value <= found.high + 1e-12))
    assert found.coverage(float(y.mean())) > 0.93


def test_certain_items_without_a_verdict_do_not_bend_the_fit() -> None:
    """A tenth of the certain items gave no verdict; they are of another kind, which the judge does not see."""
    rng = np.random.default_rng(4)
    certain = np.arange(N) < 80
    y = np.where(certain, 5.0, rng.normal(3.0, 1.0, size=N))
    judge = np.where(certain, 3.0, y) + rng.normal(scale=0.6, size=N)
    values: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(800):
        answered = rng.random(N) < 0.9
        drawn = (certain | (rng.random(N) < 12 / 220)) & answered
        chance = np.where(certain, answered[certain].mean(), 12 / 220 * 0.9)
        for told in (True, False):
            labels = np.where(drawn, y, np.nan)
            found = two_phase_mean(labels, [judge], probabilities=[chance], certain=certain if told else None)
            values[told].append(float(found.estimate.value or 0.0))
    z = {told: (np.mean(one) - y.mean()) / (np.std(one) / math.sqrt(800)) for told, one in values.items()}
    assert abs(z[True]) < 3.5
    assert np.std(values[True]) < np.std(values[False])
