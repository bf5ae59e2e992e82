"""One GGUF model in this process, through llama.cpp: tokens, text and exact likelihoods. Every method blocks.

Three settings make an answer a function of the request alone, not of what was asked before:

* one thread: two collapse on busy cores;
* batches of one token (``n_ubatch = 1``): the kernels for several tokens round differently, so that with larger
  batches a likelihood moved by up to 0.2 nats with the part of its prompt that was still in the cache. It costs 1.8
  times the seconds per fresh prompt token (6.8 against 3.8 ms, Gemma 270M) and nothing on cached ones;
* the whole cache of models with a sliding window (``swa_full``), else their prefixes could not be used again.
"""

from __future__ import annotations

import http.client
import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from assay.core.errors import ProviderError

CANCEL_EVERY_TOKENS = 64
"""While a prompt is read, a stopped call ends after at most so many tokens."""
SHARED_TOP = 256
"""Likeliest tokens asked for where options part; an option's token that is not among them is asked for singly."""
_FORCE = 1e4  # logit added to a token that must be sampled; reported log-probabilities are from before it
_HTTP_TIMEOUT_S = 60.0

Stopped = Callable[[], bool]


class StoppedError(Exception):
    """The caller no longer wants the answer."""


@dataclass(slots=True, kw_only=True)
class Completion:
    """What one pass through the model gave."""

    text: str = ""
    tokens: list[Mapping[str, Any]] = field(default_factory=list)
    finish_reason: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None


