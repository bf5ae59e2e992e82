"""``assay judge compare``: two columns of verdicts against the same labels."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from assay.app.judge_card_file import JudgedRequest, read_judged
from assay.core.codec import to_document
from assay.core.errors import ConfigError
from assay.judges.comparing import Kind, compare_judges, comparison_sentence

SCHEMA = "assay.judge_comparison/1"


def compare_columns(
    request: JudgedRequest, *, first: str, second: str, kind: Kind = "spearman", confidence: float = 0.95
) -> dict[str, Any]:
    """The ``assay.judge_comparison/1`` document.

    Args:
        request: The file; its verdict column is not looked at.
        first: Column of one judge's verdicts.
        second: Column of the other's.
        kind: Of correlation.
        confidence: Two-sided coverage.

    Raises:
        ConfigError: Both columns are the same (``judge.same_judge``).
        DataError: As ``read_judged`` and ``compare_judges``.
    """
    if first == second:
        raise ConfigError(
            f"{first} cannot be compared with itself", hint="name two columns of verdicts", code="judge.same_judge"
        )
    one, other = (
        read_judged(replace(request, verdict=name, need_human=True, repeats=(), features=()))
        for name in (first, second)
    )
    found = compare_judges(one, other, kind=kind, confidence=confidence)
    document: dict[str, Any] = to_document(found)
    return {
        "schema": SCHEMA,
        "file": request.path,
        "first": first,
        "second": second,
        "kind": kind,
        **document,
        "sentences": [comparison_sentence(found, first=first, second=second)],
    }
