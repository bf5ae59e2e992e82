"""What is asked or said before money is spent, and said of the limits of spending when it has been."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from typing import Any

import click

from assay.app.prepare import Prepared
from assay.app.spending import limit_notes
from assay.app.wiring import App
from assay.cli.output import money
from assay.core.errors import ConfigError


def confirm(
    app: App,
    what: str,
    *,
    cost_usd: float | None,
    calls: int,
    budget_usd: float | None,
    given: Mapping[str, Any],
    ask: bool,
    bounded: bool = True,
) -> None:
    """Ask before something expensive; where nobody can answer, refuse it.

    Args:
        what: ``run`` or ``suite``.
        cost_usd: The most it may cost; ``None`` when a price is unknown.
        budget_usd: What it may spend, whoever said so.
        bounded: That is a bound and no guess at the length of replies.

    Raises:
        ConfigError: It is expensive and nobody can be asked.
        click.Abort: The answer was no.
    """
    bar = app.settings["confirm_above_usd"]
    if given["yes"] or given["budget_usd"] is not None or cost_usd is None:
        return
    cost = cost_usd if budget_usd is None else min(cost_usd, budget_usd)
    if cost <= bar:
        return
    sure = "up to" if bounded or cost == budget_usd else "about"
    text = f"this {what} may cost {sure} {money(cost)} ({calls:,} calls)"
    if ask and sys.stdin.isatty():
        if not click.confirm(f"{text}; go on?", err=True):
            raise click.Abort
        return
    raise ConfigError(
        f"{text}, more than {money(bar)}, and nobody can be asked; nothing was sent",
        hint=f"add --budget-usd {math.ceil(cost)} or --yes",
        code="run.unconfirmed",
    )


def warn(prepared: Prepared, given: Mapping[str, Any], *, ask: bool) -> None:
    """Say which limits of spending are near, and ask before a run whose budget cannot buy a verdict of its judges.

    Where nobody can be asked, that is said, and the run begins: its answers are kept.

    Raises:
        click.Abort: The answer was no.
    """
    for note in prepared.notes:
        click.echo(f"note: {note}", err=True)
    beyond = prepared.plan.beyond_budget(prepared.options.budget_usd)
    if beyond is None:
        return
    if ask and not given["yes"] and sys.stdin.isatty():
        if not click.confirm(f"{beyond}; go on?", err=True):
            raise click.Abort
        return
    click.echo(f"note: {beyond}", err=True)


def show_limits(app: App) -> None:
    """Say on standard error which limits of spending have come to their alert level."""
    for note in limit_notes(app):
        click.echo(f"note: {note}", err=True)
