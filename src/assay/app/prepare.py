"""A run before it is started: checked, priced, and written down."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from assay._version import __version__
from assay.app.spending import check_limits, limit_notes
from assay.app.tasks import LoadedTask, task_from_source
from assay.app.wiring import App, gateway_config
from assay.core.errors import AssayError, ConfigError
from assay.core.ids import make_id
from assay.core.records import RunRecord
from assay.core.task import Task
from assay.engine.manifest import build_manifest, manifest_hash
from assay.engine.plan import Plan, make_plan
from assay.engine.selection import Selection, select
from assay.engine.solve import judge_models, judges_of, required_capabilities
from assay.engine.state import RunPlan

if TYPE_CHECKING:
    from assay.gateway import GatewayConfig, Price


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """Arguments of a run that do not belong to its task.

    Attributes:
        timeout_s: The whole run ends after this many seconds with what it has; ``None`` is patient.
        use_cache: Replies of other runs may be used.
        include_degraded: Count what a fall-back model answered.
        project: What the run is booked on; the setting's when ``None``.
    """

    limit: int | None = None
    seed: int = 0
    budget_usd: float | None = None
    concurrency: int = 100
    timeout_s: float | None = None
    use_cache: bool = True
    include_degraded: bool = False
    project: str | None = None


@runtime_checkable
class Prepares(Protocol):
    """A scorer that can find out before a run that it cannot work here (no sandbox)."""

    def prepare(self) -> object: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A run that has been checked and priced and only needs to be started.

    Attributes:
        open_requests: Requests it keeps open at once: its concurrency, or more where they wait in batches.
        notes: What whoever starts it should know of the limits of spending.
    """

    loaded: LoadedTask
    model: str
    selection: Selection
    plan: Plan
    options: RunOptions
    config: GatewayConfig
    identity: str | None
    open_requests: int
    notes: Sequence[str] = ()


def prepare(app: App, loaded: LoadedTask, *, model: str, options: RunOptions) -> Prepared:
    """Everything that can be found wrong before the first call is found here.

    Raises:
        NotFoundError: The provider or model is unknown.
        ConfigError: A key is missing, the model cannot do what the task needs, its price is unknown and there is a
            budget, several completions a call are asked for, or the budget cannot give its tiers their shares.
        InvalidInputError: The prompt cannot be written for any of the first samples.
        BudgetExhaustedError: A limit of ``spending:`` is reached.
    """
    from assay.gateway import (
        batching_of,
        capabilities_of,
        check_model,
        check_params,
        model_identity,
        no_batches,
        open_requests,
        price_of,
    )

    options = replace(options, project=options.project or app.settings["project"])
    check_limits(app)
    folders = [str(loaded.source["directory"])] if "directory" in loaded.source else []
    config = gateway_config(app.settings, loaded.limits, concurrency=options.concurrency, folders=folders)
    models = [model, *judge_models(loaded.task)]
    for asked in models:
        check_model(asked, config, budget_usd=options.budget_usd)
    check_params(model, loaded.task.generate, config)
    offered = capabilities_of(model, config)
    missing = required_capabilities(loaded.task) - offered
    if missing:
        raise ConfigError(
            f"{model} does not offer {', '.join(sorted(missing))}, which task {loaded.task.name} needs",
            hint=_alternative(missing),
            code="model.cannot",
        )
    if "options" in required_capabilities(loaded.task) and batching_of(model, config) is not None:
        raise no_batches(f"task {loaded.task.name} scores options by their likelihood, which no batch gives")
    for scorer in loaded.task.scorers:
        if isinstance(scorer, Prepares):
            scorer.prepare()
    selection = select(loaded.task.dataset, limit=options.limit, seed=options.seed)
    price = price_of(model, config)

    def planned(task: Task) -> Plan:
        return make_plan(
            task,
            model=model,
            selection=selection,
            price_per_million=_per_million(price),
            price=None if price is None else price.to_dict(),
            concurrency=options.concurrency,
            priced=lambda asked: _per_million(price_of(asked, config)),
        )

    plan = planned(loaded.task)
    if loaded.task.cascade is not None and loaded.task.cascade.open:
        from assay.app.tier_shares import spread_budget

        task = spread_budget(loaded.task, plan, model=model, budget_usd=options.budget_usd)
        loaded, plan = replace(loaded, task=task), planned(task)
    identity = model_identity(model, config)
    return Prepared(
        loaded=loaded,
        model=model,
        selection=selection,
        plan=plan,
        options=options,
        config=config,
        identity=identity,
        open_requests=open_requests(models, config),
        notes=limit_notes(app, more_usd=plan.whole_cost_usd_max),
    )


def _per_million(price: Price | None) -> dict[str, float] | None:
    return None if price is None else {"input": price.input, "output": price.output}


def _alternative(missing: frozenset[str]) -> str:
    if "options" in missing:
        return "options are scored by local/ models and by servers with prompt log-probs (vllm/); or use style=letter"
    if "completion" in missing:
        return "chat models take messages; leave completion out, or use a completion server (vllm/, llamacpp/, local/)"
    return "choose another model; see: assay models"


