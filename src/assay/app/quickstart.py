"""The quickstart: one small local model, two prompts, one question: is the difference real?"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from assay.app.prepare import RunOptions, prepare
from assay.app.results import compare
from assay.app.runs import Silent, run_task
from assay.app.tasks import load_task
from assay.app.wiring import App
from assay.core.protocols import Observer

if TYPE_CHECKING:
    from collections.abc import Sequence

MODEL = "local/gemma3-270m"
VARIANTS = ("0-shot", "4-shot")


def quickstart(
    app: App,
    *,
    write_report: Callable[..., str],
    model: str = MODEL,
    variants: Sequence[str] = VARIANTS,
    observe: Callable[[str], Observer] = lambda _: Silent(),
) -> dict[str, Any]:
    """Evaluate both variants, compare them and write the report page.

    Args:
        write_report: Called with the app, the candidate's id and ``baseline=``; returns where the page is.

    Returns:
        ``{"schema", "runs": [run documents], "comparison", "report"}``.
    """
    summaries = []
    for variant in variants:
        loaded = load_task("quickstart", options={"variant": variant})
        prepared = prepare(app, loaded, model=model, options=RunOptions(concurrency=4))
        summaries.append(dict(run_task(app, prepared, observer=observe(variant))))
    baseline, candidate = (summary["run_id"] for summary in summaries)
    return {
        "schema": "assay.quickstart/1",
        "runs": summaries,
        "comparison": compare(app, baseline, candidate, segments=["skill"]).to_dict(),
        "report": write_report(app, candidate, baseline=baseline),
    }
