"""Tables as columns, from files and queries."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from assay.core.errors import AssayError, DataError, NotFoundError
from assay.datasets.columns import TableFile

CSV = 'arm,spend,won,note\nA,1.5,true,x\nB,,false,\nA,3,true,"y, z"\n'


@pytest.fixture
def table(tmp_path: Path) -> TableFile:
    (tmp_path / "t.csv").write_text(CSV)
    return TableFile(tmp_path / "t.csv")


def test_columns_come_as_numbers_or_texts_with_gaps_marked(table: TableFile) -> None:
    assert table.columns == ("arm", "spend", "won", "note")
    assert len(table) == 3
    np.testing.assert_array_equal(table.numbers("spend"), [1.5, np.nan, 3.0])
    assert table.numbers("won").tolist() == [1.0, 0.0, 1.0]
    assert table.texts("arm") == ["A", "B", "A"]
    assert table.texts("note") == ["x", None, "y, z"]
    assert [table.is_number(name) for name in table.columns] == [False, True, True, False]
    assert table.rows("SELECT arm, count(*) FROM data GROUP BY arm ORDER BY arm") == [("A", 2), ("B", 1)]


def test_the_same_table_from_every_kind_of_file_and_from_a_query(tmp_path: Path) -> None:
    import duckdb

    (tmp_path / "t.csv").write_text(CSV)
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(CSV.encode()))
    (tmp_path / "t.tsv").write_text(CSV.replace('"y, z"', "y").replace(",", "\t"))
    source = f"SELECT * FROM '{tmp_path / 't.csv'}'"
    for ending, options in (("parquet", ""), ("jsonl", "(FORMAT json)"), ("json", "(FORMAT json, ARRAY true)")):
        duckdb.sql(f"COPY ({source}) TO '{tmp_path}/t.{ending}' {options}")
    for where in (*(tmp_path / f"t.{e}" for e in ("csv", "csv.gz", "tsv", "parquet", "jsonl", "json")), source + " ;"):
        found = TableFile(where)
        np.testing.assert_array_equal(found.numbers("spend"), [1.5, np.nan, 3.0])
        assert found.texts("arm") == ["A", "B", "A"]


def test_a_name_with_wildcards_and_quotes_is_one_file(tmp_path: Path) -> None:
    odd = tmp_path / "a*[1]'b.csv"
    odd.write_text("x\n1\n")
    (tmp_path / "ab.csv").write_text("x\n2\n")
    assert TableFile(odd).numbers("x").tolist() == [1.0]


@pytest.mark.parametrize(
    ("ask", "code", "says"),
    [
        (lambda t: t.numbers("spent"), "data.no_column", "spend"),
        (lambda t: t.numbers("note"), "data.type", "row 1"),
        (lambda t: t.rows("SELECT nothing FROM data"), "data.unreadable", "nothing"),
    ],
)
def test_what_is_not_there_is_named(table: TableFile, ask: object, code: str, says: str) -> None:
    with pytest.raises(DataError) as caught:
        ask(table)  # type: ignore[operator]
    assert caught.value.code == code
    assert says in f"{caught.value} {caught.value.hint}"


def test_files_that_are_no_tables_are_refused(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("x\n")
    (tmp_path / "t.parquet").write_text("x\n")
    for where, code in (("t.txt", "data.unknown_format"), ("t.parquet", "data.unreadable")):
        with pytest.raises(DataError) as caught:
            TableFile(tmp_path / where)
        assert caught.value.code == code
    with pytest.raises(NotFoundError):
        TableFile(tmp_path / "none.csv")
    with pytest.raises(AssayError) as caught_query:
        TableFile("SELECT * FROM nowhere")
    assert caught_query.value.code == "data.query"
