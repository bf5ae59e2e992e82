"""Looking at runs: list, show, compare, gate. What the command line, the pages and Python all use."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from assay.app.tiered import (
    cascade_name,
    not_comparable,
    plain_item,
    reasons_asked,
    speaks_of,
    tiered_comparison,
    tiered_rules,
)
from assay.app.wiring import App
from assay.core.codec import to_plain
from assay.core.errors import InvalidInputError, NotFoundError, StoreError, nearest
from assay.core.protocols import Holder, PageQuery, ScoreColumn
from assay.core.records import Decision, RunRecord

if TYPE_CHECKING:
    from assay.engine.compare import Comparison, ScorerFacts

LIVE_ITEMS = 5_000
"""Items of an unended run that are read to say how it does so far."""


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
    return [run_row(app, record) for record in store.metadata.runs(task=task, model=model, limit=limit)]


class Standing(NamedTuple):
    """How a run stands now.

    Attributes:
        record: As it is stored; its status stays ``running`` when its process dies.
        status: As it is: a run that has not ended and that no living process holds is ``interrupted``.
        holder: Who carries it out, while it is running.
    """

    record: RunRecord
    status: str
    holder: Holder | None = None

    @property
    def hint(self) -> str | None:
        """What goes on with the run; ``None`` where nothing is to be done."""
        if self.status in ("done", "running"):
            return None
        if self.record.manifest.get("source", {}).get("kind") == "python":
            return f'assay.run(task, model=…, resume="{self.record.run_id}")'
        return f"assay resume {self.record.run_id}"


def standing(app: App, record: RunRecord) -> Standing:
    """How a run stands, whatever was written when its process could still write."""
    if record.status != "running":
        return Standing(record, record.status)
    holder = app.store.metadata.holder(record.run_id)
    if holder is not None:
        return Standing(record, record.status, holder)
    record = app.store.metadata.run(record.run_id)  # it may have ended between the two questions
    return Standing(record, "interrupted" if record.status == "running" else record.status)


def run_row(app: App, record: RunRecord) -> dict[str, Any]:
    """One line of the list of runs."""
    now = standing(app, record)
    record = now.record
    return {
        "run_id": record.run_id,
        "task": record.task,
        "model": record.model,
        "status": now.status,
        "hint": now.hint,
        "created_at": record.created_at,
        "suite_id": record.suite_id,
        "primary": record.manifest.get("primary"),
        "metrics": record.summary.get("metrics", {}),
        "usage": record.summary.get("usage", {}),
    }


def show_run(app: App, run_id: str) -> dict[str, Any]:
    """The ``assay.run/1`` document of a run, with its manifest and how it stands now.

    Returns:
        The run's summary with ``"status"``, ``"hint"`` (what goes on with it, or ``None``), ``"holder"`` (``{"host",
        "pid", "since"}`` while it is running), ``"live"`` (``live_figures``), ``"created_at"``,
        ``"manifest_document"``.

    Raises:
        NotFoundError: There is no such run.
    """
    now = standing(app, app.store.metadata.run(run_id))
    record = now.record
    return {
        **(record.summary or _empty_summary(record)),
        "status": now.status,
        "hint": now.hint,
        "holder": None if now.holder is None else now.holder._asdict(),
        "live": live_figures(app, record),
        "created_at": record.created_at,
        "manifest_document": record.manifest,
    }


def live_figures(app: App, record: RunRecord) -> dict[str, Any] | None:
    """How far a run is that has not ended in order: ``{"finished", "planned", "metric", "estimate"}``, else ``None``.

    The estimate is the primary metric's on the items finished so far, ``None`` while there are none and beyond
    5,000, where reading them all every few seconds would slow the run down. A run that is continued has its summary
    from the time before beside these.
    """
    if record.status != "running" and record.summary:
        return None
    planned = record.manifest.get("selection", {}).get("samples", 0) * record.manifest.get("epochs", 1)
    finished = len(app.store.journal.done(record.run_id))
    if app.store.results.sealed(record.run_id):  # continued, or stopped between its seal and its summary
        finished = max(finished, app.store.results.page(record.run_id, PageQuery(limit=1)).total)
    metric = record.manifest.get("primary")
    estimate = _so_far(app, record, metric) if metric and 0 < finished <= LIVE_ITEMS else None
    return {"finished": finished, "planned": planned, "metric": metric, "estimate": estimate}


def _so_far(app: App, record: RunRecord, metric: str) -> dict[str, Any] | None:
    from assay.engine.pairing import Reduced, stands_for, strata_of_run

    unit = next((scorer["unit"] for scorer in record.manifest.get("scorers", ()) if scorer["name"] == metric), "score")
    try:
        column = app.store.results.column(record.run_id, metric)
    except NotFoundError:  # none of the items has a verdict of this scorer
        return None
    found = Reduced.of(column)
    weights = stands_for(strata_of_run(record.manifest), found)
    return found.evidence(unit, weights=weights).estimate(0.95).to_dict()


def _empty_summary(record: RunRecord) -> dict[str, Any]:
    """What a run that never ended can say; how many samples are scored is not counted before the end."""
    return {
        "run_id": record.run_id,
        "task": record.task,
        "model": record.model,
        "schema": "assay.run/1",
        "manifest": record.manifest_hash,
        "primary": record.manifest["primary"],
        "samples": {
            "planned": record.manifest["selection"]["samples"],
            "scored": None,
            "unscored": None,
            "by_reason": {},
        },
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

    Returns:
        The item; each verdict of a tier has ``"asked"`` besides: ``{"by", "chance", "why"}``, or ``None`` where the
        run has not ended.

    Raises:
        NotFoundError: There is no such run or sample.
    """
    record = app.store.metadata.run(run_id)
    return plain_item(app.store.results.item(record.run_id, sample_id, epoch), reasons_asked(app, record))


