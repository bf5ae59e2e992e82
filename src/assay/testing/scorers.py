"""Conformance suite for scorers: what tasks, comparisons and gates rely on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any

from assay.core.protocols import AsyncScorer, Scorer
from assay.core.records import Output, Sample, Score, Usage
from assay.testing.promise import calmly, global_randomness_untouched, must

Case = tuple[Sample, Output]
NEEDS = frozenset({"reference", "choices", "option_logprobs", "logprobs", "isolation"})


def example_cases() -> list[Case]:
    """Samples and outputs that differ in everything a scorer may look at; some of them nobody can score."""
    tokens = [{"token": "Pa", "logprob": -0.25, "top": []}, {"token": "ris", "logprob": -0.5, "top": []}]
    call = {"name": "look_up", "arguments": {"city": "Paris"}, "result": "France", "seconds": 0.01}
    chat = [{"role": "user", "content": "What is the capital of France?"}]
    usage = Usage(input_tokens=12, output_tokens=3)
    cases = [
        (_sample("plain", reference="Paris"), Output(sample_id="plain", text="Paris")),
        (_sample("other", reference="Paris"), Output(sample_id="other", text="It is Lyon, I think.")),
        (_sample("several", reference=["Paris", "Ville de Paris"]), Output(sample_id="several", text="ville de paris")),
        (_sample("number", reference="3"), Output(sample_id="number", text="1 + 2 = 3")),
        (_sample("no reference"), Output(sample_id="no reference", text="Paris")),
        (_sample("silence", reference="Paris"), Output(sample_id="silence", text="")),
        (_sample("script", reference="Ünï🜚"), Output(sample_id="script", text="\x00 Ünï🜚 \u202e\ud800")),
        (_sample("long", reference="word"), Output(sample_id="long", text="word " * 2000)),
        (
            _sample("choices", reference="Paris", choices=["Lyon", "Paris"], metadata={"labels": [0, 1]}),
            Output(sample_id="choices", text="B", option_logprobs=[-3.5, -0.5]),
        ),
        (
            Sample(id="agent", input=chat, reference="France", cluster="c", critical=True),
            Output(
                sample_id="agent",
                text="France",
                messages=[*chat, {"role": "assistant", "content": "France"}],
                tool_calls=[call],
                finish_reason="stop",
                usage=usage,
                latency_s=0.25,
                cost_usd=0.001,
                logprobs=tokens,
            ),
        ),
    ]
    return [(sample, replace(output, model="openai/x")) for sample, output in cases]


def _sample(key: str, **fields: Any) -> Sample:
    return Sample(id=key, input="What is the capital of France?", **fields)


def check_scorer(scorer: Scorer, *, examples: Sequence[Case] = (), other: Scorer | None = None) -> None:
    """Hold a scorer to its promises: facts filled in, a value or a reason, the same each time, nothing touched.

    Args:
        examples: Samples and outputs it can score, where it needs more than the suite's own have (metadata, say).
        other: The same scorer with another option; its version must differ.

    Raises:
        AssertionError: A promise is broken; the message says which and on what sample.

    Examples:
        >>> from assay.scorers import ExactMatch
        >>> check_scorer(ExactMatch(), other=ExactMatch(casefold=False))
    """
    check_facts(scorer, f"scorer {type(scorer).__name__}")
    cases = [*examples, *example_cases()]
    with global_randomness_untouched(f"scorer {scorer.name}"):
        scores = [_check_case(scorer, sample, output) for sample, output in cases]
    must(
        any(score.value is not None for score in scores),
        f"scorer {scorer.name} gave no example a value: pass examples=[(sample, output), …] that it can score",
    )
    for sample, output in cases:
        _check_failed(scorer, sample, output)
    if hasattr(scorer, "score_many"):
        _check_many(scorer, cases)
    must(
        other is None or other.version != scorer.version,
        f"scorer {scorer.name} has version {scorer.version!r} with other options too: "
        "another version is another scorer, so the options must be part of it",
    )


def check_facts(scorer: Scorer, who: str) -> None:
    """Hold the facts that every scorer, judges among them, tells of itself to their promises."""
    for fact in ("name", "version", "unit"):
        value = getattr(scorer, fact, None)
        must(isinstance(value, str) and value, f"{who}: {fact} is {value!r}; a text that is not empty is wanted")
        must(getattr(scorer, fact) == value, f"{who}: {fact} changes from one look to the next")
    direction = getattr(scorer, "higher_is_better", "missing")
    must(direction in (True, False, None), f"{who}: higher_is_better is {direction!r}; True, False or None is wanted")
    needs: Any = getattr(scorer, "requires", None)
    must(isinstance(needs, frozenset), f"{who}: requires is {needs!r}; a frozenset is wanted")
    must(needs <= NEEDS, f"{who}: requires {sorted(needs - NEEDS)}; known words: {', '.join(sorted(NEEDS))}")


def _scored(scorer: Scorer, sample: Sample, output: Output) -> Score:
    if isinstance(scorer, AsyncScorer):
        return asyncio.run(scorer.score_async(sample, output))
    return scorer.score(sample, output)


def _check_case(scorer: Scorer, sample: Sample, output: Output) -> Score:
    what = f"scorer {scorer.name} on sample {sample.id!r}"
    before = deepcopy((sample, output))
    score = calmly(lambda: _scored(scorer, sample, output), what)
    if not isinstance(score, Score):
        raise AssertionError(f"{what} returned {type(score).__name__}; a Score is wanted")
    must((sample, output) == before, f"{what} changed the sample or the output")
    told = (score.sample_id, score.scorer, score.scorer_version)
    must(told == (sample.id, scorer.name, scorer.version), f"{what}: its score says it is of {told}")
    must(
        score.value is None or scorer.unit != "share" or score.value in (0.0, 1.0),
        f"{what} gave {score.value}: the unit share is for verdicts of 0 or 1; graded values have the unit score",
    )
    must(
        "reference" not in scorer.requires or sample.references() or score.value is None,
        f"{what} gave a value, though it requires a reference and the sample has none",
    )
    again = calmly(lambda: _scored(scorer, sample, replace(output, epoch=3)), what)
    must(again.epoch == 3, f"{what}: the score of epoch 3 says epoch {again.epoch}")
    must(
        (again.value, again.reason, again.label) == (score.value, score.reason, score.label),
        f"{what} gave {score.value} first and {again.value} then: one version gives one value",
    )
    return score


def _check_failed(scorer: Scorer, sample: Sample, output: Output) -> None:
    what = f"scorer {scorer.name} on sample {sample.id!r} whose output carries the error 'timeout'"
    score = calmly(lambda: _scored(scorer, sample, replace(output, text="", error="timeout")), what)
    must(score.value is None, f"{what} gave {score.value}: an answer that is missing is unscored, never 0")
    must(score.reason == "timeout", f"{what} gave the reason {score.reason!r}; runs count items by the error's word")


def _check_many(scorer: Any, cases: Sequence[Case]) -> None:
    who = f"scorer {scorer.name}: score_many"
    texts, references = [output.text for _, output in cases], [list(sample.references()) for sample, _ in cases]
    values: Any = calmly(lambda: scorer.score_many(texts, references), who)
    must(len(values) == len(cases), f"{who} gave {len(values)} values for {len(cases)} answers")
    for (sample, output), value in zip(cases, values, strict=True):
        one = scorer.score(sample, output).value
        must(value == one, f"{who} gave {value} on sample {sample.id!r}, and score gives {one}")
