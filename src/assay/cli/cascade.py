"""``assay cascade``: tiered evaluation, before money is spent."""

from __future__ import annotations

import click

from assay.cli.groups import LazyGroup

VERBS = {
    "plan": ("assay.cli.cascade_plan", "Forecast cost and half-width from a pilot or from guesses."),
    "queue": ("assay.cli.cascade_queue", "Samples of a run whose label people still owe."),
    "simulate": ("assay.cli.cascade_simulate", "Replay recorded verdicts: bias, coverage, narrowing, cost."),
}


@click.group(cls=LazyGroup, verbs=VERBS)
def cascade_command() -> None:
    """Tiered evaluation: cheap verdicts on everything, dear ones on a sample, one unbiased figure."""
