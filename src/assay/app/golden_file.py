"""``golden:`` of a task file: items with known answers, read and checked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.core.canonical import content_hash
from assay.core.errors import ConfigError, DataError
from assay.core.golden import Golden, GoldenItem
from assay.core.records import Output, Sample
from assay.core.task import Task
from assay.engine.solve import judges_of

if TYPE_CHECKING:
    from assay.app.schema import TaskFile

FIELDS = ("id", "input", "output", "answer", "reference", "metadata")


def build_golden(spec: TaskFile, task: Task, *, directory: str) -> Golden:
    """The golden set of a task file.

    Raises:
        ConfigError: The task has no judge (``judge.golden_alone``).
        NotFoundError: There is no such file.
        DataError: As ``golden_items``.
    """
    assert spec.golden is not None
    if not judges_of(task):
        raise ConfigError(
            f"golden: tries judges, and task {task.name} has none",
            hint="name a judge under scorers: or in a tier of cascade:, or leave golden: out",
            code="judge.golden_alone",
        )
    items = golden_items(str(Path(directory) / spec.golden.path))
    told = [[item.sample.id, item.sample.input, item.sample.reference, dict(item.sample.metadata), item.output.text,
             item.answer] for item in items]  # fmt: skip
    return Golden(
        items=items,
        content_hash=content_hash(told),
        share=spec.golden.share,
        tolerance=spec.golden.tolerance,
        seed=spec.seed,
    )


def golden_items(path: str) -> list[GoldenItem]:
    """Golden items from a file; what a row holds besides its fields is metadata (``context`` …).

    Raises:
        NotFoundError: There is no such file.
        DataError: A row lacks a field or holds another type (``judge.golden_item``), its answer is no number, or the
            set is empty (``judge.golden_answer``); two rows of one id differ (``judge.golden_contradiction``).
    """
    from assay.datasets.opening import read_rows
    from assay.judges.golden import golden_answers

    items = [_item(row, f"{path}: row {number}") for number, row in enumerate(read_rows(path), start=1)]
    golden_answers((item.sample.id, item.answer) for item in items)
    found: dict[str, GoldenItem] = {}
    for item in items:
        if found.setdefault(item.sample.id, item) != item:
            raise DataError(
                f"golden item {item.sample.id!r} is there twice, with different texts",
                hint="give each its own id",
                code="judge.golden_contradiction",
            )
    return list(found.values())


def _item(row: Mapping[str, Any], where: str) -> GoldenItem:
    missing = [name for name in FIELDS[:4] if row.get(name) in (None, "")]
    metadata = row.get("metadata") or {}
    if missing or not isinstance(row["output"], str) or not isinstance(metadata, Mapping):
        said = f"has no {', '.join(missing)}" if missing else "holds an output that is no text, or odd metadata"
        raise DataError(
            f"{where} {said}",
            hint='{"id": "g1", "input": "…", "output": "…", "answer": 4}',
            code="judge.golden_item",
        )
    try:
        answer = float(row["answer"])
    except (TypeError, ValueError):
        raise DataError(
            f"{where} has the answer {row['answer']!r}, which is no number",
            hint="the verdict the judge should give: a level of its scale, 1 or 0 for yes and no",
            code="judge.golden_answer",
        ) from None
    name = str(row["id"])
    more = {key: value for key, value in row.items() if key not in FIELDS}
    sample = Sample(id=name, input=row["input"], reference=row.get("reference"), metadata={**more, **metadata})
    return GoldenItem(sample=sample, output=Output(sample_id=name, text=row["output"]), answer=answer)
