"""The manifest fixes a run: what was asked for, what it resolved to, and what it depended on."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

from assay.core.canonical import content_hash
from assay.core.task import Task, Tool
from assay.engine.selection import Selection

SCHEMA = "assay.manifest/1"


def build_manifest(
    task: Task,
    *,
    model: str,
    model_identity: str | None,
    selection: Selection,
    source: Mapping[str, Any],
    options: Mapping[str, Any],
    prices: Mapping[str, Any] | None,
    version: str,
) -> dict[str, Any]:
    """A JSON document that determines the run's calls.

    Args:
        source: How to build the task again: ``{"kind": "benchmark" | "config" | "python", …}``.
        model_identity: Hash of local weights, where the model is a file.
        options: Arguments as passed (budget, concurrency, cache …); they do not change the rows.
        prices: The model's price and its date, ``None`` when unknown.
    """
    return {
        "schema": SCHEMA,
        "task": task.name,
        "source": dict(source),
        "dataset": {"name": task.dataset.name, "hash": task.dataset.content_hash, "samples": selection.population},
        "selection": {"limit": selection.limit, "seed": selection.seed, "samples": len(selection.rows)},
        "solver": describe(task.solver),
        "scorers": [
            {
                "name": scorer.name,
                "kind": type(scorer).__name__,
                "version": scorer.version,
                "unit": scorer.unit,
                "higher_is_better": scorer.higher_is_better,
            }
            for scorer in task.scorers
        ],
        "metrics": {name: [metric.name for metric in metrics] for name, metrics in task.metrics.items()},
        "primary": task.primary or task.scorers[0].name,
        "segments": list(task.segments),
        "notes": list(task.notes),
        "generate": describe(task.generate),
        "epochs": task.epochs,
        "model": model,
        "model_identity": model_identity,
        "prices": dict(prices) if prices else None,
        "options": dict(options),
        "versions": {"assay": version, "python": platform.python_version()},
    }


def manifest_hash(manifest: Mapping[str, Any]) -> str:
    """Hash of everything that decides the rows: options and versions of the environment are left out."""
    return content_hash({key: value for key, value in manifest.items() if key not in ("options", "versions", "prices")})


def describe(value: Any) -> Any:
    """A specification as JSON: datasets by their hash, tools by their interface."""
    if isinstance(value, Tool):
        return {"name": value.name, "description": value.description, "parameters": describe(value.parameters)}
    if hasattr(value, "content_hash"):
        return {"name": value.name, "hash": value.content_hash, "samples": len(value)}
    if is_dataclass(value) and not isinstance(value, type):
        plain = {spec.name: describe(getattr(value, spec.name)) for spec in fields(value)}
        return {"kind": type(value).__name__, **plain}
    if isinstance(value, Mapping):
        return {str(key): describe(entry) for key, entry in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [describe(entry) for entry in value]
    return value
