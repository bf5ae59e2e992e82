"""``assay experiment``: plan, monitor, analyze, and the registry that holds analysts to their plan."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.app.experiment_file import MetricFields, load_experiment
from assay.core.codec import to_document
from assay.core.errors import ConfigError, DataError, NotFoundError, StoreError
from assay.core.protocols import Objects
from assay.datasets.columns import TableFile
from assay.experiments.analysis import Analysis, analyze
from assay.experiments.monitor import checked_state, state_of, watch
from assay.experiments.registry import Registration
from assay.experiments.scan import Scan
from assay.experiments.spec import Experiment

if TYPE_CHECKING:
    from assay.stats.design.result import SampleSize

WEBHOOK_TIMEOUT_S = 10.0


def plan_experiment(path: str, *, n: int | None = None) -> dict[str, Any]:
    """For every metric whose level or spread is known: units an arm for its smallest effect, and what n would see.

    Args:
        path: The experiment file; metrics give ``baseline`` (shares) or ``std_dev`` (others).
        n: Units an arm that are at hand; the file's ``planned_n`` without it.
    """
    experiment, file = load_experiment(path)
    at_hand = n or experiment.planned_n
    rows = [row for metric in file.metrics if (row := _planned(metric, experiment, at_hand)) is not None]
    if not rows:
        raise ConfigError(
            f"{path}: no metric says what is known of it before the experiment",
            hint="give metrics a baseline (shares) or std_dev, and minimum_effect",
            code="experiment.no_baseline",
        )
    return {"schema": "assay.experiment.plan/1", "experiment": experiment.name, "n_at_hand": at_hand, "metrics": rows}


def _planned(metric: MetricFields, experiment: Experiment, n: int | None) -> dict[str, Any] | None:
    from assay.stats.design.means import plan_means
    from assay.stats.design.proportions import plan_proportions

    known: dict[str, Any]
    solve: Callable[..., SampleSize]
    if metric.kind == "share" and metric.baseline is not None:
        solve, known = plan_proportions, {"baseline": metric.baseline}
    elif metric.std_dev is not None:
        solve, known = plan_means, {"std_dev": metric.std_dev}
    else:
        return None
    # Holm's first step over the treatments: what every one of them can count on.
    known |= {"alpha": (1.0 - experiment.confidence) / max(1, len(experiment.treatments))}
    if metric.role == "guardrail":
        known |= {"hypothesis": "non-inferiority", "margin": metric.margin, "alpha": (1.0 - experiment.confidence) / 2}
    row: dict[str, Any] = {"metric": metric.name, "role": metric.role, "kind": metric.kind}
    effect = 0.0 if metric.role == "guardrail" else metric.minimum_effect
    if effect is not None and not (metric.role == "guardrail" and not metric.margin):
        row["needed"] = solve(difference=effect, power=experiment.power, **known).to_dict()
        if n is not None:
            row["power_at_n"] = solve(difference=effect, n=n, **known).power
    if n is not None and metric.role != "guardrail":
        row["detectable_at_n"] = solve(n=n, power=experiment.power, **known).difference
    return row


def monitor_experiment(
    path: str, data: str, *, state: Path, webhook: str | None = None, now: datetime | None = None
) -> dict[str, Any]:
    """Look at the guardrails once, keep the state, and call the webhook when the experiment is halted."""
    experiment, _ = load_experiment(path)
    before = None
    if state.exists():
        try:
            before = checked_state(json.loads(state.read_text(encoding="utf-8")), experiment)
        except (OSError, ValueError) as error:
            raise DataError(
                f"the state {state} cannot be read: {error}; it was left as it was", hint="name another --state"
            ) from error
    table = TableFile(data)
    try:
        look = watch(Scan(table, experiment), experiment, at=time_stamp(now), before=before)
    finally:
        table.close()
    document = state_of(look, experiment)
    _replace(state, json.dumps(document, ensure_ascii=False, indent=2))
    if look.halted and webhook and not (before or {}).get("halted"):
        document = {**document, "webhook": _post(webhook, document)}
    return document


def analyze_experiment(path: str, data: str, *, objects: Objects) -> tuple[Experiment, Analysis]:
    """The analysis of a table or query, held to the pre-registration where there is one."""
    experiment, _ = load_experiment(path)
    registration = registered(experiment.name, objects=objects)
    table = TableFile(data)
    try:
        return experiment, analyze(Scan(table, experiment), experiment, registration=registration)
    finally:
        table.close()


def register(path: str, *, objects: Objects, now: datetime | None = None) -> Registration:
    """Fix an experiment; it can be done once.

    Raises:
        ConfigError: It is registered already (``experiment.registered``).
    """
    experiment, _ = load_experiment(path)
    known = registered(experiment.name, objects=objects)
    if known is not None:
        raise ConfigError(
            f"{experiment.name} was registered on {known.registered_at} and stays as it was",
            hint="give a changed experiment a new name; its analysis will say what differs",
            code="experiment.registered",
        )
    made = Registration.of(experiment, registered_at=time_stamp(now))
    objects.put(_place(experiment.name), json.dumps(made.to_dict(), ensure_ascii=False, indent=2).encode())
    return made


def registered(name: str, *, objects: Objects) -> Registration | None:
    """The registration of that name; ``None`` when there is none."""
    if not objects.exists(_place(name)):
        return None
    return Registration.from_dict(json.loads(objects.get(_place(name))))


def known_registration(name: str, *, objects: Objects) -> Registration:
    """The registration of that name; raises NotFoundError."""
    found = registered(name, objects=objects)
    if found is None:
        raise NotFoundError(f"{name} is not registered", hint="assay experiment registry add FILE.yaml")
    return found


def analysis_document(experiment: Experiment, analysis: Analysis) -> dict[str, Any]:
    """The ``analyze --json`` document."""
    return {"schema": "assay.experiment/1", "control": experiment.control, "stopping": experiment.stopping,
            **to_document(analysis)}  # fmt: skip


def _place(name: str) -> str:
    return f"experiments/{name}/registration.json"


def time_stamp(now: datetime | None = None) -> str:
    """ISO 8601, UTC; the moment when none is given."""
    return (now or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _replace(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}.tmp")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        raise StoreError(
            f"the state could not be written to {path}: {error.strerror}; the one before is kept",
            hint="free space, or name another --state",
        ) from error


def _post(url: str, document: Mapping[str, Any]) -> str:
    """Tell whoever must know; a webhook that fails is said, and does not hide that the experiment is halted."""
    from urllib.error import URLError
    from urllib.request import Request, urlopen

    if not url.startswith(("http://", "https://")):
        return f"not called: {url} is no http address"
    body = json.dumps(document).encode()
    request = Request(url, data=body, headers={"content-type": "application/json"})  # noqa: S310 - checked above
    try:
        with urlopen(request, timeout=WEBHOOK_TIMEOUT_S) as reply:  # noqa: S310
            return f"called: {reply.status}"
    except (URLError, OSError) as error:
        return f"failed: {error}"
