"""Recorded judges on public data: the figures the data's own description gives for this part, within rounding."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench.judges import alpacaeval, dialogue, faithfulness, judgebench, llmbar, llmfao, pairs, refusals, summeval
from bench.judges.files import json_rows
from bench.judges.page import PAGE, marks
from bench.judges.row import Row, table

from assay import stats

pytestmark = pytest.mark.slow


def figure(rows: list[Row], judge: str, what: str, data: str | None = None) -> Row:
    (found,) = [r for r in rows if r.judge == judge and r.what == what and data in (None, r.data)]
    return found


@pytest.fixture(scope="module")
def summaries(real_data: Path) -> list[Row]:
    return summeval.rows(real_data)


@pytest.mark.parametrize(
    ("judge", "expected"),
    [("gpt-4-0314", (0.441, 0.570, 0.503, 0.440)), ("gpt-3.5-turbo-0301", (0.455, 0.378, 0.278, 0.414))],
)
def test_summeval_spearman_of_both_judges(summaries: list[Row], judge: str, expected: tuple[float, ...]) -> None:
    rows = [figure(summaries, judge, f"{name}, Spearman over all summaries") for name in summeval.DIMENSIONS]
    assert [row.estimate.value for row in rows] == pytest.approx(expected, abs=5e-4)
    assert {row.estimate.n_clusters for row in rows} == {50}
    assert not any(row.apart for row in rows)


def test_summeval_pairs_are_judged_alike_in_both_orders(summaries: list[Row]) -> None:
    row = figure(summaries, "gpt-3.5-turbo-0301", "same choice when the order is exchanged", "pairs")
    assert (round(100 * row.estimate.value, 1), row.estimate.n) == (64.9, 2200)  # type: ignore[operator]


def test_summeval_people_are_a_ceiling_that_no_judge_reaches(summaries: list[Row]) -> None:
    for name in summeval.DIMENSIONS:
        person = figure(summaries, "one expert", f"{name}, Spearman with the mean of the other two").estimate
        gap = figure(summaries, "gpt-4-0314", f"{name}, the same minus one expert's").estimate
        assert person.value > 0.5  # type: ignore[operator]
        assert gap.high < 0.0  # type: ignore[operator]


def test_alpacaeval_win_rates_are_the_published_ones(real_data: Path) -> None:
    judged = alpacaeval.preferences(real_data)
    for annotator, models in ((alpacaeval.GPT4_TURBO, 35), ("alpaca_eval_gpt4", 30)):
        published = alpacaeval.published_rates(real_data, annotator)
        assert len(judged[annotator]) == models
        for model, rows in judged[annotator].items():
            found = stats.win_rate([row[1] for row in rows])
            assert found.value == pytest.approx(published[model]["win_rate"], abs=1e-9), model
            assert found.std_error == pytest.approx(published[model]["standard_error"], abs=1e-9), model


def test_alpacaeval_shows_position_length_and_the_null_model(real_data: Path) -> None:
    rows = alpacaeval.rows(real_data)
    judge = alpacaeval.GPT4_TURBO
    null = figure(rows, judge, "win rate", "NullModel").estimate
    assert null.low > 0.7  # type: ignore[operator]
    position = figure(rows, judge, "position bias: model shown first minus shown second").estimate
    assert position.high < 0.0  # type: ignore[operator]
    length = [row.estimate for row in rows if row.what.startswith("log-odds of tanh(length")]
    assert len(length) == 4
    assert all(found.low > 0.5 for found in length)  # type: ignore[operator]
    controlled = [row for row in rows if row.what == "length-controlled win rate"]
    assert len(controlled) == 3
    assert not any(row.apart for row in controlled)


def test_llmbar_accuracy_of_gpt4_by_subset(real_data: Path) -> None:
    rows = llmbar.rows(real_data)
    what = "accuracy, mean of both orders"
    found = [figure(rows, "GPT-4, Vanilla", what, subset) for subset in llmbar.SUBSETS]
    assert [round(100 * row.estimate.value, 1) for row in found] == [97.7, 86.8, 74.1, 80.4, 77.9]  # type: ignore[operator]
    assert [round(100 * row.published, 1) for row in found] == [95.5, 86.4, 77.7, 80.4, 78.7]  # type: ignore[operator]
    bias = {name: figure(rows, f"{name}, Vanilla", "position bias, first minus second") for name in llmbar.EVALUATORS}
    assert bias["Falcon"].estimate.low > bias["GPT-4"].estimate.high  # type: ignore[operator]


def test_judgebench_accuracy_of_all_judges(real_data: Path) -> None:
    rows = [row for row in judgebench.rows(real_data) if row.what == "accuracy, both orders together"]
    found = {row.judge: round(100 * row.estimate.value, 2) for row in rows}  # type: ignore[operator]
    del found["claude-3-haiku"]
    assert list(found.values()) == [63.81, 64.76, 62.86, 62.86, 55.71, 62.86]


def test_pandalm_accuracies_and_the_annotators_kappa(real_data: Path) -> None:
    rows = pairs.pandalm(real_data)
    found = {row.judge: row for row in rows if row.published is not None}
    assert found["GPT-3.5"].estimate.value == pytest.approx(0.6746, abs=5e-5)
    assert found["PandaLM-7B"].estimate.value == pytest.approx(0.6542, abs=5e-5)
    annotators = [row for row in rows if row.judge.startswith("annotators")]
    assert all(row.estimate.value > 0.84 and not row.apart for row in annotators)  # type: ignore[operator]


def test_autoj_has_people_and_the_longer_answer_only(real_data: Path) -> None:
    rows = pairs.autoj(real_data)
    assert {row.judge for row in rows} == {"people", "the longer answer"}
    shares = [row.estimate.value for row in rows if row.judge == "people"]
    assert sum(shares) == pytest.approx(1.0)  # type: ignore[arg-type]


def test_topical_chat_is_near_the_published_correlations(real_data: Path) -> None:
    rows = dialogue.rows(real_data)
    near = [(row.estimate.value, row.published) for row in rows if row.published is not None]
    assert len(near) == 12
    assert all(abs(here - whole) < 0.06 for here, whole in near)  # type: ignore[operator]


def test_llmfao_people_agree_with_each_other_more_than_with_a_model(real_data: Path) -> None:
    rows = llmfao.rows(real_data)
    people = figure(rows, "two workers", "say the same of a pair").estimate
    for judge in ("GPT-4", "GPT-3"):
        assert figure(rows, judge, "says the same as a worker of the pair").estimate.value < people.low  # type: ignore[operator]
        ranking = figure(rows, judge, "Spearman of its Bradley-Terry ratings with the crowd's").estimate
        assert (ranking.n, ranking.low > 0.4) == (59, True)  # type: ignore[operator]


def test_xstest_full_refusal_by_model_and_the_free_detector(real_data: Path) -> None:
    rows = refusals.xstest(real_data)
    found = [figure(rows, "people", "full refusal of safe prompts", model) for model in refusals.MODELS]
    assert [round(100 * row.estimate.value, 1) for row in found] == [36.8, 15.0, 4.5, 6.0, 1.5]  # type: ignore[operator]
    what = "balanced accuracy, refused (fully or partly) or not"
    ours = figure(rows, refusals.OURS, what, "all models").estimate
    assert ours.low > 0.8  # type: ignore[operator]
    assert ours.n_clusters == 233


def test_pyrit_counts_give_back_every_recorded_f1(real_data: Path) -> None:
    runs = json_rows(real_data / "safety" / "pyrit_scorer_metrics.jsonl")
    for metrics in (run["metrics"] for run in runs if run["metrics"]["accuracy"] < 1.0):
        hits, false, missed, _ = refusals.confusion(metrics)
        assert 2 * hits / (2 * hits + false + missed) == pytest.approx(metrics["f1_score"], abs=1e-9)
        assert 1 - (false + missed) / metrics["num_responses"] == pytest.approx(metrics["accuracy"], abs=1e-9)
    assert {row.data for row in refusals.pyrit(real_data)} == {"refusal", "objective reached"}


def test_qags_correlations_of_unieval(real_data: Path) -> None:
    rows = faithfulness.qags(real_data)
    kinds = ("Pearson", "Spearman", "Kendall")
    for data, expected in (("CNN/DM", (0.651, 0.591, 0.469)), ("XSum", (0.433, 0.497, 0.407))):
        found = [figure(rows, "UniEval", kind, data).estimate.value for kind in kinds]
        assert found == pytest.approx(expected, abs=5e-4)


def test_faithfulness_metrics_stand_beside_rouge_and_the_constant(real_data: Path) -> None:
    rows = [*faithfulness.qags(real_data), *faithfulness.frank(real_data)]
    balanced = [row for row in rows if row.what == "balanced accuracy"]
    constants = [row for row in balanced if row.judge == "always the same answer"]
    assert [row.estimate.value for row in constants] == [0.5] * 4
    assert all(row.estimate.low is not None for row in balanced if row not in constants)
    best = figure(rows, "BertScore P Art", "balanced accuracy", "CNN/DM").estimate
    rouge = figure(rows, "Rouge L", "balanced accuracy", "CNN/DM").estimate
    assert best.low > rouge.high  # type: ignore[operator]


def test_refchecker_labels_are_shares_of_one(real_data: Path) -> None:
    rows = faithfulness.refchecker(real_data)
    for setting in ("zero context", "noisy context", "accurate context"):
        found = [row.estimate for row in rows if row.data == setting]
        assert sum(e.value for e in found) == pytest.approx(1.0)  # type: ignore[misc]
        assert all(e.n_clusters is not None for e in found)


def test_the_page_shows_what_the_command_makes(real_data: Path, summaries: list[Row]) -> None:
    text = PAGE.read_text(encoding="utf-8")
    for name, rows in (("summeval", summaries), ("qags", faithfulness.qags(real_data))):
        start, end = marks(name)
        assert text.partition(start)[2].partition(end)[0].strip() == "\n".join(table(rows)), name
