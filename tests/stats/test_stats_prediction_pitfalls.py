"""Eight ways in which a cascade looks better than it is, on real judges and experts where they are at hand.

SummEval (Fabbri et al. 2021): 600 summaries, three experts each, judged by GPT-3.5 and GPT-4 (Liu et al. 2023 forms).
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from assay.stats.prediction.sampling import inclusion_probabilities
from assay.stats.prediction.twophase import TwoPhaseReplays, two_phase_replays
from assay.stats.scalar import NEW_INPUTS
from assay.stats.special import t_quantile

pytestmark = pytest.mark.slow
DIMENSIONS = ("coherence", "consistency", "fluency", "relevance")
REPLAYS = 6_000


def _lines(path: Path) -> list[bytes]:
    return gzip.decompress(path.read_bytes()).splitlines()


class Judged:
    """Experts' mean and two judges on the same summaries; column 4 is the mean of the four dimensions."""

    def __init__(self, folder: Path) -> None:
        people = [json.loads(line) for line in _lines(folder / "human.jsonl.gz")]
        row = {(one["doc_id"], one["system"]): k for k, one in enumerate(people)}
        self.document = np.array([one["doc_id"] for one in people])
        self.experts = self._with_mean(
            np.array([[np.mean([e[d] for e in one["expert_annotations"]]) for d in DIMENSIONS] for one in people])
        )
        judged = {name: np.full((len(people), 4), np.nan) for name in ("gpt-4-0314", "gpt-3.5-turbo-0301")}
        for line in _lines(folder / "llm_judge_scores.jsonl.gz"):
            one = json.loads(line)
            if one["judge"] in judged and one["prompt"] == "rts":
                at = row[one["doc_id"], one["system"]], DIMENSIONS.index(one["dimension"])
                judged[one["judge"]][at] = one["score"]
        self.strong, self.fast = (self._with_mean(judged[name]) for name in judged)

    @staticmethod
    def _with_mean(table: np.ndarray) -> np.ndarray:
        return np.c_[table, table.mean(axis=1)]


@pytest.fixture(scope="module")
def judged(real_data: Path) -> Judged:
    return Judged(real_data / "judge" / "summeval")


def _draws(seed: int, *sizes: int, items: int = 600, replays: int = REPLAYS) -> np.ndarray:
    rank = np.argsort(np.argsort(np.random.default_rng(seed).random((replays, items)), axis=1), axis=1)
    return np.stack([rank < size for size in sizes], axis=1)


def _bias_z(values: np.ndarray, truth: float) -> float:
    return float((values.mean() - truth) / (values.std() / np.sqrt(values.size)))


def _narrowing(found: TwoPhaseReplays, alone: TwoPhaseReplays) -> float:
    return 1.0 - float(np.nanmean(found.high - found.low) / np.nanmean(alone.high - alone.low))


