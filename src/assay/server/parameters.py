"""What a request may ask for: each parameter once, for reading it, refusing it and describing it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from assay.core.errors import InvalidInputError, nearest

Value = str | int | None
MOST = 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One value of a request's path or query; left out or empty it has its default.

    Attributes:
        text: What it means, in a sentence.
        default: ``None`` where leaving it out means something of its own.
        choices: The only texts it may be; the first is the default.
        whole: Whether it is a whole number, from ``low`` to ``high``.
        in_path: It is a part of the address, not of the query.
        slashes: As a part of the address it may hold slashes.
    """

    name: str
    text: str
    required: bool = False
    default: Value = None
    choices: tuple[str, ...] = ()
    whole: bool = False
    low: int = 0
    high: int = MOST
    in_path: bool = False
    slashes: bool = False

    def read(self, given: Mapping[str, str]) -> Value:
        """The value among those of a request.

        Raises:
            InvalidInputError: It is missing, or not what it may be.
        """
        text = given.get(self.name, "")
        if not text and not self.in_path:
            if self.required:
                raise InvalidInputError(f"{self.name} is missing", hint=self.text)
            return self.choices[0] if self.choices else self.default
        if self.choices and text not in self.choices:
            raise InvalidInputError(f"{self.name}={text[:40]!r} is not known", hint=nearest(text[:40], self.choices))
        return self._number(text) if self.whole else text

    def _number(self, text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,10}", text) or not self.low <= int(text) <= self.high:
            raise InvalidInputError(
                f"{self.name}={text[:40]!r} is not a whole number from {self.low:,} to {self.high:,}",
                hint=f"e.g. {self.name}={self.default or self.low}",
            )
        return int(text)

    def to_openapi(self) -> dict[str, Any]:
        """The parameter as OpenAPI 3.1 describes it."""
        schema: dict[str, Any] = {"type": "string"}
        if self.whole:
            schema = {"type": "integer", "minimum": self.low, "maximum": self.high}
        elif self.choices:
            schema["enum"] = list(self.choices)
        default = self.choices[0] if self.choices else self.default
        if default is not None:
            schema["default"] = default
        place: dict[str, Any] = (
            {"in": "path"} if self.in_path else {"in": "query", "allowEmptyValue": not self.required}
        )
        required = self.required or self.in_path
        return {"name": self.name, **place, "required": required, "description": self.text, "schema": schema}


def refuse_unknown(given: Iterable[str], known: Iterable[Parameter]) -> None:
    """Raise InvalidInputError for a name that means nothing here; the hint names the nearest that does."""
    names = [parameter.name for parameter in known if not parameter.in_path]
    for name in given:
        if name not in names:
            hint = nearest(name[:40], names) if names else "it takes none"
            raise InvalidInputError(f"there is no parameter {name[:40]!r} here", hint=hint)
