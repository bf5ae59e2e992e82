"""Finds the code in what a model wrote: fenced blocks, a bare function, or the continuation of a signature."""

from __future__ import annotations

import ast
import re
import textwrap
import warnings
from collections.abc import Iterator

_FENCE = re.compile(r"^[ \t]*(```+|~~~+)[ \t]*([\w+.-]*)[^\n]*\n(.*?)(?:^[ \t]*\1[ \t]*$|\Z)", re.MULTILINE | re.DOTALL)
_PYTHON = ("", "python", "py", "python3", "python2")
_NEXT_THING = re.compile(r"^(?:def |class |if __name__|print\(|assert |#|@|```|~~~)", re.MULTILINE)


def extract_code(text: str, *, entry: str | None = None, prompt: str = "") -> str | None:
    """A whole program from a model's answer; ``None`` when there is no code in it. Never raises.

    Tried in order, the first that parses (and defines ``entry``, where it is given) wins; when nothing parses, the
    first candidate is returned so that its syntax error can be named.

    1. Python blocks inside fences: all of them joined, else each, the last first; under ``prompt`` too, when a block
       is only the body.
    2. The text as it stands, when it is a program that defines ``entry``.
    3. ``prompt`` and the text as its continuation (HumanEval's form), cut where the function ends and chatter or the
       next example begins.

    Args:
        text: What the model wrote.
        entry: Name of the function wanted.
        prompt: Code the model was asked to continue, e.g. imports, a signature and its docstring.

    Examples:
        >>> extract_code("Sure:\\n```python\\ndef f():\\n    return 1\\n```\\nDone.", entry="f")
        'def f():\\n    return 1\\n'
        >>> extract_code("    return 1\\n\\nprint(f())", entry="f", prompt="def f():\\n")
        'def f():\\n    return 1\\n\\n'
        >>> extract_code("I cannot do that.", entry="f") is None
        True
    """
    first = None
    for candidate in _candidates(text.replace("\r\n", "\n"), entry=entry, prompt=prompt):
        if not candidate.strip():
            continue
        if _is_program(candidate, entry):
            return candidate
        first = first or candidate
    return first


def _candidates(text: str, *, entry: str | None, prompt: str) -> Iterator[str]:
    blocks = [body for _, language, body in _FENCE.findall(text) if language.lower() in _PYTHON]
    head = _head(prompt, entry)
    if blocks:
        for block in ("\n".join(blocks), *reversed(blocks)):
            block = textwrap.dedent(block)
            if head and _defines(block, entry):
                yield f"{head}\n{block}"  # imports and helpers of the prompt are the program's too
            yield block
        for block in (blocks[-1], textwrap.indent(textwrap.dedent(blocks[-1]), "    ")):
            if prompt:
                yield prompt + block
        return
    if _defines(text, entry):
        if head:
            yield f"{head}\n{text}"
        yield text
        start = re.search(r"^(?:from|import|def|class|@|async def)\b", text, re.MULTILINE)
        if start:
            yield from _shrinking(text[start.start() :])
    if prompt:
        for body in _bodies(text):
            yield prompt + body
    elif entry is None and _is_program(text, None) and not text.strip().isidentifier():
        yield text


def _bodies(text: str) -> Iterator[str]:
    """The text as the rest of a function: up to where something new begins, a lost first indent put back."""
    cut = _NEXT_THING.search(text, 1) if text[:1] in (" ", "\t", "\n") else None
    if cut:
        yield text[: cut.start()]
    if text[:1] not in (" ", "\t", "\n") and "\n" in text.strip():
        yield "    " + text
    if text[:1] in (" ", "\t", "\n") or re.match(r"(?:return|if|for|while|try|with)\b", text):
        yield text
        yield from _shrinking(text)
        yield textwrap.indent(textwrap.dedent(text), "    ")


def _shrinking(text: str) -> Iterator[str]:
    """The text without its last paragraphs, one fewer each time: a program and then words about it."""
    paragraphs = text.split("\n\n")[:40]
    for count in range(len(paragraphs), 0, -1):
        yield "\n\n".join(paragraphs[:count]) + "\n"


def _head(prompt: str, entry: str | None) -> str:
    """The prompt without the function that is wanted: its imports and helpers; empty when it does not parse."""
    tree = _parse(prompt) or _parse(prompt + "\n    pass\n")
    if tree is None or entry is None:
        return ""
    kept = [node for node in tree.body if getattr(node, "name", None) != entry]
    return "\n".join(ast.unparse(node) for node in kept)


def _defines(text: str, entry: str | None) -> bool:
    if entry is None:
        return re.search(r"^(?:async )?(?:def|class) \w", text, re.MULTILINE) is not None
    name = re.escape(entry)
    return re.search(rf"^(?:(?:async )?def|class)\s+{name}\b|^{name}\s*=", text, re.MULTILINE) is not None


def _is_program(text: str, entry: str | None) -> bool:
    return (entry is None or _defines(text, entry)) and _compiles(text)


def _compiles(text: str) -> bool:
    """Whether it is a program; parsing alone lets a ``return`` stand outside a function."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes in the model's strings are its own affair
            compile(text, "<answer>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _parse(text: str) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
