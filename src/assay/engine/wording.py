"""Numbers as people read them: shares in points, a real minus sign, as many digits as the interval supports."""

from __future__ import annotations

import math

from assay.core.records import Estimate

_MINUS = "\N{MINUS SIGN}"


class Scale:
    """How differences of one unit are written.

    Examples:
        >>> scale = Scale("share", 0.024)
        >>> scale.amount(-0.019), scale.named(0.031), scale.plain(0.02)
        ('−1.9', '3.1 points', '2')
    """

    def __init__(self, unit: str, half_width: float | None) -> None:
        """``half_width`` of the interval, in the unit, decides the digits: two of it are shown."""
        self.factor = 100.0 if unit == "share" else 1.0
        self.word = {"share": " points", "score": "", "usd": " USD"}.get(unit, f" {unit}")
        shown = abs(half_width or 0.0) * self.factor
        self.decimals = (
            min(max(0, 1 - math.floor(math.log10(shown))), 8) if shown > 0.0 else (1 if unit == "share" else 3)
        )

    def amount(self, value: float) -> str:
        """The number alone."""
        text = f"{abs(value) * self.factor:,.{self.decimals}f}"
        return _MINUS + text if value < 0.0 and text.strip("0.,") else text

    def named(self, value: float) -> str:
        """The number with its unit."""
        return self.amount(value) + self.word

    def plain(self, value: float) -> str:
        """A round number without needless zeros."""
        return f"{value * self.factor:,.10f}".rstrip("0").rstrip(".").replace("-", _MINUS)

    def target(self, value: float) -> str:
        """A round number with its unit."""
        unit = " point" if self.word == " points" and self.plain(value) == "1" else self.word
        return self.plain(value) + unit


def scale_of(estimate: Estimate) -> Scale:
    """The scale that suits an estimate's own interval."""
    if estimate.low is None or estimate.high is None:
        return Scale(estimate.unit, None if estimate.value is None else abs(estimate.value) / 10.0)
    return Scale(estimate.unit, 0.5 * (estimate.high - estimate.low))


def percent(ratio: float) -> str:
    """A ratio as a signed change.

    Examples:
        >>> percent(1.25), percent(0.965), percent(1.0)
        ('+25 %', '−3.5 %', '0 %')
    """
    change = (ratio - 1.0) * 100.0
    text = f"{abs(change):.0f}" if abs(change) >= 9.95 else f"{abs(change):.1f}".removesuffix(".0")
    if text == "0":
        return "0 %"
    return f"{_MINUS if change < 0.0 else '+'}{text} %"
