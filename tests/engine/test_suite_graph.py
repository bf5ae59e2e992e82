from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from assay.core.errors import AssayError, ConfigError
from assay.engine.suite import Node, run_graph


def node(name: str, log: list[str], *, needs: tuple[str, ...] = (), error: bool = False, ticks: int = 1) -> Node:
    async def work() -> Mapping[str, Any]:
        log.append(f"{name} starts")
        for _ in range(ticks):
            await asyncio.sleep(0)
        if error:
            raise AssayError("no")
        log.append(f"{name} ends")
        return {"status": "done"}

    return Node(name=name, needs=needs, work=work)


def test_independent_nodes_overlap_and_dependent_ones_wait() -> None:
    log: list[str] = []
    asyncio.run(run_graph([node("a", log, ticks=5), node("b", log, ticks=5), node("c", log, needs=("a", "b"))]))
    assert log.index("b starts") < log.index("a ends")
    assert log.index("c starts") > max(log.index("a ends"), log.index("b ends"))


def test_a_failure_stops_only_what_depends_on_it() -> None:
    log: list[str] = []
    nodes = [node("a", log, error=True), node("b", log, needs=("a",)), node("c", log, needs=("b",)), node("d", log)]
    outcomes = {outcome.name: outcome for outcome in asyncio.run(run_graph(nodes))}
    assert outcomes["a"].error is not None
    assert (outcomes["b"].skipped_because, outcomes["c"].skipped_because) == ("a", "b")
    assert outcomes["d"].ended_well


def test_circles_and_unknown_needs_are_refused_before_anything_runs() -> None:
    log: list[str] = []
    with pytest.raises(ConfigError, match="wait for each other: a, b"):
        asyncio.run(run_graph([node("a", log, needs=("b",)), node("b", log, needs=("a",)), node("c", log)]))
    with pytest.raises(ConfigError) as caught:
        asyncio.run(run_graph([node("alpha", log), node("b", log, needs=("alhpa",))]))
    assert "did you mean 'alpha'" in caught.value.hint
    assert log == []
