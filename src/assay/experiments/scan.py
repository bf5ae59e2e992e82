"""From a table of units to moments: one query a metric, so that ten million rows cost what ten do in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from assay.core.errors import DataError, nearest
from assay.datasets.columns import TableFile, quoted
from assay.experiments.spec import Experiment, MetricSpec
from assay.stats.adjustment.joint import JointMoments
from assay.stats.moments import Moments, Sums

_MOMENTS = "count(y), avg(y), var_pop(y) * count(y), count(*) FILTER (y = 0), count(*) FILTER (y = 1)"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmMoments:
    """One metric in one arm.

    Attributes:
        level: The arm's value of the metric.
        outcome: Of what a unit contributes: the metric's value, or a ratio's linearised one, whose mean differs
            between arms by as much as the ratio does.
        joint: Of outcome and covariates, over the units that have all of them; ``None`` without covariates.
        missing: Units without a value.
    """

    level: float
    outcome: Moments
    joint: JointMoments | None
    missing: int


class Scan:
    """The data of one experiment, asked for moments.

    Where a cluster is named, clusters were randomised and are the units: sums are taken over each, and a mean becomes
    the ratio of two sums. A ratio N/D is linearised around the control's, (n - R·d) / mean(d) + R, so that everything
    that works on means works on it (delta method).

    Args:
        table: One row a unit.
        experiment: Its columns are named in it.

    Attributes:
        counts: Randomised units by arm, in the experiment's order.
        unassigned: Rows that name no arm of the experiment, by what they name.

    Raises:
        DataError: A column is missing or no number, a unit comes twice, a cluster is in two arms, an arm has no unit.

    Sources:
        Deng, Knoblich & Lu (2018), KDD, on the delta method; Budylin et al. (2018), WSDM, on linearisation.
    """

    def __init__(self, table: TableFile, experiment: Experiment) -> None:
        self._table = table
        self._experiment = experiment
        named = [experiment.unit, experiment.arm_column, *experiment.segments, experiment.cluster, experiment.time]
        table.require(*(name for name in named if name))
        for metric in experiment.metrics:
            for column in (metric.column, metric.denominator, *metric.covariates):
                if column is not None and not table.is_number(column):
                    table.numbers(column)  # says which cell is no number
        arms = ", ".join(_literal(arm) for arm in experiment.arms)
        arm = f"{quoted(experiment.arm_column)}::VARCHAR"
        self._units = f"(SELECT *, {arm} AS assay_arm FROM data WHERE {arm} IN ({arms}))"  # noqa: S608
        self._randomised = quoted(experiment.cluster or experiment.unit)
        self._refuse_repeats()
        self.counts, self.unassigned = self._count(arm)

    def metric(self, metric: MetricSpec) -> dict[str, ArmMoments]:
        """Moments of one metric by arm."""
        names = () if self._experiment.cluster else tuple(metric.covariates)
        levels = {
            arm: (float(level), int(missing))
            for arm, level, missing in self._table.rows(
                f"SELECT assay_arm, {self._level(metric)}, count(*) - count(num) "  # noqa: S608
                f"FROM ({self._values(metric)}) GROUP BY 1 HAVING count(num) > 0"
            )
        }
        self._refuse_empty(metric, levels)
        columns = ["y", *(f"x{rank}" for rank in range(len(names)))]
        complete = " AND ".join(f"{column} IS NOT NULL" for column in columns)
        pairs = [f"covar_samp({a}, {b})" for rank, a in enumerate(columns) for b in columns[rank:]]
        joint = ", ".join(
            f"{part} FILTER ({complete})" for part in ["count(*)", *(f"avg({c})" for c in columns), *pairs]
        )
        found = self._table.rows(
            f"SELECT assay_arm, {_MOMENTS}, {joint} FROM ({self._linear(metric, names)}) GROUP BY 1"  # noqa: S608
        )
        rows = {row[0]: row for row in found}
        return {
            arm: ArmMoments(
                level=levels[arm][0],
                outcome=_moments(rows[arm][1:6]),
                joint=_joint(rows[arm][6:], names) if names else None,
                missing=levels[arm][1],
            )
            for arm in self._experiment.arms
        }

    def cells(
        self, metric: MetricSpec, columns: Sequence[str], *, within: bool = False
    ) -> dict[str, dict[str, Moments]]:
        """Moments of one metric by the values of segment columns (joined by `` × ``), then by arm.

        Args:
            within: Linearise a ratio around the control's ratio in each cell, so that a cell's difference is that of
                its ratios; else around the whole control's, so that cells add up to the whole.
        """
        label = " || ' × ' || ".join(f"coalesce({quoted(column)}::VARCHAR, '(none)')" for column in columns)
        return self._by(metric, label, within=within)

    def times(self, metric: MetricSpec) -> dict[str, dict[str, Moments]]:
        """Moments of one metric by the value of the time column, in its order, then by arm."""
        if self._experiment.time is None:
            raise DataError(
                f"experiment {self._experiment.name} names no time column", hint="time: day", code="experiment.no_time"
            )
        found = self._by(
            metric, f"min({quoted(self._experiment.time)}) OVER (PARTITION BY {self._randomised})::VARCHAR"
        )
        return dict(sorted(found.items(), key=lambda entry: _in_time(entry[0])))

    def _by(self, metric: MetricSpec, label: str, *, within: bool = False) -> dict[str, dict[str, Moments]]:
        found = self._table.rows(
            f"SELECT label, assay_arm, {_MOMENTS} FROM ({self._linear(metric, (), label=label, within=within)}) "  # noqa: S608
            "WHERE y IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2"
        )
        result: dict[str, dict[str, Moments]] = {}
        for label_value, arm, *numbers in found:
            result.setdefault(label_value, {})[arm] = _moments(numbers)
        return result

    def _values(self, metric: MetricSpec, names: Sequence[str] = (), *, label: str = "NULL") -> str:
        """One row a randomised unit: arm, numerator, denominator, covariates, label."""
        value = self._table.number_of(metric.column)
        if metric.cap is not None:
            value = f"CASE WHEN {value} > {float(metric.cap)!r} THEN {float(metric.cap)!r} ELSE {value} END"
        below = "1.0" if metric.denominator is None else self._table.number_of(metric.denominator)
        covariates = "".join(f", {self._table.number_of(name)} AS x{rank}" for rank, name in enumerate(names))
        rows = f"SELECT assay_arm, {value} AS num, {below} AS den, {label} AS label{covariates}"
        if self._experiment.cluster is None:
            return f"{rows} FROM {self._units}"
        inner = f"{rows}, {self._randomised} AS cluster FROM {self._units}"
        return (
            "SELECT assay_arm, sum(num) AS num, sum(den) FILTER (num IS NOT NULL) AS den, label "  # noqa: S608
            f"FROM ({inner}) GROUP BY assay_arm, cluster, label"
        )

    def _linear(self, metric: MetricSpec, names: Sequence[str], *, label: str = "NULL", within: bool = False) -> str:
        """``_values`` with ``y``, what a unit contributes."""
        rows = self._values(metric, names, label=label)
        if not self._is_ratio(metric):
            return f"SELECT *, num AS y FROM ({rows})"  # noqa: S608
        control = _literal(self._experiment.control)
        around = (
            f"SELECT {'label' if within else 'NULL'} AS place, sum(num) / sum(den) AS r, avg(den) AS d "  # noqa: S608
            f"FROM ({self._values(metric, label=label)}) "
            f"WHERE assay_arm = {control} AND num IS NOT NULL AND den IS NOT NULL GROUP BY 1"
        )
        place = "around.place = rows.label" if within else "true"
        return (
            "SELECT rows.*, (num - r * den) / d + r AS y "  # noqa: S608
            f"FROM ({rows}) AS rows JOIN ({around}) AS around ON {place}"
        )

    def _is_ratio(self, metric: MetricSpec) -> bool:
        return metric.kind == "ratio" or self._experiment.cluster is not None

    def _level(self, metric: MetricSpec) -> str:
        return "sum(num) / sum(den) FILTER (num IS NOT NULL)" if self._is_ratio(metric) else "avg(num)"

    def _count(self, arm: str) -> tuple[dict[str, int], dict[str, int]]:
        units = "count(*)" if self._experiment.cluster is None else f"count(DISTINCT {self._randomised})"
        own = dict(self._table.rows(f"SELECT assay_arm, {units} FROM {self._units} GROUP BY 1"))  # noqa: S608
        other = self._table.rows(f"SELECT coalesce({arm}, '(none)'), count(*) FROM data GROUP BY 1")  # noqa: S608
        for name in self._experiment.arms:
            if name not in own:
                raise DataError(
                    f"{self._table.name} has no unit in arm {name!r}",
                    hint=nearest(name, [str(found) for found, _ in other]),
                    code="experiment.no_units",
                )
        arms = self._experiment.arms
        return {name: int(own[name]) for name in arms}, {str(name): int(n) for name, n in other if name not in arms}

    def _refuse_repeats(self) -> None:
        unit = quoted(self._experiment.unit)
        checks = [(unit, "count(*) > 1")]
        if self._experiment.cluster is not None:
            checks.append((self._randomised, "count(DISTINCT assay_arm) > 1"))
        for column, wrong in checks:
            repeated = self._table.rows(
                f"SELECT {column}, count(*), count(DISTINCT assay_arm) FROM {self._units} "  # noqa: S608
                f"GROUP BY 1 HAVING {wrong} LIMIT 1"
            )
            if repeated:
                name, times, arms = repeated[0]
                raise DataError(
                    f"{column.strip(chr(34))} {name!r} has {times} rows" + (f" in {arms} arms" if arms > 1 else ""),
                    hint="give one row a unit, each in one arm: sum events up with a query first; leave out what "
                    "crossed over only if you can say why it did",
                    code="experiment.repeated_unit",
                )

    def _refuse_empty(self, metric: MetricSpec, levels: dict[str, tuple[float, int]]) -> None:
        for arm in self._experiment.arms:
            if arm not in levels:
                raise DataError(
                    f"no unit of arm {arm} has a value of {metric.name}",
                    hint=f"look at column {metric.column}",
                    code="experiment.no_values",
                )


def _in_time(label: str) -> tuple[float, str]:
    """Numbers by value; dates and times, which sort as text, after them."""
    try:
        return float(label), ""
    except ValueError:
        return float("inf"), label


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _moments(numbers: Sequence[Any]) -> Moments:
    count, mean, m2, zeros, ones = numbers
    total = Sums(int(count), float(mean or 0.0), float(m2 or 0.0))
    return Moments(total=total, loose=total, zeros=int(zeros), ones=int(ones))


def _joint(numbers: Sequence[Any], names: tuple[str, ...]) -> JointMoments | None:
    count, width = int(numbers[0]), len(names) + 1
    if count < 2:
        return None
    covariance = np.zeros((width, width))
    covariance[np.triu_indices(width)] = numbers[1 + width :]
    covariance += np.triu(covariance, 1).T
    return JointMoments.from_covariance(count, numbers[1 : 1 + width], covariance, names=names)
