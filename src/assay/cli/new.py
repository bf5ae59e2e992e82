"""``assay new``: files to start from."""

from __future__ import annotations

import click

from assay.cli.groups import LazyGroup

VERBS = {
    "plan": ("assay.cli.new_plan", "A measurement plan: rules, sample size, stopping, fixed before looking."),
}


@click.group(cls=LazyGroup, verbs=VERBS)
def new_command() -> None:
    """Write a file to start from."""
