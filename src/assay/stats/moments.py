"""What an estimate of a mean needs to know about its values: a small record that adds up across machines.

Standard library only: this is on the path of every sample of every run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from assay.core.errors import InvalidInputError


class Sums(NamedTuple):
    """Count, mean and sum of squared deviations from the mean."""

    n: int = 0
    mean: float = 0.0
    m2: float = 0.0


def _joined(first: Sums, second: Sums) -> Sums:
    """Sums of both groups of values (Chan, Golub & LeVeque 1983)."""
    if not first.n or not second.n:
        return first if first.n else second
    count = first.n + second.n
    gap = second.mean - first.mean
    return Sums(
        count,
        first.mean + gap * second.n / count,
        first.m2 + second.m2 + gap * gap * first.n * second.n / count,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """Mergeable summary of one metric: ``Moments.of(a) + Moments.of(b)`` is ``Moments.of(a + b)``.

    Attributes:
        total: Of all values.
        loose: Of the values that belong to no cluster (all of them when clusters are not in use).
        clusters: Of the values of each cluster.
        zeros: How many values are exactly 0.
        ones: How many values are exactly 1.
        unscored: Samples without a value.
    """

    total: Sums = Sums()
    loose: Sums = Sums()
    clusters: Mapping[str, Sums] = field(default_factory=dict)
    zeros: int = 0
    ones: int = 0
    unscored: int = 0

    @property
    def count(self) -> int:
        """How many values there are."""
        return self.total.n

    @property
    def mean(self) -> float:
        """Their mean; 0 when there are none."""
        return self.total.mean

    @property
    def m2(self) -> float:
        """Sum of squared deviations from the mean."""
        return self.total.m2

    @property
    def all_binary(self) -> bool:
        """Whether every value is 0 or 1."""
        return self.zeros + self.ones == self.total.n

    @property
    def n_clusters(self) -> int:
        """Independent units: named clusters, and every value that belongs to none."""
        return len(self.clusters) + self.loose.n

    @property
    def clustered(self) -> bool:
        """Whether at least two values share a cluster."""
        return self.n_clusters < self.total.n

    @staticmethod
    def of(values: Sequence[float], clusters: Sequence[str | None] | None = None, *, unscored: int = 0) -> Moments:
        """Summary of values, shape ``(n,)``, each finite.

        Args:
            values: Scores, in score units.
            clusters: Cluster of each value, ``None`` where it stands alone.
            unscored: Samples without a value.

        Raises:
            InvalidInputError: The lengths differ or a value is not finite.

        Examples:
            >>> m = Moments.of([1, 0, 1, 1])
            >>> m.count, m.mean, m.all_binary, m.ones
            (4, 0.75, True, 3)
        """
        builder = MomentsBuilder()
        builder.unscored = unscored
        if clusters is None:
            builder.add_many(values)
        else:
            if len(values) != len(clusters):
                raise InvalidInputError(
                    f"{len(values)} values come with {len(clusters)} clusters", hint="one cluster (or None) a value"
                )
            for value, cluster in zip(values, clusters, strict=True):
                builder.add(value, cluster)
        return builder.freeze()

    def __add__(self, other: Moments) -> Moments:
        clusters = dict(self.clusters)
        for name, sums in other.clusters.items():
            clusters[name] = _joined(clusters[name], sums) if name in clusters else sums
        return Moments(
            total=_joined(self.total, other.total),
            loose=_joined(self.loose, other.loose),
            clusters=clusters,
            zeros=self.zeros + other.zeros,
            ones=self.ones + other.ones,
            unscored=self.unscored + other.unscored,
        )


class MomentsBuilder:
    """Adds one value at a time; ``freeze`` gives the Moments so far and may be called again later.

    Zeros and ones outside clusters are only counted: that is exact, and the fastest thing to do on the hot path.
    """

    __slots__ = ("_clusters", "_count", "_inner_ones", "_inner_zeros", "_m2", "_mean", "_ones", "_zeros", "unscored")

    def __init__(self) -> None:
        self.unscored = 0
        self._zeros = self._ones = 0
        self._count, self._mean, self._m2 = 0, 0.0, 0.0
        self._inner_zeros = self._inner_ones = 0
        self._clusters: dict[str, list[float]] = {}

    def add(self, value: float, cluster: str | None = None) -> None:
        """Count one finite value.

        Raises:
            InvalidInputError: It is NaN or infinite.
        """
        if cluster is not None:
            self._add_to_cluster(value, cluster)
        elif value == 0.0:
            self._zeros += 1
        elif value == 1.0:
            self._ones += 1
        else:
            if value - value != 0.0:
                raise _not_finite(value)
            self._count += 1
            gap = value - self._mean
            self._mean += gap / self._count
            self._m2 += gap * (value - self._mean)

    def add_many(self, values: Sequence[float]) -> None:
        """Count values that belong to no cluster."""
        zeros, ones = values.count(0.0), values.count(1.0)
        if zeros + ones == len(values):
            self._zeros += zeros
            self._ones += ones
            return
        for value in values:
            self.add(value)

    def _add_to_cluster(self, value: float, cluster: str) -> None:
        if value - value != 0.0:
            raise _not_finite(value)
        if value == 0.0:
            self._inner_zeros += 1
        elif value == 1.0:
            self._inner_ones += 1
        sums = self._clusters.get(cluster)
        if sums is None:
            sums = self._clusters[cluster] = [0, 0.0, 0.0]
        sums[0] += 1
        gap = value - sums[1]
        sums[1] += gap / sums[0]
        sums[2] += gap * (value - sums[1])

    def freeze(self) -> Moments:
        """The summary of everything added so far."""
        counted = self._zeros + self._ones
        loose = Sums(counted, self._ones / counted, self._zeros * self._ones / counted) if counted else Sums()
        loose = _joined(loose, Sums(self._count, self._mean, self._m2))
        clusters = {name: Sums(int(count), mean, m2) for name, (count, mean, m2) in self._clusters.items()}
        total = loose
        for sums in clusters.values():
            total = _joined(total, sums)
        return Moments(
            total=total,
            loose=loose,
            clusters=clusters,
            zeros=self._zeros + self._inner_zeros,
            ones=self._ones + self._inner_ones,
            unscored=self.unscored,
        )


def _not_finite(value: float) -> InvalidInputError:
    return InvalidInputError(
        f"a score is {value}, which is not a finite number", hint="leave samples without a score out and count them"
    )
