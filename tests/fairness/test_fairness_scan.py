"""From files and queries to cells: the same counts as by hand, strata, gaps in the data, and columns that do not do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from made_tables import row_of, write_csv

from assay.app.fairness import audit_table, fairness_document
from assay.core.errors import DataError
from assay.datasets.columns import TableFile
from assay.fairness.question import Confusion, Question
from assay.fairness.scan import Scanned, scan
from assay.stats.moments import Moments

pytestmark = pytest.mark.slow


def scanned(where: str, **asked: object) -> Scanned:
    table = TableFile(where)
    try:
        return scan(table, Question(**asked))  # type: ignore[arg-type]
    finally:
        table.close()


def made(folder: Path, n: int = 500) -> tuple[str, list[tuple[str, str, str, float, int]]]:
    rng = np.random.default_rng(8)
    rows = [
        (str(rng.choice(["a", "b", "c"])), str(rng.choice(["f", "m"])), str(rng.choice(["x", "y"])),
         round(float(rng.normal(5, 2)), 3), int(rng.integers(2)))
        for _ in range(n)
    ]  # fmt: skip
    return write_csv(folder, "g,sex,level,score,y", *(",".join(map(str, row)) for row in rows)), rows


def test_cells_are_what_counting_by_hand_gives(tmp_path: Path) -> None:
    path, rows = made(tmp_path)
    found = scanned(path, groups=["g", "sex"], intersect=True, prediction="score", label="y", threshold=5.0,
                    confounders=["level"])  # fmt: skip
    assert list(dict.fromkeys(table.grouping for table in found.tables)) == ["g", "sex", "g × sex"]
    own = [row for row in rows if (row[0], row[1], row[2]) == ("b", "f", "x")]
    pairs = [(score >= 5.0, bool(y)) for *_, score, y in own]
    counts = Confusion(*(pairs.count(pair) for pair in [(True, True), (True, False), (False, True), (False, False)]))
    for table in found.tables:
        if table.grouping == "g × sex":
            cell = table.cells["b × f"]["x"]
            assert (cell.ones, cell.count) == counts.share(table.metric.name)


def test_outcomes_have_the_moments_of_their_values(tmp_path: Path) -> None:
    path, rows = made(tmp_path)
    (table,) = scanned(path, groups=["g"], outcome="score").tables
    expected = Moments.of([row[3] for row in rows if row[0] == "c"])
    cell = table.cells["c"]["all"]
    assert table.metric.unit == "score"
    assert (cell.count, cell.zeros, cell.ones) == (expected.count, expected.zeros, expected.ones)
    assert (cell.mean, cell.m2) == pytest.approx((expected.mean, expected.m2))
    (binary,) = scanned(path, groups=["g"], outcome="y").tables
    assert binary.metric.unit == "share"
    assert binary.cells["c"]["all"] == Moments.of([row[4] for row in rows if row[0] == "c"])


def test_a_query_parquet_and_truth_values_say_the_same(tmp_path: Path) -> None:
    path, _ = made(tmp_path)
    question = Question(groups=["g"], prediction="p", label="t")
    query = f"SELECT *, score >= 5 AS p, y = 1 AS t FROM '{path}'"
    by_query = audit_table(query, question)
    TableFile(path).rows(
        f"COPY (SELECT *, score::DOUBLE >= 5 AS p, y::DOUBLE = 1 AS t FROM data) TO '{tmp_path / 't.parquet'}'"
    )
    TableFile(path).rows(
        f"COPY (SELECT *, score::DOUBLE >= 5 AS p, y::DOUBLE = 1 AS t FROM data) TO '{tmp_path / 't.csv'}'"
    )
    by_number = audit_table(path, Question(groups=["g"], prediction="score", label="y", threshold=5.0))
    for other in (audit_table(str(tmp_path / "t.parquet"), question), audit_table(str(tmp_path / "t.csv"), question)):
        assert other == by_query
    assert by_number == by_query


def test_numbers_with_many_values_are_cut_into_fifths_and_it_is_said(tmp_path: Path) -> None:
    path, _ = made(tmp_path)
    found = scanned(path, groups=["g"], outcome="y", confounders=["score", "level"])
    strata = {stratum for cells in found.tables[0].cells.values() for stratum in cells}
    assert len(strata) == 10
    assert any(note.startswith("score was cut at ") for note in found.notes)
    sizes = [sum(cell.count for cells in found.tables[0].cells.values() for name, cell in cells.items()
                 if name.startswith(part)) for part in ("to ", "above ")]  # fmt: skip
    assert sizes[1] == pytest.approx(100, abs=2)
    assert sum(sizes) == 500


def test_what_is_missing_is_left_out_and_said(tmp_path: Path) -> None:
    rows = [f"{'ab'[i % 2]},{i % 3 == 0:d},{i % 5 == 0:d}" for i in range(200)] + [",1,1", "a,,1", "b,1,"]
    path = write_csv(tmp_path, "g,y,p", *rows)
    found = audit_table(path, Question(groups=["g"], prediction="p", label="y"))
    assert sum(row.value.n for row in found.results[0].groups) == 200
    assert any("1 rows name no group" in note for note in found.notes)
    assert any("2 rows lack a prediction or a label" in note for note in found.notes)
    outcome = audit_table(path, Question(groups=["g"], outcome="y"))
    assert row_of(outcome.results[0], "a").value.unscored == 1
    assert any("1 rows have no y" in note for note in outcome.notes)


def test_names_with_quotes_and_spaces_are_only_names(tmp_path: Path) -> None:
    rows = [f'it\'s ""{"ab"[i % 2]}"",{i % 3 == 0:d}' for i in range(100)]
    path = write_csv(tmp_path, '"the ""group"" of",y', *(f'"{row.split(",")[0]}",{row.split(",")[1]}' for row in rows))
    found = audit_table(path, Question(groups=['the "group" of'], outcome="y"))
    assert [row.group for row in found.results[0].groups] == ['it\'s "a"', 'it\'s "b"']


@pytest.mark.parametrize(
    ("header", "row", "asked", "code"),
    [
        ("g,y", "{g},1", {"outcome": "z"}, "data.no_column"),
        ("g,y", "{g},1", {"groups": ["h"], "outcome": "y"}, "data.no_column"),
        ("g,y", "{g},1", {"outcome": "y", "confounders": ["age"]}, "data.no_column"),
        ("g,y", "a,{i}", {"outcome": "y"}, "fairness.one_group"),
        ("g,y", ",{i}", {"outcome": "y"}, "fairness.one_group"),
        ("g,y", "id{i},1", {"outcome": "y"}, "fairness.too_many_groups"),
        ("g,y", "{g},word", {"outcome": "y"}, "fairness.not_a_number"),
        ("g,y", "{g},nan", {"outcome": "y"}, "fairness.not_a_number"),
        ("g,y,p", "{g},1,0.3", {"prediction": "p", "label": "y"}, "fairness.not_binary"),
        ("g,y,p", "{g},2,1", {"prediction": "p", "label": "y"}, "fairness.not_binary"),
        ("g,y,p", "{g},perhaps,1", {"prediction": "p", "label": "y"}, "fairness.not_a_number"),
        ("g,y", "{g}{i10},1", {"outcome": "y"}, "fairness.small_groups"),
        ("g,y", "{g},1", {"outcome": "y", "reference": "c"}, "fairness.no_reference"),
    ],
)  # fmt: skip
def test_a_table_that_does_not_do_ends_with_a_code(
    tmp_path: Path, header: str, row: str, asked: dict[str, object], code: str
) -> None:
    rows = [row.format(g="ab"[i % 2], i=i, i10=i // 10) for i in range(300)]
    path = write_csv(tmp_path, header, *rows)
    with pytest.raises(DataError) as caught:
        audit_table(path, Question(**{"groups": ["g"], **asked}))  # type: ignore[arg-type]
    assert caught.value.code == code
    assert caught.value.hint


def test_an_empty_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        audit_table(write_csv(tmp_path, "g,y"), Question(groups=["g"], outcome="y"))
    assert caught.value.code == "fairness.empty"


def test_the_document_is_plain_and_has_estimates_in_their_form(tmp_path: Path) -> None:
    path, _ = made(tmp_path)
    question = Question(groups=["g"], prediction="score", label="y", threshold=5.0, max_gap=0.1)
    document = fairness_document(path, question, audit_table(path, question))
    assert document["schema"] == "assay.fairness/1"
    gap = document["results"][0]["gap"]
    assert {"value", "low", "high", "n", "confidence", "method", "unit"} <= set(gap)
    assert document["decision"]["rules"][0]["estimate"] == gap
