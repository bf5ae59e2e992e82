"""Numbers in answers: finding the one that is meant, and comparing it."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

from assay.core.records import Output, Sample, Score
from assay.scorers.base import BaseScorer

Number = int | Fraction

_LONGEST = 400  # characters; what is longer is not taken for a number

_MARKER = re.compile(
    r"####|\\boxed\s*\{|\b(?:answer|solution|result)\b\s*(?:is|are|was|equals|:|=)+\s*:?|^[ \t>*]*A(?:nswer)?[ \t]*:",
    re.IGNORECASE | re.MULTILINE,
)
_PLAIN = r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?|\.\d+"
_NUMBER = re.compile(
    rf"""
    (?P<sign> (?<![\w.)\]}}])[-+−–]\s?(?=[\d.$€£¥]))?   # "5-3" is no minus three
    (?: [$€£¥]\s?(?P<minus>-(?=[\d.]))? )?                # $-5
    (?:
      \\[dt]?frac\s*\{{\s*(?P<top>\d+)\s*\}}\s*\{{\s*(?P<bottom>\d+)\s*\}}
      | (?:(?P<whole>\d+)\s+)?(?P<over>\d+)\s?/\s?(?P<under>\d+)(?![\d/])
      | (?P<plain>{_PLAIN})(?P<exponent>[eE][-+]?\d{{1,3}}(?!\w))?
    )
    """,
    re.VERBOSE,
)


def _value_of(found: re.Match[str]) -> Number | None:
    if len(found[0]) > _LONGEST:
        return None
    negative = (found["sign"] or "").strip() in ("-", "−", "–") or bool(found["minus"])
    value: Number
    if found["plain"]:
        digits = found["plain"].replace(",", "") + (found["exponent"] or "")
        value = int(digits) if digits.isdecimal() else Fraction(digits)
    else:
        top, bottom = int(found["top"] or found["over"]), int(found["bottom"] or found["under"])
        if not bottom:
            return None
        value = int(found["whole"] or 0) + Fraction(top, bottom)
    return -value if negative else value


def numbers(text: str) -> list[tuple[Number, str]]:
    """Every number in the text with the characters it was read from, in order.

    Signs, thousands commas, decimals, exponents, currency signs, fractions (``3/4``, ``1 1/2``, ``\\frac{3}{4}``);
    a percent sign is not part of the number. Values are exact: ``0.1`` is a tenth.

    Examples:
        >>> [str(value) for value, _ in numbers("from $1,234.50 to -7 (50%), 10-3")]
        ['2469/2', '-7', '50', '10', '3']
    """
    found = ((_value_of(match), match[0].strip()) for match in _NUMBER.finditer(text))
    return [(value, read) for value, read in found if value is not None]


def answer_number(text: str) -> tuple[Number, str] | None:
    """The number an answer gives, with the characters it was read from; ``None`` when there is none.

    It stands after the last marker (``####``, ``A:`` at the start of a line, ``answer is``, ``answer:``,
    ``\\boxed{``): on the rest of that line the first number, or the first one after the last ``=``. Without a marker,
    or without a number after it, it is the last number of the text.

    Examples:
        >>> answer_number("3 boxes of 4 make 12.\\n#### 12")
        (12, '12')
        >>> answer_number("The answer is 3 * 4 = 12 eggs, out of 20.")
        (12, '12')
        >>> answer_number("So she sells 9 eggs and makes $18")
        (18, '$18')
    """
    markers = list(_MARKER.finditer(text))
    if markers:
        line = text[markers[-1].end() :].lstrip().partition("\n")[0]
        for part in (line.rpartition("=")[2], line):
            found = numbers(part)
            if found:
                return found[0]
    found = numbers(text)
    return found[-1] if found else None


@dataclass(frozen=True, kw_only=True)
class Numeric(BaseScorer):
    """1 where the number the answer gives equals the reference's, else 0; an answer without a number is wrong.

    Both numbers are found by ``answer_number``, so the reference may be a worked solution that ends in ``#### 18``.
    Percent signs and currencies are ignored: ``50%``, ``$50`` and ``50`` are one number.

    Attributes:
        tolerance: Largest absolute difference that still counts as equal.
        relative_tolerance: The same as a share of the reference's size; the larger of the two counts.

    Source:
        Cobbe et al. (2021), arXiv:2110.14168 (GSM8K).

    Examples:
        >>> sample = Sample(id="1", input="", reference="#### 1,200")
        >>> Numeric().score(sample, Output(sample_id="1", text="It costs $1200.00.")).value
        1.0
    """

    name: str = "numeric"
    unit: ClassVar[str] = "share"
    requires: ClassVar[frozenset[str]] = frozenset({"reference"})
    tolerance: float = 0.0
    relative_tolerance: float = 0.0

    def _check(self) -> None:
        self._must(0 <= self.tolerance < math.inf, "tolerance", "a finite number, at least 0")
        self._must(0 <= self.relative_tolerance < math.inf, "relative_tolerance", "a finite number, at least 0")

    def _score(self, sample: Sample, output: Output) -> Score:
        wanted = self._wanted(sample.references())
        if not wanted:
            return self._unscored(sample, output, "reference holds no number")
        found = answer_number(output.text)
        if found is None:
            return self._value(sample, output, 0.0, explanation="no number in the answer")
        number, read = found
        return self._value(sample, output, float(any(self._equal(number, right) for right in wanted)), label=read)

    def score_many(self, outputs: Sequence[str], references: Sequence[Sequence[str]]) -> list[float | None]:
        """Values of many answers in order; ``None`` where no reference holds a number."""
        values: list[float | None] = []
        for text, accepted in zip(outputs, references, strict=True):
            wanted, found = self._wanted(accepted), answer_number(text)
            right = found is not None and any(self._equal(found[0], number) for number in wanted)
            values.append(float(right) if wanted else None)
        return values

    def _wanted(self, references: Sequence[str]) -> list[Number]:
        return [found[0] for found in map(answer_number, references) if found is not None]

    def _equal(self, number: Number, wanted: Number) -> bool:
        if number == wanted:
            return True
        allowed = max(_exact(self.tolerance), _exact(self.relative_tolerance) * abs(Fraction(wanted)))
        return abs(Fraction(number) - Fraction(wanted)) <= allowed


def _exact(tolerance: float) -> Fraction:
    """The decimal number that was written, so that 10.05 is within 0.05 of 10."""
    return Fraction(repr(tolerance))
