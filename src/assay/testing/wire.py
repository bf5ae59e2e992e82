"""What the scripted server answers: OpenAI chat and completions, Anthropic messages, as bytes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

Answer = Callable[[Mapping[str, Any]], "str | Mapping[str, Any]"]
"""From the request body to a text, or to ``{"text", "tool_calls": [{"id", "name", "arguments"}], "finish_reason"}``."""

_TOKEN = re.compile(r"\s*\S+|\s+$")
CERTAIN, LIKELY, UNLIKELY = -0.001, -0.1, -2.0


def prompt_of(body: Mapping[str, Any]) -> str:
    """The text the model is asked to go on from: the last user message, or the prompt."""
    if "prompt" in body:
        prompt = body["prompt"]
        return prompt if isinstance(prompt, str) else str(prompt[0])
    for message in reversed(body.get("messages", ())):
        if message.get("role") in ("user", "tool"):
            return _text(message.get("content"))
    return ""


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "".join(str(part.get("text") or _text(part.get("content", ""))) for part in content or ())


def table_answer(answers: Mapping[str, str]) -> Answer:
    """Answers by the first key that occurs in the prompt; else the prompt's last line comes back."""

    def answer(body: Mapping[str, Any]) -> str:
        return lookup(prompt_of(body), answers)

    return answer


def lookup(prompt: str, answers: Mapping[str, str]) -> str:
    """The answer to one prompt."""
    for needle, text in answers.items():
        if needle in prompt:
            return text
    return prompt.rstrip().rpartition("\n")[2]


def chat_reply(body: Mapping[str, Any], answer: str | Mapping[str, Any]) -> bytes:
    """The body of a ``chat/completions`` reply."""
    text, calls, finish = _parts(answer)
    message: dict[str, Any] = {"role": "assistant", "content": text or (None if calls else "")}
    if calls:
        message["tool_calls"] = [
            {"id": call["id"], "type": "function", "function": {"name": call["name"], "arguments": call["arguments"]}}
            for call in calls
        ]
    choice: dict[str, Any] = {"index": 0, "message": message, "finish_reason": finish}
    if body.get("logprobs"):
        choice["logprobs"] = {"content": [_chat_token(token, body.get("top_logprobs") or 0) for token in tokens(text)]}
    return _dump_openai("chat.completion", body, [choice], prompt_of(body), text)


def _chat_token(token: str, top: int) -> dict[str, Any]:
    entry: dict[str, Any] = {"token": token, "logprob": LIKELY}
    entry["top_logprobs"] = [
        {"token": token if rank == 0 else f"other{rank}", "logprob": LIKELY - 2 * rank} for rank in range(top)
    ]
    return entry


def completion_reply(body: Mapping[str, Any], answer: Answer, answers: Mapping[str, str]) -> bytes:
    """The body of a ``completions`` reply; with ``echo`` and ``logprobs`` the prompt's own log-probabilities.

    An echoed prompt that ends with the answer the table gives for it has likely tokens, any other ending unlikely ones.
    """
    prompts = [body["prompt"]] if isinstance(body["prompt"], str) else list(body["prompt"])
    choices, generated = [], ""
    for index, prompt in enumerate(prompts):
        text = _parts(answer({**body, "prompt": prompt}))[0] if body.get("max_tokens") != 0 else ""
        if body.get("echo") and body.get("max_tokens") == 1:
            text = (tokens(text) or [" ."])[0]
        generated += text
        choice: dict[str, Any] = {"index": index, "text": text, "finish_reason": "stop"}
        if body.get("echo"):
            choice["text"] = prompt + text
        if body.get("logprobs") is not None:
            echoed = prompt if body.get("echo") else ""
            choice["logprobs"] = _completion_logprobs(echoed, text, answers)
        choices.append(choice)
    return _dump_openai("text_completion", body, choices, "".join(prompts), generated)


def _completion_logprobs(prompt: str, text: str, answers: Mapping[str, str]) -> dict[str, Any]:
    right = [reply for needle, reply in answers.items() if needle in prompt]
    likely_from = len(prompt) - len(right[0]) if right and prompt.endswith(right[0]) else len(prompt)
    names, values, offsets = list[str](), list[float | None](), list[int]()
    position = 0
    for token in tokens(prompt) + tokens(text):
        likely = position + len(token) > likely_from
        names.append(token)
        values.append(None if prompt and position == 0 else LIKELY if likely else UNLIKELY)
        offsets.append(position)
        position += len(token)
    top = [None if value is None else {name: value} for name, value in zip(names, values, strict=True)]
    return {"tokens": names, "token_logprobs": values, "text_offset": offsets, "top_logprobs": top}


def message_reply(body: Mapping[str, Any], answer: str | Mapping[str, Any]) -> bytes:
    """The body of an Anthropic ``messages`` reply."""
    text, calls, finish = _parts(answer)
    content: list[dict[str, Any]] = [{"type": "text", "text": text}] if text else []
    content += [
        {"type": "tool_use", "id": call["id"], "name": call["name"], "input": orjson.loads(call["arguments"])}
        for call in calls
    ]
    reason = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}.get(finish, finish)
    return orjson.dumps(
        {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": body.get("model"),
            "content": content,
            "stop_reason": reason,
            "stop_sequence": None,
            "usage": {"input_tokens": count_tokens(prompt_of(body)), "output_tokens": count_tokens(text)},
        }
    )


def _parts(answer: str | Mapping[str, Any]) -> tuple[str, Sequence[Mapping[str, Any]], str]:
    if isinstance(answer, str):
        return answer, (), "stop"
    calls = answer.get("tool_calls") or ()
    return answer.get("text") or "", calls, answer.get("finish_reason") or ("tool_calls" if calls else "stop")


def tokens(text: str) -> list[str]:
    """Words with the spaces before them; joined they give the text again."""
    return _TOKEN.findall(text)


def count_tokens(text: str) -> int:
    """As many as there are words, at least one."""
    return text.count(" ") + 1


def _dump_openai(kind: str, body: Mapping[str, Any], choices: list[dict[str, Any]], prompt: str, text: str) -> bytes:
    sent, got = count_tokens(prompt), count_tokens(text)
    return orjson.dumps(
        {
            "id": "reply-1",
            "object": kind,
            "created": 0,
            "model": body.get("model"),
            "choices": choices,
            "usage": {"prompt_tokens": sent, "completion_tokens": got, "total_tokens": sent + got},
        }
    )
