"""Errors: what happened and what was kept (message), what to type next (hint), a stable code.

The code is stable, the wording is not. Every AssayError ends a command with exit status 3.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any


class AssayError(Exception):
    """Base of every error a user can meet."""

    code = "assay.error"

    def __init__(
        self, message: str, *, hint: str = "", code: str | None = None, details: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.hint = hint
        self.details: Mapping[str, Any] = details or {}
        if code is not None:
            self.code = code

    def to_dict(self) -> dict[str, Any]:
        """The one error shape of the CLI and the API."""
        return {"code": self.code, "message": str(self), "hint": self.hint, "details": dict(self.details)}


class InvalidInputError(AssayError):
    """An argument or a record breaks its documented rule."""

    code = "input.invalid"


class ConfigError(AssayError):
    """A configuration file or setting is not valid."""

    code = "config.invalid"


class NotFoundError(AssayError):
    """Something looked up by name or path does not exist."""

    code = "lookup.not_found"


class DataError(AssayError):
    """A dataset cannot be read: malformed line, duplicate ids, nothing in it."""

    code = "data.invalid"


class MissingExtraError(AssayError):
    """An optional part is not installed; the hint is the exact install command."""

    code = "install.missing_extra"

    def __init__(self, what: str, *, extra: str) -> None:
        super().__init__(
            f"{what} needs the extra [{extra}], which is not installed", hint=f"pip install 'assay[{extra}]'"
        )


class StoreError(AssayError):
    """A store cannot be opened, read or written."""

    code = "store.unusable"


class RunHeldError(AssayError):
    """Another living process holds the run."""

    code = "run.held"


class BudgetExhaustedError(AssayError):
    """A call was not sent because its worst case does not fit what is left of the budget."""

    code = "run.budget_exhausted"


class ProviderError(AssayError):
    """A model call failed for good: after retries and fail-over, or at once when retrying cannot help.

    Attributes:
        kind: Short stable word used as the reason of unscored items: ``provider_error``, ``context_overflow``,
            ``bad_reply``, ``timeout``, ``rate_limited``, ``unavailable`` (all endpoints open).
        status: HTTP status, when there was one.
        retry_after_s: What the provider asked for.
        retryable: Whether the same call may succeed later.
    """

    code = "provider.failed"

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        code: str | None = None,
        kind: str = "provider_error",
        status: int | None = None,
        retry_after_s: float | None = None,
        retryable: bool = False,
    ) -> None:
        super().__init__(message, hint=hint, code=code, details={"status": status} if status else None)
        self.kind = kind
        self.status = status
        self.retry_after_s = retry_after_s
        self.retryable = retryable


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint naming the nearest known word: ``did you mean 'x'?`` plus the choices when they are few.

    Examples:
        >>> nearest("exact_macth", ["exact_match", "includes"])
        "did you mean 'exact_match'? known: exact_match, includes"
    """
    names = sorted(known)
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.5)
    listing = f"known: {', '.join(names)}" if len(names) <= 30 else f"{len(names)} are known"
    return f"did you mean '{close[0]}'? {listing}" if close else listing
