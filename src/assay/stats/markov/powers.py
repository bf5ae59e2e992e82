"""n-step probabilities in O(log n): exact matrix powers, and a spectral form where the chain allows one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.stats.markov.inputs import Floats, check_horizons, check_matrix, check_start

Complexes = npt.NDArray[np.complex128]
WELL_CONDITIONED = 1e8
"""Largest condition number of the eigenvectors at which the spectral form keeps eight digits."""
_UNIT_CIRCLE = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Spectrum:
    """Eigenvalues and eigenvectors of a transition matrix.

    Attributes:
        eigenvalues: Shape ``(k,)``, largest modulus first; the first is 1.
        vectors: Right eigenvectors, a column each; ``None`` where there is no full set to rely on.
        inverse: Inverse of ``vectors``.
        condition: Condition number of the eigenvectors; infinite where two of them coincide.
        defective: No reliable basis of eigenvectors: the chain is not diagonalisable, or too close to one that is not.
    """

    eigenvalues: Complexes
    vectors: Complexes | None
    inverse: Complexes | None
    condition: float
    defective: bool

    @property
    def relaxation_time(self) -> float:
        """1 / (1 - |second eigenvalue|), in steps; infinite for periodic and for reducible chains."""
        if self.eigenvalues.size < 2:
            return 1.0
        gap = 1.0 - float(np.abs(self.eigenvalues[1]))
        return 1.0 / gap if gap > 1e-12 else float("inf")


class ChainPowers:
    """Powers of one transition matrix, with squares and spectrum kept for the next question.

    ``power`` and ``distributions`` multiply non-negative matrices only and scale rows to 1, so they lose no digits
    to cancellation at any n and need no eigenvectors: they hold for defective, complex, periodic and reducible
    chains. ``probabilities`` answers many horizons of one pair of states from the spectrum where its eigenvectors are
    well conditioned and its other eigenvalues lie inside the unit circle (the rounding of one on it grows with n),
    else by ``distributions``.

    Memory: ``8·k²`` bytes for each binary digit of the largest n asked for.

    Args:
        matrix: Row-stochastic, shape ``(k, k)``.

    Raises:
        InvalidInputError: It is no transition matrix.

    Sources:
        Norris (1997), Markov Chains, sections 1.1 and 1.7; Golub & Van Loan (2013), Matrix Computations, section 7.1
        (conditioning of eigenvectors).

    Examples:
        >>> chain = ChainPowers([[0.75, 0.25], [0.5, 0.5]])
        >>> chain.power(2).tolist()
        [[0.6875, 0.3125], [0.625, 0.375]]
        >>> [round(float(p), 6) for p in chain.probabilities(0, 1, [1, 2, 10**15])]
        [0.25, 0.3125, 0.333333]
    """

    def __init__(self, matrix: npt.ArrayLike) -> None:
        self._squares = [check_matrix(matrix)]
        self._spectrum: Spectrum | None = None

    @property
    def matrix(self) -> Floats:
        """The one-step matrix."""
        return self._squares[0]

    def _square(self, digit: int) -> Floats:
        while len(self._squares) <= digit:
            last = self._squares[-1]
            self._squares.append(scaled(last @ last))
        return self._squares[digit]

    def power(self, n: int) -> Floats:
        """The n-step transition matrix, by binary powers: O(k³ log n).

        Raises:
            InvalidInputError: ``n`` is negative or not whole.
        """
        (steps,) = check_horizons([n])
        result = np.eye(self.matrix.shape[0])
        for digit in range(steps.bit_length()):
            if steps >> digit & 1:
                result = scaled(result @ self._square(digit))
        return result

    def distributions(self, start: npt.ArrayLike, horizons: Sequence[int]) -> Floats:
        """Distribution over states after each number of steps, all horizons in one pass.

        Args:
            start: Number of the starting state, or probabilities of shape ``(k,)``.
            horizons: Steps, in any order.

        Returns:
            Shape ``(len(horizons), k)``. Costs O(k² log gap) for each horizon once the squares are there.
        """
        k = self.matrix.shape[0]
        return _one_pass(check_start(start, k), check_horizons(horizons), self._advance)

    def _advance(self, row: Floats, steps: int) -> Floats:
        for digit in range(steps.bit_length()):
            if steps >> digit & 1:
                row = row @ self._square(digit)
        return row

    @property
    def spectrum(self) -> Spectrum:
        """The eigen-decomposition, made once."""
        if self._spectrum is None:
            self._spectrum = _decompose(self.matrix)
        return self._spectrum

    def probabilities(self, origin: int, target: int, horizons: Sequence[int]) -> Floats:
        """P(in ``target`` after n steps | now in ``origin``) for each n; O(k) a horizon where the spectrum allows.

        Raises:
            InvalidInputError: There is no such state, or a horizon is negative.
        """
        k = self.matrix.shape[0]
        check_start(target, k)
        steps = check_horizons(horizons)
        spectrum = self.spectrum
        slow = k > 1 and abs(spectrum.eigenvalues[1]) > 1.0 - _UNIT_CIRCLE
        if slow or spectrum.vectors is None or spectrum.inverse is None:
            return self.distributions(origin, steps)[:, target]
        check_start(origin, k)
        weights = spectrum.vectors[origin] * spectrum.inverse[:, target]
        powers = spectrum.eigenvalues[None, :] ** np.asarray(steps, dtype=np.float64)[:, None]
        return np.asarray(np.clip((powers @ weights).real, 0.0, 1.0), dtype=np.float64)


def scaled(matrix: Floats) -> Floats:
    """Rows summing to 1 again: rounding would otherwise grow in proportion to n."""
    return np.asarray(matrix / matrix.sum(axis=-1, keepdims=True), dtype=np.float64)


def _decompose(matrix: Floats) -> Spectrum:
    values, vectors = np.linalg.eig(matrix)
    order = np.argsort(-np.abs(values), kind="stable")
    values, vectors = values[order].astype(np.complex128), vectors[:, order].astype(np.complex128)
    one = int(np.argmin(np.abs(values - 1.0)))
    values[one] = 1.0  # known exactly; the computed one drifts in high powers
    values[[0, one]], vectors[:, [0, one]] = values[[one, 0]], vectors[:, [one, 0]]
    condition = float(np.linalg.cond(vectors))
    if not condition <= WELL_CONDITIONED:
        return Spectrum(eigenvalues=values, vectors=None, inverse=None, condition=condition, defective=True)
    inverse = np.linalg.inv(vectors)
    return Spectrum(eigenvalues=values, vectors=vectors, inverse=inverse, condition=condition, defective=False)


def _one_pass(start: Floats, steps: list[int], advance: Any) -> Floats:
    """Rows after each number of steps, walking from one horizon to the next larger."""
    result = np.empty((len(steps), start.size))
    row, done = start, 0
    for place in sorted(range(len(steps)), key=steps.__getitem__):
        if steps[place] > done:
            row = advance(row, steps[place] - done)
            row = row / row.sum()
            done = steps[place]
        result[place] = row
    return result


def propagate_distribution(matrix: Any, start: npt.ArrayLike, horizons: Sequence[int]) -> Floats:
    """Distributions at many horizons of a sparse (or dense) chain in one pass, without ever forming a power.

    Costs as many products with the matrix as the largest horizon; memory O(k) a horizon. For few states and large
    horizons ``ChainPowers`` is faster.

    Args:
        matrix: scipy sparse or dense, row-stochastic, shape ``(k, k)``.
        start: Number of the starting state, or probabilities of shape ``(k,)``.
        horizons: Steps, in any order.

    Returns:
        Shape ``(len(horizons), k)``.

    Raises:
        InvalidInputError: The matrix is not row-stochastic, or a horizon is negative.

    Examples:
        >>> from scipy.sparse import csr_array
        >>> ring = csr_array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
        >>> propagate_distribution(ring, 0, [1, 300]).tolist()
        [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]
    """
    turned = as_csr(matrix).T.tocsr()

    def advance(row: Floats, steps: int) -> Floats:
        for _ in range(steps):
            row = turned @ row
        return row

    return _one_pass(check_start(start, turned.shape[0]), check_horizons(horizons), advance)


def as_csr(matrix: Any) -> Any:
    """A checked transition matrix in scipy's CSR form, without stored zeros.

    Raises:
        InvalidInputError: It is not square or not row-stochastic.
    """
    from scipy.sparse import csr_array, issparse

    if not issparse(matrix):
        return csr_array(check_matrix(matrix))
    data = csr_array(matrix, dtype=np.float64)
    if data.shape[0] != data.shape[1] or data.shape[0] == 0:
        raise InvalidInputError(f"a transition matrix has shape {data.shape}", hint="it is square, a row a state")
    data.eliminate_zeros()
    bad = not np.isfinite(data.data).all() or (data.data < 0.0).any()
    if bad or np.abs(data.sum(axis=1) - 1.0).max() > 1e-9:
        raise InvalidInputError("a row of transition probabilities does not sum to 1", hint="divide rows by their sums")
    return data
