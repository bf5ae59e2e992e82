"""Group-sequential boundaries: a fixed number of planned looks, the error rate kept exactly."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from assay.core.errors import InvalidInputError
from assay.stats.sequential.recursion import Walk, exit_probabilities
from assay.stats.special import normal_cdf, normal_quantile

Shape = Literal["obrien-fleming", "pocock", "spending-obrien-fleming", "spending-pocock", "spending-power"]
MOST_LOOKS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupSequentialPlan:
    """When to look, and how far out the statistic has to be to stop.

    Attributes:
        information: Share of the final information (of the units, mostly) at each look; the last is 1.
        upper: Stop for efficacy when Z is above; infinite where a look cannot stop.
        lower: Two-sided: the mirror of ``upper``. One-sided: the futility boundary, -infinity without one.
        alpha: Overall error rate, both tails together when two-sided.
        alpha_spent: Probability under no difference of having stopped for efficacy by each look.
        two_sided: Whether both directions stop.
        shape: Of the boundaries.
        drift: Mean of Z at the last look with which the plan has its power; ``None`` without futility.
        power: With that drift; ``None`` without futility.
    """

    information: tuple[float, ...]
    upper: tuple[float, ...]
    lower: tuple[float, ...]
    alpha: float
    alpha_spent: tuple[float, ...]
    two_sided: bool
    shape: Shape
    drift: float | None = None
    power: float | None = None

    def crossed(self, look: int, z: float) -> Literal["efficacy", "futility"] | None:
        """What Z at a look (1 is the first) means; ``None``: go on (at the last look: not shown)."""
        if not 1 <= look <= len(self.upper):
            raise InvalidInputError(f"there is no look {look}", hint=f"looks are 1 to {len(self.upper)}")
        if z > self.upper[look - 1] or (self.two_sided and z < self.lower[look - 1]):
            return "efficacy"
        return "futility" if z < self.lower[look - 1] else None


def group_sequential_boundaries(
    looks: int | Sequence[float],
    *,
    alpha: float = 0.05,
    two_sided: bool = True,
    shape: Shape = "spending-obrien-fleming",
    spending_power: float = 3.0,
    futility_power: float | None = None,
) -> GroupSequentialPlan:
    """Boundaries on the Z scale for looks at given shares of the information.

    Testing at 1.96 five times is wrong 14 times of 100 instead of 5. Exact for normal estimates with independent
    increments, which running means and their differences are in large samples.

    Args:
        looks: How many, evenly spaced; or the shares of the information, rising, the last 1.
        alpha: Overall error rate, in (0, 0.5); both tails together when two-sided.
        two_sided: Whether both directions stop.
        shape: ``obrien-fleming``: strict early, constant / √information; ``pocock``: the same at every look;
            ``spending-…``: the error rate is spent by a function of the information (Lan-DeMets), so looks may come at
            other times than planned: ``spending-obrien-fleming``, ``spending-pocock``, or ``spending-power``, which
            spends alpha · information^``spending_power``.
        spending_power: Above 0, for ``spending-power``.
        futility_power: One-sided plans with a spending shape only: stop for futility too, so that the power against
            ``drift`` is this; the type II error is spent by the function that spends alpha. The boundary is not
            binding: ignoring it does not raise the error rate.

    Raises:
        InvalidInputError: Looks are not rising to 1, or a number is out of range.

    Sources:
        Pocock (1977), Biometrika 64, 191-199; O'Brien & Fleming (1979), Biometrics 35, 549-556; Lan & DeMets (1983),
        Biometrika 70, 659-663; Kim & DeMets (1987), Biometrika 74, 149-154; Jennison & Turnbull (2000), chapters 2, 7.

    Examples:
        >>> round(group_sequential_boundaries(5, shape="pocock").upper[0], 3)
        2.413
        >>> [round(z, 2) for z in group_sequential_boundaries(5, shape="obrien-fleming").upper]
        [4.56, 3.23, 2.63, 2.28, 2.04]
    """
    information = _information(looks)
    if shape not in Shape.__args__ or not 0.0 < alpha < 0.5 or not spending_power > 0.0:  # type: ignore[attr-defined]
        raise InvalidInputError(
            f"shape {shape!r}, alpha {alpha}, spending power {spending_power}",
            hint=f"one of {', '.join(Shape.__args__)}; alpha in (0, 0.5); a power above 0",  # type: ignore[attr-defined]
        )
    per_tail = alpha / 2.0 if two_sided else alpha
    if shape in ("obrien-fleming", "pocock"):
        upper = _constant_shape(information, alpha, two_sided, 0.5 if shape == "obrien-fleming" else 0.0)
    else:
        upper = _spent(information, _spending(shape, per_tail, spending_power), two_sided)
    lower = tuple(-z for z in upper) if two_sided else (-math.inf,) * len(upper)
    drift = None
    if futility_power is not None:
        if two_sided or shape in ("obrien-fleming", "pocock") or not alpha < futility_power < 1.0:
            raise InvalidInputError(
                f"no futility boundary for {shape!r} at power {futility_power}",
                hint="two_sided=False, a spending shape, and a power above alpha and below 1",
            )
        drift, lower = _futility(information, upper, _spending(shape, 1.0 - futility_power, spending_power))
    down, up = exit_probabilities(information, lower if two_sided else (-math.inf,) * len(upper), upper, 0.0)
    spent = (down + up if two_sided else up).cumsum()
    return GroupSequentialPlan(
        information=information,
        upper=upper,
        lower=lower,
        alpha=alpha,
        alpha_spent=tuple(spent.tolist()),
        two_sided=two_sided,
        shape=shape,
        drift=drift,
        power=futility_power,
    )


def _information(looks: int | Sequence[float]) -> tuple[float, ...]:
    shares = tuple((k + 1) / looks for k in range(looks)) if isinstance(looks, int) else tuple(map(float, looks))
    rising = all(a < b for a, b in zip((0.0, *shares), shares, strict=False))
    if not 1 <= len(shares) <= MOST_LOOKS or not rising or shares[-1] != 1.0:
        raise InvalidInputError(
            f"looks at {looks} are no plan", hint=f"1 to {MOST_LOOKS} looks: rising shares of the information up to 1"
        )
    return shares


def _spending(shape: Shape, error: float, exponent: float) -> Callable[[float], float]:
    """Error spent by a share of the information."""
    if shape == "spending-pocock":
        return lambda share: error * math.log(1.0 + (math.e - 1.0) * share)
    if shape == "spending-power":
        return lambda share: error * share**exponent
    quantile = normal_quantile(1.0 - error / 2.0)
    return lambda share: 2.0 * normal_cdf(-quantile / math.sqrt(share))


def _constant_shape(information: tuple[float, ...], alpha: float, two_sided: bool, power: float) -> tuple[float, ...]:
    """c / information^power with the c whose overall error is alpha (Wang & Tsiatis)."""

    def bounds(c: float) -> tuple[float, ...]:
        return tuple(c / share**power for share in information)

    def error(c: float) -> float:
        upper = bounds(c)
        lower = tuple(-z for z in upper) if two_sided else (-math.inf,) * len(upper)
        down, up = exit_probabilities(information, lower, upper, 0.0)
        return float(down.sum() + up.sum())

    return bounds(_root(lambda c: error(c) - alpha, 0.0, 12.0))


def _spent(information: tuple[float, ...], spending: Callable[[float], float], two_sided: bool) -> tuple[float, ...]:
    """Look by look, the boundary beyond which one tail's next portion of the error lies."""
    walk, spent, upper = Walk.start(0.0), 0.0, []
    for share in information:
        portion = spending(share) - spent
        if portion < 1e-15:  # below the rounding of the integration: this look cannot stop
            z = math.inf
        else:
            z = _root(lambda c, at=share, w=walk, p=portion: w.above(c, at) - p, -9.0, 40.0)  # type: ignore[misc]
            spent += portion
        upper.append(z)
        walk = walk.inside(-z if two_sided else -math.inf, z, share)
    return tuple(upper)


