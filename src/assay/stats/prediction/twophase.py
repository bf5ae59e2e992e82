"""Tiered verdicts, one trustworthy mean: the function for a live run and its batched twin for simulations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.prediction.chain import Solved, solve
from assay.stats.prediction.draws import balanced, build_chain, check_missing, inverse_probabilities
from assay.stats.prediction.effective import effective_labels
from assay.stats.prediction.inputs import Bools, Floats, as_floats, check_choice, group_index
from assay.stats.prediction.limits import NOT_DRAWN, REASONS, Limits, limits
from assay.stats.prediction.stages import Chain
from assay.stats.scalar import NEW_INPUTS, THESE_ITEMS
from assay.stats.special import check_confidence

CHUNK_CELLS = 1_000_000
"""Replicates x tiers x items worked on at a time: about 100 MB at the peak."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoPhaseResult:
    """A tiered estimate with what a report says beside it.

    Attributes:
        estimate: Mean top-tier verdict.
        effective_n: Top-tier verdicts, drawn at random, that alone would give this variance; ``None`` when unknown.
        df: Degrees of freedom of the interval.
        n_asked: Items each tier gave a verdict on, lowest first.
        map_fits: Whether prior variances are in the interval: not where the labels vary far more than those did;
            ``None`` without any.
    """

    estimate: Estimate
    effective_n: float | None
    df: float | None
    n_asked: tuple[int, ...]
    map_fits: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoPhaseReplays:
    """The same estimate of many draws, one entry a replicate.

    Attributes:
        value: Estimated means.
        low: Lower bounds; NaN where there is no interval.
        high: Upper bounds; likewise.
        std_error: Standard errors.
        df: Degrees of freedom.
        refused: Why there is no interval, as an index into ``assay.stats.prediction.limits.REASONS``; 0 where there is.
        label_mean: Weighted mean of the top-tier labels alone.
        label_variance: Estimated variance of the top verdict over the items.
    """

    value: Floats
    low: Floats
    high: Floats
    std_error: Floats
    df: Floats
    refused: npt.NDArray[np.int8]
    label_mean: Floats
    label_variance: Floats

    def coverage(self, truth: float) -> float:
        """Share of the replicates with an interval whose interval holds ``truth``."""
        known = self.refused == 0
        inside = (self.low <= truth) & (truth <= self.high)
        return float(inside[known].mean()) if known.any() else float("nan")


