"""A response as it is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from longspan.forms.form import Form
from longspan.serving.asked import Asked, Function, Turn
from longspan.serving.openai import drawing
from longspan.serving.openai.extras import extras
from longspan.serving.openai.fields import refuse
from longspan.serving.openai.formats import check_arguments
from longspan.serving.openai.tools import ONLY, checked, function_of, known, needing, of_kind
from longspan.serving.refused import Refused
from longspan.serving.responses.items import Item, Piece, Placed, placed, said_of
from longspan.serving.sealed import Compaction, Seal
from longspan.serving.web.bodies import one_of, taken, within, wrong
from longspan.serving.web.schemas import form_of
from longspan.spans import Document

_DRAWING = ("temperature", "top_p", "top_k", "min_p", "seed")
KNOWN = frozenset(
    (
        *_DRAWING,
        "context_management",
        "include",
        "input",
        "instructions",
        "longspan",
        "max_output_tokens",
        "max_tool_calls",
        "model",
        "parallel_tool_calls",
        "previous_response_id",
        "reasoning",
        "return_progress",
        "stream",
        "stream_options",
        "text",
        "tool_choice",
        "tools",
        "top_logprobs",
        "truncation",
    )
)
_INSTEAD = {
    "background": "send stream, and stay while the answer comes",
    "conversation": "send previous_response_id",
    "prompt": "send instructions and input",
    "moderation": "nothing is moderated here",
}
_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
_LIKELIHOODS = "message.output_text.logprobs"


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A request. pieces: what was said behind `compaction`, instructions first; items: those of its own input.
    documents: to be shown before the first question. threshold: tokens above which is compacted, None for never.
    truncates: whether what was said first may be left out. echo: what the response repeats."""

    asked: Asked
    pieces: Sequence[Piece]
    items: Sequence[Item]
    compaction: Compaction | None
    documents: Sequence[Document]
    threshold: int | None
    truncates: bool
    store: bool
    previous: str | None
    progress: bool
    echo: Mapping[str, Any]


async def wanted_of(
    fields: Mapping[str, Any], owner: str, seal: Seal, before: Sequence[Placed], window: int
) -> Wanted:
    """What a request asks. before: items of the responses from which it goes on. Raises Refused, with the field."""
    refuse(fields, _INSTEAD)
    more, own = extras(fields), placed(fields)
    if not own and not before:
        raise Refused("input is missing or empty; send a text or items", code="missing", param="input")
    said = said_of([*before, *own], owner, seal)
    pieces = [*instructed(fields), *said.pieces]
    generation, _ = drawing.drawn({name: fields[name] for name in _DRAWING if name in fields})
    tokens = drawing.tokens_of(fields, "max_output_tokens")
    if tokens is not None:
        generation["max_new_tokens"] = tokens
    likeliest = within(fields, "top_logprobs", int, 0, 20)
    if likeliest or _LIKELIHOODS in taken(fields, "include", list, []):
        generation["logprobs"] = likeliest or 0
    form = await _form(fields)
    if form is not None:
        generation["form"] = form
    functions, choice = _functions(fields)
    await check_arguments(functions, choice)
    truncation = one_of(fields, "truncation", ("auto", "disabled"), "disabled")
    store, previous = taken(fields, "store", bool, True), taken(fields, "previous_response_id", str)
    parallel = taken(fields, "parallel_tool_calls", bool, True)
    reasoning = taken(fields, "reasoning", dict, {})
    return Wanted(
        asked=Asked(
            owner=owner,
            model=taken(fields, "model", str),
            turns=tuple(each.turn for each in pieces),
            functions=functions,
            choice=choice,
            parallel=parallel,
            generation=generation,
            context=more.context,
            plan=more.plan,
            flow=more.flow,
            cite=more.cite,
            seconds=more.seconds,
            variables=_effort(reasoning),
        ),
        pieces=pieces,
        items=[each.item for each in own],
        compaction=said.compaction,
        documents=more.documents,
        threshold=_threshold(fields, window),
        truncates=truncation == "auto",
        store=store,
        previous=previous,
        progress=more.progress,
        echo={
            "background": False,
            "instructions": taken(fields, "instructions", str),
            "max_output_tokens": tokens,
            "metadata": taken(fields, "metadata", dict, {}),
            "parallel_tool_calls": parallel,
            "previous_response_id": previous,
            "reasoning": {"effort": reasoning.get("effort"), "summary": None},
            "store": store,
            "temperature": generation["temperature"],
            "text": {"format": {"type": "text"}} | taken(fields, "text", dict, {}),
            "tool_choice": fields.get("tool_choice") or "auto",
            "tools": taken(fields, "tools", list, []),
            "top_logprobs": likeliest or 0,
            "top_p": generation.get("top_p", 1.0),
            "truncation": truncation,
        },
    )


def instructed(fields: Mapping[str, Any]) -> list[Piece]:
    """The instructions of a request, which no other has."""
    text = taken(fields, "instructions", str, "")
    return [Piece(turn=Turn(role="system", text=text), items=())] if text else []


async def _form(fields: Mapping[str, Any]) -> Form | None:
    given = taken(taken(fields, "text", dict, {}), "format", dict, {}, at="text")
    where = "text.format"
    kind = one_of(given, "type", ("text", "json_object", "json_schema"), "text", at=where)
    if kind == "text":
        return None
    if kind == "json_object":
        return await form_of({"type": "object"}, where)
    return await form_of(taken(given, "schema", dict, {}, at=where), f"{where}.schema")


def _functions(fields: Mapping[str, Any]) -> tuple[tuple[Function, ...], str]:
    given = taken(fields, "tools", list, [])
    functions = checked([_function(each, f"tools[{number}]") for number, each in enumerate(given)])
    choice, where = fields.get("tool_choice"), "tool_choice"
    if choice is None or isinstance(choice, str):
        chosen = one_of({where: choice}, where, ("auto", "none", "required"), "auto")
        return functions, needing(functions, chosen)
    kind = one_of(taken(fields, where, dict), "type", ("function", "allowed_tools"), "", at=where)
    if kind == "function":
        name = taken(choice, "name", str, "", at=where)
        known(functions, name, f"{where}.name")
        return functions, f"={name}"
    mode = one_of(choice, "mode", ("auto", "required"), "auto", at=where)
    names = [
        each.get("name") for each in taken(choice, "tools", list, [], at=where) if isinstance(each, dict)
    ]
    for name in names:
        known(functions, str(name), f"{where}.tools")
    left = tuple(each for each in functions if each.name in names)
    return left, needing(left, mode)


def _function(tool: Any, where: str) -> Function:
    return function_of(of_kind(tool, where, "function", ONLY), where)


def _effort(reasoning: Mapping[str, Any]) -> dict[str, Any]:
    if reasoning.get("effort") is None:
        return {}
    effort = one_of(reasoning, "effort", _EFFORTS, "", at="reasoning")
    return {"reasoning_effort": effort, "enable_thinking": effort != "none"}


def _threshold(fields: Mapping[str, Any], window: int) -> int | None:
    """Tokens above which is compacted; where a client names none, three quarters of the window."""
    found = None
    for number, each in enumerate(taken(fields, "context_management", list, [])):
        where = f"context_management[{number}]"
        if not isinstance(each, dict):
            raise wrong(each, where, "allowed is an object")
        one_of(each, "type", ("compaction",), "", at=where)
        found = within(each, "compact_threshold", int, 1, 2**31 - 1, max(1, window * 3 // 4), at=where)
    return found
