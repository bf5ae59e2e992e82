"""Answers that must be JSON, or JSON of a given shape."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from assay.core.errors import ConfigError
from assay.core.records import Output, Sample, Score
from assay.scorers.base import BaseScorer

_FENCE = re.compile(r"\s*```[a-zA-Z0-9_+-]*[ \t]*\n(.*?)\n?[ \t]*```\s*", re.DOTALL)
_LONGEST_INTEGER = 4000


def parse_json(text: str, *, fenced: bool = True) -> Any:
    """The value of a JSON text (RFC 8259: no NaN, no Infinity, no text around it).

    Args:
        fenced: Accept one Markdown code fence around it.

    Raises:
        ValueError: It is not JSON, or nested too deeply to read.

    Examples:
        >>> parse_json('```json\\n{"a": 1}\\n```')
        {'a': 1}
    """
    fence = _FENCE.fullmatch(text) if fenced else None
    try:
        return json.loads(fence[1] if fence else text, parse_constant=_refuse_constant, parse_int=_integer)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _refuse_constant(word: str) -> float:
    raise ValueError(f"{word} is not a JSON number")


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) < _LONGEST_INTEGER else float(digits)


@dataclass(frozen=True, kw_only=True)
class JsonValid(BaseScorer):
    """1 where the whole answer is valid JSON, else 0 with the parser's complaint.

    Attributes:
        fenced: One Markdown code fence around the JSON is accepted.

    Examples:
        >>> JsonValid().score(Sample(id="1", input=""), Output(sample_id="1", text="{'a': 1}")).value
        0.0
    """

    name: str = "json_valid"
    unit: ClassVar[str] = "share"
    fenced: bool = True

    def _score(self, sample: Sample, output: Output) -> Score:
        try:
            parse_json(output.text, fenced=self.fenced)
        except ValueError as error:
            return self._value(sample, output, 0.0, explanation=f"not JSON: {error}")
        return self._value(sample, output, 1.0)


@dataclass(frozen=True, kw_only=True)
class JsonSchema(BaseScorer):
    """1 where the answer is JSON that its JSON Schema accepts, else 0 with the first thing that does not fit.

    The schema's ``$schema`` names its draft, 2020-12 by default. References to other documents are not fetched.

    Attributes:
        schema: The schema; left out, each sample's own under the metadata key ``schema_key``.
        fenced: One Markdown code fence around the JSON is accepted.

    Examples:
        >>> scorer = JsonSchema(schema={"type": "object", "required": ["name"]})
        >>> scorer.score(Sample(id="1", input=""), Output(sample_id="1", text='{"name": "Ada"}')).value
        1.0
    """

    name: str = "json_schema"
    unit: ClassVar[str] = "share"
    schema: dict[str, Any] | bool | None = None
    schema_key: str = "schema"
    fenced: bool = True

    def _check(self) -> None:
        if self.schema is not None:
            problem = _schema_problem(self.schema)
            if problem:
                raise ConfigError(
                    f"scorer {self.name}: the schema is not a JSON Schema: {problem}",
                    hint="see https://json-schema.org/draft/2020-12",
                    code="scorer.bad_option",
                )

    @cached_property
    def _own_validator(self) -> Any:
        return _validator(self.schema)

    def _score(self, sample: Sample, output: Output) -> Score:
        from referencing.exceptions import Unresolvable

        try:
            value = parse_json(output.text, fenced=self.fenced)
        except ValueError as error:
            return self._value(sample, output, 0.0, label="not JSON", explanation=f"not JSON: {error}")
        if self.schema is not None:
            validator = self._own_validator
        else:
            schema = sample.metadata.get(self.schema_key)
            problem = f"metadata.{self.schema_key} holds none" if schema is None else _schema_problem(schema)
            if problem:
                return self._unscored(sample, output, "sample has no usable schema", explanation=problem)
            validator = _validator(schema)
        try:
            misfit = next(iter(validator.iter_errors(value)), None)
        except Unresolvable as error:
            return self._unscored(sample, output, "the schema refers to something outside it", explanation=str(error))
        except RecursionError:
            return self._unscored(sample, output, "the schema refers to itself without end")
        if misfit is None:
            return self._value(sample, output, 1.0, label="fits")
        return self._value(
            sample, output, 0.0, label="does not fit", explanation=f"{misfit.json_path}: {misfit.message}"
        )


def _validator(schema: Any) -> Any:
    """A validator that resolves references inside the schema only: scoring must not reach the network."""
    from jsonschema import Draft202012Validator
    from jsonschema.validators import validator_for
    from referencing import Registry

    registry: Registry[Any] = Registry()
    return validator_for(schema, default=Draft202012Validator)(schema, registry=registry)


def _schema_problem(schema: Any) -> str | None:
    from jsonschema import Draft202012Validator, SchemaError
    from jsonschema.validators import validator_for

    if not isinstance(schema, dict | bool):
        return f"{schema!r} is neither an object nor true or false"
    try:
        validator_for(schema, default=Draft202012Validator).check_schema(schema)  # type: ignore[arg-type]  # the stub knows no boolean schemas
    except SchemaError as error:
        return f"{error.json_path}: {error.message}"
    return None
