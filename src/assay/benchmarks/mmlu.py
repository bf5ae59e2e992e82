"""MMLU: multiple-choice questions from 57 subjects."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from assay.benchmarks.entry import Benchmark, Found, Option, Role, sample_list, wrong_shape
from assay.benchmarks.mmlu_subjects import SUBJECTS
from assay.benchmarks.multiple_choice import LETTERS, LISTED, STYLE, ask, choice_sample
from assay.core.errors import ConfigError, nearest
from assay.core.records import Sample
from assay.core.task import Task

ABOUT = "The following are multiple-choice questions about {{ metadata.topic }}."
FRAME = "{% if shots %}\n{{ shots }}\n\n{% endif %}\n" + LISTED
CHAT = ABOUT + " Reply with nothing but the letter of the right answer.\n\n" + FRAME
BASE = ABOUT + "\n\n" + FRAME
SHOT = LISTED + " {{ metadata.right_letter }}"
Row = Mapping[str, Any]


def build(found: Found, options: Mapping[str, Any]) -> Task:
    """The task; its name is ``mmlu`` only when all questions of all 57 subjects are in it."""
    from dataclasses import replace

    strays = Counter[str]()
    wanted = _wanted(options["subjects"])
    test = [s for s in _samples(found, "test", strays) if not wanted or s.metadata["subject"] in wanted]
    dev = list(_samples(found, "dev", strays))
    if options["estimand"] == "subjects":
        test = [replace(sample, cluster=sample.metadata["subject"]) for sample in test]
    solver, scorers, generate = ask(
        style=options["style"],
        chat=CHAT,
        base=BASE,
        option=" {{ letter }}",
        shot=SHOT,
        shots=options["shots"],
        shots_from=sample_list("mmlu examples", dev) if options["shots"] else None,
        shot_group="subject",
    )
    counts = Counter(str(sample.metadata["subject"]) for sample in test)
    name = "mmlu" if dict(counts) == SUBJECTS else f"mmlu-partial-{len(counts)}"
    return Task(
        name=name,
        dataset=sample_list(name, test),
        solver=solver,
        scorers=scorers,
        generate=generate,
        segments=("subject",),
        notes=_notes(counts, strays),
    )


def _wanted(subjects: Sequence[str]) -> frozenset[str]:
    for subject in subjects:
        if subject not in SUBJECTS:
            raise ConfigError(
                f"MMLU has no subject {subject!r}", hint=nearest(subject, SUBJECTS), code="benchmark.option"
            )
    return frozenset(subjects)


def _notes(counts: Mapping[str, int], strays: Mapping[str, int]) -> list[str]:
    notes = []
    missing = [subject for subject in SUBJECTS if subject not in counts]
    if missing:
        notes.append(
            f"This is not MMLU: {len(counts)} of its 57 subjects are in it ({sum(counts.values()):,} questions). "
            f"Missing: {', '.join(missing)}."
        )
    cut = [f"{name} ({n} of {SUBJECTS[name]})" for name, n in counts.items() if SUBJECTS.get(name, n) > n]
    if cut:
        notes.append(f"This is not MMLU: questions are missing from {', '.join(cut)}.")
    grown = [f"{name} ({n})" for name, n in counts.items() if n > SUBJECTS.get(name, 0)]
    if grown:
        notes.append(f"This is not MMLU: the data has more than the published questions of {', '.join(grown)}.")
    if strays:
        parts = " and ".join(f"{n} in {split}" for split, n in sorted(strays.items()))
        notes.append(f"{sum(strays.values())} stray header rows of the data were dropped ({parts}).")
    return notes


def _samples(found: Found, role: str, strays: Counter[str]) -> Iterator[Sample]:
    numbers = Counter[str]()
    for row in _rows(found.files.get(role, ()), found, role):
        if row.get("split", role) != role:
            continue
        if row.get("question") == "question" and row.get("answer") == "answer":
            strays[role] += 1
            continue
        subject = str(row.get("subject", ""))
        numbers[subject] += 1
        yield _sample(row, subject, number=numbers[subject], role=role)


def _sample(row: Row, subject: str, *, number: int, role: str) -> Sample:
    given = row.get("choices")
    choices: list[Any] = given if isinstance(given, list) else [row.get(letter) for letter in "ABCD"]
    answer = str(row.get("answer"))
    right = LETTERS.find(answer) if answer in tuple("ABCD") else int(answer) if answer in tuple("0123") else -1
    if right < 0 or not subject or len(choices) != 4 or not all(isinstance(choice, str) for choice in choices):
        raise wrong_shape("mmlu", row, number)
    return choice_sample(
        sample_id=f"{subject}-{role}-{number}",
        question=str(row["question"]).strip(),
        choices=[choice.strip() for choice in choices],
        right=right,
        metadata={"subject": subject, "topic": subject.replace("_", " ")},
    )


def _rows(files: Sequence[Path], found: Found, role: str) -> Iterator[Row]:
    """Rows with a header, or of the published distribution: one file a subject, without a header."""
    suffix = f"_{role}.csv"
    if not files or not files[0].name.endswith(suffix):
        yield from found.rows(role)
        return
    for path in files:
        with path.open(encoding="utf-8", newline="") as file:
            for cells in csv.reader(file):
                row = dict(zip(("question", "A", "B", "C", "D", "answer"), cells, strict=False))
                yield {"subject": path.name.removesuffix(suffix), **row}


MMLU = Benchmark(
    name="mmlu",
    title="MMLU",
    description="14,042 four-choice questions from 57 subjects, five examples of the subject in front; "
    "shown by subject. With subjects missing it runs under the name mmlu-partial-N.",
    source="https://github.com/hendrycks/test",
    licence="MIT",
    paper="Hendrycks et al. (2021), Measuring Massive Multitask Language Understanding, arXiv:2009.03300",
    scorers=("choice_letter", "choice_likelihood"),
    options={
        "style": Option(
            default=STYLE.default,
            values=STYLE.values,
            help="letter: the model names a letter; likelihood: the letters A to D are scored as continuations.",
        ),
        "shots": Option(default=5, low=0, high=5, help="Examples of the same subject in front of the question."),
        "subjects": Option(default=(), help="Only these subjects, separated by commas."),
        "estimand": Option(
            default="questions",
            values=("questions", "subjects"),
            help="questions: new questions of these subjects; subjects: new subjects (samples cluster by subject).",
        ),
    },
    roles={
        "test": Role(
            names=("mmlu", "test/*_test.csv"),
            original=("data/test/*_test.csv",),
            hub="hf:cais/mmlu?config=all&split=test",
        ),
        "dev": Role(
            names=("mmlu", "dev/*_dev.csv"),
            original=("data/dev/*_dev.csv",),
            hub="hf:cais/mmlu?config=all&split=dev",
            required=False,
        ),
    },
    build=build,
)