def scorer_facts(record: RunRecord) -> dict[str, ScorerFacts]:
    """Unit, direction and version of a run's scorers and of its tiered figure, by name."""
    from assay.engine.compare import ScorerFacts

    facts = {
        scorer["name"]: ScorerFacts(
            unit=scorer["unit"], higher_is_better=scorer["higher_is_better"], version=scorer["version"]
        )
        for scorer in record.manifest["scorers"]
    }
    name = cascade_name(record)
    if name is not None:
        tier = speaks_of(record)
        facts[name] = ScorerFacts(
            unit=tier.get("unit", "score"),
            higher_is_better=tier.get("higher_is_better", True),
            version=tier.get("version", "people"),
        )
    return facts


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
    from assay.engine.pairing import strata_of_run

    before, after = (app.store.metadata.run(run) for run in (baseline, candidate))
    facts = scorer_facts(before)
    tiered = {cascade_name(before), cascade_name(after)}
    shared = [name for name in facts if name in scorer_facts(after) and name not in tiered]
    if not shared:
        lacking = "".join(f"; {row['metric']}: {row['reason']}" for row in not_comparable(app, before, after))
        raise InvalidInputError(
            f"{before.run_id} and {after.run_id} share no scorer{lacking}",
            hint="compare runs of one task",
            code="compare.no_scorer",
        )
    keys = segments or [key for key in before.manifest.get("segments", ()) if key in after.manifest.get("segments", ())]
    compared = compare_columns(
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
        strata=strata_of_run(after.manifest) or strata_of_run(before.manifest),
        tiered=tiered_comparison(app, before, after, confidence=confidence, margin=margin),
    )
    return replace(compared, not_compared=[*compared.not_compared, *not_comparable(app, before, after)])


def gate(app: App, run_id: str, *, rules: Sequence[str], baseline: str | None = None) -> Decision:
    """A decision by rules on intervals; relative rules need a baseline.

    Raises:
        NotFoundError: A run, or a metric a rule names, does not exist.
        ConfigError: A rule cannot be read.
    """
    from assay.engine.gate import decide
    from assay.engine.pairing import strata_of_run
    from assay.engine.rules import parse_rule
    from assay.engine.unheard import with_bounds

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
    decision = decide(
        parsed,
        candidate=columns(app, record),
        baseline=columns(app, before) if before is not None else None,
        scorers=facts,
        baseline_versions={name: fact.version for name, fact in scorer_facts(before).items()} if before else None,
        segments={key: app.store.results.segment(record.run_id, key) for key in keys},
        strata=strata_of_run(record.manifest),
        tiered=tiered_rules(app, parsed, record, before),
        baseline_strata=None if before is None else strata_of_run(before.manifest),
    )
    return with_bounds(decision, record.summary.get("metrics", {}))


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
