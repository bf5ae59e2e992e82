"""The JSON document of a run (``assay.run/1``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from assay.engine.tally import Tally

if TYPE_CHECKING:
    from assay.engine.run import RunPlan

SCHEMA = "assay.run/1"


def summarise(
    plan: RunPlan, tally: Tally, *, usage: Mapping[str, Any], stop: str | None, failed: int, seconds: float
) -> dict[str, Any]:
    """Figures of a run as it stands.

    ``status`` is ``done``; ``budget``, ``interrupted``, ``partial`` (timeout) or ``failed`` (key refused) when it was
    stopped; ``degraded`` when calls failed that another attempt may mend, or another model answered.
    """
    planned = len(plan.selection.rows)
    metrics = {name: estimate.to_dict() for name, estimate in tally.estimates().items()}
    scored = metrics[tally.primary]["n"]
    reasons = dict(tally.reasons)
    if planned > tally.samples:
        reasons[f"not_run:{stop or 'unfinished'}"] = planned - tally.samples
    return {
        "run_id": plan.run_id,
        "task": plan.task.name,
        "model": plan.model,
        "schema": SCHEMA,
        "status": _status(stop, failed=failed, degraded=tally.degraded),
        "manifest": plan.manifest_hash,
        "primary": tally.primary,
        "samples": {
            "planned": planned,
            "scored": scored,
            "unscored": planned - scored,
            "by_reason": reasons,
            "causes": tally.causes(),
            "failed": failed,
            "degraded": tally.degraded,
            "skipped": plan.skipped,
        },
        "metrics": metrics,
        "segments": tally.segments(),
        "notes": list(plan.task.notes),
        "usage": dict(usage),
        "seconds": round(seconds, 3),
    }


def _status(stop: str | None, *, failed: int, degraded: int) -> str:
    if stop is not None:
        return {"budget": "budget", "interrupted": "interrupted", "key_refused": "failed"}.get(stop, "partial")
    return "degraded" if failed or degraded else "done"
