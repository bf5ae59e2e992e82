"""The closed list of forms in which a judge may write its verdict; whatever else it writes is no verdict."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from assay.core.records import Output, Sample
from assay.judges.asking import Unreadable
from assay.judges.scale import Scale
from assay.scorers.refusal import Refusal

YES, NO, CANNOT_TELL = "yes", "no", "cannot_tell"
SHOWN_CHARS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelRead:
    """A level of the scale as a judge wrote it.

    Attributes:
        start: Where its digits begin in the text that was read.
        reasoning: The judge's words, where the form has a place for them.
    """

    level: int
    start: int
    reasoning: str = ""


LABELS = (
    "score", "rating", "grade", "verdict", "punktzahl", "bewertung", "wertung", "note", "puntuación", "puntaje",
    "calificación", "pontuação", "nota", "punteggio", "voto", "beoordeling", "cijfer", "ocena", "wynik", "оценка",
    "балл", "puan", "الدرجة", "التقييم", "स्कोर", "अंक", "评分", "分数", "得分", "評分", "分數", "スコア", "評価",
    "得点", "점수", "평점",
)  # fmt: skip
"""Words before a verdict, in any case; Assay's prompts ask for ``score``."""
_KEYS = ("score", "rating", "grade")

_NUMBER = r"(?P<number>[-−]?\d{1,6}(?:[.,]\d{1,6})?)"
_OUT_OF = r"(?:\s*(?:/|／|out of|of|von|sur|de|su|van|из)\s*(?P<out_of>\d{1,6}))?"
_UNIT = r"(?:\s*(?:points?|punkte?|puntos|pontos|分|点|점))?"
_OPEN, _CLOSE = r"[\s*_`#>\"'“”„«(\[]{0,8}", r"[\s*_`\"'“”»)\].。!]{0,8}"
_PLAIN = re.compile(f"{_OPEN}{_NUMBER}{_OUT_OF}{_UNIT}{_CLOSE}", re.IGNORECASE)
_BRACKETED = re.compile(rf"[*_`]{{0,4}}\[\[ ?{_NUMBER} ?\]\][*_`.]{{0,4}}")
_RANGE = re.compile(rf"{_OPEN}\d+\s*(?:-|–|to|or|oder|ou|или|～|~)\s*\d+{_CLOSE}", re.IGNORECASE)
_LINE = re.compile(r"\S(?:[^\n]*\S)?")
_EMPTY_LINE = re.compile(r"[ \t]*\r?\n[ \t]*\r?\n")
_KEY = re.compile(rf'"(?:{"|".join(_KEYS)})"\s*:\s*"?', re.IGNORECASE)
_CODE_BLOCK = re.compile(r"\s*```(?:json)?[ \t]*\n(?P<inside>.*?)\n?[ \t]*```\s*", re.DOTALL | re.IGNORECASE)
_REFUSAL = Refusal()


def _words(names: tuple[str, ...]) -> str:
    return "|".join(re.escape(word) for word in sorted({*LABELS, *names}, key=len, reverse=True))


@cache
def _second_thoughts(names: tuple[str, ...]) -> re.Pattern[str]:
    """A label, a colon and a number within a sentence."""
    return re.compile(rf"(?<!\w)(?:{_words(names)}){_CLOSE}[:：=]{_OPEN}{_NUMBER}{_OUT_OF}", re.IGNORECASE)


@cache
def _labelled(names: tuple[str, ...]) -> re.Pattern[str]:
    words = _words(names)
    before = r"(?:(?:the|my|your|final|overall|total|die|la|le|il)\s+){0,3}"
    joint = r"\s*(?:[:：=]|\bis\b|\bist\b)?"
    return re.compile(
        f"(?:[-•] )?{_OPEN}{before}(?:{words}){_CLOSE}{joint}{_OPEN}{_NUMBER}{_OUT_OF}{_UNIT}{_CLOSE}", re.IGNORECASE
    )


