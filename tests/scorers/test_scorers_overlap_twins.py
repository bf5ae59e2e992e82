"""BLEU and chrF against sacrebleu, ROUGE against rouge_score, the stemmer against NLTK."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from nltk.stem.porter import PorterStemmer
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics import BLEU, CHRF

from assay.core.errors import ConfigError, InvalidInputError
from assay.scorers import Bleu, Chrf, Rouge1, Rouge2, RougeL, RougeLsum
from assay.scorers.bleu import corpus_bleu, tokenize_13a
from assay.scorers.chrf import corpus_chrf
from assay.scorers.porter import stem

pytestmark = pytest.mark.slow

ROUGES = {"rouge1": Rouge1, "rouge2": Rouge2, "rougeL": RougeL, "rougeLsum": RougeLsum}
TWIN_ROUGE = RougeScorer(list(ROUGES))
STEMMED_ROUGE = RougeScorer(["rouge1", "rougeL"], use_stemmer=True)

SENTENCES = st.lists(
    st.sampled_from(
        [
            "the",
            "cat",
            "sat",
            "on",
            "mat",
            "Mat.",
            "3.5",
            "3,",
            "-",
            "2-1",
            "&lt;a&gt;",
            "\n",
            "-\n",
            "(x)",
            "it's",
            "É",
        ]
    ),
    max_size=14,
).map(" ".join)
ANY = st.text() | SENTENCES
REFERENCES = st.lists(ANY, min_size=1, max_size=3)


def close(value: float) -> object:
    return pytest.approx(value, abs=1e-9)


@given(ANY, REFERENCES)
@example("a", ["b"])
@example("", [""])
@example("a b", ["a b c d e", "a"])
def test_bleu_equals_sacrebleu(text: str, references: list[str]) -> None:
    assert Bleu().value_of(text, references) == close(BLEU(effective_order=True).sentence_score(text, references).score)


@given(
    SENTENCES,
    REFERENCES,
    st.sampled_from(["exp", "floor", "add-k", "none"]),
    st.sampled_from(["13a", "char", "none"]),
    st.booleans(),
)
def test_bleu_options_equal_sacrebleus(
    text: str, references: list[str], smoothing: str, tokenizer: str, lowercase: bool
) -> None:
    twin = BLEU(effective_order=True, smooth_method=smoothing, tokenize=tokenizer, lowercase=lowercase)
    ours = Bleu(smoothing=smoothing, tokenizer=tokenizer, lowercase=lowercase)
    assert ours.value_of(text, references) == close(twin.sentence_score(text, references).score)


@given(ANY)
@example("Mr. O'Neil paid $3.50, i.e. 2-1=1 -- (really)... <skipped> &quot;ok&quot; a.b 5. 5, x-1 1-x end-\nof")
def test_tokens_equal_those_of_13a(text: str) -> None:
    assert tokenize_13a(text) == BLEU().tokenizer(text.rstrip()).split()


@given(st.lists(st.tuples(SENTENCES, REFERENCES.filter(lambda texts: len(texts) == 2)), min_size=1, max_size=5))
def test_corpus_bleu_and_chrf_equal_sacrebleus(corpus: list[tuple[str, list[str]]]) -> None:
    outputs, references = [text for text, _ in corpus], [accepted for _, accepted in corpus]
    streams = [list(stream) for stream in zip(*references, strict=True)]
    assert corpus_bleu(outputs, references) == close(BLEU().corpus_score(outputs, streams).score)
    assert corpus_chrf(outputs, references) == close(CHRF().corpus_score(outputs, streams).score)
    assert corpus_chrf(outputs, references, word_order=2) == close(
        CHRF(word_order=2).corpus_score(outputs, streams).score
    )


def test_bleu_is_0_where_no_ngram_matches_whatever_the_smoothing() -> None:
    for smoothing in ("exp", "floor", "add-k", "none"):
        assert Bleu(smoothing=smoothing).value_of("a b c d", ["w x y z"]) == 0.0
    assert Bleu().value_of("a x c y", ["a b c d"]) > 0.0


@given(ANY, REFERENCES)
@example("\U0001f600a", ["a\U0001f600"])
def test_chrf_equals_sacrebleu(text: str, references: list[str]) -> None:
    assert Chrf().value_of(text, references) == close(CHRF().sentence_score(text, references).score)


@given(ANY, REFERENCES, st.integers(1, 12), st.integers(0, 2), st.booleans(), st.sampled_from([1, 2, 3]))
def test_chrf_options_equal_sacrebleus(
    text: str, references: list[str], order: int, words: int, flag: bool, beta: int
) -> None:
    twin = CHRF(char_order=order, word_order=words, whitespace=flag, lowercase=flag, beta=beta)
    ours = Chrf(char_order=order, word_order=words, whitespace=flag, lowercase=flag, beta=beta)
    assert ours.value_of(text, references) == close(twin.sentence_score(text, references).score)


@given(ANY, REFERENCES)
@example("the cat\nsat on", ["on the cat\nthe sat", "sat"])
@example("K\u0130", ["k i"])
def test_rouge_equals_rouge_score(text: str, references: list[str]) -> None:
    twin = TWIN_ROUGE.score_multi(references, text)
    for name, kind in ROUGES.items():
        assert kind().value_of(text, references) == close(twin[name].fmeasure)
        assert kind(measure="recall").value_of(text, references) == close(twin[name].recall)
        assert kind(measure="precision").value_of(text, references) == close(twin[name].precision)


def test_all_equal_their_twins_on_real_solutions(text_pairs: list[tuple[str, list[str]]]) -> None:
    bleu, chrf = BLEU(effective_order=True), CHRF()
    for text, references in text_pairs:
        assert Bleu().value_of(text, references) == close(bleu.sentence_score(text, references).score)
        assert Chrf().value_of(text, references) == close(chrf.sentence_score(text, references).score)
        plain, stemmed = TWIN_ROUGE.score_multi(references, text), STEMMED_ROUGE.score_multi(references, text)
        for name, kind in ROUGES.items():
            assert kind().value_of(text, references) == close(plain[name].fmeasure)
        assert Rouge1(stemmer=True).value_of(text, references) == close(stemmed["rouge1"].fmeasure)
        assert RougeL(stemmer=True).value_of(text, references) == close(stemmed["rougeL"].fmeasure)


def test_the_stemmer_equals_nltks_on_real_words(real_data: Path) -> None:
    text = (real_data / "benchmarks" / "truthfulqa.csv").read_text(encoding="utf-8")
    vocabulary = set(re.findall("[a-z0-9]+", text.lower()))
    twin = PorterStemmer()
    assert {word: stem(word) for word in vocabulary} == {word: twin.stem(word) for word in vocabulary}


ENDINGS = [
    "ational",
    "tional",
    "enci",
    "anci",
    "izer",
    "bli",
    "alli",
    "entli",
    "eli",
    "ousli",
    "ization",
    "ation",
    "ator",
    "alism",
    "iveness",
    "fulness",
    "ousness",
    "aliti",
    "iviti",
    "biliti",
    "fulli",
    "logi",
    "icate",
    "ative",
    "alize",
    "iciti",
    "ical",
    "ful",
    "ness",
    "al",
    "ance",
    "ence",
    "er",
    "ic",
    "able",
    "ible",
    "ant",
    "ement",
    "ment",
    "ent",
    "ion",
    "ou",
    "ism",
    "ate",
    "iti",
    "ous",
    "ive",
    "ize",
    "ed",
    "ing",
    "eed",
    "ied",
    "ies",
    "s",
    "ss",
    "sses",
    "y",
    "e",
    "ll",
    "ying",
]
WORDS = st.tuples(st.text("abeilnostuyz1", min_size=1, max_size=6), st.sampled_from(ENDINGS)).map("".join)


@settings(max_examples=400)
@given(WORDS)
@example("skies")
@example("dying")
@example("succeed")
@example("innings")
def test_the_stemmer_equals_nltks(word: str) -> None:
    assert stem(word) == PorterStemmer().stem(word)


@given(ANY, ANY)
def test_overlap_is_bounded_and_whole_for_equal_texts(first: str, second: str) -> None:
    for scorer, whole in ((Bleu(), 100.0), (Chrf(), 100.0), (Rouge1(), 1.0), (Rouge2(), 1.0), (RougeL(), 1.0)):
        assert 0.0 <= scorer.value_of(first, [second]) <= whole + 1e-9
    assert RougeL().value_of(first, [second]) == close(RougeL().value_of(second, [first]))
    assert RougeL().value_of(first, [second]) <= Rouge1().value_of(first, [second]) + 1e-12
    if first.split():
        assert Bleu().value_of(first, [first]) == close(100.0)
        assert Chrf().value_of(first, [first]) == close(100.0)


def test_a_corpus_needs_a_reference_for_each_output() -> None:
    for function in (corpus_bleu, corpus_chrf):
        for outputs, references in ((["a"], []), ([], []), (["a"], [[]])):
            with pytest.raises(InvalidInputError, match="do not make a corpus"):
                function(outputs, references)
    for bad in ({"smoothing": "x"}, {"tokenizer": "x"}, {"smoothing_value": -1.0}):
        with pytest.raises(ConfigError):
            Bleu(**bad)
    for bad in ({"char_order": 0}, {"word_order": -1}, {"beta": 0}):
        with pytest.raises(ConfigError):
            Chrf(**bad)
