"""A scripted model server on loopback: answers, counts, records, delays and fails as told.

Speaks ``POST …/chat/completions``, ``…/completions`` (OpenAI) and ``…/messages`` (Anthropic) over HTTP/1.1 with
keep-alive, and the batch endpoints of both (``testing.batch_api``). Inside a program::

    async with ModelServer(answers={"capital of France": "Paris"}) as server:  # or plain `with`: in a thread
        os.environ["OPENAI_BASE_URL"] = server.base_url

From a shell: ``python -m assay.testing.server --port 0 --delay-ms 50`` prints its base URL and serves until killed.
"""

from __future__ import annotations

import argparse
import asyncio
import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import orjson

from assay.testing import wire
from assay.testing.batch_api import BatchApi, FaultOf

_REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 429: "Too Many Requests"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """How one request goes wrong.

    Attributes:
        status: Status of the error reply.
        hang: No reply ever comes.
        close: ``"before"`` the reply or in the ``"middle"`` of it the connection is closed.
        delay_ms: Wait this long, then answer (the error, or well when ``status`` is 200 and ``body`` is ``None``).
        expired: In a batch: it was not carried out in time.
    """

    status: int = 200
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    hang: bool = False
    close: str | None = None
    delay_ms: float = 0.0
    expired: bool = False

    @classmethod
    def expires(cls) -> Fault:
        """A request of a batch that is not carried out in time."""
        return cls(expired=True)

    @classmethod
    def rate_limit(cls, *, retry_after_s: float | None = None) -> Fault:
        """429, with Retry-After when given."""
        headers = {} if retry_after_s is None else {"Retry-After": f"{retry_after_s:g}"}
        return cls(status=429, body=_error("rate limit reached", "rate_limit_exceeded"), headers=headers)

    @classmethod
    def server_error(cls, *, status: int = 500) -> Fault:
        """A failure of the server."""
        return cls(status=status, body=_error("the server had an error", "server_error"))

    @classmethod
    def unauthorized(cls) -> Fault:
        """401."""
        return cls(status=401, body=_error("incorrect API key provided", "invalid_api_key"))

    @classmethod
    def context_overflow(cls) -> Fault:
        """400 as OpenAI-compatible servers word it."""
        text = "This model's maximum context length is 4096 tokens, however you requested 5000 tokens."
        return cls(status=400, body=_error(text, "context_length_exceeded"))

    @classmethod
    def not_json(cls) -> Fault:
        """200 with a body that is not JSON."""
        return cls(status=200, body=b"<html>gateway</html>", headers={"Content-Type": "text/html"})

    @classmethod
    def hangs(cls) -> Fault:
        """No reply ever comes."""
        return cls(hang=True)

    @classmethod
    def closes(cls, when: str = "middle") -> Fault:
        """The connection ends before, or in the middle of, the reply."""
        return cls(close=when)


