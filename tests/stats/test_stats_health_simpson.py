"""Simpson's paradox: the worked case, two published ones, and what must not be called one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.contingency_tables import StratifiedTable

from assay.core.errors import InvalidInputError
from assay.stats.adjustment.cells import StratumTable
from assay.stats.health.simpson import simpson_check, simpson_from_tables
from assay.stats.health.weighting import WEIGHTINGS, mantel_haenszel_odds_ratio, weighted_answers

WORKED = {"iOS": (7_525, 8_750, 2_200, 2_500), "Android": (975, 1_250, 6_000, 7_500)}
# Charig, Webb, Payne & Wickham (1986), BMJ 292, 879-882: percutaneous nephrolithotomy (control) and open surgery
KIDNEY = {"small": (234, 270, 81, 87), "large": (55, 80, 192, 263)}
# Bickel, Hammel & O'Connell (1975), Science 187, 398-404; the six largest departments, men (control) and women
BERKELEY = {
    "A": (512, 825, 89, 108), "B": (353, 560, 17, 25), "C": (120, 325, 202, 593),
    "D": (138, 417, 131, 375), "E": (53, 191, 94, 393), "F": (22, 373, 24, 341),
}  # fmt: skip


def _report(cells: dict[str, tuple[int, int, int, int]], name: str = "segment", **more: object):  # type: ignore[no-untyped-def]
    return simpson_from_tables({name: StratumTable.from_counts(cells)}, **more)  # type: ignore[arg-type]


def _rows(cells: dict[str, tuple[int, int, int, int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One row a unit: arm, outcome, stratum."""
    arm, outcome, stratum = [], [], []
    for name, (old_ones, old, new_ones, new) in cells.items():
        arm += ["old"] * old + ["new"] * new
        outcome += [1] * old_ones + [0] * (old - old_ones) + [1] * new_ones + [0] * (new - new_ones)
        stratum += [name] * (old + new)
    return np.array(arm), np.array(outcome), np.array(stratum)


def test_the_worked_counts_reverse_and_the_platform_explains_it() -> None:
    report = _report(WORKED, "platform", arms=("control", "test"))
    best = report.explained_by
    assert report.verdict == "reversal" and best is not None and best.name == "platform"
    assert report.aggregate.value == pytest.approx(-0.03) and report.aggregate.high < 0.0
    assert best.standardised.effect.value == pytest.approx(0.02) and best.standardised.effect.low > 0.0
    assert [effect.effect.value for effect in best.strata] == pytest.approx([0.02, 0.02])
    assert best.mix_effect.value == pytest.approx(-0.05)
    assert report.sentence.startswith(
        "Overall test is 0.03 (0.0197 to 0.0403) below control, yet at equal platform it is"
    )
    assert "platform explains the reversal (iOS is 87.5% of control and 25.0% of test" in report.sentence


def test_kidney_stones_are_confounded_by_size_but_no_significant_reversal() -> None:
    report = _report(KIDNEY, "size")
    best = report.explained_by
    assert report.aggregate.value == pytest.approx(273 / 350 - 289 / 350)  # 78 % against 83 %
    assert [round(s.effect.value, 3) for s in best.strata] == [0.064, 0.043]  # 93 against 87 %, 73 against 69 %
    assert report.verdict == "confounded" and best.p_reversal == pytest.approx(report.aggregate_p)
    assert best.standardised.effect.value > 0.0 > report.aggregate.value


def test_berkeley_turns_round_by_department() -> None:
    report = _report(BERKELEY, "department", arms=("men", "women"))
    best = report.explained_by
    assert report.aggregate.value == pytest.approx(0.304 - 0.445, abs=1e-3)
    assert report.verdict == "reversal" and best.standardised.effect.value == pytest.approx(0.0426, abs=5e-5)
    only_a = [s.name for s in best.strata if s.p_adjusted < 0.05]
    assert only_a == ["A"]


@pytest.mark.parametrize("cells", [WORKED, KIDNEY, BERKELEY], ids=["worked", "kidney", "berkeley"])
def test_the_odds_ratio_is_statsmodels_one(cells: dict[str, tuple[int, int, int, int]]) -> None:
    ours = mantel_haenszel_odds_ratio(StratumTable.from_counts(cells), confidence=0.95)
    tables = [np.array([[b, bn - b], [a, an - a]]) for a, an, b, bn in cells.values()]
    theirs = StratifiedTable(tables)
    assert ours.value == pytest.approx(theirs.oddsratio_pooled, rel=1e-12)
    assert (ours.low, ours.high) == pytest.approx(theirs.oddsratio_pooled_confint(), rel=1e-9)


