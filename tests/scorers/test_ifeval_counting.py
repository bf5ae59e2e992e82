"""Sentence and capital-word counts against the tokenizers of the published checker (NLTK's Punkt and Treebank)."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from assay.scorers.ifeval import sentences
from assay.scorers.ifeval.change_case import count_capital_words
from assay.scorers.ifeval.sentences import count_sentences

tokenize = pytest.importorskip("nltk.tokenize", reason="nltk is not installed")

HAND = [
    ("", 0),
    (" \n ", 0),
    ("no end mark", 1),
    ("One line\n\nand another", 1),
    ("One. two. Three", 3),
    ("Stop!!! Now?! Yes...", 3),
    ("He paused... and went on.", 1),
    ("He paused... The end.", 2),
    ("Mr. and Mrs. Lee, Ph.D., of Acme Inc. in the U.S. met J. Smith.", 1),
    ("It was in the U.S. They left.", 2),
    ("See e.g. apples, i.e. fruit.", 1),
    ("Version 3.5 costs $4.99.", 1),
    ("1. Boil\n2. Stir\n3. Eat", 4),  # "1." | "Boil 2." | "Stir 3." | "Eat"
    ("Born on 3. of May", 1),
    ('"Go." she said.', 2),
    ("(Really.) Yes.", 2),
    ("**Bold.** Next.", 2),
    ("**Bold.**", 2),
    ('"All of it."', 1),
    ("Wait.Next", 1),
    ("Vitamin C. It helps.", 2),
    ("यह एक है। यह दो है।", 1),
]


@pytest.mark.parametrize(("text", "expected"), HAND)
def test_sentences_counted_by_hand(text: str, expected: int) -> None:
    assert count_sentences(text) == expected


def _punkt() -> Any:
    """NLTK's algorithm with our word lists in place of its trained model."""
    from nltk.tokenize import punkt

    parameters = punkt.PunktParameters()
    parameters.abbrev_types = {*sentences._ABBREVIATIONS, "u.s", "e.g", "i.e", "a.m", "p.m", "d.c", "p.s"}
    parameters.sent_starters = set(sentences._STARTERS)
    for word in sentences._STARTERS:
        parameters.ortho_context[word] = punkt._ORTHO_LC | punkt._ORTHO_UC
    return punkt.PunktSentenceTokenizer(parameters)


def _real_texts() -> list[str]:
    data = os.environ.get("ASSAY_TEST_DATA")
    if data is None:
        pytest.skip("ASSAY_TEST_DATA is not set")
    folder = Path(data) / "benchmarks"
    texts = []
    for name, key in (("ifeval_input.jsonl", "prompt"), ("gsm8k_test.jsonl", "answer"), ("mbpp.jsonl", "text")):
        lines = (folder / name).read_text(encoding="utf-8").splitlines()
        texts += [json.loads(line)[key] for line in lines]
    return texts


def test_sentence_counts_equal_punkt_on_real_texts() -> None:
    twin, texts = _punkt(), _real_texts()
    assert len(texts) > 2000
    different = [text for text in texts if count_sentences(text) != len(twin.tokenize(text))]
    assert not different


def test_capital_word_counts_equal_the_treebank_tokenizer() -> None:
    words = tokenize.NLTKWordTokenizer()
    texts = [text for prompt in _real_texts()[:541] for text in (prompt, prompt.upper())]
    texts += [
        "I’M HERE: “GO”—NOW... 'TWAS A,B A1,5B C:3D E:F GIMME MORE",
        "DON'T CAN'T CANNOT WE'LL #TAG @ME $USD 5%OFF",
    ]
    different = [t for t in texts if count_capital_words(t) != sum(word.isupper() for word in words.tokenize(t))]
    assert not different
