"""``judge attack``: injections tried on a judge over real answers; usable as a gate."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from textwrap import fill
from typing import Any

import click

from assay.cli.numbers import FiniteRange
from assay.cli.options import json_option, make_app, store_option
from assay.cli.output import WIDTH, money, number, print_json, table
from assay.cli.written_files import check_written
from assay.core.errors import ConfigError

_SHOWN_ATTACKS, _SHOWN_EXAMPLES = 8, 5
_STATUS = {"budget": 3, "interrupted": 130}


@click.command("attack")
@click.argument("judge")
@click.option(
    "--items", metavar="FILE", help="Answers, a file or a query: id, output; input and reference where wanted."
)
@click.option("--run", metavar="RUN", help="Instead: the answers of a recorded run, or last.")
@click.option("--model", "-m", metavar="PROVIDER/NAME", help="Ask this model instead of the judge's own.")
@click.option("--limit", type=click.IntRange(min=1), help="A seeded random sample of this many items.")
@click.option("--attacks", "families", multiple=True, metavar="FAMILY", help="Only this family; may be repeated.")
@click.option("--per-attack", type=click.IntRange(min=1), default=20, show_default=True, help="Items for each attack.")
@click.option(
    "--max-moved", type=FiniteRange(0.0, 1.0, min_open=True, max_open=True), metavar="SHARE",
    help="A gate: most verdicts that may move beyond ordinary movement, e.g. 0.05.",
)  # fmt: skip
@click.option(
    "--wish", type=click.Choice(["high", "low"]), help="What the attacker wants, where the judge has no side."
)
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Draws which attack meets which item."
)
@click.option("--budget-usd", type=FiniteRange(min=0), help="Stop before this is exceeded.")
@click.option("--concurrency", type=click.IntRange(min=1), default=50, show_default=True, help="Verdicts under way.")
@click.option(
    "--report", metavar="FILE.json", type=click.Path(dir_okay=False, path_type=Path), help="Write the document."
)
@click.option("--yes", "-y", is_flag=True, help="Do not ask before expensive attacks.")
@store_option
@json_option
@click.pass_context
def attack_command(
    ctx: click.Context,
    /,
    judge: str,
    store: str | None,
    *,
    report: Path | None,
    yes: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Try injections on JUDGE over real answers, beside harmless changes that show how it wavers by itself.

    Exit status: 0 done or pass, 1 the gate is not passed (fail or inconclusive), 3 the budget ended or something was
    not found, 130 Ctrl-C.

    \b
    assay judge attack helpfulness --model openai/gpt-4o-mini --items answers.jsonl
    assay judge attack judge.yaml --run last --max-moved 0.05
    """
    if (given["items"] is None) == (given["run"] is None):
        raise click.UsageError("name the answers: --items FILE, or --run RUN")
    check_written("report", reads=[f"judges/{judge}.yaml"])
    from assay.app.judge_attack import AttackRequest, attack
    from assay.cli.progress import observer

    app = make_app(store)
    try:
        asking = not as_json and not yes and given["budget_usd"] is None
        document = attack(
            app,
            AttackRequest(judge=judge, **given),
            observe=lambda stage: observer(silent=as_json, label=stage),
            approve=_approval(
                app.settings["confirm_above_usd"], ask=asking, needed=not yes and given["budget_usd"] is None
            ),
        )
    finally:
        app.close()
    if report is not None:
        report.write_text(_as_json(document), encoding="utf-8")
    if as_json:
        print_json(document)
    else:
        click.echo(attack_text(document))
    status = _STATUS.get(document["status"], 0)
    if status:
        more = " with more --budget-usd" if document["status"] == "budget" else ""
        click.echo(
            f"{document['calls']:,} answered calls are kept; go on with the same command{more}: they are replayed and"
            " cost nothing",
            err=True,
        )
    ctx.exit(status or int("gate" in document and document["gate"]["verdict"] != "pass"))


def _as_json(document: Mapping[str, Any]) -> str:
    import json

    return json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def _approval(bar_usd: float, *, ask: bool, needed: bool) -> Callable[[int, float | None], None]:
    """Asks before attacks that may cost more than the bar; where nobody can answer, refuses them."""

    def approve(verdicts: int, cost_usd: float | None) -> None:
        if not needed or cost_usd is None or cost_usd <= bar_usd:
            return
        text = f"{verdicts:,} verdicts on changed answers may cost about {money(cost_usd)}"
        if ask and sys.stdin.isatty():
            if not click.confirm(f"{text}; go on?", err=True):
                raise click.Abort
            return
        raise ConfigError(
            f"{text}, more than {money(bar_usd)}, and nobody can be asked; what was answered is kept",
            hint="add --budget-usd or --yes, or attack fewer items (--limit, --per-attack)",
            code="run.unconfirmed",
        )

    return approve


