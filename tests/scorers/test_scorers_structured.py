"""JSON validity and JSON Schema."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.core.errors import ConfigError
from assay.core.records import Output, Sample, Score
from assay.scorers import JsonSchema, JsonValid

PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer", "minimum": 0}},
    "required": ["name"],
    "additionalProperties": False,
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def score(scorer: JsonValid | JsonSchema, text: str, **metadata: object) -> Score:
    return scorer.score(Sample(id="1", input="", metadata=metadata), Output(sample_id="1", text=text))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": [1, 2.5, null]}', 1.0),
        ("  3 ", 1.0),
        ('```json\n{"a": 1}\n```', 1.0),
        ("```\n[]```", 1.0),
        ("1" * 5000, 1.0),
        ("", 0.0),
        ("{'a': 1}", 0.0),
        ('{"a": 1,}', 0.0),
        ("NaN", 0.0),
        ('{"a": -Infinity}', 0.0),
        ('Here it is: {"a": 1}', 0.0),
        ("[" * 200_000, 0.0),
    ],
)
def test_json_by_hand(text: str, value: float) -> None:
    verdict = score(JsonValid(), text)
    assert verdict.value == value
    assert (verdict.explanation is None) == (value == 1.0)


def test_a_fence_counts_only_where_it_is_allowed() -> None:
    assert score(JsonValid(fenced=False), "```json\n1\n```").value == 0.0


@given(JSON)
def test_whatever_json_writes_is_valid(value: object) -> None:
    assert score(JsonValid(), json.dumps(value)).value == 1.0
    assert score(JsonSchema(schema=True), json.dumps(value)).value == 1.0
    assert score(JsonSchema(schema=False), json.dumps(value)).value == 0.0


@pytest.mark.parametrize(
    ("text", "value", "explanation"),
    [
        ('{"name": "Ada", "age": 36}', 1.0, None),
        ('{"age": 36}', 0.0, "$: 'name' is a required property"),
        ('{"name": "Ada", "age": "36"}', 0.0, "$.age: '36' is not of type 'integer'"),
        ('{"name": "Ada"', 0.0, "not JSON: "),
    ],
)
def test_schema_by_hand(text: str, value: float, explanation: str | None) -> None:
    verdict = score(JsonSchema(schema=PERSON), text)
    assert verdict.value == value
    assert (verdict.explanation or "").startswith(explanation or "")
    assert score(JsonSchema(), text, schema=PERSON).value == value


def test_schemas_that_cannot_be_used() -> None:
    with pytest.raises(ConfigError, match="not a JSON Schema"):
        JsonSchema(schema={"type": "strin"})
    assert score(JsonSchema(), "1").reason == "sample has no usable schema"
    assert score(JsonSchema(), "1", schema={"type": 5}).reason == "sample has no usable schema"
    assert score(JsonSchema(), "1", schema="object").reason == "sample has no usable schema"
    endless = {"$ref": "#"}
    assert score(JsonSchema(schema=endless), "1").reason == "the schema refers to itself without end"


def test_a_schema_elsewhere_is_never_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr("urllib.request.urlopen", asked.append)
    away = {"$ref": "http://127.0.0.1:9/schema.json"}
    assert score(JsonSchema(schema=away), "1").reason == "the schema refers to something outside it"
    assert asked == []


def test_the_drafts_own_rules_apply() -> None:
    old = {"$schema": "http://json-schema.org/draft-04/schema#", "minimum": 1, "exclusiveMinimum": True}
    assert score(JsonSchema(schema=old), "1").value == 0.0
    assert score(JsonSchema(schema=old), "2").value == 1.0
