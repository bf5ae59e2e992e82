"""Recorded verdicts of one judge beside what people said of the same items: columns in, nothing asked."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from assay.core.canonical import content_hash
from assay.core.errors import DataError, InvalidInputError, nearest

Floats = npt.NDArray[np.float64]
Texts = Sequence[str | None]

VERDICT, HUMAN = "verdict", "human"
PAIR_SCALES = ((0.0, 1.0), (1.0, 2.0))
"""Of verdicts on pairs whose scale nobody stated."""
LARGEST = 1e50
"""Beyond it squares of squares are no longer numbers."""
DECIMALS = 12
"""Of a mean of labels: the order in which raters are added up must not break ties, for ranks would follow it."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Judged:
    """Verdicts of a judge on n items, and what else is known of them; every column has n entries.

    Numbers may be given as any sequence; they become float arrays, NaN where there is none.

    Attributes:
        ids: Item ids, no two alike.
        verdicts: The judge's verdict, NaN where it gave none. Of a pair: how far answer A is preferred, the lower end
            of ``scale`` being B and its middle a tie.
        reasons: Why a verdict is missing.
        human: What people said (the mean where there were several); made from ``raters`` when left out.
        raters: Shape ``(n, R)``, NaN where a person did not see an item.
        systems: Who gave the answer.
        clusters: Document or prompt the item belongs to: items of one are not independent. An item without one stands
            for itself.
        languages: Of the item.
        segments: Any other grouping.
        lengths: Of the answer, in characters (of a pair: of answer A).
        other_lengths: Of answer B; pairs only.
        answers: The answer's text or a hash of it, to find systems that answer everything alike.
        features: Further columns by name: other judges' verdicts, free metrics.
        a_first: 1 where answer A was shown first, 0 where B was; pairs only.
        swapped: How far A is preferred when the pair is shown in the other order; pairs only.
        repeats: The same question asked again, shape ``(n,)`` or ``(n, K)``.
        cost_usd: Of each verdict.
        latency_s: Of each verdict.
        times: When it was given, ISO 8601.
        scale: Lowest and highest verdict possible. ``None``: not known; of pairs 0 to 1 or 1 to 2, where all verdicts
            lie in one of them.

    Raises:
        DataError: An id occurs twice (``judge.duplicate_id``).
        InvalidInputError: Columns differ in length, or hold what is no number, infinite or beyond 1e50; a length, cost
            or time is below 0; the scale has no two ends, or a verdict is off it.

    Examples:
        >>> judged = Judged(ids=["a", "b"], verdicts=[4, None], human=[5, 4])
        >>> judged.n, judged.verdicts.tolist()
        (2, [4.0, nan])
    """

    ids: Sequence[str]
    verdicts: Any
    reasons: Texts | None = None
    human: Any = None
    raters: Any = None
    systems: Texts | None = None
    clusters: Texts | None = None
    languages: Texts | None = None
    segments: Texts | None = None
    lengths: Any = None
    other_lengths: Any = None
    answers: Texts | None = None
    features: Mapping[str, Any] = field(default_factory=dict)
    a_first: Any = None
    swapped: Any = None
    repeats: Any = None
    cost_usd: Any = None
    latency_s: Any = None
    times: Texts | None = None
    scale: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        ids = tuple(self.ids)
        _refuse_doubles(ids)
        self._set("ids", ids)
        n = len(ids)
        if not n:
            raise InvalidInputError("there is no item", hint="give at least one verdict")
        for name in ("verdicts", "human", "lengths", "other_lengths", "a_first", "swapped", "cost_usd", "latency_s"):
            if getattr(self, name) is not None:
                self._set(name, _numbers(getattr(self, name), n, name))
        for name in ("raters", "repeats"):
            if getattr(self, name) is not None:
                self._set(name, _table(getattr(self, name), n, name))
        for name in ("reasons", "systems", "clusters", "languages", "segments", "answers", "times"):
            column = getattr(self, name)
            if column is not None:
                if len(column) != n:
                    raise InvalidInputError(f"{n} items come with {len(column)} {name}", hint="one an item")
                self._set(name, tuple(column))
        clash = sorted({VERDICT, HUMAN} & set(self.features))
        for name in ("lengths", "other_lengths", "cost_usd", "latency_s"):
            _refuse_negative(getattr(self, name), name)
        if self.clusters is not None:
            self._set("clusters", tuple(_own_where_none(self.clusters, ids)))
        if clash:
            raise InvalidInputError(f"a feature is called {clash[0]}", hint="that name is the judge's or the people's")
        self._set("features", {name: _numbers(column, n, name) for name, column in self.features.items()})
        if self.human is None and self.raters is not None:
            self._set("human", mean_of_raters(self.raters))
        self._check_scale()

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    def _check_scale(self) -> None:
        if self.scale is None:
            return
        low, high = self.scale
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise InvalidInputError(
                f"a scale from {low:g} to {high:g} has no two ends", hint="the low end below the high end, both finite"
            )
        for name in ("verdicts", "swapped", "repeats"):
            column = getattr(self, name)
            if column is None or not np.isfinite(column).any():
                continue
            if np.nanmin(column) < low or np.nanmax(column) > high:
                raise InvalidInputError(
                    f"{name} reach from {np.nanmin(column):g} to {np.nanmax(column):g} on a scale from {low:g} to"
                    f" {high:g}",
                    hint="the scale is what the judge was asked to use",
                )

    @property
    def n(self) -> int:
        """Items."""
        return len(self.ids)

    @property
    def seen(self) -> tuple[float, float] | None:
        """Lowest and highest verdict given; ``None`` without one."""
        if not np.isfinite(self.verdicts).any():
            return None
        return float(np.nanmin(self.verdicts)), float(np.nanmax(self.verdicts))

    @property
    def ends(self) -> tuple[float, float] | None:
        """Lowest and highest verdict possible; ``None`` where that is not known: levels nobody used are not seen."""
        if self.scale is not None or not self.pairwise:
            return self.scale
        columns = [column.ravel() for column in (self.verdicts, self.swapped, self.repeats) if column is not None]
        given = np.concatenate(columns)
        given = given[np.isfinite(given)]
        fitting = [ends for ends in PAIR_SCALES if given.size and ends[0] <= given.min() and given.max() <= ends[1]]
        return fitting[0] if len(fitting) == 1 else None

    @property
    def pairwise(self) -> bool:
        """Whether a verdict is about two answers."""
        return self.swapped is not None or self.a_first is not None or self.other_lengths is not None

    def column(self, name: str) -> Floats:
        """``verdict``, ``human`` or a feature.

        Raises:
            DataError: There is none of that name (``judge.no_feature``).
        """
        known: dict[str, Floats] = {VERDICT: self.verdicts, **self.features}
        if self.human is not None:
            known[HUMAN] = self.human
        if name not in known:
            raise DataError(f"there is no column {name!r}", hint=nearest(name, known), code="judge.no_feature")
        return known[name]

    def where(self, keep: npt.ArrayLike) -> Judged:
        """These items alone; ``keep`` is a mask or a list of positions."""
        chosen = np.asarray(keep)
        rows = np.flatnonzero(chosen) if chosen.dtype == bool else chosen.astype(np.intp)
        if not rows.size:
            raise InvalidInputError("no item is left", hint="keep at least one")
        changed: dict[str, Any] = {}
        for spec in fields(self):
            column = getattr(self, spec.name)
            if spec.name in ("scale", "features") or column is None:
                continue
            changed[spec.name] = column[rows] if isinstance(column, np.ndarray) else [column[row] for row in rows]
        changed["features"] = {name: column[rows] for name, column in self.features.items()}
        return replace(self, **changed)

    def labels_hash(self) -> str | None:
        """Hash of who said what of which item; ``None`` without people."""
        if self.human is None:
            return None
        table = self.human[:, None] if self.raters is None else self.raters
        rows = [[None if np.isnan(one) else float(one) for one in row] for row in table]
        return content_hash(sorted(zip(self.ids, rows, strict=True)))


