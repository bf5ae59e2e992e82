"""The OpenAI wire format: ``chat/completions`` and ``completions``, for OpenAI and everything that speaks like it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from assay.core.errors import ProviderError
from assay.core.records import GenerateParams, ModelRequest, Reply, Usage
from assay.gateway.provider import BatchService, Endpoint, bad_reply, error_of, heard, read_json
from assay.gateway.providers.presets import Preset
from assay.gateway.transport import Transport

"""OpenAI's reasoning models refuse ``max_tokens`` and want ``max_completion_tokens``."""
_ERROR_KINDS = {400: "provider_error", 429: "rate_limited"}


class OpenAIProvider:
    """Calls one service. Parts of messages (images …) and ``params.extra`` are passed through as they are."""

    def __init__(self, preset: Preset, transport: Transport) -> None:
        self._preset = preset
        self._transport = transport
        self._addresses: dict[tuple[str, str | None, bool], tuple[str, dict[str, str]]] = {}
        self._params: tuple[GenerateParams, bool, dict[str, Any]] | None = None

    def capabilities(self, name: str) -> frozenset[str]:
        return self._preset.offers(name)

    async def call(self, request: ModelRequest, *, name: str, endpoint: Endpoint) -> Reply:
        url, headers = self._address(endpoint, chat=request.messages is not None)
        body = self.request_body(request, name)
        document = await post(self._transport, url, headers, body, request=request, endpoint=endpoint)
        return read_reply(document, request)

    def batches(self) -> BatchService | None:
        """The service's batch endpoint, where it has one."""
        if not self._preset.batches:
            return None
        from assay.gateway.providers.openai_batches import OpenAIBatches

        return OpenAIBatches(self, self._transport)

    def request_body(self, request: ModelRequest, name: str) -> dict[str, Any]:
        """What is posted for a request, alone or as a line of a batch."""
        if request.options is not None:
            return _option_body(request, name)
        chat = request.messages is not None
        body = {"model": name, **self._parameters(request.params, chat=chat, name=name)}
        if not chat:
            body["prompt"] = request.prompt
            return body
        body["messages"] = request.messages
        if request.tools:
            body["tools"] = request.tools
        return body

    def _address(self, endpoint: Endpoint, *, chat: bool) -> tuple[str, dict[str, str]]:
        key = (endpoint.base_url, endpoint.api_key, chat)
        known = self._addresses.get(key)
        if known is None:
            known = self._addresses[key] = self.address(endpoint, "/chat/completions" if chat else "/completions")
        return known

    def address(self, endpoint: Endpoint, path: str) -> tuple[str, dict[str, str]]:
        """URL of a path at an endpoint, and the headers sent there."""
        base, mark, query = endpoint.base_url.partition("?")
        base = base.rstrip("/")
        if self._preset.path and "/openai" not in base:
            base += self._preset.path
        headers = {"content-type": "application/json"}
        if endpoint.api_key:
            bearer = self._preset.key_header == "authorization"
            headers[self._preset.key_header] = f"Bearer {endpoint.api_key}" if bearer else endpoint.api_key
        return f"{base}{path}{mark}{query}", headers

    def _parameters(self, params: GenerateParams, *, chat: bool, name: str) -> dict[str, Any]:
        """The body's parameters; a run uses one set of them for thousands of calls."""
        if self._params is None or self._params[0] is not params or self._params[1] is not chat:
            self._params = (params, chat, parameters(params, chat=chat))
        body = self._params[2]
        if "max_tokens" in body and self._preset.reasons(name):
            body = {key: value for key, value in body.items() if key != "max_tokens"}
            body["max_completion_tokens"] = params.max_tokens
        return body


def read_reply(document: Mapping[str, Any], request: ModelRequest) -> Reply:
    """What a service has answered, alone or in a batch.

    Raises:
        ProviderError: It is an error, or no reply to this kind of request.
    """
    if "error" in document and "choices" not in document:
        raise _error_in_reply(document, request.model)
    if request.options is not None:
        return _option_reply(document, request)
    if request.messages is not None:
        return _chat_reply(document, request.model)
    return _completion_reply(document, request.model)


