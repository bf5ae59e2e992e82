"""Recorded verdicts of a judge from a file of columns, with people's labels beside them or in a file of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from assay.core.errors import ConfigError, DataError
from assay.datasets.columns import TableFile
from assay.judges.judged import Judged, join_human

STANDARD = {
    "reason": "reason",
    "system": "system",
    "cluster": "document",
    "language": "language",
    "segment": "segment",
    "length": "length",
    "other_length": "other_length",
    "answer": "answer",
    "a_first": "a_first",
    "swapped": "swapped",
    "cost": "cost_usd",
    "latency": "latency_s",
    "time": "time",
}
"""Columns that are used when a file has them; another name has to be given."""
ITEM, HUMAN, REPEAT = "id", "human", "repeat"
TEXTS = {"reason": "reasons", "system": "systems", "cluster": "clusters", "language": "languages",
         "segment": "segments", "time": "times"}  # fmt: skip
NUMBERS = {"length": "lengths", "other_length": "other_lengths", "a_first": "a_first", "swapped": "swapped",
           "cost": "cost_usd", "latency": "latency_s"}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedRequest:
    """Which columns of a file are what.

    Attributes:
        path: A file (CSV, Parquet, JSON lines) or a query, one row an item.
        item: Column of the item's id.
        verdict: Column of the verdict, empty where there is none.
        human: Columns of people's labels, one a person (or one of their means); ``human`` when it is there.
        labels: File that holds the human columns and the id, when it is not ``path``.
        columns: Names given for the keys of ``STANDARD``.
        repeats: Columns of repeated verdicts; ``repeat`` when it is there.
        features: Further columns of numbers.
        scale: Lowest and highest verdict possible.
        need_human: Complain where no label is found.
    """

    path: str
    item: str = ITEM
    verdict: str = "verdict"
    human: Sequence[str] = ()
    labels: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    repeats: Sequence[str] = ()
    features: Sequence[str] = ()
    scale: tuple[float, float] | None = None
    need_human: bool = False


def read_judged(request: JudgedRequest) -> Judged:
    """The columns of a file.

    Raises:
        NotFoundError: There is no such file.
        ConfigError: A column of people's labels is the judge's own, or is named twice (``judge.label_as_feature``).
        DataError: A column is missing (``data.no_column``), a cell is no number (``data.type``), an item is without id
            (``judge.no_id``) or there twice (``judge.duplicate_id``), a labelled item has no verdict
            (``judge.unknown_item``), or there are no labels where some are needed (``judge.no_labels``).
        InvalidInputError: A verdict is off the scale.
    """
    same_file = request.labels in (None, request.path)
    own = [request.verdict, *request.repeats, *request.features, request.columns.get("swapped", "")]
    check_people(request.human, own if same_file else ())
    table = TableFile(request.path)
    try:
        table.require(request.item, request.verdict)
        found: dict[str, Any] = {"ids": item_ids(table, request.item), "verdicts": table.numbers(request.verdict)}
        for key, standard in STANDARD.items():
            name = request.columns.get(key, standard if standard in table.columns else None)
            if name is None:
                continue
            if key in TEXTS:
                found[TEXTS[key]] = table.texts(name)
            elif key in NUMBERS:
                found[NUMBERS[key]] = table.numbers(name)
            else:
                found["answers"] = table.texts(name)
        if "lengths" not in found and "answers" in found:
            found["lengths"] = [float(len(text)) if text else None for text in found["answers"]]
        repeats = request.repeats or ([REPEAT] if REPEAT in table.columns else [])
        if repeats:
            found["repeats"] = np.column_stack([table.numbers(name) for name in repeats])
        found["features"] = {name: table.numbers(name) for name in request.features}
        if request.labels is None:
            names = request.human or ([HUMAN] if HUMAN in table.columns and HUMAN not in own else [])
            found.update(_people(table, names))
    finally:
        table.close()
    judged = Judged(scale=request.scale, **found)
    if request.labels is not None:
        judged = _joined(judged, request.labels, request)
    if request.need_human and (judged.human is None or not np.isfinite(judged.human).any()):
        raise DataError(
            f"{request.labels or request.path} holds no label by people",
            hint="--human COLUMN names their labels, once for each person",
            code="judge.no_labels",
        )
    return judged


def check_people(human: Sequence[str], own: Sequence[str]) -> None:
    """A person's labels are nobody else's: not the judge's or a metric's, and not another person's.

    Args:
        human: Columns of people's labels.
        own: Columns of what is held against them.

    Raises:
        ConfigError: They are (``judge.label_as_feature``).
    """
    for place, name in enumerate(human):
        if name in own:
            what = f"{name} is held against people's labels and cannot be one of them"
        elif name in human[:place]:
            what = f"{name} is named as the labels of two people"
        else:
            continue
        raise ConfigError(
            what, hint="--human COLUMN, one column a person, none of them a judge's", code="judge.label_as_feature"
        )


def _people(table: TableFile, names: Sequence[str]) -> dict[str, Any]:
    if not names:
        return {}
    columns = np.column_stack([table.numbers(name) for name in names])
    return {"raters": columns} if len(names) > 1 else {"human": columns[:, 0]}


def _joined(judged: Judged, path: str, request: JudgedRequest) -> Judged:
    """Labels from a file of their own, which names its ids as the verdicts do, or ``id``."""
    table = TableFile(path)
    try:
        ids = item_ids(table, id_column(table, request.item))
        names = list(request.human) or [name for name in (HUMAN,) if name in table.columns]
        if not names:
            raise DataError(
                f"{path}: which columns are people's labels is not known",
                hint="--human COLUMN, once for each person",
                code="judge.no_labels",
            )
        columns = np.column_stack([table.numbers(name) for name in names])
        return join_human(judged, ids, columns)
    finally:
        table.close()


def id_column(table: TableFile, item: str) -> str:
    """The column of ids in a file beside that of the verdicts: called as there, or ``id``.

    Raises:
        DataError: It has neither (``data.no_column``).
    """
    if item in table.columns or ITEM not in table.columns:
        try:
            table.require(item)
        except DataError as error:
            hint = f"the ids of both files stand under --id ({item}), or under {ITEM} in this one; {error.hint}"
            raise DataError(str(error), hint=hint, code=error.code) from error
        return item
    return ITEM


def item_ids(table: TableFile, column: str) -> list[str]:
    """Ids of a file, none of them empty.

    Raises:
        DataError: One is (``judge.no_id``), or the file has no row.
    """
    table.require(column)
    ids = table.texts(column)
    if not ids:
        raise DataError(f"{table.name} has no row", hint="one row an item", code="judge.no_id")
    for row, name in enumerate(ids):
        if name is None:
            raise DataError(
                f"{table.name}, row {row + 1}: {column} is empty", hint="every item needs an id", code="judge.no_id"
            )
    return [str(name) for name in ids]
