"""The default transport: reqwest (Rust) through pyreqwest, a third of aiohttp's CPU a request."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import PyreqwestError, RequestTimeoutError
from pyreqwest.http import Url

from assay.gateway.transport import HttpReply, TransportError, TransportTimeoutError, extra_authorities


class PyreqwestTransport:
    """A Transport on one reqwest client, made on first use.

    pyreqwest (0.15) stops waiting when a task is cancelled but leaves the request to run to its reply or time-out. The
    places are therefore counted here and not by the client: a cancelled call gives its place back at once.

    Args:
        max_connections: Requests in flight at most; ``None`` is unlimited.
        ca_file: See ``open_transport``.
    """

    def __init__(self, *, max_connections: int | None = None, ca_file: str | None = None) -> None:
        self._places = None if max_connections is None else asyncio.Semaphore(max_connections)
        self._ca_file = ca_file
        self._client: Client | None = None
        self._timeouts: dict[float, timedelta] = {}
        self._urls: dict[str, Url] = {}

    def _build(self) -> Client:
        builder = ClientBuilder().follow_redirects(False).user_agent("assay")
        for certificate in extra_authorities(self._ca_file):
            builder = builder.add_root_certificate_pem(certificate)
        try:
            client: Client = builder.build()
        except PyreqwestError as error:
            raise TransportError(f"the HTTP client cannot be set up: {_causes(error)}") from error
        return client

    async def send(self, url: str, *, headers: Mapping[str, str], body: bytes, timeout_s: float) -> HttpReply:
        if self._places is None:
            return await self._send(url, headers, body, timeout_s)
        async with self._places:
            return await self._send(url, headers, body, timeout_s)

    async def fetch(self, url: str, *, headers: Mapping[str, str], timeout_s: float) -> HttpReply:
        if self._places is None:
            return await self._send(url, headers, None, timeout_s)
        async with self._places:
            return await self._send(url, headers, None, timeout_s)

    async def _send(self, url: str, headers: Mapping[str, str], body: bytes | None, timeout_s: float) -> HttpReply:
        """A POST of the body, or a GET where there is none."""
        client = self._client
        if client is None:
            client = self._client = self._build()
        timeout = self._timeouts.get(timeout_s)
        if timeout is None:
            timeout = self._timeouts[timeout_s] = timedelta(seconds=timeout_s)
        try:
            address = self._urls.get(url)
            if address is None:
                address = self._urls[url] = Url(url)
            asked = client.get(address) if body is None else client.post(address).body_bytes(body)
            reply = await asked.headers(headers).timeout(timeout).build().send()
            content = await reply.bytes()
        except RequestTimeoutError as error:
            raise TransportTimeoutError(f"no reply within {timeout_s:g} s") from error
        except PyreqwestError as error:
            raise TransportError(_causes(error)) from error
        return HttpReply(reply.status, reply.headers, content.to_bytes())

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()


def _causes(error: PyreqwestError) -> str:
    details: Mapping[str, Any] = getattr(error, "details", None) or {}
    causes = [cause["message"] for cause in details.get("causes") or ()]
    return ": ".join(dict.fromkeys([error.message, *causes]))
