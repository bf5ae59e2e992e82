"""Scorers of what an agent did on its way to the answer."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from assay.core.records import Output, Sample, Score
from assay.scorers.base import NO_REFERENCE, BaseScorer, Measurement
from assay.scorers.exact import ExactMatch, Includes
from assay.scorers.numeric import Numeric

Call = Mapping[str, Any]


def same_json(first: Any, second: Any) -> bool:
    """Equality of JSON values: numbers by value, but ``true`` is not 1; order of keys does not matter.

    Examples:
        >>> same_json({"a": [1, True]}, {"a": [1.0, True]}), same_json(1, True)
        (True, False)
    """
    if isinstance(first, bool) or isinstance(second, bool):
        return first is second
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        return first.keys() == second.keys() and all(same_json(first[key], second[key]) for key in first)
    if _is_list(first) and _is_list(second):
        return len(first) == len(second) and all(same_json(a, b) for a, b in zip(first, second, strict=True))
    return bool(first == second)


def holds_json(whole: Any, part: Any) -> bool:
    """Whether ``whole`` has every key of ``part`` with a value that holds it; other values must be equal."""
    if isinstance(whole, Mapping) and isinstance(part, Mapping):
        return all(key in whole and holds_json(whole[key], part[key]) for key in part)
    return same_json(whole, part)


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _decoded(value: Any) -> Any:
    """Arguments or results that arrive as JSON text, as the value they stand for; other text as it is."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


@dataclass(frozen=True, kw_only=True)
class GoalReached(BaseScorer):
    """1 where the agent reached its goal, else 0.

    The goal is the sample's reference (the final answer must match it), or ``metadata.goal_state``, or both. The
    state is ``{tool: result}``: the last call of that tool that did not fail must have returned a result that holds
    the one given. An agent stopped by its step limit has given no final answer.

    Attributes:
        match: How the final answer is compared: ``includes`` (as whole words), ``exact`` or ``numeric``.
        state_key: Metadata key of the goal state.

    Examples:
        >>> sample = Sample(id="1", input="", metadata={"goal_state": {"book": {"status": "booked"}}})
        >>> calls = [{"name": "book", "arguments": {}, "result": {"status": "booked", "seat": "3A"}}]
        >>> GoalReached().score(sample, Output(sample_id="1", tool_calls=calls)).value
        1.0
    """

    name: str = "goal_reached"
    unit: ClassVar[str] = "share"
    match: str = "includes"
    state_key: str = "goal_state"

    def _check(self) -> None:
        self._one_of("match", ("includes", "exact", "numeric"))

    def _score(self, sample: Sample, output: Output) -> Score:
        state = sample.metadata.get(self.state_key)
        if state is None and not sample.references():
            return self._unscored(sample, output, f"{NO_REFERENCE} and no metadata.{self.state_key}")
        if sample.references():
            if output.finish_reason == "step_limit":
                return self._value(sample, output, 0.0, label="step limit", explanation="no final answer")
            if not self._answered(output.text, sample.references()):
                return self._value(sample, output, 0.0, label="wrong answer", explanation="the final answer is wrong")
        for tool, wanted in (state or {}).items():
            results = [call["result"] for call in output.tool_calls if call["name"] == tool and "result" in call]
            if not results or not holds_json(_decoded(results[-1]), wanted):
                problem = f"{tool} last returned {results[-1]!r}" if results else f"{tool} never returned anything"
                return self._value(sample, output, 0.0, label="wrong state", explanation=problem)
        return self._value(sample, output, 1.0, label="reached")

    def _answered(self, text: str, references: Sequence[str]) -> bool:
        if self.match == "numeric":
            return Numeric().score_many([text], [references]) == [1.0]
        comparison = ExactMatch() if self.match == "exact" else Includes(whole_words=True)
        return comparison.value_of(text, references) == 1.0


