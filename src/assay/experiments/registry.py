"""Pre-registration: what was fixed before the data came in, hashed and dated, and what has been changed since."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assay.core.codec import to_document
from assay.core.errors import DataError
from assay.experiments.spec import Experiment

SCHEMA = "assay.preregistration/1"
_UNBOUND = ("notes",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """An experiment as it was registered.

    Attributes:
        registered_at: ISO 8601, UTC.
        fingerprint: Of everything an analyst could bend.
        plan: The experiment's plain form.
    """

    name: str
    registered_at: str
    fingerprint: str
    plan: Mapping[str, Any]

    @classmethod
    def of(cls, experiment: Experiment, *, registered_at: str) -> Registration:
        """Register an experiment as it stands."""
        return cls(
            name=experiment.name,
            registered_at=registered_at,
            fingerprint=experiment.fingerprint(),
            plan=to_document(experiment),
        )

    def to_dict(self) -> dict[str, Any]:
        """The stored form."""
        return {"schema": SCHEMA, **to_document(self)}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Registration:
        """Inverse of ``to_dict``.

        Raises:
            DataError: It is none, or its plan does not have the fingerprint it carries (``experiment.tampered``).
        """
        from assay.core.canonical import content_hash

        try:
            if stored["schema"] != SCHEMA:
                raise KeyError("schema")
            found = cls(
                name=stored["name"],
                registered_at=stored["registered_at"],
                fingerprint=stored["fingerprint"],
                plan=stored["plan"],
            )
            bound = {key: value for key, value in found.plan.items() if key not in _UNBOUND}
        except (KeyError, TypeError, AttributeError) as error:
            raise DataError(
                "this is not a pre-registration", hint="make one: assay experiment registry add FILE.yaml"
            ) from error
        if content_hash(bound) != found.fingerprint:
            raise DataError(
                f"the registration of {found.name} was changed after {found.registered_at}: its plan does not have the "
                "fingerprint it carries",
                hint="take it from a backup, or register anew and say so in the report",
                code="experiment.tampered",
            )
        return found

    def deviations(self, experiment: Experiment) -> list[str]:
        """What differs from what was registered, in words; empty where the analyst kept to it.

        Examples:
            >>> from dataclasses import replace
            >>> from assay.experiments.spec import MetricSpec
            >>> won = MetricSpec(name="won", column="won", kind="share", role="primary", margin=0.01)
            >>> tone = Experiment(name="tone", arms={"A": 0.5, "B": 0.5}, control="A", metrics=[won])
            >>> Registration.of(tone, registered_at="2026-01-01").deviations(replace(tone, confidence=0.9))
            ['confidence: registered 0.95, now 0.9']
        """
        if experiment.fingerprint() == self.fingerprint:
            return []
        return _differences(self.plan, to_document(experiment), "")


def _differences(registered: Any, now: Any, place: str) -> list[str]:
    if isinstance(registered, Mapping) and isinstance(now, Mapping):
        keys = [key for key in dict.fromkeys([*registered, *now]) if place or key not in _UNBOUND]
        return [
            line
            for key in keys
            for line in _differences(registered.get(key), now.get(key), f"{place}.{key}" if place else key)
        ]
    if registered == now:
        return []
    if place == "metrics" and _is_rows(registered) and _is_rows(now):
        return _metric_differences(registered, now)
    return [f"{place}: registered {_said(registered)}, now {_said(now)}"]


def _metric_differences(registered: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]]) -> list[str]:
    before, after = ({row["name"]: row for row in rows} for rows in (registered, now))
    lines = [f"metric {name} was registered and is gone" for name in before if name not in after]
    lines += [f"metric {name} was not registered" for name in after if name not in before]
    for name in before:
        if name in after:
            lines += _differences(before[name], after[name], f"metric {name}")
    return lines or ["metrics: in another order"]


def _is_rows(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(row, Mapping) and "name" in row for row in value)


def _said(value: Any) -> str:
    return "nothing" if value is None or value == [] else str(value)
