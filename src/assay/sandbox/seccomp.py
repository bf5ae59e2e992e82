"""A seccomp filter as classic BPF: system calls that evaluating a function never needs fail with EPERM.

The namespaces already hide what these calls would reach; the filter takes away the kernel code behind them, which is
where sandboxes have been broken. Allowed by default, denied by name: what an interpreter needs changes by version.

Sources: linux/filter.h and linux/seccomp.h (instruction and data layout), the kernel's syscall tables.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from assay.core.errors import NotFoundError

_LOAD_WORD, _JUMP_EQUAL, _JUMP_GREATER_EQUAL, _JUMP_ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_OFFSET_NUMBER, _OFFSET_ARCHITECTURE, _OFFSET_FIRST_ARGUMENT = 0, 4, 16
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_EPERM, _ENOSYS = 1, 38
_X32_BIT = 0x40000000
NEW_NAMESPACE_FLAGS = 0x7E020080
"""CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET and NEWTIME."""

DENIED: dict[str, dict[str, int]] = {
    "x86_64": {
        "socket": 41, "connect": 42, "accept": 43, "sendto": 44, "sendmsg": 46, "bind": 49, "listen": 50,
        "socketpair": 53, "accept4": 288, "shmget": 29, "shmat": 30, "shmctl": 31, "semget": 64, "msgget": 68,
        "ptrace": 101, "syslog": 103, "personality": 135, "pivot_root": 155, "chroot": 161, "acct": 163,
        "mount": 165, "umount2": 166, "swapon": 167, "swapoff": 168, "reboot": 169, "sethostname": 170,
        "setdomainname": 171, "iopl": 172, "ioperm": 173, "init_module": 175, "delete_module": 176,
        "quotactl": 179, "add_key": 248, "request_key": 249, "keyctl": 250, "move_pages": 279,
        "migrate_pages": 256, "mbind": 237, "set_mempolicy": 238, "get_mempolicy": 239, "unshare": 272,
        "perf_event_open": 298, "fanotify_init": 300, "name_to_handle_at": 303, "open_by_handle_at": 304,
        "setns": 308, "process_vm_readv": 310, "process_vm_writev": 311, "kcmp": 312, "finit_module": 313,
        "seccomp": 317, "memfd_create": 319, "kexec_load": 246, "kexec_file_load": 320, "bpf": 321,
        "userfaultfd": 323, "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427,
        "open_tree": 428, "move_mount": 429, "fsopen": 430, "fsconfig": 431, "fsmount": 432, "fspick": 433,
        "pidfd_open": 434, "pidfd_getfd": 438, "process_madvise": 440, "mount_setattr": 442, "memfd_secret": 447,
        "mq_open": 240, "uselib": 134, "vhangup": 153, "modify_ldt": 154, "lookup_dcookie": 212,
        "clock_settime": 227, "settimeofday": 164, "adjtimex": 159, "clock_adjtime": 305,
    },
    "aarch64": {
        "socket": 198, "socketpair": 199, "bind": 200, "listen": 201, "accept": 202, "connect": 203, "sendto": 206,
        "sendmsg": 211, "accept4": 242, "shmget": 194, "shmctl": 195, "shmat": 196, "semget": 190, "msgget": 186,
        "ptrace": 117, "syslog": 116, "personality": 92, "pivot_root": 41, "chroot": 51, "acct": 89, "mount": 40,
        "umount2": 39, "swapon": 224, "swapoff": 225, "reboot": 142, "sethostname": 161, "setdomainname": 162,
        "init_module": 105, "delete_module": 106, "quotactl": 60, "add_key": 217, "request_key": 218, "keyctl": 219,
        "move_pages": 239, "migrate_pages": 238, "mbind": 235, "get_mempolicy": 236, "set_mempolicy": 237,
        "unshare": 97, "perf_event_open": 241, "fanotify_init": 262, "name_to_handle_at": 264,
        "open_by_handle_at": 265, "setns": 268, "process_vm_readv": 270, "process_vm_writev": 271, "kcmp": 272,
        "finit_module": 273, "seccomp": 277, "memfd_create": 279, "kexec_load": 104, "kexec_file_load": 294,
        "bpf": 280, "userfaultfd": 282, "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427,
        "open_tree": 428, "move_mount": 429, "fsopen": 430, "fsconfig": 431, "fsmount": 432, "fspick": 433,
        "pidfd_open": 434, "pidfd_getfd": 438, "process_madvise": 440, "mount_setattr": 442, "memfd_secret": 447,
        "mq_open": 180, "vhangup": 58, "lookup_dcookie": 18, "clock_settime": 112, "settimeofday": 170,
        "adjtimex": 171, "clock_adjtime": 266,
    },
}  # fmt: skip
_CLONE = {"x86_64": 56, "aarch64": 220}
_CLONE3 = 435
_AUDIT_ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """One BPF instruction; jumps are relative to the next one."""

    code: int
    operand: int
    if_true: int = 0
    if_false: int = 0

    def to_bytes(self) -> bytes:
        """``struct sock_filter``."""
        return struct.pack("=HBBI", self.code, self.if_true, self.if_false, self.operand)


def _refuse(error: int) -> Instruction:
    return Instruction(code=_RETURN, operand=_ERRNO | error)


def instructions(machine: str) -> Sequence[Instruction]:
    """The filter for a machine, in order.

    A foreign architecture (32-bit calls) ends the process; the x32 numbers and ``clone3`` do not exist (its flags lie
    in memory a filter cannot read; C libraries then fall back to ``clone``); ``clone`` may not make namespaces.

    Raises:
        NotFoundError: There is no table for this machine.
    """
    if machine not in DENIED:
        raise NotFoundError(
            f"there is no seccomp filter for {machine}",
            hint=f"known: {', '.join(sorted(DENIED))}",
            code="sandbox.unknown_machine",
        )
    program = [
        Instruction(code=_LOAD_WORD, operand=_OFFSET_ARCHITECTURE),
        Instruction(code=_JUMP_EQUAL, operand=_AUDIT_ARCHITECTURE[machine], if_true=1),
        Instruction(code=_RETURN, operand=_KILL),
        Instruction(code=_LOAD_WORD, operand=_OFFSET_NUMBER),
        Instruction(code=_JUMP_GREATER_EQUAL, operand=_X32_BIT, if_false=1),
        _refuse(_ENOSYS),
        Instruction(code=_JUMP_EQUAL, operand=_CLONE3, if_false=1),
        _refuse(_ENOSYS),
        Instruction(code=_JUMP_EQUAL, operand=_CLONE[machine], if_false=4),
        Instruction(code=_LOAD_WORD, operand=_OFFSET_FIRST_ARGUMENT),
        Instruction(code=_JUMP_ANY_BIT, operand=NEW_NAMESPACE_FLAGS, if_false=1),
        _refuse(_EPERM),
        Instruction(code=_RETURN, operand=_ALLOW),
    ]
    for number in sorted(DENIED[machine].values()):
        program += [Instruction(code=_JUMP_EQUAL, operand=number, if_false=1), _refuse(_EPERM)]
    return [*program, Instruction(code=_RETURN, operand=_ALLOW)]


def seccomp_filter(machine: str) -> bytes:
    """The filter as bubblewrap's ``--seccomp`` reads it: ``struct sock_filter`` after ``struct sock_filter``.

    Args:
        machine: As ``platform.machine()`` names it: ``x86_64`` or ``aarch64``.

    Examples:
        >>> len(seccomp_filter("x86_64")) % 8
        0
    """
    return b"".join(instruction.to_bytes() for instruction in instructions(machine))
