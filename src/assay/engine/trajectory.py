"""From requests and replies to an Output: one place that adds up usage, cost and time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from assay.core.errors import ProviderError
from assay.core.records import GenerateParams, Message, ModelRequest, Output, Reply, Sample, Usage


def request_for(
    rendered: Sequence[Message] | str, sample: Sample, epoch: int, *, model: str, params: GenerateParams
) -> ModelRequest:
    """The call for a rendered prompt; each epoch is a replicate, with its own seed where one is set."""
    if epoch and params.seed is not None:
        params = replace(params, seed=params.seed + epoch)
    is_text = isinstance(rendered, str)
    return ModelRequest(
        model=model,
        messages=None if is_text else rendered,  # type: ignore[arg-type]
        prompt=rendered if is_text else None,  # type: ignore[arg-type]
        params=params,
        replicate=epoch,
        sample_id=sample.id,
    )


def output_of(
    sample: Sample,
    epoch: int,
    request: ModelRequest,
    *replies: Reply,
    tool_calls: Sequence[Mapping[str, Any]] = (),
    finish_reason: str | None = None,
) -> Output:
    """The output of a trajectory that ended with the last reply to ``request``."""
    last = replies[-1]
    sent = request.messages if request.messages is not None else ({"role": "prompt", "content": request.prompt},)
    return Output(
        sample_id=sample.id,
        epoch=epoch,
        text=last.text,
        messages=(*sent, {"role": "assistant", "content": last.text}),
        tool_calls=tool_calls,
        finish_reason=finish_reason or last.finish_reason,
        usage=last.usage if len(replies) == 1 else sum((reply.usage for reply in replies), Usage()),
        latency_s=_total_latency(replies),
        model=request.model,
        model_served=last.model_served,
        cost_usd=_total_cost(replies),
        logprobs=last.logprobs,
        option_logprobs=last.option_logprobs,
        degraded=last.degraded if len(replies) == 1 else any(reply.degraded for reply in replies),
        calls=len(replies),
        cached_calls=int(last.cached) if len(replies) == 1 else sum(reply.cached for reply in replies),
    )


def failed_output(
    sample: Sample,
    epoch: int,
    request: ModelRequest,
    error: ProviderError,
    *,
    replies: Sequence[Reply] = (),
    tool_calls: Sequence[Mapping[str, Any]] = (),
) -> Output:
    """The output of a trajectory that a failed call ended: what was paid stays on record.

    Raises:
        ProviderError: The same error, when the key is refused (401): no other item would fare better.
    """
    if error.status == HTTPStatus.UNAUTHORIZED:
        raise error
    return Output(
        sample_id=sample.id,
        epoch=epoch,
        messages=request.messages or ({"role": "prompt", "content": request.prompt},),
        tool_calls=tool_calls,
        usage=sum((reply.usage for reply in replies), Usage()),
        latency_s=_total_latency(replies) if replies else None,
        model=request.model,
        cost_usd=_total_cost(replies),
        error=error.kind,
        finish_reason=f"{error}"[:500],
        calls=len(replies),
        cached_calls=sum(reply.cached for reply in replies),
    )


def _total_latency(replies: Sequence[Reply]) -> float | None:
    if len(replies) == 1:
        return replies[0].latency_s
    known = [reply.latency_s for reply in replies if reply.latency_s is not None]
    return sum(known) if len(known) == len(replies) else None


def _total_cost(replies: Sequence[Reply]) -> float | None:
    if len(replies) == 1:
        return replies[0].cost_usd
    costs = [reply.cost_usd for reply in replies]
    known = [cost for cost in costs if cost is not None]
    return sum(known) if len(known) == len(costs) else None
