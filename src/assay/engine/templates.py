"""Templates that only put variables into text, filled without Jinja: the common case, and much cheaper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from jinja2 import Environment


class Fillable(Protocol):
    """What a Jinja template and a plain one have in common."""

    def render(self, variables: Mapping[str, Any], /) -> str: ...


class PlainTemplate:
    """Text and variable names in turn; renders exactly what Jinja would.

    Args:
        parts: ``(text, None)`` or ``("", name)``.
    """

    def __init__(self, parts: Sequence[tuple[str, str | None]]) -> None:
        self._parts = parts

    def render(self, variables: Mapping[str, Any], /) -> str:
        """The text; raises Jinja's UndefinedError for a name that is not there."""
        try:
            return "".join(text if name is None else str(variables[name]) for text, name in self._parts)
        except KeyError as error:
            from jinja2 import UndefinedError

            raise UndefinedError(f"{error} is undefined") from error


def plain_template(env: Environment, source: str) -> PlainTemplate | None:
    """The template as a plain one; ``None`` when it needs Jinja (filters, loops, attributes, globals).

    Raises:
        TemplateSyntaxError: It is not a template at all.

    Examples:
        >>> from assay.engine.prompts import environment
        >>> plain_template(environment(), "Q: {{ input }}").render({"input": 2})
        'Q: 2'
        >>> plain_template(environment(), "{{ input | upper }}") is None
        True
    """
    from jinja2 import nodes

    parts: list[tuple[str, str | None]] = []
    for statement in env.parse(source).body:
        if not isinstance(statement, nodes.Output):
            return None
        for node in statement.nodes:
            if isinstance(node, nodes.TemplateData):
                parts.append((node.data, None))
            elif isinstance(node, nodes.Name) and node.name not in env.globals:
                parts.append(("", node.name))
            else:
                return None
    return PlainTemplate(parts)
