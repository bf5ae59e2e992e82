"""Content-addressed keys of the response table: the same call has the same key in every process and version."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import orjson

from assay.core.errors import InvalidInputError
from assay.core.records import GenerateParams, ModelRequest

KEY_BYTES = 20
FORMAT = 1
"""Part of every key: raised when what a key covers changes, so that old entries are never taken for new ones."""


class KeyMaker:
    """Keys of one run's calls.

    Args:
        scope: ``""`` shares replies among runs; a run id keeps them to that run (``--no-cache``).
    """

    def __init__(self, *, scope: str = "") -> None:
        self._scope = scope
        self._last: tuple[GenerateParams, str, str | None, bytes] | None = None

    def key(self, request: ModelRequest, *, identity: str | None) -> bytes:
        """Of model, its identity, every parameter, messages or prompt, options, tools and replicate.

        Not part of it: sample id, time-out, endpoint. The order of mapping keys does not matter.

        Raises:
            InvalidInputError: Something in the request is not JSON.
        """
        last = self._last
        if last is None or last[0] is not request.params or last[1] != request.model or last[2] != identity:
            head = _dump([FORMAT, self._scope, request.model, identity, _parameters(request.params)], request)
            last = self._last = (request.params, request.model, identity, head)
        body = [request.messages, request.prompt, request.options, request.tools or None, request.replicate]
        return blake2b(last[3] + _dump(body, request), digest_size=KEY_BYTES).digest()


def _dump(value: Any, request: ModelRequest) -> bytes:
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError as error:
        raise InvalidInputError(
            f"the call for sample {request.sample_id} holds something that is not JSON: {error}",
            hint="messages, tools and extra parameters are JSON values",
        ) from error


def _parameters(params: GenerateParams) -> list[Any]:
    """Numbers as floats, so that 0 and 0.0 are one temperature."""
    return [
        None if params.temperature is None else float(params.temperature),
        None if params.top_p is None else float(params.top_p),
        params.max_tokens,
        params.seed,
        list(params.stop),
        params.logprobs,
        params.top_logprobs,
        params.json_schema,
        dict(params.extra),
    ]
