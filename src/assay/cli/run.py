"""``run``, ``resume``, ``reproduce``, ``plan``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from assay.app.prepare import Prepared, RunOptions, prepare
from assay.app.runs import reproduce_run, resume_run, run_task, steal_run
from assay.app.tasks import LoadedTask, load_task
from assay.app.wiring import App
from assay.cli.consent import confirm, show_limits, warn
from assay.cli.numbers import FiniteRange
from assay.cli.options import json_option, make_app, parse_options, run_options, store_option
from assay.cli.output import money, print_json, summary_text, table
from assay.cli.progress import observer
from assay.core.errors import ConfigError

OK = frozenset({"done"})


@click.command("run")
@click.argument("what")
@run_options
@click.option("--report", is_flag=True, help="Write the report page as well.")
@store_option
@json_option
@click.pass_context
def run_command(
    ctx: click.Context, /, what: str, store: str | None, *, as_json: bool, report: bool, **given: Any
) -> None:
    """Evaluate WHAT: a benchmark, a task file (eval.yaml), a suite (suite.yaml) or a plan (plan.yaml).

    Exit status: 0 done (a plan: passed as planned), 1 a plan did not, 3 something was not found or the run is partial
    (printed and kept), 130 Ctrl-C.

    \b
    assay run gsm8k --model openai/gpt-4o-mini --limit 200 --budget-usd 1
    assay run eval.yaml
    """
    from assay.app.suites import is_suite
    from assay.cli.measurement_plan import is_plan, run_plan

    app = make_app(store)
    try:
        if is_plan(what):
            ctx.exit(run_plan(app, what, given, as_json=as_json))
        if is_suite(what):
            from assay.cli.suite import run_suite

            ctx.exit(run_suite(app, what, given, as_json=as_json))
        prepared = _prepared(app, what, given)
        plan, budget = prepared.plan, prepared.options.budget_usd
        confirm(
            app,
            "run",
            cost_usd=plan.whole_cost_usd_max,
            calls=plan.calls,
            budget_usd=budget,
            given=given,
            ask=not as_json,
            bounded=plan.bounded,
        )
        warn(prepared, given, ask=not as_json)
        summary = dict(run_task(app, prepared, observer=observer(silent=as_json)))
        if report:
            from assay.report.write import write_report

            summary["report"] = write_report(app, summary["run_id"])
        show_limits(app)
        ctx.exit(_finish(summary, as_json=as_json))
    finally:
        app.close()


def _prepared(app: App, what: str, given: Mapping[str, Any]) -> Prepared:
    data = given["data"] or (None if what.endswith((".yaml", ".yml")) else app.data)
    loaded = load_task(
        what,
        data=data,
        options=parse_options(given["options"]),
        skip_bad=given["skip_bad"],
        unsafe_exec=given["unsafe_exec"],
    )
    model = _one_model(loaded, given["models"])
    return prepare(app, loaded, model=model, options=options_of(loaded, given))


def _one_model(loaded: LoadedTask, given: tuple[str, ...]) -> str:
    models = given or loaded.models
    if not models:
        raise ConfigError(
            "no model is named", hint="add --model PROVIDER/NAME; see: assay models", code="model.missing"
        )
    if len(models) > 1:
        raise ConfigError(f"{len(models)} models are named for one run", hint="put several models into a suite file")
    return models[0]


def options_of(loaded: LoadedTask, given: Mapping[str, Any]) -> RunOptions:
    """The command line's options over those of the task's file."""
    limits = loaded.limits
    budget = given["budget_usd"] if given["budget_usd"] is not None else (limits.budget_usd if limits else None)
    return RunOptions(
        limit=given["limit"] or loaded.limit,
        seed=loaded.seed if given["seed"] is None else given["seed"],
        budget_usd=budget,
        concurrency=given["concurrency"] or (limits.concurrency if limits else 100),
        timeout_s=given["timeout_s"],
        use_cache=not given["no_cache"],
        include_degraded=given["include_degraded"],
    )


def _finish(summary: Mapping[str, Any], *, as_json: bool) -> int:
    if as_json:
        print_json(summary)
    else:
        click.echo(summary_text(summary))
        if summary.get("report"):
            click.echo(f"report {summary['report']}")
        if summary["status"] not in OK:
            from assay.cli.tiers_text import next_step

            click.echo(next_step(summary), err=True)
    if summary["status"] == "interrupted":
        return 130
    return 0 if summary["status"] in OK else 3


@click.command("resume")
@click.argument("run_id")
@click.option("--wait", is_flag=True, help="First wait until the model answers.")
@click.option("--budget-usd", type=FiniteRange(min=0), help="Replaces the run's limit.")
@click.option("--timeout", "timeout_s", type=FiniteRange(min=0, min_open=True), help="Seconds for this attempt.")
@click.option(
    "--steal",
    is_flag=True,
    help="Take the run from a process of another machine, of which nothing here can tell whether it still lives.",
)
@store_option
@json_option
@click.pass_context
def resume_command(
    ctx: click.Context,
    run_id: str,
    store: str | None,
    *,
    wait: bool,
    budget_usd: float | None,
    timeout_s: float | None,
    steal: bool,
    as_json: bool,
) -> None:
    """Go on with RUN_ID (or ``last``): answered calls are replayed, failed and missing items are made.

    A living process that holds the run is named, and the run is left to it. One of another machine counts as living;
    when it is gone, --steal takes the run. If it is not gone after all, both go on and calls are paid twice.

    Exit status: 0 done, 3 no such run, held by another process or still partial, 130 Ctrl-C.
    """
    app = make_app(store)
    try:
        held_by = steal_run(app, run_id) if steal else None
        if held_by is not None and not as_json:
            whose = f"process {held_by.pid} on {held_by.host}, which held it since {held_by.since}"
            click.echo(f"taken from {whose}; if that one lives after all, stop it there", err=True)
        summary = resume_run(
            app, run_id, budget_usd=budget_usd, timeout_s=timeout_s, wait=wait, observer=observer(silent=as_json)
        )
        show_limits(app)
    finally:
        app.close()
    ctx.exit(_finish(summary, as_json=as_json))


@click.command("reproduce")
@click.argument("run_id")
@click.option("--from-cache", is_flag=True, help="Replay stored replies instead of calling the model again.")
@store_option
@json_option
@click.pass_context
def reproduce_command(ctx: click.Context, run_id: str, store: str | None, *, from_cache: bool, as_json: bool) -> None:
    """Execute the manifest of RUN_ID again and report equality or the first difference.

    Exit status: 0 equal, 1 different, 3 no such run.
    """
    app = make_app(store)
    try:
        result = reproduce_run(app, run_id, use_cache=from_cache, observer=observer(silent=as_json))
    finally:
        app.close()
    if as_json:
        print_json(result)
    elif result["equal"]:
        click.echo(f"equal: every score of {result['run_id']} is that of {result['original']}")
    else:
        first = result["first_difference"]
        click.echo(
            f"different: first at sample {first['sample_id']}, scorer {first['scorer']}: "
            f"{first['original']} then, {first['again']} now"
        )
    ctx.exit(0 if result["equal"] else 1)


@click.command("plan")
@click.argument("what")
@run_options
@store_option
@json_option
def plan_command(what: str, store: str | None, *, as_json: bool, **given: Any) -> None:
    """Calls, tokens, cost, time and the difference that WHAT could see, before anything is spent."""
    app = make_app(store, read_only=True)
    prepared = _prepared(app, what, given)
    plan, beyond = prepared.plan, prepared.plan.beyond_budget(prepared.options.budget_usd)
    notes = [*prepared.notes, *([] if beyond is None else [beyond])]
    for note in notes:
        click.echo(f"note: {note}", err=True)
    if as_json:
        print_json({**plan.to_dict(), "notes": notes})
        return
    batched = plan.price is not None and "batch" in plan.price
    sure, assumed = ("at most", "") if plan.bounded else ("about", f" (at {plan.reply_tokens:,} tokens a reply)")
    time = f"{plan.seconds_min:,.0f} s (if a call takes {plan.latency_s:g} s)"
    rows = [
        ["samples", f"{plan.samples:,} of {plan.population:,}"],
        ["calls, at most", f"{plan.calls:,}"],
        ["input tokens, about", f"{plan.input_tokens:,}"],
        [f"output tokens, {sure}", f"{plan.output_tokens_max:,}{assumed}"],
        [f"cost, {sure}", f"{money(plan.cost_usd_max)}{' (batch price)' if batched else ''}{assumed}"],
        ["time, at least", "until the batch is done, a day at most" if batched else time],
        ["95% interval of a share", f"± {plan.half_width:.1f} points"],
        ["paired difference seen with 80% power", f"{plan.detectable_paired:.1f} points (if 20% change)"],
    ]
    click.echo(f"{plan.task} · {plan.model}\n")
    click.echo(table(["forecast", ""], rows, cut=(1,)))
    if plan.judges:
        asked = [
            [
                judge.tier,
                judge.judge,
                judge.model,
                f"{judge.verdicts:,}",
                f"{judge.requests:,}",
                f"{judge.input_tokens:,}",
                money(judge.cost_usd_max),
            ]
            for judge in plan.judges
        ]
        head = ["tier", "judge", "model", "verdicts", "requests", "input tokens", "cost, about"]
        click.echo("\n" + table(head, asked, align="<<<>>>>", cut=(1, 2)))
        click.echo(f"\nall together, about {money(plan.whole_cost_usd_max)}")
        if plan.certain:
            click.echo(f"every tier is asked about {plan.certain:,} of the samples for certain: critical, or at stake")
        click.echo("on top: a judge's reply that cannot be read is asked for once more")
    if plan.because is not None:
        from assay.cli.tiers_text import shares_text

        click.echo("\n" + shares_text(plan.because, plan.tiers))
