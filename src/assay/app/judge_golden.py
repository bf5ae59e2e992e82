"""``assay judge golden``: accuracy on items with known answers over time, and an alarm for drift."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assay.app.judge_card_file import JudgedRequest, item_ids, read_judged
from assay.app.judge_card_words import golden_sentences
from assay.core.codec import to_document
from assay.core.errors import DataError
from assay.datasets.columns import TableFile
from assay.judges.golden import RUN_LENGTH, golden_answers, golden_report
from assay.judges.judged import Judged

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
        return golden_answers(zip(item_ids(table, item), table.numbers(answer).tolist(), strict=True))
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
    return {
        "schema": SCHEMA,
        "file": request.path,
        "answers": answers or request.path,
        "n_golden": len(golden),
        **found,
        "sentences": golden_sentences(found),
    }


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
