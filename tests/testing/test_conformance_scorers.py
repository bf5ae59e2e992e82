"""Every built-in scorer passes the suite plug-ins are held to; the suite finds each planted fault."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from assay.app.parts import built_in
from assay.core.records import Output, Sample, Score
from assay.scorers import BaseScorer, ExactMatch, TextScorer
from assay.testing import check_scorer
from assay.testing.scorers import Case


def case(text: str, **metadata: Any) -> Case:
    return Sample(id="own", input="?", reference="3", metadata=metadata), Output(sample_id="own", text=text)


ADD = {"name": "add", "arguments": {"a": 1}}
HELPED: dict[str, tuple[dict[str, Any], list[Case]]] = {
    "code_execution": (
        {"unsafe_exec": True},
        [case("def f():\n    return 3", format="mbpp", test_list=["assert f() == 3"], test_setup_code="")],
    ),
    "distilled": ({"path": str(Path(__file__).with_name("distilled_small.json"))}, []),
    "embedding_similarity": ({"encode": lambda texts: [[[1.0, float(len(text))]] for text in texts]}, []),
    "ifeval": ({}, [case("no", instruction_id_list=["punctuation:no_comma"], kwargs=[{}])]),
    "regex": ({"pattern": "Par"}, []),
    "tool_call_match": ({}, [case("done", expected_calls=[ADD])]),
}
"""What scorers need beyond the suite's own samples: options, and samples with metadata of their own."""


@pytest.mark.parametrize("name", built_in().names("scorer"))
def test_a_built_in_scorer_keeps_its_promises(name: str) -> None:
    options, examples = HELPED.get(name, ({}, []))
    check_scorer(built_in().get("scorer", name)(**options), examples=examples)


@dataclass(frozen=True, kw_only=True)
class Politeness(BaseScorer):
    """A scorer without a fault."""

    name: str = "acme/politeness"
    unit: ClassVar[str] = "share"

    def _score(self, sample: Sample, output: Output) -> Score:
        return self._value(sample, output, float("please" in output.text))


class Graded(Politeness):
    def _score(self, sample: Sample, output: Output) -> Score:
        return self._value(sample, output, 0.5)


class Raises(Politeness):
    def _score(self, sample: Sample, output: Output) -> Score:
        return self._value(sample, output, float(1.0 / len(output.text) > 0.0))


class Moody(Politeness):
    moods: ClassVar[list[int]] = []

    def _score(self, sample: Sample, output: Output) -> Score:
        self.moods.append(0)
        return self._value(sample, output, float(len(self.moods) % 2))


class Dice(Politeness):
    def _score(self, sample: Sample, output: Output) -> Score:
        return self._value(sample, output, float(random.getrandbits(1) >= 0))


class Harsh(Politeness):
    def score(self, sample: Sample, output: Output) -> Score:
        return self._value(sample, output, 0.0)


class Forgetful(Politeness):
    def score(self, sample: Sample, output: Output) -> Score:
        return replace(super().score(sample, output), epoch=0)


class Grasping(Politeness):
    def _score(self, sample: Sample, output: Output) -> Score:
        if isinstance(sample.metadata, dict):
            sample.metadata["seen"] = True
        return super()._score(sample, output)


class Stranger(Politeness):
    def score(self, sample: Sample, output: Output) -> Score:
        return replace(super().score(sample, output), scorer="politeness")


class Silent(Politeness):
    def score(self, sample: Sample, output: Output) -> Score:
        return self._unscored(sample, output, output.error or "not in the mood")


class Guessing(Politeness):
    requires: ClassVar[frozenset[str]] = frozenset({"reference"})

    def score(self, sample: Sample, output: Output) -> Score:
        return self._unscored(sample, output, output.error) if output.error else self._score(sample, output)


class Uneven(TextScorer):
    requires: ClassVar[frozenset[str]] = frozenset()

    def _score(self, sample: Sample, output: Output) -> Score:
        return self._value(sample, output, 0.25)

    def score_many(self, outputs: Any, references: Any) -> list[float | None]:
        return [0.5 for _ in outputs]


class Vague(Politeness):
    higher_is_better: ClassVar[Any] = "up"


class Demanding(Politeness):
    requires: ClassVar[frozenset[str]] = frozenset({"a good mood"})


class Number(Politeness):
    def score(self, sample: Sample, output: Output) -> Any:
        return 1.0


FAULTS: list[tuple[Callable[..., Any], str]] = [
    (Graded, "gave 0.5: the unit share is for verdicts of 0 or 1"),
    (Raises, "raised ZeroDivisionError"),
    (Moody, "one version gives one value"),
    (Dice, "global random generator"),
    (Harsh, "unscored, never 0"),
    (Forgetful, "the score of epoch 3 says epoch 0"),
    (Grasping, "changed the sample or the output"),
    (Stranger, "its score says it is of"),
    (Silent, "gave no example a value"),
    (Guessing, "the sample has none"),
    (lambda: Uneven(name="uneven"), "and score gives 0.25"),
    (Vague, "higher_is_better is 'up'"),
    (Demanding, "requires ['a good mood']"),
    (Number, "returned float; a Score is wanted"),
]


@pytest.mark.parametrize(("faulty", "said"), FAULTS, ids=[said for _, said in FAULTS])
def test_a_planted_fault_is_found(faulty: Callable[..., Any], said: str) -> None:
    check_scorer(Politeness())
    with pytest.raises(AssertionError) as caught:
        check_scorer(faulty())
    assert said in str(caught.value)


def test_options_outside_the_version_are_found() -> None:
    check_scorer(ExactMatch(), other=ExactMatch(casefold=False))
    with pytest.raises(AssertionError, match="options must be part of it"):
        check_scorer(ExactMatch(), other=ExactMatch(name="another name only"))
