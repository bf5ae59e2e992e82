"""Pairs of answers: both orders, flips, probabilities, bad replies, and the count of position bias."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Mapping
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted_panel import (
    MODEL,
    ScriptedClient,
    judged,
    no_money,
    output_of,
    prefers,
    prompt_of,
    sample_of,
    shown_first,
    timed_out,
    unauthorized,
    verdict,
)

from assay.core.errors import BudgetExhaustedError, ConfigError, InvalidInputError, ProviderError
from assay.core.records import GenerateParams, ModelRequest, Reply, Score
from assay.judges.orders import Shown, combine_orders, shown_word
from assay.judges.pairwise import PairVerdict, Pairwise, compare_pair, position_bias, shown_orders

SHOWN = get_args(Shown)
verdicts = st.sampled_from(SHOWN)
MIRRORED: Mapping[str, str] = {"win": "loss", "loss": "win"}


def pair(client: ScriptedClient, first: str = "Paris", second: str = "Lyon", **options: Any) -> PairVerdict:
    return asyncio.run(
        compare_pair(
            "Capital?", first, second, client=client, model=MODEL, params=GenerateParams(temperature=0.0), **options
        )
    )


@pytest.mark.parametrize(
    ("orders", "value", "label"),
    [
        (("A", "B"), 1.0, "win"),
        (("B", "A"), 0.0, "loss"),
        (("tie", "tie"), 0.5, "tie"),
        (("A", "A"), 0.5, "flipped"),
        (("B", "B"), 0.5, "flipped"),
        (("A", "tie"), 0.5, "partial"),
        (("tie", "A"), 0.5, "partial"),
    ],
)
def test_two_orders_make_one_verdict(orders: tuple[Shown, Shown], value: float, label: str) -> None:
    found = combine_orders(*orders)
    assert (found.value, found.label) == (value, label)


def test_the_average_keeps_what_one_order_says_beside_a_tie() -> None:
    assert combine_orders("A", "tie", rule="average").value == 0.75
    assert combine_orders("tie", "A", rule="average").value == 0.25
    assert combine_orders("B", "B", rule="average").value == 0.5


@given(verdicts, verdicts, st.sampled_from(["agree", "average"]))
def test_exchanging_the_answers_mirrors_the_value(first: Shown, second: Shown, rule: Any) -> None:
    # with the answers exchanged, the order that was asked second comes first
    found, mirrored = combine_orders(first, second, rule=rule), combine_orders(second, first, rule=rule)
    assert mirrored.value == 1.0 - found.value
    assert mirrored.label == MIRRORED.get(found.label, found.label)


@pytest.mark.parametrize("text", ["A", " a.", "[[A]]", "**Answer A**", "Verdict: A", '"A"', "answer_a"])
def test_accepted_forms_of_one_verdict(text: str) -> None:
    assert shown_word(text) == "A"


@pytest.mark.parametrize("text", ["", "A or B", "AB", "A is better", "not A", "D", "1", "[[A]] [[B]]", "Antwort A"])
def test_what_is_no_verdict(text: str) -> None:
    assert shown_word(text) is None


def test_the_better_answer_wins_wherever_it_is_shown() -> None:
    client = ScriptedClient(prefers("Paris"))
    win, loss = pair(client), pair(client, "Lyon", "Paris")
    assert (win.value, win.label, loss.value, loss.label) == (1.0, "win", 0.0, "loss")
    assert len(client.requests) == 4
    assert [order.shown for order in win.orders if order] == ["A", "B"]
    assert win.cost_usd == pytest.approx(0.002)


def test_a_judge_that_takes_the_first_answer_makes_ties_that_are_counted() -> None:
    judge = Pairwise(model=MODEL, against="other")
    scores = [judged(judge, ScriptedClient(verdict("A")), metadata={"other": "Lyon"}) for _ in range(12)]
    assert {(score.value, score.label) for score in scores} == {(0.5, "flipped")}
    found = position_bias(scores)
    assert (found.n_flips, found.flip_rate.value, found.position_bias.value) == (12, 1.0, 1.0)
    assert found.position_bias.low is not None
    assert found.position_bias.low > 0.3


def test_identical_answers_are_a_tie_and_nobody_is_asked() -> None:
    client = ScriptedClient(verdict("A"))
    found = pair(client, "Paris", "Paris")
    assert (found.value, found.label, found.cost_usd, client.requests) == (0.5, "identical", 0.0, [])


def test_the_reference_is_the_other_answer_by_default() -> None:
    score = judged(Pairwise(model=MODEL), ScriptedClient(prefers("Paris")), reference=["Lyon", "Nice"])
    assert (score.value, score.label, score.tier) == (1.0, "win", "judge")
    assert score.cost_usd == pytest.approx(0.002)
    assert shown_orders(score) == ("A", "B")
    assert json.loads(score.explanation or "")["reasoning"] == ["because", "because"]


@pytest.mark.parametrize(
    ("judge", "fields", "reason"),
    [
        (Pairwise(model=MODEL), {}, "sample has no reference"),
        (Pairwise(model=MODEL, against="gpt"), {}, "sample has no other answer"),
        (Pairwise(model=MODEL, against="gpt"), {"metadata": {"gpt": 7}}, "sample has no other answer"),
    ],
)
def test_without_another_answer_nothing_is_asked(judge: Pairwise, fields: dict[str, Any], reason: str) -> None:
    client = ScriptedClient(verdict("A"))
    score = judged(judge, client, **fields)
    assert (score.value, score.reason, score.cost_usd, client.requests) == (None, reason, 0.0, [])


def test_one_order_that_fails_leaves_no_verdict() -> None:
    def answer(request: ModelRequest) -> str | Exception:
        return verdict("A") if shown_first(request, "Paris") else timed_out()

    score = judged(Pairwise(model=MODEL), ScriptedClient(answer), reference="Lyon")
    assert (score.value, score.reason, score.cost_usd) == (None, "timeout", pytest.approx(0.001))
    assert json.loads(score.explanation or "")["orders"] == ["A", None]
    assert shown_orders(score) is None


def test_an_unreadable_reply_is_asked_for_once_more() -> None:
    replies = iter(["I think the first one.", "[[A]]", "no idea", "still none"])
    client = ScriptedClient(lambda request: next(replies))
    found = pair(client, orders=(0,))
    assert (found.value, len(client.requests)) == (1.0, 2)
    failed = pair(client, orders=(0,))
    assert (failed.value, failed.reason, failed.cost_usd) == (None, "no_verdict", pytest.approx(0.002))


@pytest.mark.parametrize("error", [no_money(), unauthorized()])
def test_a_spent_budget_and_a_refused_key_are_raised_after_both_orders_ended(error: Exception) -> None:
    ended = []

    class Slow(ScriptedClient):
        async def generate(self, request: ModelRequest) -> Reply:
            if shown_first(request, "Lyon"):
                await asyncio.sleep(0.01)
            ended.append(request)
            return await super().generate(request)

    client = Slow(lambda request: error if shown_first(request, "Paris") else verdict("A"))

    async def both() -> None:
        with pytest.raises((BudgetExhaustedError, ProviderError)):
            await compare_pair("?", "Paris", "Lyon", client=client, model=MODEL, params=GenerateParams())
        assert len(ended) == 2

    asyncio.run(both())


def test_one_order_is_drawn_by_the_sample() -> None:
    judge = Pairwise(model=MODEL, both_orders=False)
    client = ScriptedClient(prefers("Paris"))
    firsts = []
    for number in range(60):
        sample = sample_of(id=f"s{number}", reference="Lyon")
        score = asyncio.run(judge.judge(sample, output_of("Paris"), client=client))
        assert (score.value, score.label) == (1.0, "win")
        firsts.append(shown_first(client.requests[-1], "Paris"))
    assert len(client.requests) == 60
    assert 15 <= sum(firsts) <= 45
    with pytest.raises(InvalidInputError, match="both orders"):
        position_bias([score])


def token(text: str, top: Mapping[str, float]) -> dict[str, Any]:
    entries = [{"token": name, "logprob": math.log(share)} for name, share in top.items()]
    return {"token": text, "logprob": entries[0]["logprob"], "top": entries}


def with_token(top: Mapping[str, float]) -> Reply:
    return Reply(text="A", cost_usd=0.0, logprobs=[token("A", top)])


LOGPROBS = frozenset({"chat", "logprobs", "json_schema"})


def test_probabilities_of_both_orders_are_averaged() -> None:
    def answer(request: ModelRequest) -> Reply:
        return with_token({"A": 0.7, " B": 0.1, "C": 0.2} if shown_first(request, "Paris") else {"A": 0.6, "B": 0.4})

    client = ScriptedClient(answer, capabilities=LOGPROBS)
    score = judged(Pairwise(model=MODEL, logprobs=True), client, reference="Lyon")
    assert score.value == pytest.approx((0.8 + 0.4) / 2)
    told = json.loads(score.explanation or "")
    assert told["first_wins"] == pytest.approx([0.8, 0.6])
    assert told["mass"] == pytest.approx([1.0, 1.0])
    assert {request.params.top_logprobs for request in client.requests} == {20}
    assert {request.params.json_schema for request in client.requests} == {None}


def test_little_mass_or_no_logprobs_leave_the_plain_verdict() -> None:
    thin = ScriptedClient(with_token({"A": 0.5, "B": 0.2, "Sure": 0.3}), capabilities=LOGPROBS)
    assert pair(thin, logprobs=True, orders=(0,)).value == 1.0
    without = ScriptedClient("A")
    assert pair(without, logprobs=True, orders=(0,)).value == 1.0
    assert not without.requests[0].params.logprobs


def test_the_token_written_counts_where_the_list_of_likely_ones_lacks_it() -> None:
    written = {**token("B", {"A": 0.6, "Well": 0.05}), "logprob": math.log(0.35)}
    reply = Reply(text="B", cost_usd=0.0, logprobs=[written])
    found = pair(ScriptedClient(reply, capabilities=LOGPROBS), logprobs=True, orders=(0,))
    assert found.value == pytest.approx(0.6 / 0.95)
    broken = Reply(text="B", cost_usd=0.0, logprobs=[{"token": "B", "logprob": math.nan}, {}])
    assert pair(ScriptedClient(broken, capabilities=LOGPROBS), logprobs=True, orders=(0,)).value == 0.0
    double = ScriptedClient(with_token({"A": 0.9, "B": 0.9}), capabilities=LOGPROBS)
    assert pair(double, logprobs=True, orders=(0,)).value == 1.0


def test_words_before_the_verdict_give_no_probability() -> None:
    reply = Reply(text="A", cost_usd=0.0, logprobs=[token("Well", {"Well": 1.0}), token("A", {"A": 0.6, "B": 0.4})])
    assert pair(ScriptedClient(reply, capabilities=LOGPROBS), logprobs=True, orders=(0,)).value == 1.0
    marked = Reply(text="[[A]]", cost_usd=0.0, logprobs=[token("[[", {"[[": 1.0}), token("A", {"A": 0.6, "B": 0.4})])
    assert pair(ScriptedClient(marked, capabilities=LOGPROBS), logprobs=True, orders=(0,)).value == pytest.approx(0.6)


@given(st.floats(0.01, 0.99), st.floats(0.01, 0.99))
def test_exchanging_the_answers_mirrors_the_probability(front: float, back: float) -> None:
    def answer(request: ModelRequest) -> Reply:
        share = front if shown_first(request, "Paris") else back
        return with_token({"A": share, "B": 1.0 - share})

    client = ScriptedClient(answer, capabilities=LOGPROBS)
    found, mirrored = (pair(client, *texts, logprobs=True) for texts in (("Paris", "Lyon"), ("Lyon", "Paris")))
    assert found.value == pytest.approx((front + 1.0 - back) / 2)
    assert mirrored.value == pytest.approx(1.0 - (found.value or 0.0))


def test_the_answers_stand_between_marks_and_slots_in_them_stay_text() -> None:
    client = ScriptedClient(verdict("A"))
    pair(client, "{second} {criteria}", "Lyon", orders=(0,))
    asked = prompt_of(client.requests[0])
    assert "{second} {criteria}\n</answer_a " in asked
    assert asked.count("Lyon") == 1


def test_another_prompt_criterion_or_order_is_another_version() -> None:
    judges = [
        Pairwise(model=MODEL),
        Pairwise(model="test/other"),
        Pairwise(model=MODEL, criteria="brevity"),
        Pairwise(model=MODEL, both_orders=False),
        Pairwise(model=MODEL, logprobs=True),
        Pairwise(model=MODEL, prompt="{question} {first} {second}"),
    ]
    assert len({judge.version for judge in judges}) == len(judges)
    assert Pairwise(model=MODEL, name="other").version == judges[0].version


@pytest.mark.parametrize(
    "options",
    [{"rule": "best"}, {"criteria": " "}, {"against": ""}, {"prompt": "Which is better? {first}"}],
)
def test_options_that_do_not_fit_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as caught:
        Pairwise(model=MODEL, **options)
    assert caught.value.hint


def score_of(told: str | None, sample_id: str = "s1") -> Score:
    return Score(sample_id=sample_id, scorer="p", scorer_version="v", value=0.5, explanation=told)


def test_position_bias_takes_clusters_and_the_rule() -> None:
    told = ['{"orders":["A","B"]}', '{"orders":["A","tie"]}', '{"orders":["A","A"]}', '{"orders":[null,"A"]}', None]
    scores = [score_of(text, f"s{number}") for number, text in enumerate(told)]
    found = position_bias(scores, clusters={f"s{number}": number % 2 for number in range(5)}, rule="average")
    assert (found.n_agreed, found.n_partial, found.n_flips) == (1, 1, 1)
    assert found.win_rate.value == pytest.approx((1.0 + 0.75 + 0.5) / 3)
    assert found.win_rate.n_clusters == 2
    with pytest.raises(InvalidInputError, match="s1 has no cluster"):
        position_bias(scores, clusters={"s0": 1})


@given(st.text(max_size=40))
def test_explanations_of_others_hold_no_orders(text: str) -> None:
    assert shown_orders(score_of(text)) is None


def test_orders_that_are_no_verdicts_are_none() -> None:
    for told in ("[1]", '{"orders":"AB"}', '{"orders":["A","D"]}', '{"orders":["A"]}', '{"orders":["A",3]}'):
        assert shown_orders(score_of(told)) is None
