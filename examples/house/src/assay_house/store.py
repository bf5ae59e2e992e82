"""A store plug-in: the embedded store, with reports kept compressed."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from dataclasses import dataclass, replace

from assay.core.protocols import Objects
from assay.stores import Store, open_store


@dataclass(frozen=True, slots=True)
class Compressed:
    """Objects that are compressed on their way in."""

    inner: Objects

    def put(self, name: str, data: bytes) -> str:
        return self.inner.put(name, gzip.compress(data))

    def get(self, name: str) -> bytes:
        return gzip.decompress(self.inner.get(name))

    def exists(self, name: str) -> bool:
        return self.inner.exists(name)

    def names(self, folder: str) -> Sequence[str]:
        return self.inner.names(folder)

    def where(self, name: str) -> str:
        return self.inner.where(name)


def open_vault(url: str, *, read_only: bool) -> Store:
    """The store at ``house+vault://DIRECTORY``."""
    store = open_store(url.partition("://")[2], read_only=read_only)
    return replace(store, objects=Compressed(store.objects))
