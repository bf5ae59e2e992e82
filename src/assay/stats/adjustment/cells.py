"""Two arms in strata: counts, means and spread of every cell, and a weighted mean of the strata's differences."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.adjustment.joint import Floats, column, same_length, treated_mask
from assay.stats.adjustment.result import t_estimate
from assay.stats.moments import Moments

Counts = tuple[int, int, int, int]
Labels = Sequence[Hashable] | npt.NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StratumTable:
    """Cells of a stratified comparison; the first column is the control, the second the treatment.

    Attributes:
        names: Of the K strata.
        counts: Units of each cell, shape ``(K, 2)``; 0 where an arm has none.
        means: Of the outcome, shape ``(K, 2)``; 0 in an empty cell.
        squares: Sums of squared deviations from the cell's mean, shape ``(K, 2)``.
        binary: Whether every outcome is 0 or 1.
    """

    names: tuple[str, ...]
    counts: Floats
    means: Floats
    squares: Floats
    binary: bool

    def __post_init__(self) -> None:
        shape = (len(self.names), 2)
        cells = (self.counts, self.means, self.squares)
        if not self.names or any(cell.shape != shape or not np.isfinite(cell).all() for cell in cells):
            raise InvalidInputError(
                f"cells do not describe {shape[0]} strata and two arms, or are not finite",
                hint="counts, means and squares of shape (K, 2), K >= 1",
            )
        if (self.counts < 0).any() or (self.squares < 0).any():
            raise InvalidInputError("a count or a sum of squares is negative", hint="give counts of units")

    @classmethod
    def of(cls, outcome: npt.ArrayLike, treated: npt.ArrayLike, strata: Labels) -> StratumTable:
        """Of one row a unit: outcome, 0/1 arm and label, shape ``(n,)`` each.

        Raises:
            InvalidInputError: Lengths differ, an outcome is not finite, or an arm has fewer than two units.

        Examples:
            >>> table = StratumTable.of([1, 0, 1, 1, 0], [0, 0, 1, 1, 1], ["a", "b", "a", "a", "b"])
            >>> table.names, table.counts.tolist()
            (('a', 'b'), [[1.0, 2.0], [1.0, 1.0]])
        """
        values, mask = column(outcome, "outcome"), treated_mask(treated)
        names, codes = label_codes(strata)
        same_length([values, mask, codes], ["outcome", "treated", "strata"])
        return cls.of_codes(values, mask, names, codes)

    @classmethod
    def of_codes(
        cls, values: Floats, mask: npt.NDArray[np.bool_], names: Sequence[str], codes: npt.NDArray[np.intp]
    ) -> StratumTable:
        """As ``of``, for labels that are numbered already."""
        cell, size = codes * 2 + mask, len(names) * 2
        counts = np.bincount(cell, minlength=size).astype(np.float64)
        means = np.bincount(cell, weights=values, minlength=size) / np.maximum(counts, 1.0)
        squares = np.bincount(cell, weights=np.square(values - means[cell]), minlength=size).astype(np.float64)
        return cls(
            names=tuple(names),
            counts=counts.reshape(-1, 2),
            means=means.reshape(-1, 2),
            squares=squares.reshape(-1, 2),
            binary=bool(np.isin(values, (0.0, 1.0)).all()),
        )

    @classmethod
    def from_counts(cls, cells: Mapping[str, Counts]) -> StratumTable:
        """Of successes and units: ``(control successes, control n, treatment successes, treatment n)`` by stratum.

        Raises:
            InvalidInputError: More successes than units.

        Examples:
            >>> StratumTable.from_counts({"iOS": (7525, 8750, 2200, 2500)}).means.tolist()
            [[0.86, 0.88]]
        """
        table = np.array([cells[name] for name in cells], dtype=np.float64).reshape(-1, 2, 2)
        ones, counts = table[:, :, 0], table[:, :, 1]
        if (ones < 0).any() or (ones > counts).any():
            raise InvalidInputError(
                "a cell has more successes than units", hint="control successes, n, treatment successes, n"
            )
        means = ones / np.maximum(counts, 1.0)
        return cls(
            names=tuple(cells), counts=counts, means=means, squares=ones * (1.0 - means), binary=True
        )  # fmt: skip

    @classmethod
    def from_moments(cls, cells: Mapping[str, tuple[Moments, Moments]]) -> StratumTable:
        """Of the Moments of control and treatment by stratum, as a store's query gives them.

        Raises:
            InvalidInputError: Values share clusters: these differences count every value as independent.
        """
        pairs = list(cells.values())
        if any(side.clustered for pair in pairs for side in pair):
            raise InvalidInputError("the values share clusters", hint="sum up one value a cluster first")
        return cls(
            names=tuple(cells),
            counts=np.array([[side.count for side in pair] for pair in pairs], dtype=np.float64),
            means=np.array([[side.mean for side in pair] for pair in pairs]),
            squares=np.array([[side.m2 for side in pair] for pair in pairs]),
            binary=all(side.all_binary for pair in pairs for side in pair),
        )

    def kept(self, chosen: npt.NDArray[np.bool_]) -> StratumTable:
        """The chosen strata only."""
        names = tuple(name for name, keep in zip(self.names, chosen, strict=True) if keep)
        return StratumTable(
            names=names, counts=self.counts[chosen], means=self.means[chosen], squares=self.squares[chosen],
            binary=self.binary,
        )  # fmt: skip

    def grouped(self, groups: npt.NDArray[np.intp], names: Sequence[str]) -> StratumTable:
        """Strata joined: stratum k goes to group ``groups[k]``."""
        counts = np.zeros((len(names), 2))
        sums, squares = np.zeros_like(counts), np.zeros_like(counts)
        np.add.at(counts, groups, self.counts)
        np.add.at(sums, groups, self.counts * self.means)
        means = sums / np.maximum(counts, 1.0)
        np.add.at(squares, groups, self.squares + self.counts * np.square(self.means - means[groups]))
        return StratumTable(names=tuple(names), counts=counts, means=means, squares=squares, binary=self.binary)

    def pooled(self) -> StratumTable:
        """All strata as one."""
        return self.grouped(np.zeros(len(self.names), dtype=np.intp), ["all"])

    def variances(self) -> Floats:
        """Variance of each cell's mean, s²/n, shape ``(K, 2)``; every count must be at least 2."""
        found: Floats = self.squares / (self.counts - 1.0) / self.counts
        return found


