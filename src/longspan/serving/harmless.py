"""Plans and flows that clients write: nothing in them names a file, an address or a program of this machine."""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Any, Union, get_args, get_origin

from longspan import named, registry
from longspan.errors import LongspanError
from longspan.notation import Call, Value, Word, parse_call, parse_slots
from longspan.parts import parameters
from longspan.serving.refused import Refused

_WORDS = {
    ("pattern", "minference", "patterns"),
    ("policy", "epicache", "prompt"),
    ("reranker", "likelihood", "after"),
    ("compressor", "longllmlingua", "after"),
}
"""Parameters that are free text and name nothing."""
_NOT_HERE = {
    ("flow", "rlm"): "runs programs that a model writes",
    ("flow", "srlm"): "runs programs that a model writes",
    ("compressor", "llmlingua-2"): "loads a model by its name",
    ("embedder", "folder"): "opens a folder",
}


def check_plan(text: str) -> None:
    """Raises Refused for a plan that a client must not write; whether it is a plan is found out elsewhere."""
    where = "longspan.plan"
    if text.strip().endswith(".toml"):
        raise Refused("a plan is written out by clients, and no file is opened for them", param=where)
    first, *rest = text.split(maxsplit=1) or [""]
    written = "".join(rest) if named.text_of(first) is not None else text
    try:
        calls = parse_slots(written)
        for slot, call in calls.items():
            if slot in registry.SLOTS:
                _check(slot, call, where)
    except LongspanError as error:
        raise _refused(error, where) from None


def flow_call(text: str) -> Call:
    """The flow that a client names. Raises Refused for what is none, or must not be."""
    where = "longspan.flow"
    try:
        call = parse_call(text)
        _check("flow", call, where)
    except LongspanError as error:
        raise _refused(error, where) from None
    return call


def _refused(error: LongspanError, where: str) -> Refused:
    return error if isinstance(error, Refused) else Refused(str(error), code="invalid_value", param=where)


def _check(room: str, call: Call, where: str) -> None:
    reason = _NOT_HERE.get((room, call.name))
    if reason is not None:
        raise Refused(
            f"{call.name} {reason}, which a server does not do for its clients; choose another",
            code="not_allowed",
            param=where,
        )
    kinds = {}
    for each in parameters(registry.find(room, call.name)):
        kinds[each.name] = each
        if each.formerly:
            kinds[each.formerly] = each
    for name, value in call.parameters.items():
        known = kinds.get(name)
        if known is None:
            continue  # refused where it is built
        if known.room is not None:
            for inner in _calls(value):
                _check(known.room, inner, where)
        elif str in _kinds(known.kind) and (room, call.name, known.name) not in _WORDS:
            raise Refused(
                f"{call.name}: {name} may name a file of the server, which clients must not; leave it out",
                code="not_allowed",
                param=where,
            )


def _calls(value: Value) -> Iterator[Call]:
    """The parts that a value writes."""
    if isinstance(value, list):
        for each in value:
            yield from _calls(each)
    elif isinstance(value, Call):
        yield value
    elif isinstance(value, Word) and value.text.lower() != "none":
        yield Call(value.text)
    elif isinstance(value, str):
        yield parse_call(value)


def _kinds(kind: Any) -> set[Any]:
    """The plain kinds that an annotation allows, those within tuples included."""
    if get_origin(kind) in (Union, types.UnionType, tuple):
        return {found for each in get_args(kind) for found in _kinds(each)}
    return {kind}
