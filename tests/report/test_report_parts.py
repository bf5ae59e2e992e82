"""Figures, diffs, histograms, conversations and charts by hand and by property."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_runs import HOSTILE

from assay.report import charts
from assay.report.diff import WORDS, word_diff
from assay.report.histogram import BINS, histogram
from assay.report.messages import content_text, turns
from assay.report.plain import script_json, to_json
from assay.report.remember import Memory
from assay.report.render import spark_points, url


@given(st.text(alphabet="ab c.\n", max_size=60), st.text(alphabet="ab c.\n", max_size=60))
def test_a_diff_keeps_both_texts(before: str, after: str) -> None:
    parts = word_diff(before, after)
    assert "".join(part["text"] for part in parts if part["op"] != "added") == before
    assert "".join(part["text"] for part in parts if part["op"] != "removed") == after


def test_a_diff_of_equal_texts_is_one_part() -> None:
    assert word_diff("same words", "same words") == [{"op": "same", "text": "same words"}]


def test_a_very_long_diff_is_cut_and_says_so() -> None:
    parts = word_diff("x " * WORDS, "y " * 3)
    assert parts[-1] == {"op": "cut", "text": f"… {WORDS:,} more words are not compared"}


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=200))
def test_a_histogram_counts_every_value_once(values: list[float]) -> None:
    found = histogram(values, unit="s")
    assert sum(row["count"] for row in found["bins"]) + found["beyond"] == found["n"] == len(values)
    assert found["smallest"] <= found["median"] <= found["p95"] <= found["largest"]
    assert len(found["bins"]) in (1, BINS)


def test_one_hanging_call_does_not_flatten_the_histogram() -> None:
    found = histogram([1.0 + i / 1000 for i in range(999)] + [60.0], unit="s")
    assert found["bins"][-1]["high"] < 2.0
    assert (found["beyond"], found["largest"]) == (10, 60.0)


@pytest.mark.parametrize("value", [0.0, 0.002])
def test_costs_that_are_all_alike_are_said_and_not_drawn(value: float) -> None:
    found = histogram([value] * 40, unit="usd")
    assert [(row["low"], row["count"]) for row in found["bins"]] == [(value, 40)]
    assert charts.histogram_chart(found, title="cost") is None


def test_a_histogram_of_nothing_has_a_reason_and_no_bins() -> None:
    found = histogram([], unit="usd")
    assert found["bins"] == []
    assert found["mean"]["reason"]
    assert charts.histogram_chart(found, title="cost") is None


def test_bins_by_hand() -> None:
    found = histogram([0.0, 0.0, 30.0], unit="s")
    assert [row["count"] for row in found["bins"]] == [2, *[0] * (BINS - 2), 1]
    assert (found["median"], found["p95"]) == (0.0, 30.0)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_script_json_never_opens_or_closes_markup_and_is_json(value: Any) -> None:
    text = script_json(value)
    assert not set("<>&") & set(text)
    assert json.loads(text) == json.loads(to_json(value))


def test_hostile_text_survives_script_json_unchanged() -> None:
    assert json.loads(script_json({"a": HOSTILE})) == {"a": HOSTILE}


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (None, ""),
        ("plain", "plain"),
        ([{"type": "text", "text": "a"}, {"type": "image_url"}], "a\n[image_url]"),
        ({"days": 3}, '{\n  "days": 3\n}'),
        ([], "[]"),
        (7, "7"),
    ],
)
def test_any_content_is_shown(content: Any, text: str) -> None:
    assert content_text(content) == text


@pytest.mark.parametrize(
    "message",
    [
        {},
        "just text",
        {"role": None, "content": 3},
        {"role": "assistant", "tool_calls": "no list"},
        {"tool_calls": [1, {"function": "x"}]},
    ],
)
def test_malformed_messages_are_shown_not_refused(message: Any) -> None:
    (turn,) = turns({"sample": {"input": "i"}, "output": {"messages": [message]}})
    assert set(turn) == {"role", "note", "text", "calls"}


def test_without_recorded_messages_the_input_is_the_conversation() -> None:
    assert turns({"sample": {"input": "hello"}, "output": {"messages": []}})[0]["text"] == "hello"


def test_units_never_share_an_axis() -> None:
    share = {"value": 0.5, "low": 0.4, "high": 0.6, "unit": "share", "n": 9, "method": "wilson"}
    drawn = charts.metric_charts({"a": share, "b": {**share, "unit": "s", "value": 2.0}, "c": share})
    assert [[row["name"] for row in spec["data"]["values"]] for spec in drawn] == [["a", "c"], ["b"]]
    assert drawn[0]["data"]["values"][0]["value"] == 50.0


def test_an_estimate_without_bounds_is_a_bare_point_with_its_reason() -> None:
    bare = {"value": 0.5, "low": None, "high": None, "unit": "share", "n": 1, "method": "t", "reason": "one sample"}
    (row,) = charts.metric_charts({"a": bare})[0]["data"]["values"]
    assert (row["low"], row["high"]) == (50.0, 50.0)
    assert "one sample" in row["text"]
    assert charts.metric_charts({"a": {**bare, "value": None}}) == []


def test_no_text_of_a_run_stands_outside_the_data_of_a_chart() -> None:
    mark = {"value": 0.5, "low": 0.4, "high": 0.6, "unit": "share", "n": 9, "method": "wilson"}
    spec = charts.metric_charts({HOSTILE: mark})[0]
    spec["data"] = {}
    assert HOSTILE not in json.dumps({key: value for key, value in spec.items() if key != "description"})


def test_a_sparkline_spans_its_box() -> None:
    points = [{"estimate": {"value": v, "low": v - 0.1, "high": v + 0.1}} for v in (0.2, 0.4)]
    assert spark_points(points)["line"] == "3.0,19.5 117.0,8.5"


def test_addresses_are_quoted() -> None:
    assert url("/runs/r/sample", id="a/b?c&d#e ü") == "/runs/r/sample?id=a%2Fb%3Fc%26d%23e+%C3%BC"


def test_memory_asks_once_and_forgets_the_oldest() -> None:
    asked: list[str] = []
    memory = Memory(size=2)

    def answer(name: str) -> str:
        asked.append(name)
        return name

    for name in ("a", "a", "b", "c", "a"):
        assert memory.recall(name, lambda name=name: answer(name)) == name
    assert asked == ["a", "b", "c", "a"]
    memory.recall(None, lambda: answer("x"))
    memory.recall(None, lambda: answer("x"))
    assert asked[-2:] == ["x", "x"]