def two_phase_mean(
    labels: npt.ArrayLike,
    proxies: Sequence[npt.ArrayLike],
    *,
    probabilities: Sequence[npt.ArrayLike] | None = None,
    weights: str = "fit",
    estimand: str = THESE_ITEMS,
    clusters: npt.ArrayLike | None = None,
    prior_variances: Sequence[float] | None = None,
    prior_weight: float = 20.0,
    share: bool = False,
    ridge: float | None = None,
    hajek: bool = True,
    certain: npt.ArrayLike | None = None,
    confidence: float = 0.95,
    unit: str = "score",
) -> TwoPhaseResult:
    """Mean verdict of the most trusted tier over all items, of which it saw only some.

    Tier 0 has a verdict on every item; each further tier was asked on part of the items the tier below was asked on,
    with a known probability. Unbiased for any quality of the lower tiers; good ones make it narrow.

    *Weights fitted on the labels* (``weights="fit"``): ridge or least squares of the label on all features of the
    tiers up to t. Every labelled item is predicted by a fit that has not seen it (Assay's folds of one item), which
    removes the bias of weights tuned on the labels they correct; the residuals are HC3, the weights' noise counts where
    the draws' features differ, and the quantile is t.
    *Weights from outside* (``weights="fixed"``): each proxy is already a prediction of the label (a calibration map
    fitted on other data), and the difference estimator takes it as it is.

    Args:
        labels: Top-tier verdicts, shape ``(N,)``, NaN where it was not asked.
        proxies: One entry for each lower tier, lowest first: ``(N,)`` or ``(N, p)`` features (``fit``), or ``(N,)``
            predictions of the label that use this tier and those below (``fixed``). NaN where a tier was not asked;
            the first has none. A verdict that was paid for but could not be parsed needs a value and a column that
            says so, else it counts as not asked.
        probabilities: For each tier above the lowest, the *overall* probability that an item reached it (the product
            along the chain), shape ``(N,)`` or one number; looked at only where the tier was asked. Without it every
            draw was simple and random.
        weights: ``fit`` or ``fixed``.
        estimand: ``these items`` (finite population: its correction is in the formula) or ``new inputs like these``.
        clusters: Document of each item, shape ``(N,)``, for ``new inputs like these``: items of one document are not
            independent. For ``these items`` the draw alone is random and clusters do not matter.
        prior_variances: With ``fixed``: residual variance of each tier's map on the data it was fitted on. It is
            blended with this run's, which repairs skewed scales at few labels; valid while map and run are alike. With
            ``clusters`` it stands in for the part that independent items would have; what documents add to that is
            estimated from this run alone.
        prior_weight: Labels the prior variances are worth; never more than twice as many as there are here.
        share: Labels lie in [0, 1], and so does the estimate; with fewer than 8 expected wins (or losses) among those
            drawn by lot the interval is Wilson's, on their plain number (Kish's effective one where weights differ),
            from the lower to the higher of the estimate and the labels' own share, and at up to three wins with the
            Poisson limit of Brown, Cai & DasGupta.
        ridge: Penalty of fitted weights, in labels, on features of unit variance; 0 is least squares. Without it one
            label for each feature, which is the best for equally useful features that explain half of the variance
            (Hoerl, Kennard & Baldwin 1975). It never biases the estimate: too much only forgoes some narrowing, too
            little is noisy at 20 labels.
        hajek: Weights of the items drawn by lot are scaled to those of the items they were drawn from (shifting all
            labels shifts the estimate). Without it the estimate is exactly unbiased under Poisson draws and depends on
            where the scale's zero is.
        certain: Items asked for certain at the top tier, shape ``(N,)``; needed where some of them gave no verdict,
            for their probability, times that of an answer, then looks like that of a draw.
        confidence: Two-sided coverage.
        unit: Of the labels.

    Returns:
        The estimate, without bounds and with a reason where residuals do not vary, no degrees of freedom are left or
        one item alone decides a weight, and without a value where none of the items left to chance was drawn. A label
        that was certain to be asked for (its probability is that of the tier below) counts in the value and not in its
        doubt: degrees of freedom are those of the labels that carry the variance, by Satterthwaite's number of them.

    Raises:
        InvalidInputError: Shapes differ, tiers are not nested, a probability is outside (0, 1], rises along the chain
            or is 1 where a verdict is missing, or nothing is labelled.

    Sources:
        Särndal, Swensson & Wretman (1992), Model Assisted Survey Sampling, chapters 6 and 9 (difference and
        regression estimators, two phases); Robins, Rotnitzky & Zhao (1994), JASA 89, 846-866 (AIPW);
        MacKinnon & White (1985), J. Econometrics 29, 305-325 (HC3); Brown, Cai & DasGupta (2001), Statistical Science
        16, 101-133, section 4.1.1 (few wins); Zrnic & Candès (2024), PNAS 121 (folds);
        Satterthwaite (1946), Biometrics Bulletin 2, 110-114; Kish (1965), Survey Sampling, section 11.7.

    Notes:
        Memory is a few copies of the proxies; time is linear in N.

    Examples:
        >>> judge = [3.0, 4.0, 2.0, 5.0, 4.0, 1.0, 3.0, 2.0]
        >>> people = [2.5, float("nan"), 2.0, 4.0, float("nan"), float("nan"), 3.5, float("nan")]
        >>> found = two_phase_mean(people, [judge], weights="fixed")
        >>> found.estimate.value, found.n_asked
        (2.75, (8, 4))
    """
    check_confidence(confidence)
    chain, known = build_chain(labels, proxies, weights=weights, ridge=ridge, hajek=hajek)
    asked = np.ascontiguousarray(known[1:][None])
    if not known[0].all():
        raise InvalidInputError(
            f"{chain.n_items - np.count_nonzero(known[0])} items lack a verdict of the lowest tier",
            hint="the lowest tier sees every item; give it a value and a column that says it was missing",
        )
    inverse = inverse_probabilities(asked, probabilities)
    check_missing(asked[0], inverse, probabilities)
    solved, found = _answer(
        chain,
        inverse,
        estimand=estimand,
        clusters=clusters,
        confidence=confidence,
        share=share,
        prior=_prior(prior_variances, len(proxies), weights),
        prior_weight=prior_weight,
        certain=None if certain is None else np.asarray(certain, dtype=np.bool_),
    )
    return _result(chain, solved, found, asked[0], estimand=estimand, confidence=confidence, unit=unit, weights=weights)


