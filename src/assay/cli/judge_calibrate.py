"""``judge calibrate``: the map from verdicts to people's labels, and the judge's card."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from textwrap import fill
from typing import Any

import click

from assay.cli.cascade_options import named_columns
from assay.cli.estimates import bounds_text, without_interval
from assay.cli.judge_columns import card_options, card_request, column_options
from assay.cli.numbers import FINITE, FiniteRange
from assay.cli.options import json_option, store_option
from assay.cli.output import WIDTH, number, print_json, table
from assay.cli.written_files import check_written

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("calibrate")
@click.argument("file")
@click.option("--out", "-o", type=_FILE, required=True, help="Write the map (JSON).")
@click.option(
    "--tier", "tiers", multiple=True, metavar="[NAME=]COLUMN,…",
    help="Features of a tier, lowest first, each with those below; default judge=<the verdict>.",
)  # fmt: skip
@click.option("--by-system", "system", is_flag=True, help="Also fit a map that knows each system.")
@click.option("--ridge", type=FiniteRange(min=0), help="Penalty in labels (default: by cross-validation).")
@click.option("--threshold", type=FINITE, metavar="X", help="0/1 labels: a verdict of at least X is a yes.")
@column_options
@card_options
@click.option("--report", metavar="FILE.html", type=_FILE, help="Write the card's page.")
@store_option
@json_option
def calibrate_command(
    file: str,
    out: Path,
    tiers: tuple[str, ...],
    ridge: float | None,
    threshold: float | None,
    report: Path | None,
    store: str | None,
    *,
    system: bool,
    as_json: bool,
    **chosen: Any,
) -> None:
    """Fit the map from the verdicts in FILE to people's labels (--human), and make the judge's card.

    Its errors are cross-fitted by document, and by system for systems that are not known.

    Exit status: 0 done, 2 wrong usage, 3 the file cannot be used.
    """
    check_written("out", "report")
    from assay.app.judge_calibrate import CalibrateRequest, calibrate_file
    from assay.cli.judge_card import kept

    document, _ = calibrate_file(
        CalibrateRequest(
            card=card_request(file, chosen),
            tiers=named_columns(tiers),
            system=system,
            ridge=ridge,
            threshold=threshold,
            out=str(out),
        )
    )
    if chosen["version"] is not None:
        document["card"] = kept(document["card"], store)
        document["saved"] = document["card"].pop("saved")
    if report is not None:
        from assay.report.judge_card import write_judge_card

        document["report"] = write_judge_card(document["card"], path=report)
    if as_json:
        print_json(document)
    else:
        click.echo(calibration_text(document))


def calibration_text(document: Mapping[str, Any]) -> str:
    """The map as text of 80 columns."""
    documents = "" if document["n_documents"] is None else f" in {document['n_documents']:,} documents"
    head = f"map of {document['target']} · {document['n']:,} labels{documents}, sd {document['label_std_dev']:.3f}"
    rows = []
    for tier in document["tiers"]:
        for label, key in ((tier["name"], "r2"), (f"{tier['name']}, known systems", "r2_known_systems")):
            if tier[key] is not None:
                variance = tier["residual_variance" + key.removeprefix("r2")]
                rows.append([label, number(tier[key]["value"]), bounds_text(tier[key]), f"{variance**0.5:.3f}"])
    parts = [head, table(["tier, with those below", "r²", "95% interval", "error sd"], rows, align="<>>>", cut=(0,))]
    fits = [(tier["name"], tier[key]) for tier in document["tiers"] for key in ("r2", "r2_known_systems") if tier[key]]
    parts += without_interval(fits)
    errors = document["errors"]
    if errors is not None:
        shown = [
            [what, number(errors[what]["value"], "share"), bounds_text(errors[what]), f"{errors[what]['n']:,}"]
            for what in ("sensitivity", "specificity")
        ]
        parts.append(table(["error rates", "value", "95% interval", "n"], shown, align="<>>>"))
    parts.append("\n".join(fill(sentence, WIDTH) for sentence in [*document["sentences"],
                                                                   *document["card"]["sentences"]]))  # fmt: skip
    parts.append("\n".join(f"{name} {document[name]}" for name in ("output", "saved", "report") if name in document))
    return "\n\n".join(parts)
