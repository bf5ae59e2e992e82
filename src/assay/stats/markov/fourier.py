"""Chains whose log-odds follow the year smoothly: multinomial logits with annual waves."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.stats.markov.counts import TransitionCounts, context_codes, counts_of_codes
from assay.stats.markov.inputs import MISSING, Floats, encode_states
from assay.stats.markov.seasonal import TableSampler

MAX_NEWTON_STEPS = 60
SEPARATED_LOGIT = 18.0
"""A log-odds that no data support: its probability is below 2e-8."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FourierChain:
    """Transition log-odds that follow the year smoothly, a multinomial logit for each context.

    Attributes:
        harmonics: Sine and cosine pairs.
        coefficients: Shape ``(k**order, k - 1, 1 + 2·harmonics)``; the first state is the base.
        covariance: Of each context's coefficients, shape ``(k**order, p, p)`` with ``p = (k - 1)(1 + 2·harmonics)``.
        log_likelihood: Without the penalty, in nats.
    """

    counts: TransitionCounts
    harmonics: int
    coefficients: Floats
    covariance: Floats
    log_likelihood: float

    @property
    def bic(self) -> float:
        """Bayesian information criterion; smaller is better."""
        return float(self.coefficients.size * np.log(self.counts.n) - 2.0 * self.log_likelihood)

    def tables(self, keys: npt.ArrayLike) -> Floats:
        """Tables of steps that enter these phases of the year (0 to 1)."""
        basis = fourier_basis(np.atleast_1d(np.asarray(keys, dtype=np.float64)), self.harmonics)
        return _softmax(np.einsum("nb,cjb->ncj", basis, self.coefficients))

    def sampler(self, rng: np.random.Generator, draws: int) -> TableSampler:
        """Normal draws of the coefficients."""
        contexts, columns, width = self.coefficients.shape
        drawn = np.empty((draws, contexts, columns, width))
        for context in range(contexts):
            root = np.linalg.cholesky(self.covariance[context])
            noise = rng.standard_normal((draws, columns * width)) @ root.T
            drawn[:, context] = self.coefficients[context] + noise.reshape(draws, columns, width)
        return _DrawnLogits(drawn=drawn, harmonics=self.harmonics)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _DrawnLogits:
    drawn: Floats
    harmonics: int

    def tables_at(self, key: float) -> Floats:
        basis = fourier_basis(np.array([key], dtype=np.float64), self.harmonics)[0]
        return _softmax(self.drawn @ basis)


def fourier_basis(phases: Floats, harmonics: int) -> Floats:
    """1, cos 2πφ, sin 2πφ, cos 4πφ, …; shape ``(n, 1 + 2·harmonics)``."""
    angles = 2.0 * np.pi * np.outer(phases, np.arange(1, harmonics + 1))
    waves = np.stack([np.cos(angles), np.sin(angles)], axis=2).reshape(phases.size, 2 * harmonics)
    return np.hstack([np.ones((phases.size, 1)), waves])


def _softmax(logits: Floats) -> Floats:
    """Probabilities of all states from the log-odds of all but the first (last axis)."""
    whole = np.concatenate([np.zeros((*logits.shape[:-1], 1)), logits], axis=-1)
    raised = np.exp(whole - whole.max(axis=-1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True), dtype=np.float64)


