"""From battles to the rows that the likelihood sees: rated models only, order folded away where it plays no part."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from assay.core.errors import InvalidInputError
from assay.stats.ratings.battles import Battles, PairCounts
from assay.stats.ratings.encoding import TIE, Floats, Ints
from assay.stats.ratings.newton import Rows

POSITION = "shown first"
_COLLINEAR = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Problem:
    """One fit.

    Attributes:
        rows: Pairs with their counts; or battles, where there are covariates.
        n: Battles in them.
        n_of: Numbers of battles by outcome and row.
        weighted: Battles have weights.
        battles: The battles behind the rows, where they are known.
        effects: Names of the covariates, columns of ``rows.x``.
        spread: By which each column was divided.
    """

    rows: Rows
    n: int
    n_of: Ints
    weighted: bool
    battles: Battles | None
    effects: tuple[str, ...]
    spread: Floats

    def cells(self) -> Ints | None:
        """``outcome * rows + row`` of each battle; ``None`` where every battle is its own row."""
        if self.battles is None or self.battles.covariates is not None:
            return None
        battles, rows = self.battles, self.rows
        a, b, outcome = battles.a, battles.b, battles.outcome.astype(np.int64)
        if not self.effects:
            turn = a > b
            outcome = np.where(turn & (outcome != TIE), 1 - outcome, outcome)
            a, b = np.minimum(a, b), np.maximum(a, b)
        row = np.searchsorted(rows.a * rows.size + rows.b, a * rows.size + b)
        cells: Ints = outcome * rows.a.size + row
        return cells

    def as_battles(self) -> Rows:
        """The same with one row for each battle."""
        assert self.battles is not None
        if self.battles.covariates is not None:
            return self.rows
        return _battle_rows(self.battles, np.ones((self.battles.n, len(self.effects))))


def problem_of(data: Battles | PairCounts, counts: PairCounts, rated: Ints, *, position: bool) -> Problem:
    """Rows for the models that have finite ratings.

    Raises:
        InvalidInputError: A covariate is constant, or a linear combination of others and of the models.
    """
    battles = data.among(rated) if isinstance(data, Battles) else None
    effects: tuple[str, ...] = (POSITION,) if position else ()
    if battles is not None and battles.covariates is not None:
        x = battles.covariates
        if position:
            x = np.column_stack([np.ones(battles.n), x])
        spread = np.sqrt(np.mean(x * x, axis=0))
        spread[spread == 0.0] = 1.0
        rows = _battle_rows(battles, x / spread)
        effects += battles.covariate_names
        n_of = np.zeros((3, battles.n), dtype=np.int64)
        n_of[battles.outcome, np.arange(battles.n)] = 1
        weighted = battles.weight is not None
    else:
        table = counts.among(rated) if position else counts.among(rated).unordered()
        spread = np.ones(len(effects))
        squares = table.sums if table.squares is None else table.squares
        x = np.ones((table.a.size, len(effects)))
        rows = Rows(size=rated.size, a=table.a, b=table.b, sums=table.sums, squares=squares, x=x)
        n_of, weighted = table.n_of, table.squares is not None
    if effects:
        _require_independent(rows, effects)
    return Problem(
        rows=rows, n=int(n_of.sum()), n_of=n_of, weighted=weighted, battles=battles, effects=effects, spread=spread
    )


def _battle_rows(battles: Battles, x: Floats) -> Rows:
    weight = np.ones(battles.n) if battles.weight is None else battles.weight
    sums = np.zeros((3, battles.n))
    sums[battles.outcome, np.arange(battles.n)] = weight
    squares = sums if battles.weight is None else sums * sums
    return Rows(size=len(battles.names), a=battles.a, b=battles.b, sums=sums, squares=squares, x=x)


def _require_independent(rows: Rows, effects: tuple[str, ...]) -> None:
    """Every covariate must move within pairs in a way that no ratings can imitate."""
    full = rows.quadratic(rows.sums.sum(axis=0))
    size = rows.size
    inner, cross = full[:size, :size], full[:size, size:]
    left = full[size:, size:] - cross.T @ np.linalg.pinv(inner, hermitian=True) @ cross
    values, vectors = np.linalg.eigh(left)
    if values[0] > _COLLINEAR * max(np.trace(full[size:, size:]), 1e-300):
        return
    culprit = effects[int(np.abs(vectors[:, 0]).argmax())]
    raise InvalidInputError(
        f"the effect of {culprit!r} cannot be told from the models and the other covariates",
        hint="leave it out: it is constant, copies another, or is the same in every battle of a pair",
    )
