"""Numbers that a text gives away for nothing: its length, its manner, what it shares with the input, its meaning.

Everything here is a pure function of texts; an encoder is passed in.
"""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from assay.core.errors import DataError
from assay.scorers.rouge import sequence_overlap, tokens
from assay.scorers.text import shared_count

Floats = npt.NDArray[np.float64]
Encode = Callable[[list[str]], Sequence[Any]]

WORDS = "words-64"
"""The encoder that needs nothing installed."""
INPUT, REFERENCE = "input", "reference"
STEPS = np.arange(4.0, 13.5, 0.5)
"""Where the effect of length may bend: half doublings from 16 characters to 8,192."""
OWN = (
    "words_per_sentence",
    "distinct_words",
    "repeated_triples",
    "unfinished",
    "figures",
    "capitals",
    "marks",
)
OF_INPUT = ("copied_words", "copied_pairs", "copied_fours", "new_figures", "input_closeness")
OF_REFERENCE = ("reference_f1", "reference_rouge_l", "reference_closeness")

_WORD = re.compile(r"\w+")
_DIGIT = re.compile(r"\d")
_SENTENCE = re.compile(r"[.!?…。！？]+(?=\s|$)|\n+")
_ENDS = frozenset(".!?…。！？)]}\"'”’»`")


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoder:
    """What turns texts into vectors.

    Attributes:
        name: A judge distilled with one encoder runs with no other.
        encode: Takes a list of texts and returns for each a vector, shape ``(dim,)``, or a matrix, ``(tokens, dim)``,
            of which the mean is taken.
    """

    name: str
    encode: Encode


def word_encoder(name: str = WORDS) -> Encoder:
    """The encoder ``words-N``: every word falls into one of N slots, with a sign.

    It knows which words occur and nothing of their meaning or order: synonyms are strangers to it, and "not good" is
    "good, not". That is enough for topic, manner and stock phrases.

    Raises:
        DataError: The name is no ``words-N`` with N from 8 to 65,536 (``judge.no_encoder``).

    Sources:
        Weinberger et al. (2009), Feature Hashing for Large Scale Multitask Learning, ICML, section 2.

    Examples:
        >>> first, second = word_encoder("words-32").encode(["a cat", "cat! A"])
        >>> bool((first == second).all())
        True
    """
    kind, _, number = name.partition("-")
    size = int(number) if number.isdigit() and len(number) <= 5 else 0
    if kind != "words" or not 8 <= size <= 65_536:
        raise DataError(
            f"there is no encoder {name!r} here",
            hint=f"{WORDS} needs nothing; others need the extra: pip install 'assay[embed]'",
            code="judge.no_encoder",
        )

    def encode(texts: list[str]) -> Sequence[Floats]:
        return [_hashed(text, size) for text in texts]

    return Encoder(name=name, encode=encode)


def _hashed(text: str, size: int) -> Floats:
    """Weight 1 + log(count) of each word, by slot."""
    counts: dict[str, int] = {}
    for word in _WORD.findall(text.casefold()):
        counts[word] = counts.get(word, 0) + 1
    found = [0.0] * size
    for word, count in counts.items():
        code = _code(word)
        found[(code >> 1) % size] += (1.0 if code & 1 else -1.0) * (1.0 + math.log(count))
    return np.array(found)


@lru_cache(maxsize=65_536)
def _code(word: str) -> int:
    return zlib.crc32(word.encode("utf-8", "surrogatepass"))


def vectors(encoder: Encoder, texts: Sequence[str]) -> Floats:
    """One vector of length 1 for each text, shape ``(n, dim)``; zeros where the encoder finds nothing in it.

    Raises:
        DataError: The encoder returned another number of texts, vectors that differ in size, or what is not finite
            (``judge.bad_encoder``).
    """
    try:
        rows = [np.asarray(row, dtype=np.float64) for row in encoder.encode(list(texts))]
        table = np.array([row.mean(axis=0) if row.ndim == 2 and len(row) else row for row in rows])
    except (TypeError, ValueError) as error:
        raise _bad(encoder, str(error)) from error
    if table.ndim != 2 or table.shape[0] != len(texts) or not table.shape[1]:
        raise _bad(encoder, f"it gave an array of shape {table.shape} for {len(texts)} texts")
    if not np.isfinite(table).all():
        raise _bad(encoder, "it gave a number that is not finite")
    sizes = np.linalg.norm(table, axis=1, keepdims=True)
    return np.asarray(table / np.where(sizes > 0.0, sizes, 1.0))


