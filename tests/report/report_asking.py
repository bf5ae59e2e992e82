"""Asking the application for pages and JSON without a network."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import Any
from urllib.parse import unquote

from assay.app.wiring import App
from assay.server.app import create_app


class Answer:
    """A response read to its end."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status, self.headers, self.text = status, headers, body.decode()

    def json(self) -> Any:
        return json.loads(self.text)


def get(app: App, address: str, *, host: str = "127.0.0.1:8000", method: str = "GET", **headers: str) -> Answer:
    """Ask the application without a network."""
    path, _, query = address.partition("?")
    sent = [
        (b"host", host.encode()),
        *((key.replace("_", "-").encode(), value.encode()) for key, value in headers.items()),
    ]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": sent,
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8000),
    }
    messages: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        messages.append(message)

    with suppress(ZeroDivisionError):  # planted by a test; the application raises it again for the server's log
        asyncio.run(create_app(app)(scope, receive, send))
    start = messages[0]
    body = b"".join(message.get("body", b"") for message in messages[1:])
    return Answer(start["status"], {key.decode(): value.decode() for key, value in start["headers"]}, body)
