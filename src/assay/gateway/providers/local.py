"""``local/``: small models in this process. No server to start, no key, no cost.

``local/gemma3-270m`` is a base model (completion, and multiple choice by the likelihood of the options),
``local/smollm2-135m-instruct`` a chat model, ``local/PATH.gguf`` any model llama.cpp can read.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Event, Lock
from typing import Any

from assay.core.errors import ProviderError, nearest
from assay.core.records import GenerateParams, ModelRequest, Reply, Usage
from assay.gateway.provider import Endpoint
from assay.gateway.providers.local_engine import Completion, LlamaEngine, StoppedError
from assay.gateway.providers.local_weights import Weights, default_cache_dir, find_weights

CONTEXT_TOKENS = 4096
DEFAULT_MAX_TOKENS = 512
SAMPLER_KEYS = frozenset(
    {"top_k", "min_p", "typical_p", "repeat_penalty", "repeat_last_n", "presence_penalty", "frequency_penalty"}
)
"""What ``generate.extra`` may hold for a local model, with llama.cpp's meaning."""


class _Seat:
    """A model of this process: loaded by its first call, one call at a time in a thread of its own."""

    def __init__(self, weights: Weights, *, n_ctx: int) -> None:
        self.users = 0
        self._weights = weights
        self._n_ctx = n_ctx
        self._engine: LlamaEngine | None = None
        self.worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"local-{weights.name}")

    def engine(self) -> LlamaEngine:
        """The loaded model; only for the worker thread."""
        if self._engine is None:
            self._engine = LlamaEngine(self._weights.prepare(), n_ctx=self._n_ctx)
        return self._engine

    def close(self) -> None:
        """Free the model once the call under way has ended."""
        self.worker.shutdown(wait=True, cancel_futures=True)
        if self._engine is not None:
            self._engine.close()
            self._engine = None


_seats: dict[tuple[str, int], _Seat] = {}  # every provider of the process shares them: weights are held once
_seats_lock = Lock()


class LocalProvider:
    """Models that run in this process through llama.cpp (extra ``[local]``).

    Calls to one model are answered one at a time in the order they came; the event loop stays free. Latency and
    timeout count from the moment the model turns to a call, not from when it was queued, and leave loading out. Equal
    requests get equal answers whatever was asked in between, when ``temperature`` is 0 or a ``seed`` is given.
    ``cached_tokens`` is not reported: it would depend on what was asked before.

    Where ``GenerateParams`` leaves a choice: temperature 1, no ``top_p``, ``top_k`` or ``min_p`` cut, 512 tokens.
    Log-probabilities are the model's own, from before temperature and sampler.

    Attributes:
        concurrency: Calls worth sending at once.
    """

    concurrency = 1

    def __init__(self, *, cache_dir: Path | None = None, n_ctx: int = CONTEXT_TOKENS) -> None:
        """Nothing is loaded yet.

        Args:
            cache_dir: Where weights that come in parts are put together; the user's cache directory by default.
            n_ctx: Tokens a prompt and its answer may have together.
        """
        self._cache_dir = cache_dir or default_cache_dir()
        self._n_ctx = n_ctx
        self._found: dict[str, Weights] = {}
        self._digests: dict[str, str] = {}
        self._held: dict[str, _Seat] = {}

    def capabilities(self, name: str) -> frozenset[str]:
        """Of ``chat, completion, options, logprobs, json_schema``; cheap, nothing is loaded.

        Raises:
            MissingExtraError: The extra ``[local]`` is not installed.
            NotFoundError: There is no such model or file; names the known ones.
            DataError: The file is not GGUF.
        """
        return self._weights(name).capabilities

    def identity(self, name: str) -> str:
        """Content hash of the weights, ``sha256:…``; raises like ``capabilities``."""
        if name not in self._digests:
            self._digests[name] = self._weights(name).digest()
        return self._digests[name]

    async def call(self, request: ModelRequest, *, name: str, endpoint: Endpoint) -> Reply:
        """Answer one request.

        Raises:
            ProviderError: ``context_overflow``, ``timeout``, or the model cannot do what is asked.
            MissingExtraError: The extra ``[local]`` is not installed.
            NotFoundError: There is no such model or file.
        """
        weights = self._weights(name)
        body = _request_body(request, weights)
        seat = self._seat(weights)
        timeout_s = request.timeout_s if request.timeout_s is not None else endpoint.timeout_s
        cancelled = Event()

        def answer() -> Reply:
            engine = seat.engine()
            started = time.perf_counter()

            def stopped() -> bool:
                return cancelled.is_set() or time.perf_counter() - started > timeout_s

            try:
                reply = _answer(engine, request, body, weights, stopped)
            except StoppedError as error:
                raise ProviderError(
                    f"local/{name} did not finish within {timeout_s:g} s",
                    hint="raise limits.timeout_s or lower max_tokens",
                    kind="timeout",
                    code="provider.timeout",
                ) from error
            return replace(reply, latency_s=time.perf_counter() - started)

        try:
            return await asyncio.wrap_future(seat.worker.submit(answer))
        except asyncio.CancelledError:
            cancelled.set()
            raise

    async def close(self) -> None:
        """Let the models go; each is freed when the last provider that holds it is closed."""
        held, self._held = self._held, {}
        for key, seat in held.items():
            with _seats_lock:
                seat.users -= 1
                if seat.users:
                    continue
                del _seats[key, self._n_ctx]
            await asyncio.to_thread(seat.close)

    def _weights(self, name: str) -> Weights:
        if name not in self._found:
            self._found[name] = find_weights(name, cache_dir=self._cache_dir)
        return self._found[name]

    def _seat(self, weights: Weights) -> _Seat:
        if weights.key not in self._held:
            with _seats_lock:
                seat = _seats.setdefault((weights.key, self._n_ctx), _Seat(weights, n_ctx=self._n_ctx))
                seat.users += 1
            self._held[weights.key] = seat
        return self._held[weights.key]


