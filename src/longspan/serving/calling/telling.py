"""How a model is told of functions, and of calls and their answers, where its template does not do that."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

from longspan.serving.asked import Function, Turn
from longspan.serving.calling.tagged import example

SINGLE = "single tool-call"
"""What templates say that take no two calls in a turn."""


def described(functions: Sequence[Function]) -> str:
    """The functions, and how one is called."""
    lines = [json.dumps(_told(each), ensure_ascii=False) for each in functions]
    return "\n".join(
        [
            "# Tools",
            "",
            "You may call one or more functions to assist with the user query.",
            "You are provided with function signatures within <tools></tools> tags:",
            "<tools>",
            *lines,
            "</tools>",
            "",
            "For each function call, return a JSON object with function name and arguments within "
            "<tool_call></tool_call> tags:",
            "<tool_call>",
            '{"name": <function-name>, "arguments": <arguments-object>}',
            "</tool_call>",
        ]
    )


def as_text(turns: Sequence[Turn], functions: Sequence[Function]) -> tuple[Turn, ...]:
    """Turns of systems, users and assistants alone: functions are the system's words, calls are the assistant's, and
    what tools answer is the user's."""
    found: list[Turn] = []
    for role, group in groupby(turns, key=lambda each: each.role):
        several = list(group)
        found += [_answers(several)] if role == "tool" else map(_called, several)
    if not functions:
        return tuple(found)
    told = described(functions)
    if found and found[0].role == "system":
        text = f"{found[0].text}\n\n{told}" if found[0].text else told
        return (replace(found[0], text=text), *found[1:])
    return (Turn(role="system", text=told), *found)


def apart(turns: Sequence[Turn]) -> tuple[Turn, ...]:
    """Turns with one call at most, each before its answer."""
    answers = {each.answers: each for each in turns if each.role == "tool"}
    found: list[Turn] = []
    for turn in turns:
        if len(turn.calls) < 2:
            found += [turn] if turn.role != "tool" or turn not in found else []
            continue
        for number, call in enumerate(turn.calls):
            found.append(replace(turn, text="" if number else turn.text, calls=(call,)))
            found += [answers[call.id]] if call.id in answers else []
    return tuple(found)


def _called(turn: Turn) -> Turn:
    calls = [example(call.name, call.arguments) for call in turn.calls]
    return replace(turn, text="\n".join(filter(None, [turn.text, *calls])), calls=()) if calls else turn


def _answers(turns: Sequence[Turn]) -> Turn:
    """What several tools answered, as a user would say it."""
    text = "\n".join(f"<tool_response>\n{each.text}\n</tool_response>" for each in turns)
    return Turn(role="user", text=text, documents=tuple(one for each in turns for one in each.documents))


def _told(function: Function) -> dict[str, object]:
    parameters = dict(function.parameters) or {"type": "object", "properties": {}}
    told = {"name": function.name, "description": function.about, "parameters": parameters}
    return {"type": "function", "function": told}
