"""``tasks``, ``models``, ``config``, ``schema``: what there is."""

from __future__ import annotations

from typing import Any

import click

from assay.app import catalog
from assay.cli.options import json_option, make_app, store_option
from assay.cli.output import print_json, table
from assay.core.registry import OWN


@click.command("tasks")
@click.argument("name", required=False)
@click.option("--scorers", is_flag=True, help="List scorers instead of benchmarks.")
@json_option
def tasks_command(name: str | None, *, scorers: bool, as_json: bool) -> None:
    """Built-in benchmarks, or one of them in full; or the scorers."""
    document = catalog.scorers() if scorers else catalog.tasks(name)
    if as_json:
        print_json(document)
    elif scorers:
        listed = [[row["name"], row["summary"][:58]] for row in document["scorers"]]
        click.echo(_parts_table(["scorer", "what"], listed, document["scorers"]))
    elif name is None:
        click.echo(table(["task", "what"], [[row["name"], row["title"][:60]] for row in document["tasks"]]))
    else:
        click.echo(_task_text(document))


def _task_text(document: dict[str, Any]) -> str:
    lines = [f"{document['name']}: {document['title']}", document["description"], ""]
    for key in ("paper", "source", "licence", "scorers", "metrics", "needs"):
        value = document[key]
        lines.append(f"{key}: {value if isinstance(value, str) else ', '.join(value)}")
    lines.append("\noptions (-o KEY=VALUE):")
    for name, option in document["options"].items():
        allowed = f" ({' | '.join(map(str, option['values']))})" if option["values"] else ""
        lines.append(f"  {name}={option['default']}{allowed}\n      {option['help']}")
    return "\n".join(lines)


@click.command("models")
@click.argument("name", required=False)
@json_option
def models_command(name: str | None, *, as_json: bool) -> None:
    """Providers and how their keys are given, or what MODEL is known to cost and can do."""
    app = make_app(None)
    document = catalog.models(app, name)
    if as_json:
        print_json(document)
    elif name is None:
        rows = [[row["provider"], _key_of(row), row["example"]] for row in document["providers"]]
        click.echo(_parts_table(["provider", "key from", "example"], rows, document["providers"]))
    else:
        click.echo(_model_text(document))


def _key_of(row: dict[str, Any]) -> str:
    return row["key_env"] or ("none needed" if row["origin"] == OWN else "–")


def _parts_table(header: list[str], rows: list[list[str]], parts: list[dict[str, Any]]) -> str:
    """The parts, and who brings each where some are plug-ins."""
    if all(part["origin"] == OWN for part in parts):
        return table(header, rows)
    whole = [[*row, part["origin"]] for row, part in zip(rows, parts, strict=True)]
    return table([*header, "from"], whole, cut=(1,))


def _model_text(document: dict[str, Any]) -> str:
    price = document["price"] or {"price": "unknown; set it under models: in assay.yaml"}
    rows = [["model", document["model"]], ["capabilities", ", ".join(document["capabilities"])]]
    for key, value in price.items():
        if value is not None:
            shown = f"${value} a million tokens" if isinstance(value, int | float) else str(value)
            rows.append([key.replace("_", " "), shown])
    return "\n".join(f"{key:<14}{value}" for key, value in rows)


@click.command("config")
@store_option
@json_option
def config_command(store: str | None, *, as_json: bool) -> None:
    """Settings and where each came from (flag over environment over assay.yaml over default), and the plug-ins."""
    app = make_app(store)
    rows, installed = list(app.settings.resolved.values()), catalog.plug_ins()
    if as_json:
        settings = {row.key: {"value": row.value, "source": row.source} for row in rows}
        print_json({"settings": settings, "models": sorted(app.settings.models), **installed})
        return
    click.echo(
        table(["setting", "value", "from"], [[row.key, _shown(row.value), row.source] for row in rows], cut=(1, 2))
    )
    if installed["plugins"]:
        found = [[row["kind"], row["name"], row["origin"]] for row in installed["plugins"]]
        click.echo("\n" + table(["plug-in", "name", "from"], found))
    for row in installed["refused"]:
        click.echo(f"{row['kind']} {row['name']} cannot be used: {row['reason']}", err=True)


def _shown(value: object) -> str:
    return "–" if value is None else str(value)


@click.command("schema")
@click.argument("file", type=click.Choice(list(catalog.FILES)), default="eval")
@json_option
def schema_command(file: str, *, as_json: bool) -> None:
    """JSON Schema of a file that people write, for editors and checks."""
    print_json(catalog.schema(file))
