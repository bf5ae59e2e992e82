"""Everything a page shows, as JSON below ``/api/v1``; errors have one shape."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from assay.app.wiring import App
from assay.core.errors import InvalidInputError
from assay.report import comparison, documents, samples
from assay.report.plain import to_json
from assay.report.remember import Memory

ROOT = "/api/v1"


def answer(document: Any, *, status: int = 200) -> Response:
    """One JSON document."""
    return Response(to_json(document), status, headers={"Cache-Control": "no-store"}, media_type="application/json")


def routes(app: App, memory: Memory) -> list[Route]:
    """Routes of the API."""
    api = Api(app, memory)
    return [
        Route(f"{ROOT}/runs", api.runs),
        Route(f"{ROOT}/runs/{{run_id}}", api.run),
        Route(f"{ROOT}/runs/{{run_id}}/samples", api.samples),
        Route(f"{ROOT}/runs/{{run_id}}/samples/{{sample_id:path}}", api.sample),
        Route(f"{ROOT}/compare", api.compare),
    ]


class Api:
    """Handlers; they run in worker threads."""

    def __init__(self, app: App, memory: Memory) -> None:
        self._app = app
        self._memory = memory

    def runs(self, request: Request) -> Response:
        """``task``, ``model``, ``limit``."""
        given = request.query_params
        limit = samples.whole_number("limit", given, default=documents.RUNS_SHOWN, low=1, high=documents.NEWEST)
        task, model = given.get("task") or None, given.get("model") or None
        return answer(documents.runs_document(self._app, task=task, model=model, limit=limit))

    def run(self, request: Request) -> Response:
        """The run's document with its distributions."""
        return answer(documents.run_document(self._app, request.path_params["run_id"], memory=self._memory))

    def samples(self, request: Request) -> Response:
        """``scorer``, ``show``, ``sort``, ``order``, ``search``, ``limit``, ``offset``."""
        record = self._app.store.metadata.run(request.path_params["run_id"])
        query = samples.query_from(request.query_params, record)
        return answer(samples.samples_document(self._app, record, query))

    def sample(self, request: Request) -> Response:
        """One sample; ``epoch``."""
        record = self._app.store.metadata.run(request.path_params["run_id"])
        epoch = samples.whole_number("epoch", request.query_params, default=0)
        return answer(samples.sample_document(self._app, record, request.path_params["sample_id"], epoch=epoch))

    def compare(self, request: Request) -> Response:
        """``baseline``, ``candidate``, ``flips`` (``lost``, ``gained``), ``offset``, ``limit``."""
        given = request.query_params
        if not given.get("baseline") or not given.get("candidate"):
            raise InvalidInputError("two runs are needed", hint=f"{ROOT}/compare?baseline=RUN_A&candidate=RUN_B")
        document = comparison.compare_document(
            self._app,
            given["baseline"],
            given["candidate"],
            memory=self._memory,
            side=given.get("flips") or "lost",
            offset=samples.whole_number("offset", given, default=0),
            limit=samples.whole_number("limit", given, default=comparison.FLIPS_SHOWN, low=1, high=100),
        )
        return answer(document)
