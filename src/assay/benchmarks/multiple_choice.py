"""What the multiple-choice benchmarks share: the two ways of asking, and reading questions in their published forms."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from assay.benchmarks.entry import Option, wrong_shape
from assay.core.protocols import Scorer
from assay.core.records import GenerateParams, Sample
from assay.core.task import Choices, Prompt, Samples, SolverSpec

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
SCORERS = ("choice_letter", "choice_likelihood", "choice_likelihood_per_char")
STYLE = Option(
    default="letter",
    values=("letter", "likelihood"),
    help="letter: the model names the letter of its choice; likelihood: every choice is scored as a continuation "
    "(base models; needs a provider with option likelihoods).",
)
LISTED = """\
{{ input }}
{% for letter in letters %}
{{ letter }}. {{ choices[loop.index0] }}
{% endfor %}
Answer:"""
LETTER_CHAT = (
    "The following is a multiple-choice question. Reply with nothing but the letter of the right answer.\n\n" + LISTED
)
QUESTION = "Question: {{ input }}\nAnswer:"
_SHORT = GenerateParams(temperature=0.0, max_tokens=32)

Parts = tuple[SolverSpec, Sequence[Scorer], GenerateParams]


def ask(
    *,
    style: str,
    chat: str = LETTER_CHAT,
    base: str = QUESTION,
    option: str = " {{ choice }}",
    shot: str | None = None,
    shots: int = 0,
    shots_from: Samples | None = None,
    shot_group: str | None = None,
) -> Parts:
    """Solver, scorers and parameters of one style.

    Args:
        style: ``letter`` (uses ``chat``) or ``likelihood`` (uses ``base`` and ``option``; choices that are written out
            are also compared per character).
        shot: How an example is written.
        shot_group: Metadata key that example and sample share.
    """
    from assay.scorers import ChoiceLetter, ChoiceLikelihood

    letter = style == "letter"
    prompt = Prompt(
        template=chat if letter else base,
        completion=not letter,
        shot_template=shot,
        shots=shots,
        shots_from=shots_from,
        fixed_shots=True,
        shot_group=shot_group,
    )
    if letter:
        return prompt, [ChoiceLetter()], _SHORT
    scorers: list[Scorer] = [ChoiceLikelihood()]
    if "choice" in option:  # dividing by length means something only where choices are written out
        scorers.append(ChoiceLikelihood(name="choice_likelihood_per_char", normalise="chars"))
    return Choices(prompt=prompt, option_template=option), scorers, GenerateParams()


def question_of(benchmark: str, row: Mapping[str, Any], number: int) -> tuple[str, list[str], int]:
    """Question, choices and the index of the right one, from any of the published forms.

    Known forms: ``instruction``/``answer`` (choices numbered inside the text); ``question`` (text, or an object with
    ``stem`` and ``choices``) with ``choices`` as ``{text, label}`` lists or as a list of such objects and
    ``answerKey``; the same with ``question_stem``; ``goal``/``sol1``/``sol2``/``label``.

    Raises:
        DataError: The row is in none of them.
    """
    reader = next((reader for key, reader in _FORMS.items() if key in row), None)
    parsed = reader(row) if reader is not None else None
    if parsed is None:
        raise wrong_shape(benchmark, row, number)
    question, choices, right = parsed
    if not question or not all(choices) or not 0 <= right < len(choices):
        raise wrong_shape(benchmark, row, number)
    return question, choices, right


_Parsed = tuple[str, list[str], int] | None


def _numbered(row: Mapping[str, Any]) -> _Parsed:
    """``… to the question: Q\\n\\nAnswer1: a Answer2: b\\n\\nAnswer format: answer1/answer2`` with ``answer2``.

    The format line says how many choices there are and what they are called, so that a choice may hold any text.
    """
    body, _, labels_text = str(row["instruction"]).rpartition("\n\nAnswer format: ")
    labels = labels_text.strip().split("/")
    opening = re.match(r"Please choose the correct \w+ to the question: ", body)
    if opening is None or row.get("answer") not in labels:
        return None
    marks = [re.escape(label.capitalize()) + ":" for label in labels]
    pattern = r"(.*?)\n\n" + r"\s".join(rf"{mark}(.*?)" for mark in marks)
    found = re.fullmatch(pattern, body[opening.end() :], flags=re.DOTALL)
    if found is None:
        return None
    question, *choices = (part.strip() for part in found.groups())
    return question, choices, labels.index(row["answer"])


def _keyed(row: Mapping[str, Any]) -> _Parsed:
    stem: Any = row.get("question_stem", row.get("question"))
    listed: Any = row.get("choices")
    if isinstance(stem, Mapping):
        stem, listed = stem.get("stem"), stem.get("choices")
    if isinstance(listed, Mapping):
        texts, labels = list(listed.get("text", ())), list(listed.get("label", ()))
    elif isinstance(listed, list) and all(isinstance(entry, Mapping) for entry in listed):
        texts, labels = [entry.get("text") for entry in listed], [entry.get("label") for entry in listed]
    else:
        return None
    key = row.get("answerKey")
    if key not in labels or not isinstance(stem, str):
        return None
    return stem.strip(), [str(text).strip() for text in texts], labels.index(key)


def _two_solutions(row: Mapping[str, Any]) -> _Parsed:
    label = row.get("label")
    if label not in (0, 1, "0", "1"):
        return None  # the published test split has label -1: its answers are not public
    return str(row["goal"]).strip(), [str(row.get(key, "")).strip() for key in ("sol1", "sol2")], int(label)


_FORMS = {"instruction": _numbered, "question_stem": _keyed, "question": _keyed, "goal": _two_solutions}


def choice_sample(
    *, sample_id: str, question: str, choices: Sequence[str], right: int, metadata: Mapping[str, Any]
) -> Sample:
    """A sample whose reference is the letter of the right choice, also kept as ``metadata["right_letter"]``.

    Scorers take a reference that is the text of a choice for that choice; so where the letter is itself the text of
    one (a choice "C" among others), the reference is the right choice's text.
    """
    letter = LETTERS[right]
    return Sample(
        id=sample_id,
        input=question,
        choices=choices,
        reference=choices[right] if letter in choices else letter,
        metadata={**metadata, "right_letter": letter},
    )
