"""No option of any command takes ``nan`` or ``inf`` for a number."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest
from click.types import FloatParamType, FloatRange

from assay.cli.main import cli
from assay.cli.numbers import FINITE, FiniteFloat, FiniteRange


def options(command: click.Command, path: str = "assay") -> Iterator[tuple[str, click.ParamType]]:
    """Every number an option takes, by command and option."""
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from options(found, f"{path} {name}")
    for param in command.params:
        kinds = param.type.types if isinstance(param.type, click.Tuple) else [param.type]
        for kind in kinds:
            if isinstance(kind, FloatParamType | FloatRange):
                yield f"{path} {param.name}", kind


def test_every_number_is_finite() -> None:
    found = dict(options(cli))
    assert len(found) > 20
    assert [name for name, kind in found.items() if not isinstance(kind, FiniteFloat | FiniteRange)] == []


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "NaN", "1e999"])
def test_what_is_no_finite_number_is_refused(text: str) -> None:
    for kind in (FINITE, FiniteRange(min=0), FiniteRange(0, 1)):
        with pytest.raises(click.BadParameter):
            kind.convert(text, None, None)
    assert FINITE.convert("-2.5e3", None, None) == -2500.0
