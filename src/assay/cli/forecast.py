"""``forecast``: what state comes next, how sure that is, and how such forecasts did in the past."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from textwrap import fill
from typing import Any

import click

from assay.cli.numbers import FINITE, FiniteRange
from assay.cli.options import json_option
from assay.cli.output import WIDTH, number, print_json, table
from assay.cli.written_files import check_written


@click.command("forecast")
@click.argument("file")
@click.option("--state", metavar="COLUMN", help="Column of states (words or numbers, each a state).")
@click.option("--value", metavar="COLUMN", help="Column of numbers, cut in two states by --threshold.")
@click.option("--threshold", type=FINITE, metavar="X", help="The second state is a value above X.")
@click.option("--date", metavar="COLUMN", help="Column of dates, evenly spaced; needed for seasons.")
@click.option("--order", metavar="auto|N", default="auto", show_default=True, help="States that make the memory.")
@click.option(
    "--season",
    type=click.Choice(["month", "fourier", "none"]),
    default="none",
    show_default=True,
    help="One chain a month, or chances that turn with the year.",
)
@click.option("--horizon", metavar="N,N", default="1,7,30", show_default=True, help="Steps ahead.")
@click.option("--from", "start", metavar="STATE", help="Forecast from this state instead of the last row's.")
@click.option("--states", metavar="A,B", help="The states allowed, in order; any other is an error.")
@click.option(
    "--gaps",
    type=click.Choice(["error", "bridge"]),
    default="error",
    show_default=True,
    help="Missing dates: stop, or count no transition over them.",
)
@click.option("--smoothing", type=FiniteRange(min=0), help="Pseudo-count of every transition.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the draws behind the intervals.")
@click.option("--report", metavar="FILE.html", type=click.Path(dir_okay=False), help="Write a page with charts.")
@json_option
def forecast_command(
    file: str,
    state: str | None,
    value: str | None,
    threshold: float | None,
    date: str | None,
    order: str,
    season: Any,
    horizon: str,
    start: str | None,
    states: str | None,
    gaps: str,
    smoothing: float | None,
    seed: int,
    report: str | None,
    *,
    as_json: bool,
) -> None:
    """Forecast the states in FILE (CSV, Parquet, JSON, JSONL; a row a step) with a Markov chain.

    Exit status: 0 done, 2 the options do not fit together, 3 the file cannot be used.
    """
    if (state is None) == (value is None) or (value is None) != (threshold is None):
        raise click.UsageError("give --state COLUMN, or --value COLUMN together with --threshold X")
    horizons = [_whole(part, "--horizon", 1) for part in horizon.split(",") if part.strip()]
    if not horizons:
        raise click.BadParameter("no horizon is named", param_hint="--horizon")
    check_written("report")
    from assay.app.forecast import make_forecast
    from assay.app.forecast_series import ForecastRequest

    document = make_forecast(
        ForecastRequest(
            path=file,
            state=state,
            value=value,
            threshold=threshold,
            date=date,
            order=None if order == "auto" else _whole(order, "--order", 0),
            season=season,
            horizons=horizons,
            start=start,
            states=tuple(name.strip() for name in states.split(",")) if states else (),
            bridge_gaps=gaps == "bridge",
            smoothing=smoothing,
            seed=seed,
        )
    )
    if report is not None:
        from assay.report.forecast import write_forecast

        document["report"] = write_forecast(document, report)
    if as_json:
        print_json(document)
    else:
        click.echo(forecast_text(document))


def _whole(text: str, option: str, least: int) -> int:
    try:
        found = int(text)
    except ValueError as error:
        raise click.BadParameter(f"{text!r} is not a whole number", param_hint=option) from error
    if found < least:
        raise click.BadParameter(f"{found} is below {least}", param_hint=option)
    return found


def forecast_text(document: Mapping[str, Any]) -> str:
    """The document as text of 80 columns."""
    seen = document["observations"]
    seasonal = document["season"] != "none"
    span = f", {seen['first']} to {seen['last']}" if seen["first"] else ""
    lines = [
        f"{PurePath(document['file']).name} · {document['column']} · {seen['rows']:,} rows{span}",
        f"{seen['transitions']:,} transitions of order {document['order']['used']}",
        *([f"season {document['season']}; the first table is of the whole year"] if seasonal else []),
        "",
        _transitions(document),
        "",
        *(fill(line, WIDTH, subsequent_indent="  ") for line in _findings(document)),
        "",
        _forecasts(document),
    ]
    if document["counts"]:
        lines += ["", _counts(document)]
    if document["backtest"]:
        lines += ["", _backtest(document)]
    lines += ["", fill(document["sentence"], WIDTH)]
    lines += [fill(f"note: {note}", WIDTH) for note in document["notes"]]
    if document.get("report"):
        lines.append(f"report {document['report']}")
    return "\n".join(lines)


def _range(estimate: Mapping[str, Any]) -> str:
    if estimate["low"] is None or estimate["high"] is None:
        return str(estimate.get("reason") or "no interval")
    return f"{100 * estimate['low']:.1f} – {100 * estimate['high']:.1f}%"


def _likeliest(rows: Sequence[Mapping[str, Any]], states: Sequence[str]) -> list[str]:
    """All states while there are few; else the ones that ever come first."""
    if len(states) <= 4:
        return list(states)
    tops = {max(row["probabilities"], key=lambda name: row["probabilities"][name]["value"] or 0.0) for row in rows}
    return [state for state in states if state in tops][:4]


def _transitions(document: Mapping[str, Any]) -> str:
    shown = document["transitions"]
    rows = [
        [
            " → ".join(row["after"]) or "anything",
            state,
            number(row["probabilities"][state]["value"], "share"),
            _range(row["probabilities"][state]),
            f"{row['n']:,}",
        ]
        for row in shown[:32]
        for state in (document["states"] if len(document["states"]) <= 4 else _top(row))
    ]
    text = table(["after", "next", "chance", "95% interval", "n"], rows, align="<<>>>", cut=(0, 1, 3))
    return text if len(shown) <= 32 else f"{text}\n… and {len(shown) - 32:,} more rows in --json"


def _top(row: Mapping[str, Any]) -> list[str]:
    chances = row["probabilities"]
    return sorted(chances, key=lambda name: -(chances[name]["value"] or 0.0))[:3]


def _findings(document: Mapping[str, Any]) -> list[str]:
    order = document["order"]
    lines = [
        f"order: {order['by_bic']} by BIC, {order['by_aic']} by AIC, {order['by_tests']} by tests"
        f" (0 to {len(order['compared']) - 1} compared); used {order['used']}"
    ]
    for name, what in (("stretches", "stretches of the file"), ("months", "months of the year")):
        found = document["stationarity"][name]
        if found and "p_value" in found:
            same = "differ" if found["p_value"] < 0.05 else "no difference seen"
            doubt = "; many small counts" if found["small_cells"] > 0.2 else ""
            lines.append(
                f"stationarity: {found['periods']} {what}: {same} (p {_p(found['p_value'])}, df {found['df']}{doubt})"
            )
    months = document["stationarity"]["months"]
    if document["season"] == "none" and months and months.get("p_value", 1.0) < 0.05:
        lines.append("  the chances change over the year: try --season month or --season fourier")
    if document["structure"]["reason"]:
        lines.append(f"structure: {document['structure']['reason']}")
    elif not document["structure"]["irreducible"]:
        lines.append(f"structure: {len(document['structure']['classes'])} classes; some states are never returned to")
    long_run = document["long_run"]
    if long_run and long_run["shares"]:
        shares = ", ".join(f"{name} {number(one['value'], 'share')}" for name, one in long_run["shares"].items())
        if len(long_run["shares"]) <= 4:
            lines.append(f"long run: {shares}")
        lines.append(f"the present is forgotten (within 5 points) after {long_run['forgotten_after']:,} steps")
    return lines


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _forecasts(document: Mapping[str, Any]) -> str:
    states = _likeliest(document["forecasts"], document["states"])
    rows = [
        [
            f"{row['horizon']:,}",
            row["date"] or "",
            state,
            number(row["probabilities"][state]["value"], "share"),
            _range(row["probabilities"][state]),
        ]
        for row in document["forecasts"]
        for state in states
    ]
    return table(["steps", "date", "state", "chance", "95% interval"], rows, align="><<>>", cut=(2,))


def _counts(document: Mapping[str, Any]) -> str:
    rows = [
        [row["state"], f"{row['mean']:.1f}", f"{row['low']} – {row['high']}", number(row["at_least_one"], "share")]
        for row in document["counts"][:8]
    ]
    steps = document["counts"][0]["steps"]
    head = [f"in the next {steps:,} steps", "expected", "90% between", "at least once"]
    return table(head, rows, align="<>>>", cut=(0,))


def _backtest(document: Mapping[str, Any]) -> str:
    rows = [
        [
            f"{row['horizon']:,}",
            f"{row['n']:,}",
            number(row["brier"]["value"]),
            _signed(row["skill_over_persistence"]),
            _signed(row["skill_over_climatology"]),
            "–" if row["bias"] is None else f"{100 * row['bias']['value']:+.1f} pts",
        ]
        for row in document["backtest"]
    ]
    head = ["steps", "n", "Brier", "skill: persistence", "skill: climatology", "bias"]
    return table(head, rows, align=">>>>>>", cut=(3, 4))


def _signed(estimate: Mapping[str, Any]) -> str:
    if estimate["value"] is None or estimate["low"] is None:
        return "–"
    return f"{estimate['value']:+.2f} ({estimate['low']:+.2f} to {estimate['high']:+.2f})"