def _in_sample(y: np.ndarray, designs: list[np.ndarray], draws: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Same-label weights without folds, in-sample residuals, normal quantile."""
    n_items, values, halves = y.size, [], []
    for asked, labelled in draws:
        low, high = (z @ np.linalg.lstsq(z[labelled], y[labelled], rcond=None)[0] for z in designs)
        values.append(low.mean() + (high - low)[asked].mean() + (y - high)[labelled].mean())
        first, second = np.var((y - low)[labelled]), np.var((y - high)[labelled])
        a, e = asked.sum(), labelled.sum()
        halves.append(1.96 * np.sqrt(first * (1 / a - 1 / n_items) + second * (1 / e - 1 / a)))
    return np.array(values), np.array(halves)


def test_weights_fitted_on_their_labels_are_unbiased_and_the_short_cut_is_not(judged: Judged) -> None:
    """Cold start, 18 experts and 60 GPT-4 verdicts of 600, overall score: at least 12 % narrower at an honest rate."""
    y, draws = judged.experts[:, 4], _draws(1, 60, 18)
    proxies = [judged.fast[:, 4], judged.strong[:, 4]]
    alone = two_phase_replays(y, [np.zeros(600)], asked=draws[:, 1:], weights="fixed")
    found = two_phase_replays(y, proxies, asked=draws)
    assert abs(_bias_z(found.value, y.mean())) <= 3.5
    assert found.coverage(y.mean()) >= alone.coverage(y.mean()) - 0.01
    assert _narrowing(found, alone) >= 0.12
    ones = np.ones(600)
    values, halves = _in_sample(y, [np.c_[ones, proxies[0]], np.c_[ones, proxies[0], proxies[1]]], draws[:3_000])
    assert np.mean(np.abs(values - y.mean()) <= halves) < 0.91
    assert abs(_bias_z(values, y.mean())) > 3.5


@pytest.mark.parametrize("column", range(5))
def test_at_a_hundred_labels_every_dimension_covers(judged: Judged, column: int) -> None:
    y = judged.experts[:, column]
    found = two_phase_replays(y, [judged.fast[:, column], judged.strong[:, column]], asked=_draws(2, 330, 100))
    assert found.coverage(y.mean()) >= 0.93
    assert abs(_bias_z(found.value, y.mean())) <= 3.5


def test_predictions_taken_as_labels_are_far_off(judged: Judged) -> None:
    y, strong = judged.experts[:, 4], judged.strong[:, 4]
    assert strong.mean() - y.mean() > 0.3
    raw = two_phase_replays(y, [strong], asked=_draws(3, 18), weights="fixed")
    alone = two_phase_replays(y, [np.zeros(600)], asked=_draws(3, 18), weights="fixed")
    assert abs(_bias_z(raw.value, y.mean())) <= 3.5  # λ = 1 is unbiased all the same
    assert _narrowing(raw, alone) < 0.2  # but hardly narrower


def test_ignoring_the_weights_shows_in_the_bias_and_hardly_in_the_coverage(judged: Judged) -> None:
    y = judged.experts[:, 1]
    map_ = _map(judged, 1, np.ones(600, dtype=bool))
    p = inclusion_probabilities(5.2 - map_, expected_n=60, floor=0.3)
    draws = (np.random.default_rng(4).random((18_000, 600)) < p)[:, None, :]
    right = two_phase_replays(y, [map_ * 0.5], asked=draws, probabilities=[p], weights="fixed")
    wrong = two_phase_replays(y, [map_ * 0.5], asked=draws, weights="fixed")
    assert abs(_bias_z(right.value, y.mean())) <= 3.5
    assert abs(right.value.mean() - y.mean()) <= 0.03 * right.value.std()
    assert abs(_bias_z(wrong.value, y.mean())) > 6.0


def _map(judged: Judged, column: int, rows: np.ndarray) -> np.ndarray:
    design = np.c_[np.ones(600), judged.fast[:, column], judged.strong[:, column]]
    return design @ np.linalg.lstsq(design[rows], judged.experts[rows, column], rcond=None)[0]


def test_a_map_of_other_documents_narrows_and_covers(judged: Judged) -> None:
    """Fitted on half the documents, used on the other half, both ways: GPT-4 on all, 20 experts of 300."""
    names = np.unique(judged.document)
    for half in (names[::2], names[1::2]):
        fit = np.isin(judged.document, half)
        y, proxy = judged.experts[~fit, 4], _map(judged, 4, fit)[~fit]
        draws = _draws(5, 20, items=300)
        found = two_phase_replays(y, [proxy], asked=draws, weights="fixed")
        alone = two_phase_replays(y, [np.zeros(300)], asked=draws, weights="fixed")
        assert found.coverage(y.mean()) >= 0.93
        assert abs(_bias_z(found.value, y.mean())) <= 3.5
        assert _narrowing(found, alone) >= 0.2


@pytest.mark.parametrize("column", [1, 2])
def test_on_skewed_scales_twenty_labels_need_the_maps_variance(judged: Judged, column: int) -> None:
    names = np.unique(judged.document)
    fit = np.isin(judged.document, names[::2])
    y, proxy = judged.experts[~fit, column], _map(judged, column, fit)
    prior = float(np.var((judged.experts[:, column] - proxy)[fit]))
    draws = _draws(6, 20, items=300)
    options = {"asked": draws, "weights": "fixed"}
    plain = two_phase_replays(y, [proxy[~fit]], **options).coverage(y.mean())
    blended = two_phase_replays(y, [proxy[~fit]], prior_variances=[prior], **options).coverage(y.mean())
    assert plain < 0.93 < blended


def test_the_finite_population_is_for_these_items_only(judged: Judged) -> None:
    """New documents: 50 drawn with replacement of the 50, 200 labels; the right interval is clustered by document."""
    rng = np.random.default_rng(7)
    names, number = np.unique(judged.document, return_inverse=True)
    rows = [np.flatnonzero(number == k) for k in range(names.size)]
    truth, hits, finite = judged.experts[:, 4].mean(), 0, 0
    for _ in range(400):
        picked = rng.integers(names.size, size=names.size)
        items = np.concatenate([rows[k] for k in picked])
        cluster = np.repeat(np.arange(names.size), [rows[k].size for k in picked])
        y, proxy = judged.experts[items, 4], judged.strong[items, 4] * 0.5
        draws = _draws(int(rng.integers(1 << 30)), 200, items=items.size, replays=1)
        new = two_phase_replays(
            y, [proxy], asked=draws, weights="fixed", estimand=NEW_INPUTS, clusters=cluster
        ).coverage(truth)
        hits += int(new)
        finite += int(two_phase_replays(y, [proxy], asked=draws, weights="fixed").coverage(truth))
    assert hits / 400 >= 0.925 - 0.03
    assert finite / 400 < 0.85


def test_the_finite_population_correction_is_needed_for_these_items(judged: Judged) -> None:
    y, draws = judged.experts[:, 4], _draws(8, 200)
    these = two_phase_replays(y, [judged.strong[:, 4]], asked=draws)
    new = two_phase_replays(y, [judged.strong[:, 4]], asked=draws, estimand=NEW_INPUTS)
    assert these.coverage(y.mean()) == pytest.approx(0.95, abs=0.012)
    assert new.coverage(y.mean()) > 0.97


def test_a_low_floor_makes_the_interval_fail_on_a_ceiling_scale() -> None:
    """A rare low label behind a tiny probability: t holds with the default floor and not without one."""
    rng = np.random.default_rng(9)
    low = rng.random(600) < 0.2
    y = np.where(low, 2.0, 5.0) + 0.1 * rng.normal(size=600)
    score = np.where(low & (rng.random(600) < 0.7), 3.0, 0.05)  # three low items in ten look safe
    cover, width, plain = {}, {}, {}
    for floor in (0.05, 0.75):
        p = inclusion_probabilities(score, expected_n=100, floor=floor)
        draws = (rng.random((REPLAYS, 600)) < p)[:, None, :]
        found = two_phase_replays(y, [np.full(600, 5.0)], asked=draws, probabilities=[p], weights="fixed")
        cover[floor], width[floor] = found.coverage(y.mean()), float(found.std_error.mean())
        half = t_quantile(0.975, 99) * found.std_error  # as if all labels told as much of the doubt
        plain[floor] = float((np.abs(found.value - y.mean()) <= half).mean())
    assert plain[0.05] < 0.9 and cover[0.05] < 0.93 < cover[0.75]
    assert width[0.05] > 1.5 * width[0.75]