def attack_text(document: Mapping[str, Any]) -> str:
    """The document as text of 80 columns."""
    parts = [_head(document), fill(document["sentence"], WIDTH)]
    if document["overall"]["trials"]:
        parts += [_families(document), _attacks(document["attacks"]), _controls(document["controls"])]
        if document["moved_most"]:
            parts.append(_examples(document["moved_most"]))
    if "gate" in document:
        gate = document["gate"]
        parts.append(fill(f"gate {gate['verdict']}: {gate['sentence']}", WIDTH))
    parts.append(_foot(document))
    return "\n\n".join(parts)


def _head(document: Mapping[str, Any]) -> str:
    items, wish = document["items"], document["wish"]
    lines = [
        f"{document['judge']} {document['version']} · {document['model']} · {document['verdict']}",
        f"{items['used']:,} of {items['given']:,} items attacked, toward {wish['best']} on {wish['scale'][0]:g} to"
        f" {wish['scale'][1]:g}",
    ]
    if items["without_room"]:
        lines.append(f"{items['without_room']:,} items are at {wish['best']} already and were left out")
    lines += [
        f"{count:,} items have no verdict: {reason}{_detail(document, reason)}"
        for reason, count in items["unjudged"].items()
    ]
    if document["status"] != "done":
        lines.append(f"ended early ({document['status']}): what follows rests on a random part of the attacks")
    return "\n".join(fill(line, WIDTH) for line in lines)


def _families(document: Mapping[str, Any]) -> str:
    parts = [*document["families"], document["overall"]]
    lost = any(part["unreadable"]["value"] for part in parts)
    header = [
        "family",
        "n",
        "moved",
        "calm",
        "more",
        "95% interval",
        *(["unread"] if lost else []),
        "adj. p",
        "verdict",
    ]
    return table(header, [_row(part, lost=lost) for part in parts], align="<" + ">" * (len(header) - 2), cut=(0, 5))


def _row(part: Mapping[str, Any], *, lost: bool) -> list[str]:
    """A family: moved by attacks, by harmless changes (calm), the points between them, and what is no verdict."""
    return [
        part["name"],
        f"{part['trials']:,}",
        number(part["moved"]["value"], "share"),
        number(part["control"]["value"], "share"),
        _points(part["difference"]["value"]),
        _bounds(part["difference"]),
        *([number(part["unreadable"]["value"], "share")] if lost else []),
        _p(part["p_adjusted"]),
        part["verdict"],
    ]


def _attacks(parts: Sequence[Mapping[str, Any]]) -> str:
    shown = [part for part in parts if (part["difference"]["value"] or 0.0) > 0.0 or part["unreadable"]["value"]]
    if not shown:
        return f"none of {len(parts):,} attacks moved more than harmless changes did"
    rows = [
        [
            part["name"],
            f"{part['trials']:,}",
            number(part["moved"]["value"], "share"),
            _points(part["difference"]["value"]),
            _bounds(part["difference"]),
            number(part["movement"]["value"], "score"),
        ]
        for part in shown[:_SHOWN_ATTACKS]
    ]
    text = table(["attack", "n", "moved", "more", "95% interval", "mean way"], rows, align="<>>>>>", cut=(0, 4))
    left = len(shown) - len(rows)
    return f"{text}\n… and {left:,} more in --json" if left else text


def _controls(controls: Mapping[str, Mapping[str, Any]]) -> str:
    rows = [
        [name, f"{found['n']:,}", number(found["value"], "share"), _bounds(found, points=False)]
        for name, found in controls.items()
    ]
    return table(["harmless change", "n", "moved", "95% interval"], rows, align="<>>>", cut=(0, 3))


def _examples(rows: Sequence[Mapping[str, Any]]) -> str:
    shown = [[row["attack"], row["item"], f"{row['before']:g}", f"{row['after']:g}"] for row in rows[:_SHOWN_EXAMPLES]]
    return table(["moved furthest", "item", "from", "to"], shown, align="<<>>", cut=(0, 1))


def _foot(document: Mapping[str, Any]) -> str:
    usage = document["usage"]
    lines = [
        f"{document['calls']:,} calls, {usage['cached']:,} of them answered before · {money(usage['cost_usd'])} now ·"
        f" {document['seconds']:.1f} s"
    ]
    lines += [
        f"could not be asked: {count:,} × {reason}{_detail(document, reason)}"
        for reason, count in document["outages"].items()
    ]
    return "\n".join(lines)


def _detail(document: Mapping[str, Any], reason: str) -> str:
    return f", e.g. {document['details'][reason]}" if reason in document["details"] else ""


def _points(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:+.1f}"


def _bounds(estimate: Mapping[str, Any], *, points: bool = True) -> str:
    if estimate["low"] is None or estimate["high"] is None:
        return str(estimate.get("reason") or "no interval")
    if points:
        return f"{100 * estimate['low']:.1f} to {100 * estimate['high']:.1f}"
    return f"{number(estimate['low'], 'share')} – {number(estimate['high'], 'share')}"


def _p(value: float | None) -> str:
    if value is None:
        return "–"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"
