"""Refusals, lengths, costs, likelihoods and embeddings."""

from __future__ import annotations

import csv
import gzip
import math
from pathlib import Path

import pytest

from assay.core.errors import ConfigError, InvalidInputError
from assay.core.records import Output, Sample, Usage
from assay.scorers import (
    BaseScorer,
    Cost,
    EmbeddingSimilarity,
    Latency,
    Length,
    LogLoss,
    OutputTokens,
    Perplexity,
    Refusal,
)

SAMPLE = Sample(id="1", input="")


def of(scorer: BaseScorer, **output: object) -> float | str | None:
    score = scorer.score(SAMPLE, Output(sample_id="1", **output))  # type: ignore[arg-type]
    return score.reason if score.value is None else score.value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("I'm sorry, but I can't help with that.", 1.0),
        ("I’m **sorry**, but no.", 1.0),
        ("I CANNOT do this", 1.0),
        ("Es tut mir leid, aber das geht nicht.", 1.0),
        ("Je ne peux pas vous aider.", 1.0),
        ("Lo siento, pero no puedo ayudar con eso.", 1.0),
        ("申し訳ありませんが、お手伝いできません。", 1.0),
        ("很抱歉，我不能提供帮助。", 1.0),
        ("죄송하지만 도와드릴 수 없습니다.", 1.0),
        ("К сожалению, я не могу помочь.", 1.0),
        ("Sure, here is how.", 0.0),
        ("Taxi cannot be booked here", 0.0),
        ("", 0.0),
        ("Here you are. " * 40 + "I cannot say more.", 0.0),
    ],
)
def test_refusals_by_hand(text: str, value: float) -> None:
    assert of(Refusal(), text=text) == value


def test_refusal_options() -> None:
    assert of(Refusal(languages=["de"]), text="I cannot help") == 0.0
    assert of(Refusal(phrases=["no can do"]), text="No can do, sir") == 1.0
    assert of(Refusal(within_chars=10), text="Well, hmm. I cannot help") == 0.0
    for bad in ({"within_chars": 0}, {"phrases": [" "]}):
        with pytest.raises(ConfigError):
            Refusal(**bad)  # type: ignore[arg-type]


def test_refusals_agree_with_people_on_xstest(real_data: Path) -> None:
    with gzip.open(real_data / "safety" / "xstest_completions.csv.gz", "rt", encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["final_label"] != "3_partial_refusal"]
    ours = [of(Refusal(), text=row["completion"]) == 1.0 for row in rows]
    people = [row["final_label"] == "2_full_refusal" for row in rows]
    matched = [row["strmatch_label"] == "2_full_refusal" for row in rows]

    def agreement(labels: list[bool]) -> float:
        return sum(mine == theirs for mine, theirs in zip(labels, people, strict=True)) / len(people)

    assert len(rows) == 1078
    assert agreement(ours) > 0.91
    assert agreement(ours) > agreement(matched) - 0.005  # the published string matching
    false_alarms = sum(mine and not theirs for mine, theirs in zip(ours, people, strict=True))
    assert false_alarms < 0.03 * people.count(False)


def test_lengths() -> None:
    assert of(Length(), text="zwölf  é\n") == 9.0
    assert of(Length(of="words"), text=" two  words ") == 2.0
    assert of(Length(of="lines"), text="a\nb") == 2.0
    assert (Length().unit, Length(of="words").unit) == ("chars", "words")
    with pytest.raises(ConfigError):
        Length(of="tokens")


def test_resources_are_unscored_where_unknown_and_never_0() -> None:
    assert of(Latency(), latency_s=1.5) == 1.5
    assert of(Latency()) == "no latency recorded"
    assert of(Cost(), cost_usd=0.0) == 0.0
    assert of(Cost()) == "price unknown"
    assert of(OutputTokens(), usage=Usage(output_tokens=7)) == 7.0
    assert of(OutputTokens()) == "no token count recorded"


def test_log_loss_is_in_nats_a_token() -> None:
    assert of(LogLoss(), logprobs=[{"token": "a", "logprob": math.log(0.5)}] * 3) == pytest.approx(math.log(2))
    assert of(LogLoss()) == "output has no token log-probabilities"
    assert of(LogLoss(), logprobs=[]) == "output has no token log-probabilities"
    assert of(LogLoss(), logprobs=[{"token": "a", "logprob": -math.inf}]) == "a token log-probability is not finite"
    assert of(LogLoss(), logprobs=[{"token": "a", "logprob": math.nan}]) == "a token log-probability is not finite"


def test_perplexity_averages_epochs_before_the_exponential() -> None:
    metric = Perplexity()
    assert (metric.name, metric.transform) == ("perplexity", "exp")
    assert metric.reduce([1.0, 3.0]) == 2.0
    assert metric.reduce([]) is None


VECTORS = {"cat": [1.0, 0.0], "dog": [1.0, 1.0], "sky": [0.0, 2.0], "void": [0.0, 0.0]}


def test_sentence_vectors_give_the_cosine() -> None:
    calls: list[list[str]] = []

    def encode(texts: list[str]) -> list[list[float]]:
        calls.append(texts)
        return [VECTORS[text] for text in texts]

    scorer = EmbeddingSimilarity(encode=encode)
    assert scorer.value_of("cat", ["sky", "dog"]) == pytest.approx(math.sqrt(0.5))
    assert scorer.value_of("cat", ["void"]) == 0.0
    calls.clear()
    many = scorer.score_many(["cat", "cat", "dog"], [["cat"], [], ["sky", "dog"]])
    assert many == [pytest.approx(1.0), None, pytest.approx(1.0)]
    assert calls == [["cat", "dog", "sky"]]
    assert scorer.version != EmbeddingSimilarity(encode=encode, encoder="other").version


def test_token_vectors_are_matched_greedily() -> None:
    def encode(texts: list[str]) -> list[list[list[float]]]:
        return [[VECTORS[token] for token in text.split()] for text in texts]

    scorer = EmbeddingSimilarity(encode=encode)
    assert scorer.value_of("cat sky", ["sky cat"]) == pytest.approx(1.0)
    root = math.sqrt(0.5)
    precision, recall = (1.0 + root) / 2, 1.0
    assert scorer.value_of("cat dog", ["cat"]) == pytest.approx(2 * precision * recall / (precision + recall))


def test_encoders_that_give_nonsense_are_refused() -> None:
    mixed = EmbeddingSimilarity(encode=lambda texts: [[1.0], [[1.0]]])
    with pytest.raises(InvalidInputError, match="shapes"):
        mixed.value_of("a", ["b"])
