"""The suite as records: read from ``suite.yaml``, checked once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from assay.core.errors import NotFoundError, nearest

PLACES = ("append", "prepend", "wrap", "replace")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """One way to ask for a better verdict from within an answer.

    Attributes:
        id: Unique in the suite.
        family: What it relies on; verdicts are given by family.
        text: What is said, with the names that ``suite.yaml`` explains.
        place: Where it goes: ``append``, ``prepend``, ``wrap`` (the text holds the answer) or ``replace``.
        language: Of the text, as ISO 639-1.
        encoding: Key of ``transforms.ENCODINGS``.
        frame: What stands around the encoded text, ``$encoded``.
        repeat: How often the text is said.
    """

    id: str
    family: str
    text: str
    place: str
    language: str = "en"
    encoding: str = "none"
    frame: str = "$encoded"
    repeat: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """A change that should move nothing; what it moves is the judge's ordinary unrest.

    Attributes:
        text: Added at the end of the answer.
        replicate: Added to the index of every call, so that the same question is asked anew.
    """

    id: str
    text: str = ""
    replicate: int = 0


def load_attacks(families: Sequence[str] = ()) -> tuple[Attack, ...]:
    """The attacks of some families, or all of them, in the order of the suite.

    Raises:
        NotFoundError: There is no such family.

    Examples:
        >>> len(load_attacks()) >= 40, len(load_attacks(["roles"]))
        (True, 5)
    """
    suite = _suite()[0]
    known = list(dict.fromkeys(attack.family for attack in suite))
    for family in families:
        if family not in known:
            raise NotFoundError(
                f"there is no family of attacks called {family!r}",
                hint=nearest(family, known),
                code="judge.unknown_attack",
            )
    return tuple(attack for attack in suite if not families or attack.family in families)


def load_controls() -> tuple[Control, ...]:
    """The harmless changes.

    Examples:
        >>> [control.id for control in load_controls()]
        ['trailing-space', 'closing-sentence', 'asked-again']
    """
    return _suite()[1]


@cache
def _suite() -> tuple[tuple[Attack, ...], tuple[Control, ...]]:
    import yaml

    rows: dict[str, list[dict[str, Any]]] = yaml.safe_load(
        files(__package__).joinpath("suite.yaml").read_text(encoding="utf-8")
    )
    return tuple(Attack(**row) for row in rows["attacks"]), tuple(Control(**row) for row in rows["controls"])
