from __future__ import annotations

import ast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.sandbox.extract import extract_code

PROMPT = 'from typing import List\n\n\ndef helper(x):\n    return x\n\n\ndef add(a, b):\n    """Add."""\n'
ADD = "def add(a, b):\n    return a + b\n"

ANSWERS = {
    "body": "    return a + b\n",
    "body_then_example": "    return a + b\n\n\nprint(add(1, 2))\n",
    "body_then_next_function": "    return a + b\n\n\ndef other(:\n",
    "body_then_main": "    return a + b\n\nif __name__ == '__main__':\n    add()\n",
    "body_without_first_indent": "c = a + b\n    return c\n",
    "body_without_any_indent": "return a + b",
    "body_of_lines_without_indent": "if a:\n    return a + b\nreturn b\n",
    "body_after_newline": "\n    return a + b\n",
    "body_then_words": "    return a + b\n\nThis adds the two numbers; isn't it nice?\n",
    "whole_function": ADD,
    "whole_function_and_words_after": f"{ADD}\nThat's all there is to it!\n",
    "words_and_function": f"Here is the function:\n\n{ADD}",
    "fence": f"```python\n{ADD}```",
    "fence_with_words": f"Sure!\n\n```python\n{ADD}```\nIt's easy.",
    "fence_without_language": f"```\n{ADD}```",
    "fence_in_capitals": f"```Python\n{ADD}```",
    "fence_never_closed": f"```python\n{ADD}",
    "fence_of_tildes": f"~~~py\n{ADD}~~~",
    "indented_fence": "1. So:\n   ```python\n   def add(a, b):\n       return a + b\n   ```\n",
    "fence_with_body_only": "```python\n    return a + b\n```",
    "fence_with_dedented_body": "```python\nreturn a + b\n```",
    "two_fences": f"```python\nimport math\n```\nand\n```python\n{ADD}```",
    "example_in_second_fence": f"```python\n{ADD}```\nUse:\n```python\nprint(add(1, 2)\n```",
    "shell_and_python": f"```bash\npip install x\n```\n```python\n{ADD}```",
    "corrected_version": f"```python\ndef add(a, b)\n    return\n```\nOops:\n```python\n{ADD}```",
    "windows_lines": "    return a + b\r\n\r\n",
    "lambda": "```python\nadd = lambda a, b: a + b\n```",
    "uses_the_prompts_helper": "```python\ndef add(a: List, b):\n    return helper(a) + b\n```",
    "tabs": "\tif a:\n\t\treturn a + b\n\treturn b\n",
}


@pytest.mark.parametrize("name", ANSWERS)
def test_the_function_is_found_and_works(name: str) -> None:
    code = extract_code(ANSWERS[name], entry="add", prompt=PROMPT)
    assert code is not None
    names: dict[str, object] = {}
    exec(compile(code, name, "exec"), names)
    assert names["add"](2, 3) == 5  # type: ignore[operator]


@pytest.mark.parametrize("text", ["", "   \n", "```python\n```", "```bash\nls\n```\n"])
def test_no_code_is_none(text: str) -> None:
    assert extract_code(text, entry="add") is None


@pytest.mark.parametrize("text", ["I cannot help with that.", "The answer is 5."])
def test_words_are_no_code_without_a_prompt_to_continue(text: str) -> None:
    assert extract_code(text, entry="add") is None
    assert extract_code(text) is None


def test_code_that_does_not_parse_is_kept_so_that_its_error_is_named() -> None:
    code = extract_code("```python\ndef add(a, b:\n```", entry="add")
    assert code is not None and "def add(a, b:" in code
    with pytest.raises(SyntaxError):
        ast.parse(code)


def test_the_last_block_that_defines_the_function_wins_when_they_do_not_fit_together() -> None:
    text = "```python\ndef add(a, b): return 0 +\n```\n```python\ndef add(a, b): return 1\n```"
    assert extract_code(text, entry="add") == "def add(a, b): return 1\n"


FRAGMENTS = st.sampled_from(
    [
        "```",
        "```python\n",
        "~~~",
        "\n",
        "    ",
        "\t",
        "def add(",
        "a, b):",
        "return a",
        '"""',
        "\\",
        "\0",
        "\ud800",
        "class ",
        "#",
        "é",
    ]
)


@settings(max_examples=60, deadline=None)
@given(
    st.text() | st.lists(FRAGMENTS, max_size=30).map("".join),
    st.sampled_from([None, "add", "a.*b"]),
    st.sampled_from(["", PROMPT, "def f(:"]),
)
def test_nothing_a_model_writes_makes_it_raise(text: str, entry: str | None, prompt: str) -> None:
    code = extract_code(text, entry=entry, prompt=prompt)
    assert code is None or code.strip()
