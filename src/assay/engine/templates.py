"""Templates that only put variables into text, filled without Jinja: the common case, and much cheaper."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

_VARIABLE = re.compile(r"\{\{[ \t]*([A-Za-z_][A-Za-z0-9_]*)[ \t]*\}\}")
_JINJA = re.compile(r"\{[{%#]|[%#}]\}|\r")
"""What makes the text between variables Jinja's: a delimiter, or a line end that it would change."""
_LITERALS = ("true", "false", "none", "True", "False", "None")
_KEYWORDS = ("and", "or", "not", "in", "is", "if", "else")
_GLOBALS = ("range", "dict", "lipsum", "cycler", "joiner", "namespace", "self", "super", "caller", "loop", "varargs")
_NOT_VARIABLES = frozenset((*_LITERALS, *_KEYWORDS, *_GLOBALS, "kwargs"))


class Fillable(Protocol):
    """What a Jinja template and a plain one have in common."""

    def render(self, variables: Mapping[str, Any], /) -> str: ...


class PlainTemplate:
    """Text and variable names in turn; renders exactly what Jinja would.

    Args:
        parts: Text, name, text, name, …, text.
    """

    def __init__(self, parts: Sequence[str]) -> None:
        self._texts, self._names = parts[0::2], parts[1::2]

    def missing(self, variables: Mapping[str, Any]) -> str | None:
        """The first name that is not there."""
        return next((name for name in self._names if name not in variables), None)

    def render(self, variables: Mapping[str, Any], /) -> str:
        """The text; every name must be there."""
        filled = [self._texts[0]]
        for name, text in zip(self._names, self._texts[1:], strict=True):
            filled += (str(variables[name]), text)
        return "".join(filled)


def plain_template(source: str) -> PlainTemplate | None:
    """The template as a plain one; ``None`` when it needs Jinja (filters, blocks, attributes, literals).

    Examples:
        >>> plain_template("Q: {{ input }}").render({"input": 2})
        'Q: 2'
        >>> plain_template("{{ input | upper }}") is None
        True
    """
    parts = _VARIABLE.split(source)
    if any(_JINJA.search(text) for text in parts[0::2]) or not _NOT_VARIABLES.isdisjoint(parts[1::2]):
        return None
    return PlainTemplate(parts)
