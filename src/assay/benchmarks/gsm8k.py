"""GSM8K: grade-school word problems with a number as the answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assay.benchmarks.entry import Benchmark, Found, Option, Role, sample_list, wrong_shape
from assay.core.errors import DataError
from assay.core.records import GenerateParams, Sample
from assay.core.task import Prompt, Task

CHAT = """\
Solve the problem step by step. End with a line of the form "#### NUMBER" that holds nothing but the final number.

{% if shots %}
{{ shots }}

{% endif %}
Problem: {{ input }}
Solution:"""
COMPLETION = "{% if shots %}{{ shots }}\n\n{% endif %}Problem: {{ input }}\nSolution:"
SHOT = "Problem: {{ input }}\nSolution: {{ solution }}\n#### {{ reference }}"

_EXAMPLES = (
    (
        "A baker fills 6 trays with 8 rolls each and keeps 5 rolls for the family. How many rolls are for sale?",
        "The trays hold 6 * 8 = 48 rolls. Without the 5 that are kept, 48 - 5 = 43 rolls are for sale.",
        "43",
    ),
    (
        "Omar reads 15 pages on Monday and twice as many on Tuesday. His book has 100 pages. How many are left?",
        "On Tuesday he reads 2 * 15 = 30 pages. Together that is 15 + 30 = 45 pages, so 100 - 45 = 55 are left.",
        "55",
    ),
    (
        "A ticket costs $12 and children pay half. What do 2 adults and 3 children pay together, in dollars?",
        "A child pays 12 / 2 = 6 dollars. Adults pay 2 * 12 = 24, children 3 * 6 = 18, together 24 + 18 = 42 dollars.",
        "42",
    ),
    (
        "A tank holds 240 litres. A pump empties a quarter of it, then leaks lose 20 litres. How many litres remain?",
        "A quarter of 240 is 240 / 4 = 60, so 240 - 60 = 180 litres stay. After the leaks 180 - 20 = 160 remain.",
        "160",
    ),
    (
        "Lena is 4 years older than Mia. In 3 years their ages add up to 30. How old is Mia now?",
        "Now their ages add up to 30 - 2 * 3 = 24. Without the 4 years that Lena is ahead, 24 - 4 = 20 is twice "
        "Mia's age, so Mia is 20 / 2 = 10.",
        "10",
    ),
    (
        "A shop lowers the price of an $80 coat by 25 % and then takes off another $6. What does it cost, in dollars?",
        "25 % of 80 is 20, which leaves 80 - 20 = 60 dollars. With another 6 off it costs 60 - 6 = 54 dollars.",
        "54",
    ),
    (
        "Three machines make 90 screws in 2 minutes. How many screws do 5 such machines make in 4 minutes?",
        "One machine makes 90 / 3 = 30 screws in 2 minutes, that is 15 a minute. Five machines make 5 * 15 = 75 a "
        "minute and 75 * 4 = 300 in 4 minutes.",
        "300",
    ),
    (
        "Ravi saves $7 a week. After 9 weeks he buys two books for $11 each. How many dollars does he have left?",
        "He saved 7 * 9 = 63 dollars. The books cost 2 * 11 = 22 dollars, so 63 - 22 = 41 dollars are left.",
        "41",
    ),
)


def build(found: Found, options: Mapping[str, Any]) -> Task:
    """The task on the test split; the reference is the number after ``####``, without thousands separators."""
    from assay.scorers import Numeric

    samples = [_sample(row, number) for number, row in enumerate(found.rows("test"))]
    examples = [
        Sample(id=f"example-{number}", input=question, reference=answer, metadata={"solution": solution})
        for number, (question, solution, answer) in enumerate(_EXAMPLES)
    ]
    completion = options["style"] == "completion"
    prompt = Prompt(
        template=COMPLETION if completion else CHAT,
        completion=completion,
        shot_template=SHOT,
        shots=options["shots"],
        shots_from=sample_list("gsm8k examples", examples),
        fixed_shots=True,
    )
    return Task(
        name="gsm8k",
        dataset=sample_list("gsm8k", samples),
        solver=prompt,
        scorers=[Numeric()],
        generate=GenerateParams(
            temperature=0.0, max_tokens=options["max_tokens"], stop=("\n\nProblem:",) if completion else ()
        ),
    )


def _sample(row: Mapping[str, Any], number: int) -> Sample:
    question, answer = row.get("question"), row.get("answer")
    if not isinstance(question, str) or not isinstance(answer, str):
        raise wrong_shape("gsm8k", row, number)
    solution, mark, final = answer.rpartition("####")
    if not mark:
        raise DataError(f"row {number} of gsm8k has no '####' before its final number", hint="use the published file")
    return Sample(
        id=f"test-{number}",
        input=question,
        reference=final.strip().replace(",", ""),
        metadata={"solution": solution.strip()},
    )


GSM8K = Benchmark(
    name="gsm8k",
    title="GSM8K",
    description="1,319 grade-school word problems, worked step by step; the final number must be right.",
    source="https://github.com/openai/grade-school-math",
    licence="MIT",
    paper="Cobbe et al. (2021), Training Verifiers to Solve Math Word Problems, arXiv:2110.14168",
    scorers=("numeric",),
    options={
        "shots": Option(default=8, low=0, high=8, help="Worked examples in front of the problem (our own, fixed)."),
        "style": Option(
            default="chat", values=("chat", "completion"), help="completion sends bare text, for base models."
        ),
        "max_tokens": Option(default=512, low=1, help="Longest answer."),
    },
    roles={
        "test": Role(
            names=("gsm8k_test", "gsm8k"), original=("test.jsonl",), hub="hf:openai/gsm8k?config=main&split=test"
        )
    },
    build=build,
)
