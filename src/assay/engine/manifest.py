"""The manifest fixes a run: what was asked for, what it resolved to, and what it depended on."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

from assay.core.canonical import content_hash
from assay.core.cascade import Cascade, People
from assay.core.golden import Golden
from assay.core.protocols import Judge
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
                **({"model": scorer.model} if isinstance(scorer, Judge) else {}),
            }
            for scorer in task.scorers
        ],
        "metrics": {name: [metric.name for metric in metrics] for name, metrics in task.metrics.items()},
        "primary": task.primary or (task.cascade.name if task.cascade else task.scorers[0].name),
        **({} if task.cascade is None else {"cascade": _cascade(task.cascade)}),
        **({} if task.golden is None else {"golden": _golden(task.golden)}),
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


def _golden(golden: Golden) -> dict[str, Any]:
    return {
        "hash": golden.content_hash,
        "items": len(golden.items),
        "share": golden.share,
        "tolerance": golden.tolerance,
        "seed": golden.seed,
    }


def _cascade(cascade: Cascade) -> dict[str, Any]:
    """Tiers and terms; people's labels are answers, like a model's, and no part of it."""
    return {
        "name": cascade.name,
        "free": list(cascade.free),
        "speaks_of": cascade.speaks_of,
        "seed": cascade.seed,
        "half_width": None if cascade.until is None else cascade.until.half_width,
        **({} if cascade.until is None or cascade.until.figure is None else {"until": cascade.until.text}),
        "certain": cascade.certain,
        "policy": cascade.policy,
        "calibration": None if cascade.calibration is None else cascade.calibration.hash,
        **({} if cascade.because is None else {"because": cascade.because}),
        "tiers": [
            {
                "tier": tier.name,
                "share": tier.share,
                **({} if tier.why is None else {"why": tier.why}),
                **(
                    {
                        "people": {"usd_per_label": tier.asks.usd_per_label, "raters": tier.asks.raters},
                        **tier.asks.told,
                    }
                    if isinstance(tier.asks, People)
                    else {
                        "judge": tier.asks.name,
                        "model": tier.asks.model,
                        "version": tier.asks.version,
                        "unit": tier.asks.unit,
                        "higher_is_better": tier.asks.higher_is_better,
                    }
                ),
            }
            for tier in cascade.tiers
        ],
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
