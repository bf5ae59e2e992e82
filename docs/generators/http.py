"""The HTTP API, from the table that routes it and the schemas it answers by."""

from __future__ import annotations

from typing import Any

from docs.generators.text import code, page, table, words

EXAMPLE = """\
```text
$ assay view --port 8000 --no-open &
$ curl 'http://127.0.0.1:8000/api/v1/runs?limit=20'
{"runs": [{"run_id": "run_01…", "status": "done", …}, …], "next_cursor": "YmQ2…", …}
$ curl 'http://127.0.0.1:8000/api/v1/runs?limit=20&cursor=YmQ2…'
```"""


def http_page() -> str:
    """``reference/http.md``."""
    from assay.server.openapi import public_parameters
    from assay.server.operations import OPERATIONS, ROOT
    from assay.server.schemas import SCHEMAS

    blocks = [
        "`assay view` serves its pages and, below them, everything they show as JSON. It answers on this machine only, "
        "every request only reads (GET), and runs are named by their id, the beginning of one, or `last`.",
        EXAMPLE,
        f"The API describes itself as OpenAPI 3.1 at `{ROOT}/openapi.json`, made from the table that routes it.",
        "## Pages of a list",
        "A list has at most `limit` entries and a `next_cursor`, which is `null` on the last page. Give it back as "
        "`cursor` with the same filter and order; a cursor of another list is refused. Runs that are started meanwhile "
        "do not shift the pages of the list of runs. Rows of a run that still runs may.",
        "## Errors",
        'An error is `{"error": {"code", "message", "hint", "details"}}`, with the [codes](errors.md) of the command '
        "line. Status 400: a parameter is not known or not what it may be; 403: another host name than this machine's; "
        "404: it does not exist; 405: not GET; 500: the server or the store failed.",
    ]
    for operation in OPERATIONS:
        blocks += [f"## GET {ROOT}{operation.path}", words(operation.summary)]
        parameters = [_row(parameter.to_openapi()) for parameter in public_parameters(operation)]
        blocks.append(table(["parameter", "in", "value", "default", "meaning"], parameters))
        keys = SCHEMAS[operation.schema]["required"]
        blocks.append(f"Answers `{operation.schema}`: {', '.join(code(key) for key in keys)}.")
    return page("HTTP API", *blocks)


def _row(parameter: dict[str, Any]) -> list[str]:
    schema = parameter["schema"]
    value = "text"
    if "enum" in schema:
        value = ", ".join(code(choice) for choice in schema["enum"])
    elif schema["type"] == "integer":
        value = f"{schema['minimum']:,} to {schema['maximum']:,}"
    default = "required" if parameter["required"] else code(str(schema.get("default", "")))
    return [code(parameter["name"]), parameter["in"], value, default, words(parameter["description"])]
