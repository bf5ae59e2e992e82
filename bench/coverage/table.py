"""Every case there is, and one case's line of the table."""

from __future__ import annotations

import pkgutil
from importlib import import_module

import numpy as np

import bench.coverage
from bench.coverage.case import Case

_NOT_CASES = ("case", "table", "__main__")


def all_cases() -> list[Case]:
    """The cases of every module of this package, by module and in their order there."""
    names = sorted(
        found.name for found in pkgutil.iter_modules(bench.coverage.__path__) if found.name not in _NOT_CASES
    )
    return [case for name in names for case in import_module(f"bench.coverage.{name}").CASES]


def rates(case: Case, trials: int, *, seed: int = 1) -> tuple[int, int]:
    """Hits of the right and of the wrong method, on the same data sets."""
    right, wrong = (method(np.random.default_rng(seed), trials) for method in (case.right, case.wrong))
    return int(right), int(wrong)


def on(case: Case) -> str:
    """The domain, with what is allowed beyond the noise and for which reason."""
    if not case.slack:
        return case.domain
    return f"{case.domain}; {case.slack:g} allowed: {case.slack_because}"


def line(case: Case, trials: int) -> str:
    """The case as a row of the Markdown table."""
    right, wrong = rates(case, trials)
    holds, refuted = case.holds(right, trials), not case.holds(wrong, trials)
    promise = {"equal": "", "at least": "≥ ", "at most": "≤ "}[case.claim] + f"{case.nominal:.3g}"
    verdict = "yes" if holds and refuted else "no: " + ("the wrong method passes" if holds else "it does not hold")
    return (
        f"| {case.family} | {case.method} | {on(case)} | {promise} | {right / trials:.4f} | "
        f"{case.wrong_method}: {wrong / trials:.4f} | {trials:,} | {verdict} |"
    )
