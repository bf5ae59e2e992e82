"""Options of ``assay cascade`` that name a tier."""

from __future__ import annotations

from collections.abc import Sequence

import click


def named_columns(given: Sequence[str]) -> dict[str, list[str]]:
    """``{tier: columns}`` of ``COLUMN`` and ``NAME=COLUMN,COLUMN`` words; a column alone names its tier.

    Raises:
        UsageError: A word is none such, or a name is given twice.
    """
    found: dict[str, list[str]] = {}
    for word in given:
        name, equals, columns = word.partition("=")
        listed = [one.strip() for one in columns.split(",")] if equals else [name]
        if not name or not all(listed) or name in found:
            raise click.UsageError(f"--tier {word}: write --tier COLUMN or --tier NAME=COLUMN,…, each name once")
        found[name] = listed
    return found


def named_numbers(given: Sequence[str], option: str) -> dict[str, float]:
    """``{name: number}`` of ``NAME=NUMBER`` words.

    Raises:
        UsageError: A word is none such, or a name is given twice.
    """
    found: dict[str, float] = {}
    for word in given:
        name, equals, number = word.rpartition("=")
        try:
            value = float(number)
        except ValueError:
            raise click.UsageError(f"{option} {word}: write {option} NAME=NUMBER") from None
        if not equals or not name or name in found:
            raise click.UsageError(f"{option} {word}: write {option} NAME=NUMBER, each name once")
        found[name] = value
    return found


def listed_shares(text: str | None) -> list[float] | None:
    """Shares from ``0.1,0.01`` or ``10%,1%``.

    Raises:
        UsageError: A part is no share.
    """
    if text is None:
        return None
    found = []
    for word in text.split(","):
        one = word.strip()
        try:
            found.append(float(one.removesuffix("%")) / (100.0 if one.endswith("%") else 1.0))
        except ValueError:
            raise click.UsageError(f"--shares {text}: write shares, e.g. 0.1,0.01 or 10%,1%") from None
    return found


def share_text(share: float) -> str:
    """A share as people read it: three digits, never 0 for what is not 0."""
    return f"{100 * share:.3g}%"
