"""``assay metric``: whether a cheap metric may speak for people."""

from __future__ import annotations

import click

from assay.cli.groups import LazyGroup

VERBS = {
    "validate": ("assay.cli.metric_validate", "A metric against people: correlation, ranking, decisions, ceiling."),
}


@click.group(cls=LazyGroup, verbs=VERBS)
def metric_command() -> None:
    """Find out whether a cheap metric may speak for people."""
