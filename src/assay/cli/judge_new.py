"""``judge new``: write a judge's criteria, scale and frozen evaluation steps into a file."""

from __future__ import annotations

from pathlib import Path
from textwrap import fill
from typing import Any

import click

from assay.cli.numbers import FiniteRange
from assay.cli.options import json_option, make_app, store_option
from assay.cli.output import WIDTH, money, print_json


@click.command("new")
@click.argument("name")
@click.option("--model", "-m", required=True, metavar="PROVIDER/NAME", help="The model that judges.")
@click.option("--criteria", metavar="TEXT", help="What counts, in a sentence or two.")
@click.option("--use", metavar="CRITERION", help="A built-in criterion: helpfulness, coherence, relevance …")
@click.option("--scale", metavar="LOW-HIGH", help="Whole numbers (default 1-5, or the criterion's).")
@click.option("--anchor", "anchors", multiple=True, metavar="LEVEL=TEXT", help="What a level means; may be repeated.")
@click.option("--step", "steps", multiple=True, metavar="TEXT", help="An evaluation step; may be repeated.")
@click.option("--steps-from-model", is_flag=True, help="Have the model write the steps, once.")
@click.option("--samples", type=click.IntRange(min=1), help="Replies to average where there are no log-probabilities.")
@click.option("--temperature", type=FiniteRange(min=0, max=2), help="Of every call (default 0).")
@click.option("--context", metavar="KEY", help="Metadata key of the text an answer was to rest on.")
@click.option(
    "--folder", type=click.Path(file_okay=False, path_type=Path), default=Path(),
    help="Where judges/ is (default: here).",
)  # fmt: skip
@click.option("--force", "replace", is_flag=True, help="Write over a judge of that name.")
@click.option("--budget-usd", type=FiniteRange(min=0), help="Most the steps may cost.")
@store_option
@json_option
def new_command(
    store: str | None, *, anchors: tuple[str, ...], steps: tuple[str, ...], as_json: bool, **given: Any
) -> None:
    """Write judges/NAME.yaml: what the judge NAME looks for, on which scale, by which steps.

    Exit status: 0 written, 2 the options do not fit together, 3 it could not be written.

    \b
    assay judge new tone --criteria "The answer is friendly." --model openai/gpt-4o-mini
    assay judge new strict-help --use helpfulness --model openai/gpt-4o --steps-from-model
    """
    if (given["criteria"] is None) == (given["use"] is None):
        raise click.UsageError("give --criteria or --use, one of them")
    if steps and given["steps_from_model"]:
        raise click.UsageError("--step gives the steps and --steps-from-model has them written: give one of them")
    from assay.app.judge_new import NewJudge, new_judge

    app = make_app(store)
    try:
        document = new_judge(app, NewJudge(anchors=_anchors(anchors), steps=steps, **given))
    finally:
        app.close()
    if as_json:
        print_json(document)
    else:
        click.echo(_text(document))


def _anchors(given: tuple[str, ...]) -> dict[int, str] | None:
    found = dict[int, str]()
    for pair in given:
        level, mark, text = pair.partition("=")
        try:
            number = int(level)
        except ValueError:
            number = None
        if number is None or not mark or not text.strip():
            raise click.BadParameter(f"{pair!r} is not LEVEL=TEXT", param_hint="--anchor")
        if number in found:
            raise click.BadParameter(f"level {number} is given twice", param_hint="--anchor")
        found[number] = text.strip()
    return found or None


def _text(document: dict[str, Any]) -> str:
    scale, usage = document["scale"], document["usage"]
    lines = [
        f"judge {document['judge']} · {document['model']} · version {document['version']}",
        f"scale {scale['low']} to {scale['high']}; steps ({document['steps_from']}):",
    ]
    for number, step in enumerate(document["steps"], start=1):
        lines.append(fill(step, WIDTH, initial_indent=f"{number:>3}. ", subsequent_indent="     "))
    if usage is not None:
        lines.append(f"the steps cost {money(usage['cost_usd'])}")
    lines.append(f"written to {document['path']}")
    lines += [fill(f"note: {note}", WIDTH, subsequent_indent="  ") for note in document["notes"]]
    return "\n".join(lines)
