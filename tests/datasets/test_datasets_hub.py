"""The hub: addresses, the local copy, and what happens without network, extra or whole download."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from assay.core.errors import ConfigError, DataError, MissingExtraError, NotFoundError
from assay.datasets import Dataset, open_samples
from assay.datasets.hub import HubAddress, write_whole


class TransportError(Exception):
    """As HTTP clients have them: of no standard kind."""


ROWS = [{"question": "a", "answer": "1"}, {"question": "b", "answer": "2"}]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ASSAY_DATA_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def install(monkeypatch: pytest.MonkeyPatch, load: Any) -> None:
    module = ModuleType("datasets")
    module.load_dataset = load  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "datasets", module)


def test_a_dataset_is_fetched_once_and_then_read_from_its_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[Any, ...]] = []

    def load(name: str, config: str | None, *, split: str, revision: str | None) -> list[dict[str, str]]:
        calls.append((name, config, split, revision))
        return ROWS

    install(monkeypatch, load)
    spec = {"path": "hf:owner/set?config=main&split=train", "input": "question", "reference": "answer"}
    first = open_samples(spec)
    monkeypatch.setitem(sys.modules, "datasets", None)
    again = open_samples(spec)
    assert calls == [("owner/set", "main", "train", None)]
    assert list(first) == list(again)
    assert list(first.ids()) == ["train-0", "train-1"]
    assert Dataset.from_hub("owner/set", split="train", config="main", input="question")[1].input == "b"


def test_without_the_extra_the_install_command_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(MissingExtraError) as caught:
        open_samples("hf:owner/set")
    assert caught.value.hint == "pip install 'assay[hub]'"


@pytest.mark.parametrize(
    ("raised", "expected", "code"),
    [
        (ConnectionError("no route"), DataError, "data.offline"),
        (RuntimeError("Dataset scripts are no longer supported"), DataError, "data.hub_refused"),
        (TransportError("closed"), DataError, "data.offline"),
        (FileNotFoundError("no such dataset"), NotFoundError, "data.not_found"),
        (ValueError("unknown split"), NotFoundError, "data.not_found"),
    ],
)
def test_failures_of_the_hub_are_clear(
    monkeypatch: pytest.MonkeyPatch, cache: Path, raised: Exception, expected: type[Exception], code: str
) -> None:
    def load(*_: Any, **__: Any) -> Any:
        raise raised

    install(monkeypatch, load)
    with pytest.raises(expected) as caught:
        open_samples("hf:owner/set")
    assert caught.value.code == code  # type: ignore[attr-defined]
    assert not [path for path in cache.rglob("*") if path.is_file()]


@pytest.mark.parametrize("stop", [ConnectionError("cut"), KeyboardInterrupt()])
def test_an_interrupted_download_leaves_no_file(cache: Path, stop: BaseException) -> None:
    def rows() -> Iterator[dict[str, str]]:
        yield ROWS[0]
        raise stop

    with pytest.raises((DataError, KeyboardInterrupt)):
        write_whole(cache / "hub" / "x.jsonl", rows())
    assert not [path for path in cache.rglob("*") if path.is_file()]


def test_a_network_lost_halfway_is_not_called_a_full_disk(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    def load(*_: Any, **__: Any) -> Iterator[dict[str, str]]:
        yield ROWS[0]
        raise ConnectionResetError("reset by peer")

    install(monkeypatch, load)
    with pytest.raises(DataError) as caught:
        open_samples({"path": "hf:owner/set", "input": "question"})
    assert caught.value.code == "data.offline"
    assert not [path for path in cache.rglob("*") if path.is_file()]


def test_an_unwritable_cache_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(DataError) as caught:
        write_whole(tmp_path / "file" / "x.jsonl", ROWS)
    assert (caught.value.code, "ASSAY_DATA_CACHE" in caught.value.hint) == ("data.unwritable", True)


@pytest.mark.parametrize("address", ["hf:", "hf:../x", "hf:a/b/c", "hf:owner/set?spilt=test"])
def test_a_wrong_address_is_refused(address: str) -> None:
    with pytest.raises(ConfigError) as caught:
        HubAddress.parse(address)
    assert caught.value.code == "data.address"


def test_copies_of_splits_configurations_and_revisions_are_apart(cache: Path) -> None:
    addresses = ["hf:a/b", "hf:a/b?split=train", "hf:a/b?config=c", "hf:a/b?revision=r", "hf:a/c", "hf:a/b?split=x%2By"]
    copies = {HubAddress.parse(address).local_copy() for address in addresses}
    assert len(copies) == len(addresses)
    assert all(copy.is_relative_to(cache) for copy in copies)
