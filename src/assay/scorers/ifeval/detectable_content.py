"""``detectable_content:*``: placeholders and postscripts."""

from __future__ import annotations

import re

_PLACEHOLDER = re.compile(r"\[[^\n]*?\]")
_POSTSCRIPTS = {"P.S.": re.compile(r"p\.\s?s\."), "P.P.S": re.compile(r"p\.\s?p\.\s?s")}


def number_placeholders(text: str, *, num_placeholders: int) -> bool:
    """At least ``num_placeholders`` pairs of square brackets, each on one line; empty ones count.

    Examples:
        >>> number_placeholders("Dear [name], from [address]", num_placeholders=2)
        True
    """
    return len(_PLACEHOLDER.findall(text)) >= num_placeholders


def postscript(text: str, *, postscript_marker: str) -> bool:
    r"""The marker occurs, in any case; one space is allowed inside ``P.S.`` and after each point of ``P.P.S``.

    As in the published checker it may stand anywhere, and ``P.P.S.`` holds a ``P.S.``.

    Examples:
        >>> postscript("Bye!\np. s. I forgot.", postscript_marker="P.S.")
        True
    """
    marker = postscript_marker.strip()
    pattern = _POSTSCRIPTS.get(marker) or re.compile(re.escape(marker.lower()))
    return pattern.search(text.lower()) is not None