def fit_fourier_chain(
    sequence: Sequence[Hashable | None],
    phases: npt.ArrayLike,
    *,
    harmonics: int = 1,
    order: int = 1,
    ridge: float = 0.0,
    states: Sequence[Hashable] | None = None,
) -> FourierChain:
    """Multinomial logits with annual waves, a fit for each context by Newton's method.

    Args:
        sequence: States in order of time, shape ``(n,)``.
        phases: Place in the year of each observation, from 0 to 1, shape ``(n,)``; a transition takes the phase of
            the state entered.
        harmonics: Waves, at least 0; 0 is the chain without seasons.
        order: Of the chain.
        ridge: Penalty ``ridge/2·|coefficient|²``: with a value such as 0.5, contexts that are rare or always followed
            by the same state get finite log-odds.
        states: All states; as they occur when ``None``.

    Raises:
        InvalidInputError: A phase is not finite, there is not one an observation, or without ``ridge`` a context is
            never left or its logits have no finite maximum (separation).

    Sources:
        Stern & Coe (1984), JRSS A 147, 1-34 (rainfall chains with Fourier logits); McCullagh & Nelder (1989),
        Generalized Linear Models, section 5.2.

    Examples:
        >>> chain = fit_fourier_chain([0, 0, 1, 1, 0, 1] * 20, np.linspace(0, 2, 120), harmonics=0)
        >>> chain.tables([0.0]).round(3).tolist()
        [[[0.333, 0.667], [0.661, 0.339]]]
    """
    codes, known = encode_states(sequence, states=states)
    places = np.asarray(phases, dtype=np.float64)
    if places.shape != codes.shape or not np.isfinite(places).all():
        raise InvalidInputError("there is not one finite phase an observation", hint="the place in the year, 0 to 1")
    if harmonics < 0 or ridge < 0.0 or len(known) < 2:
        raise InvalidInputError(
            f"{harmonics} harmonics, ridge {ridge}, {len(known)} states",
            hint="harmonics, ridge >= 0; two states or more",
        )
    k = len(known)
    counts = counts_of_codes(codes, known, order=order)
    before = context_codes(codes, k, order)[: codes.size - order]
    after = codes[order:]
    basis = fourier_basis(places[order:], harmonics)
    coefficients = np.zeros((k**order, k - 1, basis.shape[1]))
    covariance = np.zeros((k**order, coefficients[0].size, coefficients[0].size))
    likelihood = 0.0
    for context in range(k**order):
        rows = (before == context) & (after != MISSING)
        found = _fit_logits(basis[rows], np.eye(k)[after[rows]], ridge, str(counts.context(context)))
        coefficients[context], covariance[context] = found[0], found[1]
        likelihood += found[2]
    return FourierChain(
        counts=counts,
        harmonics=harmonics,
        coefficients=coefficients,
        covariance=covariance,
        log_likelihood=likelihood,
    )


def _fit_logits(basis: Floats, happened: Floats, ridge: float, name: str) -> tuple[Floats, Floats, float]:
    """Coefficients ``(k - 1, b)``, their covariance and the log-likelihood."""
    columns, width = happened.shape[1] - 1, basis.shape[1]
    beta = np.zeros((columns, width))
    current = _penalised(basis, happened, beta, ridge)
    for _ in range(MAX_NEWTON_STEPS):
        chances = _softmax(basis @ beta.T)
        hessian = _information(basis, chances[:, 1:]) + ridge * np.eye(columns * width)
        slope = ((happened - chances)[:, 1:].T @ basis).ravel() - ridge * beta.ravel()
        if not basis.shape[0] and not ridge:
            raise _separated(name)
        try:
            step = np.linalg.solve(hessian, slope).reshape(columns, width)
        except np.linalg.LinAlgError as error:
            raise _separated(name) from error
        size = 1.0
        while (better := _penalised(basis, happened, beta + size * step, ridge)) < current - 1e-12 and size > 1e-6:
            size *= 0.5
        beta, done = beta + size * step, abs(better - current) < 1e-10 and float(np.abs(size * step).max()) < 1e-6
        current = better
        if float(np.abs(basis @ beta.T).max(initial=0.0)) > SEPARATED_LOGIT:
            raise _separated(name)
        if done:
            break
    else:
        raise _separated(name)
    logs = float((happened * np.log(_softmax(basis @ beta.T))).sum())
    return np.asarray(beta, dtype=np.float64), np.asarray(np.linalg.inv(hessian), dtype=np.float64), logs


def _penalised(basis: Floats, happened: Floats, beta: Floats, ridge: float) -> float:
    logits = np.hstack([np.zeros((basis.shape[0], 1)), basis @ beta.T])
    peak = logits.max(axis=1, initial=0.0)
    logs = (happened * logits).sum(axis=1) - peak - np.log(np.exp(logits - peak[:, None]).sum(axis=1))
    return float(logs.sum() - 0.5 * ridge * np.square(beta).sum())


def _information(basis: Floats, chances: Floats) -> Floats:
    columns, width = chances.shape[1], basis.shape[1]
    spread = -chances[:, :, None] * chances[:, None, :]
    spread[:, np.arange(columns), np.arange(columns)] += chances
    whole = np.einsum("nij,na,nb->iajb", spread, basis, basis, optimize=True)
    return np.asarray(whole.reshape(columns * width, columns * width), dtype=np.float64)


def _separated(name: str) -> InvalidInputError:
    return InvalidInputError(
        f"after {name} the data fix no finite log-odds: too few transitions, or one outcome always",
        hint="give ridge=0.5, fewer harmonics or a lower order",
    )
