"""The file behind ``assay metric validate``: metrics, people's labels, and which items belong together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from assay.app.judge_card_file import HUMAN, ITEM, STANDARD, TEXTS, check_people, item_ids
from assay.core.errors import ConfigError, DataError
from assay.datasets.columns import TableFile
from assay.judges.judged import Floats, Judged, mean_of_raters, number_array

GROUPS = ("system", "cluster", "segment")
MOST_METRICS = 20
MOST_RATERS = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricRequest:
    """What ``assay metric validate`` was asked.

    Attributes:
        path: A file (CSV, Parquet, JSON lines) or a query.
        metrics: Columns of the metrics.
        human: Columns of people's labels, one a person (or one of their means); with ``rater`` the one of the label.
        rater: Column of who labelled: one row a label, instead of one row an item.
        item: Column of the item's id; ``id`` when it is there, else every row is an item.
        columns: Names given for ``system``, ``cluster`` and ``segment``.
        lower: Metrics of which less is better.
        least: Correlation with people that a guardrail must be shown to reach.
        margin: How far below one person's correlation with the others a metric may lie and still stand in for one.
        seed: Of the bootstrap.
    """

    path: str
    metrics: Sequence[str]
    human: Sequence[str] = ()
    rater: str | None = None
    item: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    lower: Sequence[str] = ()
    least: float = 0.3
    margin: float = 0.05
    seed: int = 0
    confidence: float = 0.95


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MetricTable:
    """Items with people's labels and every metric.

    Attributes:
        items: Labels, systems, clusters and segments, as a judge's record whose verdicts are the first metric.
        scores: By metric, shape ``(n,)``, NaN where there is none; turned so that more is better.
    """

    items: Judged
    scores: Mapping[str, Floats]


def read_metrics(request: MetricRequest) -> MetricTable:
    """The columns of a file, one row an item.

    Raises:
        NotFoundError: There is no such file.
        ConfigError: No metric or one twice is named, or a label's column is missing or one too many
            (``metric.columns``); it is a metric's, or named twice (``judge.label_as_feature``).
        DataError: A column is missing (``data.no_column``), a cell is no number (``data.type``), an item is without id
            (``judge.no_id``) or there twice (``judge.duplicate_id``), a rater labels an item twice
            (``metric.repeated``), rows of one item differ (``metric.item_differs``).
        InvalidInputError: A number is infinite or beyond 1e50.
    """
    _check(request)
    table = TableFile(request.path)
    try:
        human = list(request.human) or ([HUMAN] if HUMAN in table.columns else [])
        if not human or (request.rater is not None and len(human) != 1):
            raise ConfigError(
                "which column holds people's labels is not known",
                hint="--human COLUMN, once a person; with --rater the one column of the label",
                code="metric.columns",
            )
        check_people(human, request.metrics)
        scores = {
            name: number_array(-table.numbers(name) if name in request.lower else table.numbers(name), name)
            for name in request.metrics
        }
        groups = _groups(table, request)
        ids = _ids(table, request, len(scores[request.metrics[0]]))
        labels = np.column_stack([table.numbers(name) for name in human])
        if request.rater is not None:
            rows, labels = _folded(table, request, ids, {**groups, **scores}, labels[:, 0])
            ids = [ids[row] for row in rows]
            scores = {name: values[rows] for name, values in scores.items()}
            groups = {name: [values[row] for row in rows] for name, values in groups.items()}
    finally:
        table.close()
    found: dict[str, Any] = {TEXTS[key]: values for key, values in groups.items()}
    if labels.shape[1] > 1:
        found["raters"] = labels
    found["human"] = mean_of_raters(labels)
    return MetricTable(items=Judged(ids=ids, verdicts=scores[request.metrics[0]], **found), scores=scores)


def _check(request: MetricRequest) -> None:
    names = list(request.metrics)
    if not 1 <= len(set(names)) == len(names) <= MOST_METRICS:
        raise ConfigError(
            f"{len(names)} metrics are named, {len(set(names))} of them different",
            hint=f"--metric COLUMN, once for each; at most {MOST_METRICS}",
            code="metric.columns",
        )
    for name in request.lower:
        if name not in names:
            raise ConfigError(
                f"{name!r} is said to be better when lower, and is no metric that is validated",
                hint=f"--metric {name} as well",
                code="metric.columns",
            )


def _groups(table: TableFile, request: MetricRequest) -> dict[str, list[str | None]]:
    """What groups items, by key."""
    named = {key: request.columns.get(key, STANDARD[key] if STANDARD[key] in table.columns else None) for key in GROUPS}
    return {key: table.texts(name) for key, name in named.items() if name is not None}


def _ids(table: TableFile, request: MetricRequest, rows: int) -> list[str]:
    name = request.item or (ITEM if ITEM in table.columns else None)
    if name is None and request.rater is None:
        if not rows:
            raise DataError(f"{table.name} has no row", hint="one row an item", code="judge.no_id")
        return [f"row {row + 1}" for row in range(rows)]
    return item_ids(table, name or ITEM)


def _folded(
    table: TableFile, request: MetricRequest, ids: Sequence[str], columns: Mapping[str, Any], labels: Floats
) -> tuple[list[int], Floats]:
    """One row an item from one row a label: the first row of each item, and a column of labels a rater."""
    raters = table.texts(str(request.rater))
    people = {name: column for column, name in enumerate(dict.fromkeys(name for name in raters if name is not None))}
    if len(people) > MOST_RATERS:
        raise DataError(
            f"{request.rater} names {len(people):,} raters", hint=f"at most {MOST_RATERS:,}", code="metric.columns"
        )
    first: dict[str, int] = {}
    for row, name in enumerate(ids):
        before = first.setdefault(name, row)
        for column, values in columns.items():
            if before != row and not _same(values[before], values[row]):
                raise DataError(
                    f"row {row + 1}: {column} of item {name!r} is {values[row]}, and was {values[before]} before",
                    hint="a row is a label; the metric and what groups items are the same in all rows of an item",
                    code="metric.item_differs",
                )
    place = {name: number for number, name in enumerate(first)}
    said = np.full((len(place), max(1, len(people))), np.nan)
    for row in np.flatnonzero(np.isfinite(labels)).tolist():
        rater, item = raters[row], place[ids[row]]
        if rater is None or np.isfinite(said[item, people[rater]]):
            what = f"{request.rater} is empty" if rater is None else f"rater {rater} labels {ids[row]} a second time"
            raise DataError(
                f"row {row + 1}: {what}",
                hint="every label has a rater, who gives one of an item; agreement with oneself is no agreement",
                code="metric.repeated",
            )
        said[item, people[rater]] = labels[row]
    return list(first.values()), said


def _same(first: Any, second: Any) -> bool:
    return bool(first == second) or (first != first and second != second)  # noqa: PLR0124 - two gaps are alike
