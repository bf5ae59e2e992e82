"""Every built-in benchmark over the real files: whole, well-formed, and askable."""

from __future__ import annotations

import gzip
import json
import os
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from assay.benchmarks import BENCHMARKS, load_benchmark
from assay.benchmarks.mmlu_subjects import SUBJECTS
from assay.core.records import Sample
from assay.core.task import Agent, Choices, Prompt, Task
from assay.engine.prompts import PromptRenderer

pytestmark = pytest.mark.slow

if "ASSAY_TEST_DATA" not in os.environ:
    pytest.skip("ASSAY_TEST_DATA is not set: the real benchmark files are not there", allow_module_level=True)

FILES = Path(os.environ["ASSAY_TEST_DATA"]) / "benchmarks"
LETTERS = "ABCDEFGHIJKLM"


@cache
def load(name: str, **options: Any) -> Task:
    return load_benchmark(name, data=FILES, options=options)


def samples_of(task: Task) -> list[Sample]:
    return [task.dataset[row] for row in range(len(task.dataset))]


def prompt_of(task: Task) -> Prompt:
    solver = task.solver
    assert isinstance(solver, Prompt | Choices | Agent)
    return solver if isinstance(solver, Prompt) else solver.prompt


def shown(task: Task, row: int = 0) -> str:
    rendered = PromptRenderer(prompt_of(task)).render(task.dataset[row])
    return rendered if isinstance(rendered, str) else "\n".join(str(message["content"]) for message in rendered)


@pytest.mark.parametrize(
    ("name", "options", "rows"),
    [
        ("gsm8k", {}, 1319),
        ("humaneval", {}, 164),
        ("mbpp", {}, 500),
        ("mbpp", {"split": "all"}, 974),
        ("mbpp", {"split": "train"}, 374),
        ("mbpp", {"split": "validation"}, 90),
        ("mbpp", {"split": "prompt", "shots": 0}, 10),
        ("mmlu", {}, 9956),
        ("truthfulqa_mc1", {}, 790),
        ("truthfulqa_mc1", {"questions": "all"}, 817),
        ("truthfulqa_mc2", {}, 790),
        ("truthfulqa_mc2", {"questions": "all"}, 817),
        ("ifeval", {}, 541),
        ("arc_challenge", {}, 1172),
        ("openbookqa", {}, 500),
        ("piqa", {}, 1838),
    ],
)
def test_no_row_is_lost_and_ids_are_unique(name: str, options: dict[str, Any], rows: int) -> None:
    task = load(name, **options)
    ids = task.dataset.ids()
    assert len(task.dataset) == len(ids) == len(set(ids)) == rows
    assert all(sample.input for sample in samples_of(task))


