"""Plans for whole clusters, and what clusters and covariates do to a variance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from assay.core.errors import InvalidInputError
from assay.core.records import Estimate
from assay.stats.design.result import Hypothesis, SampleSize
from assay.stats.design.solve import Layout, Question, Spread, solve
from assay.stats.special import check_confidence, normal_quantile


def design_effect(*, icc: float, cluster_size: float | Sequence[int], size_cv: float = 0.0) -> float:
    """Variance of a mean over clusters, over that of as many independent units: 1 + (m(1 + cv²) - 1)·icc.

    Args:
        icc: Correlation of two units of one cluster, in [0, 1].
        cluster_size: Mean units of a cluster, at least 1; or the size of every cluster.
        size_cv: Standard deviation of the sizes over their mean, where only the mean is given.

    Raises:
        InvalidInputError: A number is out of range.

    Sources:
        Kish (1965), Survey Sampling; Eldridge, Ashby & Kerry (2006), Int. J. Epidemiology 35, 1292-1300.

    Examples:
        >>> round(design_effect(icc=0.05, cluster_size=21), 9)
        2.0
        >>> round(design_effect(icc=0.05, cluster_size=[1, 41]), 4)
        2.9524
    """
    if not 0.0 <= icc <= 1.0:
        raise InvalidInputError(f"the intra-cluster correlation is {icc}", hint="in [0, 1]")
    if isinstance(cluster_size, Sequence):
        if not cluster_size or min(cluster_size) < 1 or size_cv:
            raise InvalidInputError(
                f"{len(cluster_size)} cluster sizes with size_cv {size_cv}",
                hint="sizes of at least 1, or their mean together with size_cv",
            )
        weighted = math.fsum(m * m for m in cluster_size) / math.fsum(cluster_size)
    else:
        if not (cluster_size >= 1.0 and math.isfinite(cluster_size) and size_cv >= 0.0 and math.isfinite(size_cv)):
            raise InvalidInputError(
                f"clusters of {cluster_size} units, coefficient of variation {size_cv}",
                hint="at least 1 unit, and a coefficient of variation of at least 0",
            )
        weighted = cluster_size * (1.0 + size_cv**2)
    return 1.0 + (weighted - 1.0) * icc


def plan_clusters(
    *,
    std_dev: float | tuple[float, float],
    icc: float,
    cluster_size: float,
    size_cv: float = 0.0,
    difference: float | None = None,
    n: int | tuple[int, int] | None = None,
    power: float | None = None,
    ratio: float = 1.0,
    hypothesis: Hypothesis = "two-sided",
    margin: float | None = None,
    alpha: float = 0.05,
    unit: str = "score",
) -> SampleSize:
    """Clusters, difference, margin or power where whole clusters are assigned; leave one out to have it solved.

    Args:
        std_dev: Of one unit (of control and treatment); for shares √(p(1 - p)) of each.
        icc: Correlation of two units of one cluster, in [0, 1].
        cluster_size: Mean units of a cluster.
        size_cv: Standard deviation of the sizes over their mean.
        difference: True mean of the treatment minus the control's.
        n: *Clusters* of the control, or of both groups.
        power: As in ``plan_means``, likewise ratio (of clusters), hypothesis, margin, alpha.
        ratio: As in ``plan_means``.
        hypothesis: As in ``plan_means``.
        margin: As in ``plan_means``.
        alpha: As in ``plan_means``.
        unit: Of the outcome.

    Returns:
        The plan: ``n_clusters`` of each group, and ``n`` the units they are expected to hold. The test is t with
        clusters - 2 degrees of freedom.

    Raises:
        InvalidInputError: As ``plan_means`` and ``design_effect``.

    Sources:
        Donner & Klar (2000), Design and Analysis of Cluster Randomization Trials; Eldridge et al. (2006).

    Examples:
        >>> plan = plan_clusters(std_dev=1.0, icc=0.05, cluster_size=20, difference=0.3)
        >>> plan.n_clusters, plan.n
        ((19, 19), (380, 380))
    """
    control, treatment = std_dev if isinstance(std_dev, tuple) else (std_dev, std_dev)
    if not all(math.isfinite(x) and x > 0.0 for x in (control, treatment, ratio)):
        raise InvalidInputError(f"standard deviations {std_dev}, ratio {ratio}", hint="all of them above 0")
    effect = design_effect(icc=icc, cluster_size=cluster_size, size_cv=size_cv)

    def spread(clusters: tuple[int, ...], difference: float, margin: float) -> Spread:
        variance = (control**2 / clusters[0] + treatment**2 / clusters[1]) * effect / cluster_size
        std_error = math.sqrt(variance)
        return Spread(distance=difference, se_null=std_error, se_true=std_error, df=sum(clusters) - 2)

    plan = solve(
        Layout(spread=spread, ratio=ratio),
        Question(hypothesis=hypothesis, margin=margin, alpha=alpha),
        n=n,
        difference=difference,
        power=power,
        method="cluster-t",
        unit=unit,
        inputs={
            "std_dev_control": control,
            "std_dev_treatment": treatment,
            "icc": icc,
            "cluster_size": cluster_size,
            "size_cv": size_cv,
            "design_effect": effect,
            "ratio": ratio,
        },
    )
    units = tuple(math.ceil(k * cluster_size - 1e-9) for k in plan.n)
    return replace(plan, n=units, total=sum(units), n_clusters=plan.n)


def cuped_gain(*, correlation: float, n_pilot: int, confidence: float = 0.95) -> Estimate:
    """What CUPED leaves of the variance, 1 - r²: the ``variance_factor`` of a plan.

    Args:
        correlation: Between the covariate and the outcome within one group, in a pilot, in (-1, 1).
        n_pilot: Units of the pilot, at least 4.
        confidence: Of the interval, which follows from Fisher's z of the correlation.

    Returns:
        The factor with its interval. The cautious plan uses the upper bound.

    Raises:
        InvalidInputError: The correlation or the pilot is out of range.

    Sources:
        Deng, Xu, Kohavi & Walker (2013), WSDM; Fisher (1921), Metron 1, 3-32.

    Examples:
        >>> e = cuped_gain(correlation=0.7, n_pilot=400)
        >>> round(e.value, 3), round(e.low, 3), round(e.high, 3)
        (0.51, 0.442, 0.582)
    """
    if not -1.0 < correlation < 1.0 or n_pilot < 4:
        raise InvalidInputError(
            f"a correlation of {correlation} from {n_pilot} units",
            hint="strictly between -1 and 1, from 4 units or more",
        )
    half = normal_quantile(0.5 + check_confidence(confidence) / 2.0) / math.sqrt(n_pilot - 3)
    middle = math.atanh(correlation)
    bounds = sorted((abs(math.tanh(middle - half)), abs(math.tanh(middle + half))))
    least = 0.0 if abs(middle) <= half else bounds[0]
    return Estimate(
        value=1.0 - correlation**2,
        low=1.0 - bounds[1] ** 2,
        high=1.0 - least**2,
        n=n_pilot,
        method="fisher-z",
        confidence=confidence,
        unit="variance ratio",
    )
