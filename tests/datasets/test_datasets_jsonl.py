"""JSON lines: what is accepted, what is refused and how, and that rows stay on disk."""

from __future__ import annotations

import gzip
import json
import os
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.core.errors import AssayError, ConfigError, DataError, NotFoundError
from assay.core.records import Sample
from assay.datasets import Dataset, JsonlSamples, open_samples
from assay.datasets.fields import FieldMap, RowReader

GOOD = b'{"id": "q1", "input": "2 + 2", "reference": 4}\n{"id": "q2", "input": "3 + 3", "reference": ["6", "six"]}\n'


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def _write(content: bytes | str, name: str = "data.jsonl") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return _write


def refusal(path: Path | str, **options: Any) -> AssayError:
    with pytest.raises(AssayError) as caught:
        open_samples(path, **options)
    assert caught.value.hint
    return caught.value


def test_rows_become_samples_with_numbers_as_text(write: Any) -> None:
    samples = open_samples(write(GOOD))
    assert [samples[0].reference, samples[1].reference] == ["4", ["6", "six"]]
    assert list(samples.ids()) == ["q1", "q2"]
    assert samples.name == "data"


@pytest.mark.parametrize(
    ("written", "read"),
    [("true", "true"), ("2.5", "2.5"), ("[1, false]", ["1", "false"]), ("[]", None), ("null", None), ('""', "")],
)
def test_references_of_other_kinds_become_their_json_text(write: Any, written: str, read: Any) -> None:
    assert open_samples(write(f'{{"input": "x", "reference": {written}}}'))[0].reference == read


def test_unknown_keys_go_to_the_metadata_and_metadata_is_merged(write: Any) -> None:
    row = {"input": "hi", "metadata": {"a": 1, "b": 2}, "b": 3, "topic": "x"}
    sample = open_samples(write(json.dumps(row)))[0]
    assert sample.metadata == {"a": 1, "b": 3, "topic": "x"}


def test_fields_can_be_renamed_and_reached_by_dotted_path(write: Any) -> None:
    path = write('{"q": {"text": "why?"}, "a": ["b"], "who": "c1", "must": true, "input": "not me"}\n')
    spec = {"path": path, "input": "q.text", "reference": "a", "cluster": "who", "critical": "must"}
    sample = open_samples(spec)[0]
    assert (sample.input, sample.reference, sample.cluster, sample.critical) == ("why?", ["b"], "c1", True)
    assert sample.metadata == {"q": {"text": "why?"}, "input": "not me"}


@pytest.mark.parametrize(
    ("name", "expected"),
    [("gsm8k_test.jsonl", ["test-0", "test-1"]), ("mine.jsonl", ["row-0", "row-1"])],
)
def test_rows_without_ids_are_numbered_by_split(write: Any, name: str, expected: list[str]) -> None:
    assert list(open_samples(write('{"input": "a"}\n\n{"input": "b"}\n', name)).ids()) == expected


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + GOOD,
        GOOD.replace(b"\n", b"\r\n"),
        GOOD.rstrip(b"\n"),
        b"\n\n" + GOOD.replace(b"\n", b"\n  \n"),
    ],
    ids=["byte-order mark", "CRLF", "no last line end", "blank lines"],
)
def test_harmless_differences_change_no_sample(write: Any, content: bytes) -> None:
    assert list(open_samples(write(content))) == list(open_samples(write(GOOD, "plain.jsonl")))


def test_lines_end_at_newlines_only(write: Any) -> None:
    text = "one\u2028two\u0085three\x0bfour"
    assert open_samples(write(json.dumps({"input": text}, ensure_ascii=False)))[0].input == text


def test_gzip_gives_the_same_samples_and_hash(write: Any) -> None:
    packed, plain = open_samples(write(gzip.compress(GOOD), "data.jsonl.gz")), open_samples(write(GOOD))
    assert list(packed) == list(plain)
    assert packed.content_hash == plain.content_hash


def test_the_hash_follows_the_bytes_and_the_fields(write: Any) -> None:
    path = write(GOOD)
    first = open_samples(path).content_hash
    assert first == open_samples(path).content_hash
    assert first != open_samples({"path": path, "cluster": "id"}).content_hash
    assert first != open_samples(write(GOOD.replace(b"2 + 2", b"2 - 2"))).content_hash


