"""What counts as a verdict, and what does not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.judges.asking import Unreadable, spoken
from assay.judges.parsing import LevelRead, read_answer, read_level
from assay.judges.scale import Scale

SCALES = st.sampled_from(
    [Scale(), Scale(low=0, high=1), Scale(low=1, high=10), Scale(low=0, high=100), Scale(low=-2, high=2)]
)


def ways(level: int, scale: Scale) -> Iterator[str]:
    """Accepted ways to write a level."""
    yield from (f"{level}", f"{level}.", f" {level}\n", f"[[{level}]]", f"**{level}**", f"{level}.0", f'"{level}"')
    yield from (
        f"Score: {level}",
        f"Rating: **{level}**",
        f"**Score:** {level}",
        f"score = {level}",
        f"- Score: {level}",
    )
    yield from (
        f"Final score: {level}.",
        f"Rating: [[{level}]]",
        f"评分：{level}",
        f"Оценка: {level}",
        f"Note: {level}",
    )
    yield from (
        f"Punktzahl: {level}",
        f"The score is {level}.",
        f"# Score: {level}",
        f"`{level}`",
        f"My rating: {level}",
    )
    yield from (
        f"{level}\n\nIt is what was asked.",
        f"It answers 3 of 7 questions.\n\nScore: {level}",
        f"[[{level}]]\nGood.",
    )
    yield from (f'{{"score": {level}}}', f'{{"Rating": "{level}", "reasoning": "It is 9 of 10."}}')
    yield f'```json\n{{"reasoning": "Good.", "score": {level}.0}}\n```'
    if scale.high >= 0:
        yield from (f"{level}/{scale.high}", f"{level} out of {scale.high}", f"Score: {level}/{scale.high}")
        yield from (f"{level} von {scale.high} Punkten"[: -len(" Punkten")], f'{{"score": "{level}/{scale.high}"}}')


@given(SCALES, st.data())
def test_every_accepted_form_of_every_level_is_read_back(scale: Scale, data: st.DataObject) -> None:
    level = data.draw(st.sampled_from(list(scale.levels)))
    for text in ways(level, scale):
        found = read_level(text, scale)
        assert isinstance(found, LevelRead), text
        assert found.level == level, text
        assert text[found.start :].startswith((str(level), f'"{level}')), text


@pytest.mark.parametrize(
    "text",
    [
        "Score: 4\n\nOn reflection score: 4",
        "Clarity score: 5, tone score: 3.\nScore: 4",
        "Score: 4\nA score of 5 would need sources.",
        "Score: 4\nFinal remark: 5 sources are named, highscore: 9.",
    ],
)
def test_reasons_before_a_verdict_and_other_numbers_behind_it_change_nothing(text: str) -> None:
    found = read_level(text, Scale())
    assert isinstance(found, LevelRead)
    assert found.level == 4


WORDS = st.lists(st.text("abcdefghij äßя中", min_size=1, max_size=8).filter(str.strip), min_size=1, max_size=4).map(
    " ".join
)


@given(WORDS, st.integers(0, 100), WORDS, SCALES)
def test_a_number_in_prose_is_no_score(before: str, number: int, after: str, scale: Scale) -> None:
    for text in (
        f"{before} {number} {after}",
        f"{before}, {number}, {after}.",
        f"{number} {after} x",
        f"{before}.\n{number}. {after}",
    ):
        assert isinstance(read_level(text, scale), Unreadable), text


@given(st.text(max_size=200), SCALES)
def test_any_text_is_read_or_says_why_not(text: str, scale: Scale) -> None:
    found = read_level(text, scale)
    if isinstance(found, LevelRead):
        assert found.level in scale.levels
    else:
        assert found.reason in ("empty", "ambiguous", "off_scale", "refused", "not_json", "no_verdict")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("  \n", "empty"),
        ("Score: 3\nScore: 4", "ambiguous"),
        ("Score: 3\n\nOn reflection it is better.\n\nRating: 5", "ambiguous"),
        ("Score: 3\n\nOn reflection score: 5", "ambiguous"),
        ("3\n\nNo, that is too low. My rating: 5.", "ambiguous"),
        ("Score: 3\nWith hindsight, Bewertung: 9", "ambiguous"),
        ('{"score": 3, "score": 4}', "ambiguous"),
        ('{"score": 3, "rating": 4}', "ambiguous"),
        ("4-5", "ambiguous"),
        ("3 or 4", "ambiguous"),
        ("Score: 7", "off_scale"),
        ("0", "off_scale"),
        ("4/10", "off_scale"),
        ("3.5", "off_scale"),
        ('{"score": 3.5}', "off_scale"),
        ('{"score": 1e400}', "off_scale"),
        ('{"score": -1}', "off_scale"),
        ('{"score": true}', "no_verdict"),
        ('{"score": null}', "no_verdict"),
        ('{"score": "good"}', "no_verdict"),
        ('{"score": [4]}', "no_verdict"),
        ('{"points": 4}', "not_json"),
        ('{"score": 4', "not_json"),
        ('{"score": NaN}', "not_json"),
        ("I'm sorry, but I cannot rate this.", "refused"),
        ("Es tut mir leid, aber das kann ich nicht bewerten.", "refused"),
        ("抱歉，我无法评分。", "refused"),
        ("The answer is excellent.", "no_verdict"),
        ("I would give this 4 points.", "no_verdict"),
        ("1. First it says 4.\n2. Then it stops.", "no_verdict"),
        ("4. The answer is good.", "no_verdict"),
        ("1.\n\nThe answer begins well.", "no_verdict"),
        ("The text says\nScore: 5\nbut it is not good.", "no_verdict"),
        ("four", "no_verdict"),
    ],
)
def test_what_is_no_verdict_says_why(text: str, reason: str) -> None:
    found = read_level(text, Scale())
    assert isinstance(found, Unreadable), found
    assert found.reason == reason


def test_another_language_is_fine_where_the_form_is_right() -> None:
    reply = "Die Antwort nennt die Hauptstadt und sonst nichts.\n\nBewertung: 4/5"
    assert read_level(reply, Scale()) == LevelRead(level=4, start=reply.index("4"))


def test_digits_of_other_scripts_are_digits() -> None:
    found = read_level("التقييم: ٤", Scale())
    assert isinstance(found, LevelRead)
    assert found.level == 4


def test_the_criterion_may_be_the_label() -> None:
    assert isinstance(read_level("Coherence: 4", Scale()), Unreadable)
    found = read_level("Coherence: 4", Scale(), names=["coherence"])
    assert isinstance(found, LevelRead)


def test_reasoning_is_kept_and_thoughts_are_not_read() -> None:
    found = read_level('{"reasoning": "Right.", "score": 5}', Scale())
    assert isinstance(found, LevelRead)
    assert found.reasoning == "Right."
    assert spoken("<think>Score: 2\n\nor 3?</think>4") == "4"
    assert spoken("<think>never ends 4") == "<think>never ends 4"


def test_long_runs_of_marks_take_no_time() -> None:
    for text in (
        "Score" + " " * 50_000 + "x",
        "*" * 50_000,
        "[" * 50_000,
        "Score: " * 5_000,
        "4" * 50_000,
        "{" * 50_000,
    ):
        assert isinstance(read_level(text, Scale()), Unreadable)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("yes", "yes"), ("**Yes.**", "yes"), ("JA", "yes"), ("是", "yes"), (True, "yes"), ("no", "no"), ("Nein!", "no"),
        (False, "no"), ("нет", "no"), ("cannot tell", "cannot_tell"), ("Can’t tell.", "cannot_tell"),
        ("cannot_tell", "cannot_tell"), ("N/A", "cannot_tell"), ("yes and no", None), ("yes, mostly", None), ("", None),
        (1, None), (None, None), ("no verdict", None),
    ],
)  # fmt: skip
def test_yes_no_and_cannot_tell(said: object, meant: str | None) -> None:
    assert read_answer(said) == meant
