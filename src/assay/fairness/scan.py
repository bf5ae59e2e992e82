"""From a table to cells: one query a grouping, so that ten million rows cost what ten do in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from assay.core.errors import DataError
from assay.datasets.columns import TableFile, quoted
from assay.fairness.question import Confusion, Metric, Question
from assay.stats.moments import Moments, Sums

MOST_GROUPS = 200
MOST_LEVELS = 20
"""A confounder of numbers with more values is cut into fifths."""
WHOLE = "all"
CROSS = " × "

Cells = Mapping[str, Mapping[str, Moments]]
"""Moments by group, then by stratum of the confounders."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricCells:
    """One metric by one grouping, before anything is judged."""

    metric: Metric
    grouping: str
    cells: Cells


@dataclass(frozen=True, slots=True, kw_only=True)
class Scanned:
    """Everything an audit needs to know of a table.

    Attributes:
        rows: Of the table.
        tables: Metric by metric within each grouping.
        notes: What was left out or cut.
    """

    rows: int
    tables: Sequence[MetricCells]
    notes: Sequence[str]


def scan(table: TableFile, question: Question) -> Scanned:
    """Cells of every grouping.

    Raises:
        DataError: A column is missing (``data.no_column``) or no number (``fairness.not_a_number``), a label or a
            prediction without threshold is not 0/1 (``fairness.not_binary``), a group column has one value
            (``fairness.one_group``) or too many (``fairness.too_many_groups``), there is no row.
    """
    named = [question.outcome, question.prediction, question.label, *question.groups, *question.confounders]
    table.require(*(name for name in named if name))
    rows = len(table)
    if not rows:
        raise DataError(f"{table.name} has no row", hint="give a table with a row a unit", code="fairness.empty")
    source, notes = _source(table, question)
    strata, cuts = _strata(table, question.confounders)
    metrics, tables = _metrics(table, question), []
    sizes = [1] if not question.intersect else range(1, len(question.groups) + 1)
    for size in sizes:
        for columns in combinations(question.groups, size):
            name = CROSS.join(columns)
            cells, missing = _grouping(table, question, columns, source=source, strata=strata, metrics=metrics)
            if missing:
                notes.append(f"{name}: {missing:,} rows name no group and are left out")
            tables += [MetricCells(metric=metric, grouping=name, cells=cells[metric.name]) for metric in metrics]
    return Scanned(rows=rows, tables=tables, notes=[*notes, *cuts])


def _metrics(table: TableFile, question: Question) -> list[Metric]:
    metrics = question.chosen()
    if question.outcome is None:
        return metrics
    value = table.number_of(question.outcome)
    other = table.rows(f"SELECT count(*) FROM data WHERE {value} NOT IN (0, 1)")[0][0]  # noqa: S608
    return [replace(metrics[0], unit="score" if other else "share")]


def _source(table: TableFile, question: Question) -> tuple[str, list[str]]:
    """Columns ``y`` (and ``p``) in SQL, and what of the rows is missing."""
    if question.outcome is not None:
        value = _checked(table, question.outcome, binary=None)
        missing = table.rows(f"SELECT count(*) FROM data WHERE {value} IS NULL")[0][0]  # noqa: S608
        return f"{value} AS y", [f"{missing:,} rows have no {question.outcome}"] if missing else []
    if question.prediction is None or question.label is None:
        raise DataError("there is no prediction", hint="--prediction COLUMN --label COLUMN", code="fairness.question")
    label = _checked(table, question.label, binary="a label")
    found = _checked(table, question.prediction, binary=None if question.threshold is not None else "a prediction")
    if question.threshold is not None:
        found = f"({found} >= {float(question.threshold)!r})::DOUBLE"
    missing = table.rows(f"SELECT count(*) FROM data WHERE {label} IS NULL OR {found} IS NULL")[0][0]  # noqa: S608
    said = [f"{missing:,} rows lack a prediction or a label and are left out"] if missing else []
    return f"{label} AS y, {found} AS p", said


def _checked(table: TableFile, column: str, *, binary: str | None) -> str:
    value, name = table.number_of(column), quoted(column)
    filled = f"{name} IS NOT NULL AND trim({name}::VARCHAR) <> ''"
    bad = table.rows(
        f"SELECT row, cell FROM (SELECT row_number() OVER () AS row, {name}::VARCHAR AS cell, {value} AS v, "  # noqa: S608
        f"{filled} AS filled FROM data) WHERE filled AND (v IS NULL OR NOT isfinite(v)) LIMIT 1"
    )
    if bad:
        raise DataError(
            f"{table.name}, row {bad[0][0]}: {column} is {str(bad[0][1])[:40]!r}, not a finite number",
            hint="name a column of numbers, or make one in a query: SELECT *, (answer = 'yes')::INT AS yes FROM 'FILE'",
            code="fairness.not_a_number",
        )
    if binary is not None:
        other = table.rows(f"SELECT {value} FROM data WHERE {value} NOT IN (0, 1) LIMIT 1")  # noqa: S608
        if other:
            threshold = "--threshold X makes a value of at least X positive" if binary == "a prediction" else ""
            raise DataError(
                f"{column} holds {other[0][0]:g}: {binary} is 0 or 1",
                hint=threshold or "make it 0 or 1 in a query: SELECT *, (label > 2)::INT AS positive FROM 'FILE'",
                code="fairness.not_binary",
            )
    return value


