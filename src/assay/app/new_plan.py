"""``assay new plan``: a measurement plan to start from, with what the task already says filled in."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.app.measurement_plan import (
    FIXED,
    PlanFile,
    check_fit,
    figures_of,
    is_plan,
    needed_samples,
    plan_task,
    rated_by,
    span_of_metric,
)
from assay.app.schema import check
from assay.core.errors import ConfigError
from assay.core.task import Task
from assay.engine.rules import parse_rule
from assay.engine.solve import judges_of

HALF_WIDTH = 0.05
"""Of the width of a scale."""
WIDEST = 0.5
"""Standard deviation at most, in widths of the scale."""
FEWEST = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPlan:
    """What a user asks for.

    Attributes:
        name: Of the plan.
        task: A task file, or a benchmark.
        primary: The rule that decides; the middle of the scale of the task's main figure when ``None``.
        guardrails: Further rules.
        samples: Sample size; what the half-width asks for, when ``None``.
        std_dev: Of one sample's score of the rule's metric; half the width of its scale, the most there is, when
            ``None``.
        half_width: Wanted of that metric; a twentieth of its scale, else a tenth of ``std_dev``, when ``None``.
        data: Where a benchmark's files are.
        path: Of the file.
        replace: Write over the plan that is there.
    """

    name: str
    task: str
    primary: str | None = None
    guardrails: Sequence[str] = ()
    baseline: str | None = None
    samples: int | None = None
    std_dev: float | None = None
    half_width: float | None = None
    budget_usd: float | None = None
    data: str | None = None
    path: Path = Path("plan.yaml")
    replace: bool = False


def new_plan(request: NewPlan) -> dict[str, Any]:
    """Write the plan and return the ``assay new plan --json`` document.

    Raises:
        ConfigError: The file is there already (``plan.exists``), what was asked for makes no valid plan, the task
            cannot give it (``plan.unfit``), or the spread of the metric is not known (``plan.no_std_dev``).
        NotFoundError: There is no such task, or it has no such metric.
    """
    _check_free(request)
    given = {"plan": request.name, "task": request.task, "primary": "metric.low >= 0", "samples": 2}
    task = plan_task(check(PlanFile, given, where="the plan"), path=request.path, data=request.data).task
    plan = check(PlanFile, _content(request, task), where="the plan")
    check_fit(plan, task)
    request.path.write_text(_text(plan, task), encoding="utf-8")
    return {
        "schema": "assay.plan/1",
        "path": str(request.path),
        "needed_samples": needed_samples(plan),
        "plan": plan.model_dump(mode="json", exclude_none=True),
    }


def _check_free(request: NewPlan) -> None:
    if not request.path.exists():
        return
    planned = is_plan(request.path)
    if not planned or not request.replace:
        raise ConfigError(
            f"{request.path} is there already{'' if planned else ' and is no plan'}; it was left as it is",
            hint="--output names another file" + (", --force writes over it" if planned else ""),
            code="plan.exists",
        )


def _content(request: NewPlan, task: Task) -> dict[str, Any]:
    primary = request.primary or _main_rule(task)
    spread, half_width = _aims(request, parse_rule(primary).metric, task)
    population = len(task.dataset)
    samples = request.samples or min(population, _n(spread, half_width))
    if samples < FEWEST:
        raise ConfigError(
            f"{samples} sample would be enough for a half-width of {half_width:g} where the standard deviation is"
            f" {spread:g}; one sample shows no spread; nothing was written",
            hint="ask for a narrower --half-width, name the true --std-dev, or --samples 2 at least",
            code="plan.unfit",
        )
    if request.half_width is None and _n(spread, half_width) > samples:  # what so many samples can show
        half_width = math.ceil(1000.0 * 1.96 * spread / math.sqrt(samples)) / 1000.0
    cascade = task.cascade
    until = None if cascade is None else cascade.until
    found = {
        "plan": request.name,
        "task": request.task,
        "primary": primary,
        "guardrails": list(request.guardrails),
        "baseline": request.baseline,
        "samples": samples,
        "design": {"std_dev": spread, "half_width": half_width},
        "stopping": FIXED if until is None else until.text,
        "calibration": "map" if cascade and cascade.calibration else "card" if judges_of(task) else "none",
        "segments": list(task.segments),
        "budget_usd": request.budget_usd,
        "dataset": task.dataset.content_hash,
        "versions": figures_of(task),
    }
    return {key: value for key, value in found.items() if value is not None}


def _n(spread: float, half_width: float) -> int:
    from assay.stats.design.simple import n_for_half_width

    return n_for_half_width(std_dev=spread, half_width=half_width)


def _aims(request: NewPlan, metric: str, task: Task) -> tuple[float, float]:
    """Standard deviation and half-width of the metric that decides, in its own unit."""
    span = span_of_metric(task, metric)
    width = None if span is None else span[1] - span[0]
    spread = request.std_dev or (None if width is None else WIDEST * width)
    if spread is None:
        raise ConfigError(
            f"how much {metric} differs from sample to sample is not known; nothing was written",
            hint="name it with --std-dev, and how close is close enough with --half-width",
            code="plan.no_std_dev",
        )
    return spread, request.half_width or round(HALF_WIDTH * (spread / WIDEST if width is None else width), 6)


def _main_rule(task: Task) -> str:
    """A bound in the middle of the scale of the task's main figure."""
    cascade = task.cascade
    name = task.primary or (cascade.name if cascade else task.scorers[0].name)
    span = span_of_metric(task, name)
    if span is None:
        raise ConfigError(
            f"{name} has no scale that a threshold could lie on; nothing was written",
            hint=f"name the rule: --primary '{name}.low >= …'",
            code="plan.no_rule",
        )
    less = getattr(rated_by(task)[name], "higher_is_better", True) is False
    middle = round(0.5 * (span[0] + span[1]), 6)
    return f"{name}.high <= {middle:g}" if less else f"{name}.low >= {middle:g}"


