"""Documents as JSON that any reader takes: for the API, and safe inside a script element."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

# Inside <script> only "<" ends or opens anything; the other two keep the text harmless when it is pasted elsewhere.
_UNSAFE = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}


def to_json(document: Any) -> str:
    """ASCII JSON; numbers that JSON does not have (NaN, infinity) become null.

    Examples:
        >>> to_json({"a": float("nan"), "b": "é"})
        '{"a": null, "b": "\\\\u00e9"}'
    """
    try:
        return json.dumps(document, allow_nan=False, default=str)
    except ValueError:
        return json.dumps(_finite(document), allow_nan=False, default=str)


def script_json(document: Any) -> str:
    """JSON that cannot end the script element it stands in.

    Examples:
        >>> script_json("</script>")
        '"\\\\u003c/script\\\\u003e"'
    """
    text = to_json(document)
    for char, escape in _UNSAFE.items():
        text = text.replace(char, escape)
    return text


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _finite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(entry) for entry in value]
    return value
