"""Runs, their results in short, and who holds them, in SQLite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Any

from assay.core.errors import NotFoundError, RunHeldError, StoreError
from assay.core.protocols import Holder
from assay.core.records import RunRecord
from assay.stores.payload import decode, encode
from assay.stores.sqlite.database import Database
from assay.stores.sqlite.leases import Process, this_process

_COLUMNS = "run_id, task, model, status, manifest, manifest_hash, created_at, summary, suite_id"
_LEASE = "SELECT host, pid, started, taken_at FROM lease WHERE run_id = ?"
_NEAR = 200


class SqliteMetadata:
    """Runs and leases; many processes at once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create_run(self, record: RunRecord) -> None:
        """Store a new run; raises StoreError (``store.run_exists``) when the id is taken."""
        with self._database.writing() as connection:
            stored = connection.execute(
                f"INSERT OR IGNORE INTO run ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - constant
                (
                    record.run_id,
                    record.task,
                    record.model,
                    record.status,
                    encode(record.manifest),
                    record.manifest_hash,
                    record.created_at,
                    encode(record.summary),
                    record.suite_id,
                ),
            )
        if stored.rowcount == 0:
            raise StoreError(
                f"there is a run {record.run_id} already; it was left as it is",
                hint=f"continue it with: assay resume {record.run_id}",
                code="store.run_exists",
            )

    def run(self, run_id: str) -> RunRecord:
        """By id, or unique prefix with or without ``run_``; ``last`` is the newest.

        Raises:
            NotFoundError: ``run.unknown`` with near ids, or ``run.ambiguous`` with the ids it could mean.
        """
        if run_id == "last":
            newest = self.runs(limit=1)
            if not newest:
                raise NotFoundError("there is no run in this store yet", hint="assay run TASK", code="run.unknown")
            return newest[0]
        exact = self._select("WHERE run_id = ?", (run_id,))
        if exact:
            return exact[0]
        found = self._starting_with(run_id) or self._starting_with(f"run_{run_id}")
        if len(found) == 1:
            return self._select("WHERE run_id = ?", (found[0],))[0]
        if found:
            listing = ", ".join(found[:5]) + (" …" if len(found) > 5 else "")
            raise NotFoundError(
                f"{run_id!r} is the beginning of more than one run", hint=f"one of: {listing}", code="run.ambiguous"
            )
        recent = [row[0] for row in self._database.rows(
            "SELECT run_id FROM run ORDER BY created_at DESC, run_id DESC LIMIT ?", (_NEAR,)
        )]  # fmt: skip
        hint = (
            f"near: {', '.join(near)}; see: assay runs"
            if (near := get_close_matches(run_id, recent, n=3, cutoff=0.3))
            else "see: assay runs"
            if recent
            else "this store holds no run yet: assay run TASK"
        )
        raise NotFoundError(f"there is no run {run_id!r} in {self._database.path}", hint=hint, code="run.unknown")

    def runs(
        self,
        *,
        task: str | None = None,
        model: str | None = None,
        suite_id: str | None = None,
        limit: int = 50,
        before: str | None = None,
    ) -> Sequence[RunRecord]:
        """Newest first; with ``before``, a run's whole id, only those that come after that run in this order."""
        conditions = {
            "task = ?": task,
            "model = ?": model,
            "suite_id = ?": suite_id,
            "(created_at, run_id) < (SELECT created_at, run_id FROM run WHERE run_id = ?)": before,
        }
        given = {condition: value for condition, value in conditions.items() if value is not None}
        where = f"WHERE {' AND '.join(given)}" if given else ""
        return self._select(f"{where} ORDER BY created_at DESC, run_id DESC LIMIT ?", (*given.values(), limit))

    def update_run(self, run_id: str, *, status: str, summary: Mapping[str, Any] | None = None) -> None:
        """Set the status, and the summary when given."""
        with self._database.writing() as connection:
            stored = connection.execute(
                "UPDATE run SET status = ?, summary = coalesce(?, summary) WHERE run_id = ?",
                (status, None if summary is None else encode(summary), run_id),
            )
        if stored.rowcount == 0:
            raise NotFoundError(f"there is no run {run_id!r}", hint="see: assay runs", code="run.unknown")

    def acquire(self, run_id: str, *, steal: bool = False) -> None:
        """Take the run for this process, from a dead one too; taking it again changes nothing.

        Args:
            steal: Take it from a process of another machine too, of which nothing here can tell whether it lives.

        Raises:
            RunHeldError: Another living process holds it.
        """
        me = this_process()
        with self._database.writing() as connection:
            found = connection.execute(_LEASE, (run_id,)).fetchone()
            if found is not None:
                process, since = _lease(found)
                if process == me:
                    return
                if process.alive() and (process.here() or not steal):
                    raise _held(run_id, process, since=since)
            connection.execute(
                "INSERT OR REPLACE INTO lease (run_id, host, pid, started, taken_at) VALUES (?, ?, ?, ?, ?)",
                (run_id, me.host, me.pid, me.started, datetime.now(UTC).isoformat(timespec="seconds")),
            )

    def release(self, run_id: str) -> None:
        """Let go of the run; nothing happens when this process does not hold it."""
        me = this_process()
        with self._database.writing() as connection:
            connection.execute(
                "DELETE FROM lease WHERE run_id = ? AND host = ? AND pid = ? AND started = ?",
                (run_id, me.host, me.pid, me.started),
            )

    def holder(self, run_id: str) -> Holder | None:
        """The living process that holds the run, or ``None``; one of another machine counts as living."""
        for row in self._database.rows(_LEASE, (run_id,)):
            process, since = _lease(row)
            if process.alive():
                return Holder(host=process.host, pid=process.pid, since=since)
        return None

    def _starting_with(self, prefix: str) -> list[str]:
        if not prefix:
            return []
        found = self._database.rows(
            "SELECT run_id FROM run WHERE substr(run_id, 1, ?) = ? ORDER BY run_id LIMIT 6", (len(prefix), prefix)
        )
        return [row[0] for row in found]

    def _select(self, rest: str, parameters: Sequence[Any]) -> list[RunRecord]:
        found = self._database.rows(f"SELECT {_COLUMNS} FROM run {rest}", parameters)  # noqa: S608 - constants only
        return [
            RunRecord(
                run_id=row[0],
                task=row[1],
                model=row[2],
                status=row[3],
                manifest=decode(row[4]),
                manifest_hash=row[5],
                created_at=row[6],
                summary=decode(row[7]),
                suite_id=row[8],
            )
            for row in found
        ]


def _lease(row: Sequence[Any]) -> tuple[Process, str]:
    host, pid, started, since = row
    return Process(host=host, pid=pid, started=started), since


def _held(run_id: str, process: Process, *, since: str) -> RunHeldError:
    way_out = f"wait for it, or stop it there (kill -INT {process.pid}) and repeat this command"
    if not process.here():
        way_out += f"; if it is gone, which cannot be seen from here: assay resume {run_id} --steal"
    return RunHeldError(
        f"run {run_id} is held by process {process.pid} on {process.host} since {since}; nothing was changed",
        hint=way_out,
        details={"pid": process.pid, "host": process.host, "since": since},
    )
