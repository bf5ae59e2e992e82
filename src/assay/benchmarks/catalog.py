"""The built-in benchmarks by name, and how one becomes a task."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from assay.benchmarks.arc_challenge import ARC
from assay.benchmarks.entry import Benchmark
from assay.benchmarks.find import find_data
from assay.benchmarks.gsm8k import GSM8K
from assay.benchmarks.humaneval import HUMANEVAL
from assay.benchmarks.ifeval import IFEVAL
from assay.benchmarks.mbpp import MBPP
from assay.benchmarks.mmlu import MMLU
from assay.benchmarks.openbookqa import OPENBOOKQA
from assay.benchmarks.piqa import PIQA
from assay.benchmarks.quickstart import QUICKSTART
from assay.benchmarks.toolbox import TOOLBOX
from assay.benchmarks.truthfulqa import TRUTHFULQA_MC1, TRUTHFULQA_MC2
from assay.core.errors import NotFoundError, nearest
from assay.core.task import Task

BENCHMARKS: Mapping[str, Benchmark] = {
    entry.name: entry
    for entry in (
        ARC,
        GSM8K,
        HUMANEVAL,
        IFEVAL,
        MBPP,
        MMLU,
        OPENBOOKQA,
        PIQA,
        QUICKSTART,
        TOOLBOX,
        TRUTHFULQA_MC1,
        TRUTHFULQA_MC2,
    )
}


def load_benchmark(name: str, *, data: str | Path | None = None, options: Mapping[str, Any] | None = None) -> Task:
    """A built-in benchmark as a task.

    Args:
        name: A key of ``BENCHMARKS``.
        data: File, folder or ``hf:`` address; searched for when ``None`` (see ``find_data``).
        options: Options of the benchmark; texts are converted.

    Raises:
        NotFoundError: The benchmark is not known, or its data was found nowhere.
        ConfigError: An option is not known or does not fit.
        DataError: The data is not in a known form.
    """
    if name not in BENCHMARKS:
        raise NotFoundError(
            f"there is no benchmark called {name!r}", hint=nearest(name, BENCHMARKS), code="task.unknown"
        )
    benchmark = BENCHMARKS[name]
    checked = benchmark.checked(options or {})
    return benchmark.build(find_data(benchmark, data=data), checked)
