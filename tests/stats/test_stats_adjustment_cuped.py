"""CUPED, Lin's regression and cross-fitted predictions, against statsmodels, tea-tasting and published data."""

from __future__ import annotations

import csv
import gzip
import io
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.regression.linear_model import OLS

from assay.core.errors import InvalidInputError
from assay.stats.adjustment.crossfit import cross_fitted_predictions
from assay.stats.adjustment.cuped import cuped, cuped_from_values
from assay.stats.adjustment.joint import JointMoments
from assay.stats.adjustment.pairing import paired_adjustment
from assay.stats.adjustment.regression import lin_adjustment
from assay.stats.scalar import THESE_ITEMS

DATA = os.environ.get("ASSAY_TEST_DATA")
needs_data = pytest.mark.skipif(DATA is None, reason="ASSAY_TEST_DATA is not set")
BEFORE = ("age", "educ", "black", "hisp", "marr", "nodegree", "re74", "re75")


def _table(name: str) -> dict[str, np.ndarray]:
    path = Path(str(DATA)) / "experiment" / name
    text = gzip.decompress(path.read_bytes()).decode() if path.suffix == ".gz" else path.read_text(encoding="utf-8")
    rows = list(csv.DictReader(io.StringIO(text)))
    return {key: np.array([row[key] for row in rows]) for key in rows[0]}


def _trial(seed: int, n: int = 300) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    rng = np.random.default_rng(seed)
    treated, before, age = rng.permutation(n) % 2, rng.gamma(2.0, size=n), rng.normal(size=n)
    outcome = 3.0 + 1.5 * before - age + 0.4 * treated + rng.normal(size=n) * (1 + treated)
    return outcome, treated, {"before": before, "age": age}


@needs_data
def test_job_training_reproduces_the_published_difference_and_the_adjusted_ones() -> None:
    # LaLonde (1986), Dehejia & Wahba (1999): 1,794.3 unadjusted on 185 + 260 men
    rows = _table("nsw_job_training.csv")
    outcome, treated = rows["re78"].astype(float), rows["treat"].astype(float)
    before = {name: rows[name].astype(float) for name in BEFORE}
    found = cuped_from_values(outcome, treated, before, unit="usd")
    assert found.unadjusted.value == pytest.approx(1_794.3424, abs=1e-4)
    assert (found.unadjusted.low, found.unadjusted.high) == pytest.approx((474.01, 3_114.67), abs=0.01)
    fit = OLS(outcome, np.column_stack([np.ones(445), treated, *before.values()])).fit(cov_type="HC2")
    assert found.difference.value == pytest.approx(fit.params[1], rel=1e-9)
    assert found.difference.std_error == pytest.approx(fit.bse[1], rel=0.01)
    assert found.variance_ratio == pytest.approx(1.0138, abs=1e-4)  # earnings before foretell earnings after badly
    assert found.warnings == ()


@needs_data
def test_hillstroms_e_mail_test_gains_next_to_nothing_from_history() -> None:
    rows = _table("hillstrom_email.csv.gz")
    chosen = rows["segment"] != "Womens E-Mail"
    treated = (rows["segment"] == "Mens E-Mail")[chosen]
    before = {name: rows[name][chosen].astype(float) for name in ("history", "recency")}
    found = cuped_from_values(rows["spend"][chosen].astype(float), treated, before, unit="usd")
    assert found.unadjusted.value == pytest.approx(1.5553 - 0.6905, abs=1e-4)
    assert found.difference.low > 0.0
    assert 0.99 < found.variance_ratio < 1.0 and found.warnings == ()


def test_cuped_is_the_regression_on_arm_and_covariates() -> None:
    outcome, treated, before = _trial(1)
    found = cuped_from_values(outcome, treated, before)
    fit = OLS(outcome, np.column_stack([np.ones(300), treated, *before.values()])).fit(cov_type="HC2")
    assert found.difference.value == pytest.approx(fit.params[1], rel=1e-9)
    assert found.coefficients == pytest.approx({"before": fit.params[2], "age": fit.params[3]}, rel=1e-9)
    assert found.difference.std_error == pytest.approx(fit.bse[1], rel=0.02)


