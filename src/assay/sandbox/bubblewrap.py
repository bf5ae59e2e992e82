"""Isolation by bubblewrap: every program in its own namespaces, with a file system of almost nothing."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from assay.sandbox.interpreter import BOOTSTRAP, Interpreter, credentials
from assay.sandbox.pool import Pool
from assay.sandbox.program import Program, Verdict
from assay.sandbox.seccomp import seccomp_filter
from assay.sandbox.supervisor import Descriptors, Supervisor

INSIDE_PYTHON = "/py/bin/python3"
_LIBRARIES = "/py/so"


def arguments(
    *, bwrap: Path, interpreter: Interpreter, descriptors: Descriptors, tmp_mb: int, disable_userns: bool = True
) -> list[str]:
    """The command line of one sandbox.

    The root is an empty read-only file system holding the interpreter, its standard library, the shared libraries it
    loads, ``/dev/null`` and a small ``/tmp``. There is no ``/proc``: nothing there helps a function, and without it
    no process can open another's memory or descriptors.
    """
    binds = [
        (str(interpreter.executable), INSIDE_PYTHON),
        (str(interpreter.stdlib), f"/py/lib/{_library_folder(interpreter)}"),
    ]
    binds += [(str(path), f"{_LIBRARIES}/{name}") for name, path in interpreter.libraries.items()]
    if interpreter.loader:
        binds.append((interpreter.loader, interpreter.loader))
    return [
        str(bwrap),
        "--unshare-user",
        "--unshare-ipc",
        "--unshare-pid",
        "--unshare-net",
        "--unshare-uts",
        "--unshare-cgroup-try",
        *(["--disable-userns"] if disable_userns else []),
        *("--uid", "65534", "--gid", "65534", "--hostname", "sandbox"),
        *("--cap-drop", "ALL"),
        "--new-session",
        "--die-with-parent",
        "--clearenv",
        *("--setenv", "LD_LIBRARY_PATH", _LIBRARIES, "--setenv", "HOME", "/tmp"),  # noqa: S108 - the sandbox's own
        *("--setenv", "LC_ALL", "C.UTF-8"),
        *(word for source, destination in binds for word in ("--ro-bind", source, destination)),
        *("--dev-bind", "/dev/null", "/dev/null"),
        *("--size", str(tmp_mb << 20), "--tmpfs", "/tmp"),  # noqa: S108
        *("--remount-ro", "/", "--chdir", "/tmp"),  # noqa: S108
        *("--seccomp", str(descriptors.seccomp), "--info-fd", str(descriptors.info), "--"),
        *(INSIDE_PYTHON, "-I", "-S", "-B", "-u", "-c", BOOTSTRAP, str(descriptors.report)),
    ]


def _library_folder(interpreter: Interpreter) -> str:
    return f"python{interpreter.version[0]}.{interpreter.version[1]}"


@dataclass(frozen=True, kw_only=True)
class BubblewrapSandbox:
    """A Sandbox that starts one bubblewrap a program.

    Attributes:
        drop_to: Unprivileged user and group to become first; ``None`` when this process is no root already. As root
            the kernel enforces no limit on processes.
        jobs: Programs at once; as many as there are processors when ``None``.
    """

    bwrap: Path
    interpreter: Interpreter
    drop_to: int | None
    disable_userns: bool = True
    jobs: int | None = None

    @property
    def name(self) -> str:
        return "bubblewrap"

    @property
    def isolated(self) -> bool:
        return True

    @cached_property
    def _filter(self) -> bytes:
        return seccomp_filter(platform.machine())

    @cached_property
    def _pool(self) -> Pool:
        return Pool(jobs=self.jobs)

    def execute(self, program: Program) -> Verdict:
        """See ``Sandbox.execute``."""
        return self._pool.run(self._supervisor(program))

    async def run(self, program: Program) -> Verdict:
        """See ``Sandbox.run``."""
        return await self._pool.run_async(self._supervisor(program))

    def _supervisor(self, program: Program) -> Supervisor:
        def argv(descriptors: Descriptors) -> Sequence[str]:
            return arguments(
                bwrap=self.bwrap,
                interpreter=self.interpreter,
                descriptors=descriptors,
                tmp_mb=program.file_mb,
                disable_userns=self.disable_userns,
            )

        return Supervisor(
            program,
            argv=argv,
            bundle=self.interpreter.bundle,
            limit_processes=True,
            seccomp=self._filter,
            credentials=credentials(self.drop_to),
        )
