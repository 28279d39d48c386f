"""The turns of a dialogue as tokens, under the model's own template; what clients write has no power in it."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import groupby
from typing import TYPE_CHECKING, Any

from longspan.chat import Reasoning, reasoning_of
from longspan.conversation import begin_ids
from longspan.serving.asked import Asked, Function, Turn
from longspan.serving.refused import Refused
from longspan.spans import Document, Span, encoder_of, render

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


@dataclass(frozen=True, kw_only=True)
class Prompted:
    """A prompt.

    begin: tokens before all others. text: what the others are of, with names for control tokens; given: the others
    themselves where no text is known. ends: where in the text what each turn says ends. reasoning: whether the
    assistant reasons first. documents: that it shows.
    """

    tokenizer: PreTrainedTokenizerFast
    begin: list[int]
    text: str = ""
    given: list[int] | None = None
    ends: list[int] = field(default_factory=list)
    reasoning: Reasoning = "none"
    documents: tuple[Document, ...] = ()

    @cached_property
    def ids(self) -> list[int]:
        """All of its tokens."""
        given = encoder_of(self.tokenizer).after("", self.text)[0] if self.given is None else self.given
        return self.begin + given

    def upto(self, end: int) -> Prompted:
        """The same without what comes behind a place of its text."""
        return replace(self, text=self.text[:end])

    @property
    def parts(self) -> tuple[str | int, ...]:
        """Its text with control tokens as their numbers; their names are others in each process."""
        return tuple(encoder_of(self.tokenizer).parts(self.text))

    def behind(self, parts: Sequence[str | int]) -> list[int] | None:
        """The tokens that come behind the text of such parts with which it begins, None where it begins otherwise."""
        encoder = encoder_of(self.tokenizer)
        past = encoder.joined(parts)
        if not self.text.startswith(past):
            return None
        return encoder.after(encoder.tail(past), self.text[len(past) :])[0]


def prompted(tokenizer: PreTrainedTokenizerFast, asked: Asked) -> Prompted:
    """The prompt of a request. Raises Refused where the model's template takes no such dialogue."""
    if asked.prompt is not None:
        return _as_it_is(tokenizer, asked.prompt)
    if not asked.turns:
        raise Refused("messages is empty; send one or more", param="messages")
    problem: Refused | None = None
    for turns in _told(asked.turns):
        try:
            return _rendered(tokenizer, turns, asked)
        except Refused as error:
            problem = problem or error
    raise problem or Refused("messages cannot be rendered", param="messages")


def spoken(turn: Turn) -> str:
    """What a turn says, its documents first."""
    if not turn.documents:
        return turn.text
    shown = render([Span(each, 0, len(each.text)) for each in turn.documents])
    return f"{shown}\n\n{turn.text}" if turn.text else shown


def _as_it_is(tokenizer: PreTrainedTokenizerFast, prompt: str | Sequence[int]) -> Prompted:
    """A text, control tokens in it included, behind the model's begin token, or tokens exactly as given."""
    encoder, begin = encoder_of(tokenizer), begin_ids(tokenizer)
    if not isinstance(prompt, str):
        ids, begin = list(prompt), []
    else:
        ids = encoder.ids(prompt, plain=False)
        begin = [] if ids[: len(begin)] == begin else begin
    if not begin + ids:
        raise Refused("prompt is empty; send a text", param="prompt")
    return Prompted(tokenizer=tokenizer, begin=begin, given=ids)


def _told(turns: Sequence[Turn]) -> Iterator[list[Turn]]:
    """The turns, and the same for templates that take nobody twice in a row, or no system's words."""
    given = list(turns)
    yield given
    joined = _joined(given)
    if joined != given:
        yield joined
    first, *others = joined
    if first.role == "system" and others and others[0].role == "user":
        yield [replace(others[0], text=f"{first.text}\n\n{others[0].text}"), *others[1:]]


def _joined(turns: Sequence[Turn]) -> list[Turn]:
    """Neighbours of one role as one turn, but for those of tools, and with calls."""
    found: list[Turn] = []
    for apart, group in groupby(turns, key=lambda each: (each.role, each.answers, bool(each.calls))):
        several = list(group)
        if apart[0] == "tool" or apart[2] or len(several) == 1:
            found += several
        else:
            documents = tuple(document for each in several for document in each.documents)
            text = "\n\n".join(each.text for each in several if each.text)
            found.append(replace(several[0], text=text, documents=documents))
    return found


