"""How bytes reach a provider: a protocol of three methods and the errors both implementations raise."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

from assay.core.errors import ConfigError, NotFoundError, nearest

TRANSPORTS = ("pyreqwest", "aiohttp")


class HttpReply(NamedTuple):
    """A reply read to its end; header names are lower-case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class TransportError(Exception):
    """No reply: refused, reset, closed half-way, certificate not trusted."""


class TransportTimeoutError(TransportError):
    """No whole reply within the time given."""


class Transport(Protocol):
    """Sends requests over kept-alive connections. Every implementation passes the same contract tests.

    Proxies come from ``HTTP_PROXY``, ``HTTPS_PROXY`` and ``NO_PROXY``. Cancelling ``send`` frees its place at once; its
    socket is closed then too, or at the latest when ``timeout_s`` is over.
    """

    async def send(self, url: str, *, headers: Mapping[str, str], body: bytes, timeout_s: float) -> HttpReply:
        """The reply to a POST, whatever its status; waiting for a free place does not count as time.

        Raises:
            TransportTimeoutError: It took longer than ``timeout_s``.
            TransportError: There was no whole reply.
        """
        ...

    async def fetch(self, url: str, *, headers: Mapping[str, str], timeout_s: float) -> HttpReply:
        """The reply to a GET; otherwise as ``send``."""
        ...

    async def close(self) -> None:
        """Close every connection; calls after it raise TransportError."""
        ...


def open_transport(name: str, *, max_connections: int | None, ca_file: str | None = None) -> Transport:
    """A transport by name.

    Args:
        max_connections: Requests in flight at most; further ones wait their turn.
        ca_file: PEM file of further certificate authorities; else ``SSL_CERT_FILE``, where that is set.

    Raises:
        ConfigError: The name is unknown.
        NotFoundError: There is no such certificate file.
        MissingExtraError: aiohttp is not installed.
    """
    if name == "pyreqwest":
        from assay.gateway.transport_pyreqwest import PyreqwestTransport

        return PyreqwestTransport(max_connections=max_connections, ca_file=ca_file)
    if name == "aiohttp":
        from assay.gateway.transport_aiohttp import AiohttpTransport

        return AiohttpTransport(max_connections=max_connections, ca_file=ca_file)
    raise ConfigError(
        f"there is no transport called {name!r}", hint=nearest(name, TRANSPORTS), code="transport.unknown"
    )


_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


def extra_authorities(ca_file: str | None) -> list[bytes]:
    """PEM certificates of ``ca_file``, else of ``SSL_CERT_FILE``; none when neither is given.

    Raises:
        NotFoundError: The file named by ``ca_file`` cannot be read.
    """
    path = ca_file or os.environ.get("SSL_CERT_FILE")
    if not path:
        return []
    try:
        return _CERTIFICATE.findall(Path(path).read_bytes())
    except OSError as error:
        raise NotFoundError(
            f"the certificate file {path} cannot be read: {error.strerror}",
            hint="correct ca_file, or SSL_CERT_FILE in the environment",
            code="file.not_found",
        ) from error