def _strata(table: TableFile, confounders: Sequence[str]) -> tuple[str, list[str]]:
    """The stratum of a row in SQL; numbers with many values are cut at their fifths."""
    parts, notes = [], []
    for column in confounders:
        name = quoted(column)
        levels = table.rows(f"SELECT approx_count_distinct({name}) FROM data")[0][0]  # noqa: S608
        if not table.is_number(column) or levels <= MOST_LEVELS:
            parts.append(f"coalesce({name}::VARCHAR, '(none)')")
            continue
        value = table.number_of(column)
        cuts = table.rows(f"SELECT quantile_cont({value}, [0.2, 0.4, 0.6, 0.8]) FROM data")[0][0]  # noqa: S608
        limits = sorted(set(cuts))
        tests = " ".join(f"WHEN {value} <= {float(limit)!r} THEN 'to {limit:g}'" for limit in limits)
        parts.append(f"CASE WHEN {value} IS NULL THEN '(none)' {tests} ELSE 'above {limits[-1]:g}' END")
        shown = ", ".join(f"{limit:g}" for limit in limits)
        notes.append(f"{column} was cut at {shown}: within these parts it is not held equal")
    return " || ' · ' || ".join(parts) if parts else f"'{WHOLE}'", notes


def _grouping(
    table: TableFile, question: Question, columns: Sequence[str], *, source: str, strata: str, metrics: Sequence[Metric]
) -> tuple[dict[str, Cells], int]:
    label = f" || '{CROSS}' || ".join(f"nullif({quoted(column)}::VARCHAR, '')" for column in columns)
    rows = f"(SELECT {label} AS label, {strata} AS stratum, {source} FROM data)"  # noqa: S608
    missing, groups = table.rows(f"SELECT count(*) - count(label), count(DISTINCT label) FROM {rows}")[0]  # noqa: S608
    name = CROSS.join(columns)
    if groups < 2:
        raise DataError(
            f"{name} has {groups} value{'' if groups == 1 else 's'}: there is nothing to compare",
            hint="name a column with at least two groups",
            code="fairness.one_group",
        )
    if groups > MOST_GROUPS:
        raise DataError(
            f"{name} has {groups:,} values, at most {MOST_GROUPS} are compared",
            hint="an identifier is no group; join values in a query, or leave --intersect out",
            code="fairness.too_many_groups",
        )
    found = _outcome_cells if question.outcome is not None else _confusion_cells
    return found(table, rows, metrics), int(missing)


def _outcome_cells(table: TableFile, rows: str, metrics: Sequence[Metric]) -> dict[str, Cells]:
    cells: dict[str, dict[str, Moments]] = {}
    for group, stratum, n, mean, m2, zeros, ones, unscored in table.rows(
        "SELECT label, stratum, count(y), coalesce(avg(y), 0), coalesce(var_pop(y) * count(y), 0), "  # noqa: S608
        f"count(*) FILTER (y = 0), count(*) FILTER (y = 1), count(*) - count(y) FROM {rows} "
        "WHERE label IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2"
    ):
        sums = Sums(n, mean, max(m2, 0.0))
        values = Moments(total=sums, loose=sums, zeros=zeros, ones=ones)
        exact = share_moments(ones, n) if zeros + ones == n else values
        cells.setdefault(group, {})[stratum] = replace(exact, unscored=unscored)
    return {metrics[0].name: cells}


def _confusion_cells(table: TableFile, rows: str, metrics: Sequence[Metric]) -> dict[str, Cells]:
    cells: dict[str, dict[str, dict[str, Moments]]] = {metric.name: {} for metric in metrics}
    for group, stratum, *counts in table.rows(
        "SELECT label, stratum, count(*) FILTER (y = 1 AND p = 1), count(*) FILTER (y = 0 AND p = 1), "  # noqa: S608
        f"count(*) FILTER (y = 1 AND p = 0), count(*) FILTER (y = 0 AND p = 0) FROM {rows} "
        "WHERE label IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2"
    ):
        confusion = Confusion(*counts)
        for metric in metrics:
            cells[metric.name].setdefault(group, {})[stratum] = share_moments(*confusion.share(metric.name))
    return dict(cells)


def share_moments(ones: int, n: int) -> Moments:
    """Moments of n values of which so many are 1 and the others 0.

    Examples:
        >>> share_moments(3, 4) == Moments.of([1, 1, 1, 0])
        True
    """
    if not n:
        return Moments()
    sums = Sums(n, ones / n, ones * (n - ones) / n)
    return Moments(total=sums, loose=sums, zeros=n - ones, ones=ones)
