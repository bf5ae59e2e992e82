"""Every implementation keeps the promises of the storage protocols."""

from collections.abc import Callable
from pathlib import Path

import pytest

from assay.core.protocols import PageQuery
from assay.core.records import Item, Output, Sample
from assay.stores import DirectoryObjects, ResultsReader, SealedResults, open_store
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
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["a.html"]


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
