"""Recorded judges and real experts: short versions of the table of figures, with the same bounds in their noise."""

from __future__ import annotations

import os

import numpy as np
import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not os.environ.get("ASSAY_TEST_DATA"), reason="ASSAY_TEST_DATA names no folder"),
]
OVERALL = "overall"


def test_cold_narrows_and_covers_where_the_short_cut_only_looks_narrow() -> None:
    from bench.cascade.judged import TEN_THREE, _same
    from bench.cascade.row import cold_tiers, seeded
    from bench.cascade.summeval import load

    found = seeded(cold_tiers(OVERALL), TEN_THREE, replays=1_600)
    assert found.narrowing > 0.10 and found.coverage > 0.93
    value, error, alone = _same(OVERALL, n=18, replays=600)
    truth = load().experts[OVERALL].mean()
    assert 1 - 1.96 * error.mean() / alone > 0.35
    assert (np.abs(value - truth) <= 1.96 * error).mean() < 0.85


@pytest.mark.parametrize(("known", "least"), [(False, 0.23), (True, 0.32)])
def test_a_map_of_other_documents(known: bool, least: float) -> None:
    from bench.cascade.judged import TEN_THREE
    from bench.cascade.maps import predicted
    from bench.cascade.row import map_tiers, seeded

    found = seeded(map_tiers(OVERALL, predicted(OVERALL, known=known), blend=True), TEN_THREE, replays=1_200)
    assert found.narrowing > least and 0.935 < found.coverage < 0.98


def test_budget_optimal_and_blended() -> None:
    from bench.cascade.maps import predicted
    from bench.cascade.row import map_tiers, seeded

    from assay.engine.cascade.policy import budget_optimal, fixed_shares

    halved = predicted(OVERALL, known=False)
    best = seeded(map_tiers(OVERALL, halved, blend=False), budget_optimal((1, 1, 0.1), sizes=halved.sizes), replays=800)
    assert best.narrowing > 0.29 and best.coverage > 0.92
    skewed = predicted("consistency", known=False)
    few = fixed_shares(3, (1, 1, 20 / 600))
    blended = seeded(map_tiers("consistency", skewed, blend=True), few, replays=1_200)
    plain = seeded(map_tiers("consistency", skewed, blend=False), few, replays=1_200)
    assert blended.coverage > 0.935 and plain.coverage < blended.coverage - 0.01


def test_bias_is_seen_where_it_is_planted_and_not_in_ours() -> None:
    from bench.cascade.judged import TEN_THREE, _ignored, _same_labels
    from bench.cascade.maps import predicted
    from bench.cascade.row import cold_tiers, map_tiers, seeded

    from assay.engine.cascade.policy import budget_optimal

    halved = predicted("consistency", known=False)
    neyman = seeded(
        map_tiers("consistency", halved, blend=False), budget_optimal((1, 1, 0.1), sizes=halved.sizes), replays=3_000
    )
    cold = seeded(cold_tiers(OVERALL), TEN_THREE, replays=3_000)
    assert max(abs(neyman.bias_z), abs(cold.bias_z)) < 3.5
    assert abs(_ignored(halved.tiers, halved.sizes, 3_000)) > 6.0
    assert abs(_same_labels(OVERALL, n=18, replays=1_500)) > 3.5


def test_every_row_of_the_quick_sections_meets_its_target() -> None:
    from bench.cascade import claim, judged, rules

    for section in (claim.planner, rules.width, rules.gate, judged.cost):
        for row in section(2_000):
            assert row.met is not False, row.line()


def test_one_system_and_new_inputs() -> None:
    from bench.cascade import parts

    first = next(iter(parts.one_system(1_200)))
    assert "covers" in first.measured and first.figure.endswith("overall")
    found = parts._superpopulation(200, worlds=250)
    assert found["cluster"] > 0.90 > found["finite"]


def test_win_rates_of_models_that_rarely_win() -> None:
    from bench.cascade.alpaca import load, predictions

    models, wins, _ = load()
    assert len(models) == 29 and wins.shape == predictions().shape
    left = 1 - np.square(wins - predictions()).mean(axis=1) / wins.var(axis=1)
    assert np.median(left) > 0.2