@pytest.mark.parametrize("cells", [KIDNEY, BERKELEY], ids=["kidney", "berkeley"])
def test_regression_is_least_squares_with_dummies_and_hc2(cells: dict[str, tuple[int, int, int, int]]) -> None:
    arm, outcome, stratum = _rows(cells)
    dummies = (stratum[:, None] == np.array(list(cells))).astype(float)
    fit = OLS(outcome, np.column_stack([arm == "new", dummies])).fit(cov_type="HC2", use_t=True)
    answers = {a.weighting: a for a in weighted_answers(StratumTable.from_counts(cells), confidence=0.95, unit="share")}
    effect = answers["regression"].effect
    assert (effect.value, effect.std_error) == pytest.approx((fit.params[0], fit.bse[0]), rel=1e-9)
    assert (effect.low, effect.high) == pytest.approx(tuple(fit.conf_int()[0]), rel=1e-6)
    assert answers["mantel-haenszel"].effect.value == pytest.approx(effect.value)


def test_each_weighting_by_hand() -> None:
    answers = weighted_answers(StratumTable.from_counts(KIDNEY), confidence=0.95, unit="share")
    gaps = np.array([81 / 87 - 234 / 270, 192 / 263 - 55 / 80])
    weights = {
        "size": np.array([357, 343]) / 700, "equal": np.array([0.5, 0.5]), "control": np.array([270, 80]) / 350,
        "mantel-haenszel": np.array([270 * 87 / 357, 80 * 263 / 343]),
    }  # fmt: skip
    weights["regression"] = weights["mantel-haenszel"]
    assert tuple(answer.weighting for answer in answers) == WEIGHTINGS
    for answer in answers:
        share = weights[answer.weighting] / weights[answer.weighting].sum()
        assert answer.weights == pytest.approx(tuple(share))
        assert answer.effect.value == pytest.approx(float(share @ gaps))


def test_records_and_counts_say_the_same() -> None:
    arm, outcome, stratum = _rows(KIDNEY)
    rows = simpson_check(arm, outcome, {"size": stratum}, control="old")
    table = StratumTable.from_counts({"large": KIDNEY["large"], "small": KIDNEY["small"]})
    counts = simpson_from_tables({"size": table}, arms=("old", "new"))
    assert rows.sentence == counts.sentence
    assert rows.candidates[0].mix_p == pytest.approx(counts.candidates[0].mix_p)
    swapped = simpson_check(arm, outcome, {"size": stratum}, control="new")
    assert swapped.aggregate.value == pytest.approx(-rows.aggregate.value)


def test_the_confounder_is_found_among_segmenters_and_pairs() -> None:
    arm, outcome, platform = _rows(WORKED)
    rng = np.random.default_rng(8)
    noise = {f"noise{i}": rng.integers(0, 3, size=arm.size) for i in range(3)}
    report = simpson_check(arm, outcome, {**noise, "platform": platform}, control="old")
    assert report.explained_by.segmenters == ("platform",)
    assert len(report.candidates) == 4 + 6
    alone = simpson_check(arm, outcome, {"platform": platform}, control="old").candidates[0]
    found = report.explained_by
    assert found.p_reversal == alone.p_reversal < found.p_reversal_adjusted


def test_a_confounder_only_a_pair_reveals() -> None:
    """The arms have one mix of each segmenter but not of their combination."""
    cells = {
        ("a", "x"): (680, 800, 176, 200), ("b", "y"): (680, 800, 176, 200),
        ("a", "y"): (156, 200, 640, 800), ("b", "x"): (156, 200, 640, 800),
    }  # fmt: skip
    arm, outcome, both = _rows({f"{one}|{two}": counts for (one, two), counts in cells.items()})
    first, second = np.array([label.split("|") for label in both.tolist()]).T
    more = {"first": first, "second": second}
    report = simpson_check(np.tile(arm, 5), np.tile(outcome, 5), {k: np.tile(v, 5) for k, v in more.items()},
                           control="old")  # fmt: skip
    assert report.verdict == "reversal" and report.explained_by.name == "first × second"
    alone = simpson_check(np.tile(arm, 5), np.tile(outcome, 5), {k: np.tile(v, 5) for k, v in more.items()},
                          control="old", pairs=False)  # fmt: skip
    assert alone.verdict == "none" and alone.explained_by is None
    assert alone.sentence.endswith("none of 2 candidate segmentations explains it away or turns it round.")


