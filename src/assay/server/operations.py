"""The table of everything that can be asked: the API is routed by it, its OpenAPI document is made from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from assay.report.comparison import FLIPS_SHOWN, SIDES
from assay.report.documents import NEWEST, RUNS_SHOWN
from assay.report.judges import JUDGES_SHOWN
from assay.report.samples import MOST_ROWS, PAGE_ROWS, SHOWS, SORTS
from assay.server.parameters import Parameter, Value
from assay.server.queries import Document, Queries

ROOT = "/api/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One question.

    Attributes:
        name: Its ``operationId``.
        path: Below ``ROOT``, parts of the address in braces.
        summary: What it answers, in a sentence.
        schema: Name of the answer's schema (``server.schemas``).
        answer: The method of Queries that answers it; takes the parameters by name.
        paged_by: For a list, the parameter that says where a page begins. The document's ``next`` is its value for
            the next page; over the API both travel inside a cursor.
    """

    name: str
    path: str
    summary: str
    schema: str
    answer: Callable[..., Document]
    parameters: tuple[Parameter, ...] = ()
    paged_by: str | None = None

    def read(self, given: Mapping[str, str]) -> dict[str, Value]:
        """Every parameter's value; raises InvalidInputError where one is not what it may be."""
        return {parameter.name: parameter.read(given) for parameter in self.parameters}

    def ask(self, queries: Queries, values: Mapping[str, Any]) -> Document:
        """The answer."""
        return self.answer(queries, **values)


def _limit(default: int, most: int) -> Parameter:
    return Parameter(name="limit", text="At most this many.", whole=True, default=default, low=1, high=most)


ROWS_LIMIT = _limit(PAGE_ROWS, MOST_ROWS)
_OFFSET = Parameter(name="offset", text="Rows before the first one shown.", whole=True, default=0)
_RUN_ID = Parameter(name="run_id", text="A run: its id, the beginning of it, or `last`.", in_path=True)
_TABLE = (
    Parameter(name="scorer", text="Scorer whose value is filtered and sorted by; else the primary one."),
    Parameter(name="show", text="Which rows.", choices=tuple(SHOWS)),
    Parameter(name="sort", text="By what the rows are sorted; `row` is the plan's order.", choices=tuple(SORTS)),
    Parameter(name="order", text="Which way they are sorted.", choices=("asc", "desc")),
    Parameter(name="search", text="Text in the id, input or output, whatever its case.", default=""),
)

RUNS = Operation(
    name="listRuns",
    path="/runs",
    summary="Runs, newest first, with the primary metric of each and its course over time.",
    schema="Runs",
    answer=Queries.runs,
    parameters=(
        Parameter(name="task", text="Only runs of this task."),
        Parameter(name="model", text="Only runs of this model."),
        _limit(RUNS_SHOWN, NEWEST),
        Parameter(name="before", text="The last run of the page before."),
    ),
    paged_by="before",
)
RUN = Operation(
    name="getRun",
    path="/runs/{run_id}",
    summary="One run: status, metrics, usage, manifest, distributions, and how far it is while it runs.",
    schema="Run",
    answer=Queries.run,
    parameters=(_RUN_ID,),
)
SAMPLES = Operation(
    name="listSamples",
    path="/runs/{run_id}/samples",
    summary="The samples of a run, filtered and sorted.",
    schema="Samples",
    answer=Queries.samples,
    parameters=(_RUN_ID, *_TABLE, ROWS_LIMIT, _OFFSET),
    paged_by="offset",
)
SAMPLE = Operation(
    name="getSample",
    path="/runs/{run_id}/samples/{sample_id}",
    summary="One sample: messages, output, every score, and its neighbours in the table.",
    schema="Sample",
    answer=Queries.sample,
    parameters=(
        _RUN_ID,
        Parameter(name="sample_id", text="The sample's id.", in_path=True, slashes=True),
        Parameter(name="epoch", text="Which repeat, counted from 0.", whole=True, default=0),
        Parameter(name="at", text="Its place in the table with this filter and order, where known.", whole=True),
        *_TABLE,
    ),
)
COMPARE = Operation(
    name="compareRuns",
    path="/compare",
    summary="Two runs on the samples both have scored: differences, what broke, and the samples that flipped.",
    schema="Comparison",
    answer=Queries.compare,
    parameters=(
        Parameter(name="baseline", text="The run compared with (A): its id, the beginning, or `last`.", required=True),
        Parameter(name="candidate", text="The run compared (B): its id, the beginning, or `last`.", required=True),
        Parameter(name="flips", text="Which flips are shown.", choices=SIDES),
        _limit(FLIPS_SHOWN, 100),
        _OFFSET,
    ),
    paged_by="offset",
)
JUDGES = Operation(
    name="listJudges",
    path="/judges",
    summary="Judges that have a card, by name and age, with what it says first.",
    schema="Judges",
    answer=Queries.judges,
    parameters=(
        _limit(JUDGES_SHOWN, NEWEST),
        Parameter(name="after", text="Version of the last judge of the page before."),
    ),
    paged_by="after",
)
JUDGE = Operation(
    name="getJudge",
    path="/judges/{version}",
    summary="One judge's card: agreement with people, biases, scale use, cost, and what was not measured.",
    schema="Judge",
    answer=Queries.judge,
    parameters=(Parameter(name="version", text="A judge's version, or its name for the latest card.", in_path=True),),
)

OPERATIONS = (RUNS, RUN, SAMPLES, SAMPLE, COMPARE, JUDGES, JUDGE)
