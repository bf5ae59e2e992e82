"""A suite is a graph of runs: what may go on at once does, and a failure stops only what depends on it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assay.core.errors import AssayError, ConfigError, nearest

ENDED_WELL = frozenset({"done", "degraded"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One run of a suite.

    Attributes:
        needs: Names of nodes that must have ended well before this one starts.
        work: Executes the run and returns its summary.
    """

    name: str
    needs: Sequence[str]
    work: Callable[[], Awaitable[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a node ended: with a summary, with an error, or skipped because of another node."""

    name: str
    summary: Mapping[str, Any] | None = None
    error: AssayError | None = None
    skipped_because: str | None = None

    @property
    def ended_well(self) -> bool:
        return self.summary is not None and self.summary["status"] in ENDED_WELL


def check_graph(nodes: Sequence[Node]) -> None:
    """Refuse unknown needs and circles before anything runs.

    Raises:
        ConfigError: A need names no node, or nodes wait for each other.
    """
    by_name = {node.name: node for node in nodes}
    for node in nodes:
        for need in node.needs:
            if need not in by_name:
                raise ConfigError(f"{node.name} needs {need!r}, which is not in the suite", hint=nearest(need, by_name))
    settled: set[str] = set()
    while len(settled) < len(by_name):
        ready = {node.name for node in nodes if node.name not in settled and settled.issuperset(node.needs)}
        if not ready:
            circle = ", ".join(sorted(by_name.keys() - settled))
            raise ConfigError(
                f"these wait for each other: {circle}", hint="remove one of their needs:", code="suite.circle"
            )
        settled |= ready


async def run_graph(nodes: Sequence[Node]) -> list[Outcome]:
    """Run every node as soon as what it needs has ended well; outcomes in the order of ``nodes``."""
    check_graph(nodes)
    ends: dict[str, asyncio.Future[Outcome]] = {node.name: asyncio.get_running_loop().create_future() for node in nodes}

    async def run(node: Node) -> Outcome:
        for need in node.needs:
            before = await asyncio.shield(ends[need])
            if not before.ended_well:
                return Outcome(name=node.name, skipped_because=need)
        try:
            return Outcome(name=node.name, summary=await node.work())
        except AssayError as error:
            return Outcome(name=node.name, error=error)

    async def settle(node: Node) -> Outcome:
        outcome = await run(node)
        ends[node.name].set_result(outcome)
        return outcome

    return list(await asyncio.gather(*(settle(node) for node in nodes)))
