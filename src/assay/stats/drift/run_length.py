"""How long a detector runs until an alarm: exactly for CUSUM, by simulation for any detector."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.drift.cusum import Detector, Side, checked_side
from assay.stats.drift.result import Floats
from assay.stats.special import check_confidence, normal_cdf, t_quantile

_NODES = 80


def cusum_run_length(
    *, allowance_sds: float = 0.5, threshold_sds: float = 5.0, shift_sds: float = 0.0, side: Side = "both"
) -> float:
    """Average number of values until a CUSUM of independent normal values alarms, started at 0.

    Page's integral equation on Gauss-Legendre nodes, seven digits up to a threshold of 20, more below; both sides
    together by 1/L = 1/L⁺ + 1/L⁻.

    Args:
        allowance_sds: k.
        threshold_sds: h, above 0.
        shift_sds: Mean of the values, in standard deviations from the target; 0 gives the time to a false alarm.
        side: As for ``Cusum``.

    Raises:
        InvalidInputError: Not a chart.

    Sources:
        Page (1954), Biometrika 41; Lucas & Crosier (1982), Technometrics 24, 199-205 (both sides; table).

    Examples:
        >>> round(cusum_run_length(threshold_sds=4.0)), round(cusum_run_length(threshold_sds=5.0))
        (168, 465)
    """
    checked_side(side)
    _check_chart(allowance_sds, threshold_sds)
    shifts = {"up": [shift_sds], "down": [-shift_sds], "both": [shift_sds, -shift_sds]}[side]
    rates = []
    for shift in shifts:
        kernel = _transition(allowance_sds, threshold_sds, shift)
        rates.append(1.0 / float(np.linalg.solve(np.eye(_NODES + 1) - kernel, np.ones(_NODES + 1))[0]))
    return 1.0 / sum(rates)


def cusum_alarm_probability(
    horizon: int, *, allowance_sds: float = 0.5, threshold_sds: float = 5.0, shift_sds: float = 0.0
) -> float:
    """Probability that a one-sided CUSUM of independent normal values alarms within so many values.

    Args:
        horizon: Values, at least 1.
        allowance_sds: k.
        threshold_sds: h.
        shift_sds: As in ``cusum_run_length``.

    Raises:
        InvalidInputError: Not a chart, or no values.

    Sources:
        Brook & Evans (1972), Biometrika 59, 539-549.

    Examples:
        >>> round(cusum_alarm_probability(1, threshold_sds=2.0), 4)  # P(Z > 2.5)
        0.0062
    """
    _check_chart(allowance_sds, threshold_sds)
    if horizon < 1:
        raise InvalidInputError(f"the horizon is {horizon} values", hint="at least 1")
    kernel = _transition(allowance_sds, threshold_sds, shift_sds)
    alive = np.linalg.matrix_power(kernel, horizon - 1) @ kernel.sum(axis=1)
    return 1.0 - float(alive[0])


def cusum_threshold(*, run_length: float, allowance_sds: float = 0.5, side: Side = "both") -> float:
    """Threshold h at which a stream without drift gives a false alarm every ``run_length`` values on average.

    Raises:
        InvalidInputError: No threshold in (0, 40] gives it.

    Examples:
        >>> round(cusum_threshold(run_length=370.0), 2)
        4.77
    """
    from scipy.optimize import brentq

    def gap(threshold: float) -> float:
        found = cusum_run_length(allowance_sds=allowance_sds, threshold_sds=threshold, side=side)
        return math.log(found) - math.log(run_length)

    low, high = 1e-6, 40.0 if allowance_sds < 0.25 else 10.0 / allowance_sds
    if not (run_length > 1.0 and gap(low) < 0.0 < gap(high)):
        raise InvalidInputError(
            f"no threshold up to {high:.3g} gives a run length of {run_length}", hint="another allowance or run length"
        )
    return float(brentq(gap, low, high, xtol=1e-9))


def siegmund_run_length(
    *, allowance_sds: float = 0.5, threshold_sds: float = 5.0, shift_sds: float = 0.0, side: Side = "both"
) -> float:
    """Siegmund's approximation of ``cusum_run_length``: (e^(-2Δb) + 2Δb - 1) / (2Δ²), Δ = shift - k, b = h + 1.166.

    Within 3 % for h ≥ 3 and |Δ| ≤ 1.

    Raises:
        InvalidInputError: Not a chart.

    Sources:
        Siegmund (1985), Sequential Analysis, eq. 2.57; Montgomery (2009), eq. 9.6.

    Examples:
        >>> round(siegmund_run_length(side="up"), 1)
        938.2
    """
    checked_side(side)
    _check_chart(allowance_sds, threshold_sds)
    shifts = {"up": [shift_sds], "down": [-shift_sds], "both": [shift_sds, -shift_sds]}[side]
    rate, b = 0.0, threshold_sds + 1.166
    for shift in shifts:
        drift = shift - allowance_sds
        if abs(drift) < 1e-6:
            rate += 1.0 / b**2
        else:
            rate += 2.0 * drift**2 / (math.exp(-2.0 * drift * b) + 2.0 * drift * b - 1.0)
    return 1.0 / rate


def _check_chart(allowance_sds: float, threshold_sds: float) -> None:
    if not (0.0 <= allowance_sds < math.inf and 0.0 < threshold_sds < math.inf):
        raise InvalidInputError(
            f"allowance {allowance_sds} and threshold {threshold_sds} are no chart",
            hint="allowance at least 0, threshold above 0",
        )


def _transition(allowance: float, threshold: float, shift: float) -> Floats:
    """Moves of the sum between 0 (an atom, first) and Gauss-Legendre nodes of (0, h); what is missing has alarmed."""
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    points = np.append(0.0, 0.5 * threshold * (nodes + 1.0))
    to_zero = [normal_cdf(allowance - shift - float(point)) for point in points]
    step = points[None, 1:] - points[:, None] + allowance - shift
    density = np.exp(-0.5 * step * step) / math.sqrt(2.0 * math.pi)
    return np.column_stack([to_zero, density * (0.5 * threshold * weights)])


def measured_run_length(
    make: Callable[[], Detector],
    draw: Callable[[np.random.Generator, int], npt.NDArray[np.float64]],
    *,
    rng: np.random.Generator,
    trials: int = 200,
    limit: int = 10_000,
    confidence: float = 0.95,
) -> Estimate:
    """Average run length of any detector, by simulation.

    Draw values without drift for the time to a false alarm, with drift for the time to find it.

    Args:
        make: A new detector.
        draw: Values of one stream: ``draw(rng, size)``.
        rng: Source of randomness.
        trials: Streams, at least 2.
        limit: Longest stream.
        confidence: Of the interval.

    Returns:
        Mean of the run lengths with a t interval, in values. When streams reach the limit without an alarm, values seen
        per alarm (right when run lengths are geometric, as they are far from the start) with an exact gamma interval;
        without any alarm only a lower bound, and the reason.

    Raises:
        InvalidInputError: Fewer than two trials, or no room for values.

    Sources:
        Cox & Oakes (1984), Analysis of Survival Data, section 3.2 (censored exponential).

    Examples:
        >>> from assay.stats.drift.cusum import Cusum
        >>> found = measured_run_length(
        ...     lambda: Cusum(target=0.0, std=1.0, threshold_sds=4.0),
        ...     lambda rng, size: rng.normal(1.0, 1.0, size),
        ...     rng=np.random.default_rng(3),
        ... )
        >>> found.low < cusum_run_length(threshold_sds=4.0, shift_sds=1.0) < found.high
        True
    """
    check_confidence(confidence)
    if trials < 2 or limit < 1:
        raise InvalidInputError(f"{trials} streams of {limit} values measure nothing", hint="trials >= 2, limit >= 1")
    lengths, alarmed = np.empty(trials), 0
    for trial in range(trials):
        lengths[trial], stopped = _run(make(), draw, rng, limit)
        alarmed += stopped
    if alarmed == trials:
        mean, std_error = float(lengths.mean()), float(lengths.std(ddof=1)) / math.sqrt(trials)
        half = t_quantile(0.5 + confidence / 2.0, trials - 1) * std_error
        return Estimate(
            value=mean, low=mean - half, high=mean + half, n=trials, method="run-length-t", confidence=confidence,
            unit="values", std_error=std_error,
        )  # fmt: skip
    from scipy.special import gammaincinv

    seen, tail = float(lengths.sum()), 0.5 - confidence / 2.0
    return Estimate(
        value=seen / alarmed if alarmed else None,
        low=seen / float(gammaincinv(alarmed + 1, 1.0 - tail)),
        high=seen / float(gammaincinv(alarmed, tail)) if alarmed else None,
        n=trials,
        method="run-length-censored",
        confidence=confidence,
        unit="values",
        reason=None if alarmed else f"no alarm in {trials:,} streams of {limit:,} values",
    )


def threshold_for_horizon(
    make: Callable[[], Detector],
    draw: Callable[[np.random.Generator, int], npt.NDArray[np.float64]],
    *,
    horizon: int,
    false_alarm: float = 0.05,
    rng: np.random.Generator,
    trials: int = 999,
) -> float:
    """Threshold that a stream without drift crosses within ``horizon`` values with probability at most ``false_alarm``.

    The order statistic of simulated maxima that makes this hold on average over simulations, whatever the detector.

    Args:
        make: A new detector whose threshold is out of reach (``math.inf``).
        draw: Values of one stream without drift: ``draw(rng, size)``, e.g. resampled from the reference.
        horizon: Values, at least 1.
        false_alarm: In (0, 1).
        rng: Source of randomness.
        trials: Streams, at least 1/false_alarm - 1.

    Raises:
        InvalidInputError: Too few trials for the probability.

    Examples:
        >>> from assay.stats.drift.cusum import PageHinkley
        >>> limit = threshold_for_horizon(
        ...     lambda: PageHinkley(threshold=math.inf), lambda rng, size: rng.normal(size=size),
        ...     horizon=100, rng=np.random.default_rng(1), trials=99,
        ... )
        >>> 10.0 < limit < 40.0
        True
    """
    if not 0.0 < false_alarm < 1.0 or horizon < 1 or (trials + 1) * false_alarm < 1.0:
        raise InvalidInputError(
            f"{trials} streams of {horizon} values cannot give {false_alarm}", hint="trials >= 1/false_alarm - 1"
        )
    highest = np.empty(trials)
    for trial in range(trials):
        detector, top = make(), -math.inf
        for value in draw(rng, horizon).tolist():
            detector.update(value)
            top = max(top, detector.statistic)
        highest[trial] = top
    rank = math.ceil((1.0 - false_alarm) * (trials + 1) - 1e-9)
    return float(np.sort(highest)[rank - 1])


def _run(
    detector: Detector,
    draw: Callable[[np.random.Generator, int], npt.NDArray[np.float64]],
    rng: np.random.Generator,
    limit: int,
) -> tuple[int, bool]:
    """Values until the alarm (or the limit), and whether there was one; drawn in pieces that double."""
    seen, piece = 0, 64
    while seen < limit:
        for value in draw(rng, min(piece, limit - seen)).tolist():
            seen += 1
            if detector.update(value):
                return seen, True
        piece *= 2
    return seen, False
