"""Every implementation keeps the promises of the storage protocols."""

from collections.abc import Callable
from pathlib import Path

import pytest

from assay.core.errors import StoreError
from assay.core.protocols import PageQuery
from assay.core.records import Item, Output, Sample, Score
from assay.stores import DirectoryObjects, ResultsReader, SealedResults, open_store
from assay.stores.results.errors import unreadable
from assay.testing.stores import (
    MemoryJournal,
    MemoryResults,
    check_journal,
    check_metadata,
    check_objects,
    check_queries,
    check_results,
    example_items,
    same_items,
)

JOURNALS = {
    "memory": lambda root: MemoryJournal(),
    "sqlite": lambda root: open_store(root).journal,
    "sqlite, shared cache": lambda root: open_store(root, cache=root / "shared" / "cache.db").journal,
}
RESULTS = {
    "memory": lambda root: MemoryResults(),
    "parquet": lambda root: SealedResults(root / "runs"),
    "parquet, too large to copy": lambda root: SealedResults(root / "runs", copied_items=0),
    "parquet below a name with wildcards": lambda root: SealedResults(root / "a*b[c]?{d}'e" / "runs"),
    "reader": lambda root: open_store(root).results,
}


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("make", JOURNALS.values(), ids=JOURNALS)
def test_a_journal_keeps_its_promises(make: Callable, tmp_path: Path) -> None:
    check_journal(lambda: make(tmp_path))


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("make", RESULTS.values(), ids=RESULTS)
def test_results_keep_their_promises(make: Callable, tmp_path: Path) -> None:
    check_results(lambda: make(tmp_path))


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_metadata_keeps_its_promises(tmp_path: Path) -> None:
    check_metadata(lambda: open_store(tmp_path).metadata)


def test_objects_keep_their_promises(tmp_path: Path) -> None:
    check_objects(lambda: DirectoryObjects(tmp_path / "objects"))
    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} == {"a.html", "b.html"}


def test_a_live_run_answers_as_the_sealed_one_does(tmp_path: Path) -> None:
    items = example_items()
    with open_store(tmp_path) as store:
        for item in items:
            store.journal.append_item("run_a", item)
        assert not store.results.sealed("run_a")
        check_queries(store.results, "run_a", items)
        store.results.seal("run_a", store.journal.items("run_a"))
        store.journal.forget_items("run_a")
        check_queries(store.results, "run_a", items)


def test_a_run_sealed_and_forgotten_while_it_is_read_is_read_to_the_end(tmp_path: Path) -> None:
    items = example_items(count=600, epochs=1)
    journal, sealed = MemoryJournal(), SealedResults(tmp_path)

    class Forgetful(MemoryJournal):
        def items(self, run_id):
            yield from items[:501]  # what one page of a journal held before the run was sealed and forgotten
            sealed.seal(run_id, items)

    assert same_items(ResultsReader(Forgetful(), sealed).items("run_a"), items)
    assert same_items(ResultsReader(journal, sealed).items("run_a"), items)


def test_a_name_with_wildcards_is_not_taken_for_its_neighbour(tmp_path: Path) -> None:
    for name, count in (("r*", 3), ("rx", 5)):
        results = SealedResults(tmp_path / name)
        results.seal("run_a", example_items(count))
    assert len(list(SealedResults(tmp_path / "r*").items("run_a"))) == 6


@pytest.mark.parametrize(
    ("text", "search"), [("Straße", "STRASSE"), ("İstanbul", "i̇stanbul"), ("a%b_c", "%b_"), ("Σ", "ς")]
)
def test_a_search_ignores_case_in_every_script(text: str, search: str, tmp_path: Path) -> None:
    results = SealedResults(tmp_path)
    found = Item(row=0, sample=Sample(id="a", input=f"so {text} it is"), output=Output(sample_id="a"), scores=[])
    other = Item(row=1, sample=Sample(id="b", input="nothing"), output=Output(sample_id="b"), scores=[])
    results.seal("run_a", [found, other])
    assert [row["sample_id"] for row in results.page("run_a", PageQuery(search=search)).rows] == ["a"]


def test_scorer_names_are_any_text(tmp_path: Path) -> None:
    names = ["v0", "seq", "a'b\"c", "{outputs}", "$scorers[1]", "x); DROP TABLE y; --", "", "\ud800\x00", "ß", "SEQ"]
    items = [
        Item(
            row=row,
            sample=Sample(id=f"q{row}", input="?"),
            output=Output(sample_id=f"q{row}"),
            scores=[
                Score(sample_id=f"q{row}", scorer=name, scorer_version="1", value=float((row + place) % 3))
                for place, name in enumerate(names)
                if (row + place) % 4
            ],
        )
        for row in range(12)
    ]
    shows = ("unscored", "zero", "below")
    queries = [PageQuery(scorer=name, sort="value", show=show) for name in (None, *names) for show in shows]
    for copied_items in (0, 100):
        results = SealedResults(tmp_path, copied_items=copied_items)
        results.seal("run_a", items)
        check_queries(results, "run_a", items, queries=queries)
        results.close()


def test_a_page_of_a_run_in_memory_reads_no_file(tmp_path: Path) -> None:
    results = SealedResults(tmp_path)
    results.seal("run_a", example_items())
    before = results.page("run_a", PageQuery(scorer="exact", sort="value"))
    for path in (tmp_path / "run_a").glob("*.parquet"):
        path.unlink()
    assert results.page("run_a", PageQuery(scorer="exact", sort="value")) == before


@pytest.mark.parametrize("name", ["outputs", "scores"])
def test_what_cannot_be_read_is_told_from_what_is_damaged(name: str, tmp_path: Path) -> None:
    def code_and_text() -> tuple[str, str]:
        results = SealedResults(tmp_path)
        with pytest.raises(StoreError) as caught:
            results.page("run_a", PageQuery())
        results.close()
        return caught.value.code, str(caught.value)

    SealedResults(tmp_path).seal("run_a", example_items())
    segment = SealedResults(tmp_path).segment_of("run_a")
    assert segment is not None
    path = getattr(segment, name)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert code_and_text()[0] == "store.corrupt"
    path.unlink()
    code, text = code_and_text()
    assert (code, f"{path.name} is missing" in text) == ("store.corrupt", True)
    path.mkdir()  # like a file without permission, which the super-user reads all the same
    code, text = code_and_text()
    assert (code, "directory" in text) == ("store.unusable", True)


def test_memory_that_runs_out_is_no_damage(tmp_path: Path) -> None:
    import duckdb

    SealedResults(tmp_path).seal("run_a", example_items())
    segment = SealedResults(tmp_path).segment_of("run_a")
    assert segment is not None
    assert unreadable(segment, duckdb.OutOfMemoryException("out of memory")).code == "store.unusable"
    assert unreadable(segment, duckdb.InvalidInputException("no magic bytes")).code == "store.corrupt"
