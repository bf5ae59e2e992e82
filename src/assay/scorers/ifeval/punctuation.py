"""``punctuation:no_comma``."""

from __future__ import annotations


def no_comma(text: str) -> bool:
    """No ASCII comma; the commas of other scripts are not meant, as in the published checker.

    Examples:
        >>> no_comma("one and two"), no_comma("one, two")
        (True, False)
    """
    return "," not in text
