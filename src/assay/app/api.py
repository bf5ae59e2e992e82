"""The Python interface: ``assay.run``, ``assay.compare``, ``assay.gate``."""

from __future__ import annotations

import asyncio
import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assay.app import results, runs
from assay.app.interrupts import interrupts
from assay.app.prepare import RunOptions, as_recorded, continued, new_run, prepare
from assay.app.tasks import LoadedTask
from assay.app.wiring import App
from assay.core.errors import AssayError
from assay.core.records import Decision, Estimate, Message
from assay.core.task import Prompt, Task

if TYPE_CHECKING:
    from assay.engine.compare import Comparison


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A finished run: its figures, and where to find the rest.

    Attributes:
        metrics: Estimates by metric name.
        document: The ``assay.run/1`` document, as ``--json`` prints it.
        store: Directory or URL of the store that holds it.
    """

    run_id: str
    status: str
    metrics: Mapping[str, Estimate]
    document: Mapping[str, Any]
    store: str

    def to_dict(self) -> dict[str, Any]:
        """The JSON document."""
        return dict(self.document)

    def to_frame(self) -> Any:
        """Scores as an Arrow table (``polars.from_arrow``, ``pandas`` and others read it without copying)."""
        from assay.app.exports import score_table

        app = App.create(flags={"store": self.store}, read_only=True)
        try:
            return score_table(app, self.run_id)
        finally:
            app.close()

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{html.escape(name)}</td><td>{_short(e.value)}</td><td>{_short(e.low)} – {_short(e.high)}</td>"
            f"<td>{e.n:,}</td><td>{html.escape(e.method)}</td></tr>"
            for name, e in self.metrics.items()
        )
        head = "<tr><th>metric</th><th>value</th><th>95% interval</th><th>n</th><th>method</th></tr>"
        title = " · ".join(
            html.escape(str(part)) for part in (self.document["task"], self.document["model"], self.status)
        )
        return f"<p>{title}</p><table>{head}{rows}</table>"


def _short(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"


def prompt(
    template: str | None = None, *, messages: Sequence[Message] | None = None, completion: bool = False
) -> Prompt:
    """A solver that makes one call with a Jinja2 template.

    Examples:
        >>> prompt("{{ input }}").completion
        False
    """
    return Prompt(template=template, messages=messages, completion=completion)


def run(task: Task, *, model: str, store: str | None = None, resume: str | None = None, **options: Any) -> Run:
    """Evaluate a model on a task.

    Args:
        model: ``provider/name``.
        store: Directory of the store; default as on the command line.
        resume: Go on with this run instead of starting one (same task and model).
        options: Fields of RunOptions: ``limit``, ``seed``, ``budget_usd``, ``concurrency``, ``timeout_s`` …

    Raises:
        AssayError: Found before the first call: unknown model, missing key, prompt that cannot be written; or there
            is a running event loop (``api.running_loop``), as in notebooks.
    """
    if _in_running_loop():
        raise AssayError(
            "assay.run cannot wait inside a running event loop, such as a notebook's; nothing was started",
            hint="write: run = await assay.arun(task, model=…)",
            code="api.running_loop",
        )
    return runs.in_loop(arun(task, model=model, store=store, resume=resume, **options))


def _in_running_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


async def arun(task: Task, *, model: str, store: str | None = None, resume: str | None = None, **options: Any) -> Run:
    """Like ``run``, inside a running event loop."""
    from assay.gateway import Gateway

    app = App.create(flags={"store": store})
    try:
        skipped = int(getattr(task.dataset, "skipped", 0))
        loaded = LoadedTask(task=task, source={"kind": "python", "task": task.name}, skipped=skipped)
        if resume is not None:
            loaded = as_recorded(app, loaded, resume)
        prepared = prepare(app, loaded, model=model, options=RunOptions(**options))
        plan = new_run(app, prepared) if resume is None else continued(app, prepared, resume)
        gateway = Gateway(prepared.config, journal=app.store.journal)
        try:
            with interrupts() as watching:
                summary = await runs.carry_out(
                    app, plan, gateway, options=prepared.options, observer=runs.Silent(), watching=watching
                )
        finally:
            await gateway.close()
        where = app.store.where
    finally:
        app.close()
    metrics = {name: Estimate(**estimate) for name, estimate in summary["metrics"].items()}
    return Run(
        run_id=plan.run_id,
        status=summary["status"],
        metrics=metrics,
        document=summary,
        store=where,
    )


def compare(baseline: Run | str, candidate: Run | str, *, store: str | None = None, margin: float = 0.0) -> Comparison:
    """Paired comparison of two runs of one store; ``comparison["exact_match"].difference`` is an Estimate."""
    app = App.create(flags={"store": store or _store_of(baseline)}, read_only=True)
    try:
        return results.compare(app, _id(baseline), _id(candidate), margin=margin)
    finally:
        app.close()


def gate(
    candidate: Run | str, *, rules: Sequence[str], baseline: Run | str | None = None, store: str | None = None
) -> Decision:
    """Pass, fail or inconclusive by rules on intervals (see ``assay gate --help``)."""
    app = App.create(flags={"store": store or _store_of(candidate)}, read_only=True)
    try:
        return results.gate(app, _id(candidate), rules=rules, baseline=None if baseline is None else _id(baseline))
    finally:
        app.close()


def _id(run: Run | str) -> str:
    return run if isinstance(run, str) else run.run_id


def _store_of(run: Run | str) -> str | None:
    return None if isinstance(run, str) else run.store