def _futility(
    information: tuple[float, ...], upper: tuple[float, ...], spending: Callable[[float], float]
) -> tuple[float, tuple[float, ...]]:
    """The drift, and lower boundaries that spend the type II error under it and meet the upper one at the last look."""

    def lower(drift: float) -> tuple[tuple[float, ...], float]:
        walk, spent, bounds = Walk.start(drift), 0.0, []
        for share, high in zip(information[:-1], upper[:-1], strict=True):
            portion, all_below = spending(share) - spent, walk.below(high, share)
            if portion < 1e-15:
                z = -math.inf
            elif all_below <= portion:  # so large a drift that less than the portion is left
                z = high
            else:
                z = _root(lambda c, w=walk, at=share, p=portion: p - w.below(c, at), -40.0, high)  # type: ignore[misc]
            spent += min(portion, all_below) if z > -math.inf else 0.0
            bounds.append(z)
            walk = walk.inside(z, high, share)
        missed = spent + walk.below(upper[-1], 1.0)
        return (*bounds, upper[-1]), missed

    total = spending(1.0)
    drift = _root(lambda theta: lower(theta)[1] - total, 0.0, 30.0)
    return drift, lower(drift)[0]


def _root(falling: Callable[[float], float], low: float, high: float) -> float:
    """Where a falling function crosses 0."""
    from scipy.optimize import brentq

    return float(brentq(falling, low, high, xtol=1e-10, rtol=1e-12))
