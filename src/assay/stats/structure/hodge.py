"""HodgeRank: how much of the pairwise results a ranking explains, how much runs in cycles, and which cycles."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.ratings.battles import Battles, PairCounts
from assay.stats.ratings.bradley_terry import bradley_terry
from assay.stats.ratings.encoding import Floats, Ints
from assay.stats.ratings.graph import require_connected
from assay.stats.special import check_confidence, normal_quantile

_MOST_TRIANGLES = 200_000
_NULL_RIDGE = 0.01
_CHUNK_CELLS = 2_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PreferenceCycle:
    """Three models each of which beats the next.

    Attributes:
        models: a beats b beats c beats a, on balance round the cycle.
        log_odds: Sum of the three log-odds round the cycle, above 0; exactly 0 under any ranking.
        p_value: Of the largest standardised sum among all triangles being as large under the fitted ranking: adjusted
            for having looked at all of them.
    """

    models: tuple[str, str, str]
    log_odds: float
    p_value: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HodgeRank:
    """The decomposition of weighted log-odds into a ranking, cycles of three, and longer cycles.

    Attributes:
        names: The K models.
        potentials: Log-odds explained by a ranking, mean 0, shape ``(K,)``.
        residual_share: Of the weighted sum of squared log-odds, what no ranking explains, in [0, 1]. Noise alone
            makes it positive: compare ``null_share``.
        null_share: Its mean when a ranking is all there is, by simulation.
        curl_share: Part of it in cycles of three; ``None`` with more than 200,000 triangles.
        harmonic_share: Part of it in longer cycles only.
        cyclic: Typical (root mean square, weighted) log-odds by which pairs depart from the best ranking, noise taken
            off; 0 where a ranking explains all.
        p_value: Of the residual under the Bradley-Terry model, by parametric bootstrap; at least 1/(repeats + 1).
        cycles: Triangles by p-value, at most ten.
        freedom: Independent cycles of the comparison graph, pairs - K + 1; at 0 nothing can contradict a ranking.
        n: Decisive battles.
        ties_left_out: Battles without a winner, which the decomposition does not use.
    """

    names: tuple[str, ...]
    potentials: Floats
    residual_share: float
    null_share: float | None
    curl_share: float | None
    harmonic_share: float | None
    cyclic: Estimate
    p_value: float | None
    cycles: tuple[PreferenceCycle, ...]
    freedom: int
    n: int
    ties_left_out: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Edges:
    size: int
    a: Ints
    b: Ints
    n: Floats


def hodge_rank(
    data: Battles | PairCounts, *, rng: np.random.Generator, repeats: int = 1_000, confidence: float = 0.95
) -> HodgeRank:
    """Weighted least-squares ranking of pairwise log-odds, and a test of what it leaves.

    The log-odds of each pair is log((w + ½)/(l + ½)) with weight 1/(1/(w + ½) + 1/(l + ½)), its inverse variance. The
    test simulates every pair's battles from the Bradley-Terry fit, so few battles a pair are no harm to it; the
    interval of ``cyclic`` inverts the non-central chi-square law of the residual and asks for about 20 battles a pair.
    Battles must be independent. Memory: pairs x K + 2 million numbers.

    Args:
        data: Battles or their counts. Order of showing and weights play no part; ties are left out, which is right
            under Davidson's model.
        rng: Draws the null distribution.
        repeats: Of the simulation, at least 99.
        confidence: Of ``cyclic``, two-sided.

    Raises:
        InvalidInputError: Groups of models never met, battles are weighted, no battle has a winner, too few repeats.

    Sources:
        Jiang, Lim, Yao & Ye (2011), Mathematical Programming 127, 203-244 (equations 6-12: gradient, curl, harmonic);
        Haldane (1956), Annals of Human Genetics 20, 309-311 (log-odds with ½); Westfall & Young (1993) (maximum).

    Examples:
        >>> counts = PairCounts.of("abc", "bca", wins_a=[80, 80, 80], wins_b=[20, 20, 20])
        >>> found = hodge_rank(counts, rng=np.random.default_rng(1))
        >>> round(found.residual_share, 3), found.p_value < 0.01, found.cycles[0].models
        (1.0, True, ('a', 'b', 'c'))
    """
    check_confidence(confidence)
    if repeats < 99:
        raise InvalidInputError(f"{repeats} repeats are too few for a p-value", hint="1,000 take a moment")
    counts, ties = _decisive(data)
    edges = _Edges(size=len(counts.names), a=counts.a, b=counts.b, n=counts.sums[:2].sum(axis=0))
    freedom = edges.a.size - edges.size + 1
    flow, weight = _log_odds(counts.sums[0], edges.n)
    potentials, residual = _decompose(edges, flow[None], weight[None])
    total, left = float((weight * flow**2).sum()), float((weight * residual[0] ** 2).sum())
    share = left / total if total > 0.0 and freedom > 0 else 0.0
    triangles = _triangles(edges) if freedom else np.empty((3, 0), dtype=np.int64)
    curl = _curl_share(edges, weight, residual[0], triangles, total) if share > 0.0 else 0.0
    null_share = p_value = None
    cycles: tuple[PreferenceCycle, ...] = ()
    if freedom:
        squares, shares, largest = _null(counts, edges, triangles, rng=rng, repeats=repeats)
        p_value = (1 + int((squares >= left * (1 - 1e-12)).sum())) / (repeats + 1)
        null_share = float(shares.mean())
        if triangles is not None:
            cycles = _cycles(counts.names, edges, flow, weight, triangles, largest)
    return HodgeRank(
        names=counts.names,
        potentials=potentials[0],
        residual_share=share,
        null_share=null_share,
        curl_share=curl,
        harmonic_share=None if curl is None else max(share - curl, 0.0),
        cyclic=_cyclic(left, freedom, float(weight.sum()), n=int(edges.n.sum()), confidence=confidence),
        p_value=p_value,
        cycles=cycles,
        freedom=freedom,
        n=int(edges.n.sum()),
        ties_left_out=ties,
    )


def _decisive(data: Battles | PairCounts) -> tuple[PairCounts, int]:
    """Unordered pairs with at least one winner, and the number of ties left out."""
    counts = (data.counts() if isinstance(data, Battles) else data).unordered()
    if counts.squares is not None:
        raise InvalidInputError("weighted battles have no binomial law", hint="give the battles without weights")
    ties = int(counts.sums[2].sum())
    met = counts.sums[:2].sum(axis=0) > 0
    if not met.any():
        raise InvalidInputError("no battle has a winner", hint="a ranking needs decisive battles")
    kept = PairCounts.of(
        counts.a[met], counts.b[met], wins_a=counts.sums[0, met], wins_b=counts.sums[1, met], names=counts.names
    )
    require_connected(kept)
    return kept, ties


def _log_odds(wins: Floats, n: Floats) -> tuple[Floats, Floats]:
    won, lost = wins + 0.5, n - wins + 0.5
    return np.log(won / lost), won * lost / (won + lost)


def _decompose(edges: _Edges, flow: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Potentials ``(tables, K)`` and what they leave ``(tables, pairs)``, by the weighted graph Laplacian."""
    tables, size = flow.shape[0], edges.size
    laplacian = np.full((tables, size, size), 1.0 / size)
    pull = np.zeros((tables, size))
    rows = np.arange(tables)[:, None]
    laplacian[:, edges.a, edges.b] -= weight
    laplacian[:, edges.b, edges.a] -= weight
    for ends, sign in ((edges.a, 1.0), (edges.b, -1.0)):
        np.add.at(laplacian, (rows, ends, ends), weight)
        np.add.at(pull, (rows, ends), sign * weight * flow)
    potentials = np.linalg.solve(laplacian, pull[..., None])[..., 0]
    return potentials, flow - (potentials[:, edges.a] - potentials[:, edges.b])