def test_one_stratum_of_the_other_sign_is_no_paradox() -> None:
    report = _report({"a": (500, 1_000, 560, 1_000), "b": (500, 1_000, 490, 1_000), "c": (500, 1_000, 550, 1_000)})
    assert report.verdict == "none"
    assert report.candidates[0].p_reversal == 1.0


def test_strata_without_an_arm_are_named_and_too_many_are_not_judged() -> None:
    few = _report({**WORKED, "web": (30, 60, 0, 0)})
    assert few.verdict == "reversal"
    assert few.candidates[0].left_out == ("web",) and few.candidates[0].strata[2].effect.reason
    many = _report({**WORKED, "web": (3_000, 6_000, 0, 0)})
    assert many.verdict == "unknown" and "23% of the units" in many.sentence
    one = _report({"only": (10, 40, 12, 40)})
    assert one.verdict == "unknown" and "fewer than two strata" in one.sentence


def test_outcomes_that_do_not_differ_give_a_reason() -> None:
    report = _report({"a": (0, 10, 0, 10), "b": (0, 10, 0, 10)})
    assert report.verdict == "unknown" and report.aggregate.reason
    assert report.candidates[0].reason == "the outcomes within the strata do not differ"
    assert report.candidates[0].odds_ratio.value is None


def test_graded_outcomes_are_compared_by_welch() -> None:
    rng = np.random.default_rng(12)
    arm, stratum = rng.integers(0, 2, size=600), rng.integers(0, 2, size=600)
    report = simpson_check(arm, rng.normal(size=600) + stratum, {"s": stratum}, control=0, unit="points")
    assert report.candidates[0].strata[0].effect.method == "welch"
    assert report.candidates[0].odds_ratio is None


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(2, 60), st.integers(2, 60), st.floats(0.1, 0.9), st.floats(0.1, 0.9)),
                min_size=2, max_size=6))  # fmt: skip
def test_the_parts_add_up_to_the_whole(cells: list[tuple[int, int, float, float]]) -> None:
    table = StratumTable.from_counts(
        {str(i): (round(a * n), n, round(b * m), m) for i, (n, m, a, b) in enumerate(cells)}
    )
    found = simpson_from_tables({"s": table}).candidates[0]
    if found.standardised is None:
        return
    total = (found.standardised.effect.value or 0.0) + (found.mix_effect.value or 0.0)
    pooled = table.pooled()
    assert total == pytest.approx(float(pooled.means[0, 1] - pooled.means[0, 0]), abs=1e-9)
    for answer in found.answers:
        gaps = table.means[:, 1] - table.means[:, 0]
        assert gaps.min() - 1e-9 <= answer.effect.value <= gaps.max() + 1e-9


@pytest.mark.parametrize(
    ("arms", "segmenters", "more"),
    [
        (["a", "a", "b"], {"s": [1, 2, 1]}, {}),
        (["a", "a", "b", "c"], {"s": [1, 2, 1, 2]}, {}),
        (["a", "a", "b", "b"], {}, {}),
        (["a", "a", "b", "b"], {"s": [1, 2, 1]}, {}),
        (["a", "a", "b", "b"], {"s": [1, 2, 1, 2]}, {"control": "z"}),
        (["a", "a", "b", "b"], {"s": [1, 2, 1, 2]}, {"level": 1.0}),
        (["a", "a", "b", "b"], {"s": [1, 2, 1, 2]}, {"min_per_arm": 1}),
    ],
    ids=["small arm", "three arms", "none", "length", "control", "level", "min_per_arm"],
)
def test_bad_records_are_refused(arms: list[str], segmenters: dict[str, list[int]], more: dict[str, object]) -> None:
    with pytest.raises(InvalidInputError):
        simpson_check(arms, [0.0, 1.0, 0.0, 1.0][: len(arms)], segmenters, **{"control": "a", **more})  # type: ignore[arg-type]


def test_tables_of_different_units_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="different units"):
        simpson_from_tables({"a": StratumTable.from_counts(WORKED), "b": StratumTable.from_counts(KIDNEY)})
    with pytest.raises(InvalidInputError, match="no segmenter"):
        simpson_from_tables({})
    with pytest.raises(InvalidInputError, match="fewer than two units"):
        _report({"a": (0, 1, 3, 5)})
