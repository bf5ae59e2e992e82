"""Moments from one query equal those of the values in memory, for every kind of metric."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from assay.core.errors import DataError
from assay.datasets.columns import TableFile
from assay.experiments.scan import Scan
from assay.experiments.spec import Experiment, MetricSpec
from assay.stats.adjustment.joint import JointMoments

SPEND = MetricSpec(name="spend", column="spend", covariates=["before", "age"], cap=40.0)
WON = MetricSpec(name="won", column="won", kind="share", role="primary")
CTR = MetricSpec(name="ctr", column="clicks", denominator="views", kind="ratio")
SHOP = Experiment(
    name="shop", arms={"A": 0.5, "B": 0.5}, control="A", metrics=[WON, SPEND, CTR], unit="user", arm_column="arm",
    segments=["country"], time="day",
)  # fmt: skip


@pytest.fixture(scope="module")
def data() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(4)
    n = 400
    before = rng.gamma(2.0, 10.0, n)
    views = rng.poisson(5, n) + 1
    return {
        "user": np.array([f"u{k}" for k in range(n)]),
        "arm": rng.choice(["A", "B"], n),
        "country": rng.choice(["DE", "FR"], n),
        "day": rng.integers(1, 5, n),
        "shop": rng.integers(0, 40, n),
        "before": before,
        "age": rng.integers(18, 80, n),
        "spend": before + rng.gamma(1.0, 10.0, n),
        "won": rng.integers(0, 2, n),
        "views": views,
        "clicks": rng.binomial(views, 0.3),
    }


def write(path: Path, columns: dict[str, np.ndarray], *extra: str) -> TableFile:
    names = list(columns)
    lines = [",".join(names), *(",".join(map(str, row)) for row in zip(*columns.values(), strict=True)), *extra]
    path.write_text("\n".join(lines) + "\n")
    return TableFile(path)


def test_means_and_shares_equal_the_values_in_memory(tmp_path: Path, data: dict[str, np.ndarray]) -> None:
    scan = Scan(write(tmp_path / "t.csv", data), SHOP)
    for arm, found in scan.metric(SPEND).items():
        own = data["arm"] == arm
        values = np.minimum(data["spend"][own], 40.0)
        assert scan.counts[arm] == own.sum() == found.outcome.count
        assert found.level == pytest.approx(values.mean())
        assert found.outcome.m2 == pytest.approx(((values - values.mean()) ** 2).sum())
        expected = JointMoments.of(values, {name: data[name][own].astype(float) for name in ("before", "age")})
        assert found.joint is not None and found.joint.names == ("before", "age")
        np.testing.assert_allclose(found.joint.means, expected.means)
        np.testing.assert_allclose(found.joint.products, expected.products)
    for arm, found in scan.metric(WON).items():
        assert found.outcome.all_binary and found.outcome.ones == data["won"][data["arm"] == arm].sum()


def test_a_ratio_is_linearised_so_that_its_mean_is_the_ratio_and_its_variance_the_delta_methods(
    tmp_path: Path, data: dict[str, np.ndarray]
) -> None:
    found = Scan(write(tmp_path / "t.csv", data), SHOP).metric(CTR)
    own = data["arm"] == "A"
    clicks, views = data["clicks"][own].astype(float), data["views"][own].astype(float)
    ratio = clicks.sum() / views.sum()
    assert found["A"].level == pytest.approx(ratio)
    assert found["A"].outcome.mean == pytest.approx(ratio)
    n = own.sum()
    covariance = np.cov(clicks, views)
    gradient = np.array([1.0, -ratio]) / views.mean()
    delta = gradient @ covariance @ gradient / n
    assert found["A"].outcome.m2 / (n - 1) / n == pytest.approx(delta)
    # The other arm is linearised around the control: close to its own ratio, not equal.
    assert found["B"].outcome.mean == pytest.approx(found["B"].level, rel=0.02)


def test_cells_and_times_add_up_to_the_whole(tmp_path: Path, data: dict[str, np.ndarray]) -> None:
    scan = Scan(write(tmp_path / "t.csv", data), SHOP)
    for metric in SHOP.metrics:
        whole = scan.metric(metric)
        for parts in (scan.cells(metric, ["country"]), scan.cells(metric, ["country", "day"]), scan.times(metric)):
            for arm in SHOP.arms:
                members = [part[arm] for part in parts.values() if arm in part]
                total = members[0]
                for part in members[1:]:
                    total += part
                assert total.count == whole[arm].outcome.count
                assert total.mean == pytest.approx(whole[arm].outcome.mean)
                assert total.m2 == pytest.approx(whole[arm].outcome.m2)
    assert list(scan.times(WON)) == ["1", "2", "3", "4"]
    assert set(scan.cells(WON, ["country", "day"])) == {f"{c} × {d}" for c in ("DE", "FR") for d in range(1, 5)}


def test_a_ratios_difference_within_a_segment_is_that_of_the_segments_ratios(
    tmp_path: Path, data: dict[str, np.ndarray]
) -> None:
    busy = data["country"] == "DE"  # ten times the views, and twice the rate
    columns = {**data, "views": data["views"] * np.where(busy, 10, 1)}
    columns["clicks"] = np.random.default_rng(2).binomial(columns["views"], np.where(busy, 0.6, 0.3))
    found = Scan(write(tmp_path / "t.csv", columns), SHOP).cells(CTR, ["country"], within=True)
    for country in ("DE", "FR"):
        ratios = []
        for arm in ("A", "B"):
            own = (columns["arm"] == arm) & (columns["country"] == country)
            ratios.append(columns["clicks"][own].sum() / columns["views"][own].sum())
        assert found[country]["A"].mean == pytest.approx(ratios[0])
        assert found[country]["B"].mean - found[country]["A"].mean == pytest.approx(ratios[1] - ratios[0], rel=0.1)


def test_clusters_are_the_units_where_they_were_randomised(tmp_path: Path, data: dict[str, np.ndarray]) -> None:
    columns = {**data, "arm": np.where(data["shop"] % 2 == 0, "A", "B")}
    clustered = replace(SHOP, cluster="shop")
    scan = Scan(write(tmp_path / "t.csv", columns), clustered)
    own = columns["arm"] == "A"
    shops = np.unique(columns["shop"][own])
    assert scan.counts["A"] == len(shops)
    found = scan.metric(WON)["A"]
    assert found.level == pytest.approx(columns["won"][own].mean())
    sums = np.array([columns["won"][columns["shop"] == shop].sum() for shop in shops], dtype=float)
    sizes = np.array([(columns["shop"] == shop).sum() for shop in shops], dtype=float)
    residual = (sums - found.level * sizes) / sizes.mean()
    assert found.outcome.count == len(shops)
    assert found.outcome.m2 == pytest.approx(((residual - residual.mean()) ** 2).sum())


def test_missing_values_and_foreign_arms_are_counted_not_hidden(tmp_path: Path, data: dict[str, np.ndarray]) -> None:
    columns = {**data, "spend": np.array(["" if k % 7 == 0 else str(v) for k, v in enumerate(data["spend"])])}
    table = write(tmp_path / "t.csv", columns, "x1,C,DE,1,0,1,20,1,1,1,1", "x2,,DE,1,0,1,20,1,1,1,1")
    scan = Scan(table, SHOP)
    assert scan.unassigned == {"C": 1, "(none)": 1}
    found = scan.metric(SPEND)
    assert sum(arm.missing for arm in found.values()) == len(range(0, 400, 7))
    assert sum(arm.outcome.count for arm in found.values()) == 400 - len(range(0, 400, 7))


def test_data_that_cannot_be_an_experiments_is_refused(tmp_path: Path, data: dict[str, np.ndarray]) -> None:
    twice = write(tmp_path / "twice.csv", data, "u0,B,DE,1,0,1,20,1,1,1,1")
    one_arm = write(tmp_path / "one.csv", {**data, "arm": np.array(["A"] * 400)})
    text = write(tmp_path / "text.csv", {**data, "won": np.array(["maybe"] * 400)})
    crossing = write(tmp_path / "good.csv", data)
    for table, experiment, code in (
        (twice, SHOP, "experiment.repeated_unit"),
        (one_arm, SHOP, "experiment.no_units"),
        (text, SHOP, "data.type"),
        (crossing, replace(SHOP, cluster="shop"), "experiment.repeated_unit"),
        (crossing, replace(SHOP, unit="users"), "data.no_column"),
    ):
        with pytest.raises(DataError) as caught:
            Scan(table, experiment)
        assert caught.value.code == code, code
