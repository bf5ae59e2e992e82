"""Files that hold data: finding them, opening them (gzip too), and saying what is wrong with them."""

from __future__ import annotations

import gzip
import os
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from assay.core.errors import DataError, NotFoundError, nearest

HUB_SCHEME = "hf:"
_SPLITS = re.compile(r"(?:^|[_.-])(train|test|dev|val|valid|validation)(?=[_.-]|$)")


def cache_directory() -> Path:
    """Where downloaded data is kept: ``ASSAY_DATA_CACHE``, else ``~/.cache/assay/data``."""
    return Path(os.environ.get("ASSAY_DATA_CACHE") or Path.home() / ".cache" / "assay" / "data")


def split_of(path: Path) -> str:
    """The split a file's name speaks of, for default ids; ``row`` when it names none.

    Examples:
        >>> split_of(Path("gsm8k_test.jsonl.gz")), split_of(Path("tickets.jsonl"))
        ('test', 'row')
    """
    found = _SPLITS.findall(path.name)
    return str(found[-1]) if found else "row"


def existing_file(path: str | Path) -> Path:
    """The path of a file that is there.

    Raises:
        NotFoundError: It is not; the hint names the nearest file name beside it, or the nearest folder that exists.
        DataError: It is a folder.
    """
    wanted = Path(path).expanduser()
    if wanted.is_dir():
        raise DataError(f"{wanted} is a folder, not a file", hint=_beside(wanted, ""), code="data.is_folder")
    if wanted.exists():
        return wanted
    folder = wanted.parent
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    if folder == wanted.parent:
        hint = _beside(folder, wanted.name)
    else:
        hint = f"the folder {wanted.parent} does not exist either; {folder} does"
    raise NotFoundError(f"there is no file {wanted}", hint=hint, code="data.not_found")


def _beside(folder: Path, name: str) -> str:
    try:
        names = [entry.name for entry in folder.iterdir() if entry.is_file()]
    except OSError:
        return f"look at the folder {folder}"
    return nearest(name, names) if names else f"the folder {folder} holds no files"


@contextmanager
def open_bytes(path: Path) -> Iterator[BinaryIO]:
    """The file's bytes, unpacked when its name ends in ``.gz``.

    Raises:
        DataError: It cannot be opened or read, or its compressed data is damaged or cut short.
    """
    try:
        with cast(BinaryIO, gzip.open(path, "rb")) if path.suffix == ".gz" else path.open("rb") as file:
            yield file
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(
            f"{path} is damaged or cut short: {error}",
            hint="fetch it again; an interrupted download ends like this",
            code="data.damaged",
        ) from error
    except UnicodeDecodeError as error:
        raise not_utf8(str(path)) from error
    except OSError as error:
        raise DataError(
            f"{path} cannot be read: {error.strerror or error}",
            hint="check its permissions and that the disk is still there",
            code="data.unreadable",
        ) from error


def not_utf8(where: str) -> DataError:
    """The error for text in another encoding."""
    return DataError(
        f"{where} is not UTF-8", hint="convert it, e.g.: iconv -f latin1 -t utf-8 IN > OUT", code="data.encoding"
    )
