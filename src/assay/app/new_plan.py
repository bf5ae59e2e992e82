"""``assay new plan``: a measurement plan to start from, with what the task already says filled in."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.app.measurement_plan import PlanFile, figures_of, needed_samples, plan_task
from assay.app.schema import check
from assay.core.errors import ConfigError
from assay.core.task import Task
from assay.engine.solve import judges_of

HALF_WIDTH = 0.05
WIDEST = 0.5
"""Standard deviation of a share, at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPlan:
    """What a user asks for.

    Attributes:
        name: Of the plan.
        task: A task file, or a benchmark.
        primary: The rule that decides; a lower bound in the middle of the scale when ``None``.
        guardrails: Further rules.
        samples: Sample size; what the half-width asks for, when ``None``.
        std_dev: Of one sample's score; that of a share at worst (of a scale, half its width) when ``None``.
        half_width: Wanted of the primary metric; a twentieth of its scale when ``None``.
        data: Where a benchmark's files are.
        path: Of the file.
        replace: Write over it.
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
        ConfigError: The file is there already (``plan.exists``), or what was asked for makes no valid plan.
        NotFoundError: There is no such task.
    """
    if request.path.exists() and not request.replace:
        raise ConfigError(
            f"{request.path} is there already; it was left as it is",
            hint="--output names another file, --force writes over it",
            code="plan.exists",
        )
    given = {"plan": request.name, "task": request.task, "primary": "metric.low >= 0", "samples": 1}
    task = plan_task(check(PlanFile, given, where="the plan"), path=request.path, data=request.data).task
    plan = check(PlanFile, _content(request, task), where="the plan")
    request.path.write_text(_text(plan, task), encoding="utf-8")
    return {
        "schema": "assay.plan/1",
        "path": str(request.path),
        "needed_samples": needed_samples(plan),
        "plan": plan.model_dump(mode="json", exclude_none=True),
    }


def _content(request: NewPlan, task: Task) -> dict[str, Any]:
    name, low, high, less_is_better = _primary(task)
    middle = round(0.5 * (low + high), 6)
    rule = f"{name}.high <= {middle:g}" if less_is_better else f"{name}.low >= {middle:g}"
    spread = request.std_dev or WIDEST * (high - low)
    population = len(task.dataset)
    half_width = request.half_width or round(HALF_WIDTH * (high - low), 6)
    samples = request.samples or min(population, _n(spread, half_width))
    if request.half_width is None and _n(spread, half_width) > samples:  # what so many samples can show
        half_width = math.ceil(1000.0 * 1.96 * spread / math.sqrt(samples)) / 1000.0
    cascade = task.cascade
    until = None if cascade is None else cascade.half_width
    found = {
        "plan": request.name,
        "task": request.task,
        "primary": request.primary or rule,
        "guardrails": list(request.guardrails),
        "baseline": request.baseline,
        "samples": samples,
        "design": {"std_dev": spread, "half_width": half_width},
        "stopping": "fixed" if until is None else f"half_width <= {until:g}",
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


def _primary(task: Task) -> tuple[str, float, float, bool]:
    """Name of the task's main figure, the ends of its scale as far as they are known, and whether less is better."""
    cascade = task.cascade
    name = task.primary or (cascade.name if cascade else task.scorers[0].name)
    by_name = {judge.name: judge for judge in judges_of(task)}
    rated: Any = next((scorer for scorer in task.scorers if scorer.name == name), by_name.get(name))
    scale = getattr(rated, "scale", None)
    low, high = (0.0, 1.0) if scale is None else (float(scale.low), float(scale.high))
    return name, low, high, getattr(rated, "higher_is_better", True) is False


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
            "When to stop: fixed, or half_width <= X as until: of the task's cascade says.",
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
