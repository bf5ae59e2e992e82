"""JSON Schemas of what the API answers: the keys a reader may count on, and which of them may be null."""

from __future__ import annotations

from typing import Any

from assay.app.judge_card_words import MEASURES

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
TEXT_OR_NULL: Schema = {"type": ["string", "null"]}
NUMBER_OR_NULL: Schema = {"type": ["number", "null"]}
COUNT: Schema = {"type": "integer", "minimum": 0}
COUNT_OR_NULL: Schema = {"type": ["integer", "null"], "minimum": 0}
OBJECT: Schema = {"type": "object"}
OBJECT_OR_NULL: Schema = {"type": ["object", "null"]}
STATUSES = ("running", "done", "partial", "degraded", "budget", "interrupted", "failed")


def _object(**properties: Schema) -> Schema:
    """An object that has at least these keys."""
    return {"type": "object", "required": list(properties), "properties": properties}


def _list(entry: Schema) -> Schema:
    return {"type": "array", "items": entry}


def _one(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


_ESTIMATE = _one("Estimate")
_ESTIMATES: Schema = {"type": "object", "additionalProperties": _ESTIMATE}
_STATUS: Schema = {"type": "string", "enum": list(STATUSES)}
_NEXT: Schema = {**TEXT_OR_NULL, "description": "Cursor of the next page; null on the last one."}
_HINT: Schema = {**TEXT_OR_NULL, "description": "What goes on with a run that is not done."}
_LIVE = _object(finished=COUNT, planned=COUNT, metric=TEXT_OR_NULL, estimate=_or_null(_ESTIMATE))
_HOLDER = _object(host=TEXT, pid=COUNT, since=TEXT)
_NEIGHBOUR = _or_null(_object(sample_id=TEXT, epoch=COUNT, at=COUNT))
_AGREEMENT = _or_null(_object(measure=TEXT, judge=_ESTIMATE, person=_or_null(_ESTIMATE)))
_FLAGS: Schema = {**_list(TEXT), "description": "What speaks against trusting it; empty when nothing measured does."}
_STALE: Schema = {**TEXT_OR_NULL, "description": "Why the card is too old; null while it is not."}
_MEASURE: Schema = {
    "type": ["object", "array"],
    "description": 'What was found; an object with the one key "not_measured" says why nothing was.',
}
_LINKS = _list(_object(name=TEXT, version=TEXT))
_SAMPLES = _object(planned=COUNT_OR_NULL)

SCHEMAS: dict[str, Schema] = {
    "Error": _object(error=_object(code=TEXT, message=TEXT, hint=TEXT, details=OBJECT)),
    "Estimate": {
        **_object(
            value=NUMBER_OR_NULL,
            low=NUMBER_OR_NULL,
            high=NUMBER_OR_NULL,
            n=COUNT,
            confidence={"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
            method=TEXT,
        ),
        "description": "A figure with its interval; where value or a bound is null, `reason` says why.",
    },
    "RunLine": _object(
        run_id=TEXT,
        task=TEXT,
        model=TEXT_OR_NULL,
        status=_STATUS,
        hint=_HINT,
        created_at=TEXT,
        suite_id=TEXT_OR_NULL,
        metric=TEXT_OR_NULL,
        estimate=_or_null(_ESTIMATE),
        metrics=_ESTIMATES,
        samples=_SAMPLES,
        usage=OBJECT,
        cost_usd=NUMBER_OR_NULL,
        seconds=NUMBER_OR_NULL,
    ),
    "Runs": _object(
        runs=_list(_one("RunLine")),
        next_cursor=_NEXT,
        total={**COUNT, "description": "Of the newest 1,000."},
        trends=_list(_object(task=TEXT, model=TEXT_OR_NULL, metric=TEXT, points=_list(_object(estimate=_ESTIMATE)))),
        filter=_object(task=TEXT_OR_NULL, model=TEXT_OR_NULL, tasks=_list(TEXT), models=_list(TEXT)),
        running={"type": "boolean"},
    ),
    "Run": _object(
        schema={"const": "assay.run/1"},
        run_id=TEXT,
        task=TEXT,
        model=TEXT_OR_NULL,
        status=_STATUS,
        hint=_HINT,
        holder=_or_null(_HOLDER),
        live=_or_null(_LIVE),
        created_at=TEXT,
        manifest=TEXT,
        manifest_document=OBJECT,
        primary=TEXT_OR_NULL,
        metrics=_ESTIMATES,
        samples=_object(planned=COUNT, scored=COUNT_OR_NULL, unscored=COUNT_OR_NULL, by_reason=OBJECT),
        segments=_list(OBJECT),
        segment_figures=_list(_object(key=TEXT, value=TEXT, estimate=_ESTIMATE)),
        judge_cards={**_LINKS, "description": "Judges of the run that have a card."},
        distributions=OBJECT,
        usage=OBJECT,
        seconds=NUMBER_OR_NULL,
    ),
    "Samples": _object(
        run_id=TEXT,
        query=OBJECT,
        scorers=_list(TEXT),
        total=COUNT,
        rows=_list(
            _object(
                at=COUNT,
                row=COUNT,
                sample_id=TEXT,
                epoch=COUNT,
                input=TEXT,
                output=TEXT,
                latency_s=NUMBER_OR_NULL,
                cost_usd=NUMBER_OR_NULL,
                error=TEXT_OR_NULL,
                scores={"type": "object", "additionalProperties": NUMBER_OR_NULL},
            )
        ),
        next_cursor=_NEXT,
    ),
    "Sample": _object(
        run_id=TEXT,
        task=TEXT,
        at=COUNT_OR_NULL,
        row=COUNT,
        sample=_object(id=TEXT, critical={"type": "boolean"}, metadata=OBJECT),
        output=_object(sample_id=TEXT, epoch=COUNT, text=TEXT, messages=_list(OBJECT), usage=OBJECT),
        scores=_list(_object(scorer=TEXT, scorer_version=TEXT, value=NUMBER_OR_NULL, reason=TEXT_OR_NULL)),
        previous=_NEIGHBOUR,
        next=_NEIGHBOUR,
    ),
    "Comparison": _object(
        schema={"const": "assay.compare/1"},
        baseline=TEXT,
        candidate=TEXT,
        primary=TEXT,
        paired_samples=COUNT,
        confidence={"type": "number"},
        margin={"type": "number"},
        metrics={
            "type": "object",
            "additionalProperties": _object(
                baseline=_ESTIMATE,
                candidate=_ESTIMATE,
                difference=_ESTIMATE,
                effect_size=_ESTIMATE,
                p_value=NUMBER_OR_NULL,
                p_adjusted=NUMBER_OR_NULL,
                test=TEXT_OR_NULL,
                verdict={"enum": ["better", "worse", "equivalent", "undecided"]},
                sentence=TEXT,
            ),
        },
        flips=_object(gained=_list(TEXT), lost=_list(TEXT)),
        what_broke=_list(OBJECT),
        segments=_list(OBJECT),
        not_compared=_list(OBJECT),
        runs=_object(baseline=_one("RunLine"), candidate=_one("RunLine")),
        flips_shown=_object(
            side=TEXT, offset=COUNT, total=COUNT, rows=_list(_object(sample_id=TEXT, diff=_list(OBJECT)))
        ),
        next_cursor=_NEXT,
    ),
    "Judges": _object(
        schema={"const": "assay.judges/1"},
        judges=_list(
            _object(
                version=TEXT,
                name=TEXT,
                model=TEXT_OR_NULL,
                made_at=TEXT,
                n=COUNT,
                agreement=_AGREEMENT,
                flags=_FLAGS,
                stale=_STALE,
            )
        ),
        total=COUNT,
        next_cursor=_NEXT,
    ),
    "Judge": _object(
        schema={"const": "assay.judge_card/1"},
        version=TEXT,
        name=TEXT,
        model=TEXT_OR_NULL,
        made_at=TEXT,
        n=COUNT,
        n_documents=COUNT_OR_NULL,
        temperature=NUMBER_OR_NULL,
        flags=_FLAGS,
        stale=_STALE,
        sentences=_list(TEXT),
        **dict.fromkeys(MEASURES, _MEASURE),
    ),
}
