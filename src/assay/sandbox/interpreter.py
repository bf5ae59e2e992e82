"""Which Python runs inside, the files it needs, and the code it is given."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from assay.sandbox.elf import loader_of, soname_of

MINIMUM = (3, 11)
INSIDE = ("wire", "player", "referee", "start")
BOOTSTRAP = (
    "import marshal,os,sys,types\n"
    "def read(n):\n"
    " b=b''\n"
    " while len(b)<n:\n"
    "  c=os.read(0,n-len(b))\n"
    "  if not c:os._exit(1)\n"
    "  b+=c\n"
    " return b\n"
    "for name,code in marshal.loads(read(int.from_bytes(read(4),'big'))):\n"
    " m=sys.modules[name]=types.ModuleType(name)\n"
    " exec(code,m.__dict__)\n"
    "m.start(int(sys.argv[1]))"
)
"""Reads the code of ``INSIDE`` from standard input, compiled by the same interpreter, and starts it."""

_PROBE = """
import base64, importlib.machinery, json, marshal, os, sys, sysconfig
wanted = json.load(sys.stdin)
stdlib = sysconfig.get_path("stdlib")
code = [(name, compile(source, name, "exec", dont_inherit=True, optimize=0)) for name, source in wanted["sources"]]
if wanted["libraries"]:
    folder = os.path.join(os.path.dirname(stdlib), os.path.basename(stdlib), "lib-dynload")
    for file in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
        name = file.partition(".")[0]
        if not name.startswith(("_test", "_tkinter", "_ctypes_test", "xx", "_xx", "nis", "_curses", "readline")):
            try:
                __import__(name)
            except ImportError:
                pass
with open("/proc/self/maps") as maps:
    mapped = {line.split(None, 5)[5].strip() for line in maps if ".so" in line}
print(json.dumps({
    "version": list(sys.version_info[:3]), "executable": os.path.realpath(sys.executable),
    "stdlib": os.path.realpath(stdlib), "mapped": sorted(mapped),
    "bundle": base64.b64encode(marshal.dumps(code)).decode(),
}))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpreter:
    """A Python that the sandboxed user can run.

    Attributes:
        executable: The binary itself, no link.
        stdlib: Its ``lib/python3.X``.
        libraries: Shared libraries by the name they are loaded by.
        loader: Path of the dynamic loader the binary names; ``None`` when it is static.
        bundle: Marshalled code of ``INSIDE``, compiled by this interpreter.
    """

    executable: Path
    stdlib: Path
    version: tuple[int, int, int]
    libraries: Mapping[str, Path]
    loader: str | None
    bundle: bytes = field(repr=False)


def find_interpreter(*, drop_to: int | None) -> Interpreter:
    """The first Python that user ``drop_to`` can run: this one, the system's, else a copy of this one.

    Raises:
        OSError: The copy cannot be made.
        ValueError: Not even the copy runs; the text says why.
    """
    own = Path(os.path.realpath(getattr(sys, "_base_executable", sys.executable)))
    complaints = []
    for candidate in dict.fromkeys((own, Path("/usr/bin/python3"), Path("/usr/local/bin/python3"))):
        found = probe(candidate, drop_to=drop_to)
        if isinstance(found, Interpreter):
            return found
        complaints.append(f"{candidate}: {found}")
    copy = shared_copy(own)
    found = probe(copy, drop_to=drop_to, library_path=copy.parent.parent / "lib")
    if isinstance(found, Interpreter):
        return found
    raise ValueError(f"no Python to run inside ({'; '.join(complaints)}; its copy: {found})")


def credentials(drop_to: int | None) -> dict[str, Any]:
    """Arguments of ``subprocess`` that give up root for an unprivileged user with no groups."""
    return {} if drop_to is None else {"user": drop_to, "group": drop_to, "extra_groups": []}


def probe(
    candidate: Path, *, drop_to: int | None, libraries: bool = True, library_path: Path | None = None
) -> Interpreter | str:
    """Ask a Python about itself, as the user who will run it; a sentence when it will not do.

    Args:
        libraries: Load every extension module, to learn which shared libraries they need.
        library_path: Where a copied Python finds its own ``libpython`` (it names the folder it was copied from).
    """
    sources = [(f"assay.sandbox.inside.{name}", _source(name)) for name in INSIDE]
    try:
        done = subprocess.run(  # noqa: S603 - a Python of this machine and our own text
            [str(candidate), "-I", "-S", "-c", _PROBE],
            input=json.dumps({"sources": sources, "libraries": libraries}),
            capture_output=True,
            text=True,
            timeout=60,
            cwd="/",
            env={"LD_LIBRARY_PATH": str(library_path)} if library_path else {},
            check=True,
            **credentials(drop_to),
        )
        about = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        return f"cannot be run by the sandbox user ({type(error).__name__})"
    version = tuple(about["version"])
    if version < MINIMUM:
        return f"is Python {version[0]}.{version[1]}, and {MINIMUM[0]}.{MINIMUM[1]} is needed"
    executable, stdlib = Path(about["executable"]), Path(about["stdlib"])
    return Interpreter(
        executable=executable,
        stdlib=stdlib,
        version=version,
        libraries=_libraries([Path(path) for path in about["mapped"]], outside=stdlib),
        loader=loader_of(executable),
        bundle=base64.b64decode(about["bundle"]),
    )


def shared_copy(executable: Path) -> Path:
    """A copy of a Python that everyone may read, made once in the system's cache of temporary files.

    Only this user can have made the folder that is used: its owner and mode are checked.
    """
    stdlib = executable.parent.parent / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}"
    stat = executable.stat()
    key = hashlib.sha256(f"{executable}:{stat.st_mtime_ns}:{stat.st_size}".encode()).hexdigest()[:16]
    place = Path("/var/tmp") / f"assay-python-{os.getuid()}-{key}"  # noqa: S108 - owner and mode are checked below
    if not place.exists():
        draft = Path(tempfile.mkdtemp(prefix=f"{place.name}.", dir=place.parent))
        (draft / "bin").mkdir()
        shutil.copy2(executable, draft / "bin" / executable.name)
        skipped = shutil.ignore_patterns(
            "site-packages", "test", "tests", "idlelib", "turtledemo", "__pycache__", "*.a"
        )
        shutil.copytree(stdlib, draft / "lib" / stdlib.name, ignore=skipped, symlinks=False)
        for library in stdlib.parent.glob("libpython*.so*"):
            shutil.copy2(library, draft / "lib" / library.name)
        _open_to_readers(draft)
        try:
            draft.rename(place)
        except OSError:  # another process was first
            shutil.rmtree(draft)
    status = place.lstat()
    if status.st_uid != os.getuid() or status.st_mode & 0o022 or place.is_symlink():
        raise PermissionError(f"{place} belongs to somebody else or is open to writing: remove it")
    return place / "bin" / executable.name


def _source(name: str) -> str:
    return (files("assay.sandbox.inside") / f"{name}.py").read_text(encoding="utf-8")


def _libraries(mapped: Sequence[Path], *, outside: Path) -> dict[str, Path]:
    """Mapped files by the name they are asked for, without the loader and what lies in the standard library."""
    paths = [path for path in mapped if not path.is_relative_to(outside) and not path.name.startswith("ld-")]
    return {soname_of(path): path for path in paths}


def _open_to_readers(root: Path) -> None:
    for path in (root, *root.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
