"""What a run would take, before anything is spent: calls, tokens, cost, time, and what its sample could show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from assay.core.errors import DataError, InvalidInputError
from assay.core.task import Agent, Task
from assay.engine.scout import DEFAULT_OUTPUT_TOKENS, JudgePlan, Priced, plan_judges, request_tokens
from assay.engine.selection import Selection
from assay.engine.solve import make_solver

LOOK_AT = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The forecast of one run.

    Attributes:
        calls: Model calls, at most (an agent may answer in fewer).
        input_tokens: Estimated from the length of up to 200 rendered prompts.
        output_tokens_max: If every reply were as long as it may be.
        cost_usd_max: Both at list price; ``None`` when the price is unknown.
        seconds_min: At the given concurrency if one call takes ``latency_s``; rate limits make it longer.
        half_width: Half the 95 % interval of a share near 50 % at this n, in points.
        detectable_paired: Smallest paired difference two such runs detect with 80 % power, in points, when 20 % of the
            samples change their verdict.
        judges: What asking the task's judges would take, on top.
    """

    task: str
    model: str
    samples: int
    population: int
    epochs: int
    calls: int
    input_tokens: int
    output_tokens_max: int
    cost_usd_max: float | None
    price: Mapping[str, Any] | None
    seconds_min: float
    latency_s: float
    half_width: float
    detectable_paired: float
    judges: Sequence[JudgePlan] = ()

    @property
    def whole_cost_usd_max(self) -> float | None:
        """Answers and verdicts together; ``None`` when a price is unknown."""
        costs = [self.cost_usd_max, *(judge.cost_usd_max for judge in self.judges)]
        return None if any(cost is None for cost in costs) else sum(cost or 0.0 for cost in costs)

    def to_dict(self) -> dict[str, Any]:
        """The ``assay plan --json`` document."""
        return {"schema": "assay.plan/1", **asdict(self), "whole_cost_usd_max": self.whole_cost_usd_max}


def make_plan(
    task: Task,
    *,
    model: str,
    selection: Selection,
    price_per_million: Mapping[str, float] | None,
    price: Mapping[str, Any] | None,
    concurrency: int,
    latency_s: float = 2.0,
    priced: Priced = lambda model: None,
) -> Plan:
    """Forecast a run from its first rendered prompts; also the check that prompts can be written at all.

    A prompt that cannot be written for some of them costs those samples their score when the run comes to them.

    Raises:
        InvalidInputError: No prompt can be written: the template names something that no sample has.
        DataError: Likewise, because of the samples: no choices, too few examples.
    """
    solver = make_solver(task, model=model)
    looked_at = selection.rows[:LOOK_AT]
    calls = tokens = 0
    problem: InvalidInputError | DataError | None = None
    for row in looked_at:
        try:
            requests = solver.requests(task.dataset[row])
        except (InvalidInputError, DataError) as error:
            problem = problem or error
            continue
        calls += len(requests)
        tokens += sum(request_tokens(request) for request in requests)
    if problem is not None and not calls:
        raise problem
    scale = len(selection.rows) * task.epochs / len(looked_at)
    steps = task.solver.max_steps if isinstance(task.solver, Agent) else 1
    total_calls, input_tokens = round(calls * scale) * steps, round(tokens * scale) * steps
    output_tokens = total_calls * (task.generate.max_tokens or DEFAULT_OUTPUT_TOKENS)
    cost = None
    if price_per_million is not None:
        cost = (input_tokens * price_per_million["input"] + output_tokens * price_per_million["output"]) / 1e6
    samples = len(selection.rows)
    return Plan(
        task=task.name,
        model=model,
        samples=samples,
        population=selection.population,
        epochs=task.epochs,
        calls=total_calls,
        input_tokens=input_tokens,
        output_tokens_max=output_tokens,
        cost_usd_max=cost,
        price=price,
        seconds_min=total_calls * latency_s / max(1, min(concurrency, total_calls)),
        latency_s=latency_s,
        half_width=100 * 1.959964 * 0.5 / samples**0.5,
        detectable_paired=100 * (1.959964 + 0.841621) * (0.2 / samples) ** 0.5,
        judges=plan_judges(task, [task.dataset[row] for row in looked_at], count=samples * task.epochs, priced=priced),
    )
