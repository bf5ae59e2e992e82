"""Disk full, read-only, damaged, newer, killed: a clear error, and nothing lost that was committed."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from assay.core.errors import ConfigError, StoreError
from assay.core.protocols import PageQuery
from assay.stores import Database, DirectoryObjects, SealedResults, SqliteJournal, open_store
from assay.stores.results import segments
from assay.stores.sqlite.schema import STORE, VERSION
from assay.testing.stores import example_items, same_items

pytestmark = pytest.mark.slow

ITEMS = example_items()


def run_python(code: str, *arguments: object, **options) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **options)


def full_journal(root: Path) -> tuple[Database, SqliteJournal]:
    """A journal whose disk is full from now on."""
    database = Database(root / "assay.db", schema=STORE)
    journal = SqliteJournal(database)
    journal.append_item("run_a", ITEMS[0])
    pages = database.rows("PRAGMA page_count")[0][0]
    database.rows(f"PRAGMA max_page_count = {pages}")
    return database, journal


def test_a_full_disk_keeps_what_was_committed_and_what_is_buffered(tmp_path: Path) -> None:
    database, journal = full_journal(tmp_path)
    with pytest.raises(StoreError) as caught:
        journal.record_reply(b"key", b"x" * 100_000, run_id="run_a", cost_usd=1.0)
    assert caught.value.code == "store.disk_full"
    assert "space" in caught.value.hint
    assert journal.reply(b"key") is not None
    with pytest.raises(StoreError):
        journal.flush()
    assert database.rows("SELECT count(*) FROM live_item") == [(1,)]
    database.rows("PRAGMA max_page_count = 100000")
    journal.flush()
    assert journal.spent_usd("run_a") == 1.0
    database.close()


def test_a_failure_in_the_tick_is_raised_by_the_next_write(tmp_path: Path) -> None:
    database, journal = full_journal(tmp_path)

    async def write() -> None:
        journal.record_reply(b"key", b"x" * 100_000, run_id="run_a", cost_usd=None)
        await asyncio.sleep(0.01)
        with pytest.raises(StoreError):
            journal.append_item("run_a", ITEMS[1])
        database.rows("PRAGMA max_page_count = 100000")
        journal.append_item("run_a", ITEMS[2])
        await asyncio.sleep(0.01)

    asyncio.run(write())
    assert database.rows("SELECT count(*) FROM live_item") == [(3,)]
    database.close()


def test_writes_of_one_tick_are_committed_together(tmp_path: Path) -> None:
    database = Database(tmp_path / "assay.db", schema=STORE)
    journal = SqliteJournal(database)
    begun: list[str] = []
    database._connection.set_trace_callback(lambda sql: begun.append(sql) if sql.startswith("BEGIN") else None)

    async def write() -> None:
        for tick in range(3):
            for number in range(10):
                journal.record_reply(b"%d-%d" % (tick, number), b"", run_id="run_a", cost_usd=0.5)
            await asyncio.sleep(0)
            await asyncio.sleep(0)

    asyncio.run(write())
    assert len(begun) == 3
    assert journal.spent_usd("run_a") == 15.0
    database.close()


def test_a_seal_on_a_full_disk_leaves_the_old_one(tmp_path: Path) -> None:
    code = """
import resource, signal, sys
from pathlib import Path
from assay.core.errors import StoreError
from assay.stores import DirectoryObjects, SealedResults
from assay.testing.stores import example_items
results, objects = SealedResults(Path(sys.argv[1]) / "runs"), DirectoryObjects(Path(sys.argv[1]) / "objects")
results.seal("run_a", example_items())
objects.put("a", b"old")
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
for attempt in (lambda: results.seal("run_a", example_items(500)), lambda: objects.put("a", bytes(5000))):
    try:
        attempt()
    except StoreError as error:
        print(error.code)
