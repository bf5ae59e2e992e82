"""The labels behind ``assay agreement``: columns read, named, and judged for what kind of scale they are."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from assay.core.errors import DataError
from assay.datasets.columns import TableFile
from assay.stats.agreement.ratings import Ratings

Level = Literal["nominal", "ordinal", "interval", "ratio"]
Method = Literal["auto", "majority", "dawid-skene", "one-coin", "glad", "mace", "weighted", "mean", "median"]
FEW_WHOLE_NUMBERS = 11
MOST_SEGMENTS = 100
EMPTY = "(empty)"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementRequest:
    """What ``assay agreement`` was asked.

    Attributes:
        path: A file or a query.
        level: Scale of the labels; ``auto`` is explained in the answer.
        levels: All labels that were possible, lowest first.
        gold: Column of the true label.
        by: Column whose values part the rows into segments.
        repeated: What to do with a rater's second label of one unit.
    """

    path: str
    unit: str = "item"
    rater: str = "worker"
    label: str = "label"
    level: Literal["auto", "nominal", "ordinal", "interval", "ratio"] = "auto"
    levels: Sequence[str] = ()
    gold: str | None = None
    by: str | None = None
    consensus: Method = "auto"
    repeated: Literal["refuse", "first"] = "refuse"
    seed: int = 0
    confidence: float = 0.95


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LabelFile:
    """Labels of a file.

    Attributes:
        level: Scale used.
        why: How it was chosen; empty when it was named.
        gold: True label by unit.
        segments: Ratings by value of the segment column.
        missing: Rows without a label.
        dropped: Second labels of the same rater and unit that were left out.
    """

    ratings: Ratings
    level: Level
    why: str
    gold: Mapping[Hashable, Hashable]
    segments: Mapping[str, Ratings]
    missing: int
    dropped: int


def read_labels(request: AgreementRequest) -> LabelFile:
    """The ratings of a file.

    Raises:
        NotFoundError: There is no such file.
        DataError: A column is missing (``data.no_column``), a cell is no number where one is needed (``data.type``), a
            unit or rater has no name (``agreement.no_name``), there are no labels (``agreement.no_labels``), a rater
            labels a unit twice (``agreement.repeated``), text labels are to be ordered and no order is given
            (``agreement.no_order``), the truth of a unit differs between rows (``agreement.gold``), a label is not one
            of the levels (``agreement.unknown_level``), there are too many segments (``agreement.segments``).
    """
    table = TableFile(request.path)
    try:
        table.require(
            *(name for name in (request.unit, request.rater, request.label, request.gold, request.by) if name)
        )
        units, raters = table.texts(request.unit), table.texts(request.rater)
        verdicts = [request.label] if request.gold is None else [request.label, request.gold]
        numeric = request.level in ("interval", "ratio") or all(_holds_numbers(table, name) for name in verdicts)
        labels, *truths = (_column(table, name, numeric=numeric) for name in verdicts)
        segments = None if request.by is None else table.texts(request.by)
    finally:
        table.close()
    kept = [row for row, label in enumerate(labels) if label is not None]
    if not kept:
        raise DataError(
            f"{table.name}: no cell of {request.label} holds a label",
            hint="name another --label",
            code="agreement.no_labels",
        )
    for what, column, name in (("unit", units, request.unit), ("rater", raters, request.rater)):
        nameless = next((row for row in kept if column[row] is None), None)
        if nameless is not None:
            raise DataError(
                f"{table.name}, row {nameless + 1}: the {what} ({name}) is empty beside a label",
                hint=f"name the {what} of every label, or leave such rows out with a query",
                code="agreement.no_name",
            )
    first = _first_of_each(kept, units, raters, request)
    gold = _gold(units, truths[0], request) if truths else {}
    level, why = _level([labels[row] for row in first], request)
    known = _levels([labels[row] for row in first], gold, level, request)

    def ratings_of(rows: Sequence[int]) -> Ratings:
        return Ratings.from_labels(
            [units[row] for row in rows], [raters[row] for row in rows], [labels[row] for row in rows], levels=known
        )

    parts: dict[str, list[int]] = {}
    if segments is not None:
        for row in first:
            parts.setdefault(segments[row] or EMPTY, []).append(row)
        if len(parts) > MOST_SEGMENTS:
            raise DataError(
                f"{request.by} has {len(parts):,} values; intervals that hold for so many at once say nothing",
                hint=f"at most {MOST_SEGMENTS}; name a column that groups units",
                code="agreement.segments",
            )
    return LabelFile(
        ratings=ratings_of(first),
        level=level,
        why=why,
        gold=gold,
        segments={name: ratings_of(rows) for name, rows in sorted(parts.items())},
        missing=len(labels) - len(kept),
        dropped=len(kept) - len(first),
    )


def _column(table: TableFile, column: str, *, numeric: bool) -> list[Hashable | None]:
    """Numbers or texts; ``None`` where a cell is empty."""
    if numeric:
        numbers = table.numbers(column)
        return [None if number != number else _plain(number) for number in numbers.tolist()]  # noqa: PLR0124
    return list(table.texts(column))


def _plain(number: float) -> float | int:
    return int(number) if number.is_integer() else number


def _first_of_each(
    kept: Sequence[int], units: Sequence[str | None], raters: Sequence[str | None], request: AgreementRequest
) -> list[int]:
    seen: set[tuple[str | None, str | None]] = set()
    first = []
    for row in kept:
        key = (units[row], raters[row])
        if key not in seen:
            seen.add(key)
            first.append(row)
        elif request.repeated == "refuse":
            raise DataError(
                f"row {row + 1}: rater {raters[row]} labels {units[row]} a second time",
                hint="--repeated first keeps the first label; agreement with oneself is no agreement",
                code="agreement.repeated",
            )
    return first


def _gold(
    units: Sequence[str | None], truth: Sequence[Hashable | None], request: AgreementRequest
) -> dict[Hashable, Hashable]:
    gold: dict[Hashable, Hashable] = {}
    for row, (unit, label) in enumerate(zip(units, truth, strict=True)):
        if unit is None or label is None:
            continue
        if gold.setdefault(unit, label) != label:
            raise DataError(
                f"row {row + 1}: {request.gold} of {unit} is {label!r}, and was {gold[unit]!r} before",
                hint="a unit has one true label; write it the same in every row, or leave it empty",
                code="agreement.gold",
            )
    if not gold:
        raise DataError(f"no cell of {request.gold} holds a true label", hint="leave --gold out", code="agreement.gold")
    return gold


def _level(labels: Sequence[Hashable | None], request: AgreementRequest) -> tuple[Level, str]:
    numeric = all(isinstance(label, int | float) for label in labels)
    if request.level == "ordinal" and not numeric and not request.levels:
        raise DataError(
            f"the labels of {request.label} are words, and their order is not known",
            hint="--levels low,middle,high names them, lowest first",
            code="agreement.no_order",
        )
    if request.level != "auto":
        return request.level, ""
    if not numeric:
        if request.levels:
            return "ordinal", "ordinal, because --levels gives an order"
        return "nominal", "nominal, because the labels are words"
    distinct = set(labels)
    if len(distinct) <= 2:
        return "nominal", "nominal, because there are two labels at most"
    if len(distinct) <= FEW_WHOLE_NUMBERS and all(isinstance(label, int) for label in distinct):
        return "ordinal", f"ordinal, because the labels are {len(distinct)} whole numbers (--level nominal if codes)"
    return "interval", f"interval, because the labels are {len(distinct):,} different numbers"


def _levels(
    labels: Sequence[Hashable | None], gold: Mapping[Hashable, Hashable], level: Level, request: AgreementRequest
) -> list[Hashable] | None:
    """Possible labels in order: those named, else those seen, true ones among them; ``None`` for a scale of numbers."""
    if level in ("interval", "ratio"):
        return None
    seen = {label for label in labels if label is not None} | set(gold.values())
    numeric = all(isinstance(label, int | float) for label in seen)
    if not request.levels:
        return sorted(seen, key=float if numeric else str)  # type: ignore[arg-type]
    named: list[Hashable] = [_number(name) for name in request.levels] if numeric else list(request.levels)
    strange = sorted(map(str, seen - set(named)))
    if strange:
        raise DataError(
            f"{request.label} holds {strange[0]!r}, which is not one of the levels {', '.join(request.levels)}",
            hint="add it to --levels",
            code="agreement.unknown_level",
        )
    return named


def _number(name: str) -> float | int | str:
    try:
        number = float(name)
    except ValueError:
        return name
    return _plain(number) if np.isfinite(number) else name


def _holds_numbers(table: TableFile, column: str) -> bool:
    """Whether labels are numbers; truth values are words here."""
    return table.is_number(column) and not set(table.texts(column)) & {
        "true",
        "false",
        "True",
        "False",
        "TRUE",
        "FALSE",
    }
