"""Keeps the last few results of slow questions, such as the distributions of a large run."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any, TypeVar

from assay.core.canonical import content_hash
from assay.core.records import RunRecord

Answer = TypeVar("Answer")


class Memory:
    """The newest answers by question; may be used by several threads.

    Args:
        size: Answers kept.
    """

    def __init__(self, size: int = 32) -> None:
        self._size = size
        self._answers: OrderedDict[Hashable, Any] = OrderedDict()
        self._lock = Lock()

    def recall(self, question: Hashable | None, answer: Callable[[], Answer]) -> Answer:
        """The kept answer, else a fresh one; ``None`` as the question always asks afresh."""
        if question is None:
            return answer()
        with self._lock:
            if question in self._answers:
                self._answers.move_to_end(question)
                kept: Answer = self._answers[question]
                return kept
        fresh = answer()
        with self._lock:
            self._answers[question] = fresh
            while len(self._answers) > self._size:
                self._answers.popitem(last=False)
        return fresh


def version_of(record: RunRecord) -> str | None:
    """Changes whenever the run's rows can have changed; ``None`` while it is running."""
    if record.status == "running" or not record.summary:
        return None
    return f"{record.run_id} {record.status} {content_hash(dict(record.summary))}"