def test_a_missing_file_offers_the_nearest_name(write: Any) -> None:
    path = write(GOOD, "tickets.jsonl")
    error = refusal(path.with_name("tikets.jsonl"))
    assert isinstance(error, NotFoundError)
    assert error.code == "data.not_found"
    assert "tickets.jsonl" in error.hint


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    error = refusal(tmp_path / "nowhere" / "deep" / "x.jsonl")
    assert "nowhere" in error.hint


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    assert refusal(tmp_path).code == "data.is_folder"


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ('{"input": "x"', "data.malformed"),
        ("[1, 2]", "data.malformed"),
        ('"text"', "data.malformed"),
        ('{"input": "x", "score": NaN}', "data.nan"),
        ('{"input": -Infinity}', "data.nan"),
        ('{"question": "x"}', "data.key_missing"),
        ('{"input": null}', "data.key_missing"),
        ('{"input": {"a": 1}}', "data.type"),
        ('{"input": []}', "data.type"),
        ('{"input": [{"content": "no role"}]}', "data.type"),
        ('{"input": "x", "reference": {"a": 1}}', "data.type"),
        ('{"input": "x", "reference": [["a"]]}', "data.type"),
        ('{"input": "x", "choices": "a"}', "data.type"),
        ('{"input": "x", "choices": []}', "data.type"),
        ('{"input": "x", "id": 1.5}', "data.type"),
        ('{"input": "x", "id": ""}', "data.type"),
        ('{"input": "x", "critical": "maybe"}', "data.type"),
        ('{"input": "x", "cluster": ["a"]}', "data.type"),
    ],
)
def test_a_bad_line_is_named_or_skipped_and_counted(write: Any, line: str, code: str) -> None:
    path = write(GOOD + line.encode() + b"\n")
    error = refusal(path)
    assert error.code == code
    assert "line 3" in str(error)
    assert "--skip-bad" in error.hint
    samples = open_samples(path, skip_bad=True)
    assert isinstance(samples, JsonlSamples)
    assert (len(samples), samples.skipped, samples.bad_rows[0].line) == (2, 1, 3)


def test_numbers_of_rows_do_not_move_when_a_bad_line_is_skipped(write: Any) -> None:
    samples = open_samples(write('{"input": "a"}\nnonsense\n{"input": "c"}\n'), skip_bad=True)
    assert list(samples.ids()) == ["row-0", "row-2"]


def test_duplicate_ids_name_both_lines_even_when_bad_rows_are_skipped(write: Any) -> None:
    path = write(b"\n" + GOOD + b'{"id": "q1", "input": "again"}\n')
    for skip_bad in (False, True):
        error = refusal(path, skip_bad=skip_bad)
        assert error.code == "data.duplicate_id"
        assert error.details["lines"] == [2, 4]


@pytest.mark.parametrize("content", ["", "\n \n", "\ufeff"])
def test_an_empty_dataset_is_refused(write: Any, content: str) -> None:
    assert refusal(write(content)).code == "data.empty"


def test_a_dataset_of_bad_rows_is_empty_and_says_why(write: Any) -> None:
    error = refusal(write("x\ny\n"), skip_bad=True)
    assert error.code == "data.empty"
    assert "all 2 rows are bad" in str(error)


def test_a_question_under_another_name_is_recognised_in_the_hint(write: Any) -> None:
    assert "input: question" in refusal(write('{"question": "x"}')).hint


def test_a_field_that_no_row_has_offers_the_nearest_key(write: Any) -> None:
    error = refusal({"path": write('{"input": "x", "answer": "y"}'), "reference": "anwser"})
    assert (error.code, "'answer'" in error.hint) == ("data.key_missing", True)


def test_a_missing_reference_is_let_through(write: Any) -> None:
    samples = open_samples({"path": write('{"input": "x", "a": "y"}\n{"input": "z"}'), "reference": "a"})
    assert [sample.reference for sample in samples] == ["y", None]


