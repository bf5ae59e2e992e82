"""Prompts from templates: what the model sees for one sample, examples included."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from assay.core.errors import ConfigError, DataError, InvalidInputError, nearest
from assay.core.records import Message, Sample
from assay.core.task import Prompt
from assay.engine.templates import Fillable, PlainTemplate, plain_template

if TYPE_CHECKING:
    from jinja2 import Environment

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def environment() -> Environment:
    """The Jinja2 environment of every prompt: unknown variables are errors, templates cannot reach Python."""
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    return ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, keep_trailing_newline=True, trim_blocks=True, lstrip_blocks=True
    )


class PromptRenderer:
    """Renders one ``Prompt`` for many samples.

    Template variables: ``id``, ``input``, ``choices``, ``letters`` (A, B, … one per choice), ``metadata``, every
    metadata key that is not one of these words, and ``shots`` (the rendered examples, joined by blank lines; put in
    front of the prompt when the template does not name it). A sample whose input is a list of messages is sent as it
    is by the template ``{{ input }}``; elsewhere ``input`` then stands for the text of its last message.
    """

    def __init__(self, prompt: Prompt) -> None:
        self.prompt = prompt
        self._whole_input = prompt.template is not None and prompt.template.strip() in ("{{ input }}", "{{input}}")
        self._template = self._compile(prompt.template) if prompt.template is not None else None
        self._messages = [(message, self._compile_content(message)) for message in prompt.messages or ()]
        self._shot = self._compile(prompt.shot_template) if prompt.shot_template is not None else self._template
        source = prompt.template or "".join(str(message.get("content")) for message in prompt.messages or ())
        self._names_shots = "shots" in source
        if prompt.shots and prompt.shots_from is None:
            raise ConfigError(
                "the prompt asks for shots but names no samples to draw them from", hint="add shots_from:"
            )
        if prompt.shots and self._shot is None:
            raise ConfigError("a prompt of messages needs a shot_template for its shots", hint="add shot_template:")

    @cached_property
    def _env(self) -> Environment:
        return environment()

    def _compile(self, source: str) -> Fillable:
        plain = plain_template(source)
        if plain is not None:
            return plain
        from jinja2 import TemplateSyntaxError

        try:
            return self._env.from_string(source)
        except TemplateSyntaxError as error:
            raise ConfigError(
                f"the prompt template is not valid in line {error.lineno}: {error.message}",
                hint="templates are Jinja2, e.g. {{ input }}",
                code="prompt.syntax",
            ) from error

    def _compile_content(self, message: Message) -> Fillable | None:
        content = message.get("content")
        return self._compile(content) if isinstance(content, str) else None

    def render(self, sample: Sample) -> tuple[Message, ...] | str:
        """Chat messages, or the text of a completion when the prompt says so.

        Raises:
            InvalidInputError: The template names something the sample does not have, or fails on it.
        """
        if self._whole_input and not isinstance(sample.input, str) and not self.prompt.completion:
            return tuple(sample.input)
        variables = _variables(sample)
        shots = self._shots_text(sample)
        variables["shots"] = shots
        if self._template is not None:
            text = self._fill(self._template, variables, sample)
            if shots and not self._names_shots:
                text = f"{shots}\n\n{text}"
            return text if self.prompt.completion else ({"role": "user", "content": text},)
        messages = [
            message if template is None else {**message, "content": self._fill(template, variables, sample)}
            for message, template in self._messages
        ]
        if shots and not self._names_shots:
            last = messages[-1]
            messages[-1] = {**last, "content": f"{shots}\n\n{last['content']}"}
        if self.prompt.completion:
            return "\n\n".join(str(message["content"]) for message in messages)
        return tuple(messages)

    def fill(self, template: Fillable, sample: Sample, extra: Mapping[str, Any]) -> str:
        """Another template over the same sample's variables."""
        return self._fill(template, {**_variables(sample), "shots": "", **extra}, sample)

    def compile(self, source: str) -> Fillable:
        """A further template of the same environment."""
        return self._compile(source)

    def _fill(self, template: Fillable, variables: Mapping[str, Any], sample: Sample) -> str:
        if isinstance(template, PlainTemplate):
            missing = template.missing(variables)
            if missing is not None:
                raise _undefined(sample, missing, f"{missing!r} is undefined", variables)
            return template.render(variables)
        from jinja2 import TemplateError, UndefinedError

        try:
            return template.render(variables)
        except UndefinedError as error:
            message = error.message or ""
            raise _undefined(sample, "".join(message.split("'")[1:2]), message, variables) from error
        except (TemplateError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise InvalidInputError(
                f"the prompt of sample {sample.id} cannot be written: {error}",
                hint="the template computes something this sample does not allow",
                code="prompt.failed",
            ) from error

    @cached_property
    def _shot_order(self) -> Sequence[Sample]:
        """Examples in the order they are taken: the data's own, or seeded by id so that reruns agree."""
        source = self.prompt.shots_from
        assert source is not None
        samples = [source[row] for row in range(len(source))]
        if not self.prompt.fixed_shots:
            seed = str(self.prompt.seed).encode()
            samples.sort(key=lambda sample: hashlib.sha256(seed + b"\0" + sample.id.encode()).digest())
        return samples

    def _shots_text(self, sample: Sample) -> str:
        if not self.prompt.shots:
            return ""
        group = self.prompt.shot_group
        chosen: list[Sample] = []
        for candidate in self._shot_order:
            if candidate.id == sample.id and candidate.input == sample.input:
                continue
            if group is not None and candidate.metadata.get(group) != sample.metadata.get(group):
                continue
            chosen.append(candidate)
            if len(chosen) == self.prompt.shots:
                break
        if len(chosen) < self.prompt.shots:
            raise DataError(
                f"{self.prompt.shots} shots are asked for and only {len(chosen)} fit sample {sample.id}",
                hint="lower shots: or give more samples under shots_from:",
                code="prompt.too_few_shots",
            )
        return "\n\n".join(self._shot_text(example) for example in chosen)

    def _shot_text(self, example: Sample) -> str:
        assert self._shot is not None
        if not example.references():
            raise DataError(f"example {example.id} has no reference to show", hint="shots_from needs references")
        reference = example.references()[0]
        variables = {**_variables(example), "reference": reference, "shots": ""}
        text = self._fill(self._shot, variables, example)
        return text if self.prompt.shot_template is not None else f"{text.rstrip()} {reference}"


def _undefined(sample: Sample, name: str, message: str, variables: Mapping[str, Any]) -> InvalidInputError:
    return InvalidInputError(
        f"the prompt of sample {sample.id} cannot be written: {message}",
        hint=nearest(name, variables),
        code="prompt.undefined",
    )


def _variables(sample: Sample) -> dict[str, Any]:
    text = sample.input if isinstance(sample.input, str) else message_text(sample.input[-1])
    choices = list(sample.choices or ())
    return {
        **sample.metadata,
        "id": sample.id,
        "input": text,
        "choices": choices,
        "letters": list(LETTERS[: len(choices)]),
        "metadata": sample.metadata,
    }


def message_text(message: Message) -> str:
    """The text of one chat message; image parts are left out."""
    content = message.get("content")
    if isinstance(content, str) or content is None:
        return content or ""
    return "\n".join(str(part.get("text", "")) for part in content if part.get("type") == "text")