def mean_of_raters(raters: Floats) -> Floats:
    """Mean over people, to 12 decimals, NaN where nobody rated."""
    given = np.isfinite(raters)
    count = given.sum(axis=1)
    total = np.where(given, raters, 0.0).sum(axis=1)
    return np.where(count > 0, np.round(total / np.maximum(count, 1), DECIMALS), np.nan)


def join_human(judged: Judged, ids: Sequence[str], raters: npt.ArrayLike) -> Judged:
    """The verdicts with people's labels that came in a file of their own.

    Args:
        judged: Verdicts.
        ids: Items that people labelled.
        raters: Their labels, shape ``(len(ids), R)``, NaN where somebody did not label.

    Raises:
        DataError: An item is labelled twice (``judge.duplicate_id``), or a labelled item has no verdict
            (``judge.unknown_item``).

    Examples:
        >>> verdicts = Judged(ids=["a", "b"], verdicts=[4, 2])
        >>> join_human(verdicts, ["b"], [[1.0, 3.0]]).human.tolist()
        [nan, 2.0]
    """
    _refuse_doubles(ids)
    place = {name: row for row, name in enumerate(judged.ids)}
    unknown = [name for name in ids if name not in place]
    if unknown:
        raise DataError(
            f"{len(unknown)} of {len(ids)} labelled items have no verdict, {unknown[0]!r} first",
            hint=nearest(unknown[0], judged.ids) + "; labels and verdicts must name items alike",
            code="judge.unknown_item",
        )
    given = _table(raters, len(ids), "raters")
    table = np.full((judged.n, given.shape[1]), np.nan)
    table[[place[name] for name in ids]] = given
    return replace(judged, raters=table, human=None)