"""
    done = run_python(code, tmp_path)
    assert done.stdout.split() == ["store.disk_full", "store.disk_full"], done.stderr
    results = SealedResults(tmp_path / "runs")
    assert same_items(results.items("run_a"), ITEMS)
    assert DirectoryObjects(tmp_path / "objects").get("a") == b"old"
    assert not [path for path in tmp_path.rglob("*") if path.name.endswith(".tmp")]


@pytest.mark.parametrize("step", ["first write", "before segment.json", "after segment.json"])
def test_a_seal_killed_between_two_writes_leaves_the_old_state_or_the_new(step: str, tmp_path: Path) -> None:
    SealedResults(tmp_path).seal("run_a", ITEMS)
    code = """
import os, signal, sys
from pathlib import Path
from assay.stores import SealedResults
from assay.stores.results import segments
from assay.testing.stores import example_items
def die(*_, **__): os.kill(os.getpid(), signal.SIGKILL)
step = sys.argv[2]
if step == "before segment.json": segments._publish = die
if step == "after segment.json":
    publish, real = segments._publish, segments._clear
    def _publish(*given): publish(*given); segments._clear = die
    segments._publish = _publish
def items():
    for index, item in enumerate(example_items(2000)):
        if step == "first write" and index == 3900: die()
        yield item
SealedResults(Path(sys.argv[1])).seal("run_a", items())
"""
    assert run_python(code, tmp_path, step).returncode == -signal.SIGKILL
    results = SealedResults(tmp_path)
    new = step == "after segment.json"
    assert same_items(results.items("run_a"), example_items(2000) if new else ITEMS)
    assert results.page("run_a", PageQuery()).total == (4000 if new else len(ITEMS))
    results.seal("run_a", ITEMS[:4])
    assert same_items(results.items("run_a"), ITEMS[:4])
    assert len(list((tmp_path / "run_a").iterdir())) == 3, "what the killed seal left is gone"


def test_a_journal_killed_after_a_tick_has_lost_nothing_of_it(tmp_path: Path) -> None:
    code = """
import asyncio, os, signal, sys
from assay.stores import open_store
from assay.testing.stores import example_items
journal = open_store(sys.argv[1]).journal
async def main():
    for item in example_items(): journal.append_item("run_a", item)
    await asyncio.sleep(0.4)  # items may be a quarter of a second late, replies one tick
    journal.record_reply(b"key", b"value", run_id="run_a", cost_usd=2.0)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    journal.record_reply(b"next", b"value", run_id="run_a", cost_usd=2.0)
    os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""
    assert run_python(code, tmp_path).returncode == -signal.SIGKILL
    with open_store(tmp_path) as store:
        assert same_items(store.journal.items("run_a"), ITEMS)
        assert store.journal.spent_usd("run_a") == 2.0
        assert store.journal.reply(b"next") is None


def test_an_error_of_the_items_passes_through_and_leaves_the_old_seal(tmp_path: Path) -> None:
    results = SealedResults(tmp_path)
    results.seal("run_a", ITEMS)

    def failing():
        yield ITEMS[0]
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        results.seal("run_a", failing())
    assert same_items(results.items("run_a"), ITEMS)


def test_a_damaged_store_says_so(tmp_path: Path) -> None:
    (tmp_path / "assay.db").write_bytes(b"this is not a database, but long enough to be looked at" * 50)
    for read_only in (False, True):
        with pytest.raises(StoreError) as caught:
            open_store(tmp_path, read_only=read_only)
        assert caught.value.code == "store.corrupt"


@pytest.mark.parametrize("damage", ["manifest", "outputs", "missing"])
def test_a_damaged_seal_says_so(damage: str, tmp_path: Path) -> None:
    results = SealedResults(tmp_path)
    results.seal("run_a", ITEMS)
    found = segments.read_segment(tmp_path / "run_a")
    assert found is not None
    if damage == "manifest":
        (tmp_path / "run_a" / "segment.json").write_text("{")
    elif damage == "outputs":
        found.outputs.write_bytes(b"PAR1 no longer")
    else:
        found.outputs.unlink()
    with pytest.raises(StoreError) as caught:
        list(results.items("run_a"))
    assert caught.value.code == "store.corrupt"


