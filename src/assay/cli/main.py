"""``assay``: commands load only when called; errors end with one line, a hint and a documented exit status."""

from __future__ import annotations

import gc
import sys

import click

from assay.cli.groups import LazyGroup
from assay.core.errors import AssayError

COMMANDS: dict[str, tuple[str, str]] = {
    "run": ("assay.cli.run", "Evaluate a model on a task, a task file or a suite."),
    "resume": ("assay.cli.run", "Go on with a run; no answered call is repeated."),
    "reproduce": ("assay.cli.run", "Execute a run's manifest again and compare."),
    "plan": ("assay.cli.run", "Calls, tokens, cost and power before anything is spent."),
    "quickstart": ("assay.cli.quickstart", "Evaluate a small local model, two prompts against each other."),
    "runs": ("assay.cli.look", "List runs, newest first."),
    "show": ("assay.cli.look", "Show a run, or one of its samples."),
    "compare": ("assay.cli.look", "Compare two runs on the samples both have."),
    "gate": ("assay.cli.look", "Decide pass, fail or inconclusive by rules on intervals."),
    "export": ("assay.cli.export", "Write a run as JSONL, Parquet, CSV, JUnit XML or Markdown."),
    "score": ("assay.cli.score", "Score outputs recorded elsewhere; no model is called."),
    "agreement": ("assay.cli.agreement", "Agreement of raters beyond chance, who stands apart, consensus labels."),
    "rank": ("assay.cli.rank", "Leaderboard from comparisons of two: ratings and ranks with intervals."),
    "forecast": ("assay.cli.forecast", "Forecast a series of states with a Markov chain, judged on its past."),
    "judge": ("assay.cli.judge", "Judges: new, list, card, calibrate, attack, compare, golden."),
    "cascade": ("assay.cli.cascade", "Tiered evaluation: plan a budget, replay recorded verdicts."),
    "metric": ("assay.cli.metric", "Whether a cheap metric may speak for people: validate."),
    "new": ("assay.cli.new", "Write a file to start from: a measurement plan."),
    "report": ("assay.cli.view", "Write one self-contained HTML page of a run."),
    "view": ("assay.cli.view", "Serve pages of all runs on this machine."),
    "experiment": ("assay.cli.experiment", "A/B tests: plan, assign, monitor, analyze, registry."),
    "fairness": ("assay.cli.fairness", "A metric by group and intersection: gaps with intervals, and a gate."),
    "cost": ("assay.cli.cost", "What runs have cost, by whom and for what; forecast and limits."),
    "tasks": ("assay.cli.catalog", "Built-in benchmarks and scorers."),
    "models": ("assay.cli.catalog", "Providers, and what a model is known to cost."),
    "config": ("assay.cli.catalog", "Settings and where each came from."),
    "schema": ("assay.cli.catalog", "JSON Schema of the files people write."),
}


@click.group(
    cls=LazyGroup,
    verbs=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="assay", prog_name="assay")
def cli() -> None:
    """Assay says how good a language model is, how sure that is, what finding out cost, and whether it may be released.

    Start with: assay quickstart. Every command takes --json. Exit status: 0 done or pass, 1 gate not passed, 2 the
    command line does not parse, 3 something was not found or the work is partial, 130 Ctrl-C (everything is kept).
    """


def main() -> None:
    """Entry point of the ``assay`` command."""
    gc.set_threshold(200_000, 20, 100)  # hardly a cycle is made here, and looking for them took a tenth of a run
    try:
        status = cli.main(prog_name="assay", standalone_mode=False)
    except click.ClickException as error:
        _show_usage(error)
        status = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted; everything finished so far is kept", err=True)
        status = 130
    except AssayError as error:
        _show(error)
        status = 3
    except OSError as error:  # a file the user named; stores and datasets report theirs themselves
        _show(_file_error(error))
        status = 3
    sys.exit(status if isinstance(status, int) else 0)


def _file_error(error: OSError) -> AssayError:
    place = f"{error.filename}: " if error.filename else ""
    return AssayError(
        f"{place}{error.strerror or error}; what was recorded before is kept",
        hint="check the path and its permissions",
        code="file.unusable",
    )


def _show_usage(error: click.ClickException) -> None:
    if "--json" in sys.argv:
        from assay.cli.output import print_json

        context = error.ctx if isinstance(error, click.UsageError) else None
        hint = f"{context.command_path} --help" if context else "assay --help"
        print_json({"error": {"code": "cli.usage", "message": error.format_message(), "hint": hint, "details": {}}})
        return
    error.show()


def _show(error: AssayError) -> None:
    if "--json" in sys.argv:
        from assay.cli.output import print_json

        print_json({"error": error.to_dict()})
        return
    click.echo(f"error[{error.code}]: {error}", err=True)
    if error.hint:
        click.echo(f"  hint: {error.hint}", err=True)


if __name__ == "__main__":
    main()
