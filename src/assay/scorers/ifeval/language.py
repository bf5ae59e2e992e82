"""``language:response_language``."""

from __future__ import annotations

from assay.scorers.ifeval.detector import detect_language


def response_language(text: str, *, language: str) -> bool:
    """The text is mostly in the language with that ISO 639-1 code; see ``detector`` for how it is told.

    A text without letters has no language and counts as followed, as in the published checker. Regions are not told
    apart: ``zh-cn`` is checked as ``zh``.

    Examples:
        >>> response_language("Das ist nicht das, was ich wollte.", language="de")
        True
    """
    detected = detect_language(text)
    return detected is None or detected == language.partition("-")[0]
