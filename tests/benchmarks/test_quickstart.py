"""The quickstart's data keeps its promises, and its prompts are what a base model can follow."""

from __future__ import annotations

from collections import Counter

import pytest

from assay.benchmarks.quickstart import QUICKSTART, SKILLS, VARIANTS, load_quickstart, quickstart_samples
from assay.core.errors import ConfigError
from assay.core.task import Choices
from assay.engine.prompts import PromptRenderer

ITEMS, SHOTS = quickstart_samples("quickstart"), quickstart_samples("quickstart_shots")


def test_thirty_items_and_four_examples_a_skill_standing_together() -> None:
    assert [sample.metadata["skill"] for sample in ITEMS] == [skill for skill in SKILLS for _ in range(30)]
    assert [sample.metadata["skill"] for sample in SHOTS] == [skill for skill in SKILLS for _ in range(4)]


def test_no_item_appears_twice_nor_among_the_examples() -> None:
    everything = [*ITEMS, *SHOTS]
    assert len({sample.id for sample in everything}) == len(everything)
    assert len({str(sample.input).casefold() for sample in everything}) == len(everything)


@pytest.mark.parametrize("sample", [*ITEMS, *SHOTS], ids=lambda sample: sample.id)
def test_every_item_has_one_right_answer_among_distinct_options_of_similar_length(sample) -> None:
    choices = list(sample.choices)
    assert len(choices) == (2 if sample.metadata["skill"] in ("sentiment", "yes/no reading") else 4)
    assert len(set(choices)) == len(choices)
    assert choices.count(sample.reference) == 1
    assert max(map(len, choices)) - min(map(len, choices)) <= 6
    assert all(choice == choice.strip() for choice in choices)
    assert sample.input == sample.input.strip()  # options begin with the space


@pytest.mark.parametrize("skill", SKILLS)
def test_the_right_answer_stands_in_every_position_about_as_often(skill: str) -> None:
    items = [sample for sample in ITEMS if sample.metadata["skill"] == skill]
    at = Counter(list(sample.choices).index(sample.reference) for sample in items)
    assert max(at.values()) - min(at.values()) <= 2
    assert len(at) == len(items[0].choices)


@pytest.mark.parametrize(("skill", "words"), [("sentiment", 15), ("yes/no reading", 15)])
def test_two_way_answers_are_balanced(skill: str, words: int) -> None:
    answers = Counter(sample.reference for sample in ITEMS if sample.metadata["skill"] == skill)
    assert list(answers.values()) == [words, words]


def test_questions_about_one_passage_share_a_cluster_and_nothing_else_does() -> None:
    passages: dict[str | None, set[str]] = {}
    for sample in ITEMS:
        passages.setdefault(sample.cluster, set()).add(str(sample.input).split("\n")[0])
    assert len(passages.pop(None)) == 90
    assert [len(texts) for texts in passages.values()] == [1] * 10
    assert set(Counter(sample.cluster for sample in ITEMS if sample.cluster).values()) == {3}


def test_the_prompt_is_the_item_behind_examples_of_its_own_skill() -> None:
    bare, shown = load_quickstart("0-shot"), load_quickstart("4-shot")
    assert isinstance(bare.solver, Choices)
    assert isinstance(shown.solver, Choices)
    review = next(sample for sample in bare.dataset if sample.metadata["skill"] == "sentiment")
    assert PromptRenderer(bare.solver.prompt).render(review) == review.input
    text = PromptRenderer(shown.solver.prompt).render(review)
    assert isinstance(text, str)
    assert text.endswith(f"\n\n{review.input}")
    assert text.count("Review: ") == text.count("Sentiment:") == 5
    assert text.count("Sentiment: positive") == text.count("Sentiment: negative") == 2


def test_both_variants_ask_the_same_items_of_the_same_scorer() -> None:
    bare, shown = (QUICKSTART.build(None, {"variant": variant}) for variant in VARIANTS)
    assert bare.dataset.content_hash == shown.dataset.content_hash
    assert [scorer.name for scorer in bare.scorers] == ["choice_likelihood"]
    assert bare.scorers[0].version == shown.scorers[0].version
    assert (bare.segments, len(bare.dataset)) == (("skill",), 120)


def test_an_unknown_variant_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ConfigError) as caught:
        load_quickstart("3-shot")
    assert "0-shot, 4-shot" in caught.value.hint
