"""One question to a model, its reply read strictly: one repair attempt, then no verdict and the reason."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from assay.core.errors import ProviderError
from assay.core.protocols import ModelClient
from assay.core.records import GenerateParams, Message, ModelRequest, Reply

Read = TypeVar("Read")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """Why a reply is no verdict.

    Attributes:
        reason: ``not_json``, ``refused``, ``off_scale``, ``ambiguous``, ``no_verdict``, ``empty``; ``cut_off`` where
            the reply reached its longest length.
        detail: What was seen, for people.
    """

    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form(Generic[Read]):
    """What a reply has to look like.

    Attributes:
        read: From the reply's text to what it says, or why it says nothing.
        reminder: Sent after an unreadable reply, once: the form in one sentence.
        json_schema: Sent where the provider can hold its model to it.
        repair: The form asked for after an unreadable reply where the provider can hold its model to a schema: a model
            that does not write what it is told writes what its grammar allows. This same form otherwise.
    """

    read: Callable[[str], Read | Unreadable]
    reminder: str
    json_schema: Mapping[str, Any] | None = None
    repair: Form[Read] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer(Generic[Read]):
    """What became of a question.

    Attributes:
        read: What the reply says; ``None`` with a ``reason``.
        replies: Every reply, in order; the last one was read.
    """

    read: Read | None
    reason: str | None = None
    detail: str = ""
    replies: Sequence[Reply] = ()

    @property
    def cost_usd(self) -> float | None:
        """Of all replies; ``None`` when a price is unknown."""
        costs = [reply.cost_usd for reply in self.replies]
        return None if any(cost is None for cost in costs) else sum(cost or 0.0 for cost in costs)

    @property
    def repaired(self) -> bool:
        """Whether the first reply could not be read and the second could."""
        return self.read is not None and len(self.replies) > 1


_THOUGHTS = re.compile(r"\s*<(think|thinking|reasoning)>.*?</\1>", re.DOTALL)


def spoken(text: str) -> str:
    """A reply without the thoughts some models write before it.

    Examples:
        >>> spoken("<think>A 3? No.</think>\\n4")
        '\\n4'
    """
    return text[found.end() :] if (found := _THOUGHTS.match(text)) else text


async def ask(
    messages: Sequence[Message],
    form: Form[Read],
    *,
    client: ModelClient,
    model: str,
    params: GenerateParams,
    replicate: int = 0,
    sample_id: str | None = None,
    timeout_s: float | None = None,
) -> Answer[Read]:
    """Ask, read strictly, repair once.

    What another model than the one asked for answered (fail-over) is no verdict of this judge: ``degraded``.

    Raises:
        BudgetExhaustedError: A call was not sent because it might not be payable.
        ProviderError: The key is refused (401): no other item would fare better. Every other failure of the provider
            is the reason of the answer.
    """
    held = "json_schema" in client.capabilities(model)
    forms = (form, form.repair if held and form.repair is not None else form)
    replies: list[Reply] = []
    said = messages
    unreadable = Unreadable(reason="no_verdict")
    for current in forms:
        request = ModelRequest(
            model=model,
            messages=said,
            params=_held_to(current, params) if held else params,
            replicate=replicate,
            sample_id=sample_id,
            timeout_s=timeout_s,
        )
        try:
            reply = await client.generate(request)
        except ProviderError as error:
            if error.status == 401:
                raise
            return Answer(read=None, reason=error.kind, detail=str(error), replies=replies)
        replies.append(reply)
        if reply.degraded:
            detail = f"{reply.model_served or 'another model'} answered instead of {model}"
            return Answer(read=None, reason="degraded", detail=detail, replies=replies)
        read = current.read(spoken(reply.text))
        if not isinstance(read, Unreadable):
            return Answer(read=read, replies=replies)
        unreadable = _because(read, reply)
        said = _reminded(messages, reply.text, forms[1].reminder)
    return Answer(read=None, reason=unreadable.reason, detail=unreadable.detail, replies=replies)


def _held_to(form: Form[Read], params: GenerateParams) -> GenerateParams:
    """With the form's schema; under a grammar log-probabilities are not those of what the model would have said."""
    if form.json_schema is None:
        return params
    return replace(params, json_schema=form.json_schema, logprobs=False, top_logprobs=None)


def _because(read: Unreadable, reply: Reply) -> Unreadable:
    """Why a reply cannot be read, where the provider knows it better than the text."""
    if reply.finish_reason == "content_filter":
        return Unreadable(reason="refused", detail="the provider's content filter ended the reply")
    if reply.finish_reason == "length":
        return Unreadable(reason="cut_off", detail="the reply reached max_tokens before its verdict")
    return read


def _reminded(messages: Sequence[Message], text: str, reminder: str) -> list[Message]:
    """The conversation with the reply and the reminder; an empty reply is none, and providers refuse to be sent one."""
    if text.strip():
        return [*messages, {"role": "assistant", "content": text}, {"role": "user", "content": reminder}]
    *before, last = messages
    return [*before, {**last, "content": f"{last['content']}\n\n{reminder}"}]
