"""The IFEval scorer: levels, modes, what is unscored, and whole responses to real prompts."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.core.errors import ConfigError
from assay.core.records import Output, Sample, Score
from assay.scorers.ifeval import IFEval, bind

COMMA_AND_QUOTES = (["punctuation:no_comma", "startend:quotation"], [{}, {"relation": None}])


def judge(
    text: str, instructions: Any, kwargs: Any, *, level: str = "prompt", mode: str = "strict", epoch: int = 0
) -> Score:
    sample = Sample(id="s1", input="…", metadata={"instruction_id_list": instructions, "kwargs": kwargs})
    return IFEval(level=level, mode=mode).score(sample, Output(sample_id="s1", text=text, epoch=epoch))


def test_prompt_level_is_all_or_nothing_and_instruction_level_a_share() -> None:
    assert judge("one line no quotes", *COMMA_AND_QUOTES).value == 0.0
    assert judge('"one line"', *COMMA_AND_QUOTES).value == 1.0
    score = judge("one line no quotes", *COMMA_AND_QUOTES, level="instruction", epoch=3)
    assert (score.value, score.label, score.explanation) == (0.5, "1/2", "not followed: startend:quotation")
    assert (score.scorer, score.epoch, score.sample_id) == ("ifeval_instruction_strict", 3, "s1")
    assert judge("one line, no quotes", *COMMA_AND_QUOTES, level="instruction").value == 0.0
    assert judge('"one line"', *COMMA_AND_QUOTES).explanation is None


@pytest.mark.parametrize(
    ("text", "instruction", "kwargs"),
    [
        ('Sure! Here it is:\n"All of it."', "startend:quotation", {}),  # first line removed
        ("My day.\nPeace!\n\nHope you like it", "startend:end_checker", {"end_phrase": "Peace!"}),  # last line removed
        ('Sure!\n"All"\nBye!', "startend:quotation", {}),  # both removed
        ("**Peace!**", "startend:end_checker", {"end_phrase": "Peace!"}),  # asterisks removed
        ('Sure, here:\n**"All"**', "startend:quotation", {}),  # first line and asterisks
        ("*a*: Peace!*\nnote", "startend:end_checker", {"end_phrase": "Peace!"}),  # last line and asterisks
        ("Sure\n**{}**\nBye", "detectable_format:json_format", {}),  # all three
    ],
)
def test_loose_forgives_what_strict_does_not(text: str, instruction: str, kwargs: dict[str, Any]) -> None:
    assert judge(text, [instruction], [kwargs]).value == 0.0
    assert judge(text, [instruction], [kwargs], mode="loose").value == 1.0


def test_loose_keeps_the_response_as_it_is_among_its_variants() -> None:
    highlights = (["detectable_format:number_highlighted_sections"], [{"num_highlights": 1}])
    assert judge("*only line*", *highlights, mode="loose").value == 1.0


def test_each_instruction_may_be_followed_by_another_variant() -> None:
    instructions = ["detectable_format:number_highlighted_sections", "startend:end_checker"]
    kwargs = [{"num_highlights": 1}, {"end_phrase": "Peace!"}]
    assert judge("**Peace!**", instructions, kwargs).value == 0.0
    assert judge("**Peace!**", instructions, kwargs, mode="loose").value == 1.0


@pytest.mark.parametrize("mode", ["strict", "loose"])
def test_a_blank_response_follows_nothing_even_where_silence_would_comply(mode: str) -> None:
    for blank in ("", "  \n\t"):
        assert judge(blank, ["punctuation:no_comma"], [{}], mode=mode).value == 0.0
    assert judge("*", ["punctuation:no_comma"], [{}], mode=mode).value == 1.0


def test_a_variant_that_turns_blank_does_not_count() -> None:
    assert judge("one, line", ["punctuation:no_comma"], [{}], mode="loose").value == 0.0


CATALOGUE: list[tuple[str, dict[str, Any]]] = [
    ("punctuation:no_comma", {}),
    ("startend:quotation", {}),
    ("startend:end_checker", {"end_phrase": "b"}),
    ("detectable_format:title", {}),
    ("detectable_format:number_bullet_lists", {"num_bullets": 1}),
    ("length_constraints:number_words", {"num_words": 3, "relation": "less than"}),
    ("length_constraints:number_paragraphs", {"num_paragraphs": 2}),
    ("change_case:english_lowercase", {}),
    ("detectable_format:json_format", {}),
]


@given(
    text=st.text(alphabet=st.sampled_from('aB ,*"\n<>{}-.'), max_size=40),
    chosen=st.lists(st.sampled_from(CATALOGUE), min_size=1, max_size=5),
)
def test_loose_is_never_below_strict_and_the_levels_agree(text: str, chosen: list[tuple[str, dict[str, Any]]]) -> None:
    instructions, kwargs = [name for name, _ in chosen], [given for _, given in chosen]
    values = {
        (level, mode): judge(text, instructions, kwargs, level=level, mode=mode).value
        for level in ("prompt", "instruction")
        for mode in ("strict", "loose")
    }
    for level in ("prompt", "instruction"):
        assert values[level, "loose"] >= values[level, "strict"]
    for mode in ("strict", "loose"):
        assert (values["prompt", mode] == 1.0) == (values["instruction", mode] == 1.0)
    direct = sum(bool(text.strip()) and bind(*one)(text) for one in chosen) / len(chosen)
    assert values["instruction", "strict"] == direct


@pytest.mark.parametrize(
    ("metadata", "reason", "explanation"),
    [
        ({}, "no_instructions", "instruction_id_list"),
        ({"instruction_id_list": []}, "no_instructions", "instruction_id_list"),
        (
            {"instruction_id_list": ["punctuation:no_coma"], "kwargs": [{}]},
            "unknown_instruction",
            "did you mean 'punctuation:no_comma'?",
        ),
        (
            {
                "instruction_id_list": ["length_constraints:number_words"],
                "kwargs": [{"num_words": 3, "relation": None}],
            },
            "invalid_instruction",
            "lacks relation",
        ),
        ({"instruction_id_list": ["keywords:existence"]}, "invalid_instruction", "lacks keywords"),
        (
            {"instruction_id_list": ["startend:quotation", "punctuation:no_comma"], "kwargs": [{}]},
            "invalid_instruction",
            "2 instructions, but kwargs for 1",
        ),
    ],
)
def test_what_cannot_be_checked_is_unscored_with_its_reason(
    metadata: dict[str, Any], reason: str, explanation: str
) -> None:
    score = IFEval().score(Sample(id="s1", input="…", metadata=metadata), Output(sample_id="s1", text="fine"))
    assert (score.value, score.reason) == (None, reason)
    assert explanation in (score.explanation or "")


def test_an_output_with_an_error_is_unscored_not_wrong() -> None:
    sample = Sample(id="s1", input="…", metadata={"instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}]})
    score = IFEval().score(sample, Output(sample_id="s1", error="timeout"))
    assert (score.value, score.reason) == (None, "timeout")


def test_names_units_and_versions_tell_the_four_figures_apart() -> None:
    scorers = [IFEval(level=level, mode=mode) for level in ("prompt", "instruction") for mode in ("strict", "loose")]
    assert [scorer.name for scorer in scorers] == [
        "ifeval_prompt_strict",
        "ifeval_prompt_loose",
        "ifeval_instruction_strict",
        "ifeval_instruction_loose",
    ]
    assert [scorer.unit for scorer in scorers] == ["share", "share", "score", "score"]
    assert len({scorer.version for scorer in scorers}) == 4
    assert IFEval(name="mine").version == IFEval().version
    assert (IFEval(name="mine").name, IFEval().requires, IFEval().higher_is_better) == ("mine", frozenset(), True)


@pytest.mark.parametrize("setting", [{"level": "prompts"}, {"mode": "lose"}])
def test_an_unknown_level_or_mode_is_refused_with_the_nearest(setting: dict[str, str]) -> None:
    with pytest.raises(ConfigError) as caught:
        IFEval(**setting)
    assert "did you mean" in caught.value.hint


def real_prompts() -> dict[int, dict[str, Any]]:
    data = os.environ.get("ASSAY_TEST_DATA")
    if data is None:
        pytest.skip("ASSAY_TEST_DATA is not set")
    lines = (Path(data) / "benchmarks" / "ifeval_input.jsonl").read_text(encoding="utf-8").splitlines()
    return {row["key"]: row for row in map(json.loads, lines)}


def test_every_instruction_of_the_541_real_prompts_can_be_checked() -> None:
    prompts = real_prompts()
    assert len(prompts) == 541
    assert sum(len(row["instruction_id_list"]) for row in prompts.values()) == 834
    for row in prompts.values():
        score = judge("A plain answer.", row["instruction_id_list"], row["kwargs"], level="instruction", mode="loose")
        assert score.value is not None, (row["key"], score.explanation)
        filled = [{**dict.fromkeys(("num_words", "keyword", "relation")), **given} for given in row["kwargs"]]
        again = judge("A plain answer.", row["instruction_id_list"], filled, level="instruction", mode="loose")
        assert again == score


# Responses written by hand to real prompts (by key), with the instructions each fails: strict, then loose.
RESPONSES: list[tuple[int, str, set[str], set[str]]] = [
    (1001, "Thy voyage doth begin in Kyoto! Behold the temples and rest thee well.", set(), set()),
    (
        1001,
        "Of course, here is thy plan:\nThy voyage doth begin in Kyoto.\nFarewell good traveller.",
        {"punctuation:no_comma"},
        set(),
    ),
    (1005, " ".join(f"[field {number}]" for number in range(12)), set(), set()),
    (
        1005,
        "Name: [name]\nAddress: [address]\n* [school]",
        {"detectable_content:number_placeholders"},
        {"detectable_content:number_placeholders"},
    ),
    (
        1000,
        "*Early life* " + "He ruled a county for many years. " * 45 + "*Rule* and then *Death*",
        set(),
        set(),
    ),
    (
        1000,
        "*Early life* He ruled, he fought, he died.",
        {
            "punctuation:no_comma",
            "detectable_format:number_highlighted_sections",
            "length_constraints:number_words",
        },
        {
            "punctuation:no_comma",
            "detectable_format:number_highlighted_sections",
            "length_constraints:number_words",
        },
    ),
    (
        2225,
        "제방은 물이 넘치지 않도록 강을 따라 쌓은 둑이고, 성토는 도로나 철도를 받치려고 쌓은 흙입니다.",
        set(),
        set(),
    ),
    (
        2225,
        "A levee keeps a river from flooding; an embankment carries a road (제방과 성토).",
        {"language:response_language"},
        {"language:response_language"},
    ),
    (3195, '"Sul mare blu\nvela bianca nel vento\ntorna la calma"', set(), set()),
    (
        2724,
        '"Adão e Eva viviam no jardim, mas não obedeceram. Por isso foram expulsos e nunca mais voltaram."',
        set(),
        set(),
    ),
    (
        2724,
        'Claro!\n"Adão e Eva viviam no jardim, mas não obedeceram e foram expulsos de lá."',
        {"startend:quotation"},
        set(),
    ),
    (
        3494,
        "Sie machen einen Fehler, wenn Sie unseren Käse nicht kaufen, und ich zeige Ihnen warum. "
        "[Betreff] [Name] [Ort] [Datum] [Firma] [Preis] [Gruß]",
        set(),
        set(),
    ),
]


@pytest.mark.parametrize(("key", "text", "strict", "loose"), RESPONSES)
def test_whole_responses_to_real_prompts(key: int, text: str, strict: set[str], loose: set[str]) -> None:
    row = real_prompts()[key]
    names = row["instruction_id_list"]
    for mode, failed in (("strict", strict), ("loose", loose)):
        score = judge(text, names, row["kwargs"], level="instruction", mode=mode)
        named = set((score.explanation or "").removeprefix("not followed: ").split(", ")) - {""}
        assert (named, score.label) == (failed, f"{len(names) - len(failed)}/{len(names)}")
        assert judge(text, names, row["kwargs"], mode=mode).value == float(not failed)
