"""The Python interface: ``assay.run``, ``assay.compare``, ``assay.gate``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assay.app import results, runs
from assay.app.tasks import LoadedTask
from assay.app.wiring import App, gateway_config
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
        store: Directory of the store that holds it.
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

        app = App.create(flags={"store": self.store})
        try:
            return score_table(app, self.run_id)
        finally:
            app.close()

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{name}</td><td>{e.value}</td><td>{e.low} – {e.high}</td><td>{e.n}</td><td>{e.method}</td></tr>"
            for name, e in self.metrics.items()
        )
        head = "<tr><th>metric</th><th>value</th><th>95% interval</th><th>n</th><th>method</th></tr>"
        title = f"<p><b>{self.document['task']}</b> · {self.document['model']} · {self.status}</p>"
        return f"{title}<table>{head}{rows}</table>"


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
        AssayError: Found before the first call: unknown model, missing key, prompt that cannot be written.
    """
    return runs.in_loop(arun(task, model=model, store=store, resume=resume, **options))


async def arun(task: Task, *, model: str, store: str | None = None, resume: str | None = None, **options: Any) -> Run:
    """Like ``run``, inside a running event loop."""
    from assay.gateway import Gateway

    app = App.create(flags={"store": store})
    try:
        loaded = LoadedTask(task=task, source={"kind": "python", "task": task.name})
        prepared = runs.prepare(app, loaded, model=model, options=runs.RunOptions(**options))
        plan = runs.new_run(app, prepared) if resume is None else runs.continued(app, prepared, resume)
        gateway = Gateway(gateway_config(app.settings), journal=app.store.journal)
        try:
            summary = await runs.carry_out(app, plan, gateway, options=prepared.options, observer=runs.Silent())
        finally:
            await gateway.close()
    finally:
        app.close()
    metrics = {name: Estimate(**estimate) for name, estimate in summary["metrics"].items()}
    return Run(
        run_id=plan.run_id,
        status=summary["status"],
        metrics=metrics,
        document=summary,
        store=str(app.settings["store"]),
    )


def compare(baseline: Run | str, candidate: Run | str, *, store: str | None = None, margin: float = 0.0) -> Comparison:
    """Paired comparison of two runs of one store; ``comparison["exact_match"].difference`` is an Estimate."""
    app = App.create(flags={"store": store or _store_of(baseline)})
    try:
        return results.compare(app, _id(baseline), _id(candidate), margin=margin)
    finally:
        app.close()


def gate(
    candidate: Run | str, *, rules: Sequence[str], baseline: Run | str | None = None, store: str | None = None
) -> Decision:
    """Pass, fail or inconclusive by rules on intervals (see ``assay gate --help``)."""
    app = App.create(flags={"store": store or _store_of(candidate)})
    try:
        return results.gate(app, _id(candidate), rules=rules, baseline=None if baseline is None else _id(baseline))
    finally:
        app.close()


def _id(run: Run | str) -> str:
    return run if isinstance(run, str) else run.run_id


def _store_of(run: Run | str) -> str | None:
    return None if isinstance(run, str) else run.store
