"""From verdicts to the label people would give: a map for each tier, kept as plain JSON, with its honest errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from assay.core.canonical import content_hash
from assay.core.errors import DataError, InvalidInputError, nearest
from assay.core.records import Estimate
from assay.stats.prediction.inputs import Floats
from assay.stats.prediction.residual_curve import ResidualCurve
from assay.stats.prediction.ridge import Ridge

SCHEMA = "assay.calibration_map/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """A ridge and what its cross-fitted residuals say of it.

    Attributes:
        ridge: On the tier's columns (and systems, where it knows them).
        residual_variance: Of label minus prediction by a fit that had not seen the item's document (nor, in a map
            without systems, its system): the ``prior_variances`` of ``two_phase_mean``.
        within_variance: The same within a system, whose level drops out where a run is of one system.
        r2: Share of the labels' variance that such predictions explain; below 0 when they do harm.
        sizes: How far off such predictions were, by their size.
    """

    ridge: Ridge
    residual_variance: float
    within_variance: float
    r2: Estimate
    sizes: ResidualCurve


@dataclass(frozen=True, slots=True, kw_only=True)
class TierMap:
    """The map that uses one tier and those below it.

    Attributes:
        name: Of the tier.
        features: Its columns, those of lower tiers first.
        fill: What stands in for a missing value of each feature: its mean where the map was fitted.
        marked: Features whose being missing is a column of its own, because it happened where the map was fitted.
        unknown: For systems the map has not seen, and for all of them where it was fitted without.
        known: With a column for each system; ``None`` without systems.
        left_out: By system, the ridge of all the others: what a map says of a system that is new to it.
    """

    name: str
    features: tuple[str, ...]
    fill: tuple[float, ...]
    marked: tuple[str, ...]
    unknown: Fitted
    known: Fitted | None
    left_out: Mapping[str, Ridge] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorRates:
    """How often the judge says yes where people do, and no where they do not; what ``rogan_gladen`` asks for.

    Attributes:
        threshold: A verdict of at least this counts as yes.
        sensitivity: Share of yes among items that people call yes.
        specificity: Share of no among the others.
        true_positives: Counts behind the two.
        n_positive: See there.
        true_negatives: See there.
        n_negative: See there.
    """

    threshold: float
    sensitivity: Estimate
    specificity: Estimate
    true_positives: int
    n_positive: int
    true_negatives: int
    n_negative: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationMap:
    """What ``calibrate`` found.

    Attributes:
        target: Column that is predicted.
        tiers: Maps, each using the tiers up to it, lowest first.
        systems: Those the maps know; empty without.
        n: Labelled items.
        n_documents: Clusters among them; ``None`` where each item stands for itself.
        label_std_dev: Of the labels.
        curve: Rising points (verdict, label) of an isotonic fit, for display; empty without a verdict.
        errors: Of a judge that says yes or no; ``None`` for graded labels.
        labels_hash: Of the labels it was fitted on.
    """

    target: str
    tiers: tuple[TierMap, ...]
    systems: tuple[str, ...]
    n: int
    n_documents: int | None
    label_std_dev: float
    curve: tuple[tuple[float, float], ...]
    errors: ErrorRates | None
    labels_hash: str | None

    @property
    def names(self) -> tuple[str, ...]:
        """Of its tiers, lowest first."""
        return tuple(tier.name for tier in self.tiers)

    @property
    def features(self) -> tuple[str, ...]:
        """Of all its tiers."""
        return self.tiers[-1].features if self.tiers else ()

    def predict(
        self,
        features: Mapping[str, npt.ArrayLike],
        systems: Sequence[str | None] | None = None,
        *,
        tier: str | int = -1,
        as_new: bool = False,
    ) -> Floats:
        """Label that people would give, from the features of a tier and those below it.

        Args:
            features: By name, shape ``(n,)`` each; NaN where a value is missing. More names than needed do no harm.
            systems: Who gave each answer; a system that the map does not know, or ``None``, is predicted without.
            tier: Its name or place; the highest by default.
            as_new: Predict each system by the fit that left it out, to see what the map is worth for a new one.

        Returns:
            Shape ``(n,)``.

        Raises:
            DataError: A feature is not there (``judge.no_feature``), or no tier has that name.
            InvalidInputError: Columns differ in length.
        """
        found = self.tiers[tier] if isinstance(tier, int) else self._named(tier)
        missing = [name for name in found.features if name not in features]
        if missing:
            raise DataError(
                f"the map needs {missing[0]!r}", hint=nearest(missing[0], features), code="judge.no_feature"
            )
        n = len(np.asarray(features[found.features[0]])) if found.features else len(systems or ())
        columns = filled_columns(features, found.features, found.fill, found.marked, n)
        predicted = found.unknown.ridge.predict(columns)
        if found.known is None or systems is None:
            return predicted
        if len(systems) != n:
            raise InvalidInputError(f"{n} items come with {len(systems)} systems", hint="one an item")
        named = np.array([str(one) for one in systems])
        if as_new:
            for system, ridge in found.left_out.items():
                predicted[named == system] = ridge.predict(columns[named == system])
            return predicted
        full = np.hstack([columns, system_columns(systems, self.systems)])
        return np.where(np.isin(named, np.array(self.systems)), found.known.ridge.predict(full), predicted)

    def proxies(
        self,
        features: Mapping[str, npt.ArrayLike],
        systems: Sequence[str | None] | None = None,
        *,
        as_new: bool = False,
    ) -> list[Floats]:
        """The predictions of every tier, lowest first: ``proxies`` of ``two_phase_mean`` with ``weights="fixed"``.

        A tier that was not asked of an item has to be set to NaN there by who knows it: a value may also be missing
        because a verdict could not be read.
        """
        return [self.predict(features, systems, tier=place, as_new=as_new) for place in range(len(self.tiers))]

    def residual_sizes(
        self,
        features: Mapping[str, npt.ArrayLike],
        systems: Sequence[str | None] | None = None,
        *,
        as_new: bool = False,
    ) -> Floats:
        """Expected size of label minus prediction, the highest tier's: what a draw for labels should follow.

        Arguments as for ``predict``.

        Returns:
            Shape ``(n,)``, above 0, in label units.

        Raises:
            DataError: A feature is not there (``judge.no_feature``).
        """
        top = self.tiers[-1]
        predicted = self.predict(features, systems, as_new=as_new)
        found = top.unknown.sizes.at(predicted)
        if as_new or systems is None or top.known is None:
            return found
        here = np.isin(np.array([str(one) for one in systems]), np.array(self.systems))
        return np.where(here, top.known.sizes.at(predicted), found)

    def prior_variances(self, *, known_systems: bool, one_system: bool = False) -> list[float]:
        """Residual variance of each tier's map, for ``two_phase_mean``.

        Args:
            known_systems: Whether the items scored are by systems the map knows.
            one_system: Whether they are all by one system: its level is no part of their spread.
        """
        fitted = [self._fitted(tier, known_systems) for tier in self.tiers]
        return [one.within_variance if one_system else one.residual_variance for one in fitted]

    def r2(self, *, known_systems: bool) -> list[float]:
        """Explained share of variance of each tier's map, for ``allocate_tiers``: in [0, 1), never falling."""
        found, least = [], 0.0
        for tier in self.tiers:
            least = max(least, min(self._fitted(tier, known_systems).r2.value or 0.0, 1.0 - 1e-9))
            found.append(least)
        return found

    def _fitted(self, tier: TierMap, known_systems: bool) -> Fitted:
        return tier.known if known_systems and tier.known is not None else tier.unknown

    def _named(self, name: str) -> TierMap:
        for tier in self.tiers:
            if tier.name == name:
                return tier
        raise DataError(
            f"the map has no tier {name!r}", hint=nearest(name, [t.name for t in self.tiers]), code="judge.no_tier"
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON (``assay.calibration_map/1``); ``from_dict`` gives the same map back, to the last bit."""
        return {
            "schema": SCHEMA,
            "target": self.target,
            "tiers": [_tier_dict(tier) for tier in self.tiers],
            "systems": list(self.systems),
            "n": self.n,
            "n_documents": self.n_documents,
            "label_std_dev": self.label_std_dev,
            "curve": [list(point) for point in self.curve],
            "errors": None if self.errors is None else _errors_dict(self.errors),
            "labels_hash": self.labels_hash,
        }

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> CalibrationMap:
        """The map whose ``to_dict`` gave ``row``.

        Raises:
            DataError: It is no calibration map (``judge.bad_map``).
        """
        if row.get("schema") != SCHEMA:
            raise DataError(
                f"this is no calibration map: schema {row.get('schema')!r}",
                hint="give the file that `assay judge calibrate --out` wrote",
                code="judge.bad_map",
            )
        try:
            return cls(
                target=row["target"],
                tiers=tuple(_tier_from(tier) for tier in row["tiers"]),
                systems=tuple(row["systems"]),
                n=row["n"],
                n_documents=row["n_documents"],
                label_std_dev=row["label_std_dev"],
                curve=tuple((float(x), float(y)) for x, y in row["curve"]),
                errors=None if row["errors"] is None else _errors_from(row["errors"]),
                labels_hash=row["labels_hash"],
            )
        except (KeyError, TypeError, ValueError, InvalidInputError) as error:
            why = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
            raise DataError(
                f"this calibration map cannot be read: {why}", hint="write it anew", code="judge.bad_map"
            ) from error

    @property
    def hash(self) -> str:
        """Of everything in it: another map gives another figure."""
        return content_hash(self.to_dict())


def filled_columns(
    features: Mapping[str, npt.ArrayLike],
    names: Sequence[str],
    fill: Sequence[float],
    marked: Sequence[str],
    n: int,
) -> Floats:
    """Features without gaps, and a 0/1 column for each marked one that says where its gaps were; ``(n, p)``."""
    columns: list[Floats] = []
    for name, value in zip(names, fill, strict=True):
        column = np.asarray(features[name], dtype=np.float64)
        if column.shape != (n,):
            raise InvalidInputError(f"{name} has shape {column.shape}, not ({n},)", hint="one value an item")
        columns.append(np.where(np.isnan(column), value, column))
    columns += [np.isnan(np.asarray(features[name], dtype=np.float64)).astype(np.float64) for name in marked]
    return np.column_stack(columns) if columns else np.zeros((n, 0))


def system_columns(systems: Sequence[str | None], known: Sequence[str]) -> Floats:
    """One 0/1 column for each known system."""
    named = np.array([str(one) for one in systems])
    return np.asarray(named[:, None] == np.array(known)[None, :], dtype=np.float64)


def _tier_dict(tier: TierMap) -> dict[str, Any]:
    return {
        "name": tier.name,
        "features": list(tier.features),
        "fill": list(tier.fill),
        "marked": list(tier.marked),
        "unknown": _fitted_dict(tier.unknown),
        "known": None if tier.known is None else _fitted_dict(tier.known),
        "left_out": {name: ridge.to_dict() for name, ridge in tier.left_out.items()},
    }


def _tier_from(row: Mapping[str, Any]) -> TierMap:
    return TierMap(
        name=row["name"],
        features=tuple(row["features"]),
        fill=tuple(map(float, row["fill"])),
        marked=tuple(row["marked"]),
        unknown=_fitted_from(row["unknown"]),
        known=None if row["known"] is None else _fitted_from(row["known"]),
        left_out={system: Ridge.from_dict(ridge) for system, ridge in row["left_out"].items()},
    )


def _fitted_dict(fitted: Fitted) -> dict[str, Any]:
    return {
        "ridge": fitted.ridge.to_dict(),
        "residual_variance": fitted.residual_variance,
        "within_variance": fitted.within_variance,
        "r2": fitted.r2.to_dict(),
        "sizes": fitted.sizes.to_dict(),
    }


def _fitted_from(row: Mapping[str, Any]) -> Fitted:
    variances = {name: float(row[name]) for name in ("residual_variance", "within_variance")}
    for name, variance in variances.items():
        if not 0.0 <= variance < float("inf"):
            raise ValueError(f"its {name} is {variance:g}, and a variance is 0 or more")
    return Fitted(
        ridge=Ridge.from_dict(row["ridge"]),
        residual_variance=variances["residual_variance"],
        within_variance=variances["within_variance"],
        r2=Estimate(**row["r2"]),
        sizes=ResidualCurve.from_dict(row["sizes"]),
    )


_COUNTS = ("true_positives", "n_positive", "true_negatives", "n_negative")


def _errors_dict(errors: ErrorRates) -> dict[str, Any]:
    return {
        "threshold": errors.threshold,
        "sensitivity": errors.sensitivity.to_dict(),
        "specificity": errors.specificity.to_dict(),
        **{name: getattr(errors, name) for name in _COUNTS},
    }


def _errors_from(row: Mapping[str, Any]) -> ErrorRates:
    return ErrorRates(
        threshold=float(row["threshold"]),
        sensitivity=Estimate(**row["sensitivity"]),
        specificity=Estimate(**row["specificity"]),
        **{name: int(row[name]) for name in _COUNTS},
    )
