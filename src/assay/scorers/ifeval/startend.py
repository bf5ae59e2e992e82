"""``startend:*``: the closing phrase and the surrounding quotation marks."""

from __future__ import annotations


def end_checker(text: str, *, end_phrase: str) -> bool:
    """The response ends with the phrase; case, outer white space and closing double quotes do not matter.

    Examples:
        >>> end_checker('"Done. Peace!" ', end_phrase="Peace!"), end_checker("Peace! Bye", end_phrase="Peace!")
        (True, False)
    """
    return text.strip().strip('"').lower().endswith(end_phrase.strip().lower())


def quotation(text: str) -> bool:
    """The whole response stands in straight double quotation marks.

    Examples:
        >>> quotation('"All of it."'), quotation('"')
        (True, False)
    """
    body = text.strip()
    return len(body) > 1 and body.startswith('"') and body.endswith('"')
