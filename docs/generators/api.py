"""The Python interface, from the package's public names."""

from __future__ import annotations

import ast
import dataclasses
import inspect
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from docs.generators.text import body, code, page, signature, table, words

TESTING = ("server", "scorers", "stores", "providers", "metrics")


def python_page() -> str:
    """``reference/python.md``."""
    import assay

    blocks = ["Names load when they are first used; `import assay` costs a few milliseconds. Records are frozen."]
    for name in sorted(assay.__all__):
        target = getattr(assay, name)
        if inspect.ismodule(target) or isinstance(target, str):
            continue
        blocks += [f"## assay.{name}", *_entry(name, target)]
    blocks += ["## assay.judges", "Scorers that ask a model; see [judges](../how-to/judges.md)."]
    for name in assay.judges.__all__:
        blocks += [f"### {name}", *_entry(name, getattr(assay.judges, name))]
    blocks += ["## assay.scorers", "See [scorers](scorers.md).", "## assay.stats", "See [statistics](stats.md)."]
    blocks += ["## assay.testing", words(import_module("assay.testing").__doc__ or ""), *_testing()]
    return page("Python", *blocks)


def stats_page() -> str:
    """``reference/stats.md``."""
    from assay import stats

    blocks = [words(inspect.cleandoc(stats.__doc__ or ""))]
    for name in stats.__all__:
        blocks += [f"## {name}", *_entry(name, getattr(stats, name))]
    return page("Statistics", *blocks)


def _entry(name: str, target: Any) -> list[str]:
    shown = f"```text\n{name}{signature(target)}\n```"
    blocks = [shown, body(target.__doc__) if target.__doc__ and not _is_plain(target) else ""]
    if inspect.isclass(target):
        rows = [[code(f"{method}{signature(found)}"), _first(found)] for method, found in _methods(target)]
        if rows:
            blocks.append(table(["method", "what"], rows))
    return blocks


def _is_plain(target: Any) -> bool:
    """Whether the docstring is the one dataclasses write themselves."""
    return dataclasses.is_dataclass(target) and str(target.__doc__).startswith(f"{getattr(target, '__name__', '')}(")


def _methods(target: type) -> list[tuple[str, Callable[..., Any]]]:
    found: list[tuple[str, Callable[..., Any]]] = []
    for name, member in inspect.getmembers_static(target):
        function = getattr(member, "__func__", member)
        if inspect.isfunction(function) and not name.startswith("_"):
            found.append((name, function))
    return found


def _first(function: Callable[..., Any]) -> str:
    return words((inspect.getdoc(function) or "").split("\n\n")[0])


def _testing() -> list[str]:
    rows = []
    for name in TESTING:
        try:
            module = import_module(f"assay.testing.{name}")
        except ModuleNotFoundError:
            continue
        for key, member in sorted(vars(module).items()):
            public = key.startswith("check_") or key in ("ModelServer", "Fault")
            if public and getattr(member, "__module__", "") == module.__name__:
                rows.append([code(f"assay.testing.{name}.{key}"), _first(member)])
    return [table(["name", "what"], rows)]


def modules_page() -> str:
    """``reference/modules.md``."""
    source = assay_folder()
    rooms: dict[str, list[list[str]]] = {}
    for path in sorted(source.rglob("*.py")):
        parts = path.relative_to(source).parts
        text = " ".join((ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split("\n\n")[0].split())
        if len(parts) > 1 and text:
            rooms.setdefault(parts[0], []).append([code("/".join(parts[1:])), words(text)])
    blocks = [
        "Every module in a sentence, by room. What a room may import is in the [architecture](../architecture.md)."
    ]
    for room, rows in rooms.items():
        about = next(text for name, text in rows if name == "`__init__.py`")
        rest = [row for row in rows if row[0] != "`__init__.py`"]
        blocks += [f"## {room}", about, table(["module", "what"], rest)]
    return page("Modules", *blocks)


def assay_folder() -> Path:
    """Where the package's source is."""
    import assay

    return Path(assay.__file__).parent