def _bad(encoder: Encoder, why: str) -> DataError:
    return DataError(
        f"the encoder {encoder.name} cannot be used: {why}",
        hint="it returns one vector a text, or one matrix (tokens, dim)",
        code="judge.bad_encoder",
    )


def length_columns(texts: Sequence[str]) -> Floats:
    """Doublings of the number of characters, and a bend at every half doubling, shape ``(n, 20)``.

    A verdict that follows length alone, be it in a curve or a step, is foretold by these columns; what other features
    add to them is not length.
    """
    doublings = np.array([math.log2(1.0 + len(text)) for text in texts])[:, None]
    return np.hstack([doublings, np.maximum(doublings - STEPS[None, :], 0.0)])


def feature_names(uses: Sequence[str]) -> tuple[str, ...]:
    """Of the columns of ``manner_columns``."""
    return (*OWN, *(OF_INPUT if INPUT in uses else ()), *(OF_REFERENCE if REFERENCE in uses else ()))


def manner_columns(
    texts: Sequence[str],
    meaning: Floats,
    *,
    inputs: Sequence[str] | None = None,
    references: Sequence[str] | None = None,
    encoder: Encoder,
) -> Floats:
    """Free features of each text in the order of ``feature_names``, shape ``(n, p)``.

    Args:
        texts: Answers.
        meaning: Their vectors.
        inputs: What was asked or given, one a text; the columns of the input are left out without.
        references: The right answers, likewise.
        encoder: For the vectors of inputs and references; each distinct one is encoded once.
    """
    blocks = [np.array([_manner(text) for text in texts]).reshape(len(texts), len(OWN))]
    for others, about in ((inputs, _beside_input), (references, _beside_reference)):
        if others is not None:
            distinct = list(dict.fromkeys(others))
            theirs = dict(zip(distinct, vectors(encoder, distinct), strict=True))
            rows = [
                [*about(text, other), float(own @ theirs[other])]
                for text, other, own in zip(texts, others, meaning, strict=True)
            ]
            blocks.append(np.array(rows))
    return np.hstack(blocks)


def _manner(text: str) -> list[float]:
    words = _WORD.findall(text.casefold())
    sentences = sum(1 for part in _SENTENCE.split(text) if part.strip())
    triples = list(zip(words, words[1:], words[2:], strict=False))
    last = text.rstrip()[-1:]
    return [
        math.log2(1.0 + len(words) / max(1, sentences)),
        _share(len(set(words)), len(words)),
        1.0 - _share(len(set(triples)), len(triples)) if triples else 0.0,
        float(bool(last) and last not in _ENDS),
        _share(sum(1 for word in words if _DIGIT.search(word)), len(words)),
        _share(sum(map(str.isupper, text)), sum(map(str.isalpha, text))),
        _share(len(text) - sum(map(str.isalnum, text)) - sum(map(str.isspace, text)), len(text)),
    ]


def _beside_input(text: str, given: str) -> list[float]:
    words = _WORD.findall(text.casefold())
    known, pairs, fours = _known(given)
    runs = list(zip(words, words[1:], words[2:], words[3:], strict=False))
    figures = [word for word in words if _DIGIT.search(word)]
    return [
        _share(sum(1 for word in words if word in known), len(words)),
        _share(sum(1 for pair in pairwise(words) if pair in pairs), len(words) - 1),
        _share(sum(1 for run in runs if run in fours), len(runs)),
        _share(sum(1 for word in figures if word not in known), len(figures)),
    ]


@lru_cache(maxsize=256)
def _known(given: str) -> tuple[frozenset[str], frozenset[tuple[str, ...]], frozenset[tuple[str, ...]]]:
    """Words, pairs and runs of four of an input: several answers share one."""
    words = _WORD.findall(given.casefold())
    fours = zip(words, words[1:], words[2:], words[3:], strict=False)
    return frozenset(words), frozenset(pairwise(words)), frozenset(fours)


def _beside_reference(text: str, reference: str) -> list[float]:
    words, right = _WORD.findall(text.casefold()), _WORD.findall(reference.casefold())
    both = shared_count(words, right)
    return [
        _share(2 * both, len(words) + len(right)),
        sequence_overlap(tokens(text), tokens(reference)).f1(),
    ]


def _share(part: int, whole: int) -> float:
    return part / whole if whole > 0 else 0.0
