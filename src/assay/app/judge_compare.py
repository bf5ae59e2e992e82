"""``assay judge compare``: two columns of verdicts against the same labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from assay.app.judge_card_file import JudgedRequest, read_judged
from assay.app.judge_panel import together
from assay.core.codec import to_document
from assay.core.errors import ConfigError
from assay.judges.comparing import Kind, compare_judges, comparison_sentence

SCHEMA = "assay.judge_comparison/1"


def compare_columns(
    request: JudgedRequest,
    *,
    first: str,
    second: str,
    more: Sequence[str] = (),
    kind: Kind = "spearman",
    confidence: float = 0.95,
) -> dict[str, Any]:
    """The ``assay.judge_comparison/1`` document.

    Args:
        request: The file; its verdict column is not looked at.
        first: Column of one judge's verdicts.
        second: Column of the other's.
        more: Columns of further judges, of whose errors it is asked how they go together with those of the two.
        kind: Of correlation.
        confidence: Two-sided coverage.

    Raises:
        ConfigError: Two columns are the same (``judge.same_judge``).
        DataError: As ``read_judged`` and ``compare_judges``.
    """
    names = [first, second, *more]
    twice = next((name for place, name in enumerate(names) if name in names[:place]), None)
    if twice is not None:
        raise ConfigError(
            f"{twice} cannot be compared with itself", hint="name two columns of verdicts", code="judge.same_judge"
        )
    one, other = (
        read_judged(replace(request, verdict=name, need_human=True, repeats=(), features=()))
        for name in (first, second)
    )
    found = compare_judges(one, other, kind=kind, confidence=confidence)
    whole = read_judged(replace(request, verdict=first, need_human=True, repeats=(), features=names[1:]))
    verdicts = np.column_stack([whole.verdicts, *(whole.features[name] for name in names[1:])])
    panel = together(whole, names, verdicts, confidence=confidence)
    document: dict[str, Any] = to_document(found)
    return {
        "schema": SCHEMA,
        "file": request.path,
        "first": first,
        "second": second,
        "kind": kind,
        **document,
        "panel": panel,
        "sentences": [comparison_sentence(found, first=first, second=second), panel["sentence"]],
    }
