"""Many comparisons laid out in a table: the right number of them is the number of cells, all of them."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

from assay.core.errors import InvalidInputError
from assay.stats.multiplicity.adjusted import holm


@dataclass(frozen=True, slots=True, kw_only=True)
class GridTests:
    """Holm's adjustment over a whole table of comparisons.

    Attributes:
        n_tests: Cells of the full table: the product of the numbers of levels.
        adjusted: Adjusted p-value of each cell that has one.
        missing: Cells without a p-value; they count, as comparisons that were meant to be made.
        rejected: Cells whose adjusted p-value is at most ``alpha``.
        alpha: Chance of any false rejection over the whole table.
        axes: Name and number of levels of each axis.
    """

    n_tests: int
    adjusted: Mapping[tuple[Hashable, ...], float]
    missing: tuple[tuple[Hashable, ...], ...]
    rejected: tuple[tuple[Hashable, ...], ...]
    alpha: float
    axes: Mapping[str, int]


def holm_over_grid(
    p_values: Mapping[tuple[Hashable, ...], float | None],
    *,
    axes: Sequence[str] = ("baseline", "dataset", "size"),
    alpha: float = 0.05,
) -> GridTests:
    """Holm over baselines × datasets × sizes: k is counted from the table, not from the row that is being read.

    A method held against 3 baselines on 5 datasets in 2 sizes makes 30 comparisons; α/3 lets a false one through far
    more often than α. Cells that were never run count too: a table with holes is not a smaller table.

    Args:
        p_values: By cell, e.g. ``{("llama", "gsm8k", "7b"): 0.01, ...}``; ``None`` where there is none.
        axes: What the parts of a cell's name mean.
        alpha: In (0, 1).

    Raises:
        InvalidInputError: No cells, a cell with another number of parts, or something that is no p-value.

    Sources:
        Holm (1979), Scandinavian Journal of Statistics 6, 65-70; Dror et al. (2017), TACL 5, 471-486 (many datasets).

    Examples:
        >>> cells = {("a", "x"): 0.012, ("a", "y"): 0.03, ("b", "x"): 0.2, ("b", "y"): None}
        >>> found = holm_over_grid(cells, axes=("baseline", "dataset"))
        >>> found.n_tests, found.adjusted[("a", "x")], found.rejected
        (4, 0.048, (('a', 'x'),))
    """
    if not p_values or not 0.0 < alpha < 1.0:
        raise InvalidInputError("a grid needs cells, and alpha in (0, 1)", hint='{("baseline", "dataset"): 0.03}')
    odd = [cell for cell in p_values if len(cell) != len(axes)]
    if odd:
        raise InvalidInputError(
            f"cell {odd[0]!r} does not have {len(axes)} parts", hint=f"one for each of {tuple(axes)}"
        )
    levels = [list(dict.fromkeys(cell[place] for cell in p_values)) for place in range(len(axes))]
    cells: list[tuple[Hashable, ...]] = [()]
    for names in levels:
        cells = [(*cell, name) for cell in cells for name in names]
    known = {cell: p for cell in cells if (p := p_values.get(cell)) is not None}
    wrong = [cell for cell, p in known.items() if math.isnan(p)]
    if wrong:
        raise InvalidInputError(f"the p-value of {wrong[0]!r} is not a number", hint="None where there is no p-value")
    missing = tuple(cell for cell in cells if cell not in known)
    adjusted = dict(zip(known, holm([*known.values(), *[1.0] * len(missing)]), strict=False))
    return GridTests(
        n_tests=len(cells),
        adjusted=adjusted,
        missing=missing,
        rejected=tuple(cell for cell, p in adjusted.items() if p <= alpha),
        alpha=alpha,
        axes={axis: len(names) for axis, names in zip(axes, levels, strict=True)},
    )
