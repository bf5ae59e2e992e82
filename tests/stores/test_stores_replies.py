"""The response table: a log with an index made afterwards must answer like one indexed table."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.stores.sqlite import replies
from assay.stores.sqlite.database import Database
from assay.stores.sqlite.replies import ReplyTable
from assay.stores.sqlite.schema import STORE


def table(path: Path, *, read_only: bool = False) -> ReplyTable:
    return ReplyTable(Database(path, schema=STORE, read_only=read_only))


def add(to: ReplyTable, *rows: tuple[bytes, bytes, str]) -> None:
    with to.database.writing() as connection:
        to.append(connection, rows)


def payload(found: object) -> bytes | None:
    return None if found is None else found.payload  # type: ignore[attr-defined]


@given(st.lists(st.tuples(st.integers(0, 30), st.sampled_from(["a", "b"])), max_size=60), st.randoms())
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
def test_it_answers_like_a_dictionary_whatever_is_indexed_when(
    tmp_path_factory: pytest.TempPathFactory, stored: list[tuple[int, str]], draws: random.Random
) -> None:
    path = tmp_path_factory.mktemp("replies") / "r.db"
    writer, expected = table(path), {}
    paid: dict[str, list[bytes]] = {"a": [], "b": []}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(replies, "_TAIL_IN_USE", 7)
        patch.setattr(replies, "_TAIL_AT_OPENING", 5)
        for number, (which, run) in enumerate(stored):
            # few prefixes, so that different keys share one
            key = b"%08d" % (which % 5) + b"%d" % which
            expected.setdefault(key, b"%d" % number)
            add(writer, (key, b"%d" % number, run))
            paid[run].append(key)
            if draws.random() < 0.2:
                writer = table(path)
        for reader in (writer, table(path), table(path, read_only=True)):
            for which in range(31):
                key = b"%08d" % (which % 5) + b"%d" % which
                assert payload(reader.find(key)) == expected.get(key)
            for run in "ab":
                assert [key for key, _ in reader.paid_by(run)] == paid[run]


def test_what_another_process_appends_is_found_after_the_next_append(tmp_path: Path) -> None:
    one, other = table(tmp_path / "r.db"), table(tmp_path / "r.db")
    assert one.find(b"key-of-other") is None
    add(other, (b"key-of-other", b"1", "run_b"))
    add(one, (b"key-of-one", b"2", "run_a"))
    assert payload(one.find(b"key-of-other")) == b"1"
    assert payload(other.find(b"key-of-one")) == b"2"


def test_where_two_processes_store_one_key_the_first_counts_and_both_have_paid(tmp_path: Path) -> None:
    one, other = table(tmp_path / "r.db"), table(tmp_path / "r.db")
    assert one.find(b"k" * 20) is other.find(b"k" * 20) is None
    add(one, (b"k" * 20, b"first", "run_a"))
    add(other, (b"k" * 20, b"second", "run_b"))
    for reader in (one, other, table(tmp_path / "r.db")):
        assert payload(reader.find(b"k" * 20)) == b"first"
        assert list(reader.paid_by("run_b")) == [(b"k" * 20, b"second")]


def test_runs_with_many_replies_are_listed_page_by_page_across_the_index(tmp_path: Path) -> None:
    many = table(tmp_path / "r.db")
    add(many, *((b"%020d" % number, b"", "run_a") for number in range(1_203)))
    reader = table(tmp_path / "r.db")
    assert payload(reader.find(b"%020d" % 7)) == b""  # indexes what it finds
    add(reader, *((b"%020d" % number, b"", "run_a") for number in range(1_203, 1_900)))
    assert [int(key) for key, _ in reader.paid_by("run_a")] == list(range(1_900))
    assert reader.database.rows("SELECT count(*) FROM reply_key")[0][0] == 1_203
