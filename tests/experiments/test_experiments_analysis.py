"""The analysis on data whose answer is known: published experiments, worked counts, and one harmful arm."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from assay.datasets.columns import TableFile
from assay.experiments.analysis import analyze
from assay.experiments.registry import Registration
from assay.experiments.scan import Scan
from assay.experiments.spec import Experiment, MetricSpec

DATA = Path(os.environ.get("ASSAY_TEST_DATA", "")) / "experiment"
needs_data = pytest.mark.skipif(not os.environ.get("ASSAY_TEST_DATA"), reason="ASSAY_TEST_DATA is not set")
WON = MetricSpec(name="won", column="won", kind="share", role="primary")
TONE = Experiment(name="tone", arms={"A": 0.5, "B": 0.5}, control="A", metrics=[WON], segments=["platform"])
WORKED = " UNION ALL ".join(
    f"SELECT '{arm}' AS arm, '{platform}' AS platform, (i < {won})::INT AS won, '{arm}{platform}' || i AS unit "
    f"FROM range({n}) AS r(i)"
    for arm, platform, won, n in (
        ("A", "iOS", 7_525, 8_750),
        ("A", "Android", 975, 1_250),
        ("B", "iOS", 2_200, 2_500),
        ("B", "Android", 6_000, 7_500),
    )
)


@needs_data
def test_cookie_cats_is_warned_about_first_and_gives_the_published_retention() -> None:
    gates = Experiment(
        name="gates", arms={"gate_30": 0.5, "gate_40": 0.5}, control="gate_30", unit="userid", arm_column="version",
        metrics=[replace(WON, column="retention_7", name="retention_7")],
    )  # fmt: skip
    found = analyze(Scan(TableFile(DATA / "cookie_cats.csv.gz"), gates), gates)
    assert found.sample_ratio.verdict == "warning" and found.trustworthy
    assert found.sample_ratio.p_value == pytest.approx(0.0086, abs=5e-5)
    effect = found.effects[0]
    assert (effect.control_level, effect.arm_level) == pytest.approx((0.1902, 0.1820), abs=5e-5)
    assert effect.verdict == "worse" and effect.p_value == pytest.approx(0.00155, abs=2e-5)


@needs_data
def test_the_job_training_experiment_gives_its_published_effect() -> None:
    source = TableFile(f"SELECT row_number() OVER () AS id, * FROM '{DATA / 'nsw_job_training.csv'}'")
    arm = next(column for column in source.columns if column.lower().startswith("treat"))
    plain = MetricSpec(name="re78", column="re78", role="primary")
    training = Experiment(
        name="nsw", arms={"0": 260 / 445, "1": 185 / 445}, control="0", unit="id", arm_column=arm, metrics=[plain]
    )  # fmt: skip
    table = TableFile(f"SELECT row_number() OVER () AS id, * REPLACE ({arm}::INT AS {arm}) "
                      f"FROM '{DATA / 'nsw_job_training.csv'}'")  # fmt: skip
    effect = analyze(Scan(table, training), training).effects[0]
    assert effect.difference.value == pytest.approx(1_794.3, abs=0.05)
    assert effect.difference.low == pytest.approx(474.0, abs=1.0)


def test_the_worked_counts_reverse_and_the_platform_is_named() -> None:
    found = analyze(Scan(TableFile(WORKED), TONE), TONE)
    assert found.effects[0].difference.value == pytest.approx(-0.03)
    report = found.simpson["B"]
    assert report.verdict == "reversal" and report.explained_by is not None
    assert report.explained_by.name == "platform"
    assert [row.difference.value for row in found.segments] == pytest.approx([0.02, 0.02])


def test_arms_share_the_error_and_guardrails_do_not() -> None:
    rows = " UNION ALL ".join(
        f"SELECT '{arm}' AS arm, (i < {won})::INT AS won, i + {slow} AS slow, '{arm}' || i AS unit "
        "FROM range(1000) AS r(i)"
        for arm, won, slow in (("A", 400, 0), ("B", 446, 0), ("C", 400, 400))
    )
    slow = MetricSpec(name="slow", column="slow", role="guardrail", margin=100, higher_is_better=False)
    three = Experiment(name="x", arms=dict.fromkeys("ABC", 1 / 3), control="A", metrics=[WON, slow])
    won_b, won_c, slow_b, slow_c = analyze(Scan(TableFile(rows), three), three).effects
    assert won_b.p_value is not None and won_b.p_value < 0.05 < 2 * won_b.p_value
    assert won_b.p_adjusted == pytest.approx(2 * won_b.p_value) and won_b.verdict == "undecided"
    assert "once the other comparisons are counted" in won_b.sentence and won_c.verdict == "undecided"
    assert (slow_b.verdict, slow_c.verdict) == ("pass", "fail")
    assert slow_b.p_adjusted is None


def test_the_stopping_rule_says_which_interval_decides() -> None:
    rows = " UNION ALL ".join(
        f"SELECT '{arm}' AS arm, (i < {won})::INT AS won, '{arm}' || i AS unit FROM range(2000) r(i)"
        for arm, won in (("A", 800), ("B", 866))
    )
    fixed = replace(TONE, segments=[])
    at_once = analyze(Scan(TableFile(rows), fixed), fixed).effects[0]
    any_time = replace(fixed, stopping="sequential")
    later = analyze(Scan(TableFile(rows), any_time), any_time).effects[0]
    assert at_once.verdict == "better" and later.verdict == "undecided"
    assert at_once.difference == later.difference


def test_a_departure_from_the_registration_is_part_of_the_sentence() -> None:
    registration = Registration.of(replace(TONE, segments=[]), registered_at="2026-01-01T00:00:00Z")
    found = analyze(Scan(TableFile(WORKED), TONE), TONE, registration=registration)
    assert found.deviations == ["segments: registered nothing, now ['platform']"]
    assert "departs from what was registered in 1 way" in found.sentence
