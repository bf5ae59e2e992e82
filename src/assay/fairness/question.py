"""What is asked of a table: groups, a metric or predictions with labels, confounders, and how sure one wants to be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from assay.core.errors import InvalidInputError, nearest
from assay.stats.special import check_confidence

MIN_GROUP = 30
"""Units below which a group is listed and not judged."""


class Confusion(NamedTuple):
    """Counts of predictions by what was true."""

    true_positive: int
    false_positive: int
    false_negative: int
    true_negative: int

    def share(self, metric: str) -> tuple[int, int]:
        """Successes and trials of a metric of ``METRICS``."""
        tp, fp, fn, tn = self
        return {
            "selection_rate": (tp + fp, tp + fp + fn + tn),
            "accuracy": (tp + tn, tp + fp + fn + tn),
            "fpr": (fp, fp + tn),
            "fnr": (fn, fn + tp),
            "tpr": (tp, fn + tp),
            "ppv": (tp, tp + fp),
            "base_rate": (tp + fn, tp + fp + fn + tn),
        }[metric]


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One figure that groups are compared by.

    Attributes:
        words: What it is, for sentences.
        better: Which direction is good for the people it is about; ``None`` where that depends on them.
        hypothesis: Name under which comparisons are counted: TPR = 1 - FNR asks nothing new.
        judged: Whether a gate looks at it; base rates describe the data, not the system.
    """

    name: str
    words: str
    unit: str = "share"
    better: Literal["higher", "lower"] | None = None
    hypothesis: str
    judged: bool = True


def _metric(name: str, words: str, better: Literal["higher", "lower"] | None, hypothesis: str | None = None) -> Metric:
    return Metric(
        name=name, words=words, better=better, hypothesis=hypothesis or name, judged=name != "base_rate"
    )  # fmt: skip


METRICS: dict[str, Metric] = {
    one.name: one
    for one in (
        _metric("selection_rate", "predicted positive", None),
        _metric("accuracy", "predicted right", "higher"),
        _metric("fpr", "predicted positive among the negative (FPR)", "lower"),
        _metric("fnr", "predicted negative among the positive (FNR)", "lower"),
        _metric("tpr", "predicted positive among the positive (TPR)", "higher", "fnr"),
        _metric("ppv", "positive among the predicted positive (PPV)", "higher"),
        _metric("base_rate", "positive (base rate)", None),
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What ``assay fairness`` is asked.

    Attributes:
        groups: Columns, each a grouping of its own.
        intersect: Also cross them, two and more at a time.
        outcome: Column of a metric (0/1 or any number); or else ``prediction`` and ``label``.
        threshold: A prediction of at least this is positive; without it predictions must be 0 or 1.
        confounders: Columns held equal, all together, in the standardised differences.
        metrics: Names of ``METRICS``; all of them when empty. Fewer questions make narrower intervals.
        min_group: Units below which a group is listed and not judged, at least 2.
        reference: Compare with this group instead of with the rest.
        confidence: Of all intervals of one kind together.
        max_gap: Gate: no gap between groups may be larger, in the metric's unit (0.1 is ten points).

    Raises:
        InvalidInputError: The parts do not fit together (``fairness.question``).
    """

    groups: Sequence[str]
    intersect: bool = False
    outcome: str | None = None
    prediction: str | None = None
    label: str | None = None
    threshold: float | None = None
    confounders: Sequence[str] = ()
    metrics: Sequence[str] = ()
    min_group: int = MIN_GROUP
    reference: str | None = None
    confidence: float = 0.95
    max_gap: float | None = None

    def __post_init__(self) -> None:
        if not self.groups:
            raise _bad("no group is named", "--group COLUMN")
        if (self.outcome is None) == (self.prediction is None) or (self.prediction is None) != (self.label is None):
            raise _bad("either an outcome, or a prediction with its label, is needed",
                       "--outcome COLUMN, or --prediction COLUMN --label COLUMN")  # fmt: skip
        if self.outcome is not None and (self.threshold is not None or self.metrics):
            raise _bad("a threshold or a choice of metrics goes with predictions", "leave it out, or give --prediction")
        for name in self.metrics:
            if name not in METRICS:
                raise _bad(f"there is no metric {name!r}", nearest(name, METRICS))
        named = [*self.groups, *self.confounders]
        twice = [name for name in named if named.count(name) > 1]
        if twice:
            raise _bad(f"{twice[0]} is named twice", "a column is a group or a confounder, once")
        if self.intersect and len(self.groups) < 2:
            raise _bad("one group column has no intersections", "name a second --group")
        if self.min_group < 2:
            raise _bad(f"groups of {self.min_group} cannot be judged", "--min-group 2 or more; 30 is the default")
        check_confidence(self.confidence)
        if self.max_gap is not None and not self.max_gap >= 0.0:
            raise _bad(f"a gap of at most {self.max_gap} cannot be asked for", "--max-gap 0.1 is ten points")
        if self.max_gap is not None and self.outcome is None and not any(one.judged for one in self.chosen()):
            raise _bad("base rates are of the data, not of the predictions: there is nothing to gate",
                       "name a --metric of the predictions, or give the label as --outcome")  # fmt: skip

    def chosen(self) -> list[Metric]:
        """The metrics asked for, in the order of ``METRICS``."""
        if self.outcome is not None:
            return [Metric(name=self.outcome, words=self.outcome, hypothesis=self.outcome)]
        return [metric for name, metric in METRICS.items() if not self.metrics or name in self.metrics]


def _bad(message: str, hint: str) -> InvalidInputError:
    return InvalidInputError(message, hint=hint, code="fairness.question")
