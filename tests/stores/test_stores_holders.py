"""Who holds a run, taking it over, and lists of runs page by page: what every Metadata owes its readers."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.core.errors import RunHeldError
from assay.core.protocols import Holder
from assay.core.records import RunRecord
from assay.stores import Database, SqliteMetadata
from assay.stores.sqlite.leases import this_process
from assay.stores.sqlite.schema import STORE

HOLD = """
import sys
from pathlib import Path
from assay.stores import Database, SqliteMetadata
from assay.stores.sqlite.schema import STORE
SqliteMetadata(Database(Path(sys.argv[1]), schema=STORE)).acquire("run_a")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(tmp_path / "assay.db", schema=STORE)
    yield made
    made.close()


def lease(database: Database, **changed: object) -> None:
    """A lease as another process would have written it."""
    me = this_process()
    row = {"run_id": "run_a", "host": me.host, "pid": me.pid, "started": me.started, **changed}
    with database.writing() as connection:
        connection.execute("INSERT INTO lease VALUES (?, ?, ?, ?, '2026-01-01T00:00:00+00:00')", tuple(row.values()))


def test_a_run_is_held_from_taking_it_to_letting_it_go(database: Database) -> None:
    metadata = SqliteMetadata(database)
    assert metadata.holder("run_a") is None
    metadata.acquire("run_a")
    holder = metadata.holder("run_a")
    assert holder is not None
    assert (holder.host, holder.pid, holder.since[:2]) == (this_process().host, os.getpid(), "20")
    assert metadata.holder("run_b") is None
    metadata.release("run_a")
    assert metadata.holder("run_a") is None


def test_a_killed_process_holds_nothing(database: Database) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(database.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    metadata = SqliteMetadata(database)
    holder = metadata.holder("run_a")
    assert holder is not None
    assert holder.pid == child.pid
    child.kill()
    child.communicate()
    assert metadata.holder("run_a") is None


@pytest.mark.parametrize(
    ("changed", "held"),
    [({}, True), ({"started": "boot:1"}, False), ({"pid": 2**22 + 1}, False), ({"host": "elsewhere"}, True)],
    ids=["this process", "its number was given away again", "gone", "another machine"],
)
def test_only_the_living_hold_and_the_unseen_count_as_living(database: Database, changed: dict, held: bool) -> None:
    lease(database, **changed)
    holder = SqliteMetadata(database).holder("run_a")
    assert (holder is not None) is held
    if holder is not None:
        assert holder.since == "2026-01-01T00:00:00+00:00"


def test_a_reader_sees_the_holder(database: Database) -> None:
    lease(database, host="elsewhere", pid=7)
    reader = Database(database.path, schema=STORE, read_only=True)
    assert SqliteMetadata(reader).holder("run_a") == Holder("elsewhere", 7, "2026-01-01T00:00:00+00:00")
    reader.close()


def test_a_run_of_another_machine_is_taken_only_when_asked_for(database: Database) -> None:
    lease(database, host="elsewhere", pid=7)
    metadata = SqliteMetadata(database)
    with pytest.raises(RunHeldError, match="process 7 on elsewhere since 2026-01-01") as refused:
        metadata.acquire("run_a")
    assert "assay resume run_a --steal" in refused.value.hint
    assert refused.value.details == {"pid": 7, "host": "elsewhere", "since": "2026-01-01T00:00:00+00:00"}
    metadata.acquire("run_a", steal=True)
    holder = metadata.holder("run_a")
    assert holder is not None
    assert holder.pid == os.getpid()


def test_a_living_process_of_this_machine_is_never_robbed(database: Database) -> None:
    parent = os.getppid()
    from assay.stores.sqlite.leases import process_start

    lease(database, pid=parent, started=process_start(parent))
    metadata = SqliteMetadata(database)
    for steal in (False, True):
        with pytest.raises(RunHeldError, match=f"process {parent} on") as refused:
            metadata.acquire("run_a", steal=steal)
        assert "--steal" not in refused.value.hint
        assert f"kill -INT {parent}" in refused.value.hint


def record(index: int) -> RunRecord:
    return RunRecord(
        run_id=f"run_{index:02d}",
        task=f"t{index % 2}",
        model="m",
        status="done",
        manifest={},
        manifest_hash="sha256:0",
        created_at=f"2026-01-{1 + index // 3:02d}T00:00:00+00:00",  # three share a moment
    )


@pytest.mark.parametrize("task", [None, "t1"])
@pytest.mark.parametrize("limit", [1, 2, 5, 100])
def test_pages_of_runs_show_each_once_though_new_ones_come(database: Database, task: str | None, limit: int) -> None:
    metadata = SqliteMetadata(database)
    for index in range(10):
        metadata.create_run(record(index))
    whole = [run.run_id for run in metadata.runs(task=task)]
    seen, before, added = list[str](), None, 10
    while page := metadata.runs(task=task, limit=limit, before=before):
        seen += [run.run_id for run in page]
        before = seen[-1]
        metadata.create_run(record(added))
        added += 1
    assert seen == whole
    assert metadata.runs(before="run_nobody") == []
