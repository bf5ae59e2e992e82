"""Calls made side by side: all of them end before anything is raised, so that nothing paid for is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

Outcome = TypeVar("Outcome")


async def side_by_side(*calls: Coroutine[Any, Any, Outcome]) -> list[Outcome]:
    """What each call returns, in order.

    Raises:
        BaseException: The first that a call raised, once all have ended.
    """
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    answers = list[Outcome]()
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome
        answers.append(outcome)
    return answers
