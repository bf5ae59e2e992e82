"""Benchmark formats: a sample and an answer become a Program."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from assay.core.errors import ConfigError, InvalidInputError, nearest
from assay.sandbox.extract import extract_code
from assay.sandbox.program import Program

Limits = Mapping[str, Any]


def build_program(metadata: Mapping[str, Any], text: str, *, form: str, limits: Limits) -> Program | None:
    """The program that judges ``text``; ``None`` when there is no code in it.

    Args:
        metadata: The sample's; ``humaneval`` reads ``prompt``, ``entry_point``, ``test``; ``mbpp`` reads ``test_list``,
            ``test_setup_code``; both read ``imports`` (lines put before everything).
        text: What the model wrote.
        form: ``humaneval`` or ``mbpp``.
        limits: Further fields of the Program, e.g. ``timeout_s``.

    Raises:
        ConfigError: There is no such format.
        InvalidInputError: The sample lacks what the format needs.
    """
    if form not in FORMATS:
        raise ConfigError(f"there is no format of code samples called {form!r}", hint=nearest(form, FORMATS))
    return FORMATS[form](metadata, text, limits)


def _humaneval(metadata: Mapping[str, Any], text: str, limits: Limits) -> Program | None:
    """Completion of a signature; the checks use the prompt's own helper functions, not the model's version of them."""
    prompt, entry, test = (_text(metadata, key) for key in ("prompt", "entry_point", "test"))
    code = extract_code(text, entry=entry, prompt=prompt)
    if code is None:
        return None
    imports = _imports(metadata)
    return Program(
        source=imports + code,
        entry=entry,
        prelude=imports + (_parsable(prompt) or ""),
        checks=[test, f"check({entry})"],
        **limits,
    )


def _mbpp(metadata: Mapping[str, Any], text: str, limits: Limits) -> Program | None:
    tests = metadata.get("test_list")
    if not isinstance(tests, Sequence) or isinstance(tests, str) or not tests:
        raise InvalidInputError(
            "the sample has no test_list", hint='mbpp samples carry metadata.test_list: ["assert …"]'
        )
    entry = _tested_function([str(test) for test in tests])
    code = extract_code(text, entry=entry)
    if code is None:
        return None
    imports, setup = _imports(metadata), str(metadata.get("test_setup_code") or "")
    checks = [*([setup] if setup.strip() else []), *map(str, tests)]
    return Program(source=imports + code, entry=entry, prelude=imports, checks=checks, **limits)


FORMATS: dict[str, Callable[[Mapping[str, Any], str, Limits], Program | None]] = {
    "humaneval": _humaneval,
    "mbpp": _mbpp,
}


def _text(metadata: Mapping[str, Any], key: str) -> str:
    value = metadata.get(key)
    if not isinstance(value, str) or not value:
        raise InvalidInputError(f"the sample has no {key}", hint=f"code samples carry metadata.{key}")
    return value


def _imports(metadata: Mapping[str, Any]) -> str:
    imports = metadata.get("imports") or ()
    lines = [imports] if isinstance(imports, str) else [str(line) for line in imports]
    return "".join(f"{line}\n" for line in lines)


def _parsable(prompt: str) -> str | None:
    for text in (prompt, f"{prompt}\n    pass\n"):
        try:
            ast.parse(text)
        except (SyntaxError, ValueError):
            continue
        return text
    return None


def _tested_function(tests: Sequence[str]) -> str | None:
    """The function every test calls; a built-in's name only when nothing else is called (MBPP 126 defines ``sum``).

    ``None`` when that is not one name.
    """
    names: set[str] | None = None
    for test in tests:
        try:
            tree = ast.parse(test)
        except (SyntaxError, ValueError):
            return None
        called = {
            node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        names = called if names is None else names & called
    names = names or set()
    own = {name for name in names if name not in _BUILTIN_NAMES} or names
    return own.pop() if len(own) == 1 else None


_BUILTIN_NAMES = frozenset(dir(builtins))
