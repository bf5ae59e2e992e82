"""The IFEval scorer: prompt or instruction level, strict or loose."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

from assay.core.errors import InvalidInputError
from assay.core.records import Output, Sample, Score
from assay.scorers.base import BaseScorer
from assay.scorers.ifeval.table import bind

LEVELS = ("prompt", "instruction")
MODES = ("strict", "loose")


@dataclass(frozen=True, kw_only=True)
class IFEval(BaseScorer):
    """Share of a prompt's verifiable instructions that the response follows, in [0, 1]; higher is better.

    The paper's four figures are four settings. At level ``prompt`` the value is 1 when every instruction is followed,
    else 0. At level ``instruction`` it is the share followed *in this prompt*: the mean over prompts weighs prompts
    alike, while the paper's instruction-level accuracy weighs instructions alike: attach the metric
    ``InstructionAccuracy`` to get that.

    Mode ``strict`` checks the response as it is. Mode ``loose`` counts an instruction as followed when any of eight
    variants of the response follows it: with and without the first line, the last line and all asterisks. A blank
    response follows nothing.

    Instructions come from ``sample.metadata``: ``instruction_id_list`` and ``kwargs`` (one mapping for each; entries
    that are ``None`` count as not given). Unscored, with the details in the explanation:
    the output's error when there is no answer, ``no_instructions``, ``unknown_instruction`` and
    ``invalid_instruction`` (a parameter is missing, superfluous or not of its kind).

    Source:
        Zhou et al. (2023), Instruction-Following Evaluation for Large Language Models, arXiv:2311.07911.

    Examples:
        >>> sample = Sample(id="1", input="Write one line without commas, in capitals.", metadata={
        ...     "instruction_id_list": ["punctuation:no_comma", "startend:quotation"], "kwargs": [{}, {}]})
        >>> score = IFEval(level="instruction").score(sample, Output(sample_id="1", text="A LINE"))
        >>> score.value, score.label, score.explanation
        (0.5, '1/2', 'not followed: startend:quotation')
    """

    name: str = ""
    level: str = "prompt"
    mode: str = "strict"

    def __post_init__(self) -> None:
        if not self.name:
            object.__setattr__(self, "name", f"ifeval_{self.level}_{self.mode}")
        super().__post_init__()

    def _check(self) -> None:
        self._one_of("level", LEVELS)
        self._one_of("mode", MODES)

    @property
    def unit(self) -> str:  # type: ignore[override]  # the one scorer whose unit is an option's
        """``share`` at prompt level, where values are 0 or 1; ``score`` at instruction level."""
        return "share" if self.level == "prompt" else "score"

    def _score(self, sample: Sample, output: Output) -> Score:
        instructions = sample.metadata.get("instruction_id_list") or ()
        parameters = sample.metadata.get("kwargs") or [{}] * len(instructions)
        if not instructions:
            return self._unscored(
                sample, output, "no_instructions", explanation="the sample's metadata has no instruction_id_list"
            )
        if len(parameters) != len(instructions):
            complaint = f"{len(instructions)} instructions, but kwargs for {len(parameters)}"
            return self._unscored(sample, output, "invalid_instruction", explanation=complaint)
        try:
            checks = [bind(name, given) for name, given in zip(instructions, parameters, strict=True)]
        except InvalidInputError as error:
            reason = "unknown_instruction" if error.code == "ifeval.unknown" else "invalid_instruction"
            return self._unscored(sample, output, reason, explanation=f"{error}; {error.hint}")
        variants = _variants(output.text) if self.mode == "loose" else [output.text]
        return self._verdict(sample, output, instructions, [_follows(check, variants) for check in checks])

    def _verdict(self, sample: Sample, output: Output, instructions: Sequence[str], followed: Sequence[bool]) -> Score:
        failed = [name for name, done in zip(instructions, followed, strict=True) if not done]
        kept = len(followed) - len(failed)
        return self._value(
            sample,
            output,
            float(not failed) if self.level == "prompt" else kept / len(followed),
            label=f"{kept}/{len(followed)}",
            explanation=f"not followed: {', '.join(failed)}" if failed else None,
        )


def _follows(check: Callable[[str], bool], variants: Sequence[str]) -> bool:
    return any(variant.strip() and check(variant) for variant in variants)


def _variants(text: str) -> list[str]:
    """The eight readings of the loose mode; where a line was cut, outer white space goes with it."""
    lines = text.split("\n")
    last = len(lines)
    cut = [text, *("\n".join(lines[a:b]).strip() for a, b in ((1, last), (0, last - 1), (1, last - 1)))]
    return [body.replace("*", "") if bare else body for bare, body in product((False, True), cut)]
