"""The web application of ``assay view``: pages, JSON, and errors in one shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from assay.app.wiring import App
from assay.core.errors import AssayError, ConfigError, InvalidInputError, NotFoundError
from assay.server import api, pages
from assay.server.guard import LoopbackOnly
from assay.server.operations import ROOT
from assay.server.queries import Queries


def create_app(app: App) -> ASGIApp:
    """The application on an app's store.

    Every request only reads. Errors are ``{"error": {"code", "message", "hint", "details"}}`` below ``/api``, else a
    page that says the same.
    """
    queries = Queries(app)
    return LoopbackOnly(
        Starlette(
            routes=[*api.routes(queries), *pages.routes(queries)],
            exception_handlers={AssayError: _refused, HTTPException: _not_served, Exception: _failed},
        )
    )


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, AssayError)
    return _answer(request, error.to_dict(), status=_status(error))


def _status(error: AssayError) -> int:
    if isinstance(error, NotFoundError):
        return 404
    return 400 if isinstance(error, InvalidInputError | ConfigError) else 500


def _not_served(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    words = {
        404: ("http.not_found", "there is nothing at this address"),
        405: ("http.method", "this address is only read (GET)"),
    }
    code, message = words.get(error.status_code, ("http.refused", str(error.detail)))
    hint = (
        f"the API is described at {ROOT}/openapi.json" if request.url.path.startswith("/api") else "go back to all runs"
    )
    return _answer(
        request, AssayError(message, hint=hint, code=code).to_dict(), status=error.status_code, headers=error.headers
    )


def _failed(request: Request, error: Exception) -> Response:
    shown = AssayError(
        f"the server failed ({type(error).__name__}); nothing was changed",
        hint="its terminal has the whole message",
        code="server.failed",
    )
    return _answer(request, shown.to_dict(), status=500)


def _answer(
    request: Request, error: dict[str, Any], *, status: int, headers: Mapping[str, str] | None = None
) -> Response:
    if request.url.path.startswith("/api"):
        response = api.answer({"error": error}, status=status)
    else:
        response = pages.page("error.html", {"error": error}, status=status)
    response.headers.update(headers or {})
    return response
