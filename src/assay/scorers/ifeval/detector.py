"""Tells the language of a text: first by script, then within a script by words, endings and letters.

The published IFEval checker asks langdetect, whose verdict varies from call to call unless a seed is set, and which
has had no release since 2021. This detector is deterministic and small. It knows the 22 languages the benchmark's
prompts ask for, and their nearest neighbours. It reads a whole text: one foreign sentence in a long answer does not
change its verdict, and a text of a few words in Latin script without a single function word counts as English.

Each word that a language's list has adds 1, divided among the languages that share it; a word's ending or a letter
that only some languages use adds a fraction. The highest sum is the language.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from assay.scorers.ifeval import profiles

_ENDING_WEIGHT = 0.4
_LETTER_WEIGHT = 0.6
_DEFAULT_WEIGHT = 0.3

_NOISE = re.compile(r"https?://\S+|www\.\S+|[\w.+-]+@[\w-]+\.[\w.-]+")
_WORD_EDGE = re.compile(r"[^\w'’\u0900-\u0963\u0971-\u0dff\u200c]+")

# Code ranges that hold one script's letters, signs included: vowel signs of Indic scripts are no letters to Python.
_SCRIPTS: tuple[tuple[int, int, str], ...] = (
    (0x0041, 0x024F, "latin"),
    (0x1E00, 0x1EFF, "latin"),
    (0x0370, 0x03FF, "el"),
    (0x0400, 0x052F, "cyrillic"),
    (0x0590, 0x05FF, "he"),
    (0x0600, 0x06FF, "arabic"),
    (0x0750, 0x077F, "arabic"),
    (0xFB50, 0xFDFF, "arabic"),
    (0xFE70, 0xFEFC, "arabic"),
    (0x0900, 0x097F, "devanagari"),
    (0x0980, 0x09FF, "bn"),
    (0x0A00, 0x0A7F, "pa"),
    (0x0A80, 0x0AFF, "gu"),
    (0x0B80, 0x0BFF, "ta"),
    (0x0C00, 0x0C7F, "te"),
    (0x0C80, 0x0CFF, "kn"),
    (0x0D00, 0x0D7F, "ml"),
    (0x0E00, 0x0E7F, "th"),
    (0x1100, 0x11FF, "ko"),
    (0xAC00, 0xD7AF, "ko"),
    (0x3040, 0x30FF, "ja"),
    (0x4E00, 0x9FFF, "han"),
)

_LETTERS_A_SIGN = {"ko": 2, "han": 2, "ja": 2}  # a syllable or word sign weighs as much as the letters it stands for


@dataclass(frozen=True, slots=True, kw_only=True)
class _Profile:
    words: Mapping[str, tuple[str, ...]]
    endings: Mapping[str, tuple[str, ...]]
    letters: Mapping[str, tuple[str, ...]]
    default: str


@cache
def _profile(script: str) -> _Profile:
    words, endings, letters, default = {
        "latin": (profiles.LATIN_WORDS, profiles.LATIN_ENDINGS, profiles.LATIN_LETTERS, "en"),
        "cyrillic": (profiles.CYRILLIC_WORDS, profiles.CYRILLIC_ENDINGS, profiles.CYRILLIC_LETTERS, "ru"),
        "arabic": (profiles.ARABIC_WORDS, {}, profiles.ARABIC_LETTERS, "ar"),
        "devanagari": (
            profiles.DEVANAGARI_WORDS,
            profiles.DEVANAGARI_ENDINGS,
            profiles.DEVANAGARI_LETTERS,
            "hi",
        ),
    }[script]
    return _Profile(
        words=_owners({language: listing.split() for language, listing in words.items()}),
        endings=_owners({language: listing.split() for language, listing in endings.items()}),
        letters=_owners(letters),
        default=default,
    )


def _owners(entries: Mapping[str, Iterable[str]]) -> dict[str, tuple[str, ...]]:
    owners: dict[str, tuple[str, ...]] = {}
    for language, listing in entries.items():
        for entry in dict.fromkeys(listing):
            owners[entry] = (*owners.get(entry, ()), language)
    return owners


@cache
def known_languages() -> frozenset[str]:
    """Codes ``detect_language`` can answer."""
    by_script = {name for _, _, name in _SCRIPTS} - {"latin", "cyrillic", "arabic", "devanagari", "han"}
    listed = (profiles.LATIN_WORDS, profiles.CYRILLIC_WORDS, profiles.ARABIC_WORDS, profiles.DEVANAGARI_WORDS)
    return frozenset(by_script.union({"zh"}, *listed))


def detect_language(text: str) -> str | None:
    """ISO 639-1 code of the language most of the text is in; ``None`` without letters (or in an unknown script).

    Addresses of web pages and mailboxes are ignored. The script with most letters decides, so a Hindi text may hold
    names and terms in Latin script.

    Examples:
        >>> detect_language("What is a lattice?"), detect_language("Это решётка, и она большая.")
        ('en', 'ru')
        >>> detect_language("42 %") is None
        True
    """
    cleaned = _NOISE.sub(" ", text)
    script = _script(cleaned)
    if script not in ("latin", "cyrillic", "arabic", "devanagari"):
        return script
    profile = _profile(script)
    scores = defaultdict(float, {profile.default: _DEFAULT_WEIGHT})
    for word, times in Counter(_WORD_EDGE.split(cleaned.lower().replace("’", "'"))).items():
        _add(scores, profile.words.get(word, ()), times)
        for length in range(2, min(len(word), 7)):
            _add(scores, profile.endings.get(word[-length:], ()), times * _ENDING_WEIGHT)
    for letter, times in Counter(cleaned.lower()).items():
        _add(scores, profile.letters.get(letter, ()), times * _LETTER_WEIGHT)
    return max(scores, key=scores.__getitem__)


def _add(scores: defaultdict[str, float], owners: tuple[str, ...], weight: float) -> None:
    for language in owners:
        scores[language] += weight / len(owners)


def _script(text: str) -> str | None:
    counts: Counter[str] = Counter()
    for character, times in Counter(text).items():
        code = ord(character)
        if code < 0x0300 and not character.isalpha():
            continue
        for low, high, name in _SCRIPTS:
            if low <= code <= high:
                counts[name] += times * _LETTERS_A_SIGN.get(name, 1)
                break
    if "ja" in counts and "han" in counts:  # Japanese mixes kana with Han characters
        counts["ja"] += counts.pop("han")
    if not counts:
        return None
    name = counts.most_common(1)[0][0]
    return "zh" if name == "han" else name
