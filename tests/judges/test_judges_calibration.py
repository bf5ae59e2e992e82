"""Calibration maps: honest errors, unknown systems, JSON, and error rates."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.core.errors import AssayError, DataError, InvalidInputError
from assay.judges.calibrate import calibrate, isotonic_curve
from assay.judges.calibration_map import CalibrationMap
from assay.judges.judged import Judged
from assay.judges.ridge import cross_fitted_ridge, document_folds
from assay.stats import fit_ridge, rogan_gladen, two_phase_mean

pytestmark = pytest.mark.slow


def recorded(n: int = 240, *, systems: int = 6, seed: int = 1) -> Judged:
    """Documents of six answers; people value the system, the judge sees half of it."""
    rng = np.random.default_rng(seed)
    system = np.tile(np.arange(systems), n // systems)
    level = np.linspace(-1.0, 1.0, systems)[system]
    quality = rng.normal(size=n)
    human = 3.0 + level + quality + 0.5 * rng.normal(size=n)
    return Judged(
        ids=[f"i{k}" for k in range(n)],
        verdicts=3.5 + 0.6 * quality + 0.6 * rng.normal(size=n),
        human=human,
        systems=[f"s{k}" for k in system],
        clusters=[f"d{k // systems}" for k in range(n)],
        features={"free": 0.3 * quality + rng.normal(size=n), "noise": rng.normal(size=n)},
    )


TIERS = {"free": ["free"], "strong": ["verdict", "noise"]}


def test_a_label_is_predicted_by_fits_that_saw_nothing_of_its_document() -> None:
    """Labels that are the document's alone: in-sample a column for each document explains all, cross-fitted nothing."""
    rng = np.random.default_rng(4)
    documents = np.repeat(np.arange(20), 5)
    y = rng.normal(size=20)[documents]
    x = (documents[:, None] == np.arange(20)[None, :]).astype(float)
    folds = document_folds(documents.tolist(), 100, folds=10, rng=rng)
    honest = cross_fitted_ridge(x, y, folds=folds, penalties=(0.1,))
    assert np.square(y - fit_ridge(x, y, penalty=0.1).predict(x)).mean() < 0.01 * y.var()
    assert np.square(y - honest).mean() > 0.9 * y.var()
    for document in range(20):
        assert len(set(folds[documents == document].tolist())) == 1


def test_tiers_know_what_they_explain_and_systems_help_where_they_are_known() -> None:
    found = calibrate(recorded(), features=TIERS, system=True, rng=np.random.default_rng(5))
    free, strong = found.tiers
    assert free.features == ("free",)
    assert strong.features == ("free", "verdict", "noise")
    assert free.unknown.r2.value is not None
    assert strong.unknown.r2.value is not None
    assert strong.known is not None
    assert strong.known.r2.value is not None
    assert free.unknown.r2.value < strong.unknown.r2.value < strong.known.r2.value
    assert found.prior_variances(known_systems=True)[1] < found.prior_variances(known_systems=False)[1]
    within = found.prior_variances(known_systems=False, one_system=True)
    assert within[1] < found.prior_variances(known_systems=False)[1]
    shares = found.r2(known_systems=False)
    assert 0.0 <= shares[0] <= shares[1] < 1.0
    assert found.n_documents == 40
    assert strong.unknown.r2.n_clusters == 40


def test_shares_for_the_planner_never_fall_even_where_a_tier_only_adds_noise() -> None:
    rng = np.random.default_rng(6)
    judged = recorded(60)
    noise = {f"n{k}": rng.normal(size=60) for k in range(30)}
    noisy = replace(judged, features={**judged.features, **noise})
    found = calibrate(noisy, features={"judge": ["verdict"], "noise": list(noise)}, ridge=0.01, rng=rng)
    first, second = (tier.unknown.r2.value or 0.0 for tier in found.tiers)
    assert second < first
    shares = found.r2(known_systems=False)
    assert shares[1] == shares[0] == max(first, 0.0)


def test_residual_variance_is_that_of_new_documents() -> None:
    judged = recorded(240, seed=6)
    found = calibrate(judged, features=TIERS, system=True, rng=np.random.default_rng(6))
    fresh = recorded(6_000, seed=7)
    columns = {"verdict": fresh.verdicts, **fresh.features}
    error = np.square(fresh.human - found.predict(columns, fresh.systems)).mean()
    assert found.prior_variances(known_systems=True)[-1] == pytest.approx(error, rel=0.2)


