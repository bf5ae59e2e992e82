"""``agreement``: how far raters agree beyond chance, who stands apart, and the consensus of their labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import fill
from typing import Any

import click

from assay.cli.options import json_option
from assay.cli.output import WIDTH, number, print_json, table
from assay.cli.written_files import check_written

_FILE = click.Path(dir_okay=False, path_type=Path)
_METHODS = ["auto", "majority", "dawid-skene", "one-coin", "glad", "mace", "weighted", "mean", "median"]
_SHOWN_RATERS, _SHOWN_PAIRS, _SHOWN_SEGMENTS = 8, 8, 20


@click.command("agreement")
@click.argument("file")
@click.option("--unit", metavar="COLUMN", default="item", show_default=True, help="Column of what was labelled.")
@click.option("--rater", metavar="COLUMN", default="worker", show_default=True, help="Column of who labelled it.")
@click.option("--label", metavar="COLUMN", default="label", show_default=True, help="Column of the label.")
@click.option(
    "--level", type=click.Choice(["auto", "nominal", "ordinal", "interval", "ratio"]), default="auto",
    show_default=True, help="Scale of the labels.",
)  # fmt: skip
@click.option("--levels", metavar="A,B,C", help="All labels that were possible, lowest first.")
@click.option("--gold", metavar="COLUMN", help="Column of the true label; may be empty in places.")
@click.option("--by", metavar="COLUMN", help="Alpha for each value of this column, by intervals that hold together.")
@click.option(
    "--consensus", type=click.Choice(_METHODS), default="auto", show_default=True, help="How labels become one."
)
@click.option("--repeated", type=click.Choice(["refuse", "first"]), default="refuse", show_default=True,
              help="A rater's second label of a unit.")  # fmt: skip
@click.option("--output", "-o", type=_FILE, help="Write the consensus labels as CSV.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the bootstrap over units.")
@click.option("--report", metavar="FILE.html", type=_FILE, help="Write a page with plots.")
@json_option
def agreement_command(
    file: str,
    unit: str,
    rater: str,
    label: str,
    level: Any,
    levels: str | None,
    gold: str | None,
    by: str | None,
    consensus: Any,
    repeated: Any,
    output: Path | None,
    seed: int,
    report: Path | None,
    *,
    as_json: bool,
) -> None:
    """Agreement of the raters in FILE (CSV, Parquet, JSON lines, or a query; one row a label).

    Exit status: 0 done, 2 the options do not fit together, 3 the file cannot be used.
    """
    if levels and level in ("interval", "ratio"):
        raise click.UsageError(f"--levels names labels in order; the scale {level} takes numbers as they are")
    check_written("output", "report", code="agreement.unwritable")
    from assay.app.agreement import measure_agreement
    from assay.app.agreement_consensus import write_consensus
    from assay.app.agreement_file import AgreementRequest

    document, agreed = measure_agreement(
        AgreementRequest(
            path=file,
            unit=unit,
            rater=rater,
            label=label,
            level=level,
            levels=[name.strip() for name in levels.split(",")] if levels else (),
            gold=gold,
            by=by,
            consensus=consensus,
            repeated=repeated,
            seed=seed,
        )
    )
    if output is not None:
        document["output"] = write_consensus(output, agreed, unit=unit, label=label)
    if report is not None:
        from assay.report.agreement import write_agreement

        document["report"] = write_agreement(document, path=report)
    if as_json:
        print_json(document)
    else:
        click.echo(agreement_text(document))


def agreement_text(document: Mapping[str, Any]) -> str:
    """The document as text of 80 columns."""
    head = (
        f"{document['raters']:,} raters, {document['units']:,} units, {document['labels']:,} labels;"
        f" scale {document['level']}"
    )
    parts = [head, _coefficients(document)]
    if document["segments"]:
        parts.append(_segments(document["segments"]))
    if document["raters"] > 2:
        parts.append(_pairs(document))
    parts.append(_raters(document))
    parts.append("\n".join(fill(sentence, WIDTH) for sentence in document["sentences"]))
    notes = _notes(document)
    if notes:
        parts.append("\n".join(fill(f"note: {note}", WIDTH) for note in notes))
    ends = [f"{name} {document[name]}" for name in ("output", "report") if name in document]
    return "\n\n".join([*parts, *(["\n".join(ends)] if ends else [])])


def _notes(document: Mapping[str, Any]) -> list[str]:
    notes = [f"scale {document['level_reason']}"] if document["level_reason"] else []
    if document["missing"]:
        notes.append(f"{document['missing']:,} rows have no label and were left out")
    if document["dropped"]:
        notes.append(f"{document['dropped']:,} second labels by the same rater were left out")
    if document["alone"]:
        notes.append(f"{document['alone']:,} units have one label and say nothing about agreement")
    if document["pairs_left_out"]:
        notes.append(f"{document['pairs_left_out']:,} further pairs of raters share fewer units and were not compared")
    return notes


def _bounds(estimate: Mapping[str, Any]) -> str:
    unit = str(estimate["unit"])
    if estimate["low"] is None or estimate["high"] is None:
        return str(estimate.get("reason") or "no interval")
    return f"{number(estimate['low'], unit)} – {number(estimate['high'], unit)}"


def _value(estimate: Mapping[str, Any] | None) -> str:
    return "–" if estimate is None else number(estimate["value"], str(estimate["unit"]))


def _coefficients(document: Mapping[str, Any]) -> str:
    from assay.app.agreement_words import NAMES

    rows = [
        [NAMES[name], _value(found), _bounds(found), f"{found['n']:,}"]
        for name, found in document["coefficients"].items()
    ]
    return table(["coefficient", "value", "95% interval", "units"], rows, align="<>>>", cut=(2,))


def _segments(rows: Sequence[Mapping[str, Any]]) -> str:
    shown = [
        [
            row["segment"],
            f"{row['units']:,}",
            _value(row["percent_agreement"]),
            _value(row["krippendorff_alpha"]),
            _bounds(row["krippendorff_alpha"]),
        ]
        for row in rows[:_SHOWN_SEGMENTS]
    ]
    text = table(["segment", "units", "percent", "alpha", "interval, all hold"], shown, align="<>>>>", cut=(0, 4))
    return _more(text, len(rows) - len(shown), "segments")


def _pairs(document: Mapping[str, Any]) -> str:
    from assay.app.agreement_words import reading_order

    pairs = document["pairs"]
    rows = [
        [
            str(row["raters"][0]),
            str(row["raters"][1]),
            f"{row['percent_agreement']['n']:,}",
            _value(row["percent_agreement"]),
            _value(row["beyond_chance"]),
            _bounds(row["beyond_chance"]),
        ]
        for row in reading_order(pairs, most=_SHOWN_PAIRS)
    ]
    beyond = "alpha" if document["level"] in ("interval", "ratio") else "kappa"
    header = ["rater", "and", "units", "percent", beyond, "95% interval"]
    return _more(table(header, rows, align="<<>>>>", cut=(0, 1, 5)), len(pairs) - len(rows), "pairs")


def _raters(document: Mapping[str, Any]) -> str:
    """The raters furthest from the others; with the consensus' view of them, or the truth's."""
    rows, share = document["rater_table"], document["level"] == "nominal"
    known = "against_gold" if any(row["against_gold"] for row in rows) else "quality"
    shown = [
        [
            str(row["rater"]),
            f"{row['labels']:,}",
            _plain(row["disagreement"], share=share),
            _plain(row["among_others"], share=share),
            _p(row["p_adjusted"]),
            _value(row[known]),
            "–" if row[known] is None else _bounds(row[known]),
        ]
        for row in rows[:_SHOWN_RATERS]
    ]
    what = {"against_gold": "error" if document["level"] in ("interval", "ratio") else "right", "quality": "quality"}
    header = ["rater", "labels", "disagrees", "others do", "adj. p", what[known], "95% interval"]
    return _more(table(header, shown, align="<>>>>>>", cut=(0, 6)), len(rows) - len(shown), "raters")


def _p(value: float | None) -> str:
    if value is None:
        return "–"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _plain(value: float | None, *, share: bool) -> str:
    return number(value, "share" if share else "score")


def _more(text: str, left: int, what: str) -> str:
    return f"{text}\n… and {left:,} more {what} in --json" if left > 0 else text
