"""``plan.yaml``: what is measured, on how many samples, by which rules, written down before anything is looked at."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from assay.app.schema import Strict, check, read_yaml
from assay.app.tasks import LoadedTask, load_task
from assay.app.wiring import App
from assay.core.canonical import canonical_json, content_hash
from assay.core.errors import ConfigError, StoreError
from assay.core.task import Task
from assay.engine.rules import parse_rule
from assay.engine.solve import judges_of

_WIDTH = re.compile(r"half_width\s*(?:<=|≤)\s*(\d*\.?\d+)")


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
    samples: int = Field(ge=1, description="Sample size; exactly so many are drawn, beside critical ones")
    design: DesignFields | None = Field(None, description="Checked: samples must be enough for it")
    stopping: str = Field("fixed", description="fixed, or half_width <= X as the task's until: says")
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
        if self.stopping != "fixed" and self.half_width is None:
            raise ValueError(f"stopping: {self.stopping!r} is neither fixed nor half_width <= X")
        needed = needed_samples(self)
        if needed is not None and self.samples < needed:
            raise ValueError(f"samples: {self.samples:,} are too few for the design, which needs {needed:,}")
        return self

    @property
    def rules(self) -> list[str]:
        """The primary rule, then the guardrails."""
        return [self.primary, *self.guardrails]

    @property
    def half_width(self) -> float | None:
        """Of the stopping rule; ``None`` when the size is fixed."""
        found = _WIDTH.fullmatch(self.stopping.strip())
        return None if found is None else float(found[1])


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