def parameters(params: GenerateParams, *, chat: bool) -> dict[str, Any]:
    """Sampling parameters in the wire's words; what is not set is not sent.

    Examples:
        >>> parameters(GenerateParams(temperature=0, max_tokens=5), chat=True)
        {'temperature': 0, 'max_tokens': 5}
    """
    body: dict[str, Any] = {}
    for key in ("temperature", "top_p", "max_tokens", "seed"):
        value = getattr(params, key)
        if value is not None:
            body[key] = value
    if params.stop:
        body["stop"] = list(params.stop)
    if params.logprobs:
        body["logprobs"] = True if chat else params.top_logprobs or 0
        if chat and params.top_logprobs:
            body["top_logprobs"] = params.top_logprobs
    if params.json_schema is not None:
        schema = {"name": "reply", "strict": True, "schema": params.json_schema}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    body.update(params.extra)
    return body


async def post(
    transport: Transport,
    url: str,
    headers: Mapping[str, str],
    body: Mapping[str, Any],
    *,
    request: ModelRequest,
    endpoint: Endpoint,
) -> dict[str, Any]:
    """Send a JSON body and read the JSON reply.

    Raises:
        ProviderError: Timeout, no connection, a status other than 200, a body that is not a JSON object.
    """
    timeout_s = request.timeout_s or endpoint.timeout_s
    encoded = encoded_body(body, request)
    reply = await heard(
        transport.send(url, headers=headers, body=encoded, timeout_s=timeout_s), model=request.model, endpoint=endpoint
    )
    if reply.status != 200:
        raise error_of(reply, model=request.model)
    return read_json(reply, model=request.model)


def encoded_body(body: Mapping[str, Any], request: ModelRequest) -> bytes:
    """A body as JSON.

    Raises:
        ProviderError: Something in it is not (``bad_request``).
    """
    try:
        return orjson.dumps(body)
    except TypeError as error:
        raise ProviderError(f"{request.model}: the request is not JSON: {error}", kind="bad_request") from error


def _error_in_reply(document: Mapping[str, Any], model: str) -> ProviderError:
    """Some routers answer 200 with the upstream's error inside."""
    error = document["error"]
    code = error.get("code") if isinstance(error, dict) else None
    message = error.get("message") if isinstance(error, dict) else error
    retryable = not isinstance(code, int) or code == 429 or code >= 500
    kind = _ERROR_KINDS.get(code, "provider_error") if isinstance(code, int) else "provider_error"
    return ProviderError(
        f"{model}: {message}", kind=kind, status=code if isinstance(code, int) else None, retryable=retryable
    )


def _chat_reply(document: Mapping[str, Any], model: str) -> Reply:
    try:
        choice = document["choices"][0]
        message = choice["message"]
        content = message.get("content")
        calls = message.get("tool_calls")
        logprobs = choice.get("logprobs")
        return Reply(
            text=content if type(content) is str else _text(content, message),
            finish_reason=choice.get("finish_reason"),
            tool_calls=[_tool_call(call) for call in calls] if calls else (),
            logprobs=[_chat_token(token) for token in logprobs["content"]]
            if logprobs and logprobs.get("content")
            else None,
            usage=_usage(document.get("usage")),
            model_served=document.get("model"),
        )
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise bad_reply(model, f"the reply is not a chat completion ({error!r})") from error


def _text(content: Any, message: Mapping[str, Any]) -> str:
    if content is None:
        return message.get("refusal") or ""
    return "".join(part["text"] for part in content if part.get("type") == "text")


def _tool_call(call: Mapping[str, Any]) -> dict[str, Any]:
    function = call["function"]
    arguments = function.get("arguments") or "{}"
    if not isinstance(arguments, str):
        arguments = orjson.dumps(arguments).decode()
    return {"id": call.get("id") or function["name"], "name": function["name"], "arguments": arguments}


