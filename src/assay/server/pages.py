"""The pages. Each works without scripts; with htmx the parts that change are fetched alone, from the same addresses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from assay.report.documents import NEWEST
from assay.report.judge_card import judge_card_page
from assay.report.render import ASSETS, asset, asset_version, render, url
from assay.server.operations import COMPARE, JUDGE, JUDGES, ROWS_LIMIT, RUN, RUNS, SAMPLE, SAMPLES, Operation
from assay.server.queries import Document, Queries

LIST_STATE = ("baseline", "candidate", "limit", "before")
TABLE_STATE = ("scorer", "show", "search", "sort", "order", "limit")


def page(template: str, context: Mapping[str, Any], *, status: int = 200) -> Response:
    """A rendered page; nothing of a run is kept in the browser's cache."""
    headers = {"Cache-Control": "no-store", "Vary": "HX-Request"}
    return Response(render(template, context), status, headers=headers, media_type="text/html")


def routes(queries: Queries) -> list[Route]:
    """Routes of all pages."""
    shown = Pages(queries)
    return [
        Route("/", shown.runs),
        Route("/runs/{run_id}", shown.run),
        Route("/runs/{run_id}/live", shown.live),
        Route("/runs/{run_id}/sample", shown.sample),
        Route("/compare", shown.compare),
        Route("/judges", shown.judges),
        Route("/judges/{version}", shown.judge),
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

    def __init__(self, queries: Queries) -> None:
        self._queries = queries

    def _ask(self, operation: Operation, request: Request, **more: str) -> Document:
        return operation.ask(self._queries, operation.read({**request.query_params, **request.path_params, **more}))

    def runs(self, request: Request) -> Response:
        """All runs, newest first, with the course of each task's primary metric."""
        given = request.query_params
        context = {
            "page": self._ask(RUNS, request),
            "given": {key: given.get(key) for key in LIST_STATE},
            "most_runs": NEWEST,
        }
        return page("_runs.html" if _partial(request) else "runs.html", context)

    def run(self, request: Request) -> Response:
        """One run, or only its table of samples."""
        table = self._ask(SAMPLES, request)
        if _partial(request):
            return page("_samples.html", {"samples": table})
        return page("run.html", {"run": self._ask(RUN, request, run_id=table["run_id"]), "samples": table})

    def live(self, request: Request) -> Response:
        """How far a running run is; once it runs no more the whole page is fetched anew."""
        run = self._queries.live(run_id=request.path_params["run_id"])
        if run["status"] != "running":
            return Response(status_code=204, headers={"HX-Refresh": "true", "Cache-Control": "no-store"})
        return page("_live.html", {"run": run})

    def sample(self, request: Request) -> Response:
        """One sample; the table's state in the address leads to its neighbours there."""
        item = self._ask(SAMPLE, request, sample_id=request.query_params.get("id", ""))
        state = {key: request.query_params.get(key) for key in TABLE_STATE}
        limit: Any = ROWS_LIMIT.read(request.query_params)
        first = 0 if item["at"] is None else item["at"] // limit * limit
        back = url(f"/runs/{item['run_id']}", state, offset=first or None) + "#samples"
        return page("sample.html", {"item": item, "state": state, "back": back})

    def compare(self, request: Request) -> Response:
        """Two runs side by side, or only their flips."""
        context = {"c": self._ask(COMPARE, request), "linked": True}
        return page("_flips.html" if _partial(request) else "compare.html", context)

    def judges(self, request: Request) -> Response:
        """Judges that have a card."""
        given = {key: request.query_params.get(key) for key in ("limit", "after")}
        return page("judges.html", {"page": self._ask(JUDGES, request), "given": given})

    def judge(self, request: Request) -> Response:
        """One judge's card, as ``assay judge card --report`` draws it."""
        card = self._ask(JUDGE, request)
        return page("judge.html", {"card": card, "page": judge_card_page(card)})


def _partial(request: Request) -> bool:
    headers = request.headers
    return "hx-request" in headers and "hx-history-restore-request" not in headers
