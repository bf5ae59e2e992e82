"""Assay says how good a language model is, how sure that is, and what finding out cost.

Names load when they are first used, so ``import assay`` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from assay._version import __version__

if TYPE_CHECKING:
    from assay import judges, scorers, stats
    from assay.app.api import Run, arun, compare, gate, prompt, run
    from assay.core.errors import AssayError
    from assay.core.records import Estimate, Output, Sample, Score
    from assay.core.task import Agent, Choices, Prompt, Task, Tool, Turns
    from assay.datasets import Dataset

_HOMES = {
    "assay.app.api": ("Run", "arun", "compare", "gate", "prompt", "run"),
    "assay.core.errors": ("AssayError",),
    "assay.core.records": ("Estimate", "Output", "Sample", "Score"),
    "assay.core.task": ("Agent", "Choices", "Prompt", "Task", "Tool", "Turns"),
    "assay.datasets": ("Dataset",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}
_ROOMS = ("judges", "scorers", "stats")

__all__ = [
    "Agent",
    "AssayError",
    "Choices",
    "Dataset",
    "Estimate",
    "Output",
    "Prompt",
    "Run",
    "Sample",
    "Score",
    "Task",
    "Tool",
    "Turns",
    "__version__",
    "arun",
    "compare",
    "gate",
    "judges",
    "prompt",
    "run",
    "scorers",
    "stats",
]


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return import_module(f"assay.{name}")
    if name not in _HOME_OF:
        raise AttributeError(f"module 'assay' has no attribute {name!r}")
    return getattr(import_module(_HOME_OF[name]), name)


def __dir__() -> list[str]:
    return __all__