def test_with_equal_arms_and_one_variance_it_is_the_classical_analysis_of_covariance() -> None:
    rng = np.random.default_rng(2)
    before, noise = np.tile(rng.normal(size=10), 2), np.tile(rng.normal(size=10), 2)
    treated = np.repeat([0, 1], 10)
    outcome = before + noise + treated  # both arms have the very same residuals
    found = cuped_from_values(outcome, treated, {"before": before})
    fit = OLS(outcome, np.column_stack([np.ones(20), treated, before])).fit()
    assert found.difference.std_error == pytest.approx(fit.bse[1], rel=1e-9)
    assert (found.difference.low, found.difference.high) == pytest.approx(tuple(fit.conf_int()[1]), rel=1e-9)
    assert found.p_value == pytest.approx(fit.pvalues[1], rel=1e-6)


@pytest.mark.slow
def test_tea_tasting_agrees_on_many_users() -> None:
    import pyarrow as pa
    import tea_tasting as tt

    outcome, treated, before = _trial(3, n=40_000)
    table = pa.table({"variant": treated, "y": outcome, "x": before["before"]})
    theirs = tt.Experiment(y=tt.Mean("y", "x")).analyze(table, control=0)["y"]
    ours = cuped_from_values(outcome, treated, {"before": before["before"]})
    # its slope is that of both arms thrown together, ours the pooled within-arm one: equal but for the effect itself
    assert ours.difference.value == pytest.approx(theirs.effect_size, abs=2e-4)
    assert ours.difference.low == pytest.approx(theirs.effect_size_ci_lower, abs=1e-3)
    assert ours.p_value == pytest.approx(theirs.pvalue, rel=0.02)


def test_moments_from_sql_and_from_parts_give_the_same_answer() -> None:
    outcome, treated, before = _trial(4)
    whole = cuped_from_values(outcome, treated, before)
    arms = []
    for arm in (0, 1):
        data = np.column_stack([outcome, *before.values()])[treated == arm]
        shift = np.array([3.0, 1.0, 0.0])
        sums = (data[:70] - shift).sum(axis=0), (data[:70] - shift).T @ (data[:70] - shift)
        first = JointMoments.from_sums(70, *sums, names=list(before), shift=shift)
        rest = JointMoments.from_covariance(
            len(data) - 70, data[70:].mean(axis=0), np.cov(data[70:].T), names=list(before)
        )
        arms.append(first + rest)
    assert cuped(*arms).difference.low == pytest.approx(whole.difference.low, rel=1e-9)


def test_without_a_covariate_it_is_welch() -> None:
    outcome, treated, _ = _trial(5)
    found = cuped_from_values(outcome, treated, {})
    assert found.difference == found.unadjusted and found.gain is None
    assert lin_adjustment(outcome, treated, {}).difference.value == pytest.approx(found.difference.value)


def test_a_covariate_that_the_treatment_moved_is_called_out() -> None:
    outcome, treated, before = _trial(6)
    before["clicks"] = outcome + treated  # measured after the fact
    for found in (cuped_from_values(outcome, treated, before), lin_adjustment(outcome, treated, before)):
        assert len(found.warnings) == 1 and found.warnings[0].startswith("clicks differs between the arms")
        assert [check.name for check in found.covariates] == ["before", "age", "clicks"]


@pytest.mark.parametrize("variance", ["HC2", "HC3"])
def test_lin_is_the_interacted_regression(variance: str) -> None:
    outcome, treated, before = _trial(7)
    centred = np.column_stack(list(before.values()))
    centred = centred - centred.mean(axis=0)
    design = np.column_stack([np.ones(300), treated, centred, centred * treated[:, None]])
    fit = OLS(outcome, design).fit(cov_type=variance)
    found = lin_adjustment(outcome, treated, before, variance=variance, estimand=THESE_ITEMS)  # type: ignore[arg-type]
    assert found.difference.value == pytest.approx(fit.params[1], rel=1e-9)
    assert found.difference.std_error == pytest.approx(fit.bse[1], rel=1e-9)
    wider = lin_adjustment(outcome, treated, before, variance=variance)  # type: ignore[arg-type]
    gap = fit.params[4:]
    added = gap @ np.cov(centred.T) @ gap / 300
    assert wider.difference.std_error**2 == pytest.approx(fit.bse[1] ** 2 + added, rel=1e-9)


