"""``assay run plan.yaml``: a measurement carried out as it was planned, decided once, its departures said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from assay.app.measurement_plan import (
    PlanFile,
    check_fit,
    decisions_of,
    figures_of,
    keep_decision,
    plan_hash,
    plan_task,
    read_plan,
    unfit,
)
from assay.app.prepare import Prepared, RunOptions, prepare
from assay.app.tasks import LoadedTask
from assay.app.wiring import App
from assay.core.errors import ConfigError
from assay.core.task import Task
from assay.engine.solve import judges_of

SCHEMA = "assay.plan_run/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRun:
    """A plan whose run is checked and priced.

    Attributes:
        departures: How what would run differs from what was planned.
    """

    plan: PlanFile
    prepared: Prepared
    departures: Sequence[str]


def prepare_plan(
    app: App, path: str, *, data: str | None = None, model: str | None = None, options: RunOptions | None = None
) -> PlannedRun:
    """Everything that keeps a plan from being carried out is found here, before a call is made.

    Args:
        path: Of the plan.
        data: Where a benchmark's files are.
        model: Named on the command line.
        options: Of the run; its size, seed and budget are the plan's.

    Raises:
        NotFoundError: The task, the baseline or a rule's metric is not there.
        ConfigError: The plan is not valid, does not fit its task (``plan.unfit``), or another model is named
            (``plan.departs``).
    """
    plan = read_plan(path)
    loaded = plan_task(plan, path=path, data=data)
    task = loaded.task
    _check_fit(app, plan, task)
    chosen = options or RunOptions()
    limits = [limit for limit in (plan.budget_usd, chosen.budget_usd) if limit is not None]
    prepared = prepare(
        app,
        loaded,
        model=_model(plan, loaded, model),
        options=RunOptions(
            limit=plan.samples,
            seed=loaded.seed,
            budget_usd=min(limits, default=loaded.limits.budget_usd if loaded.limits else None),
            concurrency=chosen.concurrency,
            timeout_s=chosen.timeout_s,
            use_cache=chosen.use_cache,
        ),
    )
    departures = _departures(plan, task, decisions_of(app, plan.plan))
    return PlannedRun(plan=plan, prepared=prepared, departures=departures)


def _model(plan: PlanFile, loaded: LoadedTask, given: str | None) -> str:
    named = plan.model or (loaded.models[0] if len(loaded.models) == 1 else None)
    if given is not None and named is not None and given != named:
        raise ConfigError(
            f"the plan {plan.plan} is about {named}, not {given}",
            hint="write another plan for another model",
            code="plan.departs",
        )
    model = given or named
    if model is None:
        raise ConfigError(
            f"the plan {plan.plan} names no model", hint="model: provider/name, or --model", code="model.missing"
        )
    return model


def _check_fit(app: App, plan: PlanFile, task: Task) -> None:
    """Raises ConfigError or NotFoundError where the task cannot give what the plan asks for."""
    check_fit(plan, task)
    until = None if task.cascade is None else task.cascade.until
    if plan.until != until:
        task_says = "a fixed size" if until is None else f"until: {until.text}"
        raise unfit(f"the plan stops at {plan.stopping}, and task {task.name} at {task_says}", "say the same in both")
    if plan.baseline is not None:
        app.store.metadata.run(plan.baseline)
    _check_calibration(app, plan, task)


def _check_calibration(app: App, plan: PlanFile, task: Task) -> None:
    if plan.calibration == "map" and (task.cascade is None or task.cascade.calibration is None):
        raise unfit(
            f"the plan asks for a calibration map, and task {task.name} uses none", "calibration: map.json in its file"
        )
    if plan.calibration == "none":
        return
    from assay.app.judge_cards import card_note

    for judge in judges_of(task):
        note = card_note(app.store.objects, judge.version, name=judge.name, now=datetime.now(UTC))
        if note is not None:
            raise ConfigError(
                f"the plan asks for judge cards: {note}; nothing was sent",
                hint="assay judge card VERDICTS.csv --judge-version " + judge.version,
                code="plan.no_card",
            )


def _departures(plan: PlanFile, task: Task, before: Sequence[Mapping[str, Any]]) -> list[str]:
    now = figures_of(task)
    found = [
        f"{name} is version {now[name]} and was {version} when the plan was written"
        if name in now
        else f"{name} was planned, and the task does not have it any more"
        for name, version in plan.versions.items()
        if now.get(name) != version
    ]
    if plan.dataset is not None and task.dataset.content_hash != plan.dataset:
        found.append(f"the samples of {task.dataset.name} are others than when the plan was written")
    if before and before[-1]["plan_hash"] != plan_hash(plan):
        found.append(f"the plan was changed after run {before[-1]['run_id']} had been decided by it")
    return found


def decide_plan(app: App, planned: PlannedRun, summary: Mapping[str, Any]) -> dict[str, Any]:
    """The ``assay.plan_run/1`` document: the run, the decision by the plan's rules, and whether the plan was kept.

    A run that has not ended well is not decided: a look before the end is a look too many.
    """
    from assay.app.gates import gate_json
    from assay.app.results import gate

    plan, departures = planned.plan, list(planned.departures)
    samples = summary["samples"]
    decision, notes = None, list[str]()
    if summary["status"] == "done":
        decision = gate_json(gate(app, summary["run_id"], rules=plan.rules, baseline=plan.baseline))
        departures += _missed(plan, summary)
        notes = _tried_before(decisions_of(app, plan.plan), summary)
        keep_decision(app, plan, summary, verdict=decision["verdict"])
    document = {
        "schema": SCHEMA,
        "plan": plan.plan,
        "plan_hash": plan_hash(plan),
        "samples": {"planned": plan.samples, "drawn": samples["planned"], "scored": samples["scored"]},
        "stopping": plan.stopping,
        "decision": decision,
        "kept": decision is not None and not departures,
        "departures": departures,
        "notes": notes,
        "run": dict(summary),
    }
    return {**document, "sentence": _sentence(document)}


def _tried_before(before: Sequence[Mapping[str, Any]], summary: Mapping[str, Any]) -> list[str]:
    """A word on earlier decisions about something else; the same run again is replayed and no second try."""
    others = [row for row in before if row["manifest"] != summary["manifest"]]
    if not others:
        return []
    times = "once" if len(others) == 1 else f"{len(others):,} times"
    last = others[-1]
    return [
        f"the plan was decided {times} before about another task, model or data, last {last['verdict']} on"
        f" {last['decided_at'][:10]} by {last['run_id']}: what is tried until it passes may pass by luck"
    ]


def _missed(plan: PlanFile, summary: Mapping[str, Any]) -> list[str]:
    """What the run itself did not keep."""
    samples, found = summary["samples"], []
    if samples["scored"] < samples["planned"]:
        why = ", ".join(f"{count:,} × {reason}" for reason, count in samples["by_reason"].items())
        found.append(
            f"{samples['scored']:,} of {samples['planned']:,} planned samples are scored ({why or 'unscored'})"
        )
    if plan.half_width is not None:
        here = summary["cascade"]["these_items"]
        half = None if here["low"] is None else max(here["high"] - here["value"], here["value"] - here["low"])
        if half is None or half > plan.half_width * (1.0 + 1e-9):
            known = "is not known" if half is None else f"is {half:.3g}"
            found.append(f"the half-width {known}, and was to be at most {plan.half_width:g}")
    elif plan.until is not None and not summary["cascade"]["stopping"]["stopped"]:
        found.append(f"{plan.until.text} was not settled: {summary['cascade']['stopping']['sentence']}")
    return found


def _sentence(document: Mapping[str, Any]) -> str:
    decision = document["decision"]
    if decision is None:
        run = document["run"]
        return (
            f"Not decided: the run is {run['status']} with {document['samples']['scored'] or 0:,} of"
            f" {document['samples']['drawn']:,} samples scored, and a plan is decided once, at its end. Run it again:"
            " answered calls are replayed."
        )
    if document["kept"]:
        return f"{decision['verdict']}: the plan was kept."
    return f"{decision['verdict']}, but the plan was not kept: this is no confirmation of what was planned."
