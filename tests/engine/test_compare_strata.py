"""Critical samples are never sampled away; under a limit they must not weigh more than they do in the dataset."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.core.protocols import ScoreColumn
from assay.core.records import Sample
from assay.core.task import SampleList
from assay.engine.broke import BrokeColumns, what_broke
from assay.engine.compare import Comparison, ScorerFacts, compare_columns
from assay.engine.gate import decide
from assay.engine.pairing import Pairs, Reduced, stands_for, strata_of_run
from assay.engine.selection import select
from assay.stats.paired import tango

pytestmark = pytest.mark.slow

SHARE = ScorerFacts("share", True, "v1")
STRATA = {"critical": 20.0, "ordinary": 980.0}
CRITICAL = [row < 20 for row in range(100)]


def column(
    values: Sequence[float | None],
    *,
    critical: Sequence[bool] = CRITICAL,
    clusters: Sequence[str | None] | None = None,
) -> ScoreColumn:
    n = len(values)
    return ScoreColumn(
        sample_id=[f"s{row}" for row in range(n)],
        epoch=[0] * n,
        value=list(values),
        reason=[None if value is not None else "no answer" for value in values],
        cluster=list(clusters or [None] * n),
        critical=list(critical),
    )


def opposed() -> tuple[ScoreColumn, ScoreColumn]:
    """Of 20 critical samples 10 are lost, of 80 ordinary ones 8 are gained."""
    before = [1.0] * 20 + [0.0] * 8 + [1.0] * 72
    after = [0.0] * 10 + [1.0] * 10 + [1.0] * 80
    return column(before), column(after)


def compared(strata: Mapping[str, float] | None, facts: ScorerFacts = SHARE, **more: object) -> Comparison:
    before, after = opposed()
    return compare_columns({"m": before}, {"m": after}, scorers={"m": facts}, strata=strata, **more)  # type: ignore[arg-type]


def test_the_difference_is_that_of_the_dataset_by_hand() -> None:
    """0.98 × 8/80 - 0.02 × 10/20 = 0.088; unweighted it would be (8 - 10)/100, of the other sign."""
    metric = compared(STRATA)["m"]
    assert metric.difference.value == pytest.approx(0.98 * 0.1 - 0.02 * 0.5)
    assert (metric.baseline.value, metric.candidate.value) == pytest.approx((0.98 * 0.9 + 0.02, 0.98 + 0.02 * 0.5))
    critical, ordinary = tango(20, 0, 10), tango(80, 8, 0)
    below = [0.02 * (-0.5 - (critical.low or 0.0)), 0.98 * (0.1 - (ordinary.low or 0.0))]
    above = [0.02 * ((critical.high or 0.0) + 0.5), 0.98 * ((ordinary.high or 0.0) - 0.1)]
    assert metric.difference.low == pytest.approx(0.088 - math.hypot(*below))
    assert metric.difference.high == pytest.approx(0.088 + math.hypot(*above))
    assert (metric.verdict, metric.difference.method, metric.test) == ("better", "stratified-tango", "stratified-tango")
    assert metric.p_value is not None and metric.p_value < 0.05
    assert metric.strata == {
        "critical": {"n": 20, "share": pytest.approx(0.02)},
        "ordinary": {"n": 80, "share": pytest.approx(0.98)},
    }
    assert metric.effect_size.method == "stratified-delta-t"
    assert metric.sentence == (
        "B is better on m by 8.8 points (3.8 to 17.2), n = 100 paired "
        "(weighed as in the dataset: 20 critical count 2 %, 80 ordinary 98 %)"
    )


def test_without_strata_nothing_changes_and_mcnemar_stays_exact() -> None:
    metric = compared(None)["m"]
    assert metric.difference.value == pytest.approx(-0.02)
    assert (metric.test, metric.difference.method, metric.strata) == ("mcnemar-exact", "tango", None)
    assert "strata" not in metric.to_dict() and "weighed" not in metric.sentence
    in_proportion = compared({"critical": 20.0, "ordinary": 80.0})["m"]
    assert in_proportion == metric  # all was taken of both: every sample stands for one


def test_a_document_with_strata_is_plain_json_and_says_them() -> None:
    document = compared(STRATA).to_dict()
    assert json.loads(json.dumps(document, allow_nan=False))["metrics"]["m"]["strata"]["critical"]["n"] == 20


def test_lower_is_better_turns_the_verdict_here_too() -> None:
    metric = compared(STRATA, ScorerFacts("share", False, "v1"))["m"]
    assert metric.verdict == "worse"
    assert metric.sentence.startswith("B is worse on m by 8.8 points")


def test_the_critical_samples_stay_a_segment_of_their_own_with_mcnemars_test() -> None:
    (row,) = compared(STRATA).segments
    assert (row["key"], row["n"], row["test"]) == ("critical", 20, "mcnemar-exact")
    assert row["difference"]["value"] == -0.5


def test_a_segment_weighs_its_critical_samples_as_the_dataset_does() -> None:
    """10 critical (5 lost) stand for 10, 40 ordinary (4 gained) for 490: (490 × 0.1 - 10 × 0.5)/500."""
    labels = {f"s{row}": "de" if row % 2 else "fr" for row in range(100)}
    rows = {row["value"]: row for row in compared(STRATA, segments={"lang": labels}).segments}
    assert rows["de"]["difference"]["value"] == pytest.approx((490 * 0.1 - 10 * 0.5) / 500)
    assert rows["de"]["test"] == "stratified-tango"


def test_no_difference_is_said_with_an_honest_width() -> None:
    before, _ = opposed()
    metric = compare_columns({"m": before}, {"m": before}, scorers={"m": SHARE}, strata=STRATA)["m"]
    assert (metric.p_value, metric.difference.value, metric.verdict) == (1.0, 0.0, "undecided")
    plain = tango(80, 0, 0)
    assert metric.difference.high is not None and plain.high is not None
    assert 0.98 * plain.high < metric.difference.high < 1.01 * plain.high


def test_graded_scores_are_weighed_and_the_spread_of_both_strata_counts() -> None:
    rng = np.random.default_rng(3)
    before, gain = rng.random(100) * 0.5, rng.random(100) * 0.2
    gain[:20] -= 0.6
    facts = ScorerFacts("score", True, "v1")
    metric = compare_columns(
        {"m": column(before.tolist())}, {"m": column((before + gain).tolist())}, scorers={"m": facts}, strata=STRATA
    )["m"]
    assert metric.difference.value == pytest.approx(0.02 * gain[:20].mean() + 0.98 * gain[20:].mean())
    assert (metric.test, metric.verdict) == ("stratified-paired-t", "better")
    errors = [0.02 * gain[:20].std(ddof=1) / 20**0.5, 0.98 * gain[20:].std(ddof=1) / 80**0.5]
    assert metric.difference.std_error == pytest.approx(math.hypot(*errors))


def test_one_critical_sample_with_a_graded_score_leaves_no_interval_but_a_reason() -> None:
    lonely = [row == 0 for row in range(100)]
    rng = np.random.default_rng(4)
    before, after = (column(rng.random(100).tolist(), critical=lonely) for _ in range(2))
    strata = {"critical": 1.0, "ordinary": 999.0}
    metric = compare_columns(
        {"m": before}, {"m": after}, scorers={"m": ScorerFacts("score", True, "v1")}, strata=strata
    )["m"]
    assert (metric.p_value, metric.verdict) == (None, "undecided")
    assert "stratum critical: fewer than two paired samples" in metric.sentence


def test_clusters_that_hold_both_kinds_widen_the_interval() -> None:
    rng = np.random.default_rng(6)
    before, after = rng.random((2, 100)).tolist()
    facts, widths = ScorerFacts("score", True, "v1"), []
    for apart in ("", "x"):
        clusters = [f"{apart if row < 20 else ''}{row % 20}" for row in range(100)]
        pairs = [{"m": column(values, clusters=clusters)} for values in (before, after)]
        found = compare_columns(*pairs, scorers={"m": facts}, strata={"critical": 500.0, "ordinary": 500.0})
        difference = found["m"].difference
        assert difference.n_clusters is not None and difference.low is not None and difference.high is not None
        widths.append(difference.high - difference.low)
    assert widths[0] > 1.05 * widths[1]


def test_a_gate_asks_about_the_dataset() -> None:
    before, after = opposed()
    rules = ["m.low >= 0.93", "superior(m, margin=0.01)", "m.high <= 0.8 segment=critical:true"]
    arguments = {"candidate": {"m": after}, "baseline": {"m": before}, "scorers": {"m": SHARE}}
    weighed = decide(rules, **arguments, strata=STRATA)  # type: ignore[arg-type]
    plain = decide(rules, **arguments)  # type: ignore[arg-type]
    assert [verdict.verdict for verdict in weighed.rules] == ["pass", "pass", "pass"]
    assert [verdict.verdict for verdict in plain.rules] == ["inconclusive", "inconclusive", "pass"]
    assert [verdict.estimate.method for verdict in weighed.rules] == ["stratified-wilson", "stratified-tango", "wilson"]
    assert "n = 100 (weighed as in the dataset: 20 critical count 2 %, 80 ordinary 98 %)" in weighed.rules[0].sentence
    assert "n = 100 paired (weighed as in the dataset" in weighed.rules[1].sentence
    assert "weighed" not in weighed.rules[2].sentence
    only_baseline = decide(rules, **arguments, baseline_strata=STRATA)  # type: ignore[arg-type]
    assert [verdict.verdict for verdict in only_baseline.rules] == ["inconclusive", "pass", "pass"]


def test_a_gate_on_a_segment_weighs_by_the_whole_run() -> None:
    """20 critical of 20 and 20 ordinary of 80: the segment is 20 critical and about 245 ordinary samples."""
    _, after = opposed()
    members = {f"s{row}": "yes" for row in range(40)}
    rule = decide(
        ["m.low >= 0.9, segment=k:yes"],
        candidate={"m": after},
        scorers={"m": SHARE},
        segments={"k": members},
        strata=STRATA,
    ).rules[0]
    assert rule.estimate.value == pytest.approx((245 * 1.0 + 20 * 0.5) / 265)


def test_the_panel_is_weighed_too() -> None:
    """Latency doubles on the critical samples and is the same, but for noise, on the others."""
    noise = np.random.default_rng(5).normal(0.0, 0.01, 100)
    marked = frozenset(f"s{row}" for row in range(20))

    def reduced(values: npt.NDArray[np.float64]) -> Reduced:
        held = {f"s{row}": float(value) for row, value in enumerate(values)}
        return Reduced(values=held, unscored={}, clusters={}, critical=marked, repeated=False)

    before = np.ones(100)
    after = np.where(np.arange(100) < 20, 2.0, 1.0) + noise
    columns = BrokeColumns(baseline={"latency_s": reduced(before)}, candidate={"latency_s": reduced(after)})
    (weighed,), (plain,) = what_broke({}, columns, strata=STRATA), what_broke({}, columns)
    assert weighed["estimate"]["value"] == pytest.approx(0.02 * after[:20].mean() + 0.98 * after[20:].mean())
    assert (weighed["verdict"], weighed["estimate"]["method"]) == ("noninferior", "stratified-fieller")
    assert (plain["verdict"], plain["estimate"]["method"]) == ("worse", "fieller")


def test_the_strata_of_a_recorded_run_are_those_of_its_selection() -> None:
    samples = [Sample(id=f"q{row}", input="?", critical=row < 7) for row in range(50)]
    data = SampleList(name="d", content_hash="h", samples=samples)
    for limit in (None, 1, 30, 42, 43, 44, 50):
        selection = select(data, limit=limit)
        manifest = {
            "dataset": {"samples": selection.population},
            "selection": {"limit": limit, "samples": len(selection.rows)},
        }
        wanted = None if len(selection.rows) == 50 else selection.strata
        assert strata_of_run(manifest) == wanted, limit
    plain = SampleList(name="d", content_hash="h", samples=[Sample(id=f"q{row}", input="?") for row in range(50)])
    selection = select(plain, limit=10)
    assert strata_of_run({"dataset": {"samples": 50}, "selection": {"limit": 10, "samples": 10}}) is None
    assert selection.strata is None


@given(st.lists(st.tuples(st.booleans(), st.sampled_from([0.0, 1.0, 0.5, None])), min_size=1, max_size=30))
def test_shares_add_up_and_one_stratum_alone_is_never_weighed(rows: list[tuple[bool, float | None]]) -> None:
    found = Reduced.of(column([value for _, value in rows], critical=[marked for marked, _ in rows]))
    weights = stands_for(STRATA, found, found)
    pairs = Pairs.of(found, found, weights=weights)
    parts = pairs.strata()
    kinds = {marked for marked, value in rows if value is not None}
    assert (parts is not None) == (len(kinds) == 2)
    if parts is not None:
        assert sum(part.share for part in parts.values()) == pytest.approx(1.0)
        assert parts["critical"].share == pytest.approx(0.02)
        assert sorted([*parts["critical"].rows, *parts["ordinary"].rows]) == list(range(len(pairs.ids)))


def _drawn(rng: np.random.Generator, up: tuple[float, float], down: tuple[float, float]) -> list[ScoreColumn]:
    """Verdicts of two systems on 40 critical and 120 ordinary samples; chances of gain and loss by stratum."""
    uniform = rng.random(160)
    gain, loss = np.repeat(up, [40, 120]), np.repeat(down, [40, 120])
    gained, lost = uniform < gain, (uniform >= gain) & (uniform < gain + loss)
    before = np.where(gained, 0.0, np.where(lost, 1.0, (uniform > 0.7).astype(float)))
    after = np.where(gained, 1.0, np.where(lost, 0.0, before))
    marked = [row < 40 for row in range(160)]
    return [column(values.tolist(), critical=marked) for values in (before, after)]


@pytest.mark.parametrize("repeats", [100, pytest.param(1_000, marks=pytest.mark.slow)])
def test_the_weighted_interval_covers_the_datasets_difference_and_the_unweighted_one_does_not(repeats: int) -> None:
    """Critical samples (40 of 2,000, all taken) lose 40 points, ordinary ones (120 drawn) gain 5."""
    rng, strata = np.random.default_rng(17), {"critical": 40.0, "ordinary": 1960.0}
    truth = 0.02 * -0.4 + 0.98 * 0.05
    covered = naive = accused = 0
    for _ in range(repeats):
        before, after = _drawn(rng, (0.05, 0.15), (0.45, 0.10))
        ours = compare_columns({"m": before}, {"m": after}, scorers={"m": SHARE}, strata=strata)["m"]
        plain = compare_columns({"m": before}, {"m": after}, scorers={"m": SHARE})["m"]
        for found, weighed in ((ours.difference, True), (plain.difference, False)):
            assert found.low is not None and found.high is not None
            hit = found.low <= truth <= found.high
            covered, naive = covered + (hit and weighed), naive + (hit and not weighed)
        accused += ours.verdict == "worse"
    noise = 4 * math.sqrt(0.95 * 0.05 / repeats)
    assert covered / repeats == pytest.approx(0.95, abs=noise)
    assert naive / repeats < 0.7
    assert accused / repeats < 0.01


@pytest.mark.parametrize("repeats", [100, pytest.param(1_000, marks=pytest.mark.slow)])
def test_a_gate_at_its_boundary_rarely_passes_by_mistake_and_an_unweighted_one_often_does(repeats: int) -> None:
    """The dataset loses exactly the margin; the critical samples gain, which must not buy a pass."""
    rng, strata = np.random.default_rng(23), {"critical": 40.0, "ordinary": 1960.0}
    loss = (0.1 + 0.02 * 0.3) / 0.98
    passes = naive = 0
    for _ in range(repeats):
        before, after = _drawn(rng, (0.35, 0.05), (0.05, 0.05 + loss))
        arguments = {"candidate": {"m": after}, "baseline": {"m": before}, "scorers": {"m": SHARE}}
        rule = ["noninferior(m, margin=0.1)"]
        passes += decide(rule, **arguments, strata=strata).verdict == "pass"  # type: ignore[arg-type]
        naive += decide(rule, **arguments).verdict == "pass"  # type: ignore[arg-type]
    assert passes / repeats <= 0.025 + 4 * math.sqrt(0.025 * 0.975 / repeats)
    assert naive / repeats > 0.2