def new_run(app: App, prepared: Prepared, *, suite_id: str | None = None) -> RunPlan:
    """Record a run in the store and return its plan."""
    now = time.time()
    manifest = _manifest(prepared)
    digest = manifest_hash(manifest)
    plan = _plan(
        app,
        prepared,
        run_id=make_id("run", now_ms=int(now * 1000), entropy=os.urandom(10)),
        manifest=manifest,
        digest=digest,
    )
    # Held before it can be seen: a run that nobody holds is shown as interrupted.
    app.store.metadata.acquire(plan.run_id)
    app.store.metadata.create_run(
        RunRecord(
            run_id=plan.run_id,
            task=plan.task.name,
            model=plan.model,
            status="running",
            manifest=manifest,
            manifest_hash=digest,
            created_at=datetime.fromtimestamp(now, UTC).isoformat(timespec="seconds"),
            suite_id=suite_id,
        )
    )
    return plan


def _manifest(prepared: Prepared) -> dict[str, Any]:
    return build_manifest(
        prepared.loaded.task,
        model=prepared.model,
        model_identity=prepared.identity,
        selection=prepared.selection,
        source=prepared.loaded.source,
        options=asdict(prepared.options),
        prices=prepared.plan.price,
        version=__version__,
    )


def _plan(app: App, prepared: Prepared, *, run_id: str, manifest: Mapping[str, Any], digest: str) -> RunPlan:
    return RunPlan(
        run_id=run_id,
        task=prepared.loaded.task,
        model=prepared.model,
        selection=prepared.selection,
        manifest=manifest,
        manifest_hash=digest,
        concurrency=prepared.open_requests,
        timeout_s=prepared.options.timeout_s,
        include_degraded=prepared.options.include_degraded,
        # one after the other, each would wait for a batch of its own
        judges_at_once=prepared.open_requests > prepared.options.concurrency,
        skipped=prepared.loaded.skipped,
        notes=[*_card_notes(app, prepared.loaded.task), *_budget_notes(prepared)],
        late_notes=lambda: limit_notes(app),
        begun_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _budget_notes(prepared: Prepared) -> list[str]:
    beyond = prepared.plan.beyond_budget(prepared.options.budget_usd)
    return [] if beyond is None else [beyond]


def _card_notes(app: App, task: Task) -> list[str]:
    """Which judges of the task have no card, or an old one."""
    judges = judges_of(task)
    if not judges:
        return []
    from assay.app.judge_cards import card_note

    now = datetime.now(UTC)
    notes = {judge.version: card_note(app.store.objects, judge.version, name=judge.name, now=now) for judge in judges}
    return [f"{note} (version {version})" for version, note in notes.items() if note is not None]


def recorded(
    app: App, run_id: str, *, budget_usd: float | None = None, timeout_s: float | None = None
) -> tuple[RunPlan, Prepared]:
    """A recorded run, prepared again from its manifest.

    Raises:
        NotFoundError: There is no such run.
        AssayError: Its task now resolves to something else (``run.changed``), so going on would mix two tasks.
    """
    record = app.store.metadata.run(run_id)
    saved = record.manifest["options"]
    options = replace(
        RunOptions(**saved), timeout_s=timeout_s, budget_usd=saved["budget_usd"] if budget_usd is None else budget_usd
    )
    loaded = as_recorded(app, task_from_source(record.manifest["source"]), run_id)
    prepared = prepare(app, loaded, model=record.manifest["model"], options=options)
    return continued(app, prepared, record.run_id), prepared


def as_recorded(app: App, loaded: LoadedTask, run_id: str) -> LoadedTask:
    """The task with the shares that a budget gave its tiers when the run was started.

    Raises:
        NotFoundError: There is no such run.
    """
    if loaded.task.cascade is None or not loaded.task.cascade.open:
        return loaded
    from assay.app.tier_shares import recorded_shares

    return replace(loaded, task=recorded_shares(loaded.task, app.store.metadata.run(run_id).manifest))


def continued(app: App, prepared: Prepared, run_id: str) -> RunPlan:
    """The plan of a recorded run whose task was built again by other means (Python).

    Raises:
        NotFoundError: There is no such run.
        AssayError: The task is not the run's (``run.changed``).
    """
    record = app.store.metadata.run(run_id)
    fresh = _manifest(prepared)
    if manifest_hash(fresh) != record.manifest_hash:
        ignored = ("options", "versions", "prices")
        changed = sorted(key for key in fresh if key not in ignored and fresh[key] != record.manifest.get(key))
        raise AssayError(
            f"run {record.run_id} cannot go on: {', '.join(changed)} changed since it was started; what it has is kept",
            hint="restore what changed, or start a new run",
            code="run.changed",
        )
    return _plan(app, prepared, run_id=record.run_id, manifest=record.manifest, digest=record.manifest_hash)
