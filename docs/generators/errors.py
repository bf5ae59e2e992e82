"""Error codes and reasons, found in the source: every ``code=`` and ``kind=`` with the message it comes with."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from docs.generators.text import code, page, table, words

SOURCE = Path(__file__).parents[2] / "src" / "assay"
REASONS = {
    "provider_error": "The call failed for good; the explanation has the provider's words.",
    "rate_limited": "The provider kept answering 429 until the retries were used up.",
    "timeout": "No answer within the time a call may take.",
    "unavailable": "No endpoint of the model was up for longer than a minute.",
    "bad_reply": "What came back could not be read as an answer.",
    "bad_request": "The request does not fit the provider.",
    "context_overflow": "The prompt does not fit the model's context.",
    "content_filter": "The provider's filter refused the prompt.",
    "no recorded output": "A replay file has no line for the sample.",
    "bad_sample": "The prompt cannot be written for this sample, or its metadata is wrong.",
    "budget": "Not sent: its worst case did not fit what was left of the budget.",
}
EXPLAINED = {
    "batch.unsupported": "Batches are wanted of a model, or for a task, that they cannot be had for.",
    "compare.nothing_shared": "The two runs share no sample that both have scored, or no metric of one version.",
    "data.bad_line": "A line of a replay file cannot be used; the message says which and why.",
    "provider.bad_reply": "The reply cannot be read as an answer, for instance because it is not JSON.",
    "provider.timeout": "A call took longer than it may.",
    "provider.unreachable": "No connection to the provider.",
    "file.unusable": "A file of the command itself cannot be read or written.",
}
"""Codes whose message is all made up of what differs."""


class Found(NamedTuple):
    """One place where an error is made."""

    code: str
    error: str
    message: str


def errors_page() -> str:
    """``reference/errors.md``."""
    classes = {found.error: found for found in _classes()}
    raised: dict[str, dict[str, str]] = defaultdict(dict)
    for found in _raised():
        raised[found.code].setdefault(found.message, found.error)
    rows = []
    for name in sorted({*raised, *(found.code for found in classes.values())}):
        own = [found for found in classes.values() if found.code == name]
        said = [f"“{words(message)}”" for message in raised.get(name, {}) if re.search(r"\w{3}", message)]
        meaning = [words(found.message) for found in own] + ([EXPLAINED[name]] if name in EXPLAINED else said[:4])
        kinds = sorted({*raised.get(name, {}).values(), *(found.error for found in own)})
        rows.append([code(name), ", ".join(map(code, kinds)), " · ".join(meaning)])
    finals = ", ".join(code(word) for word in sorted(_finals()))
    return page(
        "Error codes and reasons",
        "Every error has a stable code; its wording may change. With `--json` an error is the one document printed: "
        '`{"error": {"code", "message", "hint", "details"}}`; otherwise it is a line on standard error with a '
        "hint. The exit status is 3. `…` stands for what differs from case to case.",
        table(["code", "class", "meaning, or what is said"], rows),
        "## Reasons of unscored items",
        "A fault that concerns one item costs that item its score, never the run. The reason stands in `by_reason` of "
        f"the run and beside the score. `assay resume` makes such items again, except for {finals}, which another "
        "attempt cannot mend. Scorers have reasons of their own, such as `sample has no reference`.",
        table(["reason", "meaning"], [[code(name), text] for name, text in REASONS.items()]),
    )


def codes() -> set[str]:
    """Every code there is."""
    return {found.code for found in (*_classes(), *_raised())}


def kinds() -> set[str]:
    """Every ``kind=`` given to a ProviderError."""
    return {
        str(keyword.value.value)
        for tree in _trees()
        for call in _calls(tree)
        if _name(call) == "ProviderError"
        for keyword in call.keywords
        if keyword.arg == "kind" and isinstance(keyword.value, ast.Constant)
    }


def _finals() -> frozenset[str]:
    from assay.engine.state import FINAL_ERRORS

    return FINAL_ERRORS


@cache
def _trees() -> tuple[ast.Module, ...]:
    return tuple(ast.parse(path.read_text(encoding="utf-8")) for path in sorted(SOURCE.rglob("*.py")))


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def _name(call: ast.Call) -> str:
    return (
        call.func.id
        if isinstance(call.func, ast.Name)
        else call.func.attr
        if isinstance(call.func, ast.Attribute)
        else ""
    )


def _classes() -> Iterator[Found]:
    """Errors by class: the code they have where none is given."""
    for tree in _trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and node.name.endswith("Error"):
                for line in node.body:
                    if isinstance(line, ast.Assign) and getattr(line.targets[0], "id", "") == "code":
                        assert isinstance(line.value, ast.Constant)
                        first = " ".join((ast.get_docstring(node) or "").split("\n\n")[0].split())
                        yield Found(str(line.value.value), node.name, first)


def _raised() -> Iterator[Found]:
    from assay.app.parts import registry
    from assay.core.registry import KINDS

    used = [kind for kind in KINDS if registry().names(kind)]
    for tree in _trees():
        for call in _calls(tree):
            given = [keyword.value for keyword in call.keywords if keyword.arg == "code"]
            if not given or not call.args or not _name(call).endswith("Error"):
                continue
            message = " ".join(_text(call.args[0]).split())
            if isinstance(given[0], ast.Constant):
                yield Found(str(given[0].value), _name(call), message)
            elif isinstance(given[0], ast.JoinedStr):
                for kind in used if _text(given[0]).startswith("…") else ():
                    yield Found(
                        kind + _text(given[0]).removeprefix("…"), _name(call), message.replace("no …", f"no {kind}", 1)
                    )


def _text(node: ast.expr) -> str:
    """The text of a string in the source, ``…`` for what is filled in."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) if isinstance(part, ast.Constant) else "…" for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _text(node.left) + _text(node.right)
    return "…"