def read_level(text: str, scale: Scale, *, names: Sequence[str] = ()) -> LevelRead | Unreadable:
    """The level a reply gives, in one of the accepted forms.

    Accepted are a JSON object with ``score`` (alone, or as the only code block); a reply that is the number (``4``,
    ``4/5``, ``[[4]]``, ``**4**``, ``4 out of 5``), or the number and, after an empty line, words; and a first or last
    line that is a labelled number (``Score: 4``, ``Rating: **4/5**``, ``评分：4``) or ``[[4]]``. A number inside a
    sentence is none of these; but one with a label behind the verdict (``on reflection score: 5``) that says another
    level makes the reply ambiguous.

    Args:
        names: Further labels, such as the criterion's name.

    Returns:
        The level; else ``ambiguous`` (two different ones), ``off_scale``, ``refused``, ``not_json``, ``empty`` or
        ``no_verdict``.

    Examples:
        >>> read_level("Score: 4", Scale()).level, read_level('{"score": 2}', Scale()).level
        (4, 2)
        >>> read_level("I would give this 4 points.", Scale()).reason
        'no_verdict'
    """
    if text.lstrip()[:1] in ("{", "`"):
        found = _level_in_json(text, scale)
        if found is not None:
            return found
    labels = tuple(name.casefold() for name in names)
    matches = _matches(text, _labelled(labels))
    if matches is None:
        return no_verdict(text)
    if not matches:
        return Unreadable(reason="ambiguous", detail=text[:SHOWN_CHARS])
    levels = {_level(match, scale) for match in matches}
    if any(_level(match, scale) not in levels for match in _second_thoughts(labels).finditer(text, matches[-1].end())):
        return Unreadable(reason="ambiguous", detail=text[:SHOWN_CHARS])
    return _agreed([(_level(match, scale), match.start("number")) for match in matches], text)


def no_verdict(text: str) -> Unreadable:
    """Why a text in none of the accepted forms is no verdict: it is empty, refuses, is broken JSON, or is prose."""
    if not text.strip():
        return Unreadable(reason="empty")
    if _REFUSAL.score(Sample(id="", input=""), Output(sample_id="", text=text)).value:
        return Unreadable(reason="refused", detail=text[:SHOWN_CHARS])
    broken = text.lstrip()[:1] in ("{", "[") or "```" in text
    return Unreadable(reason="not_json" if broken else "no_verdict", detail=text[:SHOWN_CHARS])


def _matches(text: str, labelled: re.Pattern[str]) -> list[re.Match[str]] | None:
    """Where the text gives a number in an accepted form; ``None`` where it does not, empty where it gives a range."""
    lines = [found.span() for found in _LINE.finditer(text)]
    if not lines:
        return None
    first = _PLAIN.fullmatch(text, *lines[0])
    if first and len(lines) == 1:
        return [first]
    marked = {
        place: found
        for place, span in enumerate(lines)
        if (found := labelled.fullmatch(text, *span) or _BRACKETED.fullmatch(text, *span))
    }
    if 0 in marked or len(lines) - 1 in marked:
        return list(marked.values())
    if len(lines) == 1 and _RANGE.fullmatch(text, *lines[0]):
        return []
    end = lines[0][1]
    if first and _EMPTY_LINE.match(text, end) and text[end - 1] not in ".)":  # those are marks of a list
        return [first, *marked.values()]
    return None


def _level(match: re.Match[str], scale: Scale) -> int | None:
    """The level a number stands for; ``None`` beside the scale."""
    out_of = match.groupdict().get("out_of")
    if out_of is not None and int(out_of) != scale.high:
        return None
    number = match["number"].replace("−", "-").replace(",", ".")
    return _on_scale(float(number), scale)


def _on_scale(number: float, scale: Scale) -> int | None:
    return int(number) if scale.low <= number <= scale.high and number == int(number) else None


