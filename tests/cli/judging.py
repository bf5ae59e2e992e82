"""Stand-ins for models (``python:judging:…``): one answers with a level, one judges it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any


def support(messages: Sequence[Mapping[str, Any]]) -> str:
    number = int(re.findall(r"number (\d+)", messages[0]["content"])[-1])
    return f"level-{1 + number % 5}-of-5"


def strong(messages: Sequence[Mapping[str, Any]]) -> str:
    levels = re.findall(r"level-(\d)-of-5", messages[0]["content"])
    return json.dumps({"score": int(levels[-1]) if levels else 3})