def two_phase_replays(
    labels: npt.ArrayLike,
    proxies: Sequence[npt.ArrayLike],
    *,
    asked: npt.ArrayLike,
    probabilities: Sequence[npt.ArrayLike] | None = None,
    weights: str = "fit",
    estimand: str = THESE_ITEMS,
    clusters: npt.ArrayLike | None = None,
    prior_variances: Sequence[float] | None = None,
    prior_weight: float = 20.0,
    share: bool = False,
    ridge: float | None = None,
    hajek: bool = True,
    confidence: float = 0.95,
) -> TwoPhaseReplays:
    """``two_phase_mean`` on many draws from the same recorded verdicts, in matrix products over all of them.

    Args:
        labels: As in ``two_phase_mean``; recorded wherever some replicate asks.
        proxies: Likewise.
        asked: Whether a tier above the lowest was asked, ``(R, K, N)``; one draw a replicate.
        probabilities: For each tier above the lowest ``(N,)``, one number, or ``(R, N)``; without it every draw was
            simple and random.
        weights: As in ``two_phase_mean``, like all that follow.
        estimand: See there.
        clusters: See there.
        prior_variances: See there.
        prior_weight: See there.
        share: See there.
        ridge: See there.
        hajek: See there.
        confidence: Two-sided coverage.

    Raises:
        InvalidInputError: As there, or a draw asks for a verdict that was not recorded.

    Notes:
        Memory is bounded (about 100 MB); 10,000 draws of 600 items through four tiers take a few seconds.

    Examples:
        >>> rng = np.random.default_rng(1)
        >>> judge = rng.normal(size=100)
        >>> people = judge + rng.normal(size=100)
        >>> drawn = np.argsort(rng.random((200, 100)), axis=1)[:, None, :] < 20
        >>> replays = two_phase_replays(people, [judge], asked=drawn, weights="fixed")
        >>> replays.value.shape, bool(abs(replays.value.mean() - people.mean()) < 0.06)
        ((200,), True)
    """
    check_confidence(confidence)
    chain, known = build_chain(labels, proxies, weights=weights, ridge=ridge, hajek=hajek)
    draws = np.asarray(asked, dtype=bool)
    if draws.ndim != 3 or draws.shape[1:] != (len(proxies), chain.n_items):
        raise InvalidInputError(
            f"asked has shape {draws.shape}; (replicates, {len(proxies)}, {chain.n_items}) is needed",
            hint="one row for every tier above the lowest",
        )
    if np.any(draws.any(axis=0) & ~known[1:]) or not known[0].all():
        raise InvalidInputError("a draw asks for a verdict that was not recorded", hint="record every tier drawn from")
    prior = _prior(prior_variances, len(proxies), weights)
    parts: list[tuple[Solved, Limits]] = []
    step = max(1, CHUNK_CELLS // (len(proxies) * chain.n_items))
    for start in range(0, draws.shape[0], step):
        part = draws[start : start + step]
        here = None if probabilities is None else [_slice(p, start, step) for p in probabilities]
        parts.append(
            _answer(
                chain,
                inverse_probabilities(part, here),
                estimand=estimand,
                clusters=clusters,
                confidence=confidence,
                share=share,
                prior=prior,
                prior_weight=prior_weight,
            )
        )
    return TwoPhaseReplays(
        value=np.concatenate([solved.value for solved, _ in parts]),
        low=np.concatenate([found.low for _, found in parts]),
        high=np.concatenate([found.high for _, found in parts]),
        std_error=np.concatenate([found.std_error for _, found in parts]),
        df=np.concatenate([found.df for _, found in parts]),
        refused=np.concatenate([found.reason for _, found in parts]),
        label_mean=np.concatenate([solved.label_mean for solved, _ in parts]),
        label_variance=np.concatenate([solved.label_variance for solved, _ in parts]),
    )


def _slice(probability: npt.ArrayLike, start: int, step: int) -> npt.ArrayLike:
    data = np.asarray(probability, dtype=np.float64)
    return data[start : start + step] if data.ndim == 2 else data


def _prior(variances: Sequence[float] | None, tiers: int, weights: str) -> Floats | None:
    if variances is None:
        return None
    prior = as_floats(variances, "prior_variances")
    if weights != "fixed" or prior.shape != (tiers,) or not np.all(np.isfinite(prior) & (prior > 0.0)):
        raise InvalidInputError(
            "prior variances do not fit",
            hint="with fixed weights: one positive residual variance for each tier below the labels",
        )
    return prior


def _answer(
    chain: Chain,
    inverse: Floats,
    *,
    estimand: str,
    clusters: npt.ArrayLike | None,
    confidence: float,
    share: bool,
    prior: Floats | None,
    prior_weight: float,
    certain: Bools | None = None,
) -> tuple[Solved, Limits]:
    """The one path from verdicts to bounds."""
    check_choice(estimand, (THESE_ITEMS, NEW_INPUTS), "estimand")
    new_inputs = estimand == NEW_INPUTS
    if share and (chain.labels.min() < 0.0 or chain.labels.max() > 1.0):
        raise InvalidInputError("labels of a share lie outside [0, 1]", hint="leave share out for other scores")
    groups = None if clusters is None or not new_inputs else group_index(clusters, length=chain.n_items)
    weights = balanced(inverse, certain) if chain.hajek else inverse
    solved = solve(chain, weights, certain=certain, want_terms=groups is not None)
    if share:
        solved = replace(solved, value=np.clip(solved.value, 0.0, 1.0))
    found = limits(
        solved,
        n_items=chain.n_items,
        new_inputs=new_inputs,
        groups=groups,
        confidence=confidence,
        share=share,
        prior=prior,
        prior_weight=prior_weight,
    )
    return solved, found


def _result(
    chain: Chain,
    solved: Solved,
    found: Limits,
    asked: Bools,
    *,
    estimand: str,
    confidence: float,
    unit: str,
    weights: str,
) -> TwoPhaseResult:
    reason = int(found.reason[0])
    method = "two-phase-wilson" if found.rare[0] else f"two-phase-{weights}-t"
    method = "census" if found.census[0] else method
    std_error = None if reason else float(found.std_error[0])
    estimate = Estimate(
        value=None if reason == NOT_DRAWN else float(solved.value[0]),
        low=None if reason else float(found.low[0]),
        high=None if reason else float(found.high[0]),
        confidence=confidence,
        n=int(solved.n_labels[0]),
        method=method,
        unit=unit,
        estimand=estimand,
        reason=REASONS[reason] or None,
        n_clusters=None if found.n_clusters is None else int(found.n_clusters[0]),
        std_error=std_error,
    )
    population = chain.n_items if estimand == THESE_ITEMS else None
    worth = None
    if std_error is not None:
        worth = effective_labels(std_error**2, float(solved.label_variance[0]), population=population)
    return TwoPhaseResult(
        estimate=estimate,
        effective_n=worth,
        df=None if reason else float(found.df[0]),
        n_asked=(chain.n_items, *(int(k) for k in asked.sum(axis=1))),
        map_fits=None if found.map_fits is None else bool(found.map_fits[0]),
    )
