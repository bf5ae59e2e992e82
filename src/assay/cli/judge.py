"""``assay judge``: make judges, and find out how far they can be trusted."""

from __future__ import annotations

import click

from assay.cli.groups import LazyGroup

VERBS = {
    "new": ("assay.cli.judge_new", "Write a judge: criteria, scale and frozen evaluation steps."),
    "list": ("assay.cli.judge_list", "Judges that have a card, with its date and main figures."),
    "card": ("assay.cli.judge_card", "A judge against people: agreement, biases, scale use, cost."),
    "calibrate": ("assay.cli.judge_calibrate", "Fit the map from verdicts to people's labels, and write the card."),
    "attack": ("assay.cli.judge_attack", "Try injections on a judge, over real items; usable as a gate."),
    "compare": ("assay.cli.judge_compare", "Which of two judges agrees better with people."),
    "distill": ("assay.cli.judge_distill", "A small local judge learned from a judge's recorded verdicts."),
    "golden": ("assay.cli.judge_golden", "Accuracy on items with known answers over time, with an alarm for drift."),
}


@click.group(cls=LazyGroup, verbs=VERBS)
def judge_command() -> None:
    """Make judges, and find out how far they can be trusted."""
