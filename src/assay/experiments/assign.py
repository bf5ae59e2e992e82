"""Which arm a unit gets: by a salted hash, so that every process gives the same answer and nothing has to be stored."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import accumulate

from assay.core.errors import ConfigError, InvalidInputError
from assay.experiments.spec import Experiment

HELD_OUT = "(held out)"
ELSEWHERE = "(other experiment)"
"""Not in this experiment: the unit belongs to another part of the layer."""
_SPAN = float(2**64)


def position(unit: str, salt: str) -> float:
    """Where a unit falls in [0, 1) under a salt: uniform, and independent between salts.

    Examples:
        >>> 0 <= position("user-1", "a") < 1, position("user-1", "a") == position("user-1", "b")
        (True, False)
    """
    digest = blake2b(unit.encode("utf-8", "surrogatepass"), digest_size=8, key=_key(salt)).digest()
    return int.from_bytes(digest, "big") / _SPAN


def _key(salt: str) -> bytes:
    return blake2b(salt.encode(), digest_size=16).digest()


@dataclass(frozen=True, slots=True)
class Assigner:
    """The assignment of one experiment.

    Examples:
        >>> from assay.experiments.spec import MetricSpec
        >>> metric = MetricSpec(name="won", column="won", kind="share", role="primary")
        >>> tone = Experiment(name="tone", arms={"A": 0.5, "B": 0.5}, control="A", metrics=[metric])
        >>> [Assigner(tone).arm(f"user-{number}") for number in (0, 1, 2, 7)]
        ['B', 'B', 'B', 'A']
    """

    experiment: Experiment

    def arm(self, unit: str) -> str:
        """The unit's arm, ``HELD_OUT`` or ``ELSEWHERE``."""
        given = self.experiment
        outside = self._outside(unit)
        if outside is not None:
            return outside
        edges = list(accumulate(given.arms.values()))
        # The last edge may be a hair below 1 by rounding; what falls beyond it belongs to the last arm.
        return list(given.arms)[min(bisect_right(edges, position(unit, self._salt)), len(edges) - 1)]

    def blocked(self, units: Sequence[str], strata: Sequence[str]) -> list[str]:
        """Arms of a known list of units, balanced within each stratum to within one unit of an arm's share.

        Within a stratum units are ordered by their hash and dealt out in proportion to the shares, so the result does
        not depend on the list's order; it does depend on who is on the list. Units that arrive one by one get ``arm``.

        Args:
            units: Each once.
            strata: Stratum of each, same length.

        Raises:
            InvalidInputError: Lengths differ, or a unit comes twice.
        """
        if len(units) != len(strata) or len(set(units)) != len(units):
            raise InvalidInputError(
                f"{len(units)} units ({len(set(units))} different) and {len(strata)} strata do not fit",
                hint="list every unit once, with its stratum",
            )
        result: dict[str, str] = {}
        members: dict[str, list[str]] = {}
        for unit, stratum in zip(units, strata, strict=True):
            outside = self._outside(unit)
            if outside is None:
                members.setdefault(stratum, []).append(unit)
            else:
                result[unit] = outside
        for stratum, found in members.items():
            found.sort(key=lambda unit: (position(unit, f"{self._salt}/order"), unit))
            start = position(stratum, f"{self._salt}/start")
            result.update(zip(found, _dealt(self.experiment.arms, len(found), start=start), strict=True))
        return [result[unit] for unit in units]

    @property
    def _salt(self) -> str:
        return f"arm/{self.experiment.salt or self.experiment.name}"

    def _outside(self, unit: str) -> str | None:
        given = self.experiment
        if given.holdout and position(unit, f"holdout/{given.holdout_name}") < given.holdout:
            return HELD_OUT
        layer = given.layer
        if layer is not None and not layer.low <= position(unit, f"layer/{layer.name}") < layer.high:
            return ELSEWHERE
        return None


def _dealt(arms: Mapping[str, float], count: int, *, start: float) -> list[str]:
    """Arms in proportion to their shares, every beginning of the sequence within one unit of each share.

    Every unit goes to the arm that is furthest behind. ``start`` decides who is first in line, so that strata of one
    unit do not all get the same arm.
    """
    names = list(arms)
    edges = list(accumulate(arms.values()))
    first = names[min(bisect_right(edges, start), len(names) - 1)]
    given = dict.fromkeys(names, 0)
    dealt = []
    for number in range(1, count + 1):
        behind = {name: arms[name] * number - given[name] for name in names}
        name = first if number == 1 else max(names, key=lambda name: behind[name])
        given[name] += 1
        dealt.append(name)
    return dealt


def check_exclusion(experiments: Sequence[Experiment]) -> None:
    """Raise ConfigError (``experiment.overlap``) where two experiments of one layer could share a unit."""
    placed = [(one.layer, one.name) for one in experiments if one.layer is not None]
    for rank, (layer, name) in enumerate(placed):
        for other, other_name in placed[:rank]:
            if layer.name == other.name and layer.low < other.high and other.low < layer.high:
                raise ConfigError(
                    f"experiments {other_name} and {name} share the part from {max(layer.low, other.low):g} to "
                    f"{min(layer.high, other.high):g} of layer {layer.name}",
                    hint="give each its own part of the layer",
                    code="experiment.overlap",
                )
