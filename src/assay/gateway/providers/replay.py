"""``replay:FILE``: outputs recorded elsewhere, joined to samples by id, else by their input."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import parse_qsl

import orjson

from assay.core.errors import ConfigError, DataError, NotFoundError, ProviderError, nearest
from assay.core.records import ModelRequest, Reply, Usage
from assay.gateway.provider import Endpoint

FIELDS = (
    "id",
    "epoch",
    "input",
    "output",
    "usage",
    "latency_s",
    "finish_reason",
    "tool_calls",
    "logprobs",
    "option_logprobs",
)
PROBE = 16
"""An input this long or longer is also found inside a prompt that was written around it."""


class ReplayProvider:
    """Answers from a JSONL file (also ``.gz``); ``FILE?input=question&output=a.b`` names fields by dotted path.

    A recorded input answers when it equals the prompt (or the last user message), or is the last recorded input
    (of at least ``PROBE`` characters) that stands in it, so that templates around a question do no harm.
    """

    def capabilities(self, name: str) -> frozenset[str]:
        return frozenset({"chat", "completion", "options", "logprobs", "json_schema", "tools", "images"})

    async def call(self, request: ModelRequest, *, name: str, endpoint: Endpoint) -> Reply:
        recording = load_recording(name)
        line = recording.find(request)
        if line is None:
            raise ProviderError(
                f"{request.model} has no output for sample {request.sample_id}, epoch {request.replicate}",
                hint="record the missing outputs; the others are scored",
                code="provider.not_recorded",
                kind="no recorded output",
            )
        return line


@dataclass(slots=True)
class Recording:
    """The lines of one file by what they are found with."""

    by_id: dict[tuple[str, int], Reply] = field(default_factory=dict)
    by_input: dict[tuple[str, int], Reply] = field(default_factory=dict)
    starts: dict[str, list[str]] = field(default_factory=dict)

    def find(self, request: ModelRequest) -> Reply | None:
        """The recorded reply to a request, if there is one."""
        epoch = request.replicate
        if request.sample_id is not None and (reply := self.by_id.get((request.sample_id, epoch))) is not None:
            return reply
        if not self.by_input:
            return None
        text = _asked(request)
        return self.by_input.get((text, epoch)) or self.by_input.get((self._inside(text), epoch))

    def _inside(self, text: str) -> str:
        best, best_end = "", 0
        for position in range(len(text) - PROBE + 1):
            for candidate in self.starts.get(text[position : position + PROBE], ()):
                end = position + len(candidate)
                if (end, len(candidate)) > (best_end, len(best)) and text.startswith(candidate, position):
                    best, best_end = candidate, end
        return best

    def add(self, reply: Reply, *, sample_id: str | None, epoch: int, text: str | None) -> None:
        if sample_id is not None:
            self.by_id[sample_id, epoch] = reply
        if text is not None:
            if (text, epoch) not in self.by_input and epoch == 0 and len(text) >= PROBE:
                self.starts.setdefault(text[:PROBE], []).append(text)
            self.by_input.setdefault((text, epoch), reply)


def _asked(request: ModelRequest) -> str:
    if request.messages is None:
        return request.prompt or ""
    for message in reversed(request.messages):
        if message.get("role") == "user":
            content = message.get("content")
            return content if isinstance(content, str) else "".join(part.get("text", "") for part in content or ())
    return ""


def load_recording(name: str) -> Recording:
    """The recording called ``FILE?field=path``, read once for as long as the file does not change.

    Raises:
        NotFoundError: There is no such file.
        ConfigError: A field is unknown.
        DataError: A line is not JSON, lacks its output, or has neither id nor input.
    """
    path, _, query = name.partition("?")
    paths = dict(parse_qsl(query))
    for key in paths:
        if key not in FIELDS:
            raise ConfigError(
                f"a replay file has no field {key!r}", hint=nearest(key, FIELDS), code="replay.unknown_field"
            )
    try:
        status = Path(path).stat()
    except OSError as error:
        folder = Path(path).parent
        names = [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
        raise NotFoundError(
            f"there is no replay file {path}", hint=nearest(Path(path).name, names), code="file.not_found"
        ) from error
    return _load(path, tuple(paths.items()), status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=4)
def _load(path: str, paths: tuple[tuple[str, str], ...], mtime_ns: int, size: int) -> Recording:
    where = {field: path.split(".") for field, path in ({field: field for field in FIELDS} | dict(paths)).items()}
    recording = Recording()
    for number, line in _lines(path):
        try:
            row = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            _refuse(path, number, f"is not JSON: {error}")
        values = {field: _at(row, steps) for field, steps in where.items()}
        if values["output"] is None:
            _refuse(path, number, f"has no {'.'.join(where['output'])}")
        if values["id"] is None and values["input"] is None:
            _refuse(path, number, f"has neither {'.'.join(where['id'])} nor {'.'.join(where['input'])}")
        recording.add(
            _reply(values),
            sample_id=None if values["id"] is None else str(values["id"]),
            epoch=values["epoch"] or 0,
            text=values["input"] if isinstance(values["input"], str) else None,
        )
    return recording


def _refuse(path: str, number: int, what: str) -> NoReturn:
    raise DataError(f"{path} line {number} {what}", hint="correct or remove the line", code="data.bad_line")


def _lines(path: str) -> Iterator[tuple[int, bytes]]:
    opener: Any = gzip.open if path.endswith(".gz") else open
    with opener(path, "rb") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield number, line


def _at(row: Any, steps: list[str]) -> Any:
    for step in steps:
        row = row.get(step) if isinstance(row, dict) else None
    return row


def _reply(values: Mapping[str, Any]) -> Reply:
    output, usage = values["output"], values["usage"] or {}
    return Reply(
        text=output if isinstance(output, str) else orjson.dumps(output).decode(),
        finish_reason=values["finish_reason"],
        tool_calls=values["tool_calls"] or (),
        logprobs=values["logprobs"],
        option_logprobs=values["option_logprobs"],
        usage=Usage(
            input_tokens=usage.get("input_tokens"),
            output_tokens=usage.get("output_tokens"),
            cached_tokens=usage.get("cached_tokens"),
        ),
        latency_s=None if values["latency_s"] is None else float(values["latency_s"]),
    )