def _error(message: str, code: str) -> bytes:
    return orjson.dumps({"error": {"message": message, "type": code, "code": code}})


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request as it was received. ``index`` counts from 0 over the whole server; header names are lower-case."""

    index: int
    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]


Faults = Mapping[int, Fault] | Sequence[Fault | None] | Callable[[Call], Fault | None]


class ModelServer:
    """The server; usable with ``async with`` (same loop) or ``with`` (its own thread and loop).

    Attributes:
        requests: Requests received so far.
        calls: What was received, when ``record`` is on.
        open_connections: Connections open now.
        peak_in_flight: The most requests that were being answered at one moment.
        batches: What came in batches.

    Args:
        answer: From the request body to the answer; by default a table look-up.
        answers: ``{part of the prompt: answer}``; a prompt without one gets its own last line back.
        delay_ms: Every reply waits this long.
        faults: By request index, or a function of the call.
        batch_ms: A batch is ready after this long.
        batch_fault: From the body of a request in a batch to its fault: an error reply, or ``Fault.expires()``.
        ssl_context: Serve HTTPS.
    """

    def __init__(
        self,
        *,
        answer: wire.Answer | None = None,
        answers: Mapping[str, str] | None = None,
        delay_ms: float = 0.0,
        faults: Faults = (),
        batch_ms: float = 0.0,
        batch_fault: FaultOf = lambda body: None,
        port: int = 0,
        record: bool = True,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self.answers = dict(answers or {})
        self.answer = answer or wire.table_answer(self.answers)
        self.delay_s = delay_ms / 1000.0
        self.faults = faults
        self.record = record
        self.requests = 0
        self.calls: list[Call] = []
        self.open_connections = 0
        self.in_flight = 0
        self.peak_in_flight = 0
        self.batches = BatchApi(self.single_reply, batch_fault, takes_s=batch_ms / 1000.0)
        self._port = port
        self._ssl = ssl_context
        self._server: asyncio.Server | None = None
        self._connections: set[_Connection] = set()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._port

    @property
    def base_url(self) -> str:
        """With ``/v1``, as OpenAI-compatible clients want it."""
        return f"{'https' if self._ssl else 'http'}://127.0.0.1:{self._port}/v1"

    @property
    def bodies(self) -> list[Mapping[str, Any]]:
        """Bodies of the recorded calls in the order received."""
        return [call.body for call in self.calls]

    def fault_for(self, call: Call) -> Fault | None:
        """The scripted fault of a call."""
        faults = self.faults
        if callable(faults):
            return faults(call)
        if isinstance(faults, Mapping):
            return faults.get(call.index)
        return faults[call.index] if call.index < len(faults) else None

    def single_reply(self, path: str, body: Mapping[str, Any]) -> tuple[int, bytes]:
        """Status and body of the reply to a single call."""
        path = path.partition("?")[0]
        if path.endswith("/chat/completions"):
            return 200, wire.chat_reply(body, self.answer(body))
        if path.endswith("/completions"):
            return 200, wire.completion_reply(body, self.answer, self.answers)
        if path.endswith("/messages"):
            return 200, wire.message_reply(body, self.answer(body))
        return 404, _error(f"there is nothing at {path}", "not_found")

    async def start(self) -> None:
        """Listen on loopback."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _Connection(self, self._connections), "127.0.0.1", self._port, ssl=self._ssl, backlog=1024
        )
        self._port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close every connection and stop listening."""
        if self._server is not None:
            self._server.close()
            for connection in list(self._connections):
                connection.abort()
            await self._server.wait_closed()
            self._server = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def __enter__(self) -> Self:
        ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve_in_thread(ready)), daemon=True)
        self._thread.start()
        ready.wait()
        return self

    async def _serve_in_thread(self, ready: threading.Event) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        await self.start()
        ready.set()
        await self._stopping.wait()
        await self.stop()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._loop is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join()


class _Connection(asyncio.Protocol):
    """One client connection: requests are parsed as they arrive and answered in order."""

    def __init__(self, server: ModelServer, connections: set[_Connection]) -> None:
        self._server = server
        self._connections = connections
        self._buffer = b""
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._waiting = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]
        self._connections.add(self)
        self._server.open_connections += 1

    def connection_lost(self, error: Exception | None) -> None:
        self._connections.discard(self)
        self._server.open_connections -= 1
        self._server.in_flight -= self._waiting
        self._waiting, self._transport = 0, None

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._buffer = buffer = self._buffer + data if self._buffer else data
        while True:
            end = buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            head = buffer[:end]
            start = head.lower().find(b"content-length:")
            length = int(head[start + 15 :].split(b"\r\n", 1)[0]) if start >= 0 else 0
            if len(buffer) < end + 4 + length:
                return
            body = buffer[end + 4 : end + 4 + length]
            self._buffer = buffer = buffer[end + 4 + length :]
            self._handle(head, body)

    def _handle(self, head: bytes, raw: bytes) -> None:
        server = self._server
        method, path = (word.decode() for word in head.split(b" ", 2)[:2])
        if path == "/stats":
            self._tell()
            return
        body: Mapping[str, Any] = orjson.loads(raw) if raw[:1] == b"{" else {}
        index = server.requests
        server.requests += 1
        fault: Fault | None = None
        if server.record or server.faults:
            call = Call(index=index, path=path, headers=_headers(head), body=body)
            if server.record:
                server.calls.append(call)
            fault = server.fault_for(call)
        self._waiting += 1
        server.in_flight += 1
        server.peak_in_flight = max(server.peak_in_flight, server.in_flight)
        if fault is not None and fault.hang:
            return
        delay_s = server.delay_s + (fault.delay_ms / 1000.0 if fault else 0.0)
        if delay_s > 0:
            self._loop.call_later(delay_s, self._reply, method, path, body, raw, fault)
        else:
            self._reply(method, path, body, raw, fault)

    def _tell(self) -> None:
        """Counts, for a test in another process; not a request itself."""
        if self._transport is not None:
            server = self._server
            counts = {
                "requests": server.requests,
                "peak_in_flight": server.peak_in_flight,
                "batched": len(server.batches.bodies),
            }
            self._transport.write(_http(200, orjson.dumps(counts), {}))

    def _reply(self, method: str, path: str, body: Mapping[str, Any], raw: bytes, fault: Fault | None) -> None:
        transport = self._transport
        if transport is None:
            return
        self._waiting -= 1
        self._server.in_flight -= 1
        if fault is not None and fault.close == "before":
            transport.abort()
            return
        if fault is not None and fault.body is not None:
            transport.write(_http(fault.status, fault.body, fault.headers))
            return
        server = self._server
        batched = server.batches.answer(method, path, body, raw, base_url=server.base_url)
        status, content = batched or server.single_reply(path, body)
        if fault is not None and fault.close:
            transport.write(_http(status, content, {})[: -len(content) // 2])
            transport.close()
            return
        transport.write(_http(status, content, fault.headers if fault else {}))


def _headers(head: bytes) -> dict[str, str]:
    pairs = (line.partition(b":") for line in head.split(b"\r\n")[1:])
    return {name.decode().lower(): value.strip().decode() for name, _, value in pairs}


def _http(status: int, body: bytes, headers: Mapping[str, str]) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    if "Content-Type" not in headers:
        lines += "Content-Type: application/json\r\n"
    reason = _REASONS.get(status, "Error")
    return f"HTTP/1.1 {status} {reason}\r\n{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def _serve_forever(server: ModelServer) -> None:
    async with server:
        print(server.base_url, flush=True)
        await asyncio.Event().wait()


def main(argv: Sequence[str] | None = None) -> None:
    """Serve until killed; the base URL is the first line printed."""
    parser = argparse.ArgumentParser(prog="python -m assay.testing.server", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--delay-ms", type=float, default=0.0, help="every reply waits this long")
    parser.add_argument("--batch-ms", type=float, default=0.0, help="every batch is ready after this long")
    parser.add_argument("--answers", help="JSON file: {part of the prompt: answer}")
    options = parser.parse_args(argv)
    answers: Mapping[str, str] = {}
    if options.answers:
        with open(options.answers, "rb") as file:  # noqa: PTH123 - the command's only file
            answers = orjson.loads(file.read())
    server = ModelServer(
        answers=answers, delay_ms=options.delay_ms, batch_ms=options.batch_ms, port=options.port, record=False
    )
    try:
        import uvloop
    except ImportError:
        runner: Callable[[Any], Any] = asyncio.run
    else:
        runner = uvloop.run
    try:
        runner(_serve_forever(server))
    except KeyboardInterrupt:
        return


if __name__ == "__main__":
    main()
