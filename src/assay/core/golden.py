"""Golden items: outputs whose right verdict is known, on which a run's judges are tried among the real ones."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from assay.core.errors import ConfigError
from assay.core.records import Output, Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldenItem:
    """An output and the verdict it deserves."""

    sample: Sample
    output: Output
    answer: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Golden:
    """A golden set and how often a judge meets one of its items.

    Attributes:
        items: No two of one id.
        content_hash: Of the file.
        share: Of golden items among all a judge is asked about, on average and until there are no more; in (0, 0.5].
        tolerance: A verdict at most this far from the answer is right.
        seed: Another seed draws others.
    """

    items: Sequence[GoldenItem]
    content_hash: str
    share: float = 0.05
    tolerance: float = 0.5
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0.0 < self.share <= 0.5:
            raise ConfigError(
                f"golden: share is {self.share:g}", hint="of golden items among all, above 0 and at most 0.5: 0.05"
            )
        if not self.tolerance >= 0.0:
            raise ConfigError(f"golden: tolerance is {self.tolerance:g}", hint="from 0, in units of the judge's scale")

    def drawn(self, *, run_id: str, judge: str) -> list[GoldenItem]:
        """The items in the order in which a judge (named by its version) meets them in a run.

        Other runs draw others, so that all have their turn; a resumed run draws the same.
        """
        return sorted(self.items, key=lambda item: self._place(run_id, judge, "draw", item.sample.id))

    def due(self, *, run_id: str, judge: str, sample_id: str, epoch: int) -> bool:
        """Whether a golden item follows a real one: a draw that depends on nothing but these names and the seed.

        Examples:
            >>> golden = Golden(items=[], content_hash="", share=0.2)
            >>> sum(golden.due(run_id="run_1", judge="v1", sample_id=f"q{k}", epoch=0) for k in range(1000))
            241
        """
        return self._place(run_id, judge, "due", sample_id, str(epoch)) < self.share / (1.0 - self.share)

    def forecast(self, asked: int) -> int:
        """Golden items a judge is expected to meet while it is asked about real ones."""
        return min(len(self.items), round(asked * self.share / (1.0 - self.share)))

    def _place(self, *names: str) -> float:
        """A number in [0, 1) that depends on nothing else."""
        digest = hashlib.sha256("\0".join([str(self.seed), *names]).encode(errors="surrogatepass")).digest()
        return int.from_bytes(digest[:7], "big") / 2.0**56
