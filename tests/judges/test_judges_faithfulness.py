"""Faithfulness: sentences, claims, checks with a sentence that exists, and everything a model may reply instead."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted_panel import MODEL, Said, ScriptedClient, judged, no_money, prompt_of, timed_out

from assay.core.errors import BudgetExhaustedError, ConfigError
from assay.core.records import ModelRequest, Score
from assay.judges.asking import Unreadable
from assay.judges.claims import CheckedClaim, check_form, numbered, read_claims, sentences
from assay.judges.faithfulness import Faithfulness, checked_claims

CONTEXT = "Ann lives in Paris. She was born in 1980. Her dog is called Rex."
CLAIMS = ["Ann lives in Paris.", "Ann was born in 1979.", "Ann likes tea."]
ROWS = [("supported", 1), ("contradicted", 2), ("not_stated", None)]


def claims_of(*claims: str) -> str:
    return json.dumps({"claims": list(claims)})


def verdicts_of(*rows: tuple[str, Any]) -> str:
    listed = [{"claim": n, "verdict": word, "sentence": place} for n, (word, place) in enumerate(rows, 1)]
    return json.dumps({"verdicts": listed})


def two_steps(claims: Said, *checks: Said) -> ScriptedClient:
    """The first step is told by its prompt; the second gives the replies one after another."""
    left = iter(checks)
    return ScriptedClient(
        lambda request: claims if "</claims " not in prompt_of(request) else next(left), cost_usd=0.001
    )


def faithful(client: ScriptedClient, text: str = "Ann …", context: Any = CONTEXT, **options: Any) -> Score:
    return judged(Faithfulness(model=MODEL, **options), client, text, metadata={"context": context})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ("Dr. Ho met J. Smith at 3.5 p.m. They left.", ["Dr. Ho met J. Smith at 3.5 p.m. They left."]),
        ("It costs $3.50. Cheap.", ["It costs $3.50.", "Cheap."]),
        ('He said "Go." Then left.', ['He said "Go."', "Then left."]),
        ("a\n\nb\n---\nc", ["a", "b", "c"]),
        ("雨が降った。道は濡れた。", ["雨が降った。", "道は濡れた。"]),
        ("Ünal won. Émile lost.", ["Ünal won.", "Émile lost."]),
        ("see e.g. this one", ["see e.g. this one"]),
        ("  two   spaces .  ", ["two spaces ."]),
        ("", []),
        ("... !!", []),
    ],
)
def test_sentences(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


@given(st.text(max_size=200))
def test_sentences_keep_every_letter_in_order_and_stand_on_one_line(text: str) -> None:
    found = sentences(text)
    assert "".join(char for part in found for char in part if char.isalnum()) == "".join(
        char for char in text if char.isalnum()
    )
    assert all(len(part.splitlines()) == 1 and part == part.strip() for part in found)
    assert len(numbered(found).splitlines()) == len(found)


def test_claim_by_claim_with_the_sentence_that_shows_it() -> None:
    client = two_steps(claims_of(*CLAIMS), verdicts_of(*ROWS))
    score = faithful(client)
    assert (score.value, score.label, score.tier) == (pytest.approx(1 / 3), "1 of 3 supported", "judge")
    assert score.cost_usd == pytest.approx(0.002)
    assert checked_claims(score) == (
        CheckedClaim(claim=CLAIMS[0], standing="supported", sentence=1, quote="Ann lives in Paris."),
        CheckedClaim(claim=CLAIMS[1], standing="contradicted", sentence=2, quote="She was born in 1980."),
        CheckedClaim(claim=CLAIMS[2], standing="not_stated"),
    )
    asked = prompt_of(client.requests[1])
    assert "[3] Her dog is called Rex.\n</context " in asked
    assert "[1] Ann lives in Paris.\n[2] Ann was born in 1979." in asked
    assert "each of the 3 claims" in asked


def test_sentences_as_claims_need_one_call() -> None:
    client = two_steps(AssertionError("not asked"), verdicts_of(("supported", 1), ("supported", 3)))
    score = faithful(client, "Ann lives in Paris. Rex is a dog.", split="sentences")
    assert (score.value, len(client.requests)) == (1.0, 1)
    assert score.cost_usd == pytest.approx(0.001)


def test_several_texts_are_one_context() -> None:
    client = two_steps(claims_of("Ann has a dog."), verdicts_of(("supported", 3)))
    score = faithful(client, context=["Ann lives in Paris. She was born in 1980.", "Her dog is called Rex."])
    assert checked_claims(score)[0].quote == "Her dog is called Rex."


@pytest.mark.parametrize("context", [None, "", "  \n", [], 7, [3], {"text": "x"}])
def test_without_a_context_nothing_is_asked(context: Any) -> None:
    client = two_steps(claims_of("x"))
    score = faithful(client, context=context)
    assert (score.value, score.reason, score.cost_usd, client.requests) == (None, "sample has no context", 0.0, [])


def test_an_answer_without_claims_is_unscored() -> None:
    score = faithful(two_steps(claims_of()))
    assert (score.value, score.reason, score.cost_usd) == (None, "no_claims", pytest.approx(0.001))
    empty = two_steps(claims_of("x"))
    assert (faithful(empty, " \n").reason, empty.requests) == ("no_claims", [])


def test_claims_beyond_the_cap_are_left_out_and_counted() -> None:
    client = two_steps(claims_of(*(f"Claim {n}." for n in range(7))), verdicts_of(*[("supported", 1)] * 5))
    score = faithful(client, max_claims=5)
    assert (score.value, score.label) == (1.0, "5 of 5 supported, 2 left out")
    assert json.loads(score.explanation or "")["left_out"] == 2


def test_many_claims_are_checked_in_parts() -> None:
    checks = [verdicts_of(("supported", 1), ("not_stated", None)), verdicts_of(("supported", 2))]
    score = faithful(two_steps(claims_of("A.", "B.", "C."), *checks), claims_per_call=2)
    assert score.value == pytest.approx(2 / 3)
    assert [claim.sentence for claim in checked_claims(score)] == [1, None, 2]
    failed = faithful(two_steps(claims_of("A.", "B.", "C."), checks[0], "no", "no"), claims_per_call=2)
    assert (failed.value, failed.reason, failed.cost_usd) == (None, "no_verdict", pytest.approx(0.004))


@pytest.mark.parametrize(
    ("check", "reason"),
    [
        (verdicts_of(("supported", 4)), "no_such_sentence"),
        (verdicts_of(("supported", 0)), "no_such_sentence"),
        (verdicts_of(("supported", None)), "no_such_sentence"),
        (verdicts_of(("contradicted", True)), "no_such_sentence"),
        (verdicts_of(("supported", "1")), "no_such_sentence"),
        (verdicts_of(("true", 1)), "off_scale"),
        (verdicts_of(), "no_verdict"),
        (verdicts_of(("supported", 1), ("supported", 1)), "no_verdict"),
        ('{"verdicts": [{"claim": 2, "verdict": "supported", "sentence": 1}]}', "no_verdict"),
        ('{"verdicts": "supported"}', "no_verdict"),
        ("supported", "no_verdict"),
        ("", "empty"),
    ],
)
def test_checks_that_are_not_in_the_form_are_repaired_once_or_unscored(check: str, reason: str) -> None:
    failed = faithful(two_steps(claims_of("A."), check, check))
    assert (failed.value, failed.reason) == (None, reason)
    assert faithful(two_steps(claims_of("A."), check, verdicts_of(("supported", 1)))).value == 1.0


@pytest.mark.parametrize("text", ['```json\n{"claims": ["A.", " B.  "]}\n```', '{"claims": ["A.", "B.", "A."]}'])
def test_accepted_forms_of_claims(text: str) -> None:
    assert read_claims(text) == ["A.", "B."]


@pytest.mark.parametrize(
    "text",
    ["- A.\n- B.", '["A.", "B."]', '{"claims": "A."}', '{"claims": [1]}', '{"claims": [" "]}',
     '{"claims": [], "claims": ["A."]}',
     "3",
     'Here: {"claims": []}', "[" * 100_000, "{}"],
)  # fmt: skip
def test_what_is_no_list_of_claims(text: str) -> None:
    assert isinstance(read_claims(text), Unreadable)


def test_failing_calls_are_the_reason_and_a_spent_budget_is_raised() -> None:
    assert faithful(two_steps(timed_out())).reason == "timeout"
    late = faithful(two_steps(claims_of("A."), timed_out()))
    assert (late.reason, late.cost_usd) == ("timeout", pytest.approx(0.001))
    with pytest.raises(BudgetExhaustedError):
        faithful(two_steps(claims_of("A."), no_money()))


def test_numbers_written_into_the_context_do_not_stand_at_the_start_of_a_line() -> None:
    client = two_steps(claims_of("A."), verdicts_of(("supported", 1)))
    faithful(client, context="True. It says\u2028[9] Ann likes tea\nand\r[8] coffee.")
    context = prompt_of(client.requests[1]).split("<context ")[-1].partition("</context ")[0]
    starts = [line.partition("]")[0] for line in context.splitlines()[1:] if line]
    assert starts == [f"[{n}" for n in range(1, len(starts) + 1)]


def test_split_cap_and_prompts_are_part_of_the_version() -> None:
    options: Sequence[dict[str, Any]] = [
        {},
        {"split": "sentences"},
        {"max_claims": 3},
        {"context": "document"},
        {"claims_prompt": "{answer}"},
        {"check_prompt": "{context} {claims}"},
    ]
    assert len({Faithfulness(model=MODEL, **given).version for given in options}) == len(options)


@pytest.mark.parametrize(
    "options",
    [{"split": "words"}, {"max_claims": 0}, {"claims_per_call": 0}, {"context": ""}, {"claims_prompt": "Split it."},
     {"check_prompt": "{claims}"}],
)  # fmt: skip
def test_options_that_do_not_fit_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as caught:
        Faithfulness(model=MODEL, **options)
    assert caught.value.hint


@given(st.integers(1, 8), st.integers(1, 5), st.data())
def test_the_value_is_the_share_of_supported_claims(count: int, per_call: int, data: st.DataObject) -> None:
    rows = [data.draw(st.sampled_from(ROWS)) for _ in range(count)]
    claims = [f"Claim {number}." for number in range(count)]

    def answer(request: ModelRequest) -> str:
        asked = prompt_of(request)
        if "</claims " not in asked:
            return claims_of(*claims)
        return verdicts_of(*(row for claim, row in zip(claims, rows, strict=True) if f"] {claim}" in asked))

    score = faithful(ScriptedClient(answer), claims_per_call=per_call)
    assert score.value == pytest.approx(sum(word == "supported" for word, _ in rows) / count)
    assert [claim.standing for claim in checked_claims(score)] == [word for word, _ in rows]


@given(st.text(max_size=60))
def test_explanations_of_others_hold_no_claims(text: str) -> None:
    score = Score(sample_id="1", scorer="s", scorer_version="v", value=1.0, explanation=text)
    assert checked_claims(score) == ()


def test_what_only_looks_like_claims_is_none() -> None:
    for told in ('{"claims":[{"claim":"A.","standing":"maybe"}]}', '{"claims":7}', "[]", '{"claims":[1]}'):
        assert checked_claims(Score(sample_id="1", scorer="s", scorer_version="v", value=1.0, explanation=told)) == ()


def test_a_form_for_other_claims_reads_other_numbers() -> None:
    read = check_form(["A."], ["One.", "Two."]).read
    assert read(verdicts_of(("Supported", 2))) == [
        CheckedClaim(claim="A.", standing="supported", sentence=2, quote="Two.")
    ]
    assert isinstance(read(verdicts_of(("supported", 3))), Unreadable)
