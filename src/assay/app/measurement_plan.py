"""``plan.yaml``: what is measured, on how many samples, by which rules, written down before anything is looked at."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from assay.app.schema import Strict, check, read_yaml
from assay.app.tasks import LoadedTask, load_task
from assay.app.wiring import App
from assay.core.canonical import canonical_json, content_hash
from assay.core.cascade import People, scale_ends
from assay.core.errors import AssayError, ConfigError, NotFoundError, StoreError, nearest
from assay.core.protocols import Scorer
from assay.core.stopping import StoppingRule, parse_stopping
from assay.core.task import Task
from assay.engine.rules import Rule, parse_rule
from assay.engine.solve import judges_of

FIXED = "fixed"


class DesignFields(Strict):
    """Why so many samples: what is assumed, and what the interval or the test is to see."""

    std_dev: float = Field(gt=0, description="Of one sample's score (0.5 is the most a share can have)")
    half_width: float | None = Field(None, gt=0, description="Wanted distance from the value to either bound")
    difference: float | None = Field(None, gt=0, description="True distance from a rule's threshold that is to be seen")
    power: float = Field(0.8, gt=0, lt=1, description="Chance to see it")

    @model_validator(mode="after")
    def _one_aim(self) -> DesignFields:
        if (self.half_width is None) == (self.difference is None):
            raise ValueError("design: half_width: or difference:, one of them")
        return self


class PlanFile(Strict):
    """One measurement, planned (``plan.yaml``)."""

    plan: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", description="Its name; earlier decisions are found by it")
    task: str = Field(description="A task file, relative to this one, or a benchmark")
    model: str | None = Field(None, description="provider/name; the task's when left out")
    primary: str = Field(description="The gate rule that decides, e.g. 'exact_match.low >= 0.6'")
    guardrails: list[str] = Field([], description="Gate rules that must hold as well, each with its margin")
    baseline: str | None = Field(None, description="Run that noninferior(…) and superior(…) compare with")
    samples: int = Field(ge=2, description="Sample size; exactly so many are drawn, beside critical ones")
    design: DesignFields | None = Field(None, description="Checked: samples must be enough for it")
    stopping: str = Field(FIXED, description="fixed, or what the task's until: says, e.g. half_width <= 0.02")
    calibration: Literal["none", "card", "map"] = Field(
        "none", description="card: every judge needs a fresh judge card; map: the task's cascade needs a map"
    )
    segments: list[str] = Field([], description="Metadata keys that are shown; the task must name them, too")
    budget_usd: float | None = Field(None, ge=0)
    dataset: str | None = Field(None, description="Hash of the samples when the plan was written")
    versions: dict[str, str] = Field({}, description="Metrics and judges when the plan was written")

    @model_validator(mode="after")
    def _whole(self) -> PlanFile:
        relative = [rule for text in self.rules if (rule := _rule(text)).relative]
        if relative and self.baseline is None:
            raise ValueError(f"{relative[0].text!r} compares with a run: name it with baseline:")
        _rule_or_fixed(self.stopping)
        needed = needed_samples(self)
        if needed is not None and self.samples < needed:
            raise ValueError(f"samples: {self.samples:,} are too few for the design, which needs {needed:,}")
        return self

    @property
    def rules(self) -> list[str]:
        """The primary rule, then the guardrails."""
        return [self.primary, *self.guardrails]

    @property
    def until(self) -> StoppingRule | None:
        """The stopping rule; ``None`` when the size is fixed."""
        return _rule_or_fixed(self.stopping)

    @property
    def half_width(self) -> float | None:
        """Of a stopping rule that names one."""
        return None if self.until is None else self.until.half_width


def _rule_or_fixed(text: str) -> StoppingRule | None:
    try:
        return None if text.strip() == FIXED else parse_stopping(text)
    except ConfigError as error:
        raise ValueError(f"stopping: {error}; or {FIXED}, or {error.hint}") from error


def _rule(text: str) -> Any:
    try:
        return parse_rule(text)
    except ConfigError as error:
        raise ValueError(f"{error}; {error.hint}") from error


def needed_samples(plan: PlanFile) -> int | None:
    """Samples that the design asks for; ``None`` without one.

    A difference is to be seen by every rule at once, so its level is shared among the rules as Holm's correction may
    do at worst.
    """
    from assay.stats.design.simple import n_for_half_width, n_for_power
    from assay.stats.multiplicity.simultaneous import simultaneous_confidence

    design = plan.design
    if design is None:
        return None
    if design.half_width is not None:
        return n_for_half_width(std_dev=design.std_dev, half_width=design.half_width)
    assert design.difference is not None
    joint = simultaneous_confidence(len(plan.rules))
    return n_for_power(std_dev=design.std_dev, difference=design.difference, power=design.power, confidence=joint)


def read_plan(path: str | Path) -> PlanFile:
    """A checked plan.

    Raises:
        NotFoundError: There is no such file.
        ConfigError: It is not valid, a rule cannot be read, or the samples are too few for the design.
    """
    return check(PlanFile, read_yaml(path), where=str(path))


def is_plan(path: Path) -> bool:
    """Whether a file can be read and holds a plan."""
    try:
        return "plan" in read_yaml(path)
    except (AssayError, UnicodeDecodeError):
        return False


def plan_task(plan: PlanFile, *, path: str | Path, data: str | None = None) -> LoadedTask:
    """The task a plan names; a file is found beside the plan."""
    if not plan.task.endswith((".yaml", ".yml")):
        return load_task(plan.task, data=data)
    return load_task(str(Path(path).resolve().parent / plan.task))


def figures_of(task: Task) -> dict[str, str]:
    """Version of everything a rule may name, and of every judge, by name."""
    found = {scorer.name: scorer.version for scorer in task.scorers}
    found |= {judge.name: judge.version for judge in judges_of(task)}
    if task.cascade is not None:
        found.setdefault(task.cascade.name, "people")
    return found


def rated_by(task: Task) -> dict[str, Scorer | People]:
    """Who gives every metric that a rule may name: its scorer; of a cascade's figure who is on top.

    People whose scale is not said are taken to label on that of the highest judge below them.
    """
    found: dict[str, Scorer | People] = {scorer.name: scorer for scorer in task.scorers}
    if task.cascade is not None:
        asked = [tier.asks for tier in task.cascade.used]
        judges = [asks for asks in asked if not isinstance(asks, People)]
        known = scale_ends(asked[-1]) is not None or not judges
        found[task.cascade.name] = asked[-1] if known else judges[-1]
    return found


def span_of_metric(task: Task, metric: str) -> tuple[float, float] | None:
    """Ends of a metric's scale; ``None`` where they are not known.

    Raises:
        NotFoundError: The task has no such metric (``metric.unknown``).
    """
    rated = rated_by(task)
    if metric not in rated:
        raise NotFoundError(
            f"task {task.name} has no metric {metric!r}", hint=nearest(metric, rated), code="metric.unknown"
        )
    return scale_ends(rated[metric])


def check_fit(plan: PlanFile, task: Task) -> None:
    """Whether a task has what a plan decides by.

    Raises:
        NotFoundError: A rule's metric is not the task's (``metric.unknown``).
        ConfigError: A threshold lies beyond the scale, or samples or a segment are missing (``plan.unfit``).
    """
    for text in plan.rules:
        _check_rule(parse_rule(text), task)
    if len(task.dataset) < plan.samples:
        raise unfit(
            f"the plan asks for {plan.samples:,} samples, and {task.dataset.name} holds {len(task.dataset):,}",
            "add samples, or plan with what there is",
        )
    strange = [key for key in plan.segments if key not in task.segments]
    if strange:
        raise unfit(f"task {task.name} has no segment {strange[0]!r}", "add it to segments: of the task file")


def _check_rule(rule: Rule, task: Task) -> None:
    span = span_of_metric(task, rule.metric)
    if rule.segment is not None and rule.segment[0] not in {*task.segments, "critical"}:
        raise unfit(
            f"{rule.text!r}: task {task.name} has no segment {rule.segment[0]!r}",
            "add it to segments: of the task file",
        )
    if span is None:
        return
    low, high = span
    if rule.relative and not rule.threshold < high - low:
        raise unfit(f"{rule.text!r}: {rule.metric} differs by {high - low:g} at most", "name a smaller margin")
    if not rule.relative and not low <= rule.threshold <= high:
        raise unfit(f"{rule.text!r}: {rule.metric} lies between {low:g} and {high:g}", "name a threshold on that scale")


def unfit(what: str, hint: str) -> ConfigError:
    """A task that cannot give what a plan asks for."""
    return ConfigError(f"{what}; nothing was sent", hint=hint, code="plan.unfit")


def plan_hash(plan: PlanFile) -> str:
    """Of everything in a plan."""
    return content_hash(plan.model_dump(mode="json"))


def _ledger(name: str) -> str:
    return f"plans/{name}.json"


def decisions_of(app: App, name: str) -> list[dict[str, Any]]:
    """Earlier decisions by plans of that name, oldest first: ``run_id``, ``manifest``, ``plan_hash``, ``verdict``,
    ``decided_at``.
    """
    objects = app.store.objects
    if not objects.exists(_ledger(name)):
        return []
    try:
        found: list[dict[str, Any]] = json.loads(objects.get(_ledger(name)))
    except ValueError as error:
        raise StoreError(
            f"{objects.where(_ledger(name))} is no JSON", hint="restore it, or name the plan anew", code="plan.ledger"
        ) from error
    return found


def keep_decision(app: App, plan: PlanFile, summary: Mapping[str, Any], *, verdict: str) -> None:
    """Write down that a plan was decided by a run."""
    row = {
        "run_id": summary["run_id"],
        "manifest": summary["manifest"],
        "plan_hash": plan_hash(plan),
        "verdict": verdict,
        "decided_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    app.store.objects.put(_ledger(plan.plan), canonical_json([*decisions_of(app, plan.plan), row]))
