"""``experiment.yaml``, checked: the file that fixes an experiment before its data come in."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from assay.app.schema import Strict, check, read_yaml
from assay.experiments.spec import Experiment, Layer, MetricSpec


class MetricFields(Strict):
    """One metric."""

    name: str
    column: str | None = Field(None, description="Column of the value, or of a ratio's numerator (default: the name)")
    kind: Literal["mean", "share", "count", "ratio"] = "mean"
    denominator: str | None = None
    covariates: list[str] = Field([], description="Columns known before the experiment (CUPED)")
    role: Literal["primary", "secondary", "guardrail"] = "secondary"
    margin: float = Field(0.0, ge=0, description="Largest acceptable loss, in the metric's unit")
    higher_is_better: bool = True
    cap: float | None = Field(None, description="Larger values are cut to it")
    minimum_effect: float | None = Field(None, gt=0, description="Smallest effect worth finding")
    baseline: float | None = Field(None, description="Its level before the experiment; for planning")
    std_dev: float | None = Field(None, gt=0, description="Of one unit before the experiment; for planning")


class LayerFields(Strict):
    """Part of a layer: experiments of one layer never share a unit."""

    name: str
    low: float = Field(0.0, ge=0, lt=1)
    high: float = Field(1.0, gt=0, le=1)


class ExperimentFile(Strict):
    """One experiment."""

    experiment: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")
    arms: dict[str, float] = Field(description="Share of traffic by arm, summing to 1")
    control: str | None = Field(None, description="Default: the first arm")
    metrics: list[MetricFields] = Field(min_length=1)
    unit: str = Field("unit", description="Column of the randomised unit")
    arm: str = Field("arm", description="Column of the arm")
    cluster: str | None = Field(None, description="Column of the group that was randomised")
    time: str | None = Field(None, description="Column of when a unit entered")
    segments: list[str] = Field([], description="Columns along which effects are shown")
    salt: str | None = None
    layer: LayerFields | None = None
    holdout: float = Field(0.0, ge=0, lt=1)
    holdout_name: str = "global"
    confidence: float = Field(0.95, gt=0, lt=1)
    power: float = Field(0.8, gt=0, lt=1)
    stopping: Literal["fixed", "sequential"] = "fixed"
    planned_n: int | None = Field(None, ge=2, description="Units an arm")
    notes: dict[str, str] = Field({}, description="Bind nobody")


def load_experiment(path: str | Path) -> tuple[Experiment, ExperimentFile]:
    """The experiment a file describes, and the file as it was written.

    Raises:
        NotFoundError: There is no such file.
        ConfigError: It is not a valid experiment.
    """
    file = check(ExperimentFile, read_yaml(path), where=str(path))
    metrics = [
        MetricSpec(**{"column": metric.name, **metric.model_dump(exclude={"baseline", "std_dev"}, exclude_none=True)})
        for metric in file.metrics
    ]
    experiment = Experiment(
        name=file.experiment,
        arms=file.arms,
        control=file.control or next(iter(file.arms), ""),
        metrics=metrics,
        arm_column=file.arm,
        layer=None if file.layer is None else Layer(**file.layer.model_dump()),
        **file.model_dump(exclude={"experiment", "arms", "control", "metrics", "arm", "layer"}),
    )
    return experiment, file