def test_an_unknown_field_or_option_offers_the_nearest(write: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        open_samples({"path": write(GOOD), "refrence": "a"})
    assert "'reference'" in caught.value.hint
    with pytest.raises(ConfigError):
        Dataset.from_jsonl(write(GOOD), inputs="a")
    with pytest.raises(ConfigError):
        open_samples({"input": "a"})


def test_an_unknown_ending_is_refused(write: Any) -> None:
    assert refusal(write(GOOD, "data.txt")).code == "data.unknown_format"


def test_a_truncated_gzip_file_reads_like_an_interrupted_download(write: Any) -> None:
    rows = b"".join(b'{"id": "%d", "input": "%s"}\n' % (i, os.urandom(30).hex().encode()) for i in range(500))
    packed = gzip.compress(rows)
    error = refusal(write(packed[: len(packed) // 2], "data.jsonl.gz"))
    assert error.code == "data.damaged"
    assert "interrupted download" in error.hint
    assert refusal(write(GOOD, "fake.jsonl.gz")).code == "data.damaged"


def test_text_in_another_encoding_is_malformed_at_its_line(write: Any) -> None:
    assert refusal(write(GOOD + '{"input": "é"}'.encode("latin-1"))).code == "data.malformed"
    assert refusal(write('{"input": "é"}'.encode("utf-16"))).code == "data.malformed"


def test_a_file_changed_while_in_use_is_an_error_not_another_sample(write: Any) -> None:
    path = write(GOOD)
    samples = open_samples(path)
    with path.open("r+b") as file:
        file.write(b"xxxx")
    with pytest.raises(DataError) as caught:
        samples[0]
    assert caught.value.code == "data.changed"


def test_a_file_replaced_while_in_use_is_still_read(write: Any, tmp_path: Path) -> None:
    samples = open_samples(write(GOOD))
    write(b'{"input": "other"}\n', "new.jsonl").replace(tmp_path / "data.jsonl")
    assert samples[0].input == "2 + 2"


def test_rows_stay_on_disk(write: Any) -> None:
    line = b'{"input": "' + b"x" * 2000 + b'"}\n'
    path = write(line * 5000)
    tracemalloc.start()
    samples = open_samples(path)
    held, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(samples) == 5000
    assert held < 1_500_000  # the file is 10 MB
    assert peak < 3_000_000


def open_descriptors() -> int:
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.exists() else 0


def test_closing_leaves_no_descriptor_behind(write: Any) -> None:
    path = write(gzip.compress(GOOD), "data.jsonl.gz")
    before = open_descriptors()
    for _ in range(5):
        open_samples(path)
    assert open_descriptors() <= before


text = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
rows = st.lists(
    st.fixed_dictionaries(
        {"input": text},
        optional={
            "reference": st.one_of(text, st.lists(text, min_size=1, max_size=3), st.none()),
            "choices": st.lists(text, min_size=1, max_size=4),
            "cluster": text,
            "critical": st.booleans(),
            "k": st.one_of(st.integers(-(2**53), 2**53), text, st.lists(text, max_size=2)),
        },
    ),
    min_size=1,
    max_size=8,
)


@given(rows=rows, packed=st.booleans())
def test_what_is_written_is_read(rows: list[dict[str, Any]], packed: bool, tmp_path_factory: Any) -> None:
    content = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
    path = tmp_path_factory.mktemp("rows") / ("rows.jsonl.gz" if packed else "rows.jsonl")
    path.write_bytes(gzip.compress(content) if packed else content)
    samples = open_samples(path)
    expected = [
        Sample(
            id=f"row-{number}",
            input=row["input"],
            reference=row.get("reference"),
            choices=row.get("choices"),
            cluster=row.get("cluster"),
            critical=row.get("critical", False),
            metadata={"k": row["k"]} if "k" in row else {},
        )
        for number, row in enumerate(rows)
    ]
    assert [samples[row] for row in range(len(samples))] == expected


@given(
    st.dictionaries(
        st.sampled_from(["id", "input", "reference", "choices", "cluster", "critical", "metadata", "x"]),
        st.recursive(
            st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), text),
            lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(text, inner, max_size=2)),
            max_leaves=4,
        ),
    )
)
def test_any_row_is_a_sample_or_a_data_error(row: dict[str, Any]) -> None:
    try:
        sample = RowReader(FieldMap()).sample(row, default_id="d")
    except DataError as error:
        assert error.hint
    else:
        assert sample.id
