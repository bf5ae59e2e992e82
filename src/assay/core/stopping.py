"""When a cascade stops asking its top tier, as people write it: ``half_width <= 0.02`` or ``helpfulness > 3.5``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from assay.core.errors import ConfigError

_RULE = re.compile(r"([^\s<>=≤≥]+)\s*(<=|>=|≤|≥|<|>)\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)")
_WIDTH = "half_width"
_EXAMPLES = "half_width <= 0.02, or a figure and a value it is to be told from: helpfulness > 3.5"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoppingRule:
    """A *width* rule or a *gate* rule, which are looked at with different intervals.

    Attributes:
        half_width: Of a width rule: stop when the interval reaches no further than that to either side.
        figure: Of a gate rule: stop when it is settled on which side of the threshold this figure lies.
        threshold: Of a gate rule.
        above: Which side is hoped for; the rule stops on either.
    """

    half_width: float | None = None
    figure: str | None = None
    threshold: float | None = None
    above: bool = True

    @property
    def text(self) -> str:
        """As people write it."""
        if self.half_width is not None:
            return f"{_WIDTH} <= {self.half_width:g}"
        return f"{self.figure} {'>' if self.above else '<'} {self.threshold:g}"


def parse_stopping(text: str) -> StoppingRule:
    """Read a rule.

    Raises:
        ConfigError: It is none, or a half-width that is not above 0 (``cascade.until``).

    Examples:
        >>> parse_stopping("half_width <= 0.02").half_width
        0.02
        >>> parse_stopping("helpfulness > 3.5").text
        'helpfulness > 3.5'
    """
    match = _RULE.fullmatch(text.strip())
    if match is None:
        raise _none(text)
    figure, sign, number = match[1], match[2], float(match[3])
    above = sign in (">", ">=", "≥")
    if figure != _WIDTH:
        return StoppingRule(figure=figure, threshold=number, above=above)
    if above:
        raise _none(text)
    if not number > 0.0:
        raise ConfigError(
            f"{text!r} is reached by no interval", hint="half_width <= X with X above 0", code="cascade.until"
        )
    return StoppingRule(half_width=number)


def _none(text: str) -> ConfigError:
    return ConfigError(f"{text!r} is no rule for when to stop", hint=_EXAMPLES, code="cascade.until")
