"""Looking at runs: list, show, compare, gate. What the command line, the pages and Python all use."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from assay.app.wiring import App
from assay.core.codec import to_plain
from assay.core.errors import InvalidInputError, NotFoundError, StoreError, nearest
from assay.core.protocols import ScoreColumn
from assay.core.records import Decision, RunRecord

if TYPE_CHECKING:
    from assay.engine.compare import Comparison, ScorerFacts


def list_runs(app: App, *, task: str | None = None, model: str | None = None, limit: int = 50) -> list[dict[str, Any]]:
    """Runs newest first, with their metrics where they have ended; none where nobody has made a store yet.

    Raises:
        StoreError: The store was named, and is not there.
    """
    try:
        store = app.store
    except StoreError as error:
        if error.code == "store.missing" and app.settings.resolved["store"].source == "default":
            return []
        raise
    return [run_row(record) for record in store.metadata.runs(task=task, model=model, limit=limit)]


def run_row(record: RunRecord) -> dict[str, Any]:
    """One line of the list of runs."""
    return {
        "run_id": record.run_id,
        "task": record.task,
        "model": record.model,
        "status": record.status,
        "created_at": record.created_at,
        "suite_id": record.suite_id,
        "primary": record.manifest.get("primary"),
        "metrics": record.summary.get("metrics", {}),
        "usage": record.summary.get("usage", {}),
    }


def show_run(app: App, run_id: str) -> dict[str, Any]:
    """The ``assay.run/1`` document of a run, with its manifest and when it was started.

    Raises:
        NotFoundError: There is no such run.
    """
    record = app.store.metadata.run(run_id)
    summary = dict(record.summary) or _empty_summary(record)
    return {**summary, "status": record.status, "created_at": record.created_at, "manifest_document": record.manifest}


def _empty_summary(record: RunRecord) -> dict[str, Any]:
    planned = record.manifest["selection"]["samples"]
    return {
        "run_id": record.run_id,
        "task": record.task,
        "model": record.model,
        "schema": "assay.run/1",
        "manifest": record.manifest_hash,
        "primary": record.manifest["primary"],
        "samples": {"planned": planned, "scored": 0, "unscored": planned, "by_reason": {"not_run:unfinished": planned}},
        "metrics": {},
        "segments": [],
        "notes": [],
        "usage": {
            "requests": 0,
            "cached": 0,
            "input_tokens": 0,
            "output_tokens": 0,
            "cost_usd": None,
            "unpriced_requests": 0,
        },
        "seconds": 0.0,
    }


def show_item(app: App, run_id: str, sample_id: str, *, epoch: int = 0) -> dict[str, Any]:
    """One sample of a run with its output and every score.

    Raises:
        NotFoundError: There is no such run or sample.
    """
    record = app.store.metadata.run(run_id)
    return to_plain(app.store.results.item(record.run_id, sample_id, epoch))


def scorer_facts(record: RunRecord) -> dict[str, ScorerFacts]:
    """Unit, direction and version of a run's scorers, by name."""
    from assay.engine.compare import ScorerFacts

    return {
        scorer["name"]: ScorerFacts(
            unit=scorer["unit"], higher_is_better=scorer["higher_is_better"], version=scorer["version"]
        )
        for scorer in record.manifest["scorers"]
    }


def columns(app: App, record: RunRecord) -> dict[str, ScoreColumn]:
    """Every scorer's verdicts on a run."""
    return {
        scorer["name"]: app.store.results.column(record.run_id, scorer["name"]) for scorer in record.manifest["scorers"]
    }


def compare(
    app: App,
    baseline: str,
    candidate: str,
    *,
    margin: float = 0.0,
    segments: Sequence[str] = (),
    confidence: float = 0.95,
) -> Comparison:
    """Paired comparison of two runs.

    Raises:
        NotFoundError: A run does not exist.
        InvalidInputError: They share no sample or no scorer.
    """
    from assay.engine.broke import BrokeColumns
    from assay.engine.compare import compare_columns

    before, after = (app.store.metadata.run(run) for run in (baseline, candidate))
    facts = scorer_facts(before)
    shared = [name for name in facts if name in scorer_facts(after)]
    if not shared:
        raise InvalidInputError(
            f"{before.run_id} and {after.run_id} share no scorer",
            hint="compare runs of one task",
            code="compare.no_scorer",
        )
    keys = segments or [key for key in before.manifest.get("segments", ()) if key in after.manifest.get("segments", ())]
    return compare_columns(
        {name: app.store.results.column(before.run_id, name) for name in shared},
        {name: app.store.results.column(after.run_id, name) for name in shared},
        scorers={name: facts[name] for name in shared},
        candidate_versions={name: scorer_facts(after)[name].version for name in shared},
        baseline_run=before.run_id,
        candidate_run=after.run_id,
        margin=margin,
        confidence=confidence,
        segments={key: app.store.results.segment(before.run_id, key) for key in keys},
        broke=BrokeColumns.of(app.store.results, before.run_id, after.run_id),
    )


def gate(app: App, run_id: str, *, rules: Sequence[str], baseline: str | None = None) -> Decision:
    """A decision by rules on intervals; relative rules need a baseline.

    Raises:
        NotFoundError: A run, or a metric a rule names, does not exist.
        ConfigError: A rule cannot be read.
    """
    from assay.engine.gate import decide
    from assay.engine.rules import parse_rule

    parsed = [parse_rule(text) for text in rules]
    record = app.store.metadata.run(run_id)
    before = app.store.metadata.run(baseline) if baseline is not None else None
    facts = scorer_facts(record)
    for rule in parsed:
        if rule.metric not in facts:
            raise NotFoundError(
                f"run {record.run_id} has no metric {rule.metric!r}",
                hint=nearest(rule.metric, facts),
                code="metric.unknown",
            )
    keys = {rule.segment[0] for rule in parsed if rule.segment is not None}
    return decide(
        parsed,
        candidate=columns(app, record),
        baseline=columns(app, before) if before is not None else None,
        scorers=facts,
        baseline_versions={name: fact.version for name, fact in scorer_facts(before).items()} if before else None,
        segments={key: app.store.results.segment(record.run_id, key) for key in keys},
    )


def regression_lines(app: App, comparison: Mapping[str, Any]) -> list[str]:
    """The samples the candidate lost, as lines of a dataset."""
    lines = []
    for sample_id in comparison["flips"]["lost"]:
        item = app.store.results.item(comparison["candidate"], sample_id, 0)
        sample = {key: value for key, value in to_plain(item.sample).items() if value not in (None, {}, False)}
        sample["metadata"] = {
            **sample.get("metadata", {}),
            "lost_in": comparison["candidate"],
            "won_in": comparison["baseline"],
        }
        lines.append(json.dumps(sample, ensure_ascii=False) + "\n")
    return lines
