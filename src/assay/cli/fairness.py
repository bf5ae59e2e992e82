"""``fairness``: a metric by group and intersection, with gaps that know how many were looked at."""

from __future__ import annotations

from pathlib import Path

import click

from assay.cli.numbers import FINITE, FiniteRange
from assay.cli.options import json_option
from assay.cli.output import print_json
from assay.cli.written_files import check_written


@click.command("fairness")
@click.argument("file")
@click.option("--group", "groups", multiple=True, required=True, metavar="COLUMN", help="May be repeated.")
@click.option("--intersect", is_flag=True, help="Also cross the group columns.")
@click.option("--outcome", metavar="COLUMN", help="Any metric: 0/1 or a number.")
@click.option("--prediction", metavar="COLUMN", help="0/1, or a score with --threshold.")
@click.option("--label", metavar="COLUMN", help="What was true, 0/1; goes with --prediction.")
@click.option("--threshold", type=FINITE, metavar="X", help="A prediction of at least X is positive.")
@click.option(
    "--metric",
    "metrics",
    multiple=True,
    metavar="NAME",
    help="Only these: selection_rate, accuracy, fpr, fnr, tpr, ppv, base_rate. Fewer make narrower intervals.",
)
@click.option("--confounder", "confounders", multiple=True, metavar="COLUMN", help="Held equal; may be repeated.")
@click.option(
    "--min-group", type=click.IntRange(min=2), default=30, show_default=True, help="Smaller groups are not judged."
)
@click.option("--reference", metavar="VALUE", help="Compare with this group instead of with the rest.")
@click.option(
    "--confidence",
    type=FiniteRange(0.5, 1, max_open=True),
    default=0.95,
    show_default=True,
    help="Of all intervals together.",
)
@click.option("--max-gap", type=FiniteRange(min=0), metavar="X", help="Gate: no gap may be larger; 0.1 is ten points.")
@click.option(
    "--report",
    "report_path",
    metavar="FILE.html",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write a page with plots.",
)
@json_option
@click.pass_context
def fairness_command(
    ctx: click.Context,
    file: str,
    groups: tuple[str, ...],
    outcome: str | None,
    prediction: str | None,
    label: str | None,
    threshold: float | None,
    metrics: tuple[str, ...],
    confounders: tuple[str, ...],
    min_group: int,
    reference: str | None,
    confidence: float,
    max_gap: float | None,
    report_path: Path | None,
    *,
    intersect: bool,
    as_json: bool,
) -> None:
    """Compare groups in FILE (CSV, Parquet, JSON lines, or a query that begins with SELECT).

    Every group stands against the rest; intervals hold together over all groups and metrics.

    Exit status: 0 done (with --max-gap: no larger gap), 1 the gate fails or is inconclusive, 2 the options do not fit
    together, 3 the data cannot be used.
    """  # fmt: skip
    if (outcome is None) == (prediction is None) or (prediction is None) != (label is None):
        raise click.UsageError("give --outcome COLUMN, or --prediction COLUMN together with --label COLUMN")
    check_written("report_path")
    from assay.app.fairness import audit_table, fairness_document
    from assay.fairness.question import Question

    question = Question(
        groups=groups, intersect=intersect, outcome=outcome, prediction=prediction, label=label, threshold=threshold,
        metrics=metrics, confounders=confounders, min_group=min_group, reference=reference, confidence=confidence,
        max_gap=max_gap,
    )  # fmt: skip
    found = audit_table(file, question)
    document = fairness_document(file, question, found)
    if report_path is not None:
        from assay.report.fairness import write_fairness_report

        document["report"] = write_fairness_report(file, found, path=report_path)
    if as_json:
        print_json(document)
    else:
        from assay.cli.fairness_text import audit_text

        click.echo(audit_text(file, found))
        if report_path is not None:
            click.echo(f"report: {report_path}", err=True)
    ctx.exit(0 if found.decision is None or found.decision.verdict == "pass" else 1)
