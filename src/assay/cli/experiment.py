"""``experiment``: plan, assign, monitor, analyze, registry."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from assay.cli.options import json_option, make_app, store_option
from assay.cli.output import number, print_json, table
from assay.cli.written_files import check_written

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.group("experiment")
def experiment_command() -> None:
    """A/B tests on live traffic, from the plan to the verdict; see: assay schema experiment."""


@experiment_command.command("plan")
@click.argument("spec")
@click.option("--n", type=click.IntRange(min=2), help="Units an arm that are at hand.")
@json_option
def plan(spec: str, *, n: int | None, as_json: bool) -> None:
    """Units an arm that SPEC needs, and what the units at hand can show.

    Exit status: 0 done, 3 no metric says what is known of it.
    """
    from assay.app.experiments import plan_experiment

    document = plan_experiment(spec, n=n)
    if as_json:
        print_json(document)
        return
    rows = []
    for row in document["metrics"]:
        unit = "share" if row["kind"] == "share" else "score"
        needed = row.get("needed")
        effect = None if needed is None else needed["margin" if row["role"] == "guardrail" else "difference"]
        rows.append(
            [
                row["metric"],
                row["role"],
                _effect(effect, unit),
                "–" if needed is None else f"{needed['n'][0]:,}",
                number(row.get("power_at_n"), "share"),
                _effect(row.get("detectable_at_n"), unit),
            ]
        )
    header, known = ["metric", "role", "effect", "n an arm"], document["n_at_hand"]
    if known is None:
        rows = [row[:4] for row in rows]
    else:
        header += [f"power at {known:,}", f"visible at {known:,}"]
    click.echo(table(header, rows, align="<<>>>>", cut=[0]))


def _effect(value: float | None, unit: str) -> str:
    """Differences of shares in points, so that nobody reads them as relative."""
    if value is None:
        return "–"
    return f"{value * 100:.2f} points" if unit == "share" else f"{value:.3g}"


@experiment_command.command("assign")
@click.argument("spec")
@click.argument("units")
@click.option("--column", help="Column of the unit (default: the experiment's).")
@click.option("--stratum", help="Balance the arms within the values of this column.")
@click.option("--beside", multiple=True, metavar="SPEC", help="Experiments that must not share a unit with this one.")
@click.option("--output", "-o", type=_FILE, help="Write unit and arm as CSV.")
@click.option("--log", "log_path", type=_FILE, help="Append first exposures as JSON lines.")
@click.option("--aa", metavar="COLUMN", help="A/A check on past values instead: splits by 200 salts.")
@json_option
def assign(
    spec: str,
    units: str,
    *,
    column: str | None,
    stratum: str | None,
    beside: tuple[str, ...],
    output: Path | None,
    log_path: Path | None,
    aa: str | None,
    as_json: bool,
) -> None:
    """Arms of the UNITS of a table, by SPEC's salted hash; every process gives the same answer.

    Exit status: 0 assigned (or the A/A check is sound), 1 it is not, 3 the units cannot be assigned.
    """
    check_written("output", "log_path")
    from assay.app.assignment import assign_units, check_assignment, log_exposures, split_summary, write_assignment

    if aa is not None:
        document = check_assignment(spec, units, aa)
        rate = document["false_alarms"]
        if as_json:
            print_json(document)
        else:
            click.echo(
                f"{document['draws']} splits of past {aa}: {number(rate['value'], 'share')} differ at .05 "
                f"({number(rate['low'], 'share')} to {number(rate['high'], 'share')}): "
                + ("sound" if document["sound"] else "NOT sound; look at the metric's independence between units")
            )
        click.get_current_context().exit(0 if document["sound"] else 1)
    experiment, assigned = assign_units(spec, units, column=column, stratum=stratum, beside=beside)
    document = split_summary(experiment, assigned)
    if output is not None:
        write_assignment(output, experiment, assigned)
        document["output"] = str(output)
    if log_path is not None:
        from assay.app.experiments import time_stamp

        document["logged"] = log_exposures(log_path, experiment, assigned, at=time_stamp())
    if as_json:
        print_json(document)
        return
    total = len(assigned)
    rows = [[arm, f"{count:,}", number(count / max(total, 1), "share")] for arm, count in document["counts"].items()]
    for key, name in (("held_out", "held out"), ("elsewhere", "other experiment")):
        if document[key]:
            rows.append([name, f"{document[key]:,}", number(document[key] / total, "share")])
    click.echo(table(["arm", "units", "share"], rows, align="<>>"))
    if output is None and log_path is None:
        click.echo("nothing was written; --output FILE.csv writes the arms", err=True)


@experiment_command.command("monitor")
@click.argument("spec")
@click.argument("data")
@click.option("--state", type=_FILE, required=True, help="What is kept between looks.")
@click.option("--webhook", metavar="URL", help="Called once when the experiment is halted.")
@json_option
@click.pass_context
def monitor(ctx: click.Context, spec: str, data: str, *, state: Path, webhook: str | None, as_json: bool) -> None:
    """Look once at SPEC's guardrails in DATA (all of it since the start); put it on a schedule.

    Exit status: 0 go on, 1 halted (and from then on at every look), 3 the data cannot be used.
    """
    from assay.app.experiments import monitor_experiment

    document = monitor_experiment(spec, data, state=state, webhook=webhook)
    if as_json:
        print_json(document)
    else:
        for harm in document["harms"]:
            click.echo(harm["sentence"])
        click.echo("HALT: " + "; ".join(document["why"]) if document["halted"] else "go on")
        if "webhook" in document:
            click.echo(f"webhook {document['webhook']}", err=True)
    ctx.exit(1 if document["halted"] else 0)


@experiment_command.command("analyze")
@click.argument("spec")
@click.argument("data")
@click.option("--report", "report_path", type=_FILE, help="Write a page with plots.")
@store_option
@json_option
@click.pass_context
def analyze(
    ctx: click.Context, spec: str, data: str, *, report_path: Path | None, store: str | None, as_json: bool
) -> None:
    """Analyse DATA (CSV, Parquet, JSON lines, or a query that begins with SELECT) as SPEC says.

    The split is judged first; guardrails are tested for harm; where SPEC was registered, deviations are listed.

    Exit status: 0 analysed, 1 the split is an alarm or a guardrail fails, 3 the data cannot be used.
    """
    check_written("report_path")
    from assay.app.experiments import analysis_document, analyze_experiment
    from assay.cli.experiment_text import analysis_text

    app = make_app(store)
    try:
        experiment, analysis = analyze_experiment(spec, data, objects=app.store.objects)
    finally:
        app.close()
    document: dict[str, Any] = analysis_document(experiment, analysis)
    if report_path is not None:
        from assay.report.experiment import write_experiment_report

        document["report"] = write_experiment_report(experiment, analysis, path=report_path)
    if as_json:
        print_json(document)
    else:
        click.echo(analysis_text(experiment, analysis))
        if report_path is not None:
            click.echo(f"report: {report_path}", err=True)
    failed = any(effect.verdict == "fail" for effect in analysis.effects)
    ctx.exit(1 if failed or not analysis.trustworthy else 0)


@experiment_command.group("registry")
def registry() -> None:
    """Fix an experiment before its data come in: hashed, dated, and never changed."""


@registry.command("add")
@click.argument("spec")
@store_option
@json_option
def add(spec: str, *, store: str | None, as_json: bool) -> None:
    """Register SPEC; from then on ``analyze`` says what departs from it."""
    from assay.app.experiments import register

    app = make_app(store)
    try:
        made = register(spec, objects=app.store.objects)
    finally:
        app.close()
    if as_json:
        print_json(made.to_dict())
    else:
        click.echo(f"{made.name} registered at {made.registered_at} as {made.fingerprint}")


@registry.command("show")
@click.argument("name")
@store_option
@json_option
def show(name: str, *, store: str | None, as_json: bool) -> None:
    """What was registered under NAME."""
    import yaml

    from assay.app.experiments import known_registration

    app = make_app(store, read_only=True)
    try:
        found = known_registration(name, objects=app.store.objects)
    finally:
        app.close()
    if as_json:
        print_json(found.to_dict())
    else:
        click.echo(f"{found.name}, registered at {found.registered_at} as {found.fingerprint}")
        click.echo(yaml.safe_dump(dict(found.plan), sort_keys=False, allow_unicode=True).rstrip())
