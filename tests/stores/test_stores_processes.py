"""Many processes at once; leases; replacing a seal under a reader."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from assay.core.errors import RunHeldError
from assay.core.protocols import PageQuery
from assay.stores import Database, SealedResults, SqliteMetadata, open_store
from assay.stores.sqlite.leases import Process, process_start, this_process
from assay.stores.sqlite.schema import STORE
from assay.testing.stores import example_items, same_items

pytestmark = pytest.mark.slow

OPEN_AND_WRITE = """
import sys, time
from assay.stores import open_store
from assay.testing.stores import example_items
while time.time() < float(sys.argv[2]): pass
with open_store(sys.argv[1]) as store:
    for item in example_items(5): store.journal.append_item(f"run_{sys.argv[3]}", item)
    store.journal.record_reply(b"shared", sys.argv[3].encode(), run_id="run_x", cost_usd=1.0)
"""


def start(code: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)], stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True
    )


def race(root: Path, *, processes: int) -> None:
    import time

    at = time.time() + 0.8
    started = [start(OPEN_AND_WRITE, root, at, number) for number in range(processes)]
    for process in started:
        process.communicate(timeout=60)
        assert process.returncode == 0
    with open_store(root) as store:
        assert all(len(store.journal.done(f"run_{number}")) == 10 for number in range(processes))
        assert store.journal.spent_usd("run_x") == processes


def test_processes_that_open_a_new_store_at_once_all_write(tmp_path: Path) -> None:
    race(tmp_path, processes=3)


@pytest.mark.slow
@pytest.mark.parametrize("attempt", range(20))
def test_many_starts_on_new_stores(attempt: int, tmp_path: Path) -> None:
    race(tmp_path, processes=2)


HOLD = """
import sys
from assay.stores import open_store
store = open_store(sys.argv[1])
store.metadata.acquire("run_a")
print("held", flush=True)
sys.stdin.read()
"""


def test_a_run_held_by_a_living_process_is_refused_and_taken_over_when_it_is_dead(tmp_path: Path) -> None:
    holder = start(HOLD, tmp_path)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with open_store(tmp_path) as store:
        with pytest.raises(RunHeldError) as caught:
            store.metadata.acquire("run_a")
        assert caught.value.details["pid"] == holder.pid
        assert f"process {holder.pid} on {socket.gethostname()} since 20" in str(caught.value)
        store.metadata.release("run_a")
        with pytest.raises(RunHeldError):
            store.metadata.acquire("run_a")  # only the holder can release
        holder.kill()
        holder.communicate()
        store.metadata.acquire("run_a")
        store.metadata.acquire("run_a")


@pytest.mark.parametrize(
    ("changed", "alive"),
    [({}, True), ({"started": "boot:1"}, False), ({"pid": 2**22 + 1}, False), ({"host": "elsewhere"}, True)],
)
def test_a_process_number_that_was_given_away_again_does_not_hold_a_run(changed: dict, alive: bool) -> None:
    me = this_process()
    holder = Process(**{"host": me.host, "pid": me.pid, "started": me.started, **changed})
    assert holder.alive() is alive


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_a_zombie_holds_nothing() -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    assert process_start(child) == ""
    os.waitpid(child, 0)


def test_a_lease_of_another_machine_is_respected(tmp_path: Path) -> None:
    database = Database(tmp_path / "assay.db", schema=STORE)
    with database.writing() as connection:
        connection.execute("INSERT INTO lease VALUES ('run_a', 'elsewhere', 1, '', '2026-01-01T00:00:00+00:00')")
    with pytest.raises(RunHeldError, match="on elsewhere since 2026-01-01"):
        SqliteMetadata(database).acquire("run_a")
    database.close()


def test_a_reader_follows_a_run_that_is_sealed_anew_by_another(tmp_path: Path) -> None:
    items = example_items()
    reader, writer = SealedResults(tmp_path), SealedResults(tmp_path)
    writer.seal("run_a", items[:4])
    assert reader.page("run_a", PageQuery()).total == 4
    stale = reader.segment_of("run_a")
    writer.seal("run_a", items)
    assert reader.page("run_a", PageQuery()).total == len(items)

    answers = iter([stale, reader.segment_of("run_a")])
    reader.segment_of = lambda run_id: next(answers)  # type: ignore[method-assign] - read just before the replacement
    assert len(reader.outputs("run_a", ["output_chars"])[0]) == len(items)


def test_only_the_last_runs_looked_at_stay_in_memory(tmp_path: Path) -> None:
    results, items = SealedResults(tmp_path), example_items()
    for name in ("run_a", "run_b", "run_c", "run_a"):
        results.seal(name, items)
        assert results.page(name, PageQuery(scorer="exact")).total == len(items)
        assert same_items([results.item(name, "q1", 1)], [items[3]])
    tables = results._duck.rows("SELECT count(*) FROM duckdb_tables()", {})
    assert tables == [(4,)]
    results.close()
