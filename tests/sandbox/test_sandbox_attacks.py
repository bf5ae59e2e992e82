"""Programs that try to pass without being right, or to reach what is outside: each fails, with its reason."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from assay.sandbox import Program, Sandbox, Verdict
from assay.sandbox.find import SANDBOX_USER

pytestmark = pytest.mark.slow

CHECKS = ["assert f(1) == 2", "assert sorted(f([3, 1])) == [2, 4]", "assert all(f(x) == x + 1 for x in (5, 6))"]


def judge(sandbox: Sandbox, source: str, **limits: float) -> Verdict:
    return sandbox.execute(Program(source=source, entry="f", checks=CHECKS, **{"timeout_s": 20.0, **limits}))


RIGHT = "def f(x): return x + 1 if isinstance(x, int) else [v + 1 for v in x]\n"

FORGERIES = {
    "exit_at_import": ("import os; os._exit(0)", "forged_pass"),
    "exit_in_call": ("import os\ndef f(x): os._exit(0)", "forged_pass"),
    "sys_exit_at_import": ("import sys; sys.exit(0)", "exception:SystemExit"),
    "sys_exit_in_call": ("import sys\ndef f(x): sys.exit()", "exception:SystemExit"),
    "exit_with_status": ("import os; os._exit(3)", "killed"),
    "printed_pass": ("print('passed', flush=True)\ndef f(x): print('OK 1 passed'); return 0", "wrong_answer"),
    "patched_builtins": (
        "import builtins\nbuiltins.all = lambda *_: True\nbuiltins.sorted = lambda *_: [2, 4]\n"
        "builtins.print = lambda *_: None\nbuiltins.AssertionError = ValueError\n"
        "def f(x): return 2 if x == 1 else [0]",
        "wrong_answer",
    ),
    "atexit_hook": (
        "import atexit, os\natexit.register(lambda: os._exit(0))\ndef f(x): return 0",
        "wrong_answer",
    ),
    "leftover_thread": (
        "import os, threading, time\n"
        "def late():\n    time.sleep(0.05)\n    os._exit(0)\n"
        "threading.Thread(target=late).start()\ndef f(x): time.sleep(0.5); return 0",
        "forged_pass",
    ),
    "always_equal": (
        "class Yes:\n    __hash__ = None\n    def __eq__(self, other): return True\n"
        "    def __ne__(self, other): return False\n"
        "def f(x): return Yes()",
        "wrong_answer",
    ),
    "always_equal_int": (
        "class Yes(int):\n    def __eq__(self, other): return True\ndef f(x): return Yes(99)",
        "wrong_answer",
    ),
    "always_equal_list": (
        "class Yes(list):\n    def __eq__(self, other): return True\n    __hash__ = None\n"
        "def f(x): return 2 if x == 1 else Yes([0, 0])",
        "wrong_answer",
    ),
    "metaclass_always_equal": (
        "class Meta(type):\n    def __eq__(self, other): return True\n    __hash__ = type.__hash__\n"
        "class Yes(metaclass=Meta): pass\ndef f(x): return Yes",
        "wrong_answer",
    ),
    "garbage_into_descriptors": (
        "import os\nfor fd in range(64):\n    try: os.write(fd, b'\\0\\0\\0\\x08passed!!')\n    except OSError: pass\n"
        "def f(x): return 0",
        "forged_pass",
    ),
    "pass_message_into_descriptors": (
        "import os\n"
        "from assay.sandbox.inside.wire import encode, no_objects\nimport struct\n"
        "p = encode(('passed', b'0' * 32), no_objects)\nfor fd in range(3, 64):\n"
        "    try: os.write(fd, struct.pack('>I', len(p)) + p)\n    except OSError: pass\n"
        "def f(x): return 0",
        "forged_pass",
    ),
    "no_such_function": ("def g(x): return x", "exception:NameError"),
    "entry_is_data": ("f = 2", "exception:TypeError"),
    "own_assertion": ("def f(x): raise AssertionError('mine')", "exception:AssertionError"),
    "own_exception": ("class Mine(KeyError): pass\ndef f(x): raise Mine('k')", "exception:Mine"),
    "evil_exception_name": (
        "Evil = type('passed\\n', (Exception,), {})\ndef f(x): raise Evil",
        "exception:Exception",
    ),
    "evil_exception_text": (
        "class Mine(Exception):\n    def __str__(self): raise RuntimeError\ndef f(x): raise Mine",
        "exception:Mine",
    ),
    "stops_the_checks_loop": ("def f(x): raise StopIteration", "exception:StopIteration"),
    "keyboard_interrupt": ("def f(x): raise KeyboardInterrupt", "exception:KeyboardInterrupt"),
    "syntax_error": ("def f(x:", "syntax_error"),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_pass_fails_with_its_reason(name: str, sandbox: Sandbox) -> None:
    source, reason = FORGERIES[name]
    verdict = judge(sandbox, source)
    assert (verdict.passed, verdict.reason) == (False, reason), verdict.detail


def test_the_checks_are_nowhere_in_the_programs_memory(sandbox: Sandbox) -> None:
    source = (
        "import gc, sys\nwanted = 'ebircsorpretni'[::-1]\n"
        "texts = [t for o in gc.get_objects() for t in gc.get_referents(o) if isinstance(t, (str, bytes))]\n"
        "frame = sys._getframe()\n"
        "while frame:\n"
        "    texts += [repr(v) for v in list(frame.f_locals.values()) if v is not texts]; frame = frame.f_back\n"
        "looked_at = len(texts)\n"
        "found = sum(1 for t in texts if (wanted if isinstance(t, str) else wanted.encode()) in t and t != wanted)\n"
    )
    checks = [
        "assert looked_at > 1000",
        "marker = 'interproscribe'",
        "assert found <= 1, found  # its own variable's repr",
    ]
    verdict = sandbox.execute(Program(source=source, checks=checks))
    assert verdict.passed, verdict.detail


def test_the_same_checks_pass_a_right_program(sandbox: Sandbox) -> None:
    verdict = judge(sandbox, RIGHT)
    assert (verdict.passed, verdict.reason) == (True, None), verdict.detail


ESCAPES = {
    "memory_bomb": ("x = [0] * 10**10", "memory"),
    "shadow": ("open('/etc/shadow')", "exception:FileNotFoundError"),
    "root_home": ("import os; os.listdir('/root')", "exception:FileNotFoundError"),
    "homes": ("import os; os.listdir('/home')", "exception:FileNotFoundError"),
    "proc": ("import os; os.listdir('/proc')", "exception:FileNotFoundError"),
    "write_to_root": ("open('/evil', 'w')", "exception:OSError"),
    "write_to_library": ("open('/py/lib/evil', 'w')", "exception:OSError"),
    "socket": ("import socket; socket.socket()", "exception:PermissionError"),
    "socketpair": ("import socket; socket.socketpair()", "exception:PermissionError"),
    "memfd": ("import os; os.memfd_create('x')", "exception:PermissionError"),
    "shell": ("import subprocess; subprocess.run(['/bin/sh', '-c', 'id'])", "exception:FileNotFoundError"),
    "raise_limits": (
        "import resource; resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY,) * 2)",
        "exception:ValueError",
    ),
    "kill_parent": ("import os, signal; os.kill(os.getppid(), signal.SIGKILL)\nimport time; time.sleep(60)", "killed"),
    "kill_everyone": ("import os, signal; os.kill(-1, signal.SIGKILL)\nimport time; time.sleep(60)", "killed"),
    "kill_itself": ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "killed"),
    "huge_output": ("while True: print('x' * 4096)", "killed"),
    "fill_tmp": (
        "for n in range(99):\n    with open(f'/tmp/{n}', 'wb') as out: out.write(bytes(1 << 20))",
        "exception:OSError",
    ),
    "huge_file": ("with open('/tmp/big', 'wb') as out: out.truncate(1 << 40)", "exception:OSError"),
    "fork_until_refused": ("import os\nwhile True: os.fork()", "exception:BlockingIOError"),
    "threads": (
        "import threading, time\n"
        "for _ in range(99): threading.Thread(target=time.sleep, args=(60,), daemon=True).start()",
        "exception:RuntimeError",
    ),
    "huge_result": ("def f(x): return b'x' * (40 << 20)", "memory"),
    "deep_result": (
        "def f(x):\n    a = []\n    for _ in range(99999): a = [a]\n    return a",
        "exception:RecursionError",
    ),
}


@pytest.mark.parametrize("name", ESCAPES)
def test_an_escape_is_contained_and_fails_with_its_reason(name: str, sandbox: Sandbox) -> None:
    source, reason = ESCAPES[name]
    verdict = judge(sandbox, source)
    assert (verdict.passed, verdict.reason) == (False, reason), verdict.detail


SLOW = {
    "endless_loop": "while True: pass",
    "endless_loop_in_call": "def f(x):\n    while True: pass",
    "sleeping": "import time; time.sleep(3600)",
    "fork_bomb": "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass",
    "ignored_signals": (
        "import signal, time\nfor n in range(1, 32):\n"
        "    try: signal.signal(n, signal.SIG_IGN)\n    except OSError: pass\n"
        "while True: time.sleep(1)"
    ),
    "orphan_holds_the_pipes": "import os, time\nif os.fork(): os._exit(0)\nos.setsid()\ntime.sleep(3600)",
}


@pytest.mark.parametrize("name", SLOW)
def test_a_program_that_never_ends_is_ended(name: str, sandbox: Sandbox) -> None:
    verdict = judge(sandbox, SLOW[name], timeout_s=0.4)
    assert (verdict.passed, verdict.reason) == (False, "timeout"), verdict.detail


@pytest.mark.skipif(os.geteuid() != 0, reason="tells the sandbox's processes by their user, which needs root")
def test_nothing_is_left_running(sandbox: Sandbox) -> None:
    judge(sandbox, SLOW["fork_bomb"], timeout_s=0.4)
    for _ in range(100):
        left = [path for path in Path("/proc").glob("[0-9]*") if _owner(path) == SANDBOX_USER]
        if not left:
            return
        time.sleep(0.05)
    pytest.fail(f"still there: {left}")


def _owner(path: Path) -> int | None:
    try:
        return path.stat().st_uid
    except FileNotFoundError:
        return None


CALLS = {  # x86-64 and generic numbers of calls no library function makes
    "ptrace": {"x86_64": (101, 0, 0), "aarch64": (117, 0, 0)},
    "keyctl": {"x86_64": (250, 0, 0), "aarch64": (219, 0, 0)},
    "bpf": {"x86_64": (321, 0, 0), "aarch64": (280, 0, 0)},
    "userfaultfd": {"x86_64": (323, 0, 0), "aarch64": (282, 0, 0)},
    "io_uring_setup": {"x86_64": (425, 1, 0), "aarch64": (425, 1, 0)},
    "unshare": {"x86_64": (272, 0x10000000, 0), "aarch64": (97, 0x10000000, 0)},
    "clone_newuser": {"x86_64": (56, 0x10000011, 0), "aarch64": (220, 0x10000011, 0)},
    "mount": {"x86_64": (165, 0, 0), "aarch64": (40, 0, 0)},
    "perf_event_open": {"x86_64": (298, 0, 0), "aarch64": (241, 0, 0)},
}


@pytest.mark.parametrize("name", CALLS)
def test_the_filter_denies_the_call(name: str, sandbox: Sandbox) -> None:
    number, first, second = CALLS[name][os.uname().machine]
    source = (
        "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\n"
        f"done = libc.syscall({number}, {first}, {second}, 0, 0, 0)\nf = [done, ctypes.get_errno()]"
    )
    verdict = sandbox.execute(Program(source=source, entry="f", checks=["assert f == [-1, 1]"]))
    assert verdict.passed, verdict.detail


def test_the_surroundings_are_bare(sandbox: Sandbox) -> None:
    source = (
        "import os, socket\nenvironment = sorted(os.environ)\nroot = sorted(os.listdir('/'))\nuser = os.getuid()\n"
        "host = os.uname().nodename\ndescriptors = []\n"
        "for fd in range(3, 64):\n    try: os.fstat(fd); descriptors.append(fd)\n    except OSError: pass\n"
    )
    checks = [
        "assert environment == ['HOME', 'LC_ALL', 'LD_LIBRARY_PATH', 'PWD'], environment",
        "assert set(root) <= {'dev', 'lib', 'lib64', 'py', 'tmp'}, root",
        "assert user == 65534",
        "assert host == 'sandbox'",
        "assert len(descriptors) == 2, descriptors",
    ]
    verdict = sandbox.execute(Program(source=source, checks=checks))
    assert verdict.passed, verdict.detail


def test_the_standard_library_is_there(sandbox: Sandbox) -> None:
    source = (
        "import bz2, collections, ctypes, datetime, decimal, fractions, functools, hashlib, heapq, itertools, json,\\\n"
        " lzma, math, random, re, sqlite3, statistics, string, typing, uuid, zlib\n"
        "from dataclasses import dataclass\n"
        "@dataclass\nclass P:\n    x: int\ndef f(): return P(3).x + math.isqrt(16)\n"
    )
    verdict = sandbox.execute(Program(source=source, entry="f", checks=["assert f() == 7"]))
    assert verdict.passed, verdict.detail