def test_an_unknown_system_is_predicted_without_system() -> None:
    judged = recorded()
    found = calibrate(judged, features=TIERS, system=True, rng=np.random.default_rng(8))
    plain = replace(found, tiers=tuple(replace(tier, known=None) for tier in found.tiers))
    columns = {"verdict": [4.0] * 3, "free": [0.0] * 3, "noise": [0.0] * 3}
    here = found.predict(columns, ["s5", "new", None])
    without = plain.predict(columns)
    assert here[1] == here[2] == without[0]
    assert here[0] > without[0] + 0.3
    proxies = found.proxies(columns, ["s5", "new", None])
    assert [one.shape for one in proxies] == [(3,), (3,)]
    assert proxies[1].tolist() == here.tolist()
    assert found.predict(columns, tier="free").tolist() == found.predict(columns, tier=0).tolist()


def test_a_missing_verdict_is_a_column_of_its_own_when_it_says_something() -> None:
    rng = np.random.default_rng(9)
    judged = recorded(600, seed=9)
    gone = rng.random(600) < 0.2
    worse = Judged(
        ids=judged.ids, verdicts=np.where(gone, np.nan, judged.verdicts), human=judged.human - 2.0 * gone,
        clusters=judged.clusters,
    )  # fmt: skip
    found = calibrate(worse, rng=rng)
    assert found.tiers[0].marked == ("verdict",)
    typical, missing = found.predict({"verdict": [found.tiers[0].fill[0], math.nan]})
    assert missing < typical - 1.0


def test_a_map_survives_json_to_the_last_bit() -> None:
    judged = recorded()
    binary = replace(judged, human=(judged.human > 3.0).astype(float), verdicts=(judged.verdicts > 3.5).astype(float))
    for data in (judged, binary):
        found = calibrate(data, features=TIERS, system=True, rng=np.random.default_rng(10))
        back = CalibrationMap.from_dict(json.loads(json.dumps(found.to_dict())))
        assert back == found
        assert back.hash == found.hash
    columns = {"verdict": judged.verdicts, **judged.features}
    assert (back.predict(columns, judged.systems) == found.predict(columns, judged.systems)).all()
    other = calibrate(judged, features=TIERS, system=True, ridge=1.0, rng=np.random.default_rng(10))
    assert other.hash != found.hash


def test_a_map_tells_how_far_off_it_is_where_and_for_whom() -> None:
    rng = np.random.default_rng(12)
    judged = recorded(600)
    wide = np.where(judged.verdicts > 3.5, 2.0, 0.1) * rng.normal(size=600)
    found = calibrate(replace(judged, human=judged.human + wide), features=TIERS, system=True, rng=rng)
    columns = {"verdict": [2.0, 5.0], "free": [0.0, 0.0], "noise": [0.0, 0.0]}
    low, high = found.residual_sizes(columns)
    assert high > 1.5 * low > 0.0
    here, there = found.residual_sizes(columns, ["s2", "new"])
    assert there == found.residual_sizes(columns, ["s2", "new"], as_new=True)[1] == high
    assert here < low
    back = CalibrationMap.from_dict(json.loads(json.dumps(found.to_dict())))
    assert back.residual_sizes(columns).tolist() == [low, high]


def test_a_map_with_a_broken_curve_is_refused() -> None:
    row = calibrate(recorded(), features=TIERS, system=True, rng=np.random.default_rng(13)).to_dict()
    row["tiers"][0]["unknown"]["sizes"] = {"edges": [1.0], "sizes": [1.0]}
    with pytest.raises(DataError) as caught:
        CalibrationMap.from_dict(row)
    assert caught.value.code == "judge.bad_map"


@pytest.mark.parametrize("row", [{}, {"schema": "assay.judge_card/1"}, {"schema": "assay.calibration_map/1"}])
def test_what_is_no_map_is_refused(row: dict[str, Any]) -> None:
    with pytest.raises(DataError) as caught:
        CalibrationMap.from_dict(row)
    assert caught.value.code == "judge.bad_map"


def test_a_map_makes_the_tiered_estimate_narrower() -> None:
    train, run = recorded(600, seed=11), recorded(600, seed=12)
    found = calibrate(train, features=TIERS, system=True, rng=np.random.default_rng(11))
    proxies = found.proxies({"verdict": run.verdicts, **run.features}, run.systems)
    labelled = np.random.default_rng(12).permutation(600) < 60
    labels = np.where(labelled, run.human, np.nan)
    narrow = two_phase_mean(
        labels, [proxies[1]], weights="fixed", prior_variances=[found.prior_variances(known_systems=True)[1]]
    ).estimate
    plain = two_phase_mean(labels, [np.zeros(600)], weights="fixed").estimate
    assert narrow.std_error is not None
    assert plain.std_error is not None
    assert narrow.std_error < 0.75 * plain.std_error


