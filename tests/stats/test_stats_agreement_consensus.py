"""Consensus models against crowd-kit, the published accuracies on real crowds, and truth known by construction."""

from __future__ import annotations

import csv
import gzip
import itertools
import math
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.core.errors import InvalidInputError
from assay.stats.agreement.alpha import krippendorff_alpha
from assay.stats.agreement.consensus import Consensus, rater_quality
from assay.stats.agreement.dawid_skene import dawid_skene
from assay.stats.agreement.glad import glad
from assay.stats.agreement.mace import mace
from assay.stats.agreement.one_coin import one_coin
from assay.stats.agreement.ratings import Ratings
from assay.stats.agreement.votes import majority_vote, weighted_vote

Model = Callable[..., Consensus]
MODELS: list[Model] = [dawid_skene, one_coin, glad, mace]
DATA = os.environ.get("ASSAY_TEST_DATA")
needs_data = pytest.mark.skipif(DATA is None, reason="ASSAY_TEST_DATA is not set")


def crowd(
    seed: int, *, units: int = 300, levels: int = 3, raters: int = 8, missing: float = 0.3
) -> tuple[Ratings, npt.NDArray[np.intp], npt.NDArray[np.float64]]:
    """Ratings, truth and accuracies; wrong labels are any other, evenly."""
    rng = np.random.default_rng(seed)
    accuracy, truth = np.linspace(0.5, 0.95, raters), rng.integers(levels, size=units)
    wrong = (truth[:, None] + rng.integers(1, levels, size=(units, raters))) % levels
    table = np.where(rng.random((units, raters)) < accuracy, truth[:, None], wrong).astype(float)
    table[rng.random(table.shape) < missing] = math.nan
    return Ratings.from_matrix(table, levels=list(range(levels))), truth, accuracy


def real(name: str) -> tuple[Ratings, dict[Any, Any]]:
    folder = Path(str(DATA)) / "annotation"
    if name == "rte":
        rows = _rows(folder / "rte.csv")
        gold = {row["item"]: row["gold"] for row in rows}
    else:
        found = next(folder.glob(f"{name}_labels.csv*"))
        rows = _rows(found)
        gold = {row["item"]: row["gold"] for row in _rows(folder / f"{name}_gold.csv")}
    columns = [[row[key] for row in rows] for key in ("item", "worker", "label")]
    return Ratings.from_labels(*columns, repeated="first"), gold  # adult2 holds seven labels given twice


def _rows(path: Path) -> list[dict[str, str]]:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _frame(ratings: Ratings) -> Any:
    """Names in the order of appearance are in sorted order too, which crowd-kit's MACE silently takes for granted."""
    pandas = pytest.importorskip("pandas")
    rater, code = (pandas.factorize(column)[0] for column in (ratings.rater, ratings.code))
    return pandas.DataFrame({"task": ratings.unit, "worker": rater, "label": code})


def _crowdkit(name: str, ratings: Ratings, **settings: Any) -> npt.NDArray[np.float64]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        aggregation = pytest.importorskip("crowdkit.aggregation")
        shares = getattr(aggregation, name)(**settings).fit_predict_proba(_frame(ratings))
    order = list(dict.fromkeys(ratings.code.tolist()))
    posterior = np.zeros((len(shares), len(ratings.levels)))
    posterior[:, order] = shares.sort_index()[range(len(order))].to_numpy()
    return posterior


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "peer", "settings_", "tolerance"),
    [
        (dawid_skene, "DawidSkene", {"n_iter": 300, "tol": 1e-9}, 0.015),
        (one_coin, "OneCoinDawidSkene", {"n_iter": 300, "tol": 1e-9}, 0.01),
        (mace, "MACE", {"n_restarts": 1, "n_iter": 60, "random_state": 1, "verbose": 0}, 0.01),
        (glad, "GLAD", {"n_iter": 30, "silent": True}, 0.12),
    ],
)
def test_crowd_kit_has_the_same_beliefs(model: Model, peer: str, settings_: dict[str, Any], tolerance: float) -> None:
    ratings, _, _ = crowd(3, units=60, missing=0.2)
    expected = _crowdkit(peer, ratings, **settings_)
    ours = model(ratings, tolerance=1e-9, iterations=3_000).posterior
    assert np.abs(ours - expected).max() < tolerance


@pytest.mark.parametrize("model", MODELS)
def test_the_likelihood_of_the_labels_is_the_sum_over_truths(model: Model) -> None:
    ratings, _, _ = crowd(1, units=20, raters=5)
    found = model(ratings, tolerance=1e-12, iterations=20_000)
    chance = _label_chances(found, ratings)
    prior = found.prevalence if found.method in ("dawid-skene", "one-coin") else np.full(3, 1 / 3)
    total = 0.0
    for unit in range(ratings.n_units):
        rows = chance[ratings.unit == unit]
        if len(rows):
            total += math.log(float((rows.prod(axis=0) * prior).sum()))
    assert found.log_likelihood == pytest.approx(total, rel=1e-4)


