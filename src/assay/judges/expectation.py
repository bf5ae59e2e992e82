"""The expected level of a verdict, from the log-probabilities of the tokens it is written with."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assay.judges.scale import Scale

FEWEST_MASS = 0.9
"""Below it the options a provider lists say too little of what the judge might have written."""
MOST_MASS = 1.01
"""Above it what the provider lists are no probabilities."""
TOP_LOGPROBS = 20
_DIGITS = re.compile(r"[-−]?\d*")
_MARK = re.compile(r"<[^<>\s]{1,40}>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """The level a judge gives on average, by its own probabilities.

    Attributes:
        value: Mean level, in [low, high] of the scale.
        mass: Probability of all levels together before it was shared out among them; above 1 where the provider's
            numbers are no probabilities.
        shares: Probability of each level that has any, summing to 1.
    """

    value: float
    mass: float
    shares: Mapping[int, float]

    @property
    def usable(self) -> bool:
        """Whether the levels hold enough of the probability, and no more than there is."""
        return FEWEST_MASS <= self.mass <= MOST_MASS

    @property
    def likeliest(self) -> int:
        """The level with the largest share; the lower one of two."""
        return min(self.shares, key=lambda level: (-self.shares[level], level))


def expectation(
    logprobs: Sequence[Mapping[str, Any]] | None, *, text: str, start: int, scale: Scale
) -> Expectation | None:
    """``sum(level * p(level))`` over the levels of the scale, renormalised over them.

    A level of several tokens has the product of their probabilities, as far as the reply shows them: after ``1`` the
    next token tells 1 from 10. Where the beginning of several levels was not followed further, its probability counts
    as not captured, unless the tokens show that this model writes several digits as one.

    Args:
        logprobs: Of the reply's tokens: ``{"token", "logprob", "top": [{"token", "logprob"}, …]}``, in nats.
        text: What was read; the reply's text or the end of it.
        start: Where the verdict's digits begin in it.

    Returns:
        ``None`` where the tokens do not spell the text, hold none of the levels, or have a log-probability that is no
        number.

    Sources:
        Liu et al. (2023), G-Eval, arXiv:2303.16634, equation 1.

    Examples:
        >>> top = [{"token": "4", "logprob": math.log(0.6)}, {"token": "5", "logprob": math.log(0.3)}]
        >>> tokens = [{"token": "4", "logprob": math.log(0.6), "top": top}]
        >>> found = expectation(tokens, text="4", start=0, scale=Scale())
        >>> round(found.value, 3), round(found.mass, 3)
        (4.333, 0.9)
    """
    place = _token_at(logprobs or (), text[start:].rstrip())
    if place is None:
        return None
    tokens, prefix = place
    mass = dict[int, float]()
    path, written = 1.0, ""
    levels = {str(level): level for level in scale.levels}
    while tokens:
        token, *tokens = tokens
        follows = bool(tokens) and str(tokens[0]["token"])[:1].isdecimal()
        entries = _entries(token, None if written else prefix)
        if entries is None:
            return None
        several = any(_whole(digits) and len(digits.lstrip("-")) > 1 for _, digits, _ in entries) and not written
        goes_on = False
        for place_of, (probability, digits, ended) in enumerate(entries):
            number = written + digits
            chosen = place_of == 0
            if chosen and follows and not ended:
                goes_on = True
            elif ended or several or not _begins_another(number, levels):
                level = levels.get(number)
                if level is not None:
                    mass[level] = mass.get(level, 0.0) + path * probability
            elif chosen and tokens:
                goes_on = True
        if not goes_on:
            break
        probability, digits, _ = entries[0]
        path, written = path * probability, written + digits
    total = math.fsum(mass.values())
    if total <= 0.0:
        return None
    shares = {level: share / total for level, share in sorted(mass.items())}
    value = math.fsum(level * share for level, share in shares.items())
    return Expectation(
        value=min(max(value, scale.low), scale.high),
        mass=min(total, 1.0) if total <= MOST_MASS else total,
        shares=shares,
    )


def _token_at(tokens: Sequence[Mapping[str, Any]], tail: str) -> tuple[list[Mapping[str, Any]], str] | None:
    """The tokens from the one on in which the tail begins, and what that one holds before it.

    Told from the end, where nothing but end marks may follow: earlier tokens may hold parts of characters, and spell
    their text badly.
    """
    words = [str(token.get("token", "")) for token in tokens]
    while words and (not words[-1].strip() or _MARK.fullmatch(words[-1].strip())):
        words.pop()
    length = 0
    for place in range(len(words) - 1, -1, -1):
        length += len(words[place])
        if length >= len(tail):
            spelled = "".join(words[place:]).rstrip()
            begin = len(spelled) - len(tail)
            return (list(tokens[place:]), spelled[:begin]) if begin >= 0 and spelled.endswith(tail) else None
    return None


def _entries(token: Mapping[str, Any], prefix: str | None) -> list[tuple[float, str, bool]] | None:
    """(probability, digits, whether the number ends in it) of the chosen token, then of every other one listed.

    ``None`` where a log-probability is missing or no number.

    Args:
        prefix: What the chosen token holds before the digits; ``None`` where it goes on with a number.
    """
    said = str(token["token"])
    given = [token, *(token.get("top") or ())]
    if not all(is_logprob(one.get("logprob")) for one in given):
        return None
    listed = [(str(other["token"]), float(other["logprob"])) for other in given[1:]]
    chosen = next((logprob for word, logprob in listed if word == said), float(token["logprob"]))
    found = []
    for word, logprob in [(said, chosen), *((word, logprob) for word, logprob in listed if word != said)]:
        rest = word if prefix is None else word.lstrip()
        if prefix and (marks := prefix.strip()):
            if not rest.startswith(marks):
                continue
            rest = rest[len(marks) :].lstrip()
        digits = _DIGITS.match(rest)[0]  # type: ignore[index]
        found.append((math.exp(min(logprob, 0.0)), digits.replace("−", "-"), len(digits) < len(rest) or not rest))
    return found


def is_logprob(value: Any) -> bool:
    """Whether a value is the logarithm of something: a number, or minus infinity for what cannot come.

    Examples:
        >>> is_logprob(-0.3), is_logprob(None), is_logprob(math.nan), is_logprob(-math.inf)
        (True, False, False, True)
    """
    return isinstance(value, int | float) and not isinstance(value, bool) and not math.isnan(value) and value < math.inf


def _whole(digits: str) -> bool:
    return digits.lstrip("-").isdecimal()


def _begins_another(number: str, levels: Mapping[str, int]) -> bool:
    return any(level != number and level.startswith(number) for level in levels)
