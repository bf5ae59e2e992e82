"""Texts whose verdicts follow a rule that is known: words, length, or nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assay.judges.distilling import Distillation, Taught, distil
from assay.judges.text_features import Encoder, word_encoder

Floats = npt.NDArray[np.float64]
FEW_WORDS = word_encoder("words-16")
GOOD, BAD = ("clear", "kind", "right"), ("vague", "rude", "wrong")
FILLERS = tuple(f"word{k}" for k in range(12))


@dataclass(frozen=True)
class World:
    """Answers of several systems to each document."""

    texts: list[str]
    systems: list[str]
    documents: list[str]

    def count(self, words: tuple[str, ...]) -> Floats:
        return np.array([sum(word in words for word in text.split()) for text in self.texts], dtype=float)

    @property
    def quality(self) -> Floats:
        """Good words minus bad ones."""
        return self.count(GOOD) - self.count(BAD)

    @property
    def lengths(self) -> Floats:
        return np.array([len(text) for text in self.texts], dtype=float)


def world(rng: np.random.Generator, *, n: int = 240, systems: int = 6) -> World:
    """Texts of 4 to 120 words, a few of them good or bad."""
    texts = []
    for _ in range(n):
        words = [*rng.choice(FILLERS, size=int(4 * 2 ** rng.uniform(0, 4.5))), *rng.choice(GOOD + BAD, size=3)]
        texts.append(" ".join(rng.permutation(words)))
    return World(texts, [f"s{k % systems}" for k in range(n)], [f"d{k // systems}" for k in range(n)])


def taught(world: World, verdicts: Floats) -> Taught:
    return Taught(texts=world.texts, verdicts=verdicts, systems=world.systems, clusters=world.documents)


def distilled(
    rule: Callable[[World, np.random.Generator], Floats],
    *,
    seed: int = 1,
    systems: int = 6,
    encoder: Encoder = FEW_WORDS,
) -> Distillation:
    """What becomes of verdicts that follow a rule."""
    rng = np.random.default_rng(seed)
    made = world(rng, systems=systems)
    return distil(taught(made, rule(made, rng)), encoder=encoder, rng=rng, teacher="rule")


def by_words(world: World, rng: np.random.Generator) -> Floats:
    return np.asarray(world.quality + rng.normal(size=len(world.texts)))


def by_length(world: World, rng: np.random.Generator) -> Floats:
    return np.asarray(np.log2(world.lengths) + 0.3 * rng.normal(size=len(world.texts)))


def by_length_step(world: World, rng: np.random.Generator) -> Floats:
    return np.asarray((world.lengths > 200.0) + 0.2 * rng.normal(size=len(world.texts)))


def by_nothing(world: World, rng: np.random.Generator) -> Floats:
    return np.asarray(rng.normal(size=len(world.texts)))
