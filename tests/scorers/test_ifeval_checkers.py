"""Each of the 25 instruction types on hand-made texts that follow it and texts that do not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.core.errors import InvalidInputError
from assay.scorers.ifeval import INSTRUCTIONS, bind

Case = tuple[str, dict[str, Any], list[str], list[str]]

CASES: list[Case] = [
    (
        "keywords:existence",
        {"keywords": ["intern", "grow"]},
        ["An Intern can GROW.", "international growth", "**intern**\n- grow"],
        ["An intern learns.", "", "in tern gr ow"],
    ),
    ("keywords:existence", {"keywords": ["c++"]}, ["I like C++.", "c++"], ["I like C.", "ccc"]),
    (
        "keywords:frequency",
        {"keyword": "war", "frequency": 2, "relation": "at least"},
        ["War and warfare.", "WAR war war"],
        ["One war only.", "", "w a r w a r"],
    ),
    (
        "keywords:frequency",
        {"keyword": " peace ", "frequency": 1, "relation": "less than"},
        ["Nothing of the kind.", "pea ce"],
        ["Peace!", "peaceful"],
    ),
    (
        "keywords:forbidden_words",
        {"forbidden_words": ["rock", "can"]},
        ["The rocket cannot fly.", "scanning bedrock_1", "Fels"],
        ["Rock music.", "You CAN.", "a *rock*", "hard-rock"],
    ),
    (
        "keywords:letter_frequency",
        {"letter": "q", "let_frequency": 2, "let_relation": "at least"},
        ["Queue for a quote", "qQ"],
        ["Queue", "", "pppp"],
    ),
    (
        "keywords:letter_frequency",
        {"letter": "#", "let_frequency": 2, "let_relation": "less than"},
        ["# Title", "no sign"],
        ["## Title", "#a #b"],
    ),
    (
        "language:response_language",
        {"language": "de"},
        ["Das ist ein guter Tag, und wir gehen in den Park.", "NICHT FÜR UNS!", "123 :)"],
        ["This is a good day, and we go to the park.", "Dit is een goede dag en wij gaan naar het park."],
    ),
    (
        "language:response_language",
        {"language": "hi"},
        ["यह मेरा घर है।", "Google ने नया फ़ोन बनाया है और वह अच्छा है।"],
        ["हे माझे घर आहे आणि ते मोठे आहे.", "yah mera ghar hai"],
    ),
    (
        "length_constraints:number_sentences",
        {"num_sentences": 3, "relation": "at least"},
        ["One. Two! Three?", "1. Walk. Then rest"],
        ["One. Two!", "", "Mr. Smith met Dr. Jones at 3.30 p.m. in the U.S. embassy."],
    ),
    (
        "length_constraints:number_sentences",
        {"num_sentences": 2, "relation": "less than"},
        ["A title\n\nwith one sentence.", "", "एक। दो। तीन।"],
        ["One. Two.", '"Stop!" she said.'],
    ),
    (
        "length_constraints:number_words",
        {"num_words": 4, "relation": "at least"},
        ["one two three four", "don't over-do", "é à ü ñ"],
        ["one two three", "", "* * * *"],
    ),
    (
        "length_constraints:number_words",
        {"num_words": 3, "relation": "less than"},
        ["two words", ""],
        ["now three words", "it's over"],
    ),
    (
        "length_constraints:number_paragraphs",
        {"num_paragraphs": 2},
        ["one\n***\ntwo", "***one***two***", "one * x\n\n***\n\ntwo\n\nstill two"],
        ["one\n\ntwo", "one\n***\n***\ntwo", "one***two***three", "", "one"],
    ),
    (
        "length_constraints:nth_paragraph_first_word",
        {"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "Weekend"},
        ["Hello.\n\nweekend is near.", 'Hello.\n\n"Weekend\'s here."', "Hello.\n\n WEEKEND, again\nand more"],
        [
            "weekend\n\nhello",
            "Hello.\n\n**Weekend** is near.",
            "Hello.\nweekend",
            "a\n\nweekend\n\nb",
            "a\n\n\n\nweekend",
            "",
        ],
    ),
    (
        "detectable_content:number_placeholders",
        {"num_placeholders": 2},
        ["Dear [name], [address]", "[a][b][c]", "[x](http://x.y) and [নাম]"],
        ["Dear [name]", "[na\nme] [b]", "(a) (b)", ""],
    ),
    (
        "detectable_content:postscript",
        {"postscript_marker": "P.S."},
        ["Bye\n\nP.S. one more", "p. s. lower", "**P.S.** bold", "P.P.S. more"],
        ["Bye\nPS one more", "P.S one", "P.  S. two blanks", ""],
    ),
    (
        "detectable_content:postscript",
        {"postscript_marker": "P.P.S"},
        ["P.P.S one", "p. p. s. two"],
        ["P.S. one", "PPS one"],
    ),
    ("detectable_content:postscript", {"postscript_marker": "N.B."}, ["n.b. see", "x N.B."], ["nb", "n.a."]),
    (
        "detectable_format:number_bullet_lists",
        {"num_bullets": 2},
        ["* one\n* two", "Plan:\n  - one\n\t* two", "- one\n\n- two\n**bold**", "*a* first\n*b* second"],
        ["* one", "* one\n* two\n* three", "• one\n• two", "1. one\n2. two", "* one\n* two\n---", ""],
    ),
    (
        "detectable_format:constrained_response",
        {},
        ["My answer is yes.", "  **My answer is maybe.** I think."],
        ["My answer is yes", "my answer is no.", "Yes.", ""],
    ),
    (
        "detectable_format:number_highlighted_sections",
        {"num_highlights": 2},
        ["*one* and *two*", "**one** and *two*", "***both***", "* item *one* and *two*"],
        ["*one*", "** ** and * *", "*one\ntwo*", "_one_ and _two_", ""],
    ),
    (
        "detectable_format:multiple_sections",
        {"section_spliter": "Section", "num_sections": 2},
        ["Section 1\na\nSection 2\nb", "Section1 a Section2 b", "# Section 1\n## Section 2\n### Section 3"],
        ["Section 1\na", "SECTION 1 a SECTION 2 b", "Section one\nSection two", "Section  1 Section  2", ""],
    ),
    (
        "detectable_format:json_format",
        {},
        ['{"a": [1, "é"]}', '```json\n{"a": 1}\n```', "```\n[]\n```", ' "text" ', "```JSON\n1\n```"],
        ['{"a": 1', 'Here: {"a": 1}', "{'a': 1}", "", '```json\n{"a": 1}\n``` done', "[" * 100_000],
    ),
    (
        "detectable_format:title",
        {},
        ["<<Joy>>\ntext", "text <<a <b>>>", "<<< x >>>"],
        ["<Joy>", "<<>>", "<< >>", "<<a\nb>>", "«Joy»", ""],
    ),
    (
        "combination:two_responses",
        {},
        ["one\n******\ntwo", "******one******two******", "Rex ****** rex"],
        ["one", "same******same ", "one******two******three", "one************two", "one\n***\ntwo", ""],
    ),
    (
        "combination:repeat_prompt",
        {"prompt_to_repeat": "Name a dog. \n"},
        ["Name a dog.\n\nRex", "  NAME A DOG. Rex"],
        ["Sure! Name a dog. Rex", "Name a  dog. Rex", "**Name a dog.**", ""],
    ),
    (
        "startend:end_checker",
        {"end_phrase": "Peace!"},
        ["Go in peace!", '"Peace!"\n', "Peace! Peace!"],
        ["Peace", "Peace! Bye.", "**Peace!**", ""],
    ),
    (
        "startend:quotation",
        {},
        ['"all"', ' "a\n\nb" ', '""'],
        ["'all'", '"open', "“all”", '"', ""],
    ),
    (
        "change_case:capital_word_frequency",
        {"capital_frequency": 3, "capital_relation": "at least"},
        ["NASA and ESA and I", "DON'T STOP", "A-B C/D **E**", "ÉTÉ ÜBER ЖУК", "I’M ON"],
        ["NASA-ESA is One", "", "nasa's A1 b2", "i Am Not Loud 123"],
    ),
    (
        "change_case:capital_word_frequency",
        {"capital_frequency": 2, "capital_relation": "less than"},
        ["I'm here", "quiet"],
        ["CANNOT", "I and A"],
    ),
    (
        "change_case:english_capital",
        {},
        ["THIS IS THE WAY TO DO IT!", "IT'S 5 O'CLOCK, AND ALL IS WELL.\n* YES"],
        ["This is the way", "DAS IST NICHT DIE ANTWORT AUF DIE FRAGE", "123", "THIS IS THE wAY", ""],
    ),
    (
        "change_case:english_lowercase",
        {},
        ["this is the way to do it!", "it's 5 o'clock, and all is well.\n* yes"],
        ["This is the way", "das ist nicht die antwort auf die frage", "123", "c'est la vie et je ne sais pas", ""],
    ),
    ("punctuation:no_comma", {}, ["one and two", "一，二", "", "a;b"], ["one, two", ",", "1,000"]),
]


def test_every_type_has_passing_and_failing_cases() -> None:
    for instruction_id in INSTRUCTIONS:
        followed = [text for name, _, good, _ in CASES if name == instruction_id for text in good]
        broken = [text for name, _, _, bad in CASES if name == instruction_id for text in bad]
        assert len(followed) >= 2 and len(broken) >= 2, instruction_id
    assert len(INSTRUCTIONS) == 25


@pytest.mark.parametrize(
    ("instruction_id", "kwargs", "text"),
    [(name, kwargs, text) for name, kwargs, good, _ in CASES for text in good],
)
def test_a_text_that_follows_the_instruction_passes(instruction_id: str, kwargs: dict[str, Any], text: str) -> None:
    assert bind(instruction_id, kwargs)(text) is True


@pytest.mark.parametrize(
    ("instruction_id", "kwargs", "text"),
    [(name, kwargs, text) for name, kwargs, _, bad in CASES for text in bad],
)
def test_a_text_that_breaks_the_instruction_fails(instruction_id: str, kwargs: dict[str, Any], text: str) -> None:
    assert bind(instruction_id, kwargs)(text) is False


@given(text=st.text(alphabet=st.sampled_from("aZ é.!?,\"*-#[]<>{}1\n:'ß日हि"), max_size=60))
def test_checkers_answer_on_any_text_and_less_than_is_the_opposite_of_at_least(text: str) -> None:
    for instruction_id, kwargs, _, _ in CASES:
        verdict = bind(instruction_id, kwargs)(text)
        assert isinstance(verdict, bool)
        relation = next((name for name in kwargs if "relation" in name), None)
        if relation is not None:
            other = "less than" if kwargs[relation] == "at least" else "at least"
            assert bind(instruction_id, {**kwargs, relation: other})(text) is not verdict


@given(words=st.lists(st.sampled_from(["alpha", "beta", "gamma"]), max_size=9), threshold=st.integers(0, 12))
def test_more_is_never_worse_for_at_least(words: list[str], threshold: int) -> None:
    check = bind("length_constraints:number_words", {"num_words": threshold, "relation": "at least"})
    assert check(" ".join(words)) is (len(words) >= threshold)
    assert not check(" ".join(words)) or check(" ".join([*words, "delta"]))


@pytest.mark.parametrize(
    ("instruction_id", "kwargs", "complaint"),
    [
        ("keywords:existance", {}, "unknown instruction"),
        ("keywords:existence", {}, "lacks keywords"),
        ("keywords:existence", {"keywords": None}, "lacks keywords"),
        ("keywords:existence", {"keywords": "cat"}, "has keywords 'cat'"),
        ("keywords:existence", {"keywords": []}, "has keywords"),
        ("keywords:existence", {"keywords": [""]}, "has keywords"),
        ("punctuation:no_comma", {"relation": "at least"}, "takes no relation"),
        ("length_constraints:number_words", {"num_words": "300", "relation": "at least"}, "has num_words '300'"),
        ("length_constraints:number_words", {"num_words": 2.5, "relation": "at least"}, "has num_words 2.5"),
        ("length_constraints:number_words", {"num_words": float("inf"), "relation": "at least"}, "has num_words inf"),
        ("length_constraints:number_words", {"num_words": True, "relation": "at least"}, "has num_words True"),
        ("length_constraints:number_words", {"num_words": -1, "relation": "at least"}, "has num_words -1"),
        ("length_constraints:number_words", {"num_words": 3, "relation": "at most"}, "has relation 'at most'"),
        ("language:response_language", {"language": "tlh"}, "has language 'tlh'"),
        (
            "keywords:letter_frequency",
            {"letter": "ab", "let_frequency": 1, "let_relation": "at least"},
            "has letter 'ab'",
        ),
        (
            "length_constraints:nth_paragraph_first_word",
            {"num_paragraphs": 2, "nth_paragraph": 0, "first_word": "a"},
            "has nth_paragraph 0",
        ),
        ("startend:end_checker", {"end_phrase": " "}, "has end_phrase ' '"),
    ],
)
def test_a_wrong_instruction_is_refused_with_its_name(instruction_id: str, kwargs: Any, complaint: str) -> None:
    with pytest.raises(InvalidInputError, match=complaint) as caught:
        bind(instruction_id, kwargs)
    assert instruction_id in str(caught.value)
    assert caught.value.hint


def test_counts_that_a_table_format_made_floating_are_read_as_whole_numbers() -> None:
    assert bind("length_constraints:number_words", {"num_words": 2.0, "relation": "at least"})("two words")
    assert bind(
        "length_constraints:nth_paragraph_first_word", {"num_paragraphs": 1.0, "nth_paragraph": 1.0, "first_word": "a"}
    )("A b")
