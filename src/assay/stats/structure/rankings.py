"""Rankings as a table of successive choices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from assay.core.errors import InvalidInputError
from assay.stats.ratings.encoding import Ints


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stages:
    """Rankings, each a row of choices from ever smaller sets.

    Attributes:
        names: The K items.
        order: Items best first, then those behind in any order, then -1; shape ``(rankings, longest)``.
        chosen: Choices each ranking tells of, shape ``(rankings,)``.
    """

    names: tuple[str, ...]
    order: Ints
    chosen: Ints

    def among(self, items: Ints) -> tuple[Stages, Ints]:
        """The rankings of some items only, and the rows that still tell of a choice.

        What is left of a Plackett-Luce ranking when items are struck out is a Plackett-Luce ranking.
        """
        place = np.full(len(self.names) + 1, -1)
        place[items] = np.arange(items.size)
        order = place[self.order]
        first = np.arange(order.shape[1])[None, :] < self.chosen[:, None]
        chosen = (first & (order >= 0)).sum(axis=1)
        shown = (order >= 0).sum(axis=1)
        chosen = np.minimum(chosen, shown - 1)
        # a stable sort on "struck out" moves what is left to the front without changing its order
        order = np.take_along_axis(order, np.argsort(order < 0, axis=1, kind="stable"), axis=1)
        rows = np.flatnonzero(chosen > 0)
        names = tuple(self.names[item] for item in items)
        return Stages(names=names, order=order[rows], chosen=chosen[rows]), rows


def stages_of(rankings: Sequence[Sequence[str]], behind: Sequence[Sequence[str]] | None) -> Stages:
    """Rankings of names as a table.

    Raises:
        InvalidInputError: There are none, one repeats a name or shows fewer than two, lengths differ.
    """
    rest = [()] * len(rankings) if behind is None else behind
    if not rankings or len(rest) != len(rankings):
        raise InvalidInputError(
            f"{len(rankings)} rankings with {len(rest)} lists of names behind",
            hint="give at least one ranking, and one list behind (may be empty) for each",
        )
    names = tuple(sorted({name for row in (*rankings, *rest) for name in row}))
    place = {name: index for index, name in enumerate(names)}
    longest = max(len(row) + len(after) for row, after in zip(rankings, rest, strict=True))
    order = np.full((len(rankings), longest), -1, dtype=np.int64)
    chosen = np.zeros(len(rankings), dtype=np.int64)
    for number, (row, after) in enumerate(zip(rankings, rest, strict=True)):
        shown = [place[name] for name in (*row, *after)]
        if isinstance(row, str) or not row or len(shown) < 2 or len(set(shown)) < len(shown):
            raise InvalidInputError(
                f"ranking {number} is {list(row)} with {list(after)} behind: it repeats a name or compares nothing",
                hint="name at least two different items, best first; leave out rankings of one",
            )
        order[number, : len(shown)] = shown
        chosen[number] = min(len(row), len(shown) - 1)
    return Stages(names=names, order=order, chosen=chosen)
