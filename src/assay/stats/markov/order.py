"""Chi-square tests on counts of transitions: which order, the same chain in every period?"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.stats.markov.counts import TransitionCounts, counts_of_codes
from assay.stats.markov.inputs import MISSING, Floats, encode_states

SMALL_EXPECTED = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFit:
    """One order, fitted to the same observations as all others.

    Attributes:
        log_likelihood: Maximised, in nats.
        parameters: Free transition probabilities of the contexts that occur, among the states that occur.
        lr_statistic: Twice the gain in log-likelihood over the order below; ``None`` at order 0.
        df: Its degrees of freedom.
        p_value: Of the hypothesis that the order below is enough.
    """

    order: int
    log_likelihood: float
    parameters: int
    aic: float
    bic: float
    lr_statistic: float | None
    df: int | None
    p_value: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderSelection:
    """Orders compared.

    Attributes:
        fits: By order, from 0.
        by_bic: The order with the smallest BIC: consistent (Katz).
        by_aic: The order with the smallest AIC: errs to higher orders, even for large n (Katz).
        by_tests: The lowest order above which no likelihood-ratio test rejects at ``level``.
        n: Observations whose probability every order explains.
    """

    fits: tuple[OrderFit, ...]
    by_bic: int
    by_aic: int
    by_tests: int
    level: float
    n: int


def select_markov_order(
    sequence: Sequence[Hashable | None],
    *,
    max_order: int = 3,
    states: Sequence[Hashable] | None = None,
    level: float = 0.05,
) -> OrderSelection:
    """Likelihood-ratio tests of each order against the next, AIC and BIC, all on the same observations.

    Degrees of freedom count only what the data can speak of: for a context, the states that follow it somewhere less
    one, where the contexts of the order below share their followers. The chi-square law is good when most expected
    counts are 5 or more; prefer BIC when they are not.

    Args:
        sequence: States in order of time; ``None`` where nothing was observed.
        max_order: Highest order tried.
        states: All states; as they occur when ``None``.
        level: Of the tests behind ``by_tests``, in (0, 1).

    Raises:
        InvalidInputError: The sequence is too short for ``max_order`` or the table too large.

    Sources:
        Billingsley (1961), Ann. Math. Statist. 32, 12-40, section 5; Katz (1981), Technometrics 23, 243-249.

    Examples:
        >>> rng = np.random.default_rng(1)
        >>> walk = [0]
        >>> for u in rng.random(999):
        ...     walk.append(int(u < (0.7 if walk[-1] else 0.2)))
        >>> select_markov_order(walk).by_bic
        1
    """
    if max_order < 0:
        raise InvalidInputError(f"the highest order is {max_order}", hint="at least 0; 3 is common")
    if not 0.0 < level < 1.0:
        raise InvalidInputError(f"the level is {level}", hint="for example 0.05")
    codes, known = encode_states(sequence, states=states)
    widest = counts_of_codes(codes, known, order=max_order)
    tables = [_pooled(widest, order) for order in range(max_order + 1)]
    fits: list[OrderFit] = []
    for order, table in enumerate(tables):
        fits.append(_fit(order, table, fits[-1] if fits else None, tables[order - 1] if order else None))
    rejected = [fit.order for fit in fits if fit.p_value is not None and fit.p_value < level]
    return OrderSelection(
        fits=tuple(fits),
        by_bic=min(fits, key=lambda fit: fit.bic).order,
        by_aic=min(fits, key=lambda fit: fit.aic).order,
        by_tests=max(rejected, default=0),
        level=level,
        n=widest.n,
    )


def _pooled(widest: TransitionCounts, order: int) -> Floats:
    """Counts of a lower order over the very same observations: older states summed over."""
    k = len(widest.states)
    return np.asarray(widest.counts.reshape(-1, k**order, k).sum(axis=0), dtype=np.float64)


def _fit(order: int, table: Floats, below: OrderFit | None, below_table: Floats | None) -> OrderFit:
    from scipy.special import gammaincc, xlogy

    totals = table.sum(axis=1)
    likelihood = float(xlogy(table, table).sum() - xlogy(totals, totals).sum())
    parameters = int(np.maximum((table > 0.0).sum(axis=1) - 1, 0).sum())
    n = float(totals.sum())
    statistic = df = p = None
    if below is not None and below_table is not None:
        statistic = max(2.0 * (likelihood - below.log_likelihood), 0.0)
        df = _order_df(table, below_table)
        p = float(gammaincc(df / 2.0, statistic / 2.0)) if df else 1.0
    return OrderFit(
        order=order,
        log_likelihood=likelihood,
        parameters=parameters,
        aic=2.0 * parameters - 2.0 * likelihood,
        bic=parameters * float(np.log(n)) - 2.0 * likelihood,
        lr_statistic=statistic,
        df=df,
        p_value=p,
    )


def _order_df(table: Floats, below: Floats) -> int:
    """Sum over the contexts below of (longer contexts seen - 1)(followers seen - 1)."""
    k = table.shape[1]
    seen = (table.sum(axis=1) > 0.0).reshape(k, -1).sum(axis=0)
    followers = (below > 0.0).sum(axis=1)
    return int((np.maximum(seen - 1, 0) * np.maximum(followers - 1, 0)).sum())


@dataclass(frozen=True, slots=True, kw_only=True)
class HomogeneityTest:
    """Whether several tables of transitions come from one chain.

    Attributes:
        statistic: Pearson's chi-square.
        lr_statistic: Twice the log likelihood ratio; the same limit law.
        p_value: Of ``statistic``.
        lr_p_value: Of ``lr_statistic``.
        df: Degrees of freedom, 0 where nothing can be compared (the p-values are then 1).
        small_cells: Share of the cells compared whose expected count is below 5; above a fifth the law is doubtful.
        periods: Tables compared.
        n: Transitions in all.
    """

    statistic: float
    lr_statistic: float
    p_value: float
    lr_p_value: float
    df: int
    small_cells: float
    periods: int
    n: int


def transition_homogeneity_test(tables: npt.ArrayLike) -> HomogeneityTest:
    """Chi-square test that several tables of transition counts share their transition probabilities.

    Rows are compared one by one: context i contributes (periods that leave it - 1)(states it leads to - 1) degrees of
    freedom. Cells that are empty in all periods count for nothing.

    Args:
        tables: Counts of shape ``(periods, contexts, k)``.

    Raises:
        InvalidInputError: Fewer than two tables, or counts that are negative or not finite.

    Sources:
        Anderson & Goodman (1957), Ann. Math. Statist. 28, 89-110, section 3.2; Kullback, Kupperman & Ku (1962),
        Technometrics 4, 573-608, section 9; Bickenbach & Bode (2003), Int. Regional Science Review 26, 363-392,
        equation 9 (degrees of freedom with empty cells).

    Examples:
        >>> found = transition_homogeneity_test([[[30, 10], [12, 20]], [[20, 20], [8, 24]]])
        >>> found.df, round(found.statistic, 3), round(found.p_value, 4)
        (2, 6.497, 0.0388)
    """
    from scipy.special import gammaincc, xlogy

    counts = np.asarray(tables, dtype=np.float64)
    if counts.ndim != 3 or counts.shape[0] < 2:
        raise InvalidInputError(f"tables have shape {counts.shape}", hint="(periods >= 2, contexts, states)")
    if not np.isfinite(counts).all() or counts.min() < 0.0:
        raise InvalidInputError("a count is negative or not finite", hint="give counts of transitions")
    pooled, visits = counts.sum(axis=0), counts.sum(axis=2)
    shares = pooled / np.maximum(pooled.sum(axis=1, keepdims=True), 1e-300)
    expected = visits[:, :, None] * shares
    compared = (expected > 0.0) & ((visits > 0.0).sum(axis=0) > 1)[None, :, None]
    squares = np.divide(np.square(counts - expected), expected, out=np.zeros_like(counts), where=compared)
    statistic = float(squares.sum())
    ratio = np.divide(counts, expected, out=np.ones_like(counts), where=compared)
    lr = max(2.0 * float(xlogy(counts, ratio).sum()), 0.0)
    rows = np.maximum((visits > 0.0).sum(axis=0) - 1, 0) * np.maximum((pooled > 0.0).sum(axis=1) - 1, 0)
    df = int(rows.sum())
    cells = compared & (shares < 1.0)[None]
    return HomogeneityTest(
        statistic=statistic,
        lr_statistic=lr,
        p_value=float(gammaincc(df / 2.0, statistic / 2.0)) if df else 1.0,
        lr_p_value=float(gammaincc(df / 2.0, lr / 2.0)) if df else 1.0,
        df=df,
        small_cells=float((expected[cells] < SMALL_EXPECTED).mean()) if cells.any() else 1.0,
        periods=counts.shape[0],
        n=int(counts.sum()),
    )


def chain_stationarity_test(
    sequence: Sequence[Hashable | None],
    *,
    periods: int | Sequence[Hashable] = 2,
    order: int = 1,
    states: Sequence[Hashable] | None = None,
) -> HomogeneityTest:
    """Whether the transition probabilities are the same in all periods of a sequence.

    Args:
        sequence: States in order of time; ``None`` where nothing was observed.
        periods: How many stretches of equal length to cut it into, or the period of each observation, shape ``(n,)``
            (a transition belongs to the period of the state entered: months find seasons, years find trends).
        order: Of the chain.
        states: All states; as they occur when ``None``.

    Raises:
        InvalidInputError: Fewer than two periods have transitions, or there is not one period an observation.

    Examples:
        >>> steady = [0, 0, 1, 0, 1, 1] * 40
        >>> chain_stationarity_test(steady, periods=4).p_value > 0.99
        True
    """
    codes, known = encode_states(sequence, states=states)
    counts_of_codes(codes, known, order=order)
    if isinstance(periods, int):
        if periods < 2:
            raise InvalidInputError(f"{periods} periods cannot be compared", hint="at least 2")
        labels = np.arange(codes.size) * periods // codes.size
    else:
        if len(periods) != codes.size:
            raise InvalidInputError(
                f"{codes.size} observations come with {len(periods)} periods", hint="one period an observation"
            )
        number: dict[Hashable, int] = {}
        labels = np.array([number.setdefault(period, len(number)) for period in periods])
    tables = period_tables(codes, labels, len(known), order)
    used = tables[tables.sum(axis=(1, 2)) > 0.0]
    if used.shape[0] < 2:
        raise InvalidInputError("fewer than two periods hold a transition", hint="fewer periods or more data")
    return transition_homogeneity_test(used)


def period_tables(
    codes: npt.NDArray[np.intp], labels: npt.NDArray[np.intp], k: int, order: int, *, count: int | None = None
) -> Floats:
    """Counts by period of the state entered, shape ``(periods, k**order, k)``."""
    from assay.stats.markov.counts import context_codes

    before = context_codes(codes, k, order)[: codes.size - order]
    after = codes[order:]
    usable = (before != MISSING) & (after != MISSING)
    sets = int(labels.max()) + 1 if count is None else count
    cells = (labels[order:][usable] * k**order + before[usable]) * k + after[usable]
    return np.bincount(cells, minlength=sets * k ** (order + 1)).reshape(sets, k**order, k).astype(np.float64)