def _triangles(edges: _Edges) -> Ints | None:
    """Places of the pairs (i, j), (j, k), (i, k) with i < j < k, shape ``(3, triangles)``; ``None`` when too many."""
    place = np.full((edges.size, edges.size), -1, dtype=np.int64)
    place[edges.a, edges.b] = np.arange(edges.a.size)
    found, total = [np.empty((3, 0), dtype=np.int64)], 0
    for pair in range(edges.a.size):
        i, j = edges.a[pair], edges.b[pair]
        k = np.flatnonzero((place[i] >= 0) & (place[j] >= 0))
        found.append(np.stack([np.full(k.size, pair), place[j, k], place[i, k]]))
        total += k.size
        if total > _MOST_TRIANGLES:
            return None
    return np.concatenate(found, axis=1)


def _curl_share(edges: _Edges, weight: Floats, residual: Floats, triangles: Ints | None, total: float) -> float | None:
    if triangles is None:
        return None
    if edges.a.size == edges.size * (edges.size - 1) // 2:  # a complete graph has no longer cycles of its own
        return float((weight * residual**2).sum()) / total
    if not triangles.shape[1]:
        return 0.0
    from scipy.sparse import coo_array
    from scipy.sparse.linalg import lsqr

    number = triangles.shape[1]
    signs = np.repeat([1.0, 1.0, -1.0], number)
    rows = triangles.ravel()
    cells = signs / np.sqrt(weight[rows])
    design = coo_array((cells, (rows, np.tile(np.arange(number), 3))), shape=(edges.a.size, number)).tocsr()
    target = np.sqrt(weight) * residual
    solution = lsqr(design, target, atol=1e-12, btol=1e-12, iter_lim=20 * edges.a.size + 100)[0]
    return float(np.square(design @ solution).sum()) / total


