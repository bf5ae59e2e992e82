"""The levels a judge may give."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from assay.core.errors import ConfigError

MOST_LEVELS = 101


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Whole numbers from ``low`` to ``high``; higher is better unless the judge says otherwise.

    Attributes:
        anchors: What a level means, for some or all of them.

    Raises:
        ConfigError: There are fewer than two levels (``judge.bad_scale``), too many, or an anchor is not a level.
    """

    low: int = 1
    high: int = 5
    anchors: Mapping[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        count = self.high - self.low + 1
        if not 2 <= count <= MOST_LEVELS:
            raise ConfigError(
                f"a scale from {self.low} to {self.high} has {max(count, 0)} level{'' if count == 1 else 's'};"
                f" a judge needs 2 to {MOST_LEVELS}",
                hint="scale: {low: 1, high: 5}",
                code="judge.bad_scale",
            )
        beyond = sorted(level for level in self.anchors if not self.low <= level <= self.high)
        if beyond:
            raise ConfigError(
                f"anchor {beyond[0]} is not a level of the scale {self.low} to {self.high}",
                hint="anchors describe levels of the scale",
                code="judge.bad_scale",
            )

    @property
    def levels(self) -> range:
        """Every level, lowest first."""
        return range(self.low, self.high + 1)

    def described(self) -> str:
        """The scale for a prompt: its ends, then what the anchored levels mean, lowest first.

        Examples:
            >>> print(Scale(low=0, high=1, anchors={0: "wrong", 1: "right"}).described())
            Whole numbers from 0 (worst) to 1 (best).
            0: wrong
            1: right
        """
        lines = [f"Whole numbers from {self.low} (worst) to {self.high} (best)."]
        return "\n".join([*lines, *(f"{level}: {self.anchors[level]}" for level in sorted(self.anchors))])

    @classmethod
    def of(cls, text: str) -> Scale:
        """The scale a word like ``1-5`` or ``0..100`` names.

        Raises:
            ConfigError: It names none.

        Examples:
            >>> Scale.of("1-10").high
            10
        """
        found = re.fullmatch(r"\s*(-?\d{1,6})\s*(?:-|–|to|\.\.)\s*(-?\d{1,6})\s*", text)
        if found is None:
            raise ConfigError(f"{text!r} is no scale", hint="two whole numbers: 1-5", code="judge.bad_scale")
        return cls(low=int(found[1]), high=int(found[2]))