def _label_chances(found: Consensus, ratings: Ratings) -> npt.NDArray[np.float64]:
    """Chance of each label under each truth, shape ``(n, levels)``."""
    rater, code, levels = ratings.rater, ratings.code, len(ratings.levels)
    if found.method == "dawid-skene":
        return np.asarray(found.rater_parameters["confusion"][rater, :, code])
    same = code[:, None] == np.arange(levels)
    if found.method == "mace":
        knows = found.rater_parameters["competence"][rater]
        spam = found.rater_parameters["spam"][rater, code]
        return np.asarray(knows[:, None] * same + ((1 - knows) * spam)[:, None])
    if found.method == "glad":
        logit = found.rater_parameters["ability"][rater] * found.unit_parameters["easiness"][ratings.unit]
        right = 1 / (1 + np.exp(-logit))
    else:
        right = found.rater_parameters["accuracy"][rater]
    return np.where(same, right[:, None], (1 - right[:, None]) / (levels - 1))


@pytest.mark.parametrize("model", MODELS)
def test_a_crowd_is_better_than_its_majority_and_raters_are_ranked(model: Model) -> None:
    ratings, truth, accuracy = crowd(5, units=1_000, levels=2)
    gold = dict(enumerate(truth.tolist()))
    found = model(ratings)
    assert found.converged
    vote = majority_vote(ratings)
    majority = float(np.mean([label == gold[unit] for unit, label in enumerate(vote.labels)]))
    assert (found.accuracy(gold) or 0.0) > majority + 0.01
    quality = np.array([estimate.value for estimate in found.quality])
    assert np.corrcoef(quality, accuracy)[0, 1] > 0.95
    assert np.abs(quality - accuracy).max() < 0.08
    assert found.posterior.sum(axis=1) == pytest.approx(np.ones(1_000))


def test_dawid_skene_learns_a_biased_rater() -> None:
    rng = np.random.default_rng(1)
    truth = rng.integers(2, size=600)
    table = np.where(rng.random((600, 4)) < 0.9, truth[:, None], 1 - truth[:, None])
    biased = np.where(truth == 1, 1, (rng.random(600) < 0.6).astype(int))  # often says 1
    found = dawid_skene(Ratings.from_matrix(np.column_stack([table, biased])))
    assert found.rater_parameters["confusion"][4, 0] == pytest.approx([0.4, 0.6], abs=0.07)
    assert found.rater_parameters["confusion"][4, 1, 1] > 0.97


def test_the_likelihood_never_falls_in_dawid_skene_without_smoothing() -> None:
    ratings, _, _ = crowd(7, units=100)
    steps = [dawid_skene(ratings, smoothing=0.0, iterations=rounds, tolerance=1e-15) for rounds in range(1, 12)]
    values = [step.log_likelihood or 0.0 for step in steps]
    assert all(after >= before - 1e-6 for before, after in itertools.pairwise(values))
    assert not steps[0].converged


@pytest.mark.parametrize("model", MODELS)
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 50))
def test_names_and_order_do_not_matter(model: Model, seed: int) -> None:
    ratings, _, _ = crowd(seed, units=25, raters=4)
    rng = np.random.default_rng(seed)
    order = rng.permutation(ratings.n_labels)
    names = rng.permutation(1_000)
    shuffled = Ratings.from_labels(
        names[ratings.unit][order], names[ratings.rater][order], ratings.values[order], levels=[0, 1, 2]
    )
    before, after = model(ratings, iterations=40), model(shuffled, iterations=40)
    where = [list(shuffled.unit_names).index(names[unit]) for unit in range(25) if names[unit] in shuffled.unit_names]
    kept = [unit for unit in range(25) if names[unit] in shuffled.unit_names]
    assert after.posterior[where] == pytest.approx(before.posterior[kept], abs=1e-6)


@needs_data
@pytest.mark.parametrize(
    ("name", "voted", "found"),
    [("rte", 0.897, 0.9275), ("product", 0.901, 0.934), ("face_sentiment", 0.634, 0.637), ("adult2", 0.758, 0.733)],
)
def test_published_accuracies_on_real_crowds(name: str, voted: float, found: float) -> None:
    ratings, gold = real(name)
    shares = majority_vote(ratings).posterior
    known = [(unit, ratings.levels.index(gold[key])) for unit, key in enumerate(ratings.unit_names) if key in gold]
    best = shares >= shares.max(axis=1, keepdims=True)
    vote = float(np.mean([best[unit, truth] / best[unit].sum() for unit, truth in known]))
    assert vote == pytest.approx(voted, abs=6e-4)
    assert dawid_skene(ratings).accuracy(gold) == pytest.approx(found, abs=6e-4)


