"""Sample ratio mismatch watched from the first unit on: an e-process that may be looked at as often as one likes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.health.ratio import ALARM_BELOW, WARN_BELOW, Verdict, checked_split, verdict_of
from assay.stats.special import check_confidence


@dataclass(frozen=True, slots=True, kw_only=True)
class SequentialRatio:
    """The verdict on a split after every look so far.

    Attributes:
        verdict: By the smallest p-value so far: ``alarm``, ``warning`` or ``ok``.
        p_value: Anytime-valid: under the planned split it is below α at *any* look with probability at most α.
        e_values: Evidence against the planned split at each look; its largest, not its last, gives the p-value
            (written down up to e^700).
        first_alarm: Index of the first look with an alarm; ``None`` without one.
        arms: Names, in order.
        counts: At the last look.
        shares: Share of each arm at the last look; the intervals hold at all looks and for all arms together.
    """

    verdict: Verdict
    p_value: float
    e_values: tuple[float, ...]
    first_alarm: int | None
    arms: tuple[str, ...]
    counts: tuple[int, ...]
    shares: tuple[Estimate, ...]


def sequential_srm(
    looks: Sequence[Mapping[str, int]] | Sequence[Sequence[int]] | npt.NDArray[np.int64],
    *,
    expected: Mapping[str, float] | Sequence[float] | None = None,
    concentration: float = 1_000.0,
    previous_p: float = 1.0,
    warn_below: float = WARN_BELOW,
    alarm_below: float = ALARM_BELOW,
    confidence: float = 0.95,
) -> SequentialRatio:
    """Anytime-valid sample ratio test: Dirichlet mixture of multinomial likelihood ratios against the planned split.

    The evidence depends on the counts alone, so it may be looked at after every unit, every hour or whenever the job
    runs. To go on tomorrow, pass today's ``p_value`` as ``previous_p`` and the counts since the start.

    Args:
        looks: Units of each arm *since the start* at each look, oldest first: mappings, or shape ``(looks, arms)``.
        expected: Planned split in any scale; equal without it.
        concentration: Total weight of the Dirichlet prior around the planned split: 1,000 finds deviations of about
            two points soonest, 10,000 of half a point; any value above 0 is valid.
        previous_p: Smallest p-value of looks that are not passed again.
        warn_below: p below it is a warning.
        alarm_below: p below it is an alarm.
        confidence: Of the shares' intervals, at all looks and for all arms together.

    Raises:
        InvalidInputError: Counts fall from one look to the next, or as ``srm_test``.

    Sources:
        Lindon & Malek (2022), NeurIPS 35, Anytime-valid inference for multinomial count data (arXiv:2011.03567),
        eq. 5; Ville (1939) for the bound.

    Examples:
        >>> sequential_srm([[52, 48], [530, 470], [5_300, 4_700]]).verdict
        'alarm'
        >>> sequential_srm([[52, 48], [505, 495], [5_030, 4_970]]).verdict
        'ok'
    """
    if not len(looks):
        raise InvalidInputError("there is no look", hint="give the counts of at least one look")
    if not (concentration > 0.0 and math.isfinite(concentration)):
        raise InvalidInputError(f"concentration is {concentration}", hint="a number above 0, e.g. 1000")
    if not 0.0 <= previous_p <= 1.0 or not 0.0 < alarm_below <= warn_below < 1.0:
        raise InvalidInputError(
            f"previous p {previous_p}, alarm below {alarm_below}, warning below {warn_below}",
            hint="0 <= previous_p <= 1 and 0 < alarm <= warn < 1",
        )
    rows = [checked_split(look, expected) for look in looks]
    arms, _, shares = rows[0]
    if any(row[0] != arms for row in rows):
        raise InvalidInputError("looks name different arms", hint="the same arms in one order at every look")
    seen = np.stack([row[1] for row in rows])
    if (np.diff(seen, axis=0) < 0).any():
        raise InvalidInputError("counts fall from one look to the next", hint="give counts since the start")
    log_e = _log_evidence(seen, shares, concentration)
    running = np.minimum.accumulate(np.minimum(previous_p, np.exp(-np.maximum(log_e, 0.0))))
    alarms = np.flatnonzero(running < alarm_below)
    p_value = float(running[-1])
    level = 1.0 - (1.0 - check_confidence(confidence)) / len(arms)
    return SequentialRatio(
        verdict=verdict_of(p_value, warn_below, alarm_below),
        p_value=p_value,
        e_values=tuple(np.exp(np.minimum(log_e, 700.0)).tolist()),
        first_alarm=int(alarms[0]) if alarms.size else None,
        arms=arms,
        counts=tuple(int(count) for count in seen[-1]),
        shares=tuple(
            _share(int(count), int(seen[-1].sum()), float(share), concentration, level)
            for count, share in zip(seen[-1], shares, strict=True)
        ),
    )


def _log_evidence(
    seen: npt.NDArray[np.int64], shares: npt.NDArray[np.float64], concentration: float
) -> npt.NDArray[np.float64]:
    """Logarithm of the mixture's likelihood over that of the planned split, at each look."""
    from scipy.special import gammaln

    prior, n = concentration * shares, seen.sum(axis=1)
    mixture = gammaln(concentration) - gammaln(concentration + n) + (gammaln(prior + seen) - gammaln(prior)).sum(axis=1)
    found: npt.NDArray[np.float64] = mixture - seen @ np.log(shares)
    return found


def _share(count: int, n: int, share: float, concentration: float, level: float) -> Estimate:
    """Shares of one arm against the rest that the same mixture does not refute; Beta in the place of Dirichlet."""
    if n == 0:
        return Estimate(
            value=None, low=None, high=None, n=0, method="beta-mixture-sequence", confidence=level, unit="share",
            reason="no unit was assigned yet",
        )  # fmt: skip
    prior, rest = concentration * share, concentration * (1.0 - share)
    mixture = (
        math.lgamma(concentration) - math.lgamma(concentration + n)
        + math.lgamma(prior + count) - math.lgamma(prior) + math.lgamma(rest + n - count) - math.lgamma(rest)
    )  # fmt: skip
    bound = math.log(1.0 / (1.0 - level))

    def refuted(theta: float) -> bool:
        if theta in (0.0, 1.0):
            return True
        likely = count * math.log(theta) if count else 0.0
        likely += (n - count) * math.log1p(-theta) if count < n else 0.0
        return mixture - likely >= bound

    observed = count / n
    return Estimate(
        value=observed,
        low=0.0 if count == 0 else _edge(refuted, 0.0, observed),
        high=1.0 if count == n else _edge(refuted, 1.0, observed),
        n=n,
        method="beta-mixture-sequence",
        confidence=level,
        unit="share",
    )


def _edge(refuted: Callable[[float], bool], outside: float, inside: float) -> float:
    """Border between refuted and not refuted shares: the likelihood has one peak, at the observed share."""
    for _ in range(60):
        middle = 0.5 * (outside + inside)
        if refuted(middle):
            outside = middle
        else:
            inside = middle
    return outside
