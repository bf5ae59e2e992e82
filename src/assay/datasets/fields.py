"""From one row of data to one Sample: which key means what, and which values are let in."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from assay.core.errors import ConfigError, DataError, nearest
from assay.core.records import Message, Sample

FIELDS = ("id", "input", "reference", "choices", "cluster", "critical")
_TRUE, _FALSE = ("true", "yes", "1"), ("false", "no", "0", "")
_COMMON_INPUTS = ("question", "prompt", "text", "instruction", "query", "messages")


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldMap:
    """Key or dotted path of each field; ``None`` means the field's own name, where the data has it.

    A field named here must exist: ``id`` and ``input`` in every row, the others in at least one.

    Examples:
        >>> FieldMap.of({"input": "question"}).input
        'question'
    """

    id: str | None = None
    input: str | None = None
    reference: str | None = None
    choices: str | None = None
    cluster: str | None = None
    critical: str | None = None

    @classmethod
    def of(cls, names: Mapping[str, str | None]) -> FieldMap:
        """A map from a mapping; raises ConfigError for a field that samples do not have."""
        for name in names:
            if name not in FIELDS:
                raise ConfigError(
                    f"samples have no field {name!r}", hint=nearest(name, FIELDS), code="config.unknown_field"
                )
        return cls(**names)

    def to_dict(self) -> dict[str, str]:
        """The fields that were named, for the content hash."""
        return {spec.name: value for spec in fields(self) if (value := getattr(self, spec.name)) is not None}


AS_NAMED = FieldMap()


class RowReader:
    """Makes Samples from rows.

    Rules: numbers and truth values in ``reference``, ``choices``, ``id`` and ``cluster`` become their JSON text
    (``18`` → ``"18"``, ``true`` → ``"true"``); an empty list of references is no reference; ``metadata`` (an object)
    is merged with all keys that are not fields; a dotted path (``answer.text``) leaves its object in the metadata.
    """

    def __init__(self, names: FieldMap) -> None:
        given = names.to_dict()
        self._named = frozenset(given)
        self._paths = {name: tuple(given.get(name, name).split(".")) for name in FIELDS}
        self._taken = frozenset(path[0] for path in self._paths.values() if len(path) == 1) | {"metadata"}
        self._unseen = set(given)
        plain = all(len(path) == 1 for path in self._paths.values()) and "id" not in self._named
        self._keys = tuple((name, path[0]) for name, path in self._paths.items()) if plain else ()
        self._plain = dict(self._keys)

    def sample(self, row: Mapping[str, Any], *, default_id: str) -> Sample:
        """The row as a Sample.

        Raises:
            DataError: A field is missing or has a value of the wrong kind; the caller adds where the row is.
        """
        if self._plain and not self._unseen and "metadata" not in row:
            sample = self._plain_sample(row, default_id)
            if sample is not None:
                return sample
        values = {name: row.get(key) for name, key in self._keys} if self._keys else {}
        if not values or values["input"] is None or self._unseen:
            values = {name: self._find(row, name) for name in FIELDS}
        metadata = {key: value for key, value in row.items() if key not in self._taken}
        extra = row.get("metadata")
        if isinstance(extra, Mapping):
            metadata = {**extra, **metadata}
        elif extra is not None:
            metadata["metadata"] = extra
        return Sample(
            id=default_id if values["id"] is None else _id(values["id"]),
            input=_input(values["input"]),
            reference=_reference(values["reference"]),
            choices=_choices(values["choices"]),
            cluster=None if values["cluster"] is None else _text("cluster", values["cluster"]),
            critical=_truth("critical", values["critical"]),
            metadata=metadata,
        )

    def _plain_sample(self, row: Mapping[str, Any], default_id: str) -> Sample | None:
        """The commonest row, a question and an answer, a third faster; ``None`` when it holds anything else.

        Every row is read twice: once when it is checked, once when it is asked for.
        """
        keys, get = self._plain, row.get
        sample_id, question, reference = get(keys["id"], default_id), get(keys["input"]), get(keys["reference"])
        if not (type(sample_id) is str and sample_id and type(question) is str and type(reference) is str):
            return None
        if not (get(keys["choices"]) is get(keys["cluster"]) is get(keys["critical"]) is None):
            return None
        taken = self._taken
        metadata = {key: value for key, value in row.items() if key not in taken}
        return Sample(id=sample_id, input=question, reference=reference, metadata=metadata)

    def refuse_nan(self, row: Mapping[str, Any]) -> None:
        """Raise DataError where a field's value is NaN or infinite, which cannot be told from a missing one."""
        for name in FIELDS:
            value = _walk(row, self._paths[name])
            if isinstance(value, float) and not math.isfinite(value):
                raise DataError(
                    f"{'.'.join(self._paths[name])} is {value}",
                    hint="write null where there is no value",
                    code="data.nan",
                )

    def refuse_unseen(self, *, where: str, keys: Sequence[str]) -> None:
        """Raise DataError for a named field that no row had; ``keys`` are what a row does have."""
        for name in sorted(self._unseen):
            path = ".".join(self._paths[name])
            raise DataError(
                f"no row of {where} has {path!r} for {name}", hint=nearest(path, keys), code="data.key_missing"
            )

    def _find(self, row: Mapping[str, Any], name: str) -> Any:
        value = _walk(row, self._paths[name])
        if value is not None:
            if name in self._unseen:
                self._unseen.discard(name)
            return value
        if name == "input" or (name == "id" and name in self._named):
            raise _missing(name, ".".join(self._paths[name]), row)
        return None


def _walk(row: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    value: Any = row
    for key in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value


def _missing(name: str, path: str, row: Mapping[str, Any]) -> DataError:
    likely = next((key for key in _COMMON_INPUTS if key in row), None)
    if name == "input" and path == "input" and likely is not None:
        hint = f"if {likely!r} is the question, say so: dataset: {{path: …, input: {likely}}}"
    else:
        hint = nearest(path, row)
    return DataError(f"the key {path!r} ({name}) is missing", hint=hint, code="data.key_missing")


def _wrong(name: str, value: Any, wanted: str) -> DataError:
    return DataError(
        f"{name} is {type(value).__name__} ({str(value)[:40]!r}), not {wanted}",
        hint=f"give {name} as {wanted}",
        code="data.type",
    )


def _text(name: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        return str(value)
    raise _wrong(name, value, "text or a number")


def _id(value: Any) -> str:
    if isinstance(value, bool | float) or value == "":
        raise _wrong("id", value, "text or a whole number")
    return _text("id", value)


def _input(value: Any) -> str | Sequence[Message]:
    if not isinstance(value, list):
        return _text("input", value)
    if not value or not all(isinstance(turn, Mapping) and isinstance(turn.get("role"), str) for turn in value):
        raise _wrong("input", value, "text or a list of messages with role and content")
    return value


def _reference(value: Any) -> str | Sequence[str] | None:
    if not isinstance(value, list):
        return None if value is None else _text("reference", value)
    return [_text("reference", entry) for entry in value] or None


def _choices(value: Any) -> Sequence[str] | None:
    if value is None:
        return None
    if not isinstance(value, list) or not value:
        raise _wrong("choices", value, "a list of texts")
    return [_text("choices", entry) for entry in value]


def _truth(name: str, value: Any) -> bool:
    if value is None or isinstance(value, bool):
        return bool(value)
    word = str(value).strip().lower()
    if isinstance(value, int | str) and word in _TRUE + _FALSE:
        return word in _TRUE
    raise _wrong(name, value, "true or false")