def _chat_token(token: Mapping[str, Any]) -> dict[str, Any]:
    top = [{"token": other["token"], "logprob": other["logprob"]} for other in token.get("top_logprobs") or ()]
    return {"token": token["token"], "logprob": token["logprob"], "top": top}


def _usage(counted: Mapping[str, Any] | None) -> Usage:
    if not counted:
        return Usage()
    details = counted.get("prompt_tokens_details")
    return Usage(
        input_tokens=counted.get("prompt_tokens"),
        output_tokens=counted.get("completion_tokens"),
        cached_tokens=details.get("cached_tokens") if details else None,
    )


def _completion_reply(document: Mapping[str, Any], model: str) -> Reply:
    try:
        choice = document["choices"][0]
        logprobs = choice.get("logprobs")
        return Reply(
            text=choice["text"],
            finish_reason=choice.get("finish_reason"),
            logprobs=_completion_tokens(logprobs) if logprobs else None,
            usage=_usage(document.get("usage")),
            model_served=document.get("model"),
        )
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise bad_reply(model, f"the reply is not a completion ({error!r})") from error


def _completion_tokens(logprobs: Mapping[str, Any]) -> list[dict[str, Any]]:
    tokens, values = logprobs["tokens"], logprobs["token_logprobs"]
    tops = logprobs.get("top_logprobs") or [None] * len(tokens)
    return [
        {
            "token": token,
            "logprob": value,
            "top": [{"token": other, "logprob": number} for other, number in (top or {}).items()],
        }
        for token, value, top in zip(tokens, values, tops, strict=True)
    ]


def _option_body(request: ModelRequest, name: str) -> dict[str, Any]:
    """One request for all options: the server echoes prompt + option with the log-probability of every token.

    One token is generated and ignored: servers that echo do not all accept ``max_tokens`` 0.
    """
    if request.prompt is None:
        raise ProviderError(
            f"{request.model}: options are scored after a prompt, not after chat messages",
            hint="give the task a prompt template with completion: true",
            kind="bad_request",
        )
    prompts = [request.prompt + option for option in request.options or ()]
    return {
        "model": name,
        "prompt": prompts,
        "max_tokens": 1,
        "temperature": 0,
        "echo": True,
        "logprobs": 1,
        **request.params.extra,
    }


def _option_reply(document: Mapping[str, Any], request: ModelRequest) -> Reply:
    options, prompt = request.options or (), request.prompt or ""
    try:
        choices = sorted(document["choices"], key=lambda choice: choice.get("index", 0))
        if len(choices) != len(options):
            raise bad_reply(request.model, f"{len(choices)} replies for {len(options)} options")
        totals = [
            option_logprob(choice["logprobs"], start=len(prompt), end=len(prompt) + len(option))
            for choice, option in zip(choices, options, strict=True)
        ]
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise ProviderError(
            f"{request.model}: the server does not give log-probabilities of the prompt ({error!r})",
            hint="use a server with echo and logprobs (vllm/), a local/ model, or style=letter",
            kind="bad_reply",
        ) from error
    return Reply(
        text="", option_logprobs=totals, usage=_usage(document.get("usage")), model_served=document.get("model")
    )


def option_logprob(logprobs: Mapping[str, Any], *, start: int, end: int) -> float:
    """Total log-likelihood, in nats, of the characters ``[start, end)`` of an echoed text.

    A token that lies across ``start`` (prompt and option merged by the tokenizer) counts as the option's; tokens from
    ``end`` on are the generated ones.

    Examples:
        >>> echoed = {"tokens": ["A", " b", " c"], "token_logprobs": [None, -1.0, -2.0], "text_offset": [0, 1, 3]}
        >>> option_logprob(echoed, start=1, end=3)
        -1.0
    """
    total = 0.0
    for token, value, offset in zip(
        logprobs["tokens"], logprobs["token_logprobs"], logprobs["text_offset"], strict=True
    ):
        if offset + len(token) > start and offset < end:
            total += value
    return total
