"""What an adjusted difference needs to know about one arm: count, means and co-deviations, mergeable with ``+``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError

Floats = npt.NDArray[np.float64]
_CHUNK = 1 << 18


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class JointMoments:
    """Outcome and p covariates of one arm, summed up; ``JointMoments`` of two parts add up to that of the whole.

    Attributes:
        count: Units, at least 1.
        means: Of the outcome, then of each covariate, shape ``(1 + p,)``.
        products: Sums of products of deviations from the means, shape ``(1 + p, 1 + p)``.
        names: Of the covariates, shape ``(p,)``.

    Raises:
        InvalidInputError: Shapes do not fit, a number is not finite, or a sum of squares is negative.
    """

    count: int
    means: Floats
    products: Floats
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        width = len(self.names) + 1
        if self.count < 1 or self.means.shape != (width,) or self.products.shape != (width, width):
            raise InvalidInputError(
                f"{self.count} units, means of shape {self.means.shape} and products of shape {self.products.shape} "
                f"do not describe an outcome and {width - 1} covariates",
                hint="count >= 1, means (1 + p,), products (1 + p, 1 + p): the outcome first, then each covariate",
            )
        if not (np.isfinite(self.means).all() and np.isfinite(self.products).all()):
            raise InvalidInputError("a mean or product is not finite", hint="leave units with missing values out")
        if (np.diag(self.products) < 0.0).any() or not np.allclose(self.products, self.products.T, rtol=1e-9):
            raise InvalidInputError(
                "the products are not those of deviations from a mean: a square is negative or they are not symmetric",
                hint="compute them in double precision, or give from_sums a shift near the means",
            )

    @classmethod
    def of(cls, outcome: npt.ArrayLike, covariates: Mapping[str, npt.ArrayLike]) -> JointMoments:
        """Of values in memory, shape ``(n,)`` each; works through them in chunks of 262,144 rows.

        Raises:
            InvalidInputError: Lengths differ, a value is not finite, or there is none.

        Examples:
            >>> m = JointMoments.of([1.0, 2.0, 6.0], {"before": [0.0, 1.0, 2.0]})
            >>> m.count, m.means.tolist(), m.products.tolist()
            (3, [3.0, 1.0], [[14.0, 5.0], [5.0, 2.0]])
        """
        names = tuple(covariates)
        columns = [column(outcome, "outcome"), *(column(covariates[name], name) for name in names)]
        same_length(columns, ("outcome", *names))
        n = columns[0].size
        if n == 0:
            raise InvalidInputError("there is no unit", hint="give at least one unit an arm")
        means = np.array([values.mean() for values in columns])
        products = np.zeros((len(columns), len(columns)))
        for start in range(0, n, _CHUNK):
            part = np.stack([values[start : start + _CHUNK] for values in columns]) - means[:, None]
            products += part @ part.T
        return cls(count=n, means=means, products=products, names=names)

    @classmethod
    def from_sums(
        cls,
        count: int,
        sums: npt.ArrayLike,
        cross_sums: npt.ArrayLike,
        *,
        names: Sequence[str],
        shift: npt.ArrayLike | None = None,
    ) -> JointMoments:
        """Of plain sums, as one pass of SQL gives them: ``count(*), sum(v - s), sum((v - s) * (w - t))``.

        Args:
            count: Units.
            sums: Of outcome and covariates, each minus its shift, shape ``(1 + p,)``.
            cross_sums: Of products of two of them, shape ``(1 + p, 1 + p)``.
            names: Of the covariates.
            shift: What was subtracted from every value before it was summed; 0 without it. A shift near the mean
                keeps digits that would cancel.

        Raises:
            InvalidInputError: So many digits cancel (a mean a million standard deviations from its shift) that the
                variance would be noise.

        Examples:
            >>> JointMoments.from_sums(3, [9, 3], [[41, 14], [14, 5]], names=["before"]).products.tolist()
            [[14.0, 5.0], [5.0, 2.0]]
        """
        total, cross = np.asarray(sums, dtype=np.float64), np.asarray(cross_sums, dtype=np.float64)
        if count < 1 or cross.shape != (total.size, total.size):
            raise InvalidInputError(
                f"{count} units with sums {total.shape} and {cross.shape}", hint="(1 + p,) each way"
            )
        products = cross - np.outer(total, total) / count
        squares = np.diag(cross)
        lost = [i for i in range(total.size) if 0.0 < np.abs(products[i, i]) < 1e-12 * squares[i]]
        if lost:
            raise InvalidInputError(
                f"the variance of {('outcome', *names)[lost[0]]} cancels to noise in plain sums",
                hint="subtract a constant near the mean in the query and pass it as shift",
            )
        offset = np.zeros(total.size) if shift is None else np.asarray(shift, dtype=np.float64)
        return cls(count=int(count), means=total / count + offset, products=products, names=tuple(names))

    @classmethod
    def from_covariance(
        cls, count: int, means: npt.ArrayLike, covariance: npt.ArrayLike, *, names: Sequence[str]
    ) -> JointMoments:
        """Of means and the sample covariance matrix (divisor ``count - 1``), as ``covar_samp`` gives them.

        Examples:
            >>> JointMoments.from_covariance(3, [3, 1], [[7, 2.5], [2.5, 1]], names=["before"]).products.tolist()
            [[14.0, 5.0], [5.0, 2.0]]
        """
        matrix = np.asarray(covariance, dtype=np.float64) * (count - 1)
        return cls(count=int(count), means=np.asarray(means, dtype=np.float64), products=matrix, names=tuple(names))

    def __add__(self, other: JointMoments) -> JointMoments:
        if self.names != other.names:
            raise InvalidInputError(
                f"moments of {', '.join(self.names)} and of {', '.join(other.names)} do not add up",
                hint="give both parts the same covariates in the same order",
            )
        count, gap = self.count + other.count, other.means - self.means
        return JointMoments(
            count=count,
            means=self.means + gap * (other.count / count),
            products=self.products + other.products + np.outer(gap, gap) * (self.count * other.count / count),
            names=self.names,
        )


def column(values: npt.ArrayLike, name: str) -> Floats:
    """Finite numbers of shape ``(n,)``.

    Raises:
        InvalidInputError: They are not.
    """
    try:
        found = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidInputError(f"{name} does not hold numbers", hint="encode categories as 0/1 columns") from error
    if found.ndim != 1:
        raise InvalidInputError(f"{name} has shape {found.shape}", hint="one value a unit, shape (n,)")
    bad = np.flatnonzero(~np.isfinite(found))
    if bad.size:
        raise InvalidInputError(
            f"{name} has {bad.size} values that are not finite, the first at {bad[0]}",
            hint="leave these units out, or fill the gap and add a 0/1 column that says so",
        )
    return found


def same_length(columns: Sequence[npt.NDArray[np.generic]], names: Sequence[str]) -> None:
    """Check that all columns have one length.

    Raises:
        InvalidInputError: They do not.
    """
    for values, name in zip(columns, names, strict=True):
        if values.shape != columns[0].shape:
            raise InvalidInputError(
                f"{name} has {values.size} values, {names[0]} has {columns[0].size}", hint="one value a unit in each"
            )


def treated_mask(treated: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """A 0/1 or boolean vector as a mask.

    Raises:
        InvalidInputError: Something else than 0 and 1 is in it, or one arm has fewer than two units.
    """
    mask = np.asarray(treated)
    if mask.ndim != 1 or not np.isin(mask, (0, 1)).all():
        raise InvalidInputError("treated is not a vector of 0 and 1", hint="pass arms == 'treatment'")
    mask = mask.astype(bool)
    if mask.sum() < 2 or (~mask).sum() < 2:
        raise InvalidInputError(
            f"{int(mask.sum())} treated and {int((~mask).sum())} control units cannot be compared",
            hint="give at least two units an arm",
        )
    return mask
