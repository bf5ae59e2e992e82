"""An audit of a table by group: scan, judge, one document."""

from __future__ import annotations

from typing import Any

from assay.core.codec import to_document
from assay.datasets.columns import TableFile
from assay.fairness.audit import audit
from assay.fairness.question import Question
from assay.fairness.result import Audit
from assay.fairness.scan import scan

SCHEMA = "assay.fairness/1"


def audit_table(where: str, question: Question) -> Audit:
    """The audit of a file or query.

    Raises:
        NotFoundError: There is no such file.
        DataError: It is no table, or its columns cannot be used (codes ``data.…`` and ``fairness.…``).
    """
    table = TableFile(where)
    try:
        return audit(scan(table, question), question)
    finally:
        table.close()


def fairness_document(where: str, question: Question, found: Audit) -> dict[str, Any]:
    """The ``--json`` document; Estimates have the form that every command prints."""
    return {
        "schema": SCHEMA,
        "file": where,
        "groups": list(question.groups),
        "reference": question.reference,
        "max_gap": question.max_gap,
        **to_document(found),
    }
