"""Datasets of the Hugging Face hub (extra ``[hub]``), kept as a local copy that later runs read without a network."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from assay.core.errors import ConfigError, DataError, MissingExtraError, NotFoundError, nearest
from assay.datasets.fields import AS_NAMED, FieldMap
from assay.datasets.index import JsonlSamples
from assay.datasets.jsonl import open_jsonl
from assay.datasets.source import HUB_SCHEME, cache_directory

_OPTIONS = ("split", "config", "revision")


@dataclass(frozen=True, slots=True, kw_only=True)
class HubAddress:
    """``hf:owner/name?split=test&config=main&revision=abc``; the split is ``test`` when none is given.

    Examples:
        >>> HubAddress.parse("hf:openai/gsm8k?config=main").split
        'test'
    """

    name: str
    split: str = "test"
    config: str | None = None
    revision: str | None = None

    @classmethod
    def parse(cls, address: str) -> HubAddress:
        """Raises ConfigError when the address is not of this form."""
        name, _, query = address.removeprefix(HUB_SCHEME).partition("?")
        if not re.fullmatch(r"\w[\w.-]*(/\w[\w.-]*)?", name):
            raise ConfigError(
                f"{address!r} names no dataset", hint="write hf:owner/name?split=test", code="data.address"
            )
        options = dict(parse_qsl(query))
        for option in options:
            if option not in _OPTIONS:
                raise ConfigError(
                    f"{address!r} has an unknown option {option!r}", hint=nearest(option, _OPTIONS), code="data.address"
                )
        return cls(name=name, **options)

    def local_copy(self) -> Path:
        """Where the copy of this split is kept."""
        parts = [self.config or "default", self.split, *([self.revision] if self.revision else [])]
        stem = "@".join(re.sub(r"[^\w.-]", "_", part) for part in parts)
        return cache_directory() / "hub" / self.name.replace("/", "__") / f"{stem}.jsonl"


def open_hub(address: str, *, fields: FieldMap = AS_NAMED, skip_bad: bool = False) -> JsonlSamples:
    """Samples of a hub dataset; fetched once, then read from the local copy.

    Raises:
        MissingExtraError: There is no copy yet and the extra ``[hub]`` is not installed.
        NotFoundError: The hub has no such dataset, configuration or split.
        DataError: The hub cannot be reached (``data.offline``), or as ``open_jsonl``.
    """
    where = HubAddress.parse(address)
    return open_jsonl(fetch(where), fields=fields, skip_bad=skip_bad, split=where.split)


def fetch(where: HubAddress) -> Path:
    """The local copy, made first when it is not there. An interrupted download leaves nothing behind."""
    copy = where.local_copy()
    if not copy.exists():
        write_whole(copy, _download(where))
    return copy


def write_whole(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write rows as JSON lines at once or not at all: to a file beside it, synced, then renamed."""
    import orjson

    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            for row in rows:
                file.write(orjson.dumps(row, default=str, option=orjson.OPT_APPEND_NEWLINE))
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        raise DataError(
            f"the copy {path} cannot be written: {error.strerror or error}",
            hint="free some space or set ASSAY_DATA_CACHE to another folder",
            code="data.unwritable",
        ) from error
    finally:
        if part.parent.is_dir():
            part.unlink(missing_ok=True)


def _download(where: HubAddress) -> Iterator[Mapping[str, Any]]:
    try:
        from datasets import load_dataset
    except ImportError as error:
        raise MissingExtraError(f"reading {HUB_SCHEME}{where.name} from the Hugging Face hub", extra="hub") from error
    try:
        yield from load_dataset(where.name, where.config, split=where.split, revision=where.revision)
    except (FileNotFoundError, ValueError) as error:
        raise NotFoundError(
            f"the hub has no {HUB_SCHEME}{where.name} with split {where.split!r} and config {where.config!r}: {error}",
            hint="see the dataset's page; write hf:owner/name?split=…&config=…",
            code="data.not_found",
        ) from error
    except RuntimeError as error:
        raise DataError(
            f"{HUB_SCHEME}{where.name} cannot be loaded: {error}",
            hint="a dataset made by a script often has a plain copy: add &revision=refs/convert/parquet",
            code="data.hub_refused",
        ) from error
    except Exception as error:  # network failures reach us as the errors of four HTTP libraries
        raise DataError(
            f"{HUB_SCHEME}{where.name} could not be fetched: {type(error).__name__}: {error}; nothing was kept of it",
            hint="check the network and try again, or give a file with --data",
            code="data.offline",
        ) from error