@dataclass(frozen=True, kw_only=True)
class ToolCallMatch(BaseScorer):
    """Whether the agent made the calls expected of it: ``metadata.expected_calls``, ``[{"name", "arguments"}, …]``.

    Every call counts, failed ones too: whether a call was the right one does not depend on the tool's luck. An
    expected call without ``arguments`` fits any. 1 when all expected calls were made (and, unless ``extra`` is set, no
    others), else 0; with ``graded`` the F1 of expected and made calls (their recall where ``extra`` is set).

    Attributes:
        ordered: The calls must come in the order given.
        arguments: ``exact``, ``subset`` (the expected arguments are among those given) or ``ignore``.
        extra: Further calls are allowed.
        graded: Partial credit.
        calls_key: Metadata key of the expected calls.

    Examples:
        >>> sample = Sample(id="1", input="", metadata={"expected_calls": [{"name": "add", "arguments": {"a": 1}}]})
        >>> made = [{"name": "add", "arguments": {"a": 1}, "result": 2}]
        >>> ToolCallMatch().score(sample, Output(sample_id="1", tool_calls=made)).value
        1.0
    """

    name: str = "tool_call_match"
    ordered: bool = True
    arguments: str = "exact"
    extra: bool = False
    graded: bool = False
    calls_key: str = "expected_calls"

    def _check(self) -> None:
        self._one_of("arguments", ("exact", "subset", "ignore"))

    @property
    def unit(self) -> str:  # type: ignore[override]
        """``share`` of samples, or ``score`` where graded."""
        return "score" if self.graded else "share"

    def _score(self, sample: Sample, output: Output) -> Score:
        expected = sample.metadata.get(self.calls_key)
        if expected is None:
            return self._unscored(sample, output, f"sample has no metadata.{self.calls_key}")
        made = output.tool_calls
        fits = [[self._fits(want, call) for call in made] for want in expected]
        matched = _in_order(fits, len(made)) if self.ordered else _assigned(fits)
        label = f"{matched} of {len(expected)} expected, {len(made)} made"
        total = len(expected) if self.extra else len(expected) + len(made)
        share = 1.0 if not total else matched * (1.0 if self.extra else 2.0) / total
        return self._value(sample, output, share if self.graded else float(share == 1.0), label=label)

    def _fits(self, expected: Call, made: Call) -> bool:
        if expected["name"] != made["name"]:
            return False
        if self.arguments == "ignore" or expected.get("arguments") is None:
            return True
        wanted, given = _decoded(expected["arguments"]), _decoded(made.get("arguments"))
        return holds_json(given, wanted) if self.arguments == "subset" else same_json(given, wanted)


def _in_order(fits: Sequence[Sequence[bool]], made: int) -> int:
    """Longest common subsequence of expected and made calls."""
    row = [0] * (made + 1)
    for wanted in fits:
        above, row = row, [0] * (made + 1)
        for column, fit in enumerate(wanted):
            row[column + 1] = above[column] + 1 if fit else max(above[column + 1], row[column])
    return row[-1]


def _assigned(fits: Sequence[Sequence[bool]]) -> int:
    """Most expected calls that can each have a made call of their own (augmenting paths)."""
    owner: dict[int, int] = {}

    def place(want: int, tried: set[int]) -> bool:
        for call, fit in enumerate(fits[want]):
            if fit and call not in tried:
                tried.add(call)
                if call not in owner or place(owner[call], tried):
                    owner[call] = want
                    return True
        return False

    return sum(place(want, set()) for want in range(len(fits)))


@dataclass(frozen=True, kw_only=True)
class Steps(Measurement):
    """Model calls made after the last user message; fewer is better."""

    name: str = "steps"
    unit: ClassVar[str] = "steps"
    higher_is_better: ClassVar[bool | None] = False
    absent: ClassVar[str] = "no trajectory recorded"

    def measure(self, output: Output) -> float | None:
        """The count, which is at least 0."""
        if not output.messages:
            return None
        steps = 0
        for message in reversed(output.messages):
            if message.get("role") in ("user", "prompt"):
                break
            steps += message.get("role") == "assistant"
        if output.finish_reason == "step_limit" and steps > 1:
            steps -= 1  # such a conversation repeats the last reply after the tools' answers to it
        return steps


@dataclass(frozen=True, kw_only=True)
class ToolErrors(BaseScorer):
    """Tool calls that failed: unknown tool, bad arguments, or the tool raised; fewer is better."""

    name: str = "tool_errors"
    unit: ClassVar[str] = "calls"
    higher_is_better: ClassVar[bool | None] = False

    def _score(self, sample: Sample, output: Output) -> Score:
        failed = [call for call in output.tool_calls if call.get("error") is not None]
        explanation = f"{failed[0]['name']}: {failed[0]['error']}" if failed else None
        return self._value(sample, output, float(len(failed)), explanation=explanation)
