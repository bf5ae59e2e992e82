"""One order of a pair: the accepted forms of its verdict, the probabilities of its token, and two orders together."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from assay.core.records import Reply
from assay.judges.asking import Answer, Form, Unreadable
from assay.judges.expectation import FEWEST_MASS, MOST_MASS, is_logprob
from assay.judges.material import json_object, word_of
from assay.judges.parsing import SHOWN_CHARS, no_verdict

Shown = Literal["A", "B", "tie"]
"""Which of the answers as shown is better: the first one, the second one or neither."""
Rule = Literal["agree", "average"]

_WORTH: Mapping[str, float] = {"A": 1.0, "tie": 0.5, "B": 0.0}
_WORDS: Mapping[str, Shown] = {"a": "A", "answer_a": "A", "b": "B", "answer_b": "B", "tie": "tie", "c": "tie"}

SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {"reasoning": {"type": "string"}, "verdict": {"type": "string", "enum": ["A", "B", "tie"]}},
    "required": ["reasoning", "verdict"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Combined:
    """What two orders say together, from the side of the answer that was shown first in the first of them.

    Attributes:
        value: 1 won, 0.5 tied, 0 lost; with the rule ``average`` also 0.75 and 0.25.
        label: ``win``, ``loss``, ``tie``; ``flipped`` where the orders contradict each other; ``partial`` where one of
            them is a tie.
    """

    value: float
    label: str


def combine_orders(first_order: Shown, second_order: Shown, *, rule: Rule = "agree") -> Combined:
    """One verdict from two.

    Args:
        first_order: As given when the answer stood first.
        second_order: As given when it stood second: ``B`` is a verdict for it.
        rule: ``agree``: a win or a loss needs both orders; ``average``: won once and tied once is 0.75.

    Sources:
        Zheng et al. (2023), arXiv:2306.05685, section 3.4.

    Examples:
        >>> combine_orders("A", "B"), combine_orders("A", "A")
        (Combined(value=1.0, label='win'), Combined(value=0.5, label='flipped'))
        >>> combine_orders("A", "tie", rule="average")
        Combined(value=0.75, label='partial')
    """
    first, second = _WORTH[first_order], 1.0 - _WORTH[second_order]
    mean = 0.5 * (first + second)
    if first == second:
        return Combined(value=mean, label={1.0: "win", 0.5: "tie", 0.0: "loss"}[mean])
    if mean == 0.5:
        return Combined(value=0.5, label="flipped")
    return Combined(value=mean if rule == "average" else 0.5, label="partial")


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderVerdict:
    """What one order says, in the order shown.

    Attributes:
        shown: The verdict.
        first_wins: Probability that the first shown is better, a tie being half, from log-probabilities; ``None`` where
            there are none to be trusted.
        mass: Probability of all verdicts together before it was shared out among them; ``None`` without.
        reasoning: The judge's words.
    """

    shown: Shown
    first_wins: float | None = None
    mass: float | None = None
    reasoning: str = ""


def turned(order: OrderVerdict | None) -> Shown:
    """The verdict as it would read with the answers exchanged."""
    exchanged: Mapping[str, Shown] = {"A": "B", "B": "A", "tie": "tie"}
    return exchanged[order.shown] if order else "tie"


def _read_reasoned(text: str) -> OrderVerdict | Unreadable:
    found = json_object(text)
    if isinstance(found, Unreadable):
        shown = shown_word(text)
        return found if shown is None else OrderVerdict(shown=shown)
    verdict = found.get("verdict")
    shown = shown_word(verdict) if isinstance(verdict, str) else None
    if shown is None:
        return Unreadable(reason="no_verdict", detail=text[:SHOWN_CHARS])
    reasoning = found.get("reasoning")
    return OrderVerdict(shown=shown, reasoning=reasoning if isinstance(reasoning, str) else "")


def _read_letter(text: str) -> OrderVerdict | Unreadable:
    shown = shown_word(text)
    if shown is None:
        return no_verdict(text) if text.strip() else Unreadable(reason="empty")
    return OrderVerdict(shown=shown)


def shown_word(text: str) -> Shown | None:
    """The verdict where it is all the text says, in an accepted form: ``A``, ``[[B]]``, ``Answer A.``, ``tie``.

    Examples:
        >>> shown_word("[[A]]"), shown_word("**Answer B**"), shown_word("A is better than B")
        ('A', 'B', None)
    """
    return _WORDS.get(word_of(text).removeprefix("verdict_"))


REASONED = Form(
    read=_read_reasoned,
    reminder='Reply with one JSON object and nothing else: {"reasoning": "...", "verdict": "A"}, "B" or "tie".',
    json_schema=SCHEMA,
)
LETTER = Form(read=_read_letter, reminder="Reply with one letter and nothing else: A, B or C.")


def with_probability(answer: Answer[OrderVerdict]) -> OrderVerdict | None:
    """The verdict with the probabilities of its token, where the last reply has them and they hold enough mass."""
    if answer.read is None:
        return None
    masses = _verdict_masses(answer.replies[-1]) if answer.replies else None
    total = math.fsum(masses.values()) if masses else 0.0
    if not masses or not FEWEST_MASS <= total <= MOST_MASS:
        return answer.read
    wins = math.fsum(mass * _WORTH[shown] for shown, mass in masses.items()) / total
    return replace(answer.read, first_wins=min(wins, 1.0), mass=min(total, 1.0))


def _verdict_masses(reply: Reply) -> Mapping[str, float] | None:
    """Probability of each verdict at the reply's first token that is more than a mark."""
    for token in reply.logprobs or ():
        if shown_word(str(token.get("token", ""))) is None:
            if word_of(str(token.get("token", ""))):
                return None
            continue
        masses: dict[str, float] = {}
        listed = [*(token.get("top") or ())]
        if not any(entry.get("token") == token.get("token") for entry in listed):
            listed.append(token)
        for entry in listed:
            shown, logprob = shown_word(str(entry.get("token", ""))), entry.get("logprob")
            if shown is not None and logprob is not None and is_logprob(logprob):
                masses[shown] = masses.get(shown, 0.0) + math.exp(min(float(logprob), 0.0))
        return masses
    return None
