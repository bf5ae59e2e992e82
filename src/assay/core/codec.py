"""Records to and from plain JSON values, the form the journal, the segments and the API share."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from assay.core.records import Estimate, Item, Output, Sample, Score, Usage


def to_plain(record: Any) -> dict[str, Any]:
    """A record as a dictionary of JSON values, defaults left in; nested records likewise.

    Examples:
        >>> to_plain(Usage(input_tokens=3))
        {'input_tokens': 3, 'output_tokens': None, 'cached_tokens': None}
    """
    return {spec.name: _plain(getattr(record, spec.name)) for spec in fields(record)}


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str | int | float):
        return value
    if hasattr(value, "__dataclass_fields__"):
        return to_plain(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    return [_plain(entry) for entry in value]


def to_document(value: Any) -> Any:
    """Any result of the statistics as JSON values, for ``--json`` and reports.

    Estimates take the form every command prints; records and named tuples become objects; arrays and other sequences
    lists; numbers that are not finite ``null``.

    Examples:
        >>> to_document({"usage": Usage(input_tokens=3), "gap": (1.0, float("inf"))})
        {'usage': {'input_tokens': 3, 'output_tokens': None, 'cached_tokens': None}, 'gap': [1.0, None]}
    """
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Estimate):
        return {name: to_document(entry) for name, entry in value.to_dict().items()}
    if hasattr(value, "__dataclass_fields__"):
        return {spec.name: to_document(getattr(value, spec.name)) for spec in fields(value)}
    if hasattr(value, "_asdict"):
        return to_document(value._asdict())
    if isinstance(value, Mapping):
        return {str(key): to_document(entry) for key, entry in value.items()}
    if hasattr(value, "tolist"):  # numpy's arrays and numbers
        return to_document(value.tolist())
    return [to_document(entry) for entry in value]


def output_from_plain(row: Mapping[str, Any]) -> Output:
    """Inverse of ``to_plain`` for an Output."""
    return Output(**{**row, "usage": Usage(**row["usage"])})


def item_from_plain(row: Mapping[str, Any]) -> Item:
    """Inverse of ``to_plain`` for an Item."""
    return Item(
        row=row["row"],
        sample=Sample(**row["sample"]),
        output=output_from_plain(row["output"]),
        scores=[Score(**score) for score in row["scores"]],
    )
