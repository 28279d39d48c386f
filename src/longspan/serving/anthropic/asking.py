"""A message as it is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from longspan.forms.form import Form
from longspan.serving.anthropic.documents import Shown
from longspan.serving.anthropic.messages import said_of
from longspan.serving.anthropic.tools import tools_of
from longspan.serving.asked import Asked
from longspan.serving.openai import drawing
from longspan.serving.openai.extras import NAME, extras
from longspan.serving.openai.fields import refuse
from longspan.serving.openai.formats import check_arguments
from longspan.serving.refused import Refused
from longspan.serving.sealed import Compaction, Seal
from longspan.serving.web.bodies import one_of, taken, within, wrong
from longspan.serving.web.schemas import form_of
from longspan.spans import Document

_DRAWING = ("temperature", "top_p", "top_k", "min_p", "seed")
KNOWN = frozenset(
    (
        *_DRAWING,
        "cache_control",
        "compaction",
        "context_management",
        "inference_geo",
        "longspan",
        "max_tokens",
        "messages",
        "model",
        "output_config",
        "output_format",
        "return_progress",
        "speed",
        "stop_sequences",
        "stream",
        "system",
        "thinking",
        "tool_choice",
        "tools",
    )
)
"""Fields that have an effect, and those that say how Anthropic keeps or places a request."""

_INSTEAD = {
    "mcp_servers": "no address is opened; send tools, and their results",
    "container": "nothing is run here",
    "fallbacks": "one model answers",
    "thread": "send what was said before",
}
_EFFORTS = ("low", "medium", "high", "xhigh", "max")
_EDITS = ("compact_20260112", "clear_thinking_20251015")
_TRIGGER = 150_000


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A request. asked: its turns are those behind `compaction`. shown: documents of its messages; documents: to be
    shown before the first question. progress: whether a stream tells of reading. trigger: tokens above which is
    compacted, None for never; pauses: whether nothing is answered then. managed: whether contexts are to be told of."""

    asked: Asked
    compaction: Compaction | None
    shown: Sequence[Shown]
    documents: Sequence[Document]
    progress: bool
    trigger: int | None
    pauses: bool
    managed: bool


async def wanted_of(fields: Mapping[str, Any], owner: str, seal: Seal, *, counting: bool = False) -> Wanted:
    """What a request to `/v1/messages` asks. counting: whether only its tokens are. Raises Refused, with the field."""
    refuse(fields, _INSTEAD)
    more = extras(fields)
    said = said_of(fields, owner, seal)
    generation, _ = drawing.drawn({name: fields[name] for name in _DRAWING if name in fields})
    generation["stop"] = drawing.stops(fields, "stop_sequences")
    if not counting:
        tokens = drawing.tokens_of(fields, "max_tokens")
        if tokens is None:
            raise Refused(
                "max_tokens is missing; send how many an answer may have", code="missing", param="max_tokens"
            )
        generation["max_new_tokens"] = tokens
    config = taken(fields, "output_config", dict, {})
    form = await _form(fields, config)
    if form is not None:
        generation["form"] = form
    functions, choice, parallel = tools_of(fields)
    if not counting:
        await check_arguments(functions, choice)
    trigger, pauses = _compacting(fields)
    cited = any(each.cited for each in said.shown) or bool(more.documents) or more.context is not None
    return Wanted(
        asked=Asked(
            owner=owner,
            model=taken(fields, "model", str),
            turns=tuple(said.turns),
            prefill=said.prefill,
            functions=functions,
            choice=choice,
            parallel=parallel,
            generation=generation,
            context=more.context,
            plan=more.plan,
            flow=more.flow,
            cite=more.cite and (cited or "cite" in taken(fields, NAME, dict, {})),
            seconds=more.seconds,
            variables=_thinking(fields) | _effort(config),
        ),
        compaction=said.compaction,
        shown=said.shown,
        documents=more.documents,
        progress=more.progress,
        trigger=trigger,
        pauses=pauses,
        managed=fields.get("context_management") is not None,
    )


def unheeded(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """The fields, with those inside others that have no effect under names of their own."""
    budget = taken(fields, "thinking", dict, {}).get("budget_tokens")
    return fields if budget is None else {**fields, "thinking.budget_tokens": budget}


async def _form(fields: Mapping[str, Any], config: Mapping[str, Any]) -> Form | None:
    for holder, name, where in (
        (config, "format", "output_config.format"),
        (fields, "output_format", "output_format"),
    ):
        given = taken(holder, name, dict, at=where.rpartition(".")[0])
        if given is not None:
            one_of(given, "type", ("json_schema",), "json_schema", at=where)
            return await form_of(taken(given, "schema", dict, {}, at=where), f"{where}.schema")
    return None


def _thinking(fields: Mapping[str, Any]) -> dict[str, Any]:
    given = taken(fields, "thinking", dict)
    if given is None:
        return {}
    kinds = ("enabled", "adaptive", "between_tools", "disabled")
    kind = one_of(given, "type", kinds, "enabled", at="thinking")
    within(given, "budget_tokens", int, 1, 2**31 - 1, at="thinking")
    return {"enable_thinking": kind != "disabled"}


def _effort(config: Mapping[str, Any]) -> dict[str, Any]:
    if config.get("effort") is None:
        return {}
    return {"reasoning_effort": one_of(config, "effort", _EFFORTS, "", at="output_config")}


def _compacting(fields: Mapping[str, Any]) -> tuple[int | None, bool]:
    """Tokens above which is compacted, None for never, and whether nothing is answered then."""
    if (whole := taken(fields, "compaction", dict)) is not None:
        one_of(whole, "type", ("summarize",), "summarize", at="compaction")
        return -1, True
    management = taken(fields, "context_management", dict, {})
    found: tuple[int | None, bool] = None, False
    for number, edit in enumerate(taken(management, "edits", list, [], at="context_management")):
        where = f"context_management.edits[{number}]"
        if not isinstance(edit, dict):
            raise wrong(edit, where, "allowed is an object")
        if one_of(edit, "type", _EDITS, "", at=where) == _EDITS[0]:
            trigger = taken(edit, "trigger", dict, {}, at=where)
            one_of(trigger, "type", ("input_tokens",), "input_tokens", at=f"{where}.trigger")
            tokens = within(trigger, "value", int, 1, 2**31 - 1, _TRIGGER, at=f"{where}.trigger")
            found = tokens, taken(edit, "pause_after_compaction", bool, False, at=where)
    return found
