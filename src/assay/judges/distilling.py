"""Distilling: a judge's recorded verdicts learned from texts, and held against length alone on what was not seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assay.core.canonical import content_hash
from assay.core.codec import to_document
from assay.core.errors import DataError, InvalidInputError
from assay.judges.distilled import PROBE, Distilled, text_blocks
from assay.judges.held_out import DOCUMENTS, SYSTEMS, HeldOut, measured, standing
from assay.judges.ridge import document_folds
from assay.judges.text_features import INPUT, REFERENCE, Encoder, Floats, vectors
from assay.stats.prediction.ridge import Codes, Ridge, fit_tuned_ridge

FEWEST_VERDICTS = 50
DOCUMENT_FOLDS = 5
SYSTEM_FOLDS = 12
"""Systems are left out one by one up to this many, in groups beyond."""
PENALTIES: tuple[float, ...] = tuple(float(one) for one in np.round(np.geomspace(1.0, 1_000_000.0, 13), 6))
"""The largest leaves nothing of a block that says nothing."""
Texts = Sequence[str | None]
Blocks = tuple[Floats, Floats, Floats]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Taught:
    """Recorded verdicts and what they are about; every column has n entries.

    Attributes:
        texts: Answers that were judged; rows without one are left out.
        verdicts: The teacher's, NaN where there is none; such rows are left out.
        inputs: What was asked or given.
        references: The right answers.
        systems: Who answered.
        clusters: Document or prompt the answer is about.
    """

    texts: Texts
    verdicts: npt.ArrayLike
    inputs: Texts | None = None
    references: Texts | None = None
    systems: Texts | None = None
    clusters: Texts | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Distillation:
    """A distilled judge and how it was measured.

    Attributes:
        judge: To keep.
        held_out: With whole systems left out, where there are systems; then with documents left out.
        rows: Places in what was given of the verdicts used, shape ``(m,)``.
        foretold: For each of them the verdict foretold by a fit that had not seen its document, nor its system where
            there are systems; the mean of all verdicts in place of the fit's own; within the scale; shape ``(m,)``.
        left_out: Rows without a verdict or without a text.
    """

    judge: Distilled
    held_out: tuple[HeldOut, ...]
    rows: Codes
    foretold: Floats
    left_out: int


def distil(
    taught: Taught,
    *,
    encoder: Encoder,
    rng: np.random.Generator,
    teacher: str = "teacher",
    scale: tuple[float, float] | None = None,
    confidence: float = 0.95,
) -> Distillation:
    """Learn a judge's verdicts from texts.

    Three ridges, each of what the one before leaves: on length alone, on free features, on the encoder's vectors. So
    what a judge owes to length stays with length, and the comparison with it is fair. Penalties are those that foretell
    left-out systems best (left-out documents, where there are fewer than three systems). Measured on items that no fit
    and no choice of a penalty had seen.

    Args:
        taught: Texts and verdicts; their order does not matter.
        encoder: Of texts.
        rng: Draws the folds.
        teacher: Name of the judge who gave the verdicts.
        scale: Lowest and highest verdict; what was seen when ``None``.
        confidence: Of the intervals.

    Raises:
        DataError: Fewer than 50 verdicts with a text (``judge.few_verdicts``), no texts (``judge.no_text``), verdicts
            that do not vary (``judge.flat_verdicts``), one system (``judge.one_system``), one document
            (``judge.one_document``), a row without what the others have (``judge.no_column``), or an encoder that
            cannot be used (``judge.bad_encoder``).
        InvalidInputError: Columns differ in length, or a verdict is infinite or off the scale.

    Sources:
        Hoerl & Kennard (1970), Technometrics 12, 55-67 (ridge); Friedman (2001), Annals of Statistics 29, 1189-1232
        (fitting what is left, step by step).

    Examples:
        >>> from assay.judges.text_features import word_encoder
        >>> rng = np.random.default_rng(1)
        >>> words = [rng.choice(["fine", "poor", "plain", "long"], size=6) for _ in range(120)]
        >>> verdicts = [float((one == "fine").sum() - (one == "poor").sum()) for one in words]
        >>> systems = [f"s{k % 4}" for k in range(120)]
        >>> found = distil(
        ...     Taught(texts=[" ".join(one) for one in words], verdicts=verdicts, systems=systems),
        ...     encoder=word_encoder("words-16"), rng=rng,
        ... )  # fmt: skip
        >>> found.judge.standing
        'useful'
    """
    rows, verdicts = _usable(taught)
    ends = _ends(verdicts, scale)
    texts, inputs, references, systems, clusters = (
        _taken(column, rows, name)
        for column, name in (
            (taught.texts, "text"),
            (taught.inputs, INPUT),
            (taught.references, REFERENCE),
            (taught.systems, "system"),
            (taught.clusters, "document"),
        )
    )
    assert texts is not None
    _refuse_single(systems, clusters)
    blocks = text_blocks(texts, encoder=encoder, inputs=inputs, references=references)
    n = len(texts)
    documents = document_folds(clusters, n, folds=DOCUMENT_FOLDS, rng=rng)
    others = None if systems is None else document_folds(systems, n, folds=SYSTEM_FOLDS, rng=rng)
    found: list[tuple[str, Floats]] = []
    if others is not None:
        found.append((SYSTEMS, _cross_fitted(blocks, verdicts, documents, others)))
    found.append((DOCUMENTS, _cross_fitted(blocks, verdicts, documents, None)))
    held_out = tuple(
        measured(left_out, predicted, verdicts, clusters, systems, confidence) for left_out, predicted in found
    )
    verdict, why = standing(held_out[0])
    mean, _, whole = found[0][1]
    judge = Distilled(
        teacher=teacher,
        encoder=encoder.name,
        probe=tuple(np.round(vectors(encoder, [PROBE])[0], 6).tolist()),
        uses=tuple(name for name, column in ((INPUT, inputs), (REFERENCE, references)) if column is not None),
        steps=_fitted(blocks, verdicts, _tuning_folds(documents, others)),
        scale=ends,
        n=n,
        n_systems=None if systems is None else len(set(systems)),
        n_documents=None if clusters is None else len(set(clusters)),
        standing=verdict,
        why=why,
        held_out=to_document(held_out),
        data_hash=content_hash([[text, float(verdict)] for text, verdict in zip(texts, verdicts, strict=True)]),
    )
    return Distillation(
        judge=judge,
        held_out=held_out,
        rows=rows,
        foretold=np.clip(verdicts.mean() + whole - mean, *ends),
        left_out=len(taught.texts) - n,
    )


def _usable(taught: Taught) -> tuple[Codes, Floats]:
    """Rows with a verdict and a text, in an order that depends on what they hold alone, and their verdicts."""
    try:
        verdicts = np.asarray(taught.verdicts, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidInputError("verdicts are not numbers", hint="numbers, NaN where there is none") from error
    n = len(taught.texts)
    columns = {"inputs": taught.inputs, "references": taught.references, "systems": taught.systems,
               "clusters": taught.clusters}  # fmt: skip
    if verdicts.shape != (n,):
        raise InvalidInputError(f"{n} texts come with verdicts of shape {verdicts.shape}", hint="one a text")
    for name, column in columns.items():
        if column is not None and len(column) != n:
            raise InvalidInputError(f"{n} texts come with {len(column)} {name}", hint="one a text")
    if np.isinf(verdicts).any():
        raise InvalidInputError("a verdict is infinite", hint="leave the cell empty where there is none")
    judged = np.flatnonzero(np.isfinite(verdicts)).tolist()
    rows = [row for row in judged if (taught.texts[row] or "").strip()]
    if judged and not rows:
        raise DataError(
            f"none of {len(judged)} verdicts has a text", hint="name the column of the answers", code="judge.no_text"
        )
    if len(rows) < FEWEST_VERDICTS:
        raise DataError(
            f"{len(rows)} verdicts with a text; a judge is distilled from {FEWEST_VERDICTS} at least",
            hint="record more verdicts of the judge, on items drawn at random",
            code="judge.few_verdicts",
        )
    others = [column for column in columns.values() if column is not None]
    rows.sort(key=lambda row: (*(str(one[row]) for one in (taught.texts, *others)), verdicts[row]))
    chosen = np.array(rows, dtype=np.intp)
    if float(verdicts[chosen].std()) == 0.0:
        raise DataError(
            f"all {len(rows)} verdicts are {verdicts[chosen][0]:g}",
            hint="there is nothing to learn from a judge that always says the same",
            code="judge.flat_verdicts",
        )
    return chosen, verdicts[chosen]


def _ends(verdicts: Floats, scale: tuple[float, float] | None) -> tuple[float, float]:
    seen = float(verdicts.min()), float(verdicts.max())
    if scale is None:
        return seen
    if not scale[0] < scale[1] or seen[0] < scale[0] or seen[1] > scale[1]:
        raise InvalidInputError(
            f"verdicts reach from {seen[0]:g} to {seen[1]:g} on a scale from {scale[0]:g} to {scale[1]:g}",
            hint="the scale is what the judge was asked to use",
        )
    return float(scale[0]), float(scale[1])


def _taken(column: Texts | None, rows: Codes, name: str) -> list[str] | None:
    if column is None:
        return None
    found = [column[row] for row in rows.tolist()]
    gone = sum(1 for one in found if one is None)
    if gone:
        raise DataError(
            f"{gone} of {len(found)} judged texts come without their {name}",
            hint="fill the column, leave these rows out, or do not name it",
            code="judge.no_column",
        )
    return [str(one) for one in found]


def _refuse_single(systems: list[str] | None, clusters: list[str] | None) -> None:
    if systems is not None and len(set(systems)) < 2:
        raise DataError(
            f"all verdicts are about one system, {systems[0]}: none can be held out",
            hint="add verdicts on another system, or name no system; then the judge is not shown to be useful",
            code="judge.one_system",
        )
    if clusters is not None and len(set(clusters)) < 2:
        raise DataError(
            f"all verdicts are about one document, {clusters[0]}: none can be held out",
            hint="add verdicts on other documents",
            code="judge.one_document",
        )


def _tuning_folds(documents: Codes, others: Codes | None) -> Codes:
    """Systems, where leaving one out leaves two; else documents."""
    return others if others is not None and np.unique(others).size >= 3 else documents


def _fitted(blocks: Blocks, verdicts: Floats, folds: Codes) -> tuple[Ridge, Ridge, Ridge]:
    """Each step of what the one before leaves."""
    left, steps = verdicts, []
    chosen = PENALTIES if np.unique(folds).size > 1 else (PENALTIES[len(PENALTIES) // 2],)
    for block in blocks:
        step = fit_tuned_ridge(block, left, folds=folds, penalties=chosen)
        left = left - step.predict(block)
        steps.append(step)
    return steps[0], steps[1], steps[2]


def _cross_fitted(blocks: Blocks, verdicts: Floats, documents: Codes, others: Codes | None) -> Floats:
    """Foretold by the mean, by length alone and by all steps, shape ``(3, n)``.

    Each by a fit that saw nothing of an item's fold of documents, nor of its fold of systems.
    """
    second = np.zeros_like(documents) if others is None else others
    found = np.empty((3, verdicts.size))
    for one in np.unique(documents):
        for other in np.unique(second[documents == one]):
            here = (documents == one) & (second == other)
            seen = (documents != one) & ((second != other) if others is not None else True)
            if seen.sum() < 2:
                raise DataError(
                    "leaving out a system and its documents leaves nothing to learn from",
                    hint="add systems that answered the same documents",
                    code="judge.few_verdicts",
                )
            folds = _tuning_folds(documents[seen], None if others is None else others[seen])
            length, manner, meaning = _fitted(_rows_of(blocks, seen), verdicts[seen], folds)
            alone = length.predict(blocks[0][here])
            whole = alone + manner.predict(blocks[1][here]) + meaning.predict(blocks[2][here])
            found[:, here] = np.full(alone.size, length.intercept), alone, whole
    return found


def _rows_of(blocks: Blocks, seen: npt.NDArray[np.bool_]) -> Blocks:
    return blocks[0][seen], blocks[1][seen], blocks[2][seen]