def _request_body(request: ModelRequest, weights: Weights) -> dict[str, Any]:
    """The llama.cpp request without its prompt; refuses what the model cannot do."""
    if request.messages is not None and not weights.chat:
        raise ProviderError(
            f"local/{weights.name} is a base model: it continues text and does not chat",
            hint="set completion: true, or take local/smollm2-135m-instruct",
        )
    if request.tools:
        raise ProviderError(f"local/{weights.name} does not call tools", hint="take a model that does")
    params = request.params
    unknown = sorted(set(params.extra) - SAMPLER_KEYS)
    if unknown:
        raise ProviderError(
            f"local models do not know the parameter {unknown[0]!r}", hint=nearest(unknown[0], SAMPLER_KEYS)
        )
    body: dict[str, Any] = {
        "n_predict": DEFAULT_MAX_TOKENS if params.max_tokens is None else params.max_tokens,
        "temperature": 1.0 if params.temperature is None else params.temperature,
        "top_p": 1.0 if params.top_p is None else params.top_p,
        "top_k": 0,
        "min_p": 0.0,
        **params.extra,
        "cache_prompt": True,
    }
    if params.seed is not None:
        body["seed"] = params.seed % (2**32 - 1)  # 2**32 - 1 asks llama.cpp for a random one
    if params.stop:
        body["stop"] = list(params.stop)
    if params.logprobs:
        body["n_probs"] = max(1, params.top_logprobs or 0)
    if params.json_schema is not None:
        _check_schema(params.json_schema)
        body["json_schema"] = params.json_schema
    return body


def _check_schema(schema: Mapping[str, Any]) -> None:
    from jsonschema.exceptions import SchemaError
    from jsonschema.validators import validator_for

    try:
        validator_for(schema).check_schema(dict(schema))
    except SchemaError as error:
        raise ProviderError(
            f"the JSON schema is not valid: {error.message}", hint="correct generate.json_schema"
        ) from error


def _check_obeyed(text: str, schema: Mapping[str, Any]) -> None:
    """Refuse a finished reply that breaks its schema: llama.cpp drops a schema it cannot enforce without a word."""
    from jsonschema import ValidationError, validate

    try:
        validate(json.loads(text), schema)
    except (json.JSONDecodeError, ValidationError) as error:
        raise ProviderError(
            "the local model's reply breaks the JSON schema: llama.cpp cannot enforce every keyword",
            hint="use plain types, properties, required and enum",
            kind="bad_reply",
        ) from error


def _answer(
    engine: LlamaEngine, request: ModelRequest, body: Mapping[str, Any], weights: Weights, stopped: Callable[[], bool]
) -> Reply:
    chat = request.messages is not None
    prompt = engine.chat_prompt(request.messages) if request.messages is not None else request.prompt or ""
    if request.options is not None:
        values, read = engine.option_logprobs(prompt, request.options, special=chat, stopped=stopped)
        best = max(range(len(values)), key=values.__getitem__)
        usage = Usage(input_tokens=read, output_tokens=0)
        return Reply(
            text=request.options[best],
            finish_reason="stop",
            option_logprobs=values,
            usage=usage,
            model_served=weights.name,
        )
    done = engine.complete({**body, "prompt": engine.tokenize(prompt, special=chat)}, stopped=stopped)
    schema = request.params.json_schema
    if schema is not None and done.finish_reason == "stop":
        _check_obeyed(done.text, schema)
    return Reply(
        text=done.text,
        finish_reason=done.finish_reason,
        logprobs=_logprobs(done, request.params) if request.params.logprobs else None,
        usage=Usage(input_tokens=done.input_tokens, output_tokens=done.output_tokens),
        model_served=weights.name,
    )


def _logprobs(done: Completion, params: GenerateParams) -> list[Mapping[str, Any]]:
    top = params.top_logprobs or 0
    return [
        {
            "token": entry["token"],
            "logprob": entry["logprob"],
            "top": [{"token": other["token"], "logprob": other["logprob"]} for other in entry["top_logprobs"][:top]],
        }
        for entry in done.tokens
    ]
