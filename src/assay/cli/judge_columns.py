"""Options that name the columns of recorded verdicts, shared by the commands of ``assay judge``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import click

from assay.app.judge_card_file import STANDARD, JudgedRequest
from assay.cli.numbers import FINITE, FiniteRange

if TYPE_CHECKING:
    from assay.app.judge_card import CardRequest

_MORE = {
    "reason": "Why a verdict is missing.",
    "system": "Who gave the answer.",
    "cluster": "Document or prompt: items of one are not independent.",
    "language": "Agreement for each value.",
    "segment": "Agreement for each value.",
    "length": "Of the answer, in characters.",
    "other_length": "Of a pair's other answer.",
    "answer": "The answer's text, instead of its length.",
    "a_first": "Pairs: 1 where answer A was shown first.",
    "swapped": "Pairs: the verdict in the other order.",
    "cost": "Of a verdict, US dollars.",
    "latency": "Of a verdict, seconds.",
    "time": "When it was given.",
}


def column_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--id``, ``--verdict``, ``--human`` and the rest; they arrive as keywords for ``judged_request``."""
    options = [
        click.option("--id", "item", metavar="COLUMN", default="id", show_default=True, help="Of the item."),
        click.option(
            "--verdict", metavar="COLUMN", default="verdict", show_default=True, help="Of the judge; empty: none given."
        ),
        click.option(
            "--human",
            "human",
            metavar="COLUMN",
            multiple=True,
            help="A person's labels; once for each (default human).",
        ),
        click.option("--labels", metavar="FILE", help="Where the human columns are, beside the same ids."),
        click.option("--repeat", "repeats", metavar="COLUMN", multiple=True, help="The verdict when asked again."),
        click.option("--scale", type=(FINITE, FINITE), metavar="LOW HIGH", help="Lowest and highest verdict there is."),
    ]
    for key, text in _MORE.items():
        flag = f"--{key.replace('_', '-')}"
        options.append(
            click.option(flag, f"column_{key}", metavar="COLUMN", help=f"{text} Default: {STANDARD[key]}, if there.")
        )
    for option in reversed(options):
        command = option(command)
    return command


def judged_request(path: str, chosen: Mapping[str, Any]) -> JudgedRequest:
    """The request that the options make."""
    columns = {key: chosen[f"column_{key}"] for key in STANDARD if chosen[f"column_{key}"] is not None}
    return JudgedRequest(
        path=path,
        item=chosen["item"],
        verdict=chosen["verdict"],
        human=chosen["human"],
        labels=chosen["labels"],
        columns=columns,
        repeats=chosen["repeats"],
        scale=chosen["scale"],
    )


judge_options = [
    click.option("--name", metavar="NAME", help="Of the judge (default: the file's name)."),
    click.option("--judge-version", "version", metavar="VERSION", help="Of the judge; with it the card is kept."),
    click.option("--model", metavar="PROVIDER/NAME", help="That the judge asks."),
    click.option("--own", multiple=True, metavar="SYSTEM", help="Of the judge's own family; may be repeated."),
    click.option("--temperature", type=FiniteRange(min=0), help="The verdicts were asked at."),
    click.option("--attack", metavar="FILE", help="Report of `assay judge attack --json`."),
    click.option("--golden", metavar="FILE", help="Known answers: columns id and golden."),
    click.option("--panel", metavar="COLUMN", help="Of a panel: its explanations, which hold its members' verdicts."),
    click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the bootstrap."),
]


def card_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """What a card says of the judge itself; they arrive as keywords for ``card_request``."""
    for option in reversed(judge_options):
        command = option(command)
    return command


def card_request(path: str, chosen: Mapping[str, Any]) -> CardRequest:
    """The request that the options of both kinds make."""
    from assay.app.judge_card import CardRequest

    told = ("name", "version", "model", "own", "temperature", "attack", "golden", "panel", "seed")
    return CardRequest(judged=judged_request(path, chosen), **{key: chosen[key] for key in told})
