"""``rank``: a leaderboard from comparisons of two, with the doubt it has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import fill
from typing import Any

import click

from assay.cli.numbers import FiniteRange
from assay.cli.options import json_option
from assay.cli.output import WIDTH, number, print_json, table
from assay.cli.written_files import check_written

_FILE = click.Path(dir_okay=False, path_type=Path)
_SHOWN_RATERS = 8


@click.command("rank")
@click.argument("file")
@click.option("--a", "first", metavar="COLUMN", default="model_a", show_default=True, help="The model shown first.")
@click.option("--b", "second", metavar="COLUMN", default="model_b", show_default=True, help="The model shown second.")
@click.option("--winner", metavar="COLUMN", help="Who won: a model's name, a side or a tie. (default: winner)")
@click.option("--map", "words", multiple=True, metavar="VALUE=a|b|tie", help="What a value of --winner means.")
@click.option("--preference", metavar="COLUMN", help="Instead of --winner: a's chance in 0..1, or 1 (a) to 2 (b).")
@click.option(
    "--preference-scale",
    type=click.Choice(["auto", "0-1", "1-2"]),
    default="auto",
    show_default=True,
    help="0-1: the chance that a wins; 1-2: 1 is all for a, 2 all for b, 0 a tie.",
)
@click.option(
    "--ties",
    type=click.Choice(["half", "davidson", "rao-kupper"]),
    default="half",
    show_default=True,
    help="A tie is half a win, or has a parameter of its own.",
)
@click.option("--covariate", "covariates", multiple=True, metavar="COLUMN|NAME=A,B",
              help="Style held equal: a column (a minus b), or two lengths, as (A - B) / (A + B).")  # fmt: skip
@click.option("--rater", metavar="COLUMN", help="Fit each rater's skill and leaning to the first.")
@click.option("--cluster", metavar="COLUMN", help="Battles that share this are not independent (prompt, person).")
@click.option("--swap", is_flag=True, help="Pairs were judged in both orders; --cluster names what both share.")
@click.option(
    "--scale", type=click.Choice(["elo", "log-odds"]), default="elo", show_default=True, help="Unit of the ratings."
)
@click.option("--ridge", type=FiniteRange(min=0), default=0.0, show_default=True,
              help="Precision of a prior that gives models without a loss a rating.")  # fmt: skip
@click.option("--bootstrap", type=click.IntRange(min=10), metavar="N", help="Rounds, instead of sandwich intervals.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of every draw.")
@click.option("--report", metavar="FILE.html", type=_FILE, help="Write a page with plots.")
@json_option
def rank_command(
    file: str,
    first: str,
    second: str,
    winner: str | None,
    words: tuple[str, ...],
    preference: str | None,
    preference_scale: Any,
    ties: Any,
    covariates: tuple[str, ...],
    rater: str | None,
    cluster: str | None,
    swap: bool,
    scale: Any,
    ridge: float,
    bootstrap: int | None,
    seed: int,
    report: Path | None,
    *,
    as_json: bool,
) -> None:
    """Rank the models in FILE (CSV, Parquet, JSON lines, or a query; one row a comparison of two) by Bradley–Terry.

    Exit status: 0 done, 2 the options do not fit together, 3 the file cannot be used.
    """
    if winner is not None and preference is not None:
        raise click.UsageError("give --winner or --preference, not both")
    if words and preference is not None:
        raise click.UsageError("--map explains values of --winner; --preference has numbers")
    if swap and cluster is None:
        raise click.UsageError("--swap needs --cluster COLUMN: the prompt that both orders of a pair share")
    check_written("report")
    from assay.app.rank import make_ranking
    from assay.app.rank_file import RankRequest

    document = make_ranking(
        RankRequest(
            path=file,
            a=first,
            b=second,
            winner=None if preference else winner or "winner",
            preference=preference,
            preference_scale=preference_scale,
            words=dict(_word(pair) for pair in words),
            ties=ties,
            covariates=covariates,
            rater=rater,
            cluster=cluster,
            swap=swap,
            scale=scale,
            ridge=ridge,
            bootstrap=bootstrap,
            seed=seed,
        )
    )
    if report is not None:
        from assay.report.rank import write_rank

        document["report"] = write_rank(document, path=report)
    if as_json:
        print_json(document)
    else:
        click.echo(rank_text(document))


def _word(pair: str) -> tuple[str, Any]:
    value, _, side = pair.rpartition("=")
    if not value or side not in ("a", "b", "tie"):
        raise click.BadParameter(f"{pair!r} is not VALUE=a, VALUE=b or VALUE=tie", param_hint="--map")
    return value, side


def rank_text(document: Mapping[str, Any]) -> str:
    """The document as text of 80 columns."""
    parts = [
        f"{len(document['models']):,} models, {document['battles']:,} battles, {document['method']}",
        _models(document),
        "* online Elo in the file's order: another order gives other figures",
    ]
    if document["raters"]:
        parts.append(_raters(document["raters"]))
    parts.append("\n".join(fill(sentence, WIDTH) for sentence in document["sentences"]))
    notes = _notes(document)
    if notes:
        parts.append("\n".join(fill(f"note: {note}", WIDTH) for note in notes))
    if "report" in document:
        parts.append(f"report {document['report']}")
    return "\n\n".join(parts)


def _notes(document: Mapping[str, Any]) -> list[str]:
    notes = [document["reading"]] if document["reading"] else []
    if document["mapping"]:
        met = ", ".join(f"{word} = {found['means']} ({found['n']:,})" for word, found in document["mapping"].items())
        notes.append(f"winners: {met}; a is {document['columns']['a']}, b is {document['columns']['b']}")
    if document["missing"]:
        notes.append(f"{document['missing']:,} rows have no verdict and were left out")
    if document["failed_rounds"]:
        notes.append(f"{document['failed_rounds']:,} bootstrap rounds had no finite ratings and were left out")
    return notes


def _models(document: Mapping[str, Any]) -> str:
    elo = document["scale"] == "elo"
    rows = [
        [
            "–" if row["rank"] is None else str(row["rank"]),
            f"{row['rank_low']}–{row['rank_high']}",
            row["model"],
            _figure(row["rating"]["value"], elo=elo),
            _bounds(row["rating"], elo=elo),
            f"{row['battles']:,}",
            number(row["win_rate"]["value"], "share"),
            f"{row['elo_in_file_order']['value']:.0f}",
        ]
        for row in document["models"]
    ]
    header = ["rank", "range", "model", document["scale"], "95% interval", "battles", "won", "Elo*"]
    return table(header, rows, align=">><>>>>>", cut=(2, 4))


def _figure(value: float | None, *, elo: bool) -> str:
    if value is None:
        return "–"
    return f"{value:.0f}" if elo else f"{value:.2f}"


def _bounds(estimate: Mapping[str, Any], *, elo: bool) -> str:
    if estimate["low"] is None or estimate["high"] is None:
        return "none" if estimate["value"] is None else "no interval"
    return f"{_figure(estimate['low'], elo=elo)} – {_figure(estimate['high'], elo=elo)}"


def _raters(rows: Sequence[Mapping[str, Any]]) -> str:
    shown = [
        [
            row["rater"],
            f"{row['skill']['n']:,}",
            *(text for name in ("skill", "position") for text in (_figure(row[name]["value"], elo=False),
                                                                 _bounds(row[name], elo=False))),
        ]
        for row in rows[:_SHOWN_RATERS]
    ]  # fmt: skip
    header = ["rater", "votes", "skill", "95% interval", "to first", "95% interval"]
    text = table(header, shown, align="<>>>>>", cut=(0,))
    left = len(rows) - len(shown)
    return f"{text}\n… and {left:,} more raters in --json" if left > 0 else text