class LlamaEngine:
    """A loaded model. Not for use from several threads at once.

    llama.cpp answers completions in-process; only tokenising and the chat template go over its loopback port, which
    a random key guards.
    """

    def __init__(self, path: Path, *, n_ctx: int) -> None:
        import xllamacpp

        self._key = secrets.token_hex(16)
        self.n_ctx = n_ctx
        params = xllamacpp.CommonParams()
        params.model.path = str(path)
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
        params.n_ctx, params.n_parallel = n_ctx, 1
        params.n_batch, params.n_ubatch = CANCEL_EVERY_TOKENS, 1
        params.swa_full, params.warmup, params.fit_params = True, False, False
        params.cache_ram_mib = 0  # no second copy of old prompts in memory
        params.verbosity = -1  # below every level: nothing is written to stdout or stderr
        params.ui = params.endpoint_slots = False
        params.n_threads_http = 1
        params.api_keys = [self._key]
        try:
            self._server = xllamacpp.Server(params)
        except RuntimeError as error:
            raise ProviderError(
                f"the model file {path} cannot be loaded: {error}",
                hint="check that the file is whole and that this llama.cpp knows its architecture",
                code="model.load_failed",
            ) from error
        address = urlsplit(str(self._server.listening_address))
        self._host, self._port = address.hostname or "127.0.0.1", address.port

    def close(self) -> None:
        """Free the model."""
        del self._server

    def tokenize(self, text: str, *, special: bool = False) -> list[int]:
        """Token ids, the model's own start token included; ``special`` reads markers such as ``<|im_start|>``."""
        body = {"content": text, "add_special": True, "parse_special": special}
        return [int(token) for token in self._post("/tokenize", body)["tokens"]]

    def chat_prompt(self, messages: Sequence[Mapping[str, Any]]) -> str:
        """The messages in the model's own chat template, up to where the assistant speaks."""
        return str(self._post("/apply-template", {"messages": list(messages)})["prompt"])

    def _post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        connection = http.client.HTTPConnection(self._host, self._port, timeout=_HTTP_TIMEOUT_S)
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        try:
            connection.request("POST", path, json.dumps(body).encode(), headers)
            reply: dict[str, Any] = json.loads(connection.getresponse().read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise ProviderError(
                f"the local model did not answer {path}: {error}", kind="unavailable", retryable=True
            ) from error
        finally:
            connection.close()
        if "error" in reply:
            raise _provider_error(reply["error"])
        return reply

    def complete(self, body: Mapping[str, Any], *, stopped: Stopped) -> Completion:
        """One completion; ``body`` is a llama.cpp request without the streaming keys.

        Raises:
            StoppedError: ``stopped`` became true on the way.
            ProviderError: The request cannot be answered.
        """
        done, failure, halted = Completion(), list[Any](), False

        def receive(chunk: Mapping[str, Any]) -> bool:
            nonlocal halted
            if "error" in chunk:
                failure.append(chunk["error"])
            else:
                _add_chunk(done, chunk)
            halted = stopped()
            return halted

        if stopped():
            raise StoppedError
        streamed = {**body, "stream": True, "return_progress": True, "stream_options": {"include_usage": True}}
        try:
            self._server.handle_completions(streamed, receive)
        except (RuntimeError, ValueError) as error:
            raise ProviderError(f"the local model refused the request: {error}") from error
        if failure:
            raise _provider_error(failure[0])
        if halted and done.finish_reason is None:
            raise StoppedError
        if done.finish_reason is None:
            raise ProviderError("the local model ended without a finish reason", kind="bad_reply", retryable=True)
        return done

    def option_logprobs(
        self, prompt: str, options: Sequence[str], *, special: bool = False, stopped: Stopped
    ) -> tuple[list[float], int]:
        """Total log-likelihood of each option as the continuation of the prompt, in nats, and the tokens read.

        Boundary rule: prompt + option is tokenised as one text, and every option is scored from the same place, the
        longest run of tokens that the prompt and all these texts begin with. When options begin with a space and the
        prompt does not end with one, that place is the end of the prompt. When a token grows across the boundary
        (``"is "`` + ``"Paris"``), scoring starts before it for all options alike: totals then include the prompt's
        last piece of text and remain comparable among the options.

        Log-probabilities are of the full next-token distribution, before temperature or any other sampler, in single
        precision: within about 1e-4 nats.
        """
        start, tails = self._tails(prompt, options, special=special)
        longest = len(start) + max(map(len, tails))
        if longest > self.n_ctx:
            raise _overflow(longest, self.n_ctx)
        total = dict.fromkeys(range(len(tails)), 0.0)
        read = len(start) + sum(map(len, tails))
        # depth first over the tree of continuations: neighbours share the most cache
        pending: list[tuple[int, list[int]]] = [(0, list(total))]
        while pending:
            depth, members = pending.pop()
            prefix = tails[members[0]][:depth]
            groups: dict[int, list[int]] = {}
            for index in members:
                groups.setdefault(tails[index][depth], []).append(index)
            known = self._next_logprobs([*start, *prefix], list(groups), stopped=stopped)
            for token, group in groups.items():
                for index in group:
                    total[index] += known[token]
                longer = [index for index in group if len(tails[index]) > depth + 1]
                if longer:
                    pending.append((depth + 1, longer))
        return [total[index] for index in range(len(tails))], read

    def _tails(self, prompt: str, options: Sequence[str], *, special: bool) -> tuple[list[int], list[list[int]]]:
        prompt_ids = self.tokenize(prompt, special=special)
        joint = [self.tokenize(prompt + option, special=special) for option in options]
        at = min(_shared(prompt_ids, ids) for ids in joint)
        if at == 0:
            raise ProviderError("options need a prompt to continue", hint="give a prompt of at least one token")
        if any(len(ids) <= at for ids in joint):
            raise ProviderError("an option is empty, so it has no likelihood", hint="give every option some text")
        return prompt_ids[:at], [ids[at:] for ids in joint]

    def _next_logprobs(self, prefix: Sequence[int], wanted: Sequence[int], *, stopped: Stopped) -> dict[int, float]:
        """Log-probability of each wanted token after the prefix: the sampled token's own is always reported exactly."""
        known: dict[int, float] = {}
        for token in wanted:
            if token in known:
                continue
            top = SHARED_TOP if len(wanted) - len(known) > 1 else 1
            body = {
                "prompt": list(prefix),
                "n_predict": 1,
                "temperature": 0.0,
                "n_probs": top,
                "logit_bias": [[token, _FORCE]],
                "cache_prompt": True,
            }
            got = self.complete(body, stopped=stopped).tokens
            if not got or got[0]["id"] != token:
                raise ProviderError("the local model did not report the token it was made to say", kind="bad_reply")
            for entry in (got[0], *got[0]["top_logprobs"]):
                known[int(entry["id"])] = float(entry["logprob"])
        return {token: known[token] for token in wanted}


def _shared(first: Sequence[int], second: Sequence[int]) -> int:
    count = 0
    for one, other in zip(first, second, strict=False):
        if one != other:
            break
        count += 1
    return count


def _add_chunk(done: Completion, chunk: Mapping[str, Any]) -> None:
    for choice in chunk.get("choices") or ():
        done.text += choice.get("text") or ""
        done.finish_reason = choice.get("finish_reason") or done.finish_reason
        done.tokens.extend((choice.get("logprobs") or {}).get("content") or ())
    usage = chunk.get("usage")
    if usage:
        done.input_tokens, done.output_tokens = usage.get("prompt_tokens"), usage.get("completion_tokens")


def _provider_error(error: Mapping[str, Any]) -> ProviderError:
    if error.get("type") == "exceed_context_size_error":
        return _overflow(int(error.get("n_prompt_tokens", 0)), int(error.get("n_ctx", 0)))
    return ProviderError(f"the local model refused the request: {error.get('message', error)}")


def _overflow(tokens: int, limit: int) -> ProviderError:
    return ProviderError(
        f"the prompt has {tokens} tokens and the local model reads at most {limit}",
        hint="shorten the prompt or use fewer shots",
        kind="context_overflow",
    )
