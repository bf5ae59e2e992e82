"""The batch endpoints of the scripted model server: OpenAI's files and batches, Anthropic's message batches."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from assay.testing.server import Fault

Carry = Callable[[str, Mapping[str, Any]], tuple[int, bytes]]
"""From a path and a body to the status and the reply a single call would have got."""
FaultOf = Callable[[Mapping[str, Any]], "Fault | None"]
_ERROR_WORDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    429: "rate_limit_error",
    529: "overloaded_error",
}
_BATCH_PATH = re.compile(r".*?(/files|/messages/batches|/batches)(?:/([^/]+))?(?:/(content|results))?$")


@dataclass(slots=True, kw_only=True)
class _Left:
    """One batch as it was left here."""

    id: str
    ended_at: float
    made_at: int
    lines: list[bytes]
    failed: list[bytes]
    total: int
    expired: bool
    metadata: Mapping[str, str] = field(default_factory=dict)
    refused: str = ""


class BatchApi:
    """Batches of one server. Results come in another order than the requests, and failed ones apart, as they may.

    Attributes:
        bodies: Bodies of all requests that came in batches, in the order they were left.
        sizes: Requests of each batch.

    Args:
        carry: Answers one request.
        fault: How one request of a batch goes wrong.
        takes_s: A batch is ready after this long.
    """

    def __init__(self, carry: Carry, fault: FaultOf, *, takes_s: float) -> None:
        self.bodies: list[Mapping[str, Any]] = []
        self.sizes: list[int] = []
        self.takes_s = takes_s
        self._carry = carry
        self._fault = fault
        self._files: dict[str, bytes] = {}
        self._batches: dict[str, _Left] = {}

    def answer(
        self, method: str, path: str, body: Mapping[str, Any], raw: bytes, *, base_url: str
    ) -> tuple[int, bytes] | None:
        """Status and body of a reply; ``None`` when the path is none of these."""
        path, _, query = path.partition("?")
        match = _BATCH_PATH.fullmatch(path)
        if match is None:
            return None
        kind, name, part = match.groups()
        if method == "POST" and name is None:
            found: Mapping[str, Any] | bytes | None = self._made(kind, body, raw)
        elif kind == "/files":
            found = self._file(name)
        elif name is None:
            found = self._listed(query)
        else:
            found = self._told(kind, name, part, base_url)
        if found is None:
            return 404, orjson.dumps({"error": {"message": f"there is nothing at {path}", "type": "not_found_error"}})
        return 200, found if isinstance(found, bytes) else orjson.dumps(found)

    def _made(self, kind: str, body: Mapping[str, Any], raw: bytes) -> Mapping[str, Any]:
        if kind == "/files":
            name = f"file-{len(self._files)}"
            self._files[name] = _uploaded(raw)
            return {"id": name, "object": "file", "purpose": "batch", "bytes": len(self._files[name])}
        if kind == "/batches":
            rows = [orjson.loads(line) for line in self._files[body["input_file_id"]].splitlines() if line]
            requests = [(row["custom_id"], row["url"], row["body"]) for row in rows]
            batch = self._leave("batch", requests, _openai_line)
            batch.metadata = body.get("metadata") or {}
            batch.refused = _why_not(rows, body["endpoint"])
            return self._openai(batch)
        requests = [(row["custom_id"], "/v1/messages", row["params"]) for row in body["requests"]]
        return self._anthropic(self._leave("msgbatch", requests, _anthropic_line), "")

    def _leave(
        self,
        word: str,
        requests: Iterable[tuple[str, str, Mapping[str, Any]]],
        line: Callable[[str, int, bytes, Fault | None], bytes],
    ) -> _Left:
        good: list[bytes] = []
        bad: list[bytes] = []
        expired = False
        for custom_id, path, body in requests:
            self.bodies.append(body)
            fault = self._fault(body)
            status, content = self._carry(path, body)
            if fault is not None and fault.body is not None:
                status, content = fault.status, fault.body
            expired = expired or (fault is not None and fault.expired)
            (good if status == 200 and not (fault and fault.expired) else bad).append(
                line(custom_id, status, content, fault)
            )
        now = time.time()
        batch = _Left(
            id=f"{word}_{len(self._batches)}",
            ended_at=time.monotonic() + self.takes_s,
            made_at=int(now),
            lines=good[::-1],
            failed=bad[::-1],
            total=len(good) + len(bad),
            expired=expired,
        )
        self.sizes.append(batch.total)
        self._batches[batch.id] = batch
        return batch

    def _file(self, name: str) -> bytes | None:
        word, _, batch_id = name.partition("-")
        batch = self._batches.get(batch_id)
        if batch is None or word not in ("output", "errors"):
            return self._files.get(name)
        return b"\n".join(batch.lines if word == "output" else batch.failed) + b"\n"

    def _listed(self, query: str) -> Mapping[str, Any]:
        """Newest first, ten at a time."""
        batches = list(self._batches.values())[::-1]
        if after := re.search(r"after=([^&]+)", query):
            batches = batches[[batch.id for batch in batches].index(after[1]) + 1 :]
        page = [self._openai(batch) for batch in batches[:10]]
        return {"object": "list", "data": page, "has_more": len(batches) > len(page)}

    def _told(self, kind: str, name: str, part: str | None, base_url: str) -> Mapping[str, Any] | bytes | None:
        batch = self._batches.get(name)
        if batch is None:
            return None
        if part == "results":
            return b"\n".join(batch.failed + batch.lines) + b"\n" if _over(batch) else None
        return self._openai(batch) if kind == "/batches" else self._anthropic(batch, base_url)

    def _openai(self, batch: _Left) -> Mapping[str, Any]:
        over = _over(batch) and not batch.refused
        counts = {"total": batch.total, "completed": len(batch.lines) * over, "failed": len(batch.failed) * over}
        status = ("expired" if batch.expired else "completed") if over else "in_progress"
        return {
            "id": batch.id,
            "object": "batch",
            "status": "failed" if batch.refused else status,
            "created_at": batch.made_at,
            "metadata": batch.metadata,
            "request_counts": counts,
            "errors": {"object": "list", "data": [{"code": batch.refused, "message": batch.refused}]}
            if batch.refused
            else None,
            "output_file_id": f"output-{batch.id}" if over and batch.lines else None,
            "error_file_id": f"errors-{batch.id}" if over and batch.failed else "",
        }

    def _anthropic(self, batch: _Left, base_url: str) -> Mapping[str, Any]:
        over = _over(batch)
        counts = {
            "processing": 0 if over else batch.total,
            "succeeded": len(batch.lines) * over,
            "errored": len(batch.failed) * over,
            "canceled": 0,
            "expired": 0,
        }
        return {
            "id": batch.id,
            "type": "message_batch",
            "processing_status": "ended" if over else "in_progress",
            "request_counts": counts,
            "results_url": f"{base_url}/messages/batches/{batch.id}/results" if over else None,
        }


def _over(batch: _Left) -> bool:
    return time.monotonic() >= batch.ended_at


def _uploaded(raw: bytes) -> bytes:
    """The file in a multipart body."""
    boundary = raw.partition(b"\r\n")[0]
    for part in raw.split(boundary):
        head, _, content = part.partition(b"\r\n\r\n")
        if b'name="file"' in head:
            return content.removesuffix(b"\r\n")
    return b""


def _why_not(rows: list[Any], endpoint: str) -> str:
    """What the service would refuse a file for."""
    if len({row["custom_id"] for row in rows}) < len(rows):
        return "duplicate_custom_id"
    if any(row["url"] != endpoint for row in rows):
        return "url_mismatch"
    return "model_mismatch" if len({row["body"].get("model") for row in rows}) > 1 else ""


def _openai_line(custom_id: str, status: int, content: bytes, fault: Fault | None) -> bytes:
    row: dict[str, Any] = {"id": f"batch_req_{custom_id[:6]}", "custom_id": custom_id, "response": None, "error": None}
    if fault is not None and fault.expired:
        row["error"] = {"code": "batch_expired", "message": "not carried out before the completion window ended"}
    else:
        row["response"] = {"status_code": status, "request_id": "req_1", "body": orjson.loads(content)}
    return orjson.dumps(row)


def _anthropic_line(custom_id: str, status: int, content: bytes, fault: Fault | None) -> bytes:
    result: dict[str, Any]
    if fault is not None and fault.expired:
        result = {"type": "expired"}
    elif status == 200:
        result = {"type": "succeeded", "message": orjson.loads(content)}
    else:
        message = orjson.loads(content)["error"]["message"]
        error = {"type": _ERROR_WORDS.get(status, "api_error"), "message": message}
        result = {"type": "errored", "error": {"type": "error", "error": error}}
    return orjson.dumps({"custom_id": custom_id, "result": result})
