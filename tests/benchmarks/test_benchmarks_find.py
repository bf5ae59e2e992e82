"""Where data is looked for, in which order and form; options; and errors that name every place."""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from assay.benchmarks import BENCHMARKS, load_benchmark
from assay.core.errors import AssayError, ConfigError, DataError, NotFoundError
from assay.core.task import Task
from assay.datasets.hub import HubAddress

Row = Mapping[str, Any]
GSM8K: Row = {"question": "1 + 1?", "answer": "It is <<1+1=2>>2.\n#### 2"}


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No data but what a test puts somewhere, and no hub."""
    monkeypatch.delenv("ASSAY_DATA", raising=False)
    monkeypatch.setenv("ASSAY_DATA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setitem(sys.modules, "datasets", None)


def put(path: Path, *rows: Row) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    content = "".join(json.dumps(row) + "\n" for row in rows).encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def question(number: int) -> Row:
    return {"question": f"{number}?", "answer": f"#### {number}"}


def first_input(task: Task) -> object:
    return task.dataset[0].input


def test_places_are_tried_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(HubAddress.parse("hf:openai/gsm8k?config=main&split=test").local_copy(), question(4))
    assert first_input(load_benchmark("gsm8k")) == "4?"
    put(tmp_path / "cache" / "gsm8k_test.jsonl", question(3))
    assert first_input(load_benchmark("gsm8k")) == "3?"
    put(tmp_path / "data" / "gsm8k_test.jsonl.gz", question(2))
    monkeypatch.setenv("ASSAY_DATA", str(tmp_path / "data"))
    assert first_input(load_benchmark("gsm8k")) == "2?"
    given = put(tmp_path / "given.jsonl", question(1))
    assert first_input(load_benchmark("gsm8k", data=given)) == "1?"


def test_given_data_is_the_only_place(tmp_path: Path) -> None:
    put(tmp_path / "cache" / "gsm8k_test.jsonl", GSM8K)
    (tmp_path / "empty").mkdir()
    for data in (tmp_path / "empty", tmp_path / "gsm8k_tset.jsonl"):
        with pytest.raises(NotFoundError):
            load_benchmark("gsm8k", data=data)


def test_every_place_is_named_when_there_is_no_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotFoundError) as caught:
        load_benchmark("gsm8k")
    for place in ("ASSAY_DATA (not set)", str(tmp_path / "cache"), "hf:openai/gsm8k", "[hub]"):
        assert place in str(caught.value)
    assert "gsm8k_test.jsonl" in caught.value.hint
    assert "pip install 'assay[hub]'" in caught.value.hint
    assert caught.value.code == "benchmark.no_data"
    monkeypatch.setenv("ASSAY_DATA", str(tmp_path / "gone"))
    with pytest.raises(NotFoundError, match="gone, which does not exist"):
        load_benchmark("gsm8k")


@pytest.mark.parametrize(
    ("folder", "name", "found"),
    [
        ("", "test.jsonl", True),
        ("gsm8k", "test.jsonl", True),
        ("gsm8k", "gsm8k.jsonl", True),
        ("benchmarks", "gsm8k_test.jsonl", True),
        ("other", "gsm8k_test.jsonl", False),
        ("benchmarks", "test.jsonl", False),
    ],
)
def test_published_names_are_accepted_where_they_are_clear(tmp_path: Path, folder: str, name: str, found: bool) -> None:
    put(tmp_path / "given" / folder / name, GSM8K)
    if found:
        assert len(load_benchmark("gsm8k", data=tmp_path / "given").dataset) == 1
    else:
        with pytest.raises(NotFoundError):
            load_benchmark("gsm8k", data=tmp_path / "given")


def test_a_bare_test_file_in_a_shared_folder_belongs_to_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "shared" / "test.jsonl", GSM8K)
    monkeypatch.setenv("ASSAY_DATA", str(tmp_path / "shared"))
    with pytest.raises(NotFoundError):
        load_benchmark("gsm8k")


ARC = {"stem": "Why?", "choices": [{"text": "a", "label": "1"}, {"text": "b", "label": "2"}]}
HUB_CHOICES = {"text": ["a", "b"], "label": ["A", "B"]}


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("arc_challenge", {"id": "x", "question": ARC, "answerKey": "2"}),
        ("arc_challenge", {"id": "x", "question": "Why?", "choices": HUB_CHOICES, "answerKey": "B"}),
        ("openbookqa", {"id": "x", "question_stem": "Why?", "choices": HUB_CHOICES, "answerKey": "B"}),
        ("piqa", {"id": "x", "goal": "Why?", "sol1": "a", "sol2": "b", "label": 1}),
        (
            "arc_challenge",
            {
                "id": "x",
                "instruction": "Please choose the correct answer to the question: Why?\n\nAnswer1: a Answer2: b\n\n"
                "Answer format: answer1/answer2",
                "answer": "answer2",
            },
        ),
    ],
)
def test_published_and_hub_forms_of_multiple_choice(tmp_path: Path, name: str, row: Row) -> None:
    sample = load_benchmark(name, data=put(tmp_path / "d.jsonl", row)).dataset[0]
    assert (sample.id, sample.input, list(sample.choices or ()), sample.reference) == ("x", "Why?", ["a", "b"], "B")


def test_a_choice_that_looks_like_the_next_one_does_not_move_the_cut(tmp_path: Path) -> None:
    text = (
        "Please choose the correct solution to the question: Q\nwith lines\n\nSolution1: see Answer1: x\n\n"
        "Solution2: y\nAnswer format: odd\n\nAnswer format: solution1/solution2"
    )
    row = {"instruction": text, "answer": "solution1"}
    sample = load_benchmark("piqa", data=put(tmp_path / "d.jsonl", row)).dataset[0]
    assert sample.input == "Q\nwith lines"
    assert list(sample.choices or ()) == ["see Answer1: x", "y\nAnswer format: odd"]


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("gsm8k", {"question": "x"}),
        ("gsm8k", {"question": "x", "answer": "no mark"}),
        ("humaneval", {"prompt": "def f():"}),
        ("mbpp", {"task_id": 11, "text": "x"}),
        ("ifeval", {"prompt": "x", "instruction_id_list": ["a"], "kwargs": []}),
        ("arc_challenge", {"question": "x", "choices": HUB_CHOICES, "answerKey": "Z"}),
        ("arc_challenge", {"instruction": "free text", "answer": "a"}),
        ("piqa", {"goal": "x", "sol1": "a", "sol2": "b", "label": -1}),
        ("mmlu", {"question": "x", "subject": "virology", "choices": ["a", "b", "c"], "answer": 0}),
        ("truthfulqa_mc1", {"question": "x", "mc1_targets": {"a": 1, "b": 1}}),
    ],
)
def test_data_in_no_known_form_is_refused(tmp_path: Path, name: str, row: Row) -> None:
    with pytest.raises(DataError) as caught:
        load_benchmark(name, data=put(tmp_path / "d.jsonl", row), options={"shots": 0} if name == "mbpp" else {})
    assert caught.value.hint


def test_mmlu_as_published_one_file_a_subject(tmp_path: Path) -> None:
    for split, rows in (("test", 3), ("dev", 5)):
        for subject in ("virology", "anatomy"):
            file = tmp_path / "m" / "data" / split / f"{subject}_{split}.csv"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("".join(f'"What, {n}?",a,b,c,d,{"ABCD"[n % 4]}\n' for n in range(rows)))
    task = load_benchmark("mmlu", data=tmp_path / "m")
    assert task.name == "mmlu-partial-2"
    assert [task.dataset[0].input, task.dataset[1].reference] == ["What, 0?", "B"]
    assert "questions are missing from anatomy (3 of 135)" in " ".join(task.notes)


def test_mmlu_whole_and_from_the_hub_is_called_mmlu(monkeypatch: pytest.MonkeyPatch) -> None:
    from assay.benchmarks import mmlu

    monkeypatch.setattr(mmlu, "SUBJECTS", {"virology": 2})
    for split in ("test", "dev"):
        rows = [{"question": f"{n}", "subject": "virology", "choices": list("wxyz"), "answer": n} for n in range(2)]
        put(HubAddress.parse(f"hf:cais/mmlu?config=all&split={split}").local_copy(), *rows)
    task = load_benchmark("mmlu", options={"shots": 2})
    assert (task.name, task.notes, task.dataset[1].reference) == ("mmlu", [], "B")


def test_truthfulqa_from_the_hub() -> None:
    targets = {"choices": ["yes", "no", "perhaps"], "labels": [1, 0, 0]}
    row = {"question": "x", "mc1_targets": targets, "mc2_targets": targets}
    put(HubAddress.parse("hf:truthfulqa/truthful_qa?config=multiple_choice&split=validation").local_copy(), row)
    sample = load_benchmark("truthfulqa_mc1").dataset[0]
    assert dict(zip(sample.choices or (), sample.metadata["labels"], strict=True)) == {"yes": 1, "no": 0, "perhaps": 0}


def test_questions_of_truthfulqa_that_are_not_there_are_asked_for(tmp_path: Path) -> None:
    path = put(tmp_path / "truthfulqa_mc.jsonl", {"question": "x", "mc1_targets": {"a": 1, "b": 0}})
    with pytest.raises(NotFoundError, match=r"truthfulqa\.csv"):
        load_benchmark("truthfulqa_mc1", data=path, options={"questions": "all"})


def test_the_sanitised_mbpp_form_is_read(tmp_path: Path) -> None:
    row = {"task_id": 11, "prompt": "Add.", "code": "x", "test_imports": ["import math"], "test_list": ["assert f()"]}
    task = load_benchmark("mbpp", data=put(tmp_path / "d.jsonl", row), options={"shots": 0})
    assert task.dataset[0].metadata["test_setup_code"] == "import math"
    assert "1 of 500 problems" in task.notes[0]


def test_examples_of_mbpp_that_are_not_there_are_missed(tmp_path: Path) -> None:
    row = {"task_id": 11, "text": "Add.", "test_list": ["assert f()"]}
    with pytest.raises(DataError) as caught:
        load_benchmark("mbpp", data=put(tmp_path / "d.jsonl", row))
    assert caught.value.code == "benchmark.no_examples"


def test_none_arguments_of_the_hub_form_of_ifeval_are_dropped(tmp_path: Path) -> None:
    row = {"key": 1, "prompt": "x", "instruction_id_list": ["a:b"], "kwargs": [{"n": 1, "relation": None}]}
    sample = load_benchmark("ifeval", data=put(tmp_path / "d.jsonl", row)).dataset[0]
    assert (sample.id, sample.metadata["kwargs"]) == ("1", [{"n": 1}])


def test_an_unknown_benchmark_offers_the_nearest() -> None:
    with pytest.raises(NotFoundError) as caught:
        load_benchmark("gsm8")
    assert "'gsm8k'" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("gsm8k", {"shot": 3}),
        ("gsm8k", {"shots": 9}),
        ("gsm8k", {"shots": -1}),
        ("gsm8k", {"shots": "many"}),
        ("gsm8k", {"shots": 1.5}),
        ("gsm8k", {"shots": True}),
        ("gsm8k", {"style": "letters"}),
        ("ifeval", {"shots": 1}),
        ("humaneval", {"temperature": "hot"}),
        ("mmlu", {"subjects": "virolgy"}),
        ("mmlu", {"subjects": 3}),
    ],
)
def test_options_that_do_not_fit_are_refused_with_a_hint(tmp_path: Path, name: str, options: dict[str, Any]) -> None:
    rows = [{"question": "x", "subject": "virology", "choices": list("abcd"), "answer": 0}]
    with pytest.raises(ConfigError) as caught:
        load_benchmark(name, data=put(tmp_path / "mmlu.jsonl", *rows), options=options)
    assert caught.value.hint


def test_options_from_the_command_line_are_texts(tmp_path: Path) -> None:
    path = put(tmp_path / "d.jsonl", GSM8K)
    as_text, as_number = (load_benchmark("gsm8k", data=path, options={"shots": shots}) for shots in ("2", 2))
    assert as_text.solver == as_number.solver


def test_every_entry_documents_itself() -> None:
    for name, entry in BENCHMARKS.items():
        assert name == entry.name
        for text in (entry.title, entry.description, entry.source, entry.licence, entry.paper):
            assert text
        assert all(option.help.endswith(".") for option in entry.options.values())
        assert entry.scorers


def test_a_file_that_breaks_in_the_middle_is_named_with_its_line(tmp_path: Path) -> None:
    path = put(tmp_path / "d.jsonl", GSM8K)
    path.write_bytes(path.read_bytes() + b'{"question": ')
    with pytest.raises(AssayError, match="line 2"):
        load_benchmark("gsm8k", data=path)