def _around(flow: Floats, weight: Floats, triangles: Ints) -> tuple[Floats, Floats]:
    """Sum of the log-odds i → j → k → i and its standard score, for each triangle (last axis)."""
    ij, jk, ik = triangles
    around = flow[..., ij] + flow[..., jk] - flow[..., ik]
    inverse = 1.0 / weight
    return around, around / np.sqrt(inverse[..., ij] + inverse[..., jk] + inverse[..., ik])


def _null(
    counts: PairCounts, edges: _Edges, triangles: Ints | None, *, rng: np.random.Generator, repeats: int
) -> tuple[Floats, Floats, Floats]:
    """Residual squares, residual shares and largest triangle scores when Bradley-Terry ratings are all there is."""
    ratings = bradley_terry(counts, ridge=_NULL_RIDGE).log_odds
    chance = 1.0 / (1.0 + np.exp(ratings[edges.b] - ratings[edges.a]))
    squares, shares, largest = np.empty(repeats), np.empty(repeats), np.zeros(repeats)
    cells = edges.size**2 + edges.a.size + (0 if triangles is None else triangles.shape[1])
    at_once = max(1, _CHUNK_CELLS // cells)
    for start in range(0, repeats, at_once):
        stop = min(repeats, start + at_once)
        wins = rng.binomial(edges.n.astype(np.int64), chance, size=(stop - start, chance.size)).astype(np.float64)
        flow, weight = _log_odds(wins, edges.n)
        _, residual = _decompose(edges, flow, weight)
        squares[start:stop] = (weight * residual**2).sum(axis=1)
        total = (weight * flow**2).sum(axis=1)
        shares[start:stop] = np.where(total > 0.0, squares[start:stop] / np.where(total > 0.0, total, 1.0), 0.0)
        if triangles is not None and triangles.shape[1]:
            largest[start:stop] = np.abs(_around(flow, weight, triangles)[1]).max(axis=1)
    return squares, shares, largest


def _cycles(
    names: tuple[str, ...], edges: _Edges, flow: Floats, weight: Floats, triangles: Ints, largest: Floats
) -> tuple[PreferenceCycle, ...]:
    around, score = _around(flow, weight, triangles)
    found = []
    for place in np.argsort(-np.abs(score), kind="stable")[:10].tolist():
        i, j, k = edges.a[triangles[0, place]], edges.b[triangles[0, place]], edges.b[triangles[1, place]]
        turn = (i, j, k) if around[place] >= 0 else (i, k, j)
        p_value = (1 + int((largest >= abs(score[place])).sum())) / (largest.size + 1)
        models = (names[turn[0]], names[turn[1]], names[turn[2]])
        found.append(PreferenceCycle(models=models, log_odds=abs(float(around[place])), p_value=p_value))
    return tuple(found)


def _cyclic(left: float, freedom: int, weights: float, *, n: int, confidence: float) -> Estimate:
    if not freedom:
        return Estimate(
            value=None, low=None, high=None, n=n, method="non-central-chi-square", confidence=confidence,
            unit="log-odds", reason="the comparisons hold no cycle, so any result fits a ranking",
        )  # fmt: skip
    from scipy.special import chndtr

    def departure(chance: float) -> float:
        """Non-centrality under which the residual is at most ``left`` with this chance."""
        z = normal_quantile(min(max(chance, 1e-9), 1 - 1e-9))
        return _falling_root(
            lambda x: float(chndtr(left, freedom, x)) - chance, left + 50 + 8 * (abs(z) + 1) * math.sqrt(left + 50)
        )

    low, high = (math.sqrt(departure(p) / weights) for p in (0.5 + confidence / 2, 0.5 - confidence / 2))
    value = math.sqrt(max(left - freedom, 0.0) / weights)
    return Estimate(
        value=value, low=low, high=max(high, value), n=n, method="non-central-chi-square", confidence=confidence,
        unit="log-odds",
    )  # fmt: skip


def _falling_root(function: Callable[[float], float], high: float) -> float:
    """Where a falling function meets 0 between 0 and ``high``; 0 when it starts below."""
    low = 0.0
    if function(0.0) <= 0.0:
        return 0.0
    for _ in range(80):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if function(middle) > 0.0 else (low, middle)
    return 0.5 * (low + high)
