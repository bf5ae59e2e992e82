"""Models that say the transition table of any step: the same always, or one a season."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.stats.markov.counts import JEFFREYS, TransitionCounts, counts_of_codes, smoothed_rows
from assay.stats.markov.inputs import Codes, Floats, encode_states, plain_list
from assay.stats.markov.order import period_tables


class StepTables(Protocol):
    """A model that says the transition table of any step, and draws tables from its uncertainty."""

    @property
    def counts(self) -> TransitionCounts:
        """What it was fitted to."""
        ...

    def tables(self, keys: npt.ArrayLike) -> Floats:
        """Tables of the steps with these seasons or phases, shape ``(n, k**order, k)``."""
        ...

    def sampler(self, rng: np.random.Generator, draws: int) -> TableSampler:
        """Draws from the uncertainty of the tables, the same draw for all steps."""
        ...


class TableSampler(Protocol):
    """Fixed draws of a model's parameters."""

    def tables_at(self, key: float) -> Floats:
        """The drawn tables of one step, shape ``(draws, k**order, k)``."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HomogeneousChain:
    """The same table at every step."""

    counts: TransitionCounts
    smoothing: float = JEFFREYS

    def tables(self, keys: npt.ArrayLike) -> Floats:
        """The table, once a step."""
        table = smoothed_rows(self.counts.counts, self.smoothing)
        return np.broadcast_to(table, (np.size(keys), *table.shape))

    def sampler(self, rng: np.random.Generator, draws: int) -> TableSampler:
        """Dirichlet posterior of every row."""
        return _Drawn(drawn=draw_rows(rng, self.counts.counts + (self.smoothing or JEFFREYS), draws)[None], seasons=())


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SeasonalChain:
    """One table a season.

    Attributes:
        counts: Over all seasons together.
        seasons: Labels, in the order of ``by_season``.
        by_season: Counts of shape ``(seasons, k**order, k)``.
        smoothing: Pseudo-counts a row, given to each season in the proportions of the row over all seasons.
    """

    counts: TransitionCounts
    seasons: tuple[Hashable, ...]
    by_season: Floats
    smoothing: float

    @property
    def _raised(self) -> Floats:
        """Counts with the pseudo-counts of the pooled row: a season that saw little leans on the whole year."""
        pooled = smoothed_rows(self.counts.counts, JEFFREYS)
        return np.asarray(self.by_season + self.smoothing * pooled, dtype=np.float64)

    def tables(self, keys: npt.ArrayLike) -> Floats:
        """Tables of steps that enter these seasons.

        Raises:
            InvalidInputError: A season was not seen.
        """
        return smoothed_rows(self._raised, 0.0)[self._places(keys)]

    def _places(self, keys: npt.ArrayLike) -> Codes:
        place = {season: number for number, season in enumerate(self.seasons)}
        wanted = np.atleast_1d(np.asarray(keys)).tolist()
        unknown = [key for key in wanted if key not in place]
        if unknown:
            raise InvalidInputError(
                f"the season {unknown[0]!r} was never observed",
                hint=f"seasons observed: {', '.join(str(season) for season in self.seasons)}",
            )
        return np.array([place[key] for key in wanted], dtype=np.intp)

    def sampler(self, rng: np.random.Generator, draws: int) -> TableSampler:
        """Dirichlet posterior of every row of every season."""
        return _Drawn(drawn=np.stack([draw_rows(rng, one, draws) for one in self._raised]), seasons=self.seasons)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Drawn:
    """Drawn tables by season, shape ``(seasons, draws, contexts, k)``; without names there is one for all steps."""

    drawn: Floats
    seasons: tuple[Hashable, ...]

    def tables_at(self, key: float) -> Floats:
        return np.asarray(self.drawn[self.seasons.index(key) if self.seasons else 0], dtype=np.float64)


def draw_rows(rng: np.random.Generator, weights: Floats, draws: int) -> Floats:
    """Dirichlet draws of every row, shape ``(draws, *weights.shape)``."""
    gamma = np.maximum(rng.standard_gamma(weights, size=(draws, *weights.shape)), 1e-300)
    return np.asarray(gamma / gamma.sum(axis=-1, keepdims=True), dtype=np.float64)


def fit_seasonal_chain(
    sequence: Sequence[Hashable | None],
    seasons: Sequence[Hashable],
    *,
    order: int = 1,
    smoothing: float = 1.0,
    states: Sequence[Hashable] | None = None,
) -> SeasonalChain:
    """A transition table a season; a transition belongs to the season of the state entered.

    Args:
        sequence: States in order of time, shape ``(n,)``; ``None`` where nothing was observed.
        seasons: Season of each observation, shape ``(n,)``, e.g. its month.
        order: Of the chain.
        smoothing: Pseudo-counts given to each row of each season, in the proportions of that row over the whole
            year; above 0, so that a season in which a context was never left answers with the year.
        states: All states; as they occur when ``None``.

    Raises:
        InvalidInputError: There is not one season an observation, or ``smoothing`` is not above 0.

    Sources:
        Woolhiser & Pegram (1979), Journal of Applied Meteorology 18, 34-42 (seasonal rain chains).

    Examples:
        >>> chain = fit_seasonal_chain("ddrrddrrdddd", [1] * 6 + [7] * 6)
        >>> chain.tables([1, 7]).shape, chain.by_season[0].tolist()
        ((2, 2, 2), [[2.0, 1.0], [1.0, 1.0]])
    """
    if not (np.isfinite(smoothing) and smoothing > 0.0):
        raise InvalidInputError(f"smoothing is {smoothing}", hint="pseudo-counts a row, above 0, e.g. 1")
    codes, known = encode_states(sequence, states=states)
    if len(seasons) != codes.size:
        raise InvalidInputError(
            f"{codes.size} observations come with {len(seasons)} seasons", hint="one season an observation"
        )
    counts = counts_of_codes(codes, known, order=order)
    plain = plain_list(seasons)
    names = tuple(sorted(set(plain), key=lambda season: (str(type(season)), season)))
    place = {season: number for number, season in enumerate(names)}
    labels = np.array([place[season] for season in plain], dtype=np.intp)
    tables = period_tables(codes, labels, len(known), order, count=len(names))
    return SeasonalChain(counts=counts, seasons=names, by_season=tables, smoothing=smoothing)
