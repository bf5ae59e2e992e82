"""``judge golden``: accuracy on items with known answers over time, with an alarm for drift."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import fill
from typing import Any

import click

from assay.cli.estimates import bounds_text, without_interval
from assay.cli.judge_columns import column_options, judged_request
from assay.cli.numbers import FiniteRange
from assay.cli.options import json_option, make_app, store_option
from assay.cli.output import WIDTH, number, print_json, table


@click.command("golden")
@click.argument("file", required=False)
@click.option("--judge", "version", metavar="VERSION", help="Instead of FILE: what runs asked this version of a judge.")
@click.option("--answers", metavar="FILE", help="Known answers: the id column and --known; default: in FILE.")
@click.option("--known", metavar="COLUMN", default="golden", show_default=True, help="Of the known answer.")
@click.option(
    "--tolerance", type=FiniteRange(min=0),
    help="A verdict this near is right (default 0.5; of runs: as the task file has it).",
)  # fmt: skip
@click.option(
    "--expected", type=FiniteRange(0, 1, min_open=True, max_open=True), metavar="SHARE",
    help="Accuracy to hold (default: what the first verdicts show at least).",
)  # fmt: skip
@click.option(
    "--false-alarm-every", "run_length", type=FiniteRange(min=1, min_open=True), default=10_000.0,
    show_default=True, help="Golden verdicts, on average at least.",
)  # fmt: skip
@click.option("--fail-on-drift", is_flag=True, help="Exit with 1 when the alarm went off.")
@column_options
@store_option
@json_option
def golden_command(
    file: str | None,
    version: str | None,
    answers: str | None,
    known: str,
    tolerance: float | None,
    expected: float | None,
    run_length: float,
    store: str | None,
    *,
    fail_on_drift: bool,
    as_json: bool,
    **chosen: Any,
) -> None:
    """Accuracy of the verdicts in FILE (or in runs: --judge) on golden items over time, and whether it drifted.

    A golden item that was judged several times stands under its id and #1, #2 …

    Exit status: 0 done, 1 drift (with --fail-on-drift), 2 wrong usage, 3 the file cannot be used.
    """
    from assay.app.judge_golden import watch_golden, watch_runs

    if version is not None and file is None:
        from assay.app.judge_cards import kept_objects

        app = make_app(store, read_only=True)
        try:
            objects = kept_objects(app)
            document = watch_runs(objects, version, tolerance=tolerance, expected=expected, run_length=run_length)
        finally:
            app.close()
    elif file is not None and version is None:
        near = 0.5 if tolerance is None else tolerance
        request = judged_request(file, chosen)
        document = watch_golden(
            request, answers=answers, answer=known, tolerance=near, expected=expected, run_length=run_length
        )
    else:
        raise click.UsageError("give a FILE of verdicts, or --judge VERSION for what runs have asked")
    if as_json:
        print_json(document)
    else:
        click.echo(golden_text(document))
    if fail_on_drift and document["alarm_at"] is not None:
        raise SystemExit(1)


def golden_text(document: Mapping[str, Any]) -> str:
    """The report as text of 80 columns."""
    from assay.app.judge_card_words import when

    rows = [
        [when(row["since"]), when(row["until"]), number(found["value"], "share"), bounds_text(found), f"{found['n']:,}"]
        for row, found in ((row, row["accuracy"]) for row in document["periods"])
    ]  # fmt: skip
    parts = [table(["since", "until", "accuracy", "95% interval", "n"], rows, align="<<>>>", cut=(0, 1))]
    parts += without_interval(
        [(f"the accuracy from {when(row['since'])}", row["accuracy"]) for row in document["periods"]]
    )
    parts.append("\n".join(fill(sentence, WIDTH) for sentence in document["sentences"]))
    wrong = document["wrong"][:10]
    if wrong:
        shown = [[row["id"], f"{row['verdict']:g}", f"{row['answer']:g}"] for row in wrong]
        text = table(["wrong, latest first", "verdict", "answer"], shown, align="<>>", cut=(0,))
        left = document["n_wrong"] - len(wrong)
        parts.append(f"{text}\n… and {left:,} more in --json" if left > 0 else text)
    if document["unscored"]:
        parts.append(f"note: {document['unscored']:,} golden items have no verdict")
    return "\n\n".join(parts)
