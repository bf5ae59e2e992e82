"""Scorers of an agent's way: goal, calls, steps, errors."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.core.errors import ConfigError
from assay.core.records import Output, Sample
from assay.scorers import GoalReached, Steps, ToolCallMatch, ToolErrors
from assay.scorers.trajectory import holds_json, same_json


def call(name: str, arguments: Any = None, **rest: Any) -> dict[str, Any]:
    return {"name": name, "arguments": arguments if arguments is not None else {}, **rest}


def goal(output: Output, *, match: str = "includes", reference: str | None = None, state: Any = None) -> float | None:
    metadata = {} if state is None else {"goal_state": state}
    sample = Sample(id="1", input="", reference=reference, metadata=metadata)
    return GoalReached(match=match).score(sample, output).value


def test_a_goal_is_a_final_answer_a_state_or_both() -> None:
    booked = Output(
        sample_id="1",
        text="Seat 3A is booked.",
        tool_calls=[call("book", error="full"), call("book", result='{"status": "booked", "seat": "3A"}')],
    )
    assert goal(booked, reference="3a") == 1.0
    assert goal(booked, reference="3") == 0.0
    assert goal(booked, reference="3A", match="exact") == 0.0
    assert goal(Output(sample_id="1", text="so 12"), reference="#### 12", match="numeric") == 1.0
    assert goal(booked, state={"book": {"status": "booked"}}) == 1.0
    assert goal(booked, state={"book": {"status": "free"}}) == 0.0
    assert goal(booked, state={"pay": {}}) == 0.0
    assert goal(booked, reference="3A", state={"book": {"seat": "3A"}}) == 1.0
    assert goal(booked, reference="4B", state={"book": {"seat": "3A"}}) == 0.0
    assert goal(Output(sample_id="1", text="3A", finish_reason="step_limit"), reference="3A") == 0.0


def test_the_state_is_the_last_one_seen() -> None:
    undone = Output(sample_id="1", tool_calls=[call("set", result="on"), call("set", result="off")])
    assert goal(undone, state={"set": "on"}) == 0.0
    failed = Output(sample_id="1", tool_calls=[call("set", result="on"), call("set", error="broken")])
    assert goal(failed, state={"set": "on"}) == 1.0


def test_a_sample_without_a_goal_is_unscored() -> None:
    score = GoalReached().score(Sample(id="1", input=""), Output(sample_id="1"))
    assert score.reason == "sample has no reference and no metadata.goal_state"
    with pytest.raises(ConfigError):
        GoalReached(match="fuzzy")


def match(expected: Any, made: list[dict[str, Any]], **options: Any) -> float | None:
    metadata = {} if expected is None else {"expected_calls": expected}
    sample = Sample(id="1", input="", metadata=metadata)
    return ToolCallMatch(**options).score(sample, Output(sample_id="1", tool_calls=made)).value


ADD, MUL = call("add", {"a": 1, "b": 2}), call("mul", {"a": 3})


def test_expected_calls_by_hand() -> None:
    assert match([ADD, MUL], [ADD, MUL]) == 1.0
    assert match([ADD, MUL], [MUL, ADD]) == 0.0
    assert match([ADD, MUL], [MUL, ADD], ordered=False) == 1.0
    assert match([ADD], [ADD, MUL]) == 0.0
    assert match([ADD], [ADD, MUL], extra=True) == 1.0
    assert match([ADD], []) == 0.0
    assert match([], []) == 1.0
    assert match([], [ADD]) == 0.0
    assert match([{"name": "add"}], [ADD]) == 1.0
    assert match([call("add", {"a": 1})], [ADD]) == 0.0
    assert match([call("add", {"a": 1})], [ADD], arguments="subset") == 1.0
    assert match([call("add", {"a": 9})], [ADD], arguments="ignore") == 1.0
    assert match([ADD], [call("add", '{"b": 2, "a": 1.0}')]) == 1.0
    assert match([ADD], [call("add", '{"b": 2, "a": tru')]) == 0.0
    assert match([call("f", {"x": True})], [call("f", {"x": 1})]) == 0.0
    assert match(None, [ADD]) is None


def test_graded_matching_gives_partial_credit() -> None:
    assert match([ADD, MUL], [ADD], graded=True) == pytest.approx(2 / 3)
    assert match([ADD, MUL], [MUL, ADD], graded=True) == pytest.approx(0.5)
    assert match([ADD, MUL], [ADD, ADD, ADD], graded=True, extra=True) == pytest.approx(0.5)
    assert (ToolCallMatch().unit, ToolCallMatch(graded=True).unit) == ("share", "score")


def test_unordered_matching_finds_the_best_pairing() -> None:
    loose, strict = call("f", {"a": 1}), call("f", {"a": 1, "b": 2})
    assert match([loose, strict], [strict, call("f", {"a": 1, "c": 3})], ordered=False, arguments="subset") == 1.0


@given(st.permutations([ADD, MUL, ADD, call("sub", {"c": [1, None]})]))
def test_order_matters_only_where_asked(made: list[dict[str, Any]]) -> None:
    expected = [ADD, ADD, MUL, call("sub", {"c": [1, None]})]
    assert match(expected, made, ordered=False) == 1.0
    assert match(expected, made) == float(made == expected)


def test_json_equality_tells_true_from_1() -> None:
    assert same_json({"a": [1, {"b": None}]}, {"a": [1.0, {"b": None}]})
    assert not same_json([1], [True])
    assert not same_json([1], [1, 2])
    assert not same_json({"a": 1}, {"a": 1, "b": 2})
    assert holds_json({"a": {"x": 1, "y": 2}, "b": 3}, {"a": {"x": 1}})
    assert not holds_json({"a": {"x": 1}}, {"a": {"z": 1}})
    assert not holds_json([1, 2], [1])


def message(role: str) -> dict[str, str]:
    return {"role": role, "content": role}


@pytest.mark.parametrize(
    ("roles", "finish", "steps"),
    [
        ("user assistant", "stop", 1.0),
        ("prompt assistant", "stop", 1.0),
        ("system user assistant tool assistant tool tool assistant", "stop", 3.0),
        ("user assistant tool assistant tool assistant", "step_limit", 2.0),
        ("user assistant user assistant", "stop", 1.0),
    ],
)
def test_steps_are_the_model_calls_after_the_last_user_message(roles: str, finish: str, steps: float) -> None:
    messages = [message(role) for role in roles.split()]
    output = Output(sample_id="1", messages=messages, finish_reason=finish)
    assert Steps().score(Sample(id="1", input=""), output).value == steps


def test_steps_without_a_trajectory_are_unscored() -> None:
    assert Steps().score(Sample(id="1", input=""), Output(sample_id="1")).reason == "no trajectory recorded"


def test_tool_errors_are_counted() -> None:
    output = Output(sample_id="1", tool_calls=[ADD, call("add", error="bad"), call("x", error="unknown")])
    score = ToolErrors().score(Sample(id="1", input=""), output)
    assert (score.value, score.explanation) == (2.0, "add: bad")
    assert ToolErrors().score(Sample(id="1", input=""), Output(sample_id="1")).value == 0.0