def test_error_rates_are_what_rogan_and_gladen_ask_for() -> None:
    truth = [1] * 100 + [0] * 100
    says = [1] * 90 + [0] * 10 + [1] * 20 + [0] * 80
    judged = Judged(ids=[str(k) for k in range(200)], verdicts=says, human=truth)
    errors = calibrate(judged, rng=np.random.default_rng(1)).errors
    assert errors is not None
    assert (errors.sensitivity.value, errors.specificity.value) == (0.9, 0.8)
    corrected = rogan_gladen(
        30, 100, true_positives=errors.true_positives, n_positive=errors.n_positive,
        true_negatives=errors.true_negatives, n_negative=errors.n_negative,
    )  # fmt: skip
    assert corrected.value == pytest.approx((0.3 + 0.8 - 1.0) / 0.7)
    graded = Judged(ids=judged.ids, verdicts=np.array(says) * 4.0 + 1.0, human=truth)
    assert calibrate(graded, rng=np.random.default_rng(1)).errors is None
    named = calibrate(graded, rng=np.random.default_rng(1), threshold=3.0).errors
    assert named is not None
    assert named.true_positives == 90


def test_documents_widen_the_error_rates() -> None:
    rng = np.random.default_rng(13)
    document = np.repeat(np.arange(30), 10)
    truth = rng.integers(2, size=300)
    wrong = (rng.random(30) < 0.3)[document]
    verdicts = np.where(wrong, 1 - truth, truth)
    plain = Judged(ids=[str(k) for k in range(300)], verdicts=verdicts, human=truth)
    grouped = replace(plain, clusters=[str(one) for one in document])
    narrow, wide = (calibrate(one, rng=np.random.default_rng(1)).errors for one in (plain, grouped))
    assert narrow is not None
    assert wide is not None
    for side in ("sensitivity", "specificity"):
        one, other = getattr(narrow, side), getattr(wide, side)
        assert other.high - other.low > 1.5 * (one.high - one.low)


def test_the_curve_rises_and_pools() -> None:
    assert isotonic_curve(np.array([1.0, 1.0, 2.0, 3.0]), np.array([0.0, 2.0, 0.0, 5.0])) == (
        (1.0, pytest.approx(2.0 / 3.0)), (2.0, pytest.approx(2.0 / 3.0)), (3.0, 5.0),
    )  # fmt: skip
    assert isotonic_curve(np.array([2.0, 2.0, np.nan]), np.array([1.0, 2.0, 3.0])) == ()


@pytest.mark.parametrize(
    ("changed", "options", "code"),
    [
        ({"human": [None] * 230 + [1.0] * 10}, {}, "judge.few_labels"),
        ({"human": [3.0] * 240}, {}, "judge.flat_labels"),
        ({"human": None}, {}, "judge.no_feature"),
        ({}, {"features": ["frei"]}, "judge.no_feature"),
        ({}, {"features": {"a": []}}, "input.invalid"),
        ({"systems": None}, {"system": True}, "judge.no_systems"),
        ({"clusters": ["one"] * 240}, {}, "input.invalid"),
        ({}, {"ridge": -1.0}, "input.invalid"),
        ({}, {"folds": 1}, "input.invalid"),
        ({"verdicts": [None] * 240}, {}, "input.invalid"),
    ],
)
def test_what_cannot_be_fitted_is_refused(changed: dict[str, Any], options: dict[str, Any], code: str) -> None:
    with pytest.raises(AssayError) as caught:
        calibrate(replace(recorded(), **changed), rng=np.random.default_rng(1), **options)
    assert caught.value.code == code


def test_predicting_without_a_feature_or_a_tier_is_refused() -> None:
    found = calibrate(recorded(), features=TIERS, rng=np.random.default_rng(1))
    with pytest.raises(DataError, match="needs 'free'"):
        found.predict({"verdict": [1.0], "noise": [0.0]})
    with pytest.raises(DataError, match="no tier 'stronger'"):
        found.predict({"free": [1.0]}, tier="stronger")
    with pytest.raises(InvalidInputError):
        found.predict({"free": [1.0], "verdict": [1.0, 2.0], "noise": [1.0]})


@given(st.integers(2, 60), st.integers(2, 12), st.integers(0, 100))
def test_folds_are_of_nearly_one_size(n: int, folds: int, seed: int) -> None:
    found = document_folds(None, n, folds=folds, rng=np.random.default_rng(seed))
    sizes = np.bincount(found)
    assert sizes.size == min(n, folds)
    assert sizes.max() - sizes.min() <= 1
