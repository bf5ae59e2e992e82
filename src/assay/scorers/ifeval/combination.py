"""``combination:*``: two answers in one response, and repeating the request first."""

from __future__ import annotations


def two_responses(text: str) -> bool:
    r"""Exactly two different responses, with ``******`` between them.

    A separator at the very start or end is allowed; two separators with nothing between them are not.

    Examples:
        >>> two_responses("Call it Rex.\n******\nCall it Max."), two_responses("Rex ****** Rex")
        (True, False)
    """
    pieces = [piece.strip() for piece in text.split("******")]
    answers = [piece for piece in pieces if piece]
    return all(pieces[1:-1]) and len(answers) == 2 and answers[0] != answers[1]


def repeat_prompt(text: str, *, prompt_to_repeat: str) -> bool:
    r"""The response starts with the request, word for word; case and outer white space do not matter.

    Examples:
        >>> repeat_prompt("Name a dog.\nRex.", prompt_to_repeat="Name a dog.")
        True
    """
    return text.strip().lower().startswith(prompt_to_repeat.strip().lower())