def test_predictions_never_see_their_own_fold() -> None:
    rng = np.random.default_rng(9)
    outcome, features = np.arange(20.0), rng.normal(size=(20, 1))
    seen: list[set[float]] = []

    def memory(inputs: np.ndarray, known: np.ndarray):  # type: ignore[no-untyped-def]
        seen.append(set(known.tolist()))
        return lambda held: np.full(len(held), len(seen) - 1)

    fold = cross_fitted_predictions(outcome, features, rng=rng, folds=4, learner=memory)
    for own, index in zip(outcome.tolist(), fold.astype(int).tolist(), strict=True):
        assert own not in seen[index]
    assert [len(known) for known in seen] == [15] * 4


def test_a_ridge_of_no_weight_is_least_squares_on_the_other_folds() -> None:
    rng = np.random.default_rng(10)
    outcome, features = rng.normal(size=30), rng.normal(size=(30, 2))
    ours = cross_fitted_predictions(outcome, features, rng=np.random.default_rng(1), folds=30, penalty=1e-9)
    design = np.column_stack([np.ones(30), features])
    hat = design @ np.linalg.solve(design.T @ design, design.T)
    left_out = outcome - (outcome - hat @ outcome) / (1 - np.diag(hat))  # closed form of leaving one out
    assert ours == pytest.approx(left_out, rel=1e-6)


def test_pairs_are_the_paired_t_interval_and_its_gain() -> None:
    # Student (1908), sleep gained with two drugs by ten patients: mean 1.58, t = 4.06
    first = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
    second = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
    found = paired_adjustment(first, second, unit="h")
    assert found.difference.value == pytest.approx(1.58)
    assert found.difference.value / found.difference.std_error == pytest.approx(4.0621, abs=1e-4)
    assert found.p_value == pytest.approx(0.002833, abs=1e-6)
    covariance = np.cov(first, second)
    expected = 1 - 2 * covariance[0, 1] / (covariance[0, 0] + covariance[1, 1])
    assert found.variance_ratio == pytest.approx(expected) and found.gain == pytest.approx(1 / expected)


def test_what_has_no_spread_gives_a_reason() -> None:
    flat = cuped_from_values([1.0, 1.0, 1.0, 2.0, 2.0, 2.0], [0, 0, 0, 1, 1, 1], {"x": [1.0, 2.0, 4.0, 1.0, 3.0, 2.0]})
    assert flat.difference.value == 1.0 and flat.difference.reason and flat.p_value is None
    x = np.array([1.0, 2.0, 4.0, 1.0, 3.0, 2.0, 5.0, 6.0])
    exact = cuped_from_values(2 * x, [0, 0, 0, 0, 1, 1, 1, 1], {"x": x})
    assert exact.difference.reason == "the covariates foretell the outcome without error, so its spread is unknown"
    assert lin_adjustment(2 * x, [0, 0, 0, 0, 1, 1, 1, 1], {"x": x}).difference.reason
    assert paired_adjustment([1.0, 2.0, 4.0], [2.0, 3.0, 5.0]).difference.reason


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.01, 100.0), st.floats(-1e3, 1e3))
def test_units_of_a_covariate_do_not_matter(seed: int, scale: float, shift: float) -> None:
    outcome, treated, before = _trial(seed, n=40)
    moved = {**before, "age": before["age"] * scale + shift}
    for method in (cuped_from_values, lin_adjustment):
        first, second = method(outcome, treated, before), method(outcome, treated, moved)
        assert first.difference.low == pytest.approx(second.difference.low, rel=1e-6, abs=1e-6)
        turned = method(outcome, 1 - treated, before)
        assert turned.difference.high == pytest.approx(-first.difference.low, rel=1e-6, abs=1e-9)


