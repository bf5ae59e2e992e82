"""Is what an answer claims stated in the text it was given? Claim by claim, with the sentence that shows it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import ClassVar

from assay.core.protocols import ModelClient
from assay.core.records import GenerateParams, Output, Sample, Score
from assay.judges.asking import Answer, Form, Read, ask
from assay.judges.base import BaseJudge
from assay.judges.claims import CLAIMS, STANDINGS, CheckedClaim, check_form, numbered, sentences
from assay.judges.fence import fenced
from assay.judges.material import as_json, built_in_prompt, filled, storable, total_usd
from assay.judges.together import side_by_side

NO_CLAIMS = "no_claims"
NO_CONTEXT = "sample has no context"
CLAIM_WORDS = 15
"""Of an answer that a claim takes up, about."""


@dataclass(frozen=True, kw_only=True)
class Faithfulness(BaseJudge):
    """Share of an answer's claims that the given context supports, in [0, 1].

    The answer is taken apart into claims; each is checked against the numbered sentences of the context, and a verdict
    other than "not stated" has to name a sentence that exists. An answer without claims is unscored (``no_claims``).
    The explanation holds every claim, its verdict and its sentence: ``checked_claims`` reads them.

    Attributes:
        context: Metadata key of the context: a text, or a list of them.
        split: ``model``: the model writes the claims; ``sentences``: each sentence of the answer is one, for free.
        max_claims: Claims beyond so many are left out, and counted in label and explanation.
        claims_per_call: Claims checked in one call.
        claims_prompt: With the slot ``{answer}``.
        check_prompt: With the slots ``{context}`` and ``{claims}``, and ``{count}`` if wanted.
    """

    name: str = "faithfulness"
    unit: ClassVar[str] = "share"
    context: str = "context"
    split: str = "model"
    max_claims: int = 40
    claims_per_call: int = 20
    max_tokens: int = 2048
    claims_prompt: str = field(default_factory=partial(built_in_prompt, "faithfulness_claims"))
    check_prompt: str = field(default_factory=partial(built_in_prompt, "faithfulness_check"))

    def _check(self) -> None:
        super()._check()
        self._one_of("split", ("model", "sentences"))
        self._must(bool(self.context), "context", "the metadata key that holds the context")
        self._must(self.max_claims >= 1, "max_claims", "at least 1")
        self._must(self.claims_per_call >= 1, "claims_per_call", "at least 1")
        self._must("{answer}" in self.claims_prompt, "claims_prompt", "it needs {answer}")
        slots = "{context}" in self.check_prompt and "{claims}" in self.check_prompt
        self._must(slots, "check_prompt", "it needs the slots {context} and {claims}")

    def _texts(self) -> Sequence[str]:
        return [CLAIMS.reminder, check_form([], []).reminder]

    async def _judge(self, sample: Sample, output: Output, *, client: ModelClient) -> Score:
        context = self._context(sample)
        if not context:
            return self._priced(self._unscored(sample, output, NO_CONTEXT), 0.0)
        split = await self._claims(sample, output, client)
        if split.read is None:
            return self._failed(sample, output, split, split.cost_usd)
        claims = split.read[: self.max_claims]
        if not claims:
            return self._priced(self._unscored(sample, output, NO_CLAIMS), split.cost_usd)
        parts = [claims[start : start + self.claims_per_call] for start in range(0, len(claims), self.claims_per_call)]
        answers = await side_by_side(*(self._checked(part, context, sample, client) for part in parts))
        cost_usd = total_usd([split.cost_usd, *(answer.cost_usd for answer in answers)])
        checked = list[CheckedClaim]()
        for answer in answers:
            if answer.read is None:
                return self._failed(sample, output, answer, cost_usd)
            checked += answer.read
        return self._priced(self._told(sample, output, checked, left_out=len(split.read) - len(claims)), cost_usd)

    def rehearsed(self, output: Output) -> str:
        """Claims as the model may write them, for plans: about fifteen words of the answer each."""
        words = output.text.split()
        if self.split == "sentences" or not words:
            return ""
        claims = [" ".join(words[start : start + CLAIM_WORDS]) for start in range(0, len(words), CLAIM_WORDS)]
        return as_json({"claims": [f"{number}: {claim}" for number, claim in enumerate(claims, 1)]})

    def _context(self, sample: Sample) -> list[str]:
        given = sample.metadata.get(self.context)
        texts = [given] if isinstance(given, str) else given if isinstance(given, Sequence) else []
        return [sentence for text in texts if isinstance(text, str) for sentence in sentences(text)]

    async def _claims(self, sample: Sample, output: Output, client: ModelClient) -> Answer[list[str]]:
        if self.split == "sentences" or not output.text.strip():
            return Answer(read=list(dict.fromkeys(sentences(output.text))))
        return await self._ask(self.claims_prompt, {"answer": fenced("answer", output.text)}, CLAIMS, sample, client)

    async def _checked(
        self, claims: Sequence[str], context: Sequence[str], sample: Sample, client: ModelClient
    ) -> Answer[list[CheckedClaim]]:
        parts = {
            "context": fenced("context", numbered(context)),
            "claims": fenced("claims", numbered(claims)),
            "count": str(len(claims)),
        }
        return await self._ask(self.check_prompt, parts, check_form(claims, context), sample, client)

    async def _ask(
        self, template: str, parts: dict[str, str], form: Form[Read], sample: Sample, client: ModelClient
    ) -> Answer[Read]:
        return await ask(
            filled(template, parts),
            form,
            client=client,
            model=self.model,
            params=GenerateParams(temperature=self.temperature, max_tokens=self.max_tokens),
            sample_id=sample.id,
            timeout_s=self.timeout_s,
        )

    def _failed(
        self, sample: Sample, output: Output, answer: Answer[list[str]] | Answer[list[CheckedClaim]], cost: float | None
    ) -> Score:
        reason = answer.reason or "no_verdict"
        return self._priced(self._unscored(sample, output, reason, explanation=storable(answer.detail) or None), cost)

    def _told(self, sample: Sample, output: Output, checked: Sequence[CheckedClaim], *, left_out: int) -> Score:
        counts = Counter(claim.standing for claim in checked)
        supported = counts["supported"]
        label = f"{supported} of {len(checked)} supported" + (f", {left_out} left out" if left_out else "")
        rows = [{key: value for key, value in asdict(claim).items() if value is not None} for claim in checked]
        return self._value(
            sample,
            output,
            supported / len(checked),
            label=label,
            explanation=as_json({"claims": rows, "left_out": left_out}),
        )


def checked_claims(score: Score) -> tuple[CheckedClaim, ...]:
    """The claims a faithfulness Score rests on; empty when it holds none.

    Examples:
        >>> told = '{"claims":[{"claim":"It rained.","standing":"supported","sentence":2,"quote":"Rain."}]}'
        >>> score = Score(sample_id="1", scorer="f", scorer_version="v", value=1.0, explanation=told)
        >>> checked_claims(score)[0].quote
        'Rain.'
    """
    try:
        found = json.loads(score.explanation or "")
        rows = found["claims"]
        claims = tuple(
            CheckedClaim(
                claim=row["claim"], standing=row["standing"], sentence=row.get("sentence"), quote=row.get("quote")
            )
            for row in rows
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return ()
    return claims if all(claim.standing in STANDINGS for claim in claims) else ()
