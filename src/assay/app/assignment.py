"""``assay experiment assign``: who gets what, who has been exposed, and whether past data would have split fairly."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from assay.app.experiment_file import load_experiment
from assay.core.codec import to_document
from assay.core.errors import DataError, StoreError
from assay.datasets.columns import TableFile
from assay.experiments.assign import ELSEWHERE, HELD_OUT, Assigner, check_exclusion
from assay.experiments.spec import Experiment


def assign_units(
    path: str, units: str, *, column: str | None = None, stratum: str | None = None, beside: Sequence[str] = ()
) -> tuple[Experiment, list[tuple[str, str]]]:
    """(unit, arm) of every unit of a table, in its order; balanced within strata where a column is named.

    Args:
        column: Of the unit; the experiment's without it.
        beside: Other experiment files that must not share a unit with this one in their layer.

    Raises:
        ConfigError: Experiments of one layer overlap.
        DataError: A unit is missing or comes twice.
    """
    experiment, _ = load_experiment(path)
    check_exclusion([experiment, *(load_experiment(other)[0] for other in beside)])
    table = TableFile(units)
    try:
        names = table.texts(column or experiment.unit)
        strata = table.texts(stratum) if stratum else None
    finally:
        table.close()
    known = [name for name in names if name is not None]
    if len(known) < len(names):
        raise DataError(
            f"{units}: row {names.index(None) + 1} names no unit",
            hint="give every row its unit",
            code="data.key_missing",
        )
    assigner = Assigner(experiment)
    if strata is not None:
        return experiment, list(zip(known, assigner.blocked(known, [str(value) for value in strata]), strict=True))
    return experiment, [(name, assigner.arm(name)) for name in known]


def split_summary(experiment: Experiment, assigned: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Counts by arm, and whether they are the planned split."""
    from assay.stats.health.ratio import srm_test

    counts = Counter(arm for _, arm in assigned)
    own = {arm: counts[arm] for arm in experiment.arms}
    row: dict[str, Any] = {
        "schema": "assay.experiment.assign/1",
        "experiment": experiment.name,
        "counts": own,
        "held_out": counts[HELD_OUT],
        "elsewhere": counts[ELSEWHERE],
    }
    if sum(own.values()):
        row["split"] = to_document(srm_test(own, expected=experiment.arms))
    return row


def log_exposures(path: Path, experiment: Experiment, assigned: Sequence[tuple[str, str]], *, at: str) -> int:
    """Append first exposures to a log of JSON lines; units that are in it already are left out. Returns how many."""
    seen = set()
    try:
        if path.exists():
            with path.open(encoding="utf-8") as lines:
                seen = {(row["experiment"], row["unit"]) for row in map(json.loads, lines)}
        new = [(unit, arm) for unit, arm in assigned if arm in experiment.arms and (experiment.name, unit) not in seen]
        with path.open("a", encoding="utf-8") as log:
            for unit, arm in new:
                row = {"experiment": experiment.name, "unit": unit, "arm": arm, "at": at}
                log.write(json.dumps(row, ensure_ascii=False) + "\n")
    except (OSError, ValueError, KeyError) as error:
        raise StoreError(
            f"exposures could not be added to {path}: {error}; what it held is kept",
            hint="name a file that can be written, of lines {experiment, unit, arm, at}",
        ) from error
    return len(new)


def write_assignment(path: Path, experiment: Experiment, assigned: Sequence[tuple[str, str]]) -> None:
    """A CSV of unit and arm."""
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow([experiment.unit, experiment.arm_column])
            writer.writerows(assigned)
    except OSError as error:
        raise StoreError(f"{path} could not be written: {error.strerror}", hint="choose another place") from error


def check_assignment(path: str, units: str, metric: str, *, draws: int = 200) -> dict[str, Any]:
    """A/A check: split the same past values by many salts; a sound metric and split find a difference in 5 % of them.

    Args:
        units: A table with the unit and a column of past values.
        metric: The column.
        draws: Salts.
    """
    import numpy as np

    from assay.stats.adjustment.result import welch
    from assay.stats.scalar import wilson

    experiment, _ = load_experiment(path)
    table = TableFile(units)
    try:
        names, values = table.texts(experiment.unit), table.numbers(metric)
    finally:
        table.close()
    known = ~np.isnan(values)
    values, names = values[known], [name for name, keep in zip(names, known, strict=True) if keep]
    p_values = []
    for draw in range(draws):
        again = Assigner(_resalted(experiment, draw))
        mask = np.array([again.arm(str(name)) != experiment.control for name in names])
        sides = [values[~mask], values[mask]]
        if min(side.size for side in sides) < 2:
            continue
        counts = np.array([float(side.size) for side in sides])
        means = np.array([side.mean() for side in sides])
        squares = np.array([((side - side.mean()) ** 2).sum() for side in sides])
        _, p_value, _ = welch(counts, means, squares, confidence=experiment.confidence, unit="score")
        if p_value is not None:
            p_values.append(p_value)
    if not p_values:
        raise DataError(f"{metric} does not vary, so no split of it can differ", hint="name a column that varies")
    alarms = sum(p <= 0.05 for p in p_values)
    low, high = wilson(alarms, len(p_values), 0.99)
    return {
        "schema": "assay.experiment.aa/1", "experiment": experiment.name, "metric": metric, "draws": len(p_values),
        "false_alarms": {"value": alarms / len(p_values), "low": low, "high": high, "n": len(p_values),
                         "confidence": 0.99, "method": "wilson"},
        "sound": low <= 0.05 <= high,
    }  # fmt: skip


def _resalted(experiment: Experiment, draw: int) -> Experiment:
    return replace(experiment, salt=f"{experiment.salt or experiment.name}/aa-{draw}", layer=None, holdout=0.0)
