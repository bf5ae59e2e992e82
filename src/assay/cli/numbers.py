"""Numbers on the command line: finite ones, which ``nan`` and ``inf`` are not."""

from __future__ import annotations

import math
from typing import Any

import click
from click.types import FloatParamType


class FiniteFloat(FloatParamType):
    """A finite number."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number.

        Raises:
            BadParameter: It is none, or not finite.
        """
        found = super().convert(value, param, ctx)
        if not math.isfinite(found):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return found


class FiniteRange(click.FloatRange):
    """A finite number within bounds.

    Examples:
        >>> FiniteRange(min=0).convert("0.5", None, None)
        0.5
        >>> try:
        ...     FiniteRange(min=0).convert("nan", None, None)
        ... except click.BadParameter as error:
        ...     print(error.message)
        nan is not a finite number.
    """

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number.

        Raises:
            BadParameter: It is none, not finite, or out of range.
        """
        return super().convert(FINITE.convert(value, param, ctx), param, ctx)


FINITE = FiniteFloat()
