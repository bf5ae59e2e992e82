"""``python:module:function``: a model that is a Python function of the user's."""

from __future__ import annotations

import asyncio
import hashlib
import importlib
import inspect
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

import orjson

from assay.core.errors import ConfigError, NotFoundError, ProviderError
from assay.core.records import ModelRequest, Reply, Usage
from assay.gateway.provider import Endpoint

_OPTIONAL = ("options", "tools", "logprobs", "json_schema")
_PARAMS = ("temperature", "top_p", "max_tokens", "seed", "stop", "logprobs", "top_logprobs", "json_schema")


class PythonProvider:
    """Calls ``function(messages_or_prompt, **params)``, sync (in a thread) or async.

    It gets the parameters that are set and that it accepts, also ``options``, ``tools`` and ``replicate``. It returns
    the text, or a dictionary with ``text`` and any of ``finish_reason``, ``tool_calls``, ``logprobs``,
    ``option_logprobs``, ``usage``, ``model``. What it raises costs the item its answer, not the run.

    The module is looked for in the working directory, then beside the task file, then among what is installed.
    """

    def __init__(self, *, folders: Sequence[str] = ()) -> None:
        self._folders = folders
        self._functions: dict[str, tuple[Callable[..., Any], frozenset[str] | None]] = {}

    def capabilities(self, name: str) -> frozenset[str]:
        _, accepted = self._function(name)
        optional = {word for word in _OPTIONAL if accepted is None or word in accepted}
        if accepted is None:
            optional.discard("options")  # **params does not promise likelihoods
        return frozenset({"chat", "completion", "images"} | optional)

    def identity(self, name: str) -> str | None:
        """Hash of the module's file: an edited function is another model. What it imports is not seen."""
        function, _ = self._function(name)
        try:
            source = inspect.getsourcefile(function)
        except TypeError:
            source = None
        return None if source is None else "sha256:" + hashlib.sha256(Path(source).read_bytes()).hexdigest()

    def _function(self, name: str) -> tuple[Callable[..., Any], frozenset[str] | None]:
        """The function and the keywords it accepts (``None``: any)."""
        known = self._functions.get(name)
        if known is None:
            function = load_function(name, folders=self._folders)
            parameters = inspect.signature(function).parameters.values()
            any_keyword = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)
            accepted = None if any_keyword else frozenset(parameter.name for parameter in parameters)
            known = self._functions[name] = (function, accepted)
        return known

    async def call(self, request: ModelRequest, *, name: str, endpoint: Endpoint) -> Reply:
        function, accepted = self._function(name)
        given: dict[str, Any] = {key: getattr(request.params, key) for key in _PARAMS}
        given = {key: value for key, value in given.items() if value is not None and value is not False}
        if not request.params.stop:
            del given["stop"]
        given |= {"options": request.options} if request.options is not None else {}
        given |= {"tools": request.tools} if request.tools else {}
        given |= {**request.params.extra, "replicate": request.replicate}
        if accepted is not None:
            given = {key: value for key, value in given.items() if key in accepted}
        sent = request.prompt if request.messages is None else list(request.messages)
        timeout_s = request.timeout_s or endpoint.timeout_s
        try:
            async with asyncio.timeout(timeout_s):
                if inspect.iscoroutinefunction(function):
                    answer = await function(sent, **given)
                else:
                    answer = await asyncio.to_thread(function, sent, **given)
        except TimeoutError as error:
            raise ProviderError(
                f"{request.model}: no answer within {timeout_s:g} s",
                code="provider.timeout",
                kind="timeout",
                retryable=True,
            ) from error
        except ProviderError:
            raise
        except Exception as error:  # somebody else's code: whatever it raises is this call's failure
            raise ProviderError(
                f"{request.model} raised {type(error).__name__}: {error}", code="provider.function_raised"
            ) from error
        return _reply(answer, request)


def load_function(name: str, *, folders: Sequence[str] = ()) -> Callable[..., Any]:
    """The function called ``module:function``.

    Args:
        folders: Where modules are looked for after the working directory and before what is installed.

    Raises:
        NotFoundError: There is no such module or function.
        ConfigError: Another module of that name has been imported from elsewhere (``model.ambiguous``).
    """
    module_name, _, attribute = name.partition(":")
    where = list(dict.fromkeys([str(Path.cwd()), *folders]))
    try:
        with _on_path(where):
            module = importlib.import_module(module_name)
    except Exception as error:  # somebody else's code: whatever its module raises, there is no such model
        raise NotFoundError(
            f"the module of python:{name} cannot be imported: {type(error).__name__}: {error}",
            hint="write python:module:function; the module must be in the working directory, beside the task file or "
            "installed",
            code="model.unknown",
        ) from error
    _same_file(module_name.partition(".")[0], where)
    function = getattr(module, attribute, None)
    if not callable(function):
        raise NotFoundError(
            f"{module_name} has no function {attribute!r}", hint="write python:module:function", code="model.unknown"
        )
    return function  # type: ignore[no-any-return]


@contextmanager
def _on_path(where: Sequence[str]) -> Iterator[None]:
    """Put folders first on the search path, for as long as the import takes."""
    added = [folder for folder in where if folder not in sys.path]
    sys.path[:0] = added
    try:
        yield
    finally:
        for folder in added:
            if folder in sys.path:  # the module may have seen to it itself
                sys.path.remove(folder)


def _same_file(top: str, where: Sequence[str]) -> None:
    """Python imports a name once: refuse to take a module of another folder for the one that is meant."""
    imported: str | None = getattr(sys.modules[top], "__file__", None)
    meant = PathFinder.find_spec(top, where)
    if imported is None or meant is None or meant.origin is None:
        return
    if Path(meant.origin).resolve() != Path(imported).resolve():
        raise ConfigError(
            f"two modules are called {top}: {imported} was imported first, {meant.origin} is the one meant",
            hint="give one of them another name",
            code="model.ambiguous",
        )


def _reply(answer: Any, request: ModelRequest) -> Reply:
    if isinstance(answer, str):
        answer = {"text": answer}
    if not isinstance(answer, dict):
        raise ProviderError(
            f"{request.model} returned {type(answer).__name__}; a text or a dictionary with 'text' is wanted",
            kind="bad_reply",
        )
    try:
        orjson.dumps(answer)
    except TypeError as error:
        raise ProviderError(
            f"{request.model} returned something that is not JSON: {error}", kind="bad_reply"
        ) from error
    usage = answer.get("usage") or {}
    return Reply(
        text=str(answer.get("text") or ""),
        finish_reason=answer.get("finish_reason"),
        tool_calls=answer.get("tool_calls") or (),
        logprobs=answer.get("logprobs"),
        option_logprobs=answer.get("option_logprobs"),
        usage=Usage(
            input_tokens=usage.get("input_tokens"),
            output_tokens=usage.get("output_tokens"),
            cached_tokens=usage.get("cached_tokens"),
        ),
        model_served=answer.get("model"),
    )