@pytest.mark.parametrize("name", sorted(BENCHMARKS))
def test_every_benchmark_loads_by_environment_and_its_prompts_render(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSAY_DATA", str(FILES))
    task = load_benchmark(name)
    renderer = PromptRenderer(prompt_of(task))
    for row in range(0, len(task.dataset), max(1, len(task.dataset) // 50)):
        assert renderer.render(task.dataset[row])
    assert task.dataset.content_hash == load_benchmark(name).dataset.content_hash
    announced = set(BENCHMARKS[name].scorers)
    assert {scorer.name for scorer in task.scorers} <= announced


@pytest.mark.parametrize("name", ["arc_challenge", "openbookqa", "piqa", "mmlu"])
@pytest.mark.parametrize("style", ["letter", "likelihood"])
def test_references_mean_the_right_one_of_the_filled_choices(name: str, style: str) -> None:
    """Also where a choice's text is itself a letter: two questions of MMLU and one of ARC."""
    from assay.scorers.choice import right_choices

    task = load(name, style=style)
    assert isinstance(task.solver, Choices if style == "likelihood" else Prompt)
    for sample in samples_of(task):
        assert sample.choices is not None
        assert right_choices(sample) == {LETTERS.index(sample.metadata["right_letter"])}
        assert all(choice and choice == choice.strip() for choice in sample.choices)


def test_choices_written_out_are_also_compared_per_character() -> None:
    names = {name: [scorer.name for scorer in load(name, style="likelihood").scorers] for name in ("piqa", "mmlu")}
    assert names == {"piqa": ["choice_likelihood", "choice_likelihood_per_char"], "mmlu": ["choice_likelihood"]}


def test_recorded_answers_of_gsm8k_give_the_published_accuracies() -> None:
    from assay.core.records import Output

    task = load("gsm8k")
    with gzip.open(FILES / "gsm8k_model_solutions.jsonl.gz", "rt", encoding="utf-8") as file:
        recorded = {row["question"]: row for row in map(json.loads, file)}
    for system, percent in (("6b_finetuning", 21.68), ("6b_verification", 39.04), ("175b_verification", 56.25)):
        scores = [
            task.scorers[0].score(s, Output(sample_id=s.id, text=recorded[s.input][system]["solution"])).value
            for s in samples_of(task)
        ]
        assert 100 * sum(score or 0.0 for score in scores) / len(scores) == pytest.approx(percent, abs=0.005)


def test_reference_answers_of_every_multiple_choice_task_score_one() -> None:
    from assay.core.records import Output

    for name in ("arc_challenge", "openbookqa", "piqa", "mmlu", "truthfulqa_mc1", "truthfulqa_mc2"):
        task = load(name, style="likelihood") if name != "truthfulqa_mc2" else load(name)
        for sample in samples_of(task)[::7]:
            letters = sample.metadata.get("labels") or [
                LETTERS[n] == sample.metadata["right_letter"] for n in range(len(sample.choices or ()))
            ]
            output = Output(sample_id=sample.id, option_logprobs=[-1.0 if right else -900.0 for right in letters])
            assert task.scorers[0].score(sample, output).value == pytest.approx(1.0)


def test_numbered_choices_are_cut_where_the_format_line_says() -> None:
    """Put back together, question and choices give the published text again."""
    for name, word, between in (("arc_challenge", "Answer", " "), ("piqa", "Solution", "\n\n")):
        with gzip.open(FILES / f"{name}_test.jsonl.gz", "rt", encoding="utf-8") as file:
            rows = [json.loads(line) for line in file.read().split("\n") if line]
        for row, sample in zip(rows, samples_of(load(name)), strict=True):
            choices = sample.choices or ()
            again = between.join(f"{word}{number}: {choice}" for number, choice in enumerate(choices, 1))
            body = re.sub(r"\s+", " ", row["instruction"])
            assert re.sub(r"\s+", " ", f"{sample.input} {again} Answer format") in body
            assert row["answer"] == f"{word.lower()}{LETTERS.index(sample.metadata['right_letter']) + 1}"


def test_questions_with_three_or_five_choices_are_kept() -> None:
    assert Counter(len(sample.choices or ()) for sample in samples_of(load("arc_challenge"))) == {4: 1165, 3: 4, 5: 3}


def test_gsm8k_references_are_plain_numbers_and_inputs_join_the_recorded_solutions() -> None:
    samples = samples_of(load("gsm8k"))
    assert all(re.fullmatch(r"-?\d+(\.\d+)?", str(sample.reference)) for sample in samples)
    assert "2125" in {sample.reference for sample in samples}
    with gzip.open(FILES / "gsm8k_model_solutions.jsonl.gz", "rt", encoding="utf-8") as file:
        recorded = {json.loads(line)["question"] for line in file}
    assert {sample.input for sample in samples} == recorded


@pytest.mark.parametrize("shots", [0, 3, 8])
def test_gsm8k_shows_as_many_worked_examples_as_asked_for(shots: int) -> None:
    for style in ("chat", "completion"):
        text = shown(load("gsm8k", shots=shots, style=style))
        assert text.count("Solution:") == shots + 1
        assert text.endswith("Solution:")
        assert text.count("\n#### ") == shots


def test_the_worked_examples_are_right_and_not_in_the_test_set() -> None:
    """Every ``a op b = c`` in them holds, and the last value is the answer."""
    from assay.benchmarks.gsm8k import _EXAMPLES

    questions = {str(sample.input) for sample in samples_of(load("gsm8k"))}
    for question, solution, answer in _EXAMPLES:
        claims = re.findall(r"([\d ()+*/-]*\d\s*[+*/-][\d ()+*/-]*\d) = (\d+)", solution)
        assert claims
        assert all(eval(left) == int(right) for left, right in claims)
        assert re.findall(r"\d+", solution)[-1] == answer or f"= {answer} " in solution
        assert question not in questions


def test_a_partial_mmlu_is_not_called_mmlu_and_names_what_is_missing() -> None:
    task = load("mmlu")
    counts = Counter(sample.metadata["subject"] for sample in samples_of(task))
    assert task.name == task.dataset.name == "mmlu-partial-40"
    assert all(counts[subject] == SUBJECTS[subject] for subject in counts)
    note = " ".join(task.notes)
    assert "40 of its 57 subjects" in note
    assert all((subject in note) == (subject not in counts) for subject in ("anatomy", "astronomy", "virology"))
    assert "80 stray header rows" in note
    assert not any(sample.input == "question" for sample in samples_of(task))


def test_mmlu_examples_are_of_the_same_subject() -> None:
    text = shown(load("mmlu"), 0)
    assert text.count("\nAnswer:") == 6
    assert "questions about abstract algebra" in text
    task = load("mmlu")
    last = len(task.dataset) - 1
    assert task.dataset[last].metadata["subject"] == "virology"
    assert "virus" in shown(task, last).rpartition("\n\n")[0].lower()
    assert shown(load("mmlu", shots=0), 0).count("\nAnswer:") == 1


def test_mmlu_clusters_only_for_new_subjects() -> None:
    chosen = "abstract_algebra,virology"
    plain, clustered = load("mmlu", subjects=chosen), load("mmlu", subjects=chosen, estimand="subjects")
    assert {sample.cluster for sample in samples_of(plain)} == {None}
    assert {sample.cluster for sample in samples_of(clustered)} == {"abstract_algebra", "virology"}
    assert plain.segments == ("subject",)
    assert (plain.name, len(plain.dataset)) == ("mmlu-partial-2", 266)
    assert plain.dataset.content_hash != clustered.dataset.content_hash


def test_mmlu_likelihood_scores_the_letters() -> None:
    task = load("mmlu", style="likelihood", subjects="virology")
    assert isinstance(task.solver, Choices)
    assert task.solver.option_template == " {{ letter }}"


@pytest.mark.parametrize("questions", ["revised", "all"])
def test_truthfulqa_has_one_true_answer_in_mc1_and_any_order(questions: str) -> None:
    samples = samples_of(load("truthfulqa_mc1", questions=questions))
    positions = Counter(sample.metadata["labels"].index(1) for sample in samples)
    assert all(sum(sample.metadata["labels"]) == 1 for sample in samples)
    assert positions[0] < 0.4 * len(samples)  # the data has it first in every row
    assert all(len(sample.choices or ()) == len(sample.metadata["labels"]) for sample in samples)


def test_truthfulqa_labels_are_those_of_the_data() -> None:
    with gzip.open(FILES / "truthfulqa_mc.json.gz", "rt", encoding="utf-8") as file:
        rows = json.load(file)
    for kind in ("mc1", "mc2"):
        for row, sample in zip(rows, samples_of(load(f"truthfulqa_{kind}")), strict=True):
            assert dict(zip(sample.choices or (), sample.metadata["labels"], strict=True)) == row[f"{kind}_targets"]


def test_truthfulqa_says_that_questions_are_missing() -> None:
    assert "790 of the 817" in load("truthfulqa_mc2").notes[0]
    assert not load("truthfulqa_mc2", questions="all").notes


def test_truthfulqa_by_letter_bears_another_name() -> None:
    task = load("truthfulqa_mc1", style="letter")
    assert task.name == "truthfulqa_mc1-letter"
    assert [scorer.name for scorer in task.scorers] == ["choice_letter"]


def test_ifeval_has_arguments_for_each_of_25_kinds() -> None:
    samples = samples_of(load("ifeval"))
    assert len({kind for sample in samples for kind in sample.metadata["instruction_id_list"]}) == 25
    assert all(len(s.metadata["instruction_id_list"]) == len(s.metadata["kwargs"]) for s in samples)


def test_code_samples_carry_what_the_sandbox_runs() -> None:
    for sample in samples_of(load("humaneval")):
        assert sample.metadata["format"] == "humaneval"
        assert f"def {sample.metadata['entry_point']}(" in sample.metadata["prompt"] + str(sample.reference)
        assert "def check(candidate)" in sample.metadata["test"]
        compile(sample.metadata["prompt"] + str(sample.reference), sample.id, "exec")
    for sample in samples_of(load("mbpp")):
        assert sample.metadata["format"] == "mbpp"
        assert len(sample.metadata["test_list"]) >= 3
        assert "\r" not in str(sample.reference)


def test_mbpp_test_split_is_11_to_510_and_shows_its_tests() -> None:
    task = load("mbpp", shots=3)
    ids = task.dataset.ids()
    assert (ids[0], ids[-1]) == ("MBPP/11", "MBPP/510")
    text = shown(task)
    assert text.count("Your code must pass these tests:") == 4
    assert 'assert remove_Occ("hello","l") == "heo"' in text


def test_several_samples_give_pass_at_k_and_warmth() -> None:
    task = load("humaneval", samples=20)
    assert [metric.name for metric in task.metrics["code_execution"]] == ["pass@1", "pass@10", "pass@20"]
    assert (task.epochs, task.generate.temperature) == (20, 0.8)
    assert load("humaneval").generate.temperature == 0.0
    assert load("humaneval", style="completion").generate.stop
