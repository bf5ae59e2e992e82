"""The API described as OpenAPI 3.1, made from the table of operations that routes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from assay._version import __version__
from assay.server.operations import ROOT, Operation
from assay.server.parameters import Parameter
from assay.server.schemas import SCHEMAS

CURSOR = Parameter(
    name="cursor", text="`next_cursor` of the page before, with the same filter and order; the first page without it."
)
_ERRORS = {
    "400": "A parameter is not known or not what it may be.",
    "404": "What is asked for does not exist.",
    "default": "It could not be answered.",
}


def public_parameters(operation: Operation) -> list[Parameter]:
    """The parameters a request may have: where a page begins is said by a cursor."""
    return [CURSOR if parameter.name == operation.paged_by else parameter for parameter in operation.parameters]


def openapi_document(operations: Sequence[Operation]) -> dict[str, Any]:
    """The whole description.

    Examples:
        >>> from assay.server.operations import OPERATIONS
        >>> sorted(openapi_document(OPERATIONS)["paths"])[:2]
        ['/api/v1/compare', '/api/v1/judges']
    """
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Assay",
            "version": __version__,
            "description": (
                "Runs of a store, their samples, comparisons of two runs, and judges' cards. Everything is only read."
            ),
        },
        "paths": {ROOT + operation.path: {"get": _described(operation)} for operation in operations},
        "components": {"schemas": SCHEMAS},
    }


def _described(operation: Operation) -> dict[str, Any]:
    return {
        "operationId": operation.name,
        "summary": operation.summary,
        "parameters": [parameter.to_openapi() for parameter in public_parameters(operation)],
        "responses": {
            "200": _response(operation.summary, operation.schema),
            **{status: _response(text, "Error") for status, text in _ERRORS.items()},
        },
    }


def _response(description: str, schema: str) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    return {"description": description, "content": content}
