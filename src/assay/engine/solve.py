"""Solvers: from a Sample to an Output, with every message of the way kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from assay.core.errors import DataError, ProviderError
from assay.core.protocols import Judge, ModelClient
from assay.core.records import GenerateParams, Message, ModelRequest, Output, Reply, Sample
from assay.core.task import Agent, Choices, Prompt, Task, Turns
from assay.engine.agent import AgentSolver
from assay.engine.prompts import LETTERS, PromptRenderer
from assay.engine.trajectory import failed_output, output_of, request_for


class Solver(Protocol):
    """Carries out one specification with one model."""

    async def solve(self, sample: Sample, *, epoch: int, client: ModelClient) -> Output:
        """The output; a call that failed for good is an output with ``error``, not an exception.

        Raises:
            ProviderError: The key is refused.
            BudgetExhaustedError: A call was not sent because it might not be payable.
            InvalidInputError: The prompt cannot be written for this sample.
        """
        ...

    def requests(self, sample: Sample) -> Sequence[ModelRequest]:
        """The calls that are known before any is made; for planning and pricing."""
        ...


class PromptSolver:
    """One call: prompt in, text out."""

    def __init__(self, prompt: Prompt, *, model: str, params: GenerateParams) -> None:
        self._renderer = PromptRenderer(prompt)
        self._model = model
        self._params = params

    def requests(self, sample: Sample) -> Sequence[ModelRequest]:
        return [self._request(sample, 0)]

    def _request(self, sample: Sample, epoch: int) -> ModelRequest:
        return request_for(self._renderer.render(sample), sample, epoch, model=self._model, params=self._params)

    async def solve(self, sample: Sample, *, epoch: int, client: ModelClient) -> Output:
        request = self._request(sample, epoch)
        try:
            reply = await client.generate(request)
        except ProviderError as error:
            return failed_output(sample, epoch, request, error)
        return output_of(sample, epoch, request, reply)


class ChoicesSolver:
    """One call that returns the log-likelihood of every choice; the text is the likeliest choice."""

    def __init__(self, spec: Choices, *, model: str, params: GenerateParams) -> None:
        self._renderer = PromptRenderer(replace(spec.prompt, completion=True))
        self._option = self._renderer.compile(spec.option_template)
        self._model = model
        self._params = params

    def requests(self, sample: Sample) -> Sequence[ModelRequest]:
        return [self._request(sample, 0)]

    def _request(self, sample: Sample, epoch: int) -> ModelRequest:
        request = request_for(self._renderer.render(sample), sample, epoch, model=self._model, params=self._params)
        options = [
            self._renderer.fill(self._option, sample, {"choice": choice, "letter": LETTERS[index % len(LETTERS)]})
            for index, choice in enumerate(sample.choices or ())
        ]
        if not options:
            raise DataError(
                f"sample {sample.id} has no choices to score",
                hint="give choices: in the data, or prompt for text instead",
                code="sample.no_choices",
            )
        return replace(request, options=options)

    async def solve(self, sample: Sample, *, epoch: int, client: ModelClient) -> Output:
        request = self._request(sample, epoch)
        try:
            reply = await client.generate(request)
        except ProviderError as error:
            return failed_output(sample, epoch, request, error)
        likelihoods = reply.option_logprobs
        if likelihoods is None or sample.choices is None:
            missing = ProviderError("the reply holds no option likelihoods", kind="bad_reply")
            return failed_output(sample, epoch, request, missing, replies=[reply])
        best = max(range(len(likelihoods)), key=lambda index: likelihoods[index])
        return replace(output_of(sample, epoch, request, reply), text=sample.choices[best])


class TurnsSolver:
    """A conversation of prepared user turns; the text is the last answer."""

    def __init__(self, spec: Turns, *, model: str, params: GenerateParams) -> None:
        self._renderers = [PromptRenderer(Prompt(template=turn)) for turn in spec.turns]
        self._system = spec.system
        self._model = model
        self._params = params

    def requests(self, sample: Sample) -> Sequence[ModelRequest]:
        first = self._opening()
        requests = []
        for renderer in self._renderers:
            first = [*first, *renderer.render(sample)]
            requests.append(request_for(tuple(first), sample, 0, model=self._model, params=self._params))
        return requests

    def _opening(self) -> list[Message]:
        return [{"role": "system", "content": self._system}] if self._system else []

    async def solve(self, sample: Sample, *, epoch: int, client: ModelClient) -> Output:
        messages, replies = self._opening(), list[Reply]()
        request = ModelRequest(model=self._model, messages=messages)
        for renderer in self._renderers:
            messages = [*messages, *renderer.render(sample)]
            request = request_for(tuple(messages), sample, epoch, model=self._model, params=self._params)
            try:
                reply = await client.generate(request)
            except ProviderError as error:
                return failed_output(sample, epoch, request, error, replies=replies)
            replies.append(reply)
            messages.append({"role": "assistant", "content": reply.text})
        return output_of(sample, epoch, request, *replies)


def make_solver(task: Task, *, model: str) -> Solver:
    """The solver of a task for one model."""
    spec = task.solver
    if isinstance(spec, Prompt):
        return PromptSolver(spec, model=model, params=task.generate)
    if isinstance(spec, Choices):
        return ChoicesSolver(spec, model=model, params=task.generate)
    if isinstance(spec, Turns):
        return TurnsSolver(spec, model=model, params=task.generate)
    return AgentSolver(spec, model=model, params=task.generate)


def judges_of(task: Task) -> list[Judge]:
    """The judges among a task's scorers and tiers."""
    judges: list[object] = list(task.scorers)
    if task.cascade is not None:
        judges += [tier.asks for tier in task.cascade.used]
    return [judge for judge in judges if isinstance(judge, Judge)]


def judge_models(task: Task) -> list[str]:
    """Models that the judges of a task ask, each once."""
    return list(dict.fromkeys(model for judge in judges_of(task) for model in judge.model.split("+")))


def required_capabilities(task: Task) -> frozenset[str]:
    """What the model must offer for this task: refused before the first call when it does not."""
    spec = task.solver
    needed = set[str]()
    if isinstance(spec, Choices):
        needed.add("options")
    elif isinstance(spec, Agent):
        needed.add("tools")
    elif isinstance(spec, Prompt) and spec.completion:
        needed.add("completion")
    else:
        needed.add("chat")
    if task.generate.logprobs:
        needed.add("logprobs")
    if task.generate.json_schema is not None:
        needed.add("json_schema")
    return frozenset(needed)
