"""The embedded store passes the suite plug-ins are held to; the suite finds each planted fault."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from assay.core.errors import AssayError
from assay.core.records import Item
from assay.stores import SqliteJournal, Store, open_store
from assay.testing import check_store
from assay.testing.stores import MemoryResults

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")
Open = Callable[..., Any]


def embedded(root: Path) -> Open:
    return lambda place, *, read_only: open_store(root / place, read_only=read_only)


def test_the_embedded_store_keeps_its_promises(tmp_path: Path) -> None:
    check_store(embedded(tmp_path))


@pytest.mark.slow
def test_the_embedded_store_keeps_its_promises_as_a_plug_in_does(tmp_path: Path) -> None:
    def plug_in(name: str, url: str, *, read_only: bool) -> Store:
        assert name == "acme/shelf"
        return open_store(url.partition("://")[2], read_only=read_only)

    def open_at(place: str, *, read_only: bool) -> Store:
        return open_store(f"acme+shelf://{tmp_path}/{place}", read_only=read_only, plug_in=plug_in)

    check_store(open_at)


class Changing(SqliteJournal):
    """Takes the newest reply instead of the first."""

    def record_reply(self, key: bytes, payload: bytes, **named: Any) -> Any:
        return super().record_reply(key if self.reply(key) is None else key + b"2", payload, **named)

    def reply(self, key: bytes) -> Any:
        return super().reply(key + b"2") or super().reply(key)


class OutOfOrder(MemoryResults):
    def items(self, run_id: str) -> Any:
        return reversed(list(super().items(run_id)))


class Appending(MemoryResults):
    def seal(self, run_id: str, items: Iterable[Item]) -> None:
        super().seal(run_id, [*super().items(run_id), *items])


def with_part(root: Path, part: str, make: Callable[[Store], Any]) -> Open:
    def open_at(place: str, *, read_only: bool) -> Any:
        store = open_store(root / place, read_only=read_only)
        return replace(store, **{part: make(store)})

    return open_at


def forgetting(root: Path) -> Open:
    """Every opening is a new store."""
    count = iter(range(1000))
    return lambda place, *, read_only: open_store(root / f"{next(count)}")


def always_made(root: Path) -> Open:
    return lambda place, *, read_only: open_store(root / place)


def other_error(root: Path) -> Open:
    def open_at(place: str, *, read_only: bool) -> Any:
        if read_only and not (root / place).exists():
            raise AssayError("not here")
        return open_store(root / place, read_only=read_only)

    return open_at


FAULTS: list[tuple[Callable[[Path], Open], str]] = [
    (lambda root: with_part(root, "journal", lambda store: Changing(store.closing[1])), "a stored reply never changes"),
    (lambda root: with_part(root, "results", lambda store: OutOfOrder()), "items come back whole and in order"),
    (lambda root: with_part(root, "results", lambda store: Appending()), "each once"),
    (lambda root: with_part(root, "results", lambda store: MemoryResults()), "has everything"),
    (forgetting, "has everything: it raised NotFoundError: there is no run"),
    (always_made, "is not made: StoreError with the code store.missing: StoreError was not raised"),
    (other_error, "it raised AssayError: not here"),
]


@pytest.mark.parametrize(
    ("faulty", "said"), [*FAULTS[:3], *(pytest.param(*f, marks=pytest.mark.slow) for f in FAULTS[3:])]
)
def test_a_planted_fault_is_found(faulty: Callable[[Path], Open], said: str, tmp_path: Path) -> None:
    with pytest.raises(AssertionError) as caught:
        check_store(faulty(tmp_path))
    assert said in str(caught.value)
