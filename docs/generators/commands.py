"""Commands, settings and exit statuses, from click and the settings module."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib import import_module

import click

from docs.generators.text import code, page, table, words

SETTINGS = {
    "store": "Folder that holds the database, sealed runs and reports.",
    "cache": "File of a response table that several stores share; the store's own when empty.",
    "data": "Folder where benchmark files are looked for.",
    "metadata_url": "Reserved for a metadata server; this version refuses it.",
    "results_url": "Reserved for a results server; this version refuses it.",
    "objects_url": "Reserved for an object store; this version refuses it.",
    "confirm_above_usd": "A run whose worst case costs more is only started after a question, `--yes` or a budget.",
    "project": "What runs are booked on; see `assay cost`.",
}
VARIABLES = {
    "ASSAY_CONFIG": "Another settings file than `assay.yaml` in the working folder.",
    "ASSAY_DATA_CACHE": "Folder for copies of datasets fetched from the hub; else `~/.cache/assay/data`.",
    "ASSAY_TEST_DATA": "For the project's own tests: a folder of public evaluation data.",
}
MEANINGS = {
    "runs --limit": "At most this many.",
    "export --format": "How the run is written.",
    "show --epoch": "Which repeat of the sample, counted from 0.",
}
"""Of options that say nothing of themselves."""
EXITS = (
    ("0", "done, or the gate passed"),
    ("1", "gate not passed (fail or inconclusive); `reproduce` found a difference"),
    ("2", "the command line does not parse"),
    ("3", "something was not found, or the work is partial; what there is has been printed and kept"),
    ("130", "Ctrl-C; everything finished is kept"),
)


def all_commands() -> dict[str, click.Command]:
    """Commands by name, those of groups too, in the order of ``assay --help``."""
    from assay.cli.main import COMMANDS

    found: dict[str, click.Command] = {}
    for name, (where, _) in COMMANDS.items():
        found |= _flat(name, getattr(import_module(where), f"{name}_command"))
    return found


def _flat(name: str, command: click.Command) -> dict[str, click.Command]:
    if not isinstance(command, click.Group):
        return {name: command}
    found: dict[str, click.Command] = {}
    for part, inner in command.commands.items():
        found |= _flat(f"{name} {part}", inner)
    return found


def commands_page() -> str:
    """``reference/commands.md``."""
    blocks = [
        "Results go to standard output, everything else to standard error. Every command takes `--json` and then "
        "prints exactly one JSON document ([the documents](json.md)).",
        "## Exit status",
        table(["status", "meaning"], EXITS),
    ]
    for name, command in all_commands().items():
        blocks += [f"## assay {name}", *_command(name, command)]
    return page("Commands", *blocks)


def _command(name: str, command: click.Command) -> list[str]:
    arguments = [p for p in command.params if isinstance(p, click.Argument)]
    options = [p for p in command.params if isinstance(p, click.Option)]
    usage = " ".join(["assay", name, *(_argument(argument) for argument in arguments), "[OPTIONS]"])
    prose = [" ".join(part.split()) for part in re.split(r"\n\s*\n", command.help or "") if "\b" not in part]
    rows = [[_names(option), option_text(name, option), _default(option)] for option in options]
    return [f"```text\n{usage}\n```", *(words(part) for part in prose), table(["option", "meaning", "default"], rows)]


def _argument(argument: click.Argument) -> str:
    shown = argument.human_readable_name.upper()
    return shown if argument.required else f"[{shown}]"


def _names(option: click.Option) -> str:
    names = ", ".join(code(name) for name in sorted(option.opts, key=len, reverse=True))
    if option.is_flag:
        return names
    if isinstance(option.type, click.Choice):
        return f"{names} {' or '.join(code(str(choice)) for choice in option.type.choices)}"
    number = {"integer range": "N", "integer": "N", "float range": "NUMBER"}
    return f"{names} {option.metavar or number.get(option.type.name, option.type.name.upper())}"


def option_text(command: str, option: click.Option) -> str:
    """What an option means; a KeyError names the one nobody has described."""
    told = option.help or MEANINGS[f"{command} {option.opts[0]}"]
    repeat = " May be repeated." if option.multiple and "repeated" not in told else ""
    required = " Required." if option.required else ""
    return words(told + repeat + required)


def _default(option: click.Option) -> str:
    plain = isinstance(option.default, str | int | float) and not isinstance(option.default, bool)
    return code(str(option.default)) if plain and option.default != "" else ""


def settings_page() -> str:
    """``reference/settings.md``."""
    from assay.app.settings import DEFAULTS

    rows: list[Sequence[str]] = []
    for key, default in DEFAULTS.items():
        flag = "`--store`" if key == "store" else "–"
        shown = code(str(default)) if default is not None else "–"
        rows.append([code(key), shown, code(f"ASSAY_{key.upper()}"), flag, SETTINGS[key]])
    return page(
        "Settings",
        "A value is taken from the first of: flag, environment, `assay.yaml` in the working folder, default. "
        "`assay config` shows each value and where it came from. How models are reached is set under `models:` in "
        "`assay.yaml` ([files](files.md#assayyaml)); the variables of each provider are listed under "
        "[providers](providers.md).",
        table(["key in assay.yaml", "default", "environment", "flag", "meaning"], rows),
        "## Other environment variables",
        table(["variable", "meaning"], [[code(name), text] for name, text in VARIABLES.items()]),
    )
