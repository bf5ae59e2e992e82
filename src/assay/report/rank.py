"""The page of a leaderboard: ratings with intervals, what else moves verdicts, raters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

from assay.report.charts import Spec, interval_chart
from assay.report.figures import UNKNOWN, estimate_text, interval_text, value_text
from assay.report.page import Page, Section, Table, write_page

DRAWN = 60
DRAWN_RATERS = 40
LISTED_RATERS = 200


def write_rank(document: Mapping[str, Any], *, path: Path) -> str:
    """Write the page of an ``assay.rank/1`` document and return its path."""
    return write_page(rank_page(document), path=path)


def rank_page(document: Mapping[str, Any]) -> Page:
    """Everything ``assay rank`` prints, with plots."""
    name = "query" if " " in document["file"].strip() else PurePath(document["file"]).name
    return Page(
        title=f"Leaderboard of {name}",
        subtitle=f"{len(document['models']):,} models, {document['battles']:,} battles, {document['method']}",
        lead=document["sentences"],
        sections=[_ratings(document), *_effects(document), *_raters(document["raters"])],
    )


def _ratings(document: Mapping[str, Any]) -> Section:
    models = document["models"]
    rows = [
        [
            UNKNOWN if row["rank"] is None else str(row["rank"]),
            f"{row['rank_low']} to {row['rank_high']}",
            row["model"],
            estimate_text(row["rating"]),
            interval_text(row["rating"]),
            f"{row['battles']:,}",
            f"{row['wins']:,}, {row['losses']:,}, {row['ties']:,}",
            estimate_text(row["win_rate"]),
            interval_text(row["win_rate"]),
            f"{row['elo_in_file_order']['value']:.0f}",
            UNKNOWN if row["elo_over_orders"] is None else _range(row["elo_over_orders"]),
        ]
        for row in models
    ]
    header = ["rank", "range", "model", "rating", "interval", "battles", "won, lost, tied", "win rate", "interval",
              "Elo, file order", "Elo, any order"]  # fmt: skip
    return Section(
        title="Ratings",
        notes=[
            "Rank ranges hold for all models at once; the interval of a rating speaks of one model.",
            "Online Elo depends on the order of the battles and is shown for comparison.",
        ],
        charts=_drawn(
            [(row["model"], row["rating"]) for row in models[:DRAWN]], title="Ratings", x_title=document["scale"]
        ),
        table=Table(header=header, rows=rows, numeric=[0, 1, *range(3, 11)]),
    )


def _range(estimate: Mapping[str, Any]) -> str:
    return f"{estimate['low']:.0f} to {estimate['high']:.0f}"


def _effects(document: Mapping[str, Any]) -> list[Section]:
    """Position, ties, style: whatever was fitted beside the models."""
    rows = []
    position = document["position"]
    if position["share"] is not None:
        rows.append(
            ["shown first, against an equal", estimate_text(position["share"]), interval_text(position["share"])]
        )
    swapped = document["swapped"]
    if swapped is not None:
        rows.append(["verdicts that turn with the order", estimate_text(swapped["flip_rate"]),
                     interval_text(swapped["flip_rate"])])  # fmt: skip
        bias = swapped["position_bias"]
        rows.append(["first minus second, share", estimate_text(bias), interval_text(bias)])
    if document["tie_probability"] is not None:
        rows.append(["tie of two equals", estimate_text(document["tie_probability"]),
                     interval_text(document["tie_probability"])])  # fmt: skip
    effects = document["covariates"]
    rows += [[f"{name}, log-odds a unit", _number(effect), interval_text(effect)] for name, effect in effects.items()]
    if not rows:
        return []
    table = Table(header=["what", "effect", "interval"], rows=rows, numeric=[1, 2])
    return [Section(title="What else moves verdicts", table=table)]


def _number(effect: Mapping[str, Any]) -> str:
    return UNKNOWN if effect["value"] is None else f"{effect['value']:+.3f}"


def _raters(raters: Sequence[Mapping[str, Any]]) -> list[Section]:
    if not raters:
        return []
    rows = [
        [
            row["rater"],
            f"{row['skill']['n']:,}",
            value_text(row["skill"]["value"], "score"),
            interval_text(row["skill"]),
            value_text(row["position"]["value"], "score"),
            interval_text(row["position"]),
        ]
        for row in raters[:LISTED_RATERS]
    ]
    notes = ["Skill 1 is the average rater, 0 tosses a coin, below 0 prefers the worse."]
    if len(raters) > LISTED_RATERS:
        notes.append(f"{len(raters) - LISTED_RATERS:,} more raters are in --json.")
    return [
        Section(
            title="Raters",
            notes=notes,
            charts=_drawn([(row["rater"], row["skill"]) for row in raters[:DRAWN_RATERS]],
                          title="Skill, the least first", x_title="skill"),
            table=Table(header=["rater", "votes", "skill", "interval", "towards the first", "interval"], rows=rows,
                        numeric=range(1, 6)),
        )
    ]  # fmt: skip


def _drawn(rows: Sequence[tuple[str, Mapping[str, Any]]], *, title: str, x_title: str) -> list[Spec]:
    found = interval_chart(rows, title=title, x_title=x_title)
    return [] if found is None else [found]
