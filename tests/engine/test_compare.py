"""Comparisons of two runs: sentences, verdicts, flips, segments, what is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from assay.core.errors import InvalidInputError, NotFoundError
from assay.core.protocols import ScoreColumn
from assay.engine.compare import Comparison, ScorerFacts, compare_columns
from assay.engine.pairing import Pairs, Reduced
from assay.engine.worst import worst_segments

SHARE = ScorerFacts("share", True, "v1")


def column(
    values: Sequence[float | None],
    *,
    ids: Sequence[str] | None = None,
    epochs: int = 1,
    clusters: Sequence[str | None] | None = None,
    critical: Sequence[bool] | None = None,
) -> ScoreColumn:
    n = len(values)
    return ScoreColumn(
        sample_id=list(ids or (f"s{row // epochs}" for row in range(n))),
        epoch=[row % epochs for row in range(n)],
        value=list(values),
        reason=[None if value is not None else "no answer" for value in values],
        cluster=list(clusters or [None] * n),
        critical=list(critical or [False] * n),
    )


def one(before: ScoreColumn, after: ScoreColumn, *, facts: ScorerFacts = SHARE, margin: float = 0.0) -> Comparison:
    return compare_columns({"m": before}, {"m": after}, scorers={"m": facts}, margin=margin)


def flips(n: int, gained: int, lost: int) -> tuple[ScoreColumn, ScoreColumn]:
    same = n - gained - lost
    before = [0.0] * gained + [1.0] * lost + [float(i % 2) for i in range(same)]
    after = [1.0] * gained + [0.0] * lost + [float(i % 2) for i in range(same)]
    return column(before), column(after)


def test_a_clear_gain_is_said_in_one_sentence() -> None:
    comparison = one(*flips(1319, 360, 76))
    metric = comparison["m"]
    assert metric.sentence == "B is better on m by 21.5 points (18.7 to 24.4), n = 1,319 paired"
    assert (metric.verdict, metric.test, metric.difference.method) == ("better", "mcnemar-exact", "tango")
    assert metric.p_value == pytest.approx(stats.binomtest(76, 436).pvalue)
    assert metric.effect_size.value == pytest.approx(360 / 76)
    assert comparison.flips["gained"][:2] == ["s0", "s1"]
    assert (len(comparison.flips["gained"]), len(comparison.flips["lost"])) == (360, 76)


def test_an_undecided_difference_says_how_many_more_would_settle_it() -> None:
    sentence = one(*flips(1319, 134, 127))["m"].sentence
    assert sentence == (
        "m undecided: the difference lies between −1.9 and 2.9 points; 598 more samples would narrow it to ±2, "
        "2,598 more would detect 2 points with 80 % power, n = 1,319 paired"
    )


def test_exchanging_the_runs_exchanges_the_verdict() -> None:
    before, after = flips(300, 40, 10)
    forward, backward = one(before, after), one(after, before)
    assert (forward["m"].verdict, backward["m"].verdict) == ("better", "worse")
    assert forward["m"].sentence[12:] == backward["m"].sentence[11:]
    assert forward.flips["gained"] == backward.flips["lost"]


def test_lower_is_better_turns_verdict_and_flips() -> None:
    before, after = flips(300, 40, 10)
    comparison = one(before, after, facts=ScorerFacts("share", False, "v1"))
    assert comparison["m"].verdict == "worse"
    assert (len(comparison.flips["gained"]), len(comparison.flips["lost"])) == (10, 40)


def test_a_margin_makes_small_differences_equivalent() -> None:
    before, after = flips(2000, 30, 10)
    assert one(before, after)["m"].verdict == "better"
    inside = one(before, after, margin=0.02)["m"]
    assert inside.verdict == "equivalent"
    assert inside.sentence.startswith("m equivalent: the difference lies between 0.40 and 1.68 ")
    assert inside.sentence.endswith("points, within ±2 points, n = 2,000 paired")


def test_identical_binary_runs_keep_an_honest_interval() -> None:
    before, _ = flips(400, 20, 20)
    metric = one(before, before)["m"]
    assert (metric.p_value, metric.difference.value, metric.verdict) == (1.0, 0.0, "undecided")
    assert metric.sentence == (
        "no difference on m: both score the same on all 400 paired samples, and more than ±0.95 points is ruled out"
    )


def test_identical_graded_runs_are_never_a_number_that_is_not_a_number() -> None:
    graded = column([0.25, 0.5, 0.75, 0.1] * 25)
    metric = one(graded, graded, facts=ScorerFacts("score", True, "v1"))["m"]
    assert (metric.p_value, metric.difference.method, metric.test) == (1.0, "equal-differences", "sign-exact")
    assert metric.difference.high == pytest.approx(0.037, abs=1e-3)
    costs = column([0.0] * 5)
    comparison = one(costs, costs, facts=ScorerFacts("usd", False, "v1"))
    assert comparison["m"].difference.low is None
    assert comparison["m"].sentence == "no difference on m: both score the same on all 5 paired samples"
    json.dumps(comparison.to_dict(), allow_nan=False)


def test_a_constant_shift_has_a_sign_test() -> None:
    before, after = column([0.25, 0.5, 0.125, 0.0] * 5), column([0.5, 0.75, 0.375, 0.25] * 5)
    metric = one(before, after, facts=ScorerFacts("score", True, "v1"))["m"]
    assert (metric.p_value, metric.test) == (pytest.approx(2 * 0.5**20), "sign-exact")
    assert metric.effect_size.reason == "differences do not vary"


def test_graded_scores_get_the_paired_t_test() -> None:
    before, after = np.random.default_rng(1).random(size=(2, 60))
    metric = one(column(before.tolist()), column((after + 0.2).tolist()), facts=ScorerFacts("score", True, "v"))["m"]
    assert metric.p_value == pytest.approx(stats.ttest_rel(after + 0.2, before).pvalue)
    assert (metric.test, metric.effect_size.unit) == ("paired-t", "standard deviations")


def test_epochs_are_averaged_within_the_sample_first() -> None:
    before = column([0, 1, 1, 1, 0, 0, 1, 0], epochs=2)
    after = column([1, 1, 1, None, 0, 1, 1, 0], epochs=2)
    metric = one(before, after)["m"]
    assert metric.difference.n == 4
    assert metric.difference.value == pytest.approx((0.5 + 0.0 + 0.5 + 0.0) / 4)
    assert metric.test == "paired-t"
    steady = one(column([0, 0, 1, 1, 0, 0], epochs=2), column([1, 1, 1, 1, 0, 0], epochs=2))
    assert (steady["m"].test, steady.flips["gained"]) == ("paired-t", [])  # a mean of epochs is not one verdict


def test_clusters_change_method_and_width() -> None:
    clusters = [f"doc{row // 10}" for row in range(100)]
    before = [0.0] * 100
    after = [float(row // 10 in (1, 4, 5)) for row in range(100)]
    grouped = one(column(before, clusters=clusters), column(after, clusters=clusters))["m"]
    plain = one(column(before), column(after))["m"]
    assert (grouped.test, grouped.difference.method) == ("paired-cluster-t", "paired-cluster-t")
    assert (plain.verdict, grouped.verdict) == ("better", "undecided")
    assert grouped.difference.n_clusters == 10


def test_what_is_left_out_is_said() -> None:
    before = column([1, 0, 1, None, 0], ids=["a", "b", "c", "d", "e"])
    after = column([1, 1, None, 1, 1], ids=["a", "b", "c", "d", "x"])
    metric = one(before, after)["m"]
    assert (metric.difference.n, metric.unscored, metric.only_baseline, metric.only_candidate) == (2, 2, 1, 1)
    assert metric.sentence.endswith("(left out: 2 shared without a score on one side, 2 in one run only)")
    assert metric.difference.unscored == 2


def test_p_values_are_holms_over_the_metrics_and_doubt_is_said() -> None:
    strong, weak = flips(200, 40, 5), flips(200, 19, 8)
    scorers = {"a": SHARE, "b": SHARE, "c": SHARE}
    comparison = compare_columns(
        {"a": strong[0], "b": weak[0], "c": weak[0]}, {"a": strong[1], "b": weak[1], "c": weak[1]}, scorers=scorers
    )
    assert comparison["b"].verdict == "better"
    assert comparison["b"].p_adjusted == pytest.approx(2 * (comparison["b"].p_value or 0.0))
    assert "after Holm's correction over 3 metrics p = 0.1" in comparison["b"].sentence
    assert "Holm" not in comparison["a"].sentence


def test_another_scorer_version_is_another_scorer() -> None:
    before, after = flips(50, 5, 2)
    comparison = compare_columns(
        {"m": before, "k": before, "old": before},
        {"m": after, "k": after, "new": after},
        scorers={"m": SHARE, "k": SHARE, "old": SHARE},
        candidate_versions={"k": "v2"},
    )
    assert list(comparison.metrics) == ["m"]
    assert {row["metric"]: row["reason"].split(" (")[0] for row in comparison.not_compared} == {
        "k": "scorer versions differ",
        "old": "only the baseline has it",
        "new": "only the candidate has it",
    }
    with pytest.raises(InvalidInputError, match="scorer versions differ") as caught:
        compare_columns({"m": before}, {"m": after}, scorers={"m": SHARE}, candidate_versions={"m": "v2"})
    assert caught.value.code == "compare.nothing_shared"


def test_nothing_shared_wrong_margin_and_unknown_metric_are_errors() -> None:
    with pytest.raises(InvalidInputError, match="share no scored sample"):
        one(column([1.0], ids=["a"]), column([1.0], ids=["b"]))
    with pytest.raises(InvalidInputError, match="margin is -0"):
        one(*flips(10, 1, 1), margin=-0.1)
    with pytest.raises(NotFoundError, match="no metric 'n'"):
        _ = one(*flips(10, 1, 1))["n"]


def test_one_pair_has_no_interval_but_a_reason() -> None:
    metric = one(column([0.3]), column([0.9]), facts=ScorerFacts("score", True, "v"))["m"]
    assert (metric.verdict, metric.p_value) == ("undecided", None)
    assert "fewer than two paired samples" in metric.sentence


def test_where_neither_direction_is_better_there_is_no_winner() -> None:
    before, after = column([10.0, 20.0, 30.0, 44.0]), column([30.0, 41.0, 50.0, 63.0])
    metric = one(before, after, facts=ScorerFacts("chars", None, "v"))["m"]
    assert metric.verdict == "undecided"
    assert metric.sentence.startswith("m differs: the difference lies between")


def test_the_worst_segment_is_found_and_multiplicity_is_paid_for() -> None:
    rng = np.random.default_rng(5)
    before = (rng.random(600) < 0.7).astype(float)
    after = before.copy()
    language = [("de", "fr", "it", "es", "pl", "nl")[row % 6] for row in range(600)]
    for row in range(600):
        if language[row] == "pl" and rng.random() < 0.4:
            after[row] = 0.0
        elif rng.random() < 0.05:
            after[row] = 1.0 - after[row]
    comparison = compare_columns(
        {"m": column(before.tolist())},
        {"m": column(after.tolist())},
        scorers={"m": SHARE},
        segments={"language": {f"s{row}": language[row] for row in range(600)}},
    )
    worst = comparison.segments[0]
    assert (worst["key"], worst["value"], worst["verdict"]) == ("language", "pl", "worse")
    assert worst["difference"]["confidence"] == pytest.approx(1 - 0.05 / 6)
    assert worst["p_adjusted"] == pytest.approx(6 * worst["p_value"])
    assert len(comparison.segments) == 5


def test_critical_samples_are_a_segment_of_their_own() -> None:
    critical = [row < 20 for row in range(100)]
    before = column([1.0] * 100, critical=critical)
    after = column([float(row >= 15) for row in range(100)], critical=critical)
    segments = one(before, after).segments
    assert [(row["key"], row["n"], row["verdict"]) for row in segments] == [("critical", 20, "worse")]


def test_segments_under_the_null_rarely_accuse_and_uncorrected_ones_often_do() -> None:
    rng, accused, naive, repeats = np.random.default_rng(9), 0, 0, 100
    labels: Mapping[str, str] = {f"s{row}": str(row % 12) for row in range(600)}
    for _ in range(repeats):
        before, after = (rng.random((2, 600)) < 0.5).astype(float)
        pairs = Pairs.of(Reduced.of(column(before.tolist())), Reduced.of(column(after.tolist())))
        rows = worst_segments("m", pairs, SHARE, {"k": labels}, confidence=0.95)
        accused += rows[0]["verdict"] == "worse"
        naive += min(row["p_value"] for row in rows) <= 0.05
    assert accused / repeats <= 0.025 + 4 * (0.025 * 0.975 / repeats) ** 0.5
    assert naive / repeats > 0.1


@given(st.lists(st.tuples(st.sampled_from([0.0, 1.0, None]), st.sampled_from([0.0, 1.0, None])), min_size=1))
def test_every_document_is_plain_json_and_the_verdict_follows_the_interval(
    rows: list[tuple[float | None, float | None]],
) -> None:
    before, after = column([row[0] for row in rows]), column([row[1] for row in rows])
    paired = sum(a is not None and b is not None for a, b in rows)
    if not paired:
        return
    document = one(before, after).to_dict()
    json.dumps(document, allow_nan=False)
    assert document["paired_samples"] == paired
    metric = document["metrics"]["m"]
    assert (metric["verdict"] in ("better", "worse")) == (
        metric["difference"]["low"] * metric["difference"]["high"] > 0
    )


def test_frame_and_notebook_display() -> None:
    comparison = one(*flips(50, 9, 2))
    frame = comparison.to_frame()
    assert frame.num_rows == 1
    assert frame.column("difference")[0].as_py() == pytest.approx(0.14)
    assert "<td>better</td>" in comparison._repr_html_()


def test_comparing_imports_neither_numpy_nor_scipy() -> None:
    script = "import sys, assay.engine.compare, assay.engine.gate; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
