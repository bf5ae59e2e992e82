"""Markdown from docstrings and values, the same way on every page."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Sequence
from typing import Any

NOTICE = "<!-- made from the code by `make docs`; changes belong there -->"
_SECTIONS = ("Args", "Attributes", "Returns", "Raises", "Examples", "Source", "Sources")


def page(title: str, *blocks: str) -> str:
    """A whole page: notice, title, blocks."""
    return "\n\n".join([NOTICE, f"# {title}", *(block.strip("\n") for block in blocks if block.strip())]) + "\n"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; pipes and line ends in cells are made harmless."""
    lines = [f"| {' | '.join(header)} |", "|" + "---|" * len(header)]
    lines += [f"| {' | '.join(_cell(cell) for cell in row)} |" for row in rows]
    return "\n".join(lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def code(value: Any) -> str:
    """A value or a word as inline code; nothing for an empty text."""
    text = value if isinstance(value, str) else repr(value)
    return f"`{text}`" if text else ""


def words(text: str) -> str:
    """Docstring prose as Markdown: double backticks become single ones."""
    return text.replace("``", "`")


def sections(docstring: str) -> dict[str, str]:
    """A docstring's prose under ``""`` and each of its sections by name, unindented.

    Examples:
        >>> sections("Adds.\\n\\nArgs:\\n    a: One.\\n")
        {'': 'Adds.', 'Args': 'a: One.'}
    """
    parts: dict[str, list[str]] = {"": []}
    current = ""
    for line in inspect.cleandoc(docstring).splitlines():
        head = line.rstrip().removesuffix(":")
        if line.rstrip().endswith(":") and head in _SECTIONS:
            current = head
            parts[current] = []
        else:
            parts[current].append(line)
    return {name: inspect.cleandoc("\n" + "\n".join(lines)).strip() for name, lines in parts.items()}


def entries(section: str) -> dict[str, str]:
    """``name: text`` lines of an Args or Attributes section, continuation lines joined."""
    found: dict[str, str] = {}
    name = ""
    for line in section.splitlines():
        start = re.match(r"(\*{0,2}\w[\w. ,/]*?): (.*)", line)
        if start and not line.startswith(" "):
            name = start[1]
            found[name] = start[2]
        elif name:
            found[name] += " " + line.strip()
    return found


def body(docstring: str | None, *, attributes: bool = True) -> str:
    """A docstring as Markdown, sections as lists and examples as code."""
    if not docstring:
        return ""
    parts = sections(docstring)
    blocks = [words(parts.pop(""))]
    for name, content in parts.items():
        if name in ("Args", "Attributes") and attributes:
            blocks.append("\n".join(f"- `{key}`: {words(text)}" for key, text in entries(content).items()))
        elif name == "Raises":
            blocks.append("Raises:\n\n" + "\n".join(f"- `{k}`: {words(v)}" for k, v in entries(content).items()))
        elif name == "Examples":
            blocks.append(f"```text\n{content}\n```")
        elif name in ("Returns", "Source", "Sources"):
            label = "Returns" if name == "Returns" else "Source"
            blocks.append(f"{label}: {words(' '.join(content.split()))}")
    return "\n\n".join(block for block in blocks if block)


def signature(target: Any) -> str:
    """Parameters with their annotations and defaults as written in the source, without ``self`` and addresses."""
    try:
        found = inspect.signature(target)
    except (TypeError, ValueError):
        return "()"
    shown, marked = [], False
    for parameter in found.parameters.values():
        if parameter.name in ("self", "cls"):
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and not marked:
            shown.append("*")
        marked = marked or parameter.kind in (parameter.KEYWORD_ONLY, parameter.VAR_POSITIONAL)
        shown.append(_parameter(parameter))
    gives = found.return_annotation
    arrow = "" if gives in (found.empty, None, "None") else f" -> {_annotation(gives)}"
    return f"({', '.join(shown)}){arrow}"


def _parameter(parameter: inspect.Parameter) -> str:
    stars = "*" * (parameter.kind == parameter.VAR_POSITIONAL) + "**" * (parameter.kind == parameter.VAR_KEYWORD)
    text = stars + parameter.name
    if parameter.annotation is not parameter.empty:
        text += f": {_annotation(parameter.annotation)}"
    if parameter.default is parameter.empty:
        return text
    default = repr(parameter.default)
    plain = not default.startswith("<") and "(" not in default.rstrip("()")
    return f"{text} = {default if plain else '…'}"


def _annotation(annotation: Any) -> str:
    return annotation if isinstance(annotation, str) else str(getattr(annotation, "__name__", annotation))
