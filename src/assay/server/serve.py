"""Serving on loopback until Ctrl-C."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress

from assay.app.wiring import App
from assay.core.errors import ConfigError

HOST = "127.0.0.1"


def serve(app: App, *, port: int, ready: Callable[[str], None]) -> None:
    """Serve the store's pages; returns when the process is interrupted.

    Args:
        port: 0 takes a free one.
        ready: Called with the address once connections are accepted.

    Raises:
        ConfigError: The port is taken or may not be used (``view.port``).
    """
    import uvicorn

    from assay.server.app import create_app

    listening = _listen(port)
    ready(f"http://{HOST}:{listening.getsockname()[1]}")
    config = uvicorn.Config(
        create_app(app), log_level="warning", access_log=False, lifespan="off", timeout_graceful_shutdown=2, ws="none"
    )
    with listening, suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listening])


def _listen(port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
    except OSError as error:
        listening.close()
        raise ConfigError(
            f"port {port} of {HOST} cannot be used: {error.strerror}",
            hint="leave --port out for a free one",
            code="view.port",
        ) from error
    listening.listen(128)
    return listening
