"""Estimators, intervals and tests: values in, Estimate out.

Names resolve on first use, so importing one family does not pay for the others. Only ``bootstrap`` needs numpy
and only ``effect.cohens_dz`` with a noncentral t interval needs scipy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assay.stats.bootstrap import bootstrap_mean as bootstrap_mean
    from assay.stats.bootstrap import bootstrap_statistic as bootstrap_statistic
    from assay.stats.combine import macro_average as macro_average
    from assay.stats.combine import stratified_estimate as stratified_estimate
    from assay.stats.design.simple import detectable_difference as detectable_difference
    from assay.stats.design.simple import n_for_half_width as n_for_half_width
    from assay.stats.design.simple import n_for_power as n_for_power
    from assay.stats.effect import cohens_dz as cohens_dz
    from assay.stats.effect import cohens_h as cohens_h
    from assay.stats.effect import discordant_odds_ratio as discordant_odds_ratio
    from assay.stats.moments import Moments as Moments
    from assay.stats.moments import MomentsBuilder as MomentsBuilder
    from assay.stats.multiplicity.adjusted import benjamini_hochberg as benjamini_hochberg
    from assay.stats.multiplicity.adjusted import bonferroni as bonferroni
    from assay.stats.multiplicity.adjusted import holm as holm
    from assay.stats.paired import mcnemar as mcnemar
    from assay.stats.paired import paired_difference as paired_difference
    from assay.stats.paired import tango as tango
    from assay.stats.passk import Mean as Mean
    from assay.stats.passk import PassAtK as PassAtK
    from assay.stats.passk import PassHatK as PassHatK
    from assay.stats.ratio import ratio_of_means as ratio_of_means
    from assay.stats.scalar import mean_estimate as mean_estimate
    from assay.stats.scalar import wilson as wilson
    from assay.stats.two_sample import difference_of_means as difference_of_means
    from assay.stats.two_sample import newcombe as newcombe

_MODULE_OF = {
    "Mean": "passk",
    "Moments": "moments",
    "MomentsBuilder": "moments",
    "PassAtK": "passk",
    "PassHatK": "passk",
    "benjamini_hochberg": "multiplicity.adjusted",
    "bonferroni": "multiplicity.adjusted",
    "bootstrap_mean": "bootstrap",
    "bootstrap_statistic": "bootstrap",
    "cohens_dz": "effect",
    "cohens_h": "effect",
    "detectable_difference": "design.simple",
    "difference_of_means": "two_sample",
    "discordant_odds_ratio": "effect",
    "holm": "multiplicity.adjusted",
    "macro_average": "combine",
    "mcnemar": "paired",
    "mean_estimate": "scalar",
    "n_for_half_width": "design.simple",
    "n_for_power": "design.simple",
    "newcombe": "two_sample",
    "paired_difference": "paired",
    "ratio_of_means": "ratio",
    "stratified_estimate": "combine",
    "tango": "paired",
    "wilson": "scalar",
}

__all__ = sorted(_MODULE_OF)  # noqa: PLE0605


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)


def __dir__() -> list[str]:
    return __all__
