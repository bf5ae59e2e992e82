"""Everything a page shows, as JSON below ``/api/v1``: routed by the table of operations, lists paged by cursors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from assay.report.plain import to_json
from assay.server.cursors import cursor_of, place_of
from assay.server.openapi import CURSOR, openapi_document, public_parameters
from assay.server.operations import OPERATIONS, ROOT, Operation
from assay.server.parameters import Value, refuse_unknown
from assay.server.queries import Document, Queries


def answer(document: Any, *, status: int = 200) -> Response:
    """One JSON document."""
    return Response(to_json(document), status, headers={"Cache-Control": "no-store"}, media_type="application/json")


def routes(queries: Queries) -> list[Route]:
    """Routes of the API and of its description."""
    described = openapi_document(OPERATIONS)
    return [
        Route(f"{ROOT}/openapi.json", lambda request: answer(described)),
        *(Route(_template(operation), _endpoint(operation, queries)) for operation in OPERATIONS),
    ]


def _template(operation: Operation) -> str:
    path = ROOT + operation.path
    for parameter in operation.parameters:
        if parameter.slashes:
            path = path.replace(f"{{{parameter.name}}}", f"{{{parameter.name}:path}}")
    return path


def _endpoint(operation: Operation, queries: Queries) -> Callable[[Request], Response]:
    def respond(request: Request) -> Response:
        refuse_unknown(request.query_params, public_parameters(operation))
        given = {**request.query_params, **request.path_params}
        if operation.paged_by is None:
            return answer(operation.ask(queries, operation.read(given)))
        return answer(_page(operation, operation.paged_by, queries, given))

    return respond


def _page(operation: Operation, paged_by: str, queries: Queries, given: dict[str, str]) -> Document:
    """One page of a list; a cursor fits whatever ``limit`` the next request has."""
    question: dict[str, Value] = {"operation": operation.name, **operation.read(given)}
    del question["limit"], question[paged_by]
    if given.get(CURSOR.name):
        given[paged_by] = place_of(given[CURSOR.name], question)
    document = operation.ask(queries, operation.read(given))
    following = document.pop("next")
    document["next_cursor"] = None if following is None else cursor_of(str(following), question)
    return document