GOOD = [1.0, 2.0, 3.0, 5.0, 4.0, 7.0, 1.5, 2.5]
ARMS = [0, 0, 0, 0, 1, 1, 1, 1]


@pytest.mark.parametrize("method", [cuped_from_values, lin_adjustment])
@pytest.mark.parametrize(
    ("outcome", "arms", "columns", "said"),
    [
        (GOOD[:-1], ARMS, {}, "values"),
        ([*GOOD[:-1], float("nan")], ARMS, {}, "not finite"),
        (GOOD, [0, 0, 0, 0, 0, 0, 0, 1], {}, "compared"),
        (GOOD, [0, 0, 0, 0, 1, 1, 1, 2], {}, "0 and 1"),
        (GOOD, ARMS, {"x": ["a"] * 8}, "numbers"),
        (GOOD, ARMS, {"x": [3.0] * 8}, "constant"),
        (GOOD, ARMS, {"x": GOOD[::-1], "y": [2 * v for v in GOOD[::-1]]}, "determine"),
        (GOOD, ARMS, {str(i): np.eye(8)[i].tolist() for i in range(6)}, "too few"),
    ],
    ids=["length", "nan", "one unit", "arms", "text", "constant", "collinear", "covariates"],
)
def test_bad_values_are_refused(method, outcome, arms, columns, said) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InvalidInputError, match=said):
        method(outcome, arms, columns)


def test_a_unit_that_alone_determines_a_slope_is_refused() -> None:
    outcome, treated, before = _trial(11, n=40)
    before["rare"] = (np.arange(40) == int(np.flatnonzero(treated)[0])) * 1.0
    before["rare"][np.flatnonzero(treated == 0)[:4]] = 1.0
    with pytest.raises(InvalidInputError, match="leverage 1"):
        lin_adjustment(outcome, treated, before)


def test_settings_that_do_not_exist_are_refused() -> None:
    for more in ({"variance": "HC1"}, {"estimand": "everyone"}, {"confidence": 1.0}):
        with pytest.raises(InvalidInputError):
            lin_adjustment(GOOD, ARMS, {}, **more)  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError):
        paired_adjustment([1.0], [2.0])
    with pytest.raises(InvalidInputError):
        cross_fitted_predictions(GOOD, [[1.0]] * 8, rng=np.random.default_rng(0), folds=1)
    with pytest.raises(InvalidInputError):
        cross_fitted_predictions(GOOD, [1.0] * 8, rng=np.random.default_rng(0))
    with pytest.raises(InvalidInputError, match="learner"):
        cross_fitted_predictions(
            GOOD, [[1.0]] * 8, rng=np.random.default_rng(0), learner=lambda x, y: lambda held: np.zeros(1)
        )


def test_moments_that_cannot_be_are_refused() -> None:
    good = JointMoments.of(GOOD, {"x": GOOD[::-1]})
    with pytest.raises(InvalidInputError, match="do not add up"):
        good + JointMoments.of(GOOD, {"z": GOOD})
    with pytest.raises(InvalidInputError, match="covariates"):
        cuped(good, JointMoments.of(GOOD, {"z": GOOD}))
    with pytest.raises(InvalidInputError, match="cancels"):
        JointMoments.from_sums(10, [1e10], [[1e19 * (1 + 1e-14)]], names=[])
    with pytest.raises(InvalidInputError, match="negative"):
        JointMoments.from_covariance(5, [0.0], [[-1.0]], names=[])
    with pytest.raises(InvalidInputError, match="no unit"):
        JointMoments.of([], {})
    with pytest.raises(InvalidInputError):
        JointMoments.from_sums(0, [1.0], [[1.0]], names=[])
    with pytest.raises(InvalidInputError, match="do not describe"):
        JointMoments.from_covariance(5, [0.0, 1.0], [[1.0]], names=[])
