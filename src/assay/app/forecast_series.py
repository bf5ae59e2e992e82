"""A column of a file as a series of states, evenly spaced in time where there are dates."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any, Literal

from assay.core.errors import DataError, InvalidInputError, nearest
from assay.datasets.opening import read_rows

Season = Literal["month", "fourier", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastRequest:
    """What is asked of a file.

    Attributes:
        path: CSV, Parquet, JSON or JSONL; a row an observation.
        state: Column of states; or else ``value`` and ``threshold``: the states are "at most" and "above" it.
        date: Column of ISO dates or times; rows are taken in the file's order without it.
        order: ``None`` lets BIC choose.
        horizons: Steps ahead.
        start: State to forecast from instead of the last one.
        states: The states allowed, in order; as they occur when empty.
        bridge_gaps: Accept missing dates; no transition is counted over them.
        smoothing: Pseudo-count a cell; ``None`` adds one half only where a context was never left.
        seed: Of the draws behind the intervals.
    """

    path: str
    horizons: Sequence[int]
    state: str | None = None
    value: str | None = None
    threshold: float | None = None
    date: str | None = None
    order: int | None = None
    season: Season = "none"
    start: str | None = None
    states: Sequence[str] = ()
    bridge_gaps: bool = False
    smoothing: float | None = None
    confidence: float = 0.95
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """States in order of time, ``None`` where a step was not observed, and the time of each step if there are dates."""

    values: Sequence[str | None]
    times: Sequence[datetime] | None
    step: timedelta | None
    missing_steps: int

    def following(self, steps: int) -> list[datetime]:
        """Times of the next steps."""
        assert self.times is not None
        return [_shifted(self.times[-1], self.step, ahead) for ahead in range(1, steps + 1)]


def read_series(request: ForecastRequest) -> Series:
    """The column as states, sorted by date, with steps that are missing filled with ``None``.

    Raises:
        NotFoundError: There is no such file.
        DataError: A column is missing, a cell cannot be read, dates repeat or are uneven, or steps are missing and
            ``bridge_gaps`` is not set.
    """
    column = request.state or request.value
    if column is None or (request.state is None) == (request.threshold is None):
        raise InvalidInputError(
            "the states are not defined", hint="give state=COLUMN, or value=COLUMN with threshold=X"
        )
    values: list[str | None] = []
    times: list[datetime] = []
    for number, row in enumerate(read_rows(request.path), start=1):
        values.append(_state(_cell(row, column, request.path), request, number))
        if request.date is not None:
            times.append(_time(_cell(row, request.date, request.path), request, number))
    if request.date is None:
        return Series(values=values, times=None, step=None, missing_steps=0)
    return _dated(values, times, request)


def _cell(row: Mapping[str, Any], column: str, path: str) -> Any:
    if column not in row:
        raise DataError(
            f"{path} has no column {column!r}", hint=nearest(column, map(str, row)), code="forecast.no_column"
        )
    return row[column]


def _state(cell: Any, request: ForecastRequest, number: int) -> str | None:
    if cell is None or cell == "" or (isinstance(cell, float) and math.isnan(cell)):
        return None
    if request.threshold is None:
        name = str(cell)
        if request.states and name not in request.states:
            raise DataError(
                f"{request.path}, row {number}: {name!r} is not one of the states given",
                hint=nearest(name, request.states),
                code="forecast.unknown_state",
            )
        return name
    try:
        value = float(cell)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"{request.path}, row {number}: {cell!r} in {request.value} is not a number",
            hint="leave unknown values empty; a column of words goes to --state",
            code="forecast.not_a_number",
        ) from error
    below, above = threshold_states(request.threshold)
    return None if math.isnan(value) else above if value > request.threshold else below


def threshold_states(threshold: float) -> tuple[str, str]:
    """Names of the two states of a number.

    Examples:
        >>> threshold_states(0.0)
        ('≤ 0', '> 0')
    """
    return f"≤ {threshold:g}", f"> {threshold:g}"


def _time(cell: Any, request: ForecastRequest, number: int) -> datetime:
    if isinstance(cell, datetime):
        return cell.replace(tzinfo=None)
    if isinstance(cell, date):
        return datetime(cell.year, cell.month, cell.day)
    try:
        return datetime.fromisoformat(str(cell)).replace(tzinfo=None)
    except ValueError as error:
        raise DataError(
            f"{request.path}, row {number}: {cell!r} in {request.date} is not a date",
            hint="dates look like 2026-01-31 or 2026-01-31T12:00",
            code="forecast.bad_date",
        ) from error


def _dated(values: list[str | None], times: list[datetime], request: ForecastRequest) -> Series:
    order = sorted(range(len(times)), key=times.__getitem__)
    times, values = [times[place] for place in order], [values[place] for place in order]
    if len(times) < 2:
        return Series(values=values, times=times, step=timedelta(days=1), missing_steps=0)
    repeated = next((a for a, b in pairwise(times) if a == b), None)
    if repeated is not None:
        raise DataError(
            f"{request.path} has two rows of {stamp(repeated)}",
            hint="one row a date: a file with several places needs one of them chosen",
            code="forecast.repeated_date",
        )
    step = _step(times)
    places = [_place(times[0], time, step) for time in times]
    uneven = next((number for number, place in enumerate(places) if place is None), None)
    if uneven is not None:
        raise DataError(
            f"{request.path}: {stamp(times[uneven])} does not lie a whole number of steps after the first date",
            hint="dates are evenly spaced: every hour, day, week or month",
            code="forecast.uneven_dates",
        )
    known = [place for place in places if place is not None]
    missing = known[-1] + 1 - len(known)
    if missing and not request.bridge_gaps:
        after = next(a for a, b in pairwise(known) if b > a + 1)
        raise DataError(
            f"{request.path}: {missing:,} dates are missing, the first after {stamp(times[known.index(after)])}",
            hint="complete the file, or give --gaps bridge: no transition is counted over a gap",
            code="forecast.date_gap",
        )
    filled: list[str | None] = [None] * (known[-1] + 1)
    for place, value in zip(known, values, strict=True):
        filled[place] = value
    whole = [_shifted(times[0], step, place) for place in range(known[-1] + 1)]
    return Series(values=filled, times=whole, step=step, missing_steps=missing)


def _step(times: Sequence[datetime]) -> timedelta | None:
    """The smallest distance of two dates; ``None`` stands for calendar months."""
    smallest = min(b - a for a, b in pairwise(times))
    same_day = len({(time.day, time.time()) for time in times}) == 1
    return None if same_day and timedelta(days=28) <= smallest <= timedelta(days=31) else smallest


def _place(first: datetime, time: datetime, step: timedelta | None) -> int | None:
    if step is None:
        return 12 * (time.year - first.year) + time.month - first.month
    whole, rest = divmod(time - first, step)
    return whole if rest == timedelta() else None


def _shifted(time: datetime, step: timedelta | None, ahead: int) -> datetime:
    if step is not None:
        return time + ahead * step
    months = time.month - 1 + ahead
    return time.replace(year=time.year + months // 12, month=months % 12 + 1)


def stamp(time: datetime) -> str:
    """A date; with the time of day where there is one."""
    return time.date().isoformat() if time.time() == datetime.min.time() else time.isoformat(timespec="minutes")
