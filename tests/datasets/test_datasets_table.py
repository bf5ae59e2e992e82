"""CSV, Parquet, JSON arrays and lists."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from assay.core.errors import AssayError, DataError
from assay.core.records import Sample
from assay.datasets import Dataset, JsonlSamples, open_samples, read_rows


def save(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def refusal(path: Path | dict[str, Any], **options: Any) -> AssayError:
    with pytest.raises(AssayError) as caught:
        open_samples(path, **options)
    assert caught.value.hint
    return caught.value


def test_csv_cells_become_fields(tmp_path: Path) -> None:
    csv = 'id,question,answer,choices,critical,topic\nq1,"a, ""b""\nc",4,x|y,true,t\nq2,d,,"[""p"", ""q|r""]",,\n'
    path = save(tmp_path / "d.csv", csv)
    first, second = Dataset.from_csv(path, input="question", reference="answer")
    assert first == Sample(
        id="q1", input='a, "b"\nc', reference="4", choices=["x", "y"], critical=True, metadata={"topic": "t"}
    )
    assert (second.reference, second.choices, second.metadata) == (None, ["p", "q|r"], {"topic": ""})


@pytest.mark.parametrize(
    "change", [gzip.compress, lambda raw: b"\xef\xbb\xbf" + raw, lambda raw: raw.replace(b"\n", b"\r\n")]
)
def test_csv_in_other_wrappings_is_the_same(tmp_path: Path, change: Any) -> None:
    raw = b"id,input\nq1,a\nq2,b\n"
    changed = change(raw)
    name = "d.csv.gz" if changed[:2] == b"\x1f\x8b" else "d.csv"
    other = open_samples(save(tmp_path / name, changed))
    assert list(other) == list(open_samples(save(tmp_path / "plain.csv", raw)))


def test_a_ragged_csv_row_is_named_or_skipped(tmp_path: Path) -> None:
    path = save(tmp_path / "d.csv", "id,input\nq1,a\nq2,b,c\nq3\nq4,d\n")
    error = refusal(path)
    assert (error.code, "line 3" in str(error)) == ("data.malformed", True)
    samples = open_samples(path, skip_bad=True)
    assert isinstance(samples, JsonlSamples)
    assert (list(samples.ids()), samples.skipped, [row.line for row in samples.bad_rows]) == (["q1", "q4"], 2, [3, 4])


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("", "data.empty"),
        ("id,input\n", "data.empty"),
        ("input,input\na,b\n", "data.malformed"),
        ('id,input\nq1,"a\n', "data.malformed"),
        ("id,input\nq1,a\nq1,b\n", "data.duplicate_id"),
        ("id,text\nq1,a\n", "data.key_missing"),
        ("id,input\nq1,\n", "data.key_missing"),
        ("id,input\nq1,é\n".encode("latin-1"), "data.encoding"),
    ],
)
def test_bad_csv_is_refused_with_its_code(tmp_path: Path, content: str | bytes, code: str) -> None:
    assert refusal(save(tmp_path / "d.csv", content)).code == code


def test_a_very_long_csv_cell_is_read(tmp_path: Path) -> None:
    assert len(open_samples(save(tmp_path / "d.csv", "input\n" + "x" * 300_000 + "\n"))[0].input) == 300_000


def parquet(path: Path, select: str) -> Path:
    import duckdb

    with duckdb.connect() as connection:
        connection.execute(f"COPY ({select}) TO '{path}' (FORMAT parquet)")
    return path


def test_parquet_keeps_nested_values_and_dates(tmp_path: Path) -> None:
    path = parquet(
        tmp_path / "d.parquet",
        "SELECT 'q' || i AS id, 'n' || i AS input, i AS reference, ['a', 'b'] AS choices, {'k': i} AS extra, "
        "DATE '2024-02-03' AS day, 1.50::DECIMAL(4,2) AS price, 'nan'::DOUBLE AS unknown FROM range(2500) t(i)",
    )
    samples = open_samples(path)
    assert len(samples) == 2500
    assert samples[2400] == Sample(
        id="q2400",
        input="n2400",
        reference="2400",
        choices=["a", "b"],
        metadata={"extra": {"k": 2400}, "day": "2024-02-03", "price": "1.50", "unknown": None},
    )


@pytest.mark.parametrize(
    ("select", "code"),
    [
        ("SELECT 'a' AS input, 'nan'::DOUBLE AS reference", "data.nan"),
        ("SELECT 'a' AS input, 'b'::BLOB AS image", "data.type"),
        ("SELECT 'a' AS input WHERE false", "data.empty"),
        ("SELECT 'a' AS text", "data.key_missing"),
    ],
)
def test_bad_parquet_is_refused_with_its_code(tmp_path: Path, select: str, code: str) -> None:
    assert refusal(parquet(tmp_path / "d.parquet", select)).code == code


def test_a_cut_parquet_file_is_damaged(tmp_path: Path) -> None:
    path = parquet(tmp_path / "d.parquet", "SELECT i AS input FROM range(9999) t(i)")
    assert refusal(save(path, path.read_bytes()[:-40])).code == "data.damaged"


def test_a_json_array_is_read(tmp_path: Path) -> None:
    path = save(tmp_path / "d.json", json.dumps([{"input": "a"}, {"input": "b"}]))
    assert [sample.input for sample in open_samples(path)] == ["a", "b"]
    assert refusal(save(tmp_path / "o.json", '{"input": "a"}')).code == "data.malformed"
    assert refusal(save(tmp_path / "p.json", "[1]")).code == "data.malformed"
    assert refusal(save(tmp_path / "q.json", "[")).code == "data.malformed"


def test_formats_agree_on_the_same_rows(tmp_path: Path) -> None:
    rows = [{"id": f"q{i}", "input": f"n {i}", "reference": str(i)} for i in range(20)]
    lines = save(tmp_path / "d.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    table = save(tmp_path / "d.csv", "id,input,reference\n" + "".join(",".join(row.values()) + "\n" for row in rows))
    columns = parquet(tmp_path / "d.parquet", f"SELECT * FROM read_csv('{table}', all_varchar=true)")
    expected = list(Dataset.from_list(rows))
    for path in (lines, table, columns):
        assert list(open_samples(path)) == expected
        assert list(read_rows(path)) == rows


def test_read_rows_names_the_bad_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="line 2"):
        list(read_rows(save(tmp_path / "d.jsonl", "{}\n{\n")))
    with pytest.raises(DataError, match="line 2"):
        list(read_rows(save(tmp_path / "d.csv", "a,b\n1\n")))


def test_a_list_of_samples_is_kept_as_it_is() -> None:
    samples = [Sample(id="a", input="x"), Sample(id="b", input="y", cluster="c")]
    data = Dataset.from_list(samples)
    assert list(data) == samples
    assert (
        data.content_hash
        == Dataset.from_list(iter(samples)).content_hash
        != Dataset.from_list(samples[:1]).content_hash
    )


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ([], "data.empty"),
        ([{"id": "a", "input": "x"}, {"id": "a", "input": "y"}], "data.duplicate_id"),
        ([{"input": float("nan")}], "data.nan"),
        ([{"prompt": "x"}], "data.key_missing"),
    ],
)
def test_a_bad_list_is_refused_with_its_code(rows: list[dict[str, Any]], code: str) -> None:
    with pytest.raises(DataError) as caught:
        Dataset.from_list(rows)
    assert caught.value.code == code
