"""Options that many commands share, and the app they make."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from assay.app.wiring import App
from assay.cli.numbers import FiniteRange

store_option = click.option("--store", metavar="DIR", help="Directory of the store (default ./.assay).")
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


def run_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options of the commands that start runs."""
    for option in reversed(
        (
            click.option(
                "--model", "-m", "models", multiple=True, metavar="PROVIDER/NAME", help="Model; may be repeated."
            ),
            click.option("--limit", type=click.IntRange(min=1), help="A seeded random sample of this many."),
            click.option("--seed", type=int, default=None, help="Seed of that sample (default 0)."),
            click.option("--budget-usd", type=FiniteRange(min=0), help="Stop before this is exceeded."),
            click.option("--concurrency", type=click.IntRange(min=1), help="Calls in flight (default 100)."),
            click.option(
                "--timeout", "timeout_s", type=FiniteRange(min=0, min_open=True), help="Seconds for the whole run."
            ),
            click.option("--no-cache", is_flag=True, help="Use no reply of another run."),
            click.option("--include-degraded", is_flag=True, help="Count what a fall-back model answered."),
            click.option("--data", metavar="DIR", help="Where a benchmark's files are."),
            click.option(
                "--option", "-o", "options", multiple=True, metavar="KEY=VALUE", help="Option of a benchmark."
            ),
            click.option("--skip-bad", is_flag=True, help="Leave malformed dataset lines out, counted."),
            click.option("--unsafe-exec", is_flag=True, help="Run model-written code without isolation."),
            click.option("--yes", "-y", is_flag=True, help="Do not ask before an expensive run."),
        )
    ):
        command = option(command)
    return command


def make_app(store: str | None, *, read_only: bool = False) -> App:
    """The app for this process, with the store the command line names; commands that only look make no store."""
    return App.create(flags={"store": store}, read_only=read_only)


def parse_options(pairs: tuple[str, ...]) -> dict[str, Any]:
    """``KEY=VALUE`` pairs; values are read as YAML (numbers, true, lists).

    Raises:
        click.BadParameter: A pair has no ``=``.
    """
    if not pairs:
        return {}
    import yaml

    parsed = {}
    for pair in pairs:
        key, separator, text = pair.partition("=")
        if not separator:
            raise click.BadParameter(f"{pair!r} is not KEY=VALUE", param_hint="--option")
        parsed[key] = yaml.safe_load(text)
    return parsed
