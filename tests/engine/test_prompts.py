from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.core.errors import ConfigError, DataError, InvalidInputError
from assay.core.records import Sample
from assay.core.task import Prompt, SampleList
from assay.engine.prompts import PromptRenderer


def samples(count: int) -> SampleList:
    return SampleList(
        name="shots",
        content_hash="sha256:0",
        samples=[
            Sample(id=f"s{i}", input=f"q{i}", reference=f"a{i}", metadata={"subject": "xy"[i % 2]})
            for i in range(count)
        ],
    )


def text_of(prompt: Prompt, sample: Sample) -> str:
    rendered = PromptRenderer(prompt).render(sample)
    return rendered if isinstance(rendered, str) else rendered[-1]["content"]


def test_a_template_sees_input_choices_letters_and_metadata() -> None:
    prompt = Prompt(
        template="{{ input }}|{% for c in choices %}{{ letters[loop.index0] }}={{ c }};{% endfor %}|{{ topic }}"
    )
    sample = Sample(id="1", input="why?", choices=("x", "y"), metadata={"topic": "birds"})
    assert text_of(prompt, sample) == "why?|A=x;B=y;|birds"


def test_metadata_never_hides_the_sample_itself() -> None:
    sample = Sample(id="1", input="the question", metadata={"input": "something else"})
    assert text_of(Prompt(template="Q: {{ input }}"), sample) == "Q: the question"


def test_messages_pass_through_untouched_when_the_template_is_the_input() -> None:
    messages = (
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}]},
    )
    assert PromptRenderer(Prompt(template="{{ input }}")).render(Sample(id="1", input=messages)) == messages


def test_an_unknown_variable_names_what_the_sample_offers() -> None:
    with pytest.raises(InvalidInputError, match="sample 1") as caught:
        text_of(Prompt(template="{{ inptu }}"), Sample(id="1", input="q"))
    assert "input" in caught.value.hint


def test_a_broken_template_is_refused_when_it_is_read() -> None:
    with pytest.raises(ConfigError, match="line 1"):
        PromptRenderer(Prompt(template="{{ input "))


def test_a_template_cannot_reach_python() -> None:
    with pytest.raises(InvalidInputError, match="unsafe"):
        text_of(Prompt(template="{{ input.__class__.__mro__ }}"), Sample(id="1", input="q"))


def test_shots_come_first_and_never_show_the_sample_itself() -> None:
    source = samples(3)
    prompt = Prompt(template="Q: {{ input }}\nA:", shots=2, shots_from=source, fixed_shots=True)
    assert text_of(prompt, source[0]) == "Q: q1\nA: a1\n\nQ: q2\nA: a2\n\nQ: q0\nA:"


def test_shots_of_a_group_share_the_group() -> None:
    source = samples(6)
    prompt = Prompt(template="{{ input }}", shots=2, shots_from=source, shot_group="subject", fixed_shots=True)
    assert text_of(prompt, Sample(id="t", input="q", metadata={"subject": "y"})) == "q1 a1\n\nq3 a3\n\nq"


def test_too_few_shots_are_an_error_not_a_shorter_prompt() -> None:
    with pytest.raises(DataError, match="only 2 fit"):
        text_of(Prompt(template="{{ input }}", shots=3, shots_from=samples(2)), Sample(id="t", input="q"))


@given(st.integers(0, 10**6))
def test_drawn_shots_depend_on_the_seed_alone(seed: int) -> None:
    prompt = Prompt(template="{{ input }}", shots=3, shots_from=samples(8), seed=seed)
    sample = Sample(id="t", input="q")
    assert text_of(prompt, sample) == text_of(prompt, sample)
    assert (
        len({text_of(Prompt(template="{{ input }}", shots=3, shots_from=samples(8), seed=s), sample) for s in range(9)})
        > 1
    )


@pytest.mark.parametrize(
    "source",
    [
        "Q: {{ input }}\nA:",
        "{{input}}{{ topic }}\n",
        "no variable",
        "{{ choices }}",
        "{% if topic %}x{% endif %}{{ input }}",
        "{{ input|upper }}",
        "{{ topic }}\r\n{{ input }}",
        "{# note #}{{ input }}",
        "{{ true }}",
        "{{ range }}",
        "a }} b",
    ],
)
def test_a_plain_template_renders_what_jinja_renders(source: str) -> None:
    from assay.engine.prompts import environment
    from assay.engine.templates import plain_template

    variables = {"input": "why <?> {{ x }}", "topic": None, "choices": ["a", "b"]}
    plain = plain_template(source)
    if plain is not None:
        assert plain.render(variables) == environment().from_string(source).render(variables)
    assert (plain is None) == any(mark in source for mark in ("{%", "|", "\r", "{#", "true", "range", "a }}"))
