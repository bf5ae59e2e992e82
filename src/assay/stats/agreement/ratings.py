"""Labels that raters gave to units, sparse: the one input of every coefficient and consensus model beside it."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.stats.agreement.columns import Floats, Ints, distinct_values, factorised, label_column, summed


@dataclass(frozen=True, kw_only=True, eq=False)
class Ratings:
    """Who gave which label to what. Build it with ``from_labels`` or ``from_matrix``.

    Numbers stay numbers (for interval and ratio distances); anything else is compared for equality and ordered by
    ``levels``. About 40 bytes a label.

    Attributes:
        cell: Place of each label in the table units × raters, row by row, ascending, shape ``(n,)``.
        unit_names: The units, in order of first appearance.
        rater_names: The raters, in order of first appearance.
        labels: The numbers given, or the codes of other labels in ``declared``, shape ``(n,)``.
        declared: All labels that were possible, in order; ``None`` for numbers where nobody declared them.
        numeric: Whether the labels are numbers.
        repeated: Whether some rater has several labels for one unit.
    """

    cell: Ints
    unit_names: Sequence[Hashable]
    rater_names: Sequence[Hashable]
    labels: Floats | Ints
    declared: tuple[Hashable, ...] | None
    numeric: bool
    repeated: bool = False

    @classmethod
    def from_labels(
        cls,
        units: Iterable[Hashable],
        raters: Iterable[Hashable],
        labels: Iterable[Hashable],
        *,
        levels: Sequence[Hashable] | None = None,
        repeated: Literal["refuse", "first", "all"] = "refuse",
    ) -> Ratings:
        """Three columns of the same length; a label that is ``None`` or NaN is missing and left out.

        Args:
            units: What was labelled, shape ``(n,)``.
            raters: By whom, shape ``(n,)``.
            labels: The verdicts, shape ``(n,)``.
            levels: All possible labels in their order. Without it: the labels seen, sorted.
            repeated: What to do with a rater's further labels of the same unit: ``refuse`` them, keep the ``first``, or
                ``all`` (for votes and consensus models only: agreement would count a rater's agreement with itself).

        Raises:
            InvalidInputError: Lengths differ; a rater labels one unit twice and that is refused; a unit or rater has
                no name; a label is infinite, not among ``levels``, cannot be hashed, or cannot be ordered.

        Examples:
            >>> r = Ratings.from_labels(["a", "a", "b"], ["x", "y", "x"], ["yes", "no", None])
            >>> r.n_units, r.n_raters, r.n_labels, r.levels
            (2, 2, 2, ('no', 'yes'))
        """
        unit, unit_names = factorised(units, "unit")
        rater, rater_names = factorised(raters, "rater")
        given, declared, numeric = label_column(labels, levels)
        if not unit.size == rater.size == given.size:
            raise InvalidInputError(
                f"{unit.size} units, {rater.size} raters and {given.size} labels do not fit together",
                hint="give three columns of the same length, one row a label",
            )
        present = np.isfinite(given) if numeric else given >= 0
        if not present.all():
            unit, rater, given = unit[present], rater[present], given[present]
        cell, several = unit * max(len(rater_names), 1) + rater, False
        if cell.size and not (cell[1:] > cell[:-1]).all():
            order = np.argsort(cell, kind="stable" if repeated == "first" else None)
            cell, given = cell[order], given[order]
            twice = np.flatnonzero(cell[1:] == cell[:-1])
            if twice.size and repeated == "first":
                cell, given = np.delete(cell, twice + 1), np.delete(given, twice + 1)
            elif twice.size and repeated == "refuse":
                row, column = divmod(int(cell[twice[0]]), len(rater_names))
                raise InvalidInputError(
                    f"rater {rater_names[column]!r} labels unit {unit_names[row]!r} more than once",
                    hint="keep one label for each unit and rater: repeated='first', or 'all' for consensus models",
                )
            several = bool(twice.size) and repeated == "all"
        return cls(
            cell=cell,
            unit_names=unit_names,
            rater_names=rater_names,
            labels=given,
            declared=declared,
            numeric=numeric,
            repeated=several,
        )

    @classmethod
    def from_matrix(cls, matrix: npt.ArrayLike, *, levels: Sequence[Hashable] | None = None) -> Ratings:
        """One row a unit, one column a rater; NaN or ``None`` where a rater gave no label.

        Raises:
            InvalidInputError: Not a matrix; or as ``from_labels``.

        Examples:
            >>> Ratings.from_matrix([[1, 2], [2, float("nan")]]).n_labels
            3
        """
        table = np.asarray(matrix)
        if table.ndim != 2:
            raise InvalidInputError(
                f"ratings have the shape {table.shape}, not (units, raters)", hint="one row a unit, one column a rater"
            )
        given, declared, numeric = label_column(
            table.ravel() if table.dtype != object else table.ravel().tolist(), levels
        )
        present = np.isfinite(given) if numeric else given >= 0
        where = np.flatnonzero(present)
        return cls(
            cell=where,
            unit_names=range(table.shape[0]),
            rater_names=range(table.shape[1]),
            labels=given if where.size == given.size else given[where],
            declared=declared,
            numeric=numeric,
        )

    @property
    def n_units(self) -> int:
        """Units named, rated or not."""
        return len(self.unit_names)

    @property
    def n_raters(self) -> int:
        """Raters named, whether or not they gave a label."""
        return len(self.rater_names)

    @property
    def n_labels(self) -> int:
        """Labels that are not missing."""
        return int(self.cell.size)

    @cached_property
    def unit(self) -> Ints:
        """Index of the unit of each label, ascending, shape ``(n,)``."""
        return self.cell // max(self.n_raters, 1)

    @cached_property
    def rater(self) -> Ints:
        """Index of the rater of each label, shape ``(n,)``."""
        return self.cell - self.unit * self.n_raters

    @cached_property
    def per_unit(self) -> Ints:
        """Number of labels of each unit, shape ``(n_units,)``."""
        return np.bincount(self.unit, minlength=self.n_units)

    def unit_sums(self, terms: Floats) -> Floats:
        """Sum of one term a label over each unit's labels, shape ``(n_units,)``."""
        return summed(self.unit, terms, self.n_units)

    def units_where(self, kept: npt.NDArray[np.bool_]) -> Ratings:
        """Only these units, shape ``(n_units,)``, numbered anew; the levels stay those of all labels if declared."""
        if kept.all():
            return self
        rows, places = kept[self.unit], np.flatnonzero(kept)
        return Ratings(
            cell=np.repeat(np.arange(places.size), self.per_unit[kept]) * self.n_raters + self.rater[rows],
            unit_names=range(places.size),
            rater_names=self.rater_names,
            labels=self.labels[rows],
            declared=self.declared,
            numeric=self.numeric,
            repeated=self.repeated,
        )

    def once(self) -> Ratings:
        """These ratings, if each rater has one label at most for a unit.

        Raises:
            InvalidInputError: Some rater has several.
        """
        if self.repeated:
            raise InvalidInputError(
                "some raters label a unit more than once, and would be compared with themselves",
                hint="build the ratings with repeated='first'",
            )
        return self

    def rated_only(self) -> Ratings:
        """Only the units with a label."""
        return self.units_where(self.per_unit > 0)

    @cached_property
    def values(self) -> Floats:
        """The labels as numbers, shape ``(n,)``.

        Raises:
            InvalidInputError: They are not numbers.
        """
        if not self.numeric:
            raise InvalidInputError(
                f"labels such as {self.levels[0]!r} are not numbers, so they have no distance",
                hint="use the nominal metric, or the ordinal one with levels=[...] in their order",
            )
        return np.asarray(self.labels, dtype=np.float64)

    def has_few_levels(self, most: int) -> bool:
        """Whether at most so many labels are possible; told without sorting the labels where the first ones show it."""
        if self.declared is None and len(np.unique(self.labels[: 8 * most])) > most:
            return False
        return len(self.levels) <= most

    @property
    def levels(self) -> tuple[Hashable, ...]:
        """The possible labels in order: as declared, else those that occur."""
        return self._coded[1]

    @property
    def code(self) -> Ints:
        """Position of each label in ``levels``, shape ``(n,)``."""
        return self._coded[0]

    @cached_property
    def _coded(self) -> tuple[Ints, tuple[Hashable, ...]]:
        if not self.numeric:
            return np.asarray(self.labels, dtype=np.intp), self.declared or ()
        values = np.asarray(self.labels, dtype=np.float64)
        if self.declared is None:
            code, distinct = distinct_values(values)
            return code, tuple(int(level) if level.is_integer() else level for level in distinct.tolist())
        found, distinct = distinct_values(values)
        place = {level: index for index, level in enumerate(self.declared)}
        return np.array([place[level] for level in distinct.tolist()], dtype=np.intp)[found], self.declared
