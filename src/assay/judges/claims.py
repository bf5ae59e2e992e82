"""Texts in sentences and in claims, and what a check says about each claim."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from assay.judges.asking import Form, Unreadable
from assay.judges.material import json_object, word_of
from assay.judges.parsing import SHOWN_CHARS

Standing = Literal["supported", "contradicted", "not_stated"]
STANDINGS: tuple[Standing, ...] = ("supported", "contradicted", "not_stated")

_END = re.compile(r"(?<=[.!?…])[\"'”’)\]]*\s+(?=[\"'“‘(\[]*[^\W_a-z])|(?<=[。！？])")
LONGEST = 12
_ABBREVIATED = re.compile(
    r"(?:\b(?:Mr|Mrs|Ms|Dr|Prof|St|Sr|Jr|vs|etc|No|Nr|approx|Inc|Ltd|Co|Fig|Sen|Gov|Gen|Rev|Capt|Lt|Col)"
    r"|\b[A-Za-z]\.[A-Za-z]|(?:^|\s)[A-Z])\.$"
)


def sentences(text: str) -> list[str]:
    """The sentences of a text, each on one line; a line break ends one too.

    Examples:
        >>> sentences("Dr. Ho paid $3.50. It rained!\\n- No point")
        ['Dr. Ho paid $3.50.', 'It rained!', '- No point']
    """
    found: list[str] = []
    for line in text.splitlines():
        begun: list[str] = []
        for part in _pieces(line):
            begun.append(part)
            if not _ABBREVIATED.search(part[-LONGEST:]):
                found.append(" ".join(begun))
                begun = []
        if begun:
            found.append(" ".join(begun))
    return found


def _pieces(line: str) -> list[str]:
    """Cut after what may end a sentence; closing quotation marks stay with it."""
    pieces, start = list[str](), 0
    for end in _END.finditer(line):
        pieces.append(line[start : end.end()])
        start = end.end()
    pieces.append(line[start:])
    return [" ".join(piece.split()) for piece in pieces if any(char.isalnum() for char in piece)]


def numbered(lines: Sequence[str]) -> str:
    """Each on its line, after its number in square brackets, from 1."""
    return "\n".join(f"[{number}] {' '.join(line.split())}" for number, line in enumerate(lines, 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedClaim:
    """A claim and how the context stands to it.

    Attributes:
        claim: In words.
        standing: ``supported``, ``contradicted`` or ``not_stated``.
        sentence: Number of the context's sentence that shows it, from 1; ``None`` where nothing is stated.
        quote: That sentence.
    """

    claim: str
    standing: Standing
    sentence: int | None = None
    quote: str | None = None


CLAIMS_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {"claims": {"type": "array", "items": {"type": "string"}}},
    "required": ["claims"],
    "additionalProperties": False,
}
CHECK_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "verdicts": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "claim": {"type": "integer"},
                    "verdict": {"type": "string", "enum": list(STANDINGS)},
                    "sentence": {"type": ["integer", "null"]},
                },
                "required": ["claim", "verdict", "sentence"],
                "additionalProperties": False,
            },
        }
    },
    "required": ["verdicts"],
    "additionalProperties": False,
}


def read_claims(text: str) -> list[str] | Unreadable:
    """A JSON object with ``claims``; every claim once, in order."""
    found = json_object(text)
    if isinstance(found, Unreadable):
        return found
    listed = found.get("claims")
    if not isinstance(listed, list) or not all(isinstance(claim, str) and claim.strip() for claim in listed):
        return Unreadable(reason="no_verdict", detail=text[:SHOWN_CHARS])
    return list(dict.fromkeys(" ".join(claim.split()) for claim in listed))


CLAIMS = Form(
    read=read_claims,
    reminder='Reply with one JSON object and nothing else: {"claims": ["...", "..."]}.',
    json_schema=CLAIMS_SCHEMA,
)


def check_form(claims: Sequence[str], context: Sequence[str]) -> Form[list[CheckedClaim]]:
    """What a reply about these claims has to look like: one verdict each, with a sentence that exists."""

    def read(text: str) -> list[CheckedClaim] | Unreadable:
        found = json_object(text)
        if isinstance(found, Unreadable):
            return found
        rows = found.get("verdicts")
        if not isinstance(rows, list) or len(rows) != len(claims):
            return Unreadable(reason="no_verdict", detail=f"not one verdict for each of {len(claims)} claims")
        checked = list[CheckedClaim]()
        for number, (claim, row) in enumerate(zip(claims, rows, strict=True), 1):
            one = _checked(claim, row, number, context)
            if isinstance(one, Unreadable):
                return one
            checked.append(one)
        return checked

    return Form(
        read=read,
        reminder=(
            f"Reply with one JSON object and nothing else, with one verdict for each of the {len(claims)} claims in "
            f"order, and sentence numbers from 1 to {len(context)}: "
            '{"verdicts": [{"claim": 1, "verdict": "supported", "sentence": 1}]}.'
        ),
        json_schema=CHECK_SCHEMA,
    )


def _checked(claim: str, row: Any, number: int, context: Sequence[str]) -> CheckedClaim | Unreadable:
    if not isinstance(row, dict) or row.get("claim") is True or row.get("claim") != number:
        return Unreadable(reason="no_verdict", detail=f"no verdict for claim {number} in its place")
    word = row.get("verdict")
    standing = next((one for one in STANDINGS if isinstance(word, str) and word_of(word) == one), None)
    if standing is None:
        return Unreadable(reason="off_scale", detail=f"claim {number}: {str(word)[:100]!r} is no verdict")
    if standing == "not_stated":
        return CheckedClaim(claim=claim, standing=standing)
    sentence = row.get("sentence")
    if not isinstance(sentence, int) or isinstance(sentence, bool) or not 1 <= sentence <= len(context):
        return Unreadable(reason="no_such_sentence", detail=f"claim {number}: the context has no such sentence")
    return CheckedClaim(claim=claim, standing=standing, sentence=sentence, quote=context[sentence - 1])
