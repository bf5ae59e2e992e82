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
        reply_tokens: Of every reply: ``max_tokens`` of the task, else an assumption.
        bounded: The task has ``max_tokens``; without it the two figures that follow are no upper bounds.
        output_tokens_max: If every reply were that long.
        cost_usd_max: Both at list price; ``None`` when the price is unknown.
        seconds_min: At the given concurrency if one call takes ``latency_s``; rate limits make it longer.
        half_width: Half the 95 % interval of a share near 50 % at this n, in points.
        detectable_paired: Smallest paired difference two such runs detect with 80 % power, in points, when 20 % of the
            samples change their verdict.
        judges: What asking the task's judges would take, on top.
        certain: Samples that every tier of its cascade is asked about: critical ones, and those at stake.
        tiers: Of its cascade, each with its share of the other samples, and why where a budget gave it.
        because: What the budget that gave the shares buys.
    """

    task: str
    model: str
    samples: int
    population: int
    epochs: int
    calls: int
    input_tokens: int
    reply_tokens: int
    bounded: bool
    output_tokens_max: int
    cost_usd_max: float | None
    price: Mapping[str, Any] | None
    seconds_min: float
    latency_s: float
    half_width: float
    detectable_paired: float
    judges: Sequence[JudgePlan] = ()
    certain: int = 0
    tiers: Sequence[Mapping[str, Any]] = ()
    because: str | None = None

    @property
    def whole_cost_usd_max(self) -> float | None:
        """Answers and verdicts together; ``None`` when a price is unknown."""
        costs = [self.cost_usd_max, *(judge.cost_usd_max for judge in self.judges)]
        return None if any(cost is None for cost in costs) else sum(cost or 0.0 for cost in costs)

    def beyond_budget(self, budget_usd: float | None) -> str | None:
        """Which judge would not be asked for want of money, in words; ``None`` where none is out of reach.

        Answers are paid first, and a call is sent only where its worst case can be paid. So a judge is out of reach
        where one of its verdicts alone may cost more than the budget.
        """
        if budget_usd is None:
            return None
        for judge in self.judges:
            if judge.requests and judge.cost_usd_max is not None and judge.cost_usd_max / judge.requests > budget_usd:
                call = _usd(judge.cost_usd_max / judge.requests)
                return (
                    f"the budget of {_usd(budget_usd)} cannot buy one verdict of {judge.judge} ({judge.tier}): a call"
                    f" may cost {call}, so it would not be asked at all"
                )
        return None

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
        ConfigError: What ``stakes:`` names says neither yes nor no, or no sample has it (``cascade.stakes``).
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
    reply_tokens = task.generate.max_tokens or DEFAULT_OUTPUT_TOKENS
    output_tokens = total_calls * reply_tokens
    cost = None
    if price_per_million is not None:
        cost = (input_tokens * price_per_million["input"] + output_tokens * price_per_million["output"]) / 1e6
    samples, cascade = len(selection.rows), task.cascade
    certain = _certain(task, selection)
    return Plan(
        task=task.name,
        model=model,
        samples=samples,
        population=selection.population,
        epochs=task.epochs,
        calls=total_calls,
        input_tokens=input_tokens,
        reply_tokens=reply_tokens,
        bounded=task.generate.max_tokens is not None,
        output_tokens_max=output_tokens,
        cost_usd_max=cost,
        price=price,
        seconds_min=total_calls * latency_s / max(1, min(concurrency, total_calls)),
        latency_s=latency_s,
        half_width=100 * 1.959964 * 0.5 / samples**0.5,
        detectable_paired=100 * (1.959964 + 0.841621) * (0.2 / samples) ** 0.5,
        judges=plan_judges(
            task,
            [task.dataset[row] for row in looked_at],
            count=samples * task.epochs,
            certain=certain * task.epochs,
            priced=priced,
        ),
        certain=certain,
        tiers=[] if cascade is None else [{"tier": t.name, "share": t.share, "why": t.why} for t in cascade.used],
        because=None if cascade is None else cascade.because,
    )


def _certain(task: Task, selection: Selection) -> int:
    if task.cascade is None:
        return 0
    from assay.engine.cascade.stakes import count_certain

    return count_certain(task, selection.rows)


def _usd(amount: float) -> str:
    return f"${amount:,.2f}" if amount >= 0.01 or amount == 0.0 else f"${amount:.2g}"
