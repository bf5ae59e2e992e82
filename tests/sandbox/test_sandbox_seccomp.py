"""The filter, carried out instruction by instruction by a small reader of BPF written from the kernel's description."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.core.errors import NotFoundError
from assay.sandbox.seccomp import DENIED, seccomp_filter

ALLOW, KILL, EPERM, ENOSYS = 0x7FFF0000, 0x80000000, 0x00050001, 0x00050026
ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
CLONE = {"x86_64": 56, "aarch64": 220}
HEADERS = {"x86_64": "/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "aarch64": "/usr/include/asm-generic/unistd.h"}
SINCE_RENAMED = {"name_to_handle_at", "open_by_handle_at"}


def decide(machine: str, number: int, first: int = 0, *, architecture: int | None = None) -> int:
    """What the kernel would do with a call."""
    data = struct.pack("=iIQ6Q", number, architecture or ARCHITECTURE[machine], 0, first, 0, 0, 0, 0, 0)
    program = list(struct.iter_unpack("=HBBI", seccomp_filter(machine)))
    accumulator, at = 0, 0
    while True:
        code, if_true, if_false, operand = program[at]
        at += 1
        if code == 0x20:
            (accumulator,) = struct.unpack_from("=I", data, operand)
        elif code == 0x06:
            return int(operand)
        else:
            taken = {0x15: accumulator == operand, 0x35: accumulator >= operand, 0x45: bool(accumulator & operand)}[
                code
            ]
            at += if_true if taken else if_false


@pytest.mark.parametrize("machine", DENIED)
def test_every_denied_call_is_refused_and_others_pass(machine: str) -> None:
    denied = set(DENIED[machine].values())
    for number in range(600):
        wanted = EPERM if number in denied else ENOSYS if number == 435 else ALLOW
        assert decide(machine, number) == wanted, number


@pytest.mark.parametrize("machine", DENIED)
def test_clone_makes_threads_and_processes_but_no_namespaces(machine: str) -> None:
    assert decide(machine, CLONE[machine], 17) == ALLOW  # fork: SIGCHLD
    assert decide(machine, CLONE[machine], 0x3D0F00) == ALLOW  # pthread_create
    for flag in (0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000):
        assert decide(machine, CLONE[machine], flag | 17) == EPERM, hex(flag)


@given(st.integers(0, 2**31 - 1), st.integers(0, 2**32 - 1))
def test_a_foreign_architecture_ends_the_process(number: int, first: int) -> None:
    assert decide("x86_64", number, first, architecture=0x40000003) == KILL


def test_the_x32_numbers_do_not_exist() -> None:
    assert decide("x86_64", 0x40000000 + 41) == ENOSYS


@pytest.mark.parametrize("machine", DENIED)
def test_the_numbers_are_the_kernels(machine: str) -> None:
    header = Path(HEADERS[machine])
    if not header.exists():
        pytest.skip("no kernel headers here")
    kernel = {name: int(number) for name, number in re.findall(r"__NR(?:3264)?_(\w+) (\d+)", header.read_text())}
    wrong = {name: number for name, number in DENIED[machine].items() if kernel.get(name, number) != number}
    assert wrong == {}
    assert set(DENIED[machine]) - set(kernel) <= SINCE_RENAMED


@pytest.mark.parametrize("machine", DENIED)
def test_the_calls_that_matter_are_listed(machine: str) -> None:
    wanted = "socket ptrace mount unshare setns keyctl bpf perf_event_open kexec_load userfaultfd io_uring_setup"
    assert set(wanted.split()) <= set(DENIED[machine])


def test_an_unknown_machine_is_refused() -> None:
    with pytest.raises(NotFoundError, match="s390x"):
        seccomp_filter("s390x")
