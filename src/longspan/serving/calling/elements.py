"""Calls as elements, as Qwen3-Coder writes them: `<function=NAME><parameter=KEY>value</parameter>…</function>`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from longspan.serving.calling.family import Held, json_rule, quoted
from longspan.serving.calling.heard import Heard
from longspan.serving.calling.schemas import is_text, listed, parameters
from longspan.serving.calling.source import LONGEST, Source, Steps
from longspan.serving.calling.values import literal, written

_NAME = re.compile(rf"[^<>\n]{{0,{LONGEST}}}")
_PARAMETER, _ENDED, _CLOSE = "<parameter=", "</parameter>", "</function>"


def element(source: Source, heard: Heard) -> Steps[bool]:
    """Reads an element from behind `<function=` on. Values are text, which becomes what the schema says they are."""
    name = yield from _name(source)
    if name is None:
        return False
    given: dict[str, Any] = {}
    known = parameters(heard.schema(name))
    while True:
        yield from source.blanks()
        word = yield from source.word(_PARAMETER, _CLOSE)
        if word == _CLOSE:
            heard.call(name, written(given))
            return True
        key = (yield from _name(source)) if word else None
        text = None if key is None else (yield from source.upto(_ENDED))
        if key is None or text is None:
            return False
        text = text.removeprefix("\r").removeprefix("\n").removesuffix("\n").removesuffix("\r")
        given[key] = typed(text, known.get(key, {"type": "string"}))


def typed(text: str, schema: Mapping[str, Any]) -> Any:
    """The value that a text is, by its schema; the text where it is none of the kind."""
    kinds = schema.get("type")
    if is_text(schema) and (isinstance(kinds, str) or text.strip() != "null"):
        return text
    try:
        found = literal(text)
    except ValueError:
        return text
    if kinds == "integer" and isinstance(found, float) and found.is_integer():
        return int(found)
    return found


def element_rules(held: Sequence[Held]) -> str:
    """Rules of which `one` is a call.

    A text is held to its choices if it has some, and is free otherwise: patterns and lengths cannot be held here.
    Raises ValueError for a schema that is no list of parameters.
    """
    lines = [f"one: {' | '.join(f'f{number}' for number in range(len(held)))}"]
    for number, each in enumerate(held):
        parts = []
        for place, (key, schema, needed) in enumerate(listed(each.schema)):
            rule = f"p{number}_{place}"
            parts.append(rule if needed else f"{rule}?")
            lines.append(f"{rule}: {quoted(f'{_PARAMETER}{key}>' + chr(10))} v{number}_{place}")
            lines.append(_value_rule(f"v{number}_{place}", schema))
        head = quoted(f"<function={each.name}>\n")
        lines.append(f"f{number}: {' '.join([head, *parts, quoted(_CLOSE)])}")
    return "\n".join(lines)


def _value_rule(name: str, schema: Mapping[str, Any]) -> str:
    end = f"\n{_ENDED}\n"
    texts = [schema["const"]] if "const" in schema else schema.get("enum", [])
    if texts and all(isinstance(each, str) for each in texts):
        return f"{name}: ({' | '.join(quoted(each) for each in texts)}) {quoted(end)}"
    if is_text(schema):
        return f"{name}[lazy]: /(.|\\n)*/ {quoted(end)}"
    return f"{name}: {json_rule(schema)} {quoted(end)}"


def _name(source: Source) -> Steps[str | None]:
    """A name up to its `>`."""
    name = (yield from source.run(_NAME)).strip()
    return name if (yield from source.word(">")) and name else None
