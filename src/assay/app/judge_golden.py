"""``assay judge golden``: accuracy on items with known answers over time, and an alarm for drift."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assay.app.judge_card_file import JudgedRequest, id_column, item_ids, read_judged
from assay.app.judge_card_words import golden_sentences
from assay.core.codec import to_document
from assay.core.errors import DataError
from assay.core.protocols import Objects
from assay.datasets.columns import TableFile
from assay.engine.golden import golden_folder, golden_rows
from assay.judges.golden import golden_answers, golden_report
from assay.judges.judged import Judged
from assay.stats.drift.accuracy import RUN_LENGTH

SCHEMA = "assay.judge_golden/1"
ANSWER = "golden"
MOST_WRONG = 100


def read_golden(path: str, *, item: str = "id", answer: str = ANSWER) -> dict[str, float]:
    """Known answers from a file of their own.

    Raises:
        NotFoundError: There is no such file.
        DataError: As ``golden_answers``; a column is missing or holds no number.
    """
    table = TableFile(path)
    try:
        return golden_answers(zip(item_ids(table, id_column(table, item)), table.numbers(answer).tolist(), strict=True))
    finally:
        table.close()


def golden_of(
    judged: Judged,
    golden: Mapping[str, float],
    *,
    tolerance: float = 0.5,
    expected: float | None = None,
    run_length: float = RUN_LENGTH,
    confidence: float = 0.95,
) -> dict[str, Any]:
    """The report as a document, at most 100 wrong items listed."""
    found = golden_report(
        judged, golden, tolerance=tolerance, expected=expected, run_length=run_length, confidence=confidence
    )
    document: dict[str, Any] = to_document(found)
    wrong = [{"id": name, "verdict": verdict, "answer": answer} for name, verdict, answer in found.wrong]
    return {**document, "n_wrong": len(wrong), "wrong": wrong[:MOST_WRONG]}


def watch_golden(
    request: JudgedRequest,
    *,
    answers: str | None = None,
    answer: str = ANSWER,
    tolerance: float = 0.5,
    expected: float | None = None,
    run_length: float = RUN_LENGTH,
    confidence: float = 0.95,
) -> dict[str, Any]:
    """The ``assay.judge_golden/1`` document.

    Args:
        request: Verdicts; rows of golden items may recur under ids that end in ``#`` and a number.
        answers: File of known answers; without it the column ``answer`` of the verdicts' file holds them.
        answer: Column of the known answer.
        tolerance: A verdict at most this far from it is right.
        expected: Accuracy to hold.
        run_length: Verdicts between false alarms.
        confidence: Of the intervals.

    Raises:
        DataError: As ``read_judged`` and ``read_golden``.
    """
    judged = read_judged(request)
    golden = (
        _from_column(request, answer) if answers is None else read_golden(answers, item=request.item, answer=answer)
    )
    found = golden_of(
        judged, golden, tolerance=tolerance, expected=expected, run_length=run_length, confidence=confidence
    )
    return _document(found, file=request.path, answers=answers or request.path, n_golden=len(golden))


def _document(found: Mapping[str, Any], **where: Any) -> dict[str, Any]:
    return {"schema": SCHEMA, **where, **found, "sentences": golden_sentences(found)}


def watch_runs(objects: Objects | None, version: str, **options: Any) -> dict[str, Any]:
    """The ``assay.judge_golden/1`` document of the golden items that a judge met in runs.

    Args:
        objects: Of the store.
        version: Of the judge.
        options: As of ``golden_in_runs``.

    Raises:
        DataError: It met none (``judge.no_golden``).
    """
    found = None if objects is None else golden_in_runs(objects, version, **options)
    if objects is None or found is None:
        raise DataError(
            f"no run has tried a judge of version {version} on golden items",
            hint="golden: in a task file does; a run's page and --json name its judges' versions",
            code="judge.no_golden",
        )
    rows = golden_rows(objects, version)
    where = objects.where(golden_folder(version))
    return _document(
        found,
        file=where,
        answers=where,
        n_golden=len({row["item"] for row in rows}),
        judge=rows[-1]["judge"],
        version=version,
        runs=len({row["run"] for row in rows}),
    )


def golden_in_runs(
    objects: Objects,
    version: str,
    *,
    tolerance: float | None = None,
    expected: float | None = None,
    run_length: float = RUN_LENGTH,
    confidence: float = 0.95,
) -> dict[str, Any] | None:
    """What a judge said of golden items in runs, in order of time; ``None`` when it met none.

    Args:
        objects: Of the store.
        version: Of the judge.
        tolerance: A verdict at most this far from the answer is right; as the latest run had it when ``None``.
        expected: Accuracy to hold.
        run_length: Verdicts between false alarms.
        confidence: Of the intervals.
    """
    rows = golden_rows(objects, version)
    if not rows:
        return None
    answers: dict[str, float] = {}
    names = []
    for row in rows:  # a golden set that was corrected gives an item another answer: then it is another item
        name = row["item"]
        if answers.setdefault(name, row["answer"]) != row["answer"]:
            name = f"{name} ({row['answer']:g})"
            answers[name] = row["answer"]
        names.append(name)
    judged = Judged(
        ids=[f"{name}#{place}" for place, name in enumerate(names)],
        verdicts=[row["verdict"] for row in rows],
        reasons=[row["reason"] for row in rows],
        times=[row["at"] for row in rows],
    )
    near = rows[-1]["tolerance"] if tolerance is None else tolerance
    return golden_of(judged, answers, tolerance=near, expected=expected, run_length=run_length, confidence=confidence)


def _from_column(request: JudgedRequest, answer: str) -> dict[str, float]:
    """Known answers beside the verdicts; repeats of an item (``name#2``) have to agree with it."""
    table = TableFile(request.path)
    try:
        ids, known = item_ids(table, request.item), table.numbers(answer).tolist()
    finally:
        table.close()
    rows = []
    for name, value in zip(ids, known, strict=True):
        head, mark, number = name.rpartition("#")
        if value == value:  # noqa: PLR0124
            rows.append((head if mark and number.isdigit() else name, value))
    if not rows:
        raise DataError(
            f"{request.path}: no cell of {answer} holds a known answer",
            hint="--answers FILE, or --known COLUMN",
            code="judge.golden_answer",
        )
    return golden_answers(rows)
