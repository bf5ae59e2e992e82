"""What a calibration map says of recorded items: a map from a file, or one half of the documents for the other."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assay.app.cascade_file import FREE, RecordedFile
from assay.core.cascade import PROGRAMMATIC
from assay.core.errors import ConfigError, DataError, nearest
from assay.judges.calibrate import calibrate
from assay.judges.calibration_map import CalibrationMap
from assay.judges.judged import Judged

Floats = npt.NDArray[np.float64]
FEWEST, FEWEST_DOCUMENTS = 40, 4
"""Items with every verdict, and documents, below which a half is no map."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MapPredictions:
    """A map's predictions of items that it was not fitted on.

    Attributes:
        tiers: Of each tier below the top, lowest first, ``(N,)``.
        variances: Residual variance of each tier's map where it was fitted, cross-fitted.
        within: The same within a system, what its level leaves out: the one to blend where a run is of one system.
        sizes: Expected size of the top residual of each item, learnt where the map was fitted.
    """

    tiers: tuple[Floats, ...]
    variances: tuple[float, ...]
    within: tuple[float, ...]
    sizes: Floats


def map_predictions(found: CalibrationMap, recorded: RecordedFile, *, known_systems: bool) -> MapPredictions:
    """The predictions of a map that ``assay judge calibrate`` made of other items.

    Args:
        found: For the tiers of the file below its top.
        recorded: Columns are named as they were where the map was fitted; a tier's only column also as the tier.
        known_systems: Use what the map knows of each item's system. Without it, each system is predicted by the fit
            that left it out, as if it were new.

    Raises:
        ConfigError: The map is for other tiers (``cascade.map``), or does not know a system (``judge.no_systems``).
        DataError: A column is missing (``judge.no_feature``).
    """
    wanted, names = list(recorded.tiers[:-1]), list(found.names)
    if len(names) != len(wanted) + 1 or names[0] not in (FREE, PROGRAMMATIC) or names[1:] != wanted:
        raise ConfigError(
            f"the map is for the tiers {', '.join(names)}, the file is replayed with {', '.join([FREE, *wanted])}"
            f" below {recorded.tiers[-1]}",
            hint=f"fit it for these tiers: assay judge calibrate FILE --tier {PROGRAMMATIC}=…",
            code="cascade.map",
        )
    if known_systems:
        strange = sorted(set(recorded.systems or ()) - set(found.systems))
        if strange:
            raise ConfigError(
                f"the map does not know the system {strange[0]!r}",
                hint=nearest(strange[0], found.systems) if found.systems else "fit it with --by-system",
                code="judge.no_systems",
            )
    return applied_map(found, recorded.features, recorded.systems, known=known_systems)


def applied_map(
    found: CalibrationMap, features: Mapping[str, Floats], systems: Sequence[str] | None, *, known: bool
) -> MapPredictions:
    """What a map says of items; ``known`` as ``known_systems`` of ``map_predictions``."""
    predicted = found.proxies(features, systems, as_new=not known)
    return MapPredictions(
        tiers=tuple(predicted),
        variances=tuple(found.prior_variances(known_systems=known)),
        within=tuple(found.prior_variances(known_systems=known, one_system=True)),
        sizes=found.residual_sizes(features, systems, as_new=not known),
    )


def halved_map(
    features: Sequence[Floats],
    labels: Floats,
    *,
    documents: Sequence[Hashable],
    systems: Sequence[str] | None = None,
    known: bool = False,
    seed: int = 20,
) -> MapPredictions:
    """Fit a map on one half of the documents and predict the other with it, both ways.

    Every item's predictions are then fixed as far as its own label's draw goes, which is what a map from a calibration
    card gives; this one has seen half as many documents. Its variances are the mean of both ways.

    Args:
        features: For each tier below the top ``(N,)`` or ``(N, p)``, NaN where there is none.
        labels: Top verdicts, ``(N,)``.
        documents: Halves are split between documents, never within.
        systems: Who gave each answer.
        known: As ``known_systems`` of ``map_predictions``.
        seed: Of the halves.

    Raises:
        DataError: Fewer than 40 items or fewer than four documents (``cascade.few``).
    """
    codes = {name: place for place, name in enumerate(dict.fromkeys(documents))}
    document = np.array([codes[one] for one in documents])
    if labels.size < FEWEST or len(codes) < FEWEST_DOCUMENTS:
        raise DataError(
            f"{labels.size} items of {len(codes)} documents make no map",
            hint=f"{FEWEST} items of {FEWEST_DOCUMENTS} documents or more, or --start cold",
            code="cascade.few",
        )
    columns = named_columns(features)
    first = np.isin(document, np.random.default_rng(seed).permutation(len(codes))[: len(codes) // 2])
    named = None if systems is None else np.array(systems)
    parts = []
    for there in (first, ~first):
        found = fitted_map(
            {name: column[there] for name, column in columns.items()},
            labels[there],
            documents=document[there].tolist(),
            systems=None if named is None else named[there].tolist(),
            seed=seed,
        )
        rest = {name: column[~there] for name, column in columns.items()}
        others = None if named is None else named[~there].tolist()
        parts.append((~there, applied_map(found, rest, others, known=known)))
    return _together(parts, labels.size)


def fitted_map(
    columns: Mapping[str, Floats],
    labels: Floats,
    *,
    documents: Sequence[Hashable],
    systems: Sequence[str] | None,
    seed: int = 20,
) -> CalibrationMap:
    """A map of recorded items; columns are named ``TIER.NUMBER``, lowest tier first, as ``named_columns`` does."""
    tiers: dict[str, list[str]] = {}
    for name in columns:
        tiers.setdefault(name.partition(".")[0], []).append(name)
    judged = Judged(
        ids=[str(row) for row in range(labels.size)],
        verdicts=np.full(labels.size, np.nan),
        human=labels,
        systems=systems,
        clusters=[str(one) for one in documents],
        features=columns,
    )
    several = len(set(systems or ())) > 1
    return calibrate(judged, features=tiers, rng=np.random.default_rng(seed), system=several)


def named_columns(features: Sequence[Floats]) -> dict[str, Floats]:
    """The columns of every tier, ``(N,)`` or ``(N, p)`` each, by made-up names."""
    return {
        f"{place}.{number}": column
        for place, own in enumerate(features)
        for number, column in enumerate((own[:, None] if own.ndim == 1 else own).T)
    }


def _together(parts: Sequence[tuple[npt.NDArray[np.bool_], MapPredictions]], size: int) -> MapPredictions:
    tiers = [np.empty(size) for _ in parts[0][1].tiers]
    sizes = np.empty(size)
    for rows, part in parts:
        sizes[rows] = part.sizes
        for whole, own in zip(tiers, part.tiers, strict=True):
            whole[rows] = own
    return MapPredictions(
        tiers=tuple(tiers),
        variances=tuple(np.mean([part.variances for _, part in parts], axis=0).tolist()),
        within=tuple(np.mean([part.within for _, part in parts], axis=0).tolist()),
        sizes=sizes,
    )
