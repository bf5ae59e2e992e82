"""Whatever an item holds comes back, and every query equals its plain-Python twin."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.core.protocols import PageQuery
from assay.core.records import Item, Output, Sample, Score, Usage
from assay.stores import SealedResults
from assay.stores.payload import decode, decode_item, encode, encode_item
from assay.stores.results.rows import SHOWS, SORTS
from assay.stores.text import original, storable
from assay.testing.stores import check_queries, same_items

pytestmark = pytest.mark.slow

SURROGATES = st.text(st.characters(exclude_categories=()), max_size=6)
TEXT = st.one_of(st.sampled_from(["", "null", "a", "A", "ẞ", "İ", "\x00", "\x1a", "\x1ad800", "\ud800"]), SURROGATES)
NUMBER = st.none() | st.sampled_from([0.0, 0.5, 1.0, -1.0]) | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**80), 2**80) | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=4,
)


@st.composite
def scores(draw: st.DrawFn, key: str, epoch: int) -> list[Score]:
    found = []
    for scorer in draw(st.lists(st.sampled_from(["exact", "v0", "x\ud800'{}$scorers"]), unique=True, max_size=3)):
        value = draw(NUMBER)
        reason = draw(TEXT) if value is None else None
        common = {"sample_id": key, "epoch": epoch, "scorer": scorer, "scorer_version": draw(TEXT)}
        found.append(Score(**common, value=value, reason=reason, label=draw(st.none() | TEXT)))
    return found


@st.composite
def items(draw: st.DrawFn) -> list[Item]:
    made = []
    for row, key in enumerate(draw(st.lists(TEXT, max_size=4, unique=True))):
        messages = st.lists(st.fixed_dictionaries({"role": TEXT, "content": st.none() | TEXT}), max_size=2)
        sample = Sample(
            id=key,
            input=draw(TEXT | messages),
            reference=draw(st.none() | TEXT | st.lists(TEXT, max_size=2)),
            cluster=draw(st.none() | TEXT),
            critical=draw(st.booleans()),
            metadata=draw(st.dictionaries(TEXT, JSON, max_size=3)),
        )
        for epoch in range(draw(st.integers(1, 2))):
            output = Output(
                sample_id=key,
                epoch=epoch,
                text=draw(TEXT),
                messages=draw(messages),
                usage=Usage(input_tokens=draw(st.none() | st.integers(0, 2**64))),
                latency_s=draw(NUMBER),
                cost_usd=draw(NUMBER),
                option_logprobs=draw(st.none() | st.lists(st.floats(allow_nan=False), max_size=2)),
                error=draw(st.none() | TEXT),
                finish_reason=draw(st.none() | TEXT),
            )
            made.append(Item(row=row, sample=sample, output=output, scores=draw(scores(key, epoch))))
    return made


def pages(scorers: list[str]) -> st.SearchStrategy[PageQuery]:
    return st.builds(
        PageQuery,
        scorer=st.sampled_from([None, *scorers]),
        sort=st.sampled_from(SORTS),
        descending=st.booleans(),
        show=st.sampled_from(SHOWS),
        search=st.sampled_from(["", "a", "ß", "İ", "\n", "\ud800"]),
        limit=st.integers(0, 4),
        offset=st.integers(0, 3),
    )


def hold_to_the_twins(made: list[Item], data: st.DataObject) -> None:
    scorers = sorted({score.scorer for item in made for score in item.scores})
    with tempfile.TemporaryDirectory() as root:
        results = SealedResults(Path(root), copied_items=data.draw(st.sampled_from([0, 100])))
        results.seal("run_a", made)
        assert same_items(results.items("run_a"), made)
        check_queries(results, "run_a", made, queries=data.draw(st.lists(pages(scorers), min_size=4, max_size=4)))
        results.close()


@given(items(), st.data())
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
def test_sealed_items_come_back_and_queries_equal_their_twins(made: list[Item], data: st.DataObject) -> None:
    hold_to_the_twins(made, data)


@pytest.mark.slow
@given(items(), st.data())
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
def test_sealed_items_come_back_and_queries_equal_their_twins_at_length(made: list[Item], data: st.DataObject) -> None:
    hold_to_the_twins(made, data)


@given(items())
@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_journal_form_of_an_item_loses_nothing(made: list[Item]) -> None:
    assert same_items([decode_item(encode_item(item)) for item in made], made)


@given(st.dictionaries(TEXT, JSON, max_size=3))
def test_the_stored_form_of_a_manifest_loses_nothing(value: dict) -> None:
    assert decode(encode(value)) == value


@given(TEXT)
def test_storable_text_is_valid_and_reversible(text: str) -> None:
    stored = storable(text)
    assert stored.encode() and original(stored) == text if text else stored == ""
    assert "\x00" not in stored


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), 2**64, "\ud800", {1: "a"}, ("a",)])
def test_values_orjson_cannot_write_or_would_change_come_back(odd: object) -> None:
    sample = Sample(id="a", input="q", metadata={"odd": odd})
    item = Item(row=0, sample=sample, output=Output(sample_id="a"), scores=[])
    back = decode_item(encode_item(item)).sample.metadata["odd"]
    expected = {"1": "a"} if isinstance(odd, dict) else list(odd) if isinstance(odd, tuple) else odd
    assert repr(back) == repr(expected)
