"""Waiting from outside the page: the pages forbid evaluating strings, which Playwright's own waiting does inside."""

from __future__ import annotations

import time
from typing import Any


def until(page: Any, expression: str, *, most_s: float = 20.0) -> None:
    """Return as soon as the expression is true in the page."""
    deadline = time.monotonic() + most_s
    while not _true(page, expression):
        assert time.monotonic() < deadline, f"never true: {expression}"
        page.wait_for_timeout(30)


def _true(page: Any, expression: str) -> bool:
    from playwright.sync_api import Error

    try:
        return bool(page.evaluate(expression))
    except Error as error:
        if "Execution context was destroyed" in str(error):  # the page is just being left for another
            return False
        raise
