"""The pages. Each works without scripts; with htmx the parts that change are fetched alone, from the same addresses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from assay.app.wiring import App
from assay.core.errors import InvalidInputError
from assay.report import comparison, documents, samples
from assay.report.remember import Memory
from assay.report.render import ASSETS, asset, asset_version, render, url


def page(template: str, context: Mapping[str, Any], *, status: int = 200) -> Response:
    """A rendered page; nothing of a run is kept in the browser's cache."""
    headers = {"Cache-Control": "no-store", "Vary": "HX-Request"}
    return Response(render(template, context), status, headers=headers, media_type="text/html")


def routes(app: App, memory: Memory) -> list[Route]:
    """Routes of all pages."""
    shown = Pages(app, memory)
    return [
        Route("/", shown.runs),
        Route("/runs/{run_id}", shown.run),
        Route("/runs/{run_id}/live", shown.live),
        Route("/runs/{run_id}/sample", shown.sample),
        Route("/compare", shown.compare),
        Route("/static/{name}", static),
    ]


def static(request: Request) -> Response:
    """Styles, scripts and the icon; their address changes with their content."""
    name = request.path_params["name"]
    if name not in ASSETS:
        return Response(status_code=404)
    current = request.query_params.get("v") == asset_version(name)
    caching = "public, max-age=31536000, immutable" if current else "no-cache"
    return Response(asset(name), media_type=ASSETS[name], headers={"Cache-Control": caching})


class Pages:
    """Handlers; they run in worker threads, so a slow question holds up no other page."""

    def __init__(self, app: App, memory: Memory) -> None:
        self._app = app
        self._memory = memory

    def runs(self, request: Request) -> Response:
        """All runs, newest first, with the course of each task's primary metric."""
        given = request.query_params
        limit = samples.whole_number("limit", given, default=documents.RUNS_SHOWN, low=1, high=documents.NEWEST)
        found = documents.runs_document(
            self._app, task=given.get("task") or None, model=given.get("model") or None, limit=limit
        )
        picked = {side: given.get(side) for side in ("baseline", "candidate")}
        context = {"page": found, "picked": picked, "limit": limit}
        return page("_runs.html" if _partial(request) else "runs.html", context)

    def run(self, request: Request) -> Response:
        """One run, or only its table of samples."""
        record = self._app.store.metadata.run(request.path_params["run_id"])
        query = samples.query_from(request.query_params, record)
        table = samples.samples_document(self._app, record, query)
        if _partial(request):
            return page("_samples.html", {"samples": table})
        run = documents.run_document(self._app, record.run_id, memory=self._memory)
        return page("run.html", {"run": run, "samples": table})

    def live(self, request: Request) -> Response:
        """How far a running run is; once it has ended the whole page is fetched anew."""
        record = self._app.store.metadata.run(request.path_params["run_id"])
        live = documents.live_document(self._app, record)
        if live is None:
            return Response(status_code=204, headers={"HX-Refresh": "true", "Cache-Control": "no-store"})
        return page("_live.html", {"run": {"run_id": record.run_id, "live": live}})

    def sample(self, request: Request) -> Response:
        """One sample; the table's state in the address leads to its neighbours there."""
        given = request.query_params
        record = self._app.store.metadata.run(request.path_params["run_id"])
        query = samples.query_from(given, record)
        at = samples.whole_number("at", given, default=0) if "at" in given else None
        item = samples.sample_document(
            self._app,
            record,
            given.get("id", ""),
            epoch=samples.whole_number("epoch", given, default=0),
            query=query,
            at=at,
        )
        state = {key: given.get(key) for key in ("scorer", "show", "search", "sort", "order", "limit")}
        offset = None if at is None else at - at % query.limit
        back = url(f"/runs/{record.run_id}", state, offset=offset or None) + "#samples"
        return page("sample.html", {"item": item, "task": record.task, "state": state, "back": back})

    def compare(self, request: Request) -> Response:
        """Two runs side by side, or only their flips."""
        given = request.query_params
        if not given.get("baseline") or not given.get("candidate"):
            raise InvalidInputError(
                "two runs are needed", hint="choose a baseline (A) and a candidate (B) among the runs"
            )
        found = comparison.compare_document(
            self._app,
            given["baseline"],
            given["candidate"],
            memory=self._memory,
            side=given.get("flips") or "lost",
            offset=samples.whole_number("offset", given, default=0),
        )
        return page("_flips.html" if _partial(request) else "compare.html", {"c": found, "linked": True})


def _partial(request: Request) -> bool:
    headers = request.headers
    return "hx-request" in headers and "hx-history-restore-request" not in headers