def test_a_newer_store_is_refused_and_left_alone(tmp_path: Path) -> None:
    open_store(tmp_path).close()
    connection = sqlite3.connect(tmp_path / "assay.db")
    connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    connection.close()
    for read_only in (False, True):
        with pytest.raises(StoreError) as caught:
            open_store(tmp_path, read_only=read_only)
        assert caught.value.code == "store.newer"


def test_a_store_opened_for_reading_refuses_every_write(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        store.journal.append_item("run_a", ITEMS[0])
        store.results.seal("run_b", ITEMS)
    with open_store(tmp_path, read_only=True) as store:
        assert same_items(store.results.items("run_b"), ITEMS)
        for write in (
            lambda: store.metadata.acquire("run_a"),
            lambda: store.results.seal("run_a", ITEMS),
            lambda: store.objects.put("a", b""),
            lambda: store.journal.forget_items("run_a"),
        ):
            with pytest.raises(StoreError) as caught:
                write()
            assert caught.value.code == "store.read_only"
        assert len(list(store.journal.items("run_a"))) == 1


READ_AS_NOBODY = """
import os, sys
from assay.core.errors import StoreError
from assay.stores import open_store
import arro3.io, assay.stores.sqlite, assay.stores.results.sealed, assay.stores.open, duckdb
os.setgroups([]); os.setgid(65534); os.setuid(65534)
with open_store(sys.argv[1], read_only=True) as store:
    print(len(list(store.results.items("run_b"))), len(store.metadata.runs()))
try:
    with open_store(sys.argv[1]) as store:
        store.metadata.acquire("run_a")
except StoreError as error:
    print(error.code)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user")
def test_a_directory_that_may_not_be_written_is_still_read() -> None:
    with tempfile.TemporaryDirectory() as directory:  # not below pytest's own, which others cannot enter
        root = Path(directory)
        with open_store(root) as store:
            store.results.seal("run_b", ITEMS)
        for path in (root, *root.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
        done = run_python(READ_AS_NOBODY, root)
    assert done.stdout.split() == [str(len(ITEMS)), "0", "store.read_only"], done.stderr


@pytest.mark.parametrize("read_only", [True, False])
def test_a_missing_or_impossible_place(read_only: bool, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError):
        open_store(tmp_path / "file", read_only=read_only)
    with pytest.raises(StoreError):
        open_store(tmp_path / "file" / "below", read_only=read_only)
    if read_only:
        with pytest.raises(StoreError) as caught:
            open_store(tmp_path / "nowhere", read_only=True)
        assert caught.value.code == "store.missing"
        assert not (tmp_path / "nowhere").exists()


def test_places_by_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for where, root in (
        (f"sqlite:///{tmp_path}/a/assay.db", tmp_path / "a"),
        ("sqlite:///b/assay.db", Path("b")),
        (f"file://{tmp_path}/with%20space", tmp_path / "with space"),
        ("plain", Path("plain")),
    ):
        with open_store(where) as store:
            assert store.root == root
            assert (root / "assay.db").is_file()
    for where in ("postgresql://host/db", "clickhouse://host", "s3://bucket/key", "ftp://x", "file://other-host/x"):
        with pytest.raises(ConfigError) as caught:
            open_store(where)
        assert caught.value.code == "store.scheme_unknown"


def test_closing_a_store_that_cannot_commit_says_so(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    database = store.closing[1]
    assert isinstance(database, Database)
    database.rows(f"PRAGMA max_page_count = {database.rows('PRAGMA page_count')[0][0]}")
    with pytest.raises(StoreError):
        store.journal.record_reply(b"key", bytes(100_000), run_id="run_a", cost_usd=None)
    with pytest.raises(StoreError):
        store.close()
