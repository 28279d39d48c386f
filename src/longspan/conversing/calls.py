"""Functions that a model may call, and its calls: under a grammar where there is one, else read out of its words."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from longspan.flows.chat import Chat, Message, Reply
from longspan.forms.form import Form


@dataclass(frozen=True, kw_only=True)
class Tool:
    """A function. about: a sentence for the model. takes: its arguments' JSON schemas by name, all of them required.
    run: does it, and says what the model is told of it; a ValueError is told too."""

    name: str
    about: str
    takes: Mapping[str, Any]
    run: Callable[..., str]


@dataclass(frozen=True, kw_only=True)
class Call:
    """What the model called. text: as it wrote it."""

    name: str
    given: Mapping[str, Any]
    text: str


def described(tools: Sequence[Tool]) -> str:
    """The functions as the model is told of them."""
    lines = [f"- {json.dumps(_example(each), ensure_ascii=False)}: {each.about}" for each in tools]
    return "\n".join(
        [
            "You act by calling functions. Each of your replies is one call, as one line of JSON, and nothing else:",
            *lines,
        ]
    )


def form_of(tools: Sequence[Tool]) -> Form:
    """JSON of one call."""
    kinds = [
        {
            "type": "object",
            "properties": {"call": {"const": each.name}, **each.takes},
            "required": ["call", *each.takes],
            "additionalProperties": False,
        }
        for each in tools
    ]
    return Form.json_schema({"anyOf": kinds}, compact=True)


def ask(chat: Chat, messages: Sequence[Message], form: Form, limit: int) -> Reply:
    """The reply in which a call should be."""
    if chat.forms:
        return chat.generate(messages, max_new_tokens=limit, form=form)
    return chat.generate(messages, max_new_tokens=limit)


def call_in(text: str, tools: Sequence[Tool]) -> Call | str:
    """The call that a reply holds, or in a line what is wrong with it.

    A reply may have words around its JSON, but not two objects; nothing that is cut or broken is mended.
    """
    start = text.find("{")
    if start < 0:
        return "there is no JSON in it"
    try:
        record, end = json.JSONDecoder().raw_decode(text, start)
    except (ValueError, RecursionError):
        return "its JSON is broken"
    if "{" in text[end:]:
        return "there is more than one call in it"
    known = {each.name: each for each in tools}
    tool = known.get(record.get("call")) if isinstance(record.get("call"), str) else None
    if tool is None:
        return f'"call" is none of {", ".join(known)}'
    given = {name: value for name, value in record.items() if name != "call"}
    if set(given) != set(tool.takes):
        return f"{tool.name} takes {', '.join(tool.takes) or 'nothing'}"
    for name, schema in tool.takes.items():
        if not _is_of(given[name], schema):
            return f"{name} of {tool.name} is no {schema['type']}"
    return Call(name=tool.name, given=given, text=text[start:end])


def _is_of(value: object, schema: Mapping[str, Any]) -> bool:
    kinds = {"string": str, "integer": int, "boolean": bool}
    kind = kinds[schema["type"]]
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))


def _example(tool: Tool) -> dict[str, Any]:
    shown = {"string": "...", "integer": 0, "boolean": False}
    return {"call": tool.name} | {name: shown[schema["type"]] for name, schema in tool.takes.items()}
