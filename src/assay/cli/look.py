"""``runs``, ``show``, ``compare``, ``gate``: looking at what is there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from assay.app import results
from assay.cli.numbers import FiniteRange
from assay.cli.options import json_option, make_app, store_option
from assay.cli.output import interval, number, print_json, summary_text, table
from assay.cli.tiers_text import asked_text
from assay.cli.written_files import check_written, source_files


@click.command("runs")
@click.option("--task", help="Only runs of this task.")
@click.option("--model", help="Only runs of this model.")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True)
@store_option
@json_option
def runs_command(store: str | None, *, task: str | None, model: str | None, limit: int, as_json: bool) -> None:
    """List runs, newest first."""
    app = make_app(store, read_only=True)
    try:
        records = results.list_runs(app, task=task, model=model, limit=limit)
    finally:
        app.close()
    if as_json:
        print_json({"runs": records})
        return
    if not records:
        click.echo("no runs yet; start with: assay quickstart")
        return
    rows = []
    for record in records:
        metric = record["metrics"].get(record["primary"], {}) if record["metrics"] else {}
        value = number(metric.get("value"), metric.get("unit", "score"))
        rows.append([record["run_id"], record["task"], record["model"] or "", record["status"], value])
    click.echo(table(["run", "task", "model", "status", "value"], rows, align="<<<<>", cut=(1, 2)))
    stopped = [record["hint"] for record in records if record["status"] == "interrupted"]
    if stopped:
        click.echo(f"{len(stopped):,} interrupted; go on with: {stopped[0]}", err=True)


@click.command("show")
@click.argument("run_id")
@click.option("--sample", "sample_id", help="One sample: messages, output, every score.")
@click.option("--epoch", type=int, default=0)
@store_option
@json_option
def show_command(run_id: str, store: str | None, *, sample_id: str | None, epoch: int, as_json: bool) -> None:
    """Show RUN_ID (or ``last``), or one of its samples."""
    app = make_app(store, read_only=True)
    try:
        document = (
            results.show_run(app, run_id)
            if sample_id is None
            else results.show_item(app, run_id, sample_id, epoch=epoch)
        )
    finally:
        app.close()
    if as_json:
        print_json(document)
    elif sample_id is None:
        click.echo(summary_text(document) if document["samples"]["scored"] is not None else _unended_text(document))
        if document["hint"]:
            click.echo(f"go on with: {document['hint']}", err=True)
    else:
        click.echo(_item_text(document))


def _unended_text(document: dict[str, Any]) -> str:
    """A run that has never ended: how far it is, and who carries it out."""
    live, holder = document["live"], document["holder"]
    lines = [
        f"{document['task']} · {document['model'] or 'recorded outputs'} · {document['status']}",
        "",
        f"{live['finished']:,} of {live['planned']:,} items finished",
    ]
    if live["estimate"]:
        estimate = live["estimate"]
        value = number(estimate["value"], estimate.get("unit", "score"))
        lines.append(f"{live['metric']} so far: {value} ({interval(estimate)}), n = {estimate['n']:,}")
    if holder:
        lines.append(f"held by process {holder['pid']} on {holder['host']} since {holder['since']}")
    return "\n".join([*lines, f"run {document['run_id']}"])


def _item_text(item: dict[str, Any]) -> str:
    output = item["output"]
    lines = [f"sample {item['sample']['id']} · epoch {output['epoch']}", ""]
    for message in output["messages"]:
        content = message.get("content")
        text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
        lines += [f"[{message['role']}]", text or "", ""]
    if output["error"]:
        lines += [f"failed: {output['error']}: {output['finish_reason']}", ""]
    lines += [f"reference: {item['sample']['reference']}", ""]
    rows = [
        [
            score["scorer"],
            number(score["value"]),
            _one_line(score["label"] or score["reason"]),
            _one_line(score["explanation"]),
        ]
        for score in item["scores"]
    ]
    lines.append(table(["scorer", "value", "label", "explanation"], rows, align="<><<", cut=(0, 2, 3)))
    asked = asked_text(item["scores"])
    return "\n".join([*lines, "", *asked] if asked else lines)


def _one_line(text: str | None) -> str:
    return " ".join((text or "").split())


@click.command("compare")
@click.argument("baseline")
@click.argument("candidate")
@click.option("--margin", type=FiniteRange(min=0), default=0.0, help="Differences within ± this are equivalent.")
@click.option(
    "--segment", "segments", multiple=True, metavar="KEY", help="Metadata key to look for the worst segments in."
)
@click.option(
    "--flips",
    "flips_path",
    metavar="FILE",
    type=click.Path(dir_okay=False),
    help="Write the samples that were lost as a regression dataset.",
)
@store_option
@json_option
def compare_command(
    baseline: str,
    candidate: str,
    store: str | None,
    *,
    margin: float,
    segments: tuple[str, ...],
    flips_path: str | None,
    as_json: bool,
) -> None:
    """Compare CANDIDATE with BASELINE, paired on the samples both have scored.

    Exit status: 0 compared, 3 a run was not found or they share no sample.
    """
    app = make_app(store, read_only=True)
    try:
        check_written("flips_path", reads=source_files(app.store.metadata.run(candidate).manifest))
        comparison = results.compare(app, baseline, candidate, margin=margin, segments=segments)
        document = comparison.to_dict()
        if flips_path is not None:
            lines = results.regression_lines(app, document)
            Path(flips_path).write_text("".join(lines), encoding="utf-8")
            click.echo(f"{len(lines)} lost samples written to {flips_path}", err=True)
    finally:
        app.close()
    if as_json:
        print_json(document)
        return
    click.echo(f"baseline  {document['baseline']}\ncandidate {document['candidate']}")
    click.echo(f"{document['paired_samples']:,} samples paired\n")
    rows = []
    for name, metric in document["metrics"].items():
        difference = metric["difference"]
        unit = difference.get("unit", "score")
        p = metric["p_adjusted"]
        rows.append(
            [
                name,
                number(metric["baseline"]["value"], unit),
                number(metric["candidate"]["value"], unit),
                number(difference["value"], unit),
                interval(difference),
                "–" if p is None else "<0.001" if p < 0.001 else f"{p:.3f}",
                metric["verdict"],
            ]
        )
    click.echo(
        table(
            ["metric", "baseline", "candid.", "diff.", "95% interval", "p adj.", "verdict"],
            rows,
            align="<>>>>><",
            cut=(0, 4),
        )
    )
    click.echo("")
    for metric in document["metrics"].values():
        click.echo(metric["sentence"])
    for row in document["not_compared"]:
        click.echo(f"{row['metric']} is not compared: {row['reason']}")
    gained, lost = (len(document["flips"][side]) for side in ("gained", "lost"))
    if gained or lost:
        click.echo(f"{gained:,} samples gained, {lost:,} lost (--flips FILE writes the lost ones as a dataset)")
    for entry in document["segments"]:
        click.echo(f"segment: {entry['sentence']}")
    for entry in document["what_broke"]:
        if entry["verdict"] not in ("noninferior", "unknown"):
            click.echo(f"watch: {entry['sentence']}")


@click.command("gate")
@click.argument("run_id")
@click.option("--baseline", help="Run that relative rules compare with.")
@click.option(
    "--rule",
    "rules",
    multiple=True,
    required=True,
    metavar="RULE",
    help="e.g. 'exact_match.low >= 0.6' or 'noninferior(exact_match, margin=0.02)'; all must pass.",
)
@click.option("--junit", "junit_path", metavar="FILE", help="Write the verdicts as JUnit XML.")
@click.option("--markdown", "markdown_path", metavar="FILE", help="Write the verdicts as Markdown.")
@store_option
@json_option
@click.pass_context
def gate_command(
    ctx: click.Context,
    run_id: str,
    store: str | None,
    *,
    baseline: str | None,
    rules: tuple[str, ...],
    junit_path: str | None,
    markdown_path: str | None,
    as_json: bool,
) -> None:
    """Decide by rules on intervals whether RUN_ID passes.

    Exit status: 0 pass, 1 fail or inconclusive, 3 a run or metric was not found.
    """
    from assay.app.gates import gate_json, gate_junit, gate_markdown

    app = make_app(store, read_only=True)
    try:
        read = source_files(app.store.metadata.run(run_id).manifest)
        check_written("junit_path", "markdown_path", reads=read)
        decision = results.gate(app, run_id, baseline=baseline, rules=rules)
    finally:
        app.close()
    for path, render in ((junit_path, gate_junit), (markdown_path, gate_markdown)):
        if path:
            Path(path).write_text(render(decision), encoding="utf-8")
    if as_json:
        print_json(gate_json(decision))
    else:
        for rule in decision.rules:
            click.echo(f"{rule.verdict:<12}  {rule.rule}\n{'':14}{rule.sentence}")
        click.echo(f"\n{decision.verdict}")
    ctx.exit(0 if decision.verdict == "pass" else 1)
