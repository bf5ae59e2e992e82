"""Any Python text as text that SQLite, Arrow and DuckDB accept, and back.

Model output may hold lone surrogates and NUL characters; UTF-8 has no form for the first and databases end strings
at the second. Both are written as ``U+001A`` and four hex digits, reversibly; other text is left as it is.
"""

from __future__ import annotations

import re

_MARK = "\x1a"
_UNSAFE = re.compile("[\x00\x1a\ud800-\udfff]")
_ESCAPED = re.compile("\x1a([0-9a-f]{4})")


def storable(text: str) -> str:
    """The form that goes into a text column; the text itself but for rare characters.

    Examples:
        >>> storable("é"), storable("\\ud800") == "\\x1ad800"
        ('é', True)
    """
    if not _UNSAFE.search(text):
        return text
    return _UNSAFE.sub(lambda found: f"{_MARK}{ord(found.group()):04x}", text)


def original(text: str) -> str:
    """Inverse of ``storable``."""
    if _MARK not in text:
        return text
    return _ESCAPED.sub(lambda found: chr(int(found.group(1), 16)), text)


def displayable(text: str) -> str:
    """The text with ``U+FFFD`` where it holds characters no page can show."""
    return _UNSAFE.sub("\ufffd", text)