def label_codes(labels: Labels) -> tuple[list[str], npt.NDArray[np.intp]]:
    """Distinct labels as text, sorted, and the number of each row's label.

    Raises:
        InvalidInputError: Two labels that differ have one text (1 and "1"), or the labels are not one vector.
    """
    if isinstance(labels, np.ndarray) and labels.ndim != 1:
        raise InvalidInputError(f"labels have shape {labels.shape}", hint="one label a unit, shape (n,)")
    plain = isinstance(labels, np.ndarray) or {type(label) for label in labels} <= {str}
    values: npt.NDArray[Any] = np.asarray(labels if plain else ())
    if plain and values.dtype.kind in "iubUS":
        distinct, codes = np.unique(values, return_inverse=True)
        return [str(one) for one in distinct.tolist()], codes.astype(np.intp)
    kinds = list(dict.fromkeys(labels))
    texts = [str(kind) for kind in kinds]
    if len(set(texts)) < len(texts):
        raise InvalidInputError("two different labels read the same, e.g. 1 and '1'", hint="give labels one type")
    order = sorted(range(len(kinds)), key=texts.__getitem__)
    number = {kinds[old]: new for new, old in enumerate(order)}
    return [texts[old] for old in order], np.array([number[label] for label in labels], dtype=np.intp)


def weighted_difference(
    table: StratumTable,
    weights: Floats,
    *,
    weights_drawn_from: float | None,
    confidence: float,
    unit: str,
    method: str,
) -> tuple[Estimate, float | None]:
    """Σ w·(treatment - control) over strata with t interval (Satterthwaite) and p-value.

    Args:
        table: At least two units in every cell.
        weights: Shape ``(K,)``; normalised here.
        weights_drawn_from: Units whose stratum labels gave the weights, when these are themselves an estimate; the
            variance then holds the spread of the strata's effects over so many units. ``None`` for given weights.
        confidence: Two-sided coverage.
        unit: Of the outcome.
        method: Name for the estimate.
    """
    shares = weights / weights.sum()
    effects = table.means[:, 1] - table.means[:, 0]
    parts = np.square(shares)[:, None] * table.variances()
    value, variance = float(shares @ effects), float(parts.sum())
    freedom = variance**2 / float((parts**2 / (table.counts - 1.0)).sum()) if variance > 0.0 else 0.0
    if variance > 0.0 and weights_drawn_from is not None:
        noise = float((shares * (1.0 - shares)) @ table.variances().sum(axis=1))
        between = float(shares @ np.square(effects - value)) - noise
        variance += max(between, 0.0) / weights_drawn_from
    return t_estimate(
        value, variance, freedom, n=int(table.counts.sum()), method=method, confidence=confidence, unit=unit
    )
