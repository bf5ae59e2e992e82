"""Counts sentences as the Punkt algorithm with an English model does, without its trained model.

The published checker uses NLTK's Punkt (Kiss & Strunk 2006, Computational Linguistics 32(4)). The rules, with the
consequences a reader may not expect:

- only ``.``, ``?`` and ``!`` can end a sentence, followed by white space and more text, or by a bracket, quotation
  mark, asterisk, colon or semicolon; a line break alone ends nothing, nor does the end mark of another script;
- a point after an ordinary word or after a number ends a sentence, so the ``1.`` of a list item counts as one
  (not when a lower-case word follows the number);
- after an abbreviation or an ellipsis a sentence ends only when a capitalised frequent sentence starter follows, and
  after a single letter (an initial) unless a name or a lower-case word follows;
- closing quotes and brackets stay with the sentence they follow; closing asterisks do not.

What Punkt learned from its corpus (abbreviations, sentence starters, words usually in lower case) is replaced by the
short lists below, so counts can differ where a text depends on a rarer entry.
"""

from __future__ import annotations

import re

_CHUNK = re.compile(r"\S+")
_AFTER_END = ")\";}]*:@'({[‘’“”«»!?"
_END_INSIDE = re.compile(rf"[.?!](?=[{re.escape(_AFTER_END)}])")
_TOKEN_EDGE = re.compile(rf"[{re.escape(_AFTER_END)}`&#,]|--+")
_CLOSERS = re.compile(r"[\"')\]}‘’“”«»]+(?=\s|--|$)")
_NUMBER = re.compile(r"-?[.,]?\d[\d,.-]*\.")

_ABBREVIATIONS = frozenset(
    """
    adm al apr aug ave blvd bros calif capt cf co col conn corp cos ct dec dept dist dr est etc feb fig fla fri ft gen
    gov hon ill inc jan jr jul jun kan ky lt ltd maj mar mass messrs mich minn mr mrs ms mt nos nov oct ore penn ph.d
    prof pvt rep reps rev sat sec sen sep sept sgt sr st tel tenn thurs tues va vol vs wash wed wis yr
    """.split()  # noqa: SIM905
)
_DOTTED = re.compile(r"[a-z](?:\.[a-z])+")  # u.s, e.g, a.m
_STARTERS = frozenset(
    """
    a after although an and as at because but by during each even every finally first for from he her here his how
    however i if in instead it its last many meanwhile more moreover most my nevertheless no now of on one our she
    since so some still such that the their then there these they this those though thus to under until we what when
    where while who why with yet you your
    """.split()  # noqa: SIM905
)


def count_sentences(text: str) -> int:
    """How many sentences Punkt would find; 0 in a blank text.

    Examples:
        >>> count_sentences('Dr. Lee left at 3.30 p.m. today. "Really?" he asked... and smiled')
        3
        >>> count_sentences("1. Boil water. 2. Wait")
        4
    """
    text = text.strip()
    chunks = list(_CHUNK.finditer(text))
    count, start = 0, 0
    for index, chunk in enumerate(chunks):
        following = chunks[index + 1] if index + 1 < len(chunks) else None
        end = _sentence_end(chunk, following)
        if end is None:
            continue
        count += text[start:end].strip() != ""
        closers = _CLOSERS.match(text, end)
        start = closers.end() if closers else end
    return count + (text[start:].strip() != "")


def _sentence_end(chunk: re.Match[str], following: re.Match[str] | None) -> int | None:
    """Where in the text a sentence ends inside or behind this run of non-space, if one does."""
    word = chunk.group()
    if word[-1] in ".?!" and following is not None:
        return following.start() if _ends(word, following.group()) else None
    inside = [match.end() for match in _END_INSIDE.finditer(word)]
    if not inside or not _ends(word[: inside[-1]], word[inside[-1]]):
        return None
    return chunk.start() + inside[-1]


def _ends(word: str, following: str) -> bool:
    """Whether ``word``, which ends in an end mark, closes its sentence in front of ``following``."""
    if "!" in word or "?" in word:
        return True
    token = _TOKEN_EDGE.split(word)[-1]
    first_letter = _TOKEN_EDGE.split(following)[0].lstrip("_")[:1]
    next_word = _TOKEN_EDGE.split(following)[0].rstrip(".?!").lower()
    starts = first_letter.isupper() and next_word in _STARTERS
    if token.endswith("..") or _is_abbreviation(token[:-1].lower()):
        return starts
    if _NUMBER.fullmatch(token):
        return following not in ":;,!?" and not first_letter.islower()
    if len(token) == 2 and token[0].isalpha():
        return starts or not first_letter.isalpha()
    return True


def _is_abbreviation(word: str) -> bool:
    last = word.rpartition("-")[2]
    return word in _ABBREVIATIONS or last in _ABBREVIATIONS or _DOTTED.fullmatch(word) is not None
