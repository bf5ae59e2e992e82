"""A distilled judge: another judge's verdicts learned from the text, and a scorer that gives them without a model."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from assay.core.canonical import content_hash, short_hash
from assay.core.errors import AssayError, DataError, NotFoundError
from assay.core.records import Output, Sample, Score
from assay.judges.material import question_text
from assay.judges.text_features import (
    INPUT,
    REFERENCE,
    WORDS,
    Encode,
    Encoder,
    Floats,
    feature_names,
    length_columns,
    manner_columns,
    vectors,
    word_encoder,
)
from assay.scorers.base import NO_REFERENCE, BaseScorer
from assay.stats.prediction.ridge import Ridge

SCHEMA = "assay.distilled_judge/1"
USEFUL, USELESS, UNDECIDED = "useful", "useless", "undecided"
PROBE = "The quick brown fox jumps over 13 lazy dogs; nobody knows why."
"""Encoded when a judge is distilled and again when it is loaded: another encoder gives another vector."""
ALIKE = 0.999
EMPTY = "the answer is empty"
NO_ENCODER = "the encoder failed"
_BROKEN = (ArithmeticError, AssayError, LookupError, RuntimeError, TypeError, ValueError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Distilled:
    """What was learned of a judge, the teacher.

    Attributes:
        teacher: The judge whose verdicts it foretells.
        encoder: Name of the encoder it was made with.
        probe: What that encoder says of a fixed sentence.
        uses: Of ``input`` and ``reference``: what it wants besides the answer.
        steps: Ridges of the verdict on length alone, of what that leaves on free features and length, and of what both
            leave on the vectors.
        scale: Lowest and highest verdict; what it foretells is held within.
        n: Verdicts it was made from.
        n_systems: Systems among them; ``None`` where nobody said who answered.
        n_documents: Documents among them; ``None`` where items stand for themselves.
        standing: Whether it foretells verdicts on systems it has not seen better than length alone does: ``useful``
            where that is shown of these systems and of new ones like them, ``undecided`` where it is shown of these
            alone or no system was held out, ``useless`` else.
        why: In one sentence.
        held_out: What it foretold of items it had not seen, as JSON.
        data_hash: Of the texts and verdicts.
    """

    teacher: str
    encoder: str
    probe: tuple[float, ...]
    uses: tuple[str, ...]
    steps: tuple[Ridge, Ridge, Ridge]
    scale: tuple[float, float]
    n: int
    n_systems: int | None
    n_documents: int | None
    standing: str
    why: str
    held_out: Sequence[Mapping[str, Any]]
    data_hash: str

    @property
    def hash(self) -> str:
        """Of everything in it: another judge has another version."""
        return content_hash(self._content())

    def predict(
        self,
        texts: Sequence[str],
        *,
        encoder: Encoder,
        inputs: Sequence[str] | None = None,
        references: Sequence[str] | None = None,
    ) -> Floats:
        """The verdict the teacher would give on each text, shape ``(n,)``, within the scale.

        Raises:
            DataError: The encoder is another one (``judge.other_encoder``) or cannot be used (``judge.bad_encoder``),
                or inputs or references are wanted and not given (``judge.no_column``).
        """
        self.accept(encoder)
        return self._foretold(texts, encoder, {INPUT: inputs, REFERENCE: references})

    def accept(self, encoder: Encoder) -> None:
        """Refuse every encoder but the one it was made with.

        Raises:
            DataError: Its name is another, or it encodes the probe otherwise (``judge.other_encoder``).
        """
        if encoder.name != self.encoder:
            said = f"it was made with the encoder {self.encoder}, not {encoder.name}"
        else:
            found = vectors(encoder, [PROBE])[0]
            if len(found) == len(self.probe) and float(found @ np.array(self.probe)) >= ALIKE:
                return
            said = f"the encoder {encoder.name} no longer says what it said when the judge was made"
        raise DataError(
            f"the judge distilled from {self.teacher} cannot be used: {said}",
            hint="distil it again with this encoder: assay judge distill",
            code="judge.other_encoder",
        )

    def _foretold(self, texts: Sequence[str], encoder: Encoder, besides: Mapping[str, Sequence[str] | None]) -> Floats:
        wanted = {name: besides[name] if name in self.uses else None for name in (INPUT, REFERENCE)}
        for name in self.uses:
            if wanted[name] is None:
                raise DataError(f"the judge wants the {name} of each text", hint="give it", code="judge.no_column")
        blocks = text_blocks(texts, encoder=encoder, inputs=wanted[INPUT], references=wanted[REFERENCE])
        found = np.sum([step.predict(block) for step, block in zip(self.steps, blocks, strict=True)], axis=0)
        return np.asarray(np.clip(found, *self.scale), dtype=np.float64)

    def _content(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "teacher": self.teacher,
            "encoder": {"name": self.encoder, "probe": list(self.probe)},
            "uses": list(self.uses),
            "features": list(feature_names(self.uses)),
            "steps": [step.to_dict() for step in self.steps],
            "scale": list(self.scale),
            "n": self.n,
            "n_systems": self.n_systems,
            "n_documents": self.n_documents,
            "standing": self.standing,
            "why": self.why,
            "held_out": list(self.held_out),
            "data_hash": self.data_hash,
        }

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON (``assay.distilled_judge/1``) with its own hash; ``from_dict`` gives the same judge back."""
        return {**self._content(), "hash": self.hash}

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> Distilled:
        """The judge whose ``to_dict`` gave ``row``.

        Raises:
            DataError: It is none, or was changed since (``judge.bad_distilled``).
        """
        if row.get("schema") != SCHEMA:
            raise _bad(f"this is no distilled judge: schema {row.get('schema')!r}")
        try:
            length, manner, meaning = (Ridge.from_dict(step) for step in row["steps"])
            low, high = (float(end) for end in row["scale"])
            found = cls(
                teacher=row["teacher"],
                encoder=row["encoder"]["name"],
                probe=tuple(float(one) for one in row["encoder"]["probe"]),
                uses=tuple(row["uses"]),
                steps=(length, manner, meaning),
                scale=(low, high),
                n=row["n"],
                n_systems=row["n_systems"],
                n_documents=row["n_documents"],
                standing=row["standing"],
                why=row["why"],
                held_out=row["held_out"],
                data_hash=row["data_hash"],
            )
            whole = found.to_dict() == dict(row)
        except (KeyError, TypeError, ValueError) as error:
            raise _bad(f"this distilled judge cannot be read: {error!r}") from error
        if not whole:
            raise _bad("this distilled judge was changed after it was made: its hash is another")
        return found


