"""Battles: who met whom, who won, how much it counts; and the table of counts that is enough for most models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.stats.ratings.encoding import (
    Codes,
    Floats,
    Ints,
    counted,
    covariate_table,
    encoded,
    model_columns,
    outcome_codes,
    renumbered,
    weight_column,
)

_DENSE_CELLS = 4_000_000
"""Up to here (1,100 models) cells are counted in one array of 32 MB; above, by sorting the battles' keys."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Battles:
    """Comparisons of two models each, in the order they happened; make one with ``Battles.of``.

    About 17 bytes a battle, and 8 more for each of weight, rater, cluster and covariate that is given.

    Attributes:
        names: The K models.
        a: Model shown first, shape ``(n,)``, an index into ``names``.
        b: Model shown second.
        outcome: 0 where a won, 1 where b won, 2 for a tie.
        weight: How much each battle counts, above 0; ``None`` when all count 1.
        covariates: Shape ``(n, p)``: how a differs from b (length, style) apart from being another model.
        covariate_names: The p names.
        rater: Who judged, an index into ``rater_names``.
        rater_names: The raters.
        cluster: Group of battles that are not independent of each other (same prompt, same person).
        n_clusters: Number of groups.
    """

    names: tuple[str, ...]
    a: Ints
    b: Ints
    outcome: Codes
    weight: Floats | None = None
    covariates: Floats | None = None
    covariate_names: tuple[str, ...] = ()
    rater: Ints | None = None
    rater_names: tuple[str, ...] = ()
    cluster: Ints | None = None
    n_clusters: int | None = None

    @staticmethod
    def of(
        a: Sequence[Any] | npt.NDArray[Any],
        b: Sequence[Any] | npt.NDArray[Any],
        outcome: Sequence[Any] | npt.NDArray[Any],
        *,
        names: Sequence[str] | None = None,
        weight: npt.ArrayLike | None = None,
        covariates: npt.ArrayLike | None = None,
        covariate_names: Sequence[str] = (),
        rater: Sequence[Any] | npt.NDArray[Any] | None = None,
        cluster: Sequence[Any] | npt.NDArray[Any] | None = None,
    ) -> Battles:
        """Check and encode columns of battles.

        Args:
            a: Model shown first, shape ``(n,)``: labels, or indices into ``names`` when those are given (fastest).
            b: Model shown second, likewise.
            outcome: ``"a"``, ``"b"`` or ``"tie"``; or a's score: 1, 0 or 0.5.
            names: Models that the integers in ``a`` and ``b`` stand for.
            weight: Shape ``(n,)``, finite and above 0.
            covariates: Shape ``(n, p)`` or ``(n,)``, finite, as a minus b, so that exchanging a and b flips the sign.
            covariate_names: One for each column.
            rater: Label of who judged, shape ``(n,)``.
            cluster: Label of the group, shape ``(n,)``.

        Raises:
            InvalidInputError: Lengths differ, nothing is given, a model meets itself, an outcome is unknown, a weight
                or covariate is not finite.

        Examples:
            >>> battles = Battles.of(["x", "y", "x"], ["y", "z", "z"], ["a", "tie", "b"])
            >>> battles.names, battles.n
            (('x', 'y', 'z'), 3)
        """
        n = len(a)
        if n == 0:
            raise InvalidInputError("there are no battles", hint="give at least one comparison of two models")
        for what, column in (("b", b), ("outcome", outcome), ("rater", rater), ("cluster", cluster)):
            if column is not None and len(column) != n:
                raise InvalidInputError(
                    f"a has {n} rows and {what} has {len(column)}", hint="give one entry of each for every battle"
                )
        known, first, second = model_columns(a, b, names)
        own = np.flatnonzero(first == second)
        if own.size:
            raise InvalidInputError(
                f"battle {own[0]} sets {known[first[own[0]]]} against itself ({own.size} such battles)",
                hint="leave out battles of a model with itself",
            )
        raters, rater_code = ((), None) if rater is None else encoded(rater)
        clusters, cluster_code = ((), None) if cluster is None else encoded(cluster)
        columns, column_names = covariate_table(covariates, covariate_names, n)
        return Battles(
            names=known,
            a=first,
            b=second,
            outcome=outcome_codes(outcome),
            weight=None if weight is None else weight_column(weight, n),
            covariates=columns,
            covariate_names=column_names,
            rater=rater_code,
            rater_names=raters,
            cluster=cluster_code,
            n_clusters=None if cluster is None else len(clusters),
        )

    @property
    def n(self) -> int:
        """Number of battles."""
        return int(self.a.size)

    def cells(self) -> tuple[Ints, int]:
        """The cell ``(a * K + b) * 3 + outcome`` of each battle, and the number of possible cells."""
        size = len(self.names)
        key = self.a * size
        key += self.b
        key *= 3
        key += self.outcome
        return key, 3 * size * size

    def among(self, models: Ints) -> Battles:
        """The battles that some of the models had with each other, numbered in the order of ``models``."""
        if models.size == len(self.names) and bool((models == np.arange(models.size)).all()):
            return self
        place = np.full(len(self.names), -1)
        place[models] = np.arange(models.size)
        kept = (place[self.a] >= 0) & (place[self.b] >= 0)
        clusters, code = (0, None) if self.cluster is None else renumbered(self.cluster[kept])
        return replace(
            self,
            names=tuple(self.names[model] for model in models),
            a=place[self.a[kept]],
            b=place[self.b[kept]],
            outcome=self.outcome[kept],
            weight=None if self.weight is None else self.weight[kept],
            covariates=None if self.covariates is None else self.covariates[kept],
            rater=None if self.rater is None else self.rater[kept],
            cluster=code,
            n_clusters=None if self.cluster is None else clusters,
        )

    def counts(self) -> PairCounts:
        """Aggregate to one row for each ordered pair that met; O(n) time, O(n + pairs) memory."""
        key, possible = self.cells()
        if possible > _DENSE_CELLS:
            present, key = np.unique(key // 3, return_inverse=True)
            key = key * 3 + self.outcome
            possible = 3 * present.size
        else:
            present = np.arange(possible // 3)
        n_of = np.bincount(key, minlength=possible).reshape(-1, 3)
        met = np.flatnonzero(n_of.any(axis=1))
        sums: Floats = n_of[met].T.astype(np.float64)
        squares: Floats | None = None
        if self.weight is not None:
            weight = self.weight
            sums, squares = (counted(key, w, possible).reshape(-1, 3)[met].T for w in (weight, weight * weight))
        pair = present[met]
        size = len(self.names)
        return PairCounts(
            names=self.names, a=pair // size, b=pair % size, sums=sums, squares=squares, n_of=n_of[met].T.copy()
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PairCounts:
    """Battles summed over ordered pairs: what a warehouse gives for ``GROUP BY a, b``. Tables add with ``+``.

    Attributes:
        names: The K models.
        a: Model shown first, shape ``(pairs,)``.
        b: Model shown second.
        sums: Weight of the battles that a won, that b won, and that were ties; shape ``(3, pairs)``.
        squares: Sums of the squared weights; ``None`` when every battle weighs 1.
        n_of: Numbers of battles, shape ``(3, pairs)``.
    """

    names: tuple[str, ...]
    a: Ints
    b: Ints
    sums: Floats
    n_of: Ints
    squares: Floats | None = None

    @staticmethod
    def of(
        a: Sequence[Any] | npt.NDArray[Any],
        b: Sequence[Any] | npt.NDArray[Any],
        *,
        wins_a: npt.ArrayLike,
        wins_b: npt.ArrayLike,
        ties: npt.ArrayLike | None = None,
        names: Sequence[str] | None = None,
    ) -> PairCounts:
        """A table that was counted elsewhere; a pair may stand in several rows.

        Args:
            a: Model shown first, shape ``(rows,)``: labels, or indices into ``names``.
            b: Model shown second.
            wins_a: Battles that a won, whole numbers from 0.
            wins_b: Battles that b won.
            ties: Battles without a winner; none when left out.
            names: Models that the integers in ``a`` and ``b`` stand for.

        Raises:
            InvalidInputError: Shapes differ, a number is negative or not whole, a model meets itself, nothing is there.

        Examples:
            >>> PairCounts.of(["x"], ["y"], wins_a=[3], wins_b=[1]).n
            4
        """
        known, first, second = model_columns(a, b, names)
        parts = [np.asarray(part, dtype=np.float64) for part in (wins_a, wins_b)]
        parts.append(np.zeros(len(a)) if ties is None else np.asarray(ties, dtype=np.float64))
        if any(part.shape != first.shape for part in parts) or first.shape != second.shape:
            raise InvalidInputError(
                "pairs and counts have different lengths", hint="give a, b and every count for each row"
            )
        sums = np.stack(parts)
        if not (np.isfinite(sums).all() and (sums >= 0).all() and (sums == np.floor(sums)).all()):
            raise InvalidInputError("counts must be whole numbers from 0", hint="leave out pairs that never met")
        if (first == second).any():
            raise InvalidInputError("a model is set against itself", hint="leave out battles of a model with itself")
        if not sums.sum():
            raise InvalidInputError("there are no battles", hint="give at least one comparison of two models")
        return _grouped(known, first, second, sums, None, sums.astype(np.int64))

    @property
    def n(self) -> int:
        """Number of battles."""
        return int(self.n_of.sum())

    def battles_of(self) -> Ints:
        """Battles of each model, shape ``(K,)``."""
        total, size = self.n_of.sum(axis=0), len(self.names)
        both = np.bincount(self.a, total, size) + np.bincount(self.b, total, size)
        return both.astype(np.int64)

    def among(self, models: Ints) -> PairCounts:
        """The battles that some of the models had with each other, numbered in the order of ``models``."""
        place = np.full(len(self.names), -1)
        place[models] = np.arange(models.size)
        kept = (place[self.a] >= 0) & (place[self.b] >= 0)
        return PairCounts(
            names=tuple(self.names[model] for model in models),
            a=place[self.a[kept]],
            b=place[self.b[kept]],
            sums=self.sums[:, kept],
            squares=None if self.squares is None else self.squares[:, kept],
            n_of=self.n_of[:, kept],
        )

    def unordered(self) -> PairCounts:
        """The same with (b, a) added to (a, b): half the rows, for models in which order plays no part."""
        turn = self.a > self.b

        def turned(table: npt.NDArray[Any]) -> npt.NDArray[Any]:
            return np.where(turn, table[[1, 0, 2]], table)

        squares = None if self.squares is None else turned(self.squares)
        low, high = np.minimum(self.a, self.b), np.maximum(self.a, self.b)
        return _grouped(self.names, low, high, turned(self.sums), squares, turned(self.n_of))

    def __add__(self, other: PairCounts) -> PairCounts:
        names = self.names + tuple(name for name in other.names if name not in set(self.names))
        place = {name: index for index, name in enumerate(names)}
        move = np.array([place[name] for name in other.names], dtype=np.int64)
        squares = None
        if self.squares is not None or other.squares is not None:
            squares = np.hstack([t.sums if t.squares is None else t.squares for t in (self, other)])
        return _grouped(
            names,
            np.concatenate([self.a, move[other.a]]),
            np.concatenate([self.b, move[other.b]]),
            np.hstack([self.sums, other.sums]),
            squares,
            np.hstack([self.n_of, other.n_of]),
        )


def _grouped(names: tuple[str, ...], a: Ints, b: Ints, sums: Floats, squares: Floats | None, n_of: Ints) -> PairCounts:
    """One row for each pair, rows without battles dropped."""
    kept = n_of.any(axis=0)
    size = len(names)
    pair, row = np.unique((a * size + b)[kept], return_inverse=True)

    def added(table: npt.NDArray[Any]) -> Floats:
        return np.stack([counted(row, part[kept], pair.size) for part in table])

    return PairCounts(
        names=names,
        a=pair // size,
        b=pair % size,
        sums=added(sums),
        squares=None if squares is None else added(squares),
        n_of=added(n_of).astype(np.int64),
    )


def style_difference(first: npt.ArrayLike, second: npt.ArrayLike) -> Floats:
    """(first - second) / (first + second) of lengths or counts, in [-1, 1]: a covariate for style control.

    Args:
        first: Length (or number of lists, headings …) of the answer shown first, from 0, shape ``(n,)``.
        second: The same of the other answer.

    Returns:
        Shape ``(n,)``; 0 where both are 0.

    Raises:
        InvalidInputError: Shapes differ, or a number is negative or not finite.

    Sources:
        Li, Angelopoulos & Chiang (2024), Does style matter? (Chatbot Arena's style control).

    Examples:
        >>> style_difference([300, 0], [100, 0]).tolist()
        [0.5, 0.0]
    """
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if a.shape != b.shape or a.ndim != 1 or not (np.isfinite(a + b).all() and (a >= 0).all() and (b >= 0).all()):
        raise InvalidInputError("lengths must be two equally long lists of numbers from 0", hint="one of each a battle")
    total = a + b
    return (a - b) / np.where(total > 0.0, total, 1.0)