def _agreed(
    found: Sequence[tuple[int | None, int]] | Sequence[tuple[int, int]], text: str, reasoning: str = ""
) -> LevelRead | Unreadable:
    levels = {level for level, _ in found}
    if len(levels) > 1:
        return Unreadable(reason="ambiguous", detail=text[:SHOWN_CHARS])
    level, start = found[-1]
    if level is None:
        return Unreadable(reason="off_scale", detail=text[:SHOWN_CHARS])
    return LevelRead(level=level, start=start, reasoning=reasoning)


def json_pairs(text: str) -> list[tuple[str, Any]] | None:
    """The keys and values of the JSON object a text is, alone or as its only code block; repeated keys are kept."""
    block = _CODE_BLOCK.fullmatch(text)
    try:
        found = json.loads(block["inside"] if block else text, object_pairs_hook=_Pairs, parse_constant=_refused)
    except (ValueError, RecursionError):
        return None
    return list(found) if isinstance(found, _Pairs) else None


class _Pairs(list[tuple[str, Any]]):
    """A JSON object as it was written."""


def _refused(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


def nested(value: Any) -> list[tuple[str, Any]] | None:
    """The keys and values of a value of ``json_pairs`` that is an object itself."""
    return list(value) if isinstance(value, _Pairs) else None


def _level_in_json(text: str, scale: Scale) -> LevelRead | Unreadable | None:
    pairs = json_pairs(text)
    if pairs is None:
        return None
    values = [value for key, value in pairs if key.casefold() in _KEYS]
    if not values:
        return no_verdict(text)
    levels = list[int]()
    for value in values:
        level = level_of_value(value, scale)
        if isinstance(level, Unreadable):
            return level
        levels.append(level)
    words = next((value for key, value in pairs if key.casefold() in ("reasoning", "reason", "explanation")), "")
    start = max((found.end() for found in _KEY.finditer(text)), default=0)
    return _agreed([(level, start) for level in levels], text, words if isinstance(words, str) else "")


def level_of_value(value: Any, scale: Scale) -> int | Unreadable:
    """The level in a JSON value: a whole number, or a text that is one in plain form.

    Examples:
        >>> level_of_value("4/5", Scale()), level_of_value(9, Scale()).reason, level_of_value(True, Scale()).reason
        (4, 'off_scale', 'no_verdict')
    """
    level: int | None
    if isinstance(value, int | float) and not isinstance(value, bool):
        level = _on_scale(value, scale)
    elif isinstance(value, str) and (match := _PLAIN.fullmatch(value.strip())):
        level = _level(match, scale)
    else:
        return Unreadable(reason="no_verdict", detail=str(value)[:SHOWN_CHARS])
    return Unreadable(reason="off_scale", detail=str(value)[:SHOWN_CHARS]) if level is None else level


_WORDS = {
    YES: "yes y true ja oui sí si sim sì tak да evet نعم हाँ हां 是 是的 はい 예 네",
    NO: "no n false nein non não nee nie нет hayır لا नहीं 否 不是 いいえ 아니요 아니오",
}
_UNSURE = (
    "cannot tell", "can't tell", "can not tell", "unclear", "unknown", "unsure", "not sure", "undecided", "n/a",
    "not applicable", "unentscheidbar", "unklar", "nicht erkennbar", "incertain", "no se sabe", "не ясно", "неясно",
    "不确定", "不明", "無法判斷", "无法判断", "わからない", "알 수 없음",
)  # fmt: skip
_ANSWERS = {word: answer for answer, words in _WORDS.items() for word in words.split()} | dict.fromkeys(
    _UNSURE, CANNOT_TELL
)


def read_answer(text: Any) -> str | None:
    """``yes``, ``no`` or ``cannot_tell`` where that is all a value says; else ``None``.

    Examples:
        >>> read_answer("**Yes.**"), read_answer("can't tell"), read_answer("yes and no")
        ('yes', 'cannot_tell', None)
    """
    if isinstance(text, bool):
        return YES if text else NO
    if not isinstance(text, str):
        return None
    return _ANSWERS.get(
        " ".join(text.replace("_", " ").replace("’", "'").casefold().strip(" \t\n*`\"'.!。()[]").split())
    )
