"""Net promoter score: share of promoters minus share of detractors, and what those who did not answer may hide."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.calibration.inputs import finite_vector
from assay.stats.paired import tango
from assay.stats.special import check_confidence, normal_cdf, normal_quantile

_UNIT = "points"


@dataclass(frozen=True, slots=True, kw_only=True)
class PromoterScore:
    """A net promoter score in points, from -100 to 100.

    Attributes:
        score: Of people like those who answered; says nothing of those who did not.
        invited: Of everybody invited: from all silent people being detractors to all being promoters, no sampling
            doubt. ``None`` when the number of invited people was not given.
        population: Of new people like the invited, whatever the silent would have said: ``invited`` widened by the
            sampling error at its ends, so that it holds the truth with the stated confidence. ``None`` likewise.
        response_share: Answers by invitations, in (0, 1].
    """

    score: Estimate
    invited: Estimate | None = None
    population: Estimate | None = None
    response_share: float | None = None


def net_promoter_score(
    promoters: int, passives: int, detractors: int, *, invited: int | None = None, confidence: float = 0.95
) -> PromoterScore:
    """Net promoter score with the interval of a difference of two shares of one multinomial sample.

    The two shares are not independent: the variance is (p + d - (p - d)²)/n. The bounds invert the score test, so
    they stay inside [-100, 100] and are honest with few answers. Non-response is bounded, not modelled.

    Args:
        promoters: People who gave 9 or 10.
        passives: 7 or 8.
        detractors: 0 to 6.
        invited: People asked, at least as many as answered.
        confidence: Two-sided.

    Raises:
        InvalidInputError: A count is negative or not whole, nobody answered, or fewer were invited than answered.

    Sources:
        Reichheld (2003), Harvard Business Review 81(12), 46-54; Tango (1998), Statistics in Medicine 17, 891-908 (the
        same multinomial difference); Manski (1990), American Economic Review 80(2), 319-323 (bounds); Imbens & Manski
        (2004), Econometrica 72, 1845-1857, equation 7 (their sampling error).

    Examples:
        >>> nps = net_promoter_score(50, 30, 20, invited=200)
        >>> nps.score.value, nps.invited.low, nps.invited.high
        (30.0, -35.0, 65.0)
    """
    check_confidence(confidence)
    counts = (promoters, passives, detractors)
    n = sum(counts)
    if any(count < 0 or int(count) != count for count in counts) or n < 1:
        raise InvalidInputError(
            f"{promoters}, {passives} and {detractors} are not counts of answers", hint="whole numbers, at least one"
        )
    score = _in_points(
        tango(n, promoters, detractors, confidence=confidence), "nps-score", "people like those who answered"
    )
    net = (promoters - detractors) / n
    score = replace(score, std_error=100.0 * math.sqrt(max((promoters + detractors) / n - net * net, 0.0) / n))
    if invited is None:
        return PromoterScore(score=score)
    if invited < n or int(invited) != invited:
        raise InvalidInputError(f"{n} answers of {invited} invitations", hint="invited counts everybody asked")
    silent = invited - n
    ends = [(promoters, detractors + silent), (promoters + silent, detractors)]
    doubt = max(math.sqrt(max(up + down - (up - down) ** 2 / invited, 0.0)) / invited for up, down in ends)
    z = _end_quantile(2.0 * silent / invited, doubt, confidence)
    worst, best = (tango(invited, *end, confidence=2.0 * normal_cdf(z) - 1.0) for end in ends)
    here = Estimate(
        value=score.value,
        low=100.0 * (promoters - detractors - silent) / invited,
        high=100.0 * (promoters - detractors + silent) / invited,
        n=invited,
        method="non-response-bounds",
        confidence=confidence,
        unit=_UNIT,
        estimand="these items",
        unscored=silent,
    )
    bounds = replace(worst, high=best.high, confidence=confidence)
    population = _in_points(bounds, "non-response-bounds-imbens-manski", "people like those invited")
    population = replace(population, value=score.value, std_error=None, unscored=silent)
    return PromoterScore(score=score, invited=here, population=population, response_share=n / invited)


def _end_quantile(gap: float, std_error: float, confidence: float) -> float:
    """Standard errors to go beyond each end of an identified range: Φ(c + gap/error) - Φ(-c) is the confidence.

    Between the quantile of both sides, where nobody is silent, and that of one side, where the ends are far apart: the
    truth cannot be near both.
    """
    low, high = max(normal_quantile(confidence), 1e-6), normal_quantile(0.5 + confidence / 2.0)
    ratio = gap / std_error if gap > 0.0 else 0.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        reached = normal_cdf(middle + ratio) - normal_cdf(-middle) >= confidence
        low, high = (low, middle) if reached else (middle, high)
    return high


def promoter_counts(answers: npt.ArrayLike) -> tuple[int, int, int]:
    """Promoters (9, 10), passives (7, 8) and detractors (0 to 6) among answers on the scale from 0 to 10.

    Raises:
        InvalidInputError: An answer is not a whole number from 0 to 10.

    Sources:
        Reichheld (2003), Harvard Business Review 81(12), 46-54.

    Examples:
        >>> promoter_counts([10, 9, 8, 3])
        (2, 1, 1)
    """
    data = finite_vector(answers, "answers")
    if ((data < 0.0) | (data > 10.0) | (data % 1.0 != 0.0)).any():
        raise InvalidInputError("an answer is not a whole number from 0 to 10", hint="the scale has eleven points")
    promoters, detractors = int((data >= 9.0).sum()), int((data <= 6.0).sum())
    return promoters, data.size - promoters - detractors, detractors


def _in_points(share: Estimate, method: str, estimand: str) -> Estimate:
    value, low, high = (None if x is None else 100.0 * x for x in (share.value, share.low, share.high))
    return replace(share, value=value, low=low, high=high, method=method, estimand=estimand, unit=_UNIT)