@pytest.mark.slow
@needs_data
@pytest.mark.parametrize("name", ["rte", "product", "face_sentiment", "adult2"])
def test_alpha_of_real_crowds_is_that_of_evalica(name: str) -> None:
    evalica = pytest.importorskip("evalica")
    ratings, _ = real(name)
    frame = _frame(ratings).pivot_table(index="worker", columns="task", values="label")
    found = krippendorff_alpha(ratings, rng=np.random.default_rng(1))
    assert found.value == pytest.approx(float(evalica.alpha(frame, "nominal").alpha), abs=1e-9)
    assert found.low is not None and found.high is not None and found.low < (found.value or 0.0) < found.high


@needs_data
@pytest.mark.parametrize("model", [one_coin, glad, mace])
def test_the_other_models_reach_the_same_on_rte(model: Model) -> None:
    ratings, gold = real("rte")
    assert model(ratings).accuracy(gold) == pytest.approx(0.9265, abs=0.002)


@pytest.mark.parametrize("model", MODELS)
def test_a_rater_whom_nobody_can_check_has_no_interval(model: Model) -> None:
    found = model(Ratings.from_labels(["u", "v", "w", "w"], ["a", "a", "b", "c"], ["x", "y", "x", "y"]))
    assert found.quality[0].value is None and "checked" in (found.quality[0].reason or "")
    alone = model(Ratings.from_matrix([["x"], ["y"]]))
    assert alone.quality[0].value is None
    assert alone.labels == ["x", "y"] or model is mace or model is glad


@pytest.mark.parametrize("model", MODELS)
def test_a_unit_without_labels_has_the_prior_of_its_model(model: Model) -> None:
    table = [[0, 0, 1], [1, 1, 1], [math.nan] * 3, [0, 0, 0], [0, 0, 0]]
    found = model(Ratings.from_matrix(table))
    even = model in (glad, mace)
    assert found.posterior[2] == pytest.approx(np.full(2, 0.5) if even else found.prevalence, abs=1e-9)


def test_quality_is_wilsons_interval_where_the_truth_is_certain() -> None:
    ratings = Ratings.from_matrix([[1, 1]] * 20)
    right = np.tile([1.0, 0.0], 20)
    right[0] = 0.0
    from assay.stats.scalar import wilson

    first, second = rater_quality(ratings, right, method="known", confidence=0.9)
    assert (first.value, first.n) == (0.95, 20)
    assert (first.low, first.high) == pytest.approx(wilson(19, 20, 0.9))
    assert (second.value, second.low) == (0.0, 0.0)


def test_quality_widens_with_doubt_about_the_truth() -> None:
    ratings = Ratings.from_matrix([[1, 1]] * 40)
    sure = rater_quality(ratings, np.tile([1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0], 10), method="m", confidence=0.95)[0]
    doubt = rater_quality(ratings, np.tile([0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.3, 0.3], 10), method="m", confidence=0.95)[
        0
    ]
    none = rater_quality(ratings, np.full(80, 0.75), method="m", confidence=0.95)[0]
    assert [sure.value, doubt.value, none.value] == pytest.approx([0.75] * 3)
    assert (doubt.high or 0) - (doubt.low or 0) > 1.2 * ((sure.high or 0) - (sure.low or 0))
    assert none.low is None and "leave open" in (none.reason or "")


def test_golden_accuracy_counts_ties_as_shares_and_ignores_strangers() -> None:
    found = one_coin(Ratings.from_matrix([["a", "b"], ["a", "a"]]), iterations=1)
    assert found.accuracy({"nobody": "a"}) is None
    flat = weighted_vote(Ratings.from_matrix([["a", "b"], ["a", "b"]]), {0: "a"}, prior_labels=1e12)
    assert flat.tied.tolist() == [False, True]
    assert flat.labels == ["a", None]
    assert flat.accuracy({0: "a", 1: "b"}) == 0.75
    with pytest.raises(InvalidInputError, match="golden label 'z'"):
        found.accuracy({0: "z"})


@pytest.mark.parametrize("model", MODELS)
def test_no_labels_and_bad_settings_are_refused(model: Model) -> None:
    with pytest.raises(InvalidInputError, match="no labels"):
        model(Ratings.from_matrix([[math.nan]]))
    ratings = Ratings.from_matrix([[1, 2], [2, 2]])
    for setting in ({"iterations": 0}, {"tolerance": 0.0}, {"tolerance": math.nan}, {"confidence": 2.0}):
        with pytest.raises(InvalidInputError):
            model(ratings, **setting)


@pytest.mark.parametrize("model", [dawid_skene, one_coin])
def test_negative_smoothing_is_refused(model: Model) -> None:
    with pytest.raises(InvalidInputError, match="smoothing"):
        model(Ratings.from_matrix([[1, 2], [2, 2]]), smoothing=-1.0)


@pytest.mark.parametrize("model", [one_coin, glad, mace])
def test_one_possible_label_is_refused_where_no_label_could_be_wrong(model: Model) -> None:
    with pytest.raises(InvalidInputError, match="two possible labels"):
        model(Ratings.from_matrix([["a", "a"]]))
    assert dawid_skene(Ratings.from_matrix([["a", "a"]])).labels == ["a"]
