"""Which function checks an instruction, with which parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assay.core.errors import InvalidInputError, nearest
from assay.scorers.ifeval import (
    change_case,
    combination,
    detectable_content,
    detectable_format,
    keywords,
    language,
    length_constraints,
    punctuation,
    startend,
)
from assay.scorers.ifeval.detector import known_languages
from assay.scorers.ifeval.relation import RELATIONS


@dataclass(frozen=True, slots=True)
class Instruction:
    """A checker ``check(text, **parameters) -> bool`` and the names of all its parameters, each required."""

    check: Callable[..., bool]
    parameters: tuple[str, ...] = ()


INSTRUCTIONS: Mapping[str, Instruction] = {
    "keywords:existence": Instruction(keywords.existence, ("keywords",)),
    "keywords:frequency": Instruction(keywords.frequency, ("keyword", "frequency", "relation")),
    "keywords:forbidden_words": Instruction(keywords.forbidden_words, ("forbidden_words",)),
    "keywords:letter_frequency": Instruction(keywords.letter_frequency, ("letter", "let_frequency", "let_relation")),
    "language:response_language": Instruction(language.response_language, ("language",)),
    "length_constraints:number_sentences": Instruction(
        length_constraints.number_sentences, ("num_sentences", "relation")
    ),
    "length_constraints:number_paragraphs": Instruction(length_constraints.number_paragraphs, ("num_paragraphs",)),
    "length_constraints:number_words": Instruction(length_constraints.number_words, ("num_words", "relation")),
    "length_constraints:nth_paragraph_first_word": Instruction(
        length_constraints.nth_paragraph_first_word, ("num_paragraphs", "nth_paragraph", "first_word")
    ),
    "detectable_content:number_placeholders": Instruction(
        detectable_content.number_placeholders, ("num_placeholders",)
    ),
    "detectable_content:postscript": Instruction(detectable_content.postscript, ("postscript_marker",)),
    "detectable_format:number_bullet_lists": Instruction(detectable_format.number_bullet_lists, ("num_bullets",)),
    "detectable_format:constrained_response": Instruction(detectable_format.constrained_response),
    "detectable_format:number_highlighted_sections": Instruction(
        detectable_format.number_highlighted_sections, ("num_highlights",)
    ),
    "detectable_format:multiple_sections": Instruction(
        detectable_format.multiple_sections, ("section_spliter", "num_sections")
    ),
    "detectable_format:json_format": Instruction(detectable_format.json_format),
    "detectable_format:title": Instruction(detectable_format.title),
    "combination:two_responses": Instruction(combination.two_responses),
    "combination:repeat_prompt": Instruction(combination.repeat_prompt, ("prompt_to_repeat",)),
    "startend:end_checker": Instruction(startend.end_checker, ("end_phrase",)),
    "startend:quotation": Instruction(startend.quotation),
    "change_case:capital_word_frequency": Instruction(
        change_case.capital_word_frequency, ("capital_frequency", "capital_relation")
    ),
    "change_case:english_capital": Instruction(change_case.english_capital),
    "change_case:english_lowercase": Instruction(change_case.english_lowercase),
    "punctuation:no_comma": Instruction(punctuation.no_comma),
}

_COUNTS = frozenset(
    {
        "frequency",
        "let_frequency",
        "capital_frequency",
        "num_sentences",
        "num_paragraphs",
        "num_words",
        "num_placeholders",
        "num_bullets",
        "num_highlights",
        "num_sections",
        "nth_paragraph",
    }
)
_LISTS = frozenset({"keywords", "forbidden_words"})
_RELATIONS = frozenset({"relation", "let_relation", "capital_relation"})


def bind(instruction_id: str, kwargs: Mapping[str, Any] | None) -> Callable[[str], bool]:
    """The instruction with its parameters filled in: a function of the response text.

    Args:
        instruction_id: A key of ``INSTRUCTIONS``.
        kwargs: Its parameters; those that are ``None`` count as not given.

    Raises:
        InvalidInputError: The instruction is unknown, or a parameter is missing, superfluous or not of its kind.

    Examples:
        >>> bind("keywords:existence", {"keywords": ["cat"], "relation": None})("A cat.")
        True
    """
    instruction = INSTRUCTIONS.get(instruction_id)
    if instruction is None:
        raise InvalidInputError(
            f"unknown instruction {instruction_id!r}", hint=nearest(instruction_id, INSTRUCTIONS), code="ifeval.unknown"
        )
    given = {name: value for name, value in (kwargs or {}).items() if value is not None}
    missing = [name for name in instruction.parameters if name not in given]
    surplus = sorted(given.keys() - set(instruction.parameters))
    if missing or surplus:
        complaint = f"lacks {', '.join(missing)}" if missing else f"takes no {', '.join(surplus)}"
        raise InvalidInputError(
            f"instruction {instruction_id} {complaint}",
            hint=f"its parameters are: {', '.join(instruction.parameters) or 'none'}",
            code="ifeval.parameters",
        )
    values = {name: _checked(instruction_id, name, value) for name, value in given.items()}
    return lambda text: instruction.check(text, **values)


def _checked(instruction_id: str, name: str, value: Any) -> Any:
    if name in _COUNTS:
        valid, wanted = _is_count(value, least=1 if name == "nth_paragraph" else 0), "a whole number, not negative"
        value = int(value) if valid else value
    elif name in _LISTS:
        valid, wanted = _is_word_list(value), "a list of words"
    elif name in _RELATIONS:
        valid, wanted = value in RELATIONS, "one of: " + ", ".join(RELATIONS)
    elif name == "language":
        valid = isinstance(value, str) and value.partition("-")[0] in known_languages()
        wanted = "one of: " + ", ".join(sorted(known_languages()))
    elif name == "letter":
        valid, wanted = isinstance(value, str) and len(value) == 1, "one character"
    else:
        valid, wanted = isinstance(value, str) and value.strip() != "", "a text that is not blank"
    if not valid:
        raise InvalidInputError(
            f"instruction {instruction_id} has {name} {value!r}", hint=f"it must be {wanted}", code="ifeval.parameters"
        )
    return value


def _is_count(value: Any, *, least: int) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= least and value == value // 1


def _is_word_list(value: Any) -> bool:
    return (
        isinstance(value, Sequence)
        and not isinstance(value, str)
        and len(value) > 0
        and all(isinstance(word, str) and word for word in value)
    )
