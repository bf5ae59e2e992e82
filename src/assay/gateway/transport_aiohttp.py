"""The second transport, on aiohttp: for platforms without pyreqwest wheels, and the proof that the protocol is one."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping

from assay.core.errors import MissingExtraError
from assay.gateway.transport import HttpReply, TransportError, TransportTimeoutError, extra_authorities

try:
    import aiohttp
except ImportError as error:
    raise MissingExtraError("the aiohttp transport", extra="aiohttp") from error


class AiohttpTransport:
    """A Transport on one aiohttp session, made on first use.

    Args:
        max_connections: Requests in flight at most; ``None`` is unlimited.
        ca_file: See ``open_transport``.
    """

    def __init__(self, *, max_connections: int | None = None, ca_file: str | None = None) -> None:
        self._places = None if max_connections is None else asyncio.Semaphore(max_connections)
        self._ca_file = ca_file
        self._session: aiohttp.ClientSession | None = None

    def _build(self) -> aiohttp.ClientSession:
        context = ssl.create_default_context()
        authorities = extra_authorities(self._ca_file)
        if authorities:
            context.load_verify_locations(cadata=b"\n".join(authorities).decode())
        connector = aiohttp.TCPConnector(limit=0, ssl=context)
        return aiohttp.ClientSession(connector=connector, trust_env=True, headers={"User-Agent": "assay"})

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
        session = self._session
        if session is None:
            session = self._session = self._build()
        if session.closed:
            raise TransportError("the transport is closed")
        limit = aiohttp.ClientTimeout(total=timeout_s)
        try:
            method = "GET" if body is None else "POST"
            async with session.request(
                method, url, data=body, headers=headers, timeout=limit, allow_redirects=False
            ) as reply:
                content = await reply.read()
        except TimeoutError as error:
            raise TransportTimeoutError(f"no reply within {timeout_s:g} s") from error
        except (aiohttp.ClientError, OSError) as error:
            raise TransportError(f"{type(error).__name__}: {error}") from error
        return HttpReply(reply.status, {name.lower(): value for name, value in reply.headers.items()}, content)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            await asyncio.sleep(0)  # lets the closed sockets' callbacks run before the loop may end
