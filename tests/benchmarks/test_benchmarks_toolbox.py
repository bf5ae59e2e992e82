"""The built-in agent task: its answers follow from its tools."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from assay.benchmarks import load_benchmark
from assay.benchmarks.warehouse import TOOLS, calculate, look_up_item, look_up_order
from assay.core.records import Output, Sample
from assay.core.task import Agent

TASK = load_benchmark("toolbox")
SAMPLES = [TASK.dataset[row] for row in range(len(TASK.dataset))]
RUN = {tool.name: tool.run for tool in TOOLS}


def arguments_of(call: Mapping[str, Any]) -> Mapping[str, Any]:
    return call["arguments"] if "arguments" in call else call["example"]


def results(sample: Sample) -> list[Any]:
    made: list[Any] = []
    for call in sample.metadata["expected_calls"]:
        try:
            made.append(RUN[call["name"]](**arguments_of(call)))
        except (LookupError, RuntimeError, ValueError) as error:
            made.append(error)
    return made


def test_it_is_an_agent_with_a_step_limit_and_at_least_two_tools() -> None:
    assert isinstance(TASK.solver, Agent)
    assert TASK.solver.max_steps == 8
    assert len(TASK.solver.tools) >= 2
    assert len(SAMPLES) >= 20
    assert TASK.primary == "goal_reached"
    assert any(sample.critical for sample in SAMPLES)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.id)
def test_the_expected_calls_lead_to_the_reference(sample: Sample) -> None:
    made = results(sample)
    failed = [result for result in made if isinstance(result, Exception)]
    assert bool(failed) == (sample.metadata["skill"] == "failure")
    if sample.reference in ("unknown", "none"):
        assert isinstance(made[-1], Exception)
    elif isinstance(made[-1], str):
        assert made[-1] == sample.reference
    else:
        assert sample.reference in {
            f"{value:g}" if isinstance(value, int | float) else value for value in made[-1].values()
        }


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.id)
def test_expected_arguments_fit_the_schemas_of_the_tools(sample: Sample) -> None:
    from jsonschema import Draft202012Validator

    schemas = {tool.name: tool.parameters for tool in TOOLS}
    for call in sample.metadata["expected_calls"]:
        Draft202012Validator(schemas[call["name"]]).validate(arguments_of(call))


@pytest.mark.parametrize(
    ("expression", "value"),
    [("1 + 2 * 3", "7"), ("-(4 - 6) / 4", "0.5"), ("0.1 + 0.2", "0.3"), ("10 / 3", "3.333333333")],
)
def test_the_calculator_calculates(expression: str, value: str) -> None:
    assert calculate(expression) == value


@pytest.mark.parametrize(
    "expression",
    ["1 / 0", "2 ** 9", "__import__('os')", "a + 1", "1 +", "True + 1", "'a' * 3", "", "(" * 150, "1+" * 150],
)
def test_the_calculator_refuses_what_is_not_arithmetic(expression: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        calculate(expression)


def test_look_ups_fail_for_what_the_warehouse_does_not_know() -> None:
    with pytest.raises(LookupError, match="items are: bolt"):
        look_up_item("Hammers")
    with pytest.raises(LookupError):
        look_up_order("Z-999")
    with pytest.raises(RuntimeError, match="damaged"):
        look_up_order("B-201")


@pytest.mark.parametrize(
    "sample", [sample for sample in SAMPLES if sample.metadata["skill"] == "combined"], ids=lambda sample: sample.id
)
def test_combined_calculations_use_every_record_looked_up(sample: Sample) -> None:
    expression = sample.metadata["expected_calls"][-1]["example"]["expression"]
    numbers = {float(number) for number in re.findall(r"\d+(?:\.\d+)?", expression)}
    for record in results(sample)[:-1]:
        assert numbers & {float(value) for value in record.values() if isinstance(value, int | float)}


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.id)
def test_an_agent_that_does_as_expected_reaches_every_goal(sample: Sample) -> None:
    calls = []
    for call, result in zip(sample.metadata["expected_calls"], results(sample), strict=True):
        outcome = {"error": str(result)} if isinstance(result, Exception) else {"result": result}
        calls.append({"name": call["name"], "arguments": arguments_of(call), **outcome})
    messages = [{"role": "user", "content": sample.input}, {"role": "assistant", "content": sample.reference}]
    good = Output(sample_id=sample.id, text=str(sample.reference), tool_calls=calls, messages=messages)
    bad = Output(sample_id=sample.id, text="a guess", messages=messages)
    values = {scorer.name: scorer.score(sample, good).value for scorer in TASK.scorers}
    assert values["goal_reached"] == values["tool_call_match"] == 1.0
    detour = replace(good, tool_calls=[{"name": "calculate", "arguments": {"expression": "1 + 1"}}, *reversed(calls)])
    assert TASK.scorers[1].score(sample, detour).value == 1.0
    assert values["tool_errors"] == json.dumps(calls).count('"error"')
    assert [scorer.score(sample, bad).value for scorer in TASK.scorers[:2]] == [0.0, 0.0]