def _text(plan: PlanFile, task: Task) -> str:
    """The file, with a word on each part."""
    import yaml

    def dumped(**parts: Any) -> str:
        return yaml.safe_dump(parts, sort_keys=False, allow_unicode=True, width=100).rstrip()

    design = None if plan.design is None else plan.design.model_dump(exclude_none=True, exclude_defaults=True)
    versions = ", ".join(figures_of(task))
    blocks = [
        ("Run it with: assay run FILE. What it says is fixed before anything is looked at.", dumped(plan=plan.plan)),
        (f"What is measured: the figures of {task.name} are {versions}.", dumped(task=plan.task)),
        (
            "What decides: a gate rule on a bound. The threshold is yours to set.",
            dumped(primary=plan.primary),
        ),
        (
            "What must hold as well, e.g. 'noninferior(METRIC, margin=0.02)', which needs a baseline: RUN.",
            dumped(guardrails=plan.guardrails, **({"baseline": plan.baseline} if plan.baseline else {})),
        ),
        (
            "How many samples, and why: std_dev of one sample's score, and the half_width wanted\n"
            "# (or difference: and power: for a distance from the threshold that must be seen).",
            dumped(samples=plan.samples, design=design),
        ),
        (
            "When to stop: fixed, or as until: of the task's cascade says.",
            dumped(stopping=plan.stopping),
        ),
        (
            "What stands behind judges: none, card (every judge has a fresh card) or map (the cascade's).",
            dumped(calibration=plan.calibration),
        ),
        ("Where it is shown separately; keys of the task's segments.", dumped(segments=plan.segments)),
        *([] if plan.budget_usd is None else [("What it may cost.", dumped(budget_usd=plan.budget_usd))]),
        (
            "What was planned with; assay run reports what has changed since.",
            dumped(dataset=plan.dataset, versions=plan.versions),
        ),
    ]
    return "\n\n".join(f"# {said}\n{text}" for said, text in blocks) + "\n"