def _refuse_doubles(ids: Sequence[str]) -> None:
    if len(set(ids)) == len(ids):
        return
    seen: set[str] = set()
    double = next(name for name in ids if name in seen or seen.add(name))  # type: ignore[func-returns-value]
    raise DataError(
        f"item {double!r} occurs {list(ids).count(double)} times",
        hint="one row an item; further raters and repeats are columns",
        code="judge.duplicate_id",
    )


def _numbers(column: Any, n: int, name: str) -> Floats:
    found = number_array(column, name)
    if found.shape != (n,):
        raise InvalidInputError(f"{n} items come with {name} of shape {found.shape}", hint="one number an item")
    return found


def _table(columns: Any, n: int, name: str) -> Floats:
    found = number_array(columns, name)
    if found.ndim == 1:
        found = found[:, None]
    if found.ndim != 2 or found.shape[0] != n or not found.shape[1]:
        raise InvalidInputError(f"{n} items come with {name} of shape {found.shape}", hint="one row an item")
    return found


def _refuse_negative(column: Floats | None, name: str) -> None:
    if column is not None and (column < 0.0).any():
        raise InvalidInputError(
            f"{name} hold {float(np.nanmin(column)):g}, which is below 0",
            hint="leave the cell empty where there is none",
        )


def _own_where_none(clusters: Texts, ids: Sequence[str]) -> list[str]:
    """Names of clusters; an item without one gets one that no other has."""
    taken = {name for name in clusters if name is not None}
    found = []
    for name, item in zip(clusters, ids, strict=True):
        own = name if name is not None else f"item {item}"
        while name is None and own in taken:
            own += "'"
        taken.add(own)
        found.append(own)
    return found


def number_array(values: Any, name: str) -> Floats:
    """Numbers as an array that nobody writes to, NaN where there is none.

    Raises:
        InvalidInputError: One is no number, infinite or beyond 1e50.
    """
    try:
        found = np.array(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidInputError(f"{name} are not numbers", hint="numbers, or nothing where there is none") from error
    if np.isinf(found).any():
        raise InvalidInputError(f"{name} hold an infinite number", hint="leave the cell empty where there is none")
    if (np.abs(found) > LARGEST).any():
        raise InvalidInputError(f"{name} hold a number beyond {LARGEST:g}", hint="leave the cell empty, or divide all")
    found.setflags(write=False)
    return found
