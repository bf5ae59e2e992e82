"""What an experiment is: its arms, its metrics, and the rules that were fixed before anybody looked."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from assay.core.canonical import content_hash
from assay.core.codec import to_document
from assay.core.errors import ConfigError, nearest

Kind = Literal["mean", "share", "count", "ratio"]
Role = Literal["primary", "secondary", "guardrail"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricSpec:
    """One metric of an experiment, declared by the columns it is made of.

    Attributes:
        name: As it is shown.
        kind: ``mean`` of a number a unit; ``share`` of units with a 0/1 column; ``count`` of events a unit; ``ratio``
            of two sums over units (clicks per view), with units as the sampling unit.
        column: The number, or the ratio's numerator.
        denominator: The ratio's denominator.
        covariates: Columns known before the experiment, for CUPED.
        role: ``guardrail`` metrics are tested for harm beyond ``margin``, not for improvement.
        margin: Largest loss that is acceptable, in the metric's unit, at least 0.
        higher_is_better: Direction.
        cap: Values above it are cut to it; the analysis then says that it speaks of capped values.
        minimum_effect: Smallest effect worth finding, in the metric's unit; for planning.
        bounds: Smallest and largest possible value of a unit, where there are such; for sequences that need them.
    """

    name: str
    column: str
    kind: Kind = "mean"
    denominator: str | None = None
    covariates: Sequence[str] = ()
    role: Role = "secondary"
    margin: float = 0.0
    higher_is_better: bool = True
    cap: float | None = None
    minimum_effect: float | None = None
    bounds: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if (self.kind == "ratio") != (self.denominator is not None):
            raise ConfigError(
                f"metric {self.name} is a {self.kind} {'without' if self.kind == 'ratio' else 'with'} a denominator",
                hint="a ratio needs one, other kinds have none",
                code="experiment.metric",
            )
        if self.margin < 0 or not math.isfinite(self.margin):
            raise ConfigError(
                f"metric {self.name} allows a loss of {self.margin}",
                hint="a margin is 0 or more, in the metric's unit",
                code="experiment.metric",
            )

    @property
    def unit(self) -> str:
        """How differences are shown."""
        return "share" if self.kind == "share" else "score"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """Experiments of one layer own disjoint parts of the units and never share one.

    Attributes:
        name: All experiments that must exclude each other name the same one.
        low: Start of the part, in [0, 1).
        high: Its end, in (low, 1].
    """

    name: str
    low: float = 0.0
    high: float = 1.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.low < self.high <= 1.0:
            raise ConfigError(
                f"layer {self.name} gives the experiment the part from {self.low} to {self.high}",
                hint="0 ≤ from < to ≤ 1",
                code="experiment.layer",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """Everything that is fixed before the first unit is assigned.

    Attributes:
        name: Also the default salt of the assignment.
        arms: Share of traffic by arm, above 0, summing to 1.
        control: The arm others are compared with.
        metrics: At least one; exactly one ``primary``.
        unit: Column of the randomised unit.
        arm_column: Column of the arm a unit was given.
        cluster: Column of the group that was randomised, where units within it were not randomised apart.
        time: Column of when a unit entered, for sequential figures.
        segments: Columns along which effects are shown and confounding is searched.
        salt: Of the assignment hash.
        layer: Part of the traffic; ``None`` for all of it.
        holdout: Share of units kept out of every experiment that names the same ``holdout_name``.
        confidence: Of intervals, in (0, 1).
        power: For planning.
        stopping: ``fixed``: analysed once, at the planned n. ``sequential``: looked at any time, decided by the
            always-valid interval alone.
        planned_n: Units an arm; what ``fixed`` waits for.
    """

    name: str
    arms: Mapping[str, float]
    control: str
    metrics: Sequence[MetricSpec]
    unit: str = "unit"
    arm_column: str = "arm"
    cluster: str | None = None
    time: str | None = None
    segments: Sequence[str] = ()
    salt: str | None = None
    layer: Layer | None = None
    holdout: float = 0.0
    holdout_name: str = "global"
    confidence: float = 0.95
    power: float = 0.8
    stopping: Literal["fixed", "sequential"] = "fixed"
    planned_n: int | None = None
    notes: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shares = list(self.arms.values())
        if len(shares) < 2 or min(shares, default=0.0) <= 0 or not math.isclose(sum(shares), 1.0, abs_tol=1e-9):
            raise ConfigError(
                f"experiment {self.name}: arms {dict(self.arms)} do not divide the traffic",
                hint="name two or more arms with shares above 0 that sum to 1",
                code="experiment.arms",
            )
        if self.control not in self.arms:
            raise ConfigError(
                f"experiment {self.name} has no arm {self.control!r}",
                hint=nearest(self.control, self.arms),
                code="experiment.control",
            )
        if not 0.0 <= self.holdout < 1.0:
            raise ConfigError(
                f"experiment {self.name} holds out {self.holdout} of the units",
                hint="a share of at least 0 and below 1",
                code="experiment.holdout",
            )
        self._check_metrics()

    def _check_metrics(self) -> None:
        names = [metric.name for metric in self.metrics]
        primaries = [metric.name for metric in self.metrics if metric.role == "primary"]
        if len(set(names)) != len(names) or len(primaries) != 1:
            raise ConfigError(
                f"experiment {self.name} has the metrics {', '.join(names) or 'none'}, primary: "
                f"{', '.join(primaries) or 'none'}",
                hint="give every metric its own name, and exactly one of them role: primary",
                code="experiment.metrics",
            )

    @property
    def primary(self) -> MetricSpec:
        return next(metric for metric in self.metrics if metric.role == "primary")

    @property
    def treatments(self) -> list[str]:
        """The arms that are not the control, in order."""
        return [arm for arm in self.arms if arm != self.control]

    def fingerprint(self) -> str:
        """``sha256:`` of everything that an analyst could bend: all fields but the notes."""
        fixed = to_document(self)
        del fixed["notes"]
        return content_hash(fixed)