class _Marks:
    """Stands in for what clients write while a template is rendered: nothing of it is seen by the template.

    free: whether a text can be shown to a template as it is.
    """

    def __init__(self, free: Callable[[str], bool]) -> None:
        self._nonce, self._free = secrets.token_hex(8), free
        self.words: list[str] = []
        self.pattern = re.compile(f"\u2983{self._nonce}-(\\d+)\u2984")

    def mark(self, words: str) -> str:
        """A mark for words."""
        self.words.append(words)
        return f"\u2983{self._nonce}-{len(self.words) - 1}\u2984"

    def data(self, value: Any) -> Any:
        """JSON in which texts that spell out control tokens are marks."""
        if isinstance(value, str):
            return value if self._free(value) else self.mark(json.dumps(value, ensure_ascii=False)[1:-1])
        if isinstance(value, Mapping):
            return {self.data(name): self.data(each) for name, each in value.items()}
        return [self.data(each) for each in value] if isinstance(value, list | tuple) else value


def _rendered(tokenizer: PreTrainedTokenizerFast, turns: Sequence[Turn], asked: Asked) -> Prompted:
    encoder = encoder_of(tokenizer)
    marks = _Marks(lambda text: encoder.written(text) == text)
    said = [marks.mark(spoken(each)) if spoken(each) else "" for each in turns]
    names = {call.id: call.name for turn in turns for call in turn.calls}
    messages = [_message(turn, mark, marks, names) for turn, mark in zip(turns, said, strict=True)]
    text = _template(tokenizer, messages, [_tool(each, marks) for each in asked.functions], asked)
    places = [text.find(mark) for mark in said if mark]
    if -1 in places or places != sorted(places) or any(text.count(mark) > 1 for mark in said if mark):
        roles = ", ".join(each.role for each in turns)
        raise Refused(
            f"the chat template of this model leaves out or moves what is said in a dialogue of {roles}; "
            "leave out the system's words, or say earlier turns as text",
            param="messages",
        )
    if asked.prefill:
        text = text[: text.rindex(said[-1]) + len(said[-1])] if said[-1] else text
    parts = marks.pattern.split(text)
    whole, ends = "", {}
    for number, part in enumerate(parts):
        if number % 2:
            whole += marks.words[int(part)]
            ends[int(part)] = len(whole)
        else:
            following = marks.words[int(parts[number + 1])][:1] if number + 1 < len(parts) else ""
            whole += encoder.written(part, before=whole[-1:], after=following)
    begin = begin_ids(tokenizer) if tokenizer.chat_template is None else []
    upto, number = [0], 0
    for mark in said:
        upto.append(ends[number] if mark else upto[-1])
        number += bool(mark)
    return Prompted(
        tokenizer=tokenizer,
        begin=begin,
        text=whole,
        ends=upto[1:],
        reasoning="none" if asked.prefill else reasoning_of(parts[-1]),
        documents=tuple(document for each in turns for document in each.documents),
    )


def _message(turn: Turn, mark: str, marks: _Marks, names: Mapping[str, str]) -> dict[str, Any]:
    message: dict[str, Any] = {"role": turn.role, "content": mark}
    if turn.reasoning:
        message["reasoning_content"] = marks.mark(turn.reasoning)
    if turn.calls:
        message["tool_calls"] = [
            {
                "id": marks.data(call.id),
                "type": "function",
                "function": {
                    "name": marks.data(call.name),
                    "arguments": marks.data(_arguments(call.arguments)),
                },
            }
            for call in turn.calls
        ]
    if turn.role == "tool":
        message |= {"tool_call_id": marks.data(turn.answers), "name": marks.data(names.get(turn.answers, ""))}
    return message


def _arguments(written: str) -> Any:
    """Arguments as templates want them; what is no JSON stays as it was written."""
    try:
        return json.loads(written)
    except (ValueError, RecursionError):
        return written


def _tool(function: Function, marks: _Marks) -> dict[str, Any]:
    told = {
        "name": function.name,
        "description": function.about,
        "parameters": dict(function.parameters) or {"type": "object", "properties": {}},
    }
    return {"type": "function", "function": marks.data(told)}


def _template(
    tokenizer: PreTrainedTokenizerFast,
    messages: list[dict[str, Any]],
    tools: list[dict[str, Any]],
    asked: Asked,
) -> str:
    if tokenizer.chat_template is None:
        form = {"system": "{}\n\n", "user": "{}\nAnswer:", "assistant": " {}\n\n", "tool": "{}\nAnswer:"}
        return "".join(form[each["role"]].format(each["content"]) for each in messages)
    try:
        return str(
            tokenizer.apply_chat_template(
                messages,
                tools=tools or None,
                tokenize=False,
                add_generation_prompt=not asked.prefill,
                **asked.variables,
            )
        )
    except Exception as error:  # a template is a program of the model's, which can fail in any way
        roles = ", ".join(each["role"] for each in messages)
        raise Refused(
            f"the chat template of this model takes no dialogue of {roles} ({' '.join(str(error).split())[:200]}); "
            "leave out the system's words, or say earlier turns as text",
            param="messages",
        ) from None