def text_blocks(
    texts: Sequence[str],
    *,
    encoder: Encoder,
    inputs: Sequence[str] | None,
    references: Sequence[str] | None,
) -> tuple[Floats, Floats, Floats]:
    """The columns of the three steps: length; free features and length; vectors. Spaces around a text do not count."""
    texts = [text.strip() for text in texts]
    length, meaning = length_columns(texts), vectors(encoder, texts)
    manner = manner_columns(texts, meaning, inputs=inputs, references=references, encoder=encoder)
    return length, np.hstack([manner, length]), meaning


def read_distilled(path: str | Path) -> Distilled:
    """A distilled judge from its file.

    Raises:
        NotFoundError: There is no such file.
        DataError: It is no distilled judge, or was changed since it was made (``judge.bad_distilled``).
    """
    try:
        row = json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise NotFoundError(
            f"there is no distilled judge {path}", hint="make it: assay judge distill FILE --out FILE.json"
        ) from error
    except (OSError, ValueError) as error:
        raise _bad(f"{path} cannot be read: {error}") from error
    if not isinstance(row, dict):
        raise _bad(f"{path} holds no JSON object")
    return Distilled.from_dict(row)


def _bad(said: str) -> DataError:
    return DataError(said, hint="give the file that `assay judge distill --out` wrote", code="judge.bad_distilled")


@dataclass(frozen=True, kw_only=True)
class DistilledJudge(BaseScorer):
    """The verdict another judge would give, foretold from the text without asking a model.

    Made by `assay judge distill`. Its card says how well it foretells the judge it was made from, and whether it is
    better than the answer's length alone; where it is not, it calls itself useless. An empty answer is unscored, and so
    is one without the input or reference the judge was made with. Its version is the hash of the file.

    Attributes:
        path: The file that `assay judge distill` wrote, beside the task file.
        encode: Takes a list of texts and returns their vectors; without one, words are counted.

    Raises:
        NotFoundError: There is no such file.
        DataError: It is no distilled judge, or was made with another encoder.
    """

    name: str = "distilled"
    path: str = field(metadata={"versioned": False})
    encode: Encode | None = field(default=None, repr=False, compare=False, metadata={"versioned": False})

    def _check(self) -> None:
        self.distilled.accept(self._encoder)

    @cached_property
    def distilled(self) -> Distilled:
        """What the file holds, as it was when the scorer was made."""
        return read_distilled(self.path)

    @cached_property
    def _encoder(self) -> Encoder:
        if self.encode is not None:
            return Encoder(name=self.distilled.encoder, encode=self.encode)
        return word_encoder(self.distilled.encoder if self.distilled.encoder.startswith("words-") else WORDS)

    @cached_property
    def version(self) -> str:
        """Twelve hex digits of what the file holds."""
        return short_hash({"kind": type(self).__name__, "revision": self.revision, "judge": self.distilled.hash})

    def _score(self, sample: Sample, output: Output) -> Score:
        if not output.text.strip():
            return self._unscored(sample, output, EMPTY)
        uses, references = self.distilled.uses, sample.references()
        if REFERENCE in uses and not references:
            return self._unscored(sample, output, NO_REFERENCE)
        besides = {INPUT: [question_text(sample)], REFERENCE: list(references[:1])}
        try:
            value = float(self.distilled._foretold([output.text], self._encoder, besides)[0])
        except _BROKEN as error:  # an encoder is somebody else's code, and one text is no reason to end a run
            return self._unscored(sample, output, NO_ENCODER, explanation=f"{type(error).__name__}: {error}"[:300])
        if not math.isfinite(value):
            return self._unscored(sample, output, NO_ENCODER, explanation="it led to no finite verdict")
        return self._value(sample, output, value)
