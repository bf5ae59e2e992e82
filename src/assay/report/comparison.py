"""Two runs side by side: the comparison, and the samples that flipped with their outputs word by word."""

from __future__ import annotations

from typing import Any

from assay.app.results import compare
from assay.app.wiring import App
from assay.core.errors import InvalidInputError
from assay.core.records import Item
from assay.report.diff import word_diff
from assay.report.documents import run_line
from assay.report.remember import Memory, version_of

FLIPS_SHOWN = 10
SIDES = ("lost", "gained")
INPUT_CHARS = 2_000


def compare_document(
    app: App,
    baseline: str,
    candidate: str,
    *,
    memory: Memory,
    side: str = "lost",
    offset: int = 0,
    limit: int = FLIPS_SHOWN,
) -> dict[str, Any]:
    """The ``assay.compare/1`` document, both runs' lines, and one page of flips.

    Args:
        side: ``lost`` or ``gained``.
        offset: First flip shown.

    Returns:
        The comparison with ``"runs": {"baseline", "candidate"}`` and ``"flips_shown": {"side", "offset", "total",
        "rows": [{"sample_id", "input", "reference", "baseline", "candidate", "diff"}]}`` and ``"next"``, the next
        page's offset, ``None`` on the last one.

    Raises:
        NotFoundError: A run does not exist.
        InvalidInputError: The runs share nothing, or ``side`` is not known.
    """
    if side not in SIDES:
        raise InvalidInputError(f"flips={side!r} is not known", hint="lost or gained")
    before, after = app.store.metadata.run(baseline), app.store.metadata.run(candidate)
    versions = (version_of(before), version_of(after))
    question = None if None in versions else ("compare", *versions)
    document = memory.recall(question, lambda: compare(app, before.run_id, after.run_id).to_dict())
    ids = document["flips"][side]
    return {
        **document,
        "runs": {"baseline": run_line(app, before), "candidate": run_line(app, after)},
        "next": offset + limit if offset + limit < len(ids) else None,
        "flips_shown": {
            "side": side,
            "offset": offset,
            "total": len(ids),
            "rows": [
                _flip(app, before.run_id, after.run_id, document["primary"], sample_id)
                for sample_id in ids[offset : offset + limit]
            ],
        },
    }


def _flip(app: App, baseline: str, candidate: str, scorer: str, sample_id: str) -> dict[str, Any]:
    old, new = (app.store.results.item(run, sample_id) for run in (baseline, candidate))
    return {
        "sample_id": sample_id,
        "input": _input(old),
        "reference": old.sample.reference,
        "baseline": _answer(old, scorer),
        "candidate": _answer(new, scorer),
        "diff": word_diff(old.output.text, new.output.text),
    }


def _input(item: Item) -> str:
    given = item.sample.input
    text = given if isinstance(given, str) else "\n".join(str(message.get("content") or "") for message in given)
    return text if len(text) <= INPUT_CHARS else f"{text[:INPUT_CHARS]} …"


def _answer(item: Item, scorer: str) -> dict[str, Any]:
    verdict = next((score for score in item.scores if score.scorer == scorer), None)
    return {
        "text": item.output.text,
        "error": item.output.error,
        "label": verdict.label if verdict else None,
        "explanation": verdict.explanation if verdict else None,
        "value": verdict.value if verdict else None,
    }
