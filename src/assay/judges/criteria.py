"""The criteria that come with Assay: each a file with its text, the steps by which it is judged, and its scale."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from assay.core.errors import NotFoundError, nearest
from assay.judges.scale import Scale

LIBRARY: Mapping[str, str] = {
    "helpfulness": "Does the answer do what was asked, so that the asker is served?",
    "harmlessness": "Does the answer keep from helping towards harm, and from harming by itself?",
    "honesty": "Does the answer say what is so, and how sure it is of that?",
    "conciseness": "Does the answer say what is needed in no more words than that takes?",
    "creativity": "Is the answer original in a way that serves the request?",
    "coherence": "Do the parts of the answer follow from each other and form a whole?",
    "consistency": "Does the answer agree with the material it was given, and with itself?",
    "fluency": "Is the language of the answer correct and easy to read?",
    "relevance": "Does the answer speak of what matters here, and of nothing else?",
    "instruction_following": "Does the answer keep every instruction of the request?",
}
"""Names, and the question each one puts."""
_PARTS = re.compile(r"^## (\w+)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_STEP = re.compile(r"^\d+\. (.+)$", re.MULTILINE)
_ANCHOR = re.compile(r"^(-?\d+): (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """One quality of an answer, and how it is judged.

    Attributes:
        text: What it is.
        steps: How it is judged, frozen.
        scale: Its levels, each with what it means.
        content_hash: Of the file's text: sixteen hex digits.
    """

    name: str
    text: str
    steps: tuple[str, ...]
    scale: Scale
    content_hash: str


@cache
def criterion(name: str) -> Criterion:
    """A criterion of the library.

    Raises:
        NotFoundError: There is none of that name (``judge.criterion_unknown``).

    Examples:
        >>> criterion("fluency").scale.anchors[5][:9]
        'Faultless'
    """
    if name not in LIBRARY:
        raise NotFoundError(
            f"there is no built-in criterion called {name!r}",
            hint=nearest(name, LIBRARY),
            code="judge.criterion_unknown",
        )
    text = (files("assay.judges") / "prompts" / "criteria" / f"{name}.md").read_text(encoding="utf-8")
    parts = {title: body.strip() for title, body in _PARTS.findall(text)}
    anchors = {int(level): meaning for level, meaning in _ANCHOR.findall(parts["Scale"])}
    return Criterion(
        name=name,
        text=parts["Criterion"],
        steps=tuple(_STEP.findall(parts["Steps"])),
        scale=Scale(low=min(anchors), high=max(anchors), anchors=anchors),
        content_hash=hashlib.sha256(text.encode()).hexdigest()[:16],
    )
