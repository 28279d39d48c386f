"""Items of a dialogue as turns."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from longspan.serving.asked import FunctionCall, Role, Turn
from longspan.serving.openai.messages import content_of
from longspan.serving.refused import Refused
from longspan.serving.sealed import Compaction, Seal
from longspan.serving.web.bodies import taken, wrong

Item = dict[str, Any]
_ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
}
_PREFIXES = {
    "message": "msg",
    "function_call": "fc",
    "function_call_output": "fco",
    "reasoning": "rs",
    "compaction": "cmp",
}


@dataclass(frozen=True, kw_only=True)
class Placed:
    """An item, with where it stands in the request."""

    item: Item
    where: str


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A turn, and the items that it is made of."""

    turn: Turn
    items: tuple[Item, ...]


@dataclass(kw_only=True)
class Said:
    """What items say behind the last compaction, if there is one."""

    pieces: list[Piece] = field(default_factory=list)
    compaction: Compaction | None = None


def fresh_id(kind: str) -> str:
    """An id for an item of a kind."""
    return f"{_PREFIXES.get(kind, 'item')}_{uuid.uuid4().hex}"


def placed(fields: Mapping[str, Any]) -> list[Placed]:
    """The items of `input`, each with an id. Raises Refused for what is none."""
    given = fields.get("input")
    if given is None:
        return []
    if isinstance(given, str):
        given = [{"type": "message", "role": "user", "content": given}]
    if not isinstance(given, list):
        raise wrong(given, "input", "allowed are a text, or a list of items")
    return [_placed(each, f"input[{number}]") for number, each in enumerate(given)]


def _placed(item: Any, where: str) -> Placed:
    if not isinstance(item, dict):
        raise wrong(item, where, "allowed is an object")
    kind = taken(item, "type", str, "message", at=where)
    if kind not in _PREFIXES:
        raise _unknown(kind, where)
    item = {**item, "id": taken(item, "id", str, at=where) or fresh_id(kind), "type": kind}
    if kind == "message" and isinstance(item.get("content"), str):
        part = "output_text" if item.get("role") == "assistant" else "input_text"
        item["content"] = [_part(part, item["content"])]
    return Placed(item=item, where=where)


def _part(kind: str, text: str) -> Item:
    return {"type": kind, "text": text, **({"annotations": []} if kind == "output_text" else {})}


def said_of(given: Sequence[Placed], owner: str, seal: Seal) -> Said:
    """What items say; those before the last compaction are in it. Raises Refused for what is no text."""
    last = max((n for n, each in enumerate(given) if each.item["type"] == "compaction"), default=-1)
    said = Said()
    if last >= 0:
        sealed = taken(given[last].item, "encrypted_content", str, "", at=given[last].where)
        said.compaction = seal.opened(owner, sealed, f"{given[last].where}.encrypted_content")
    for each in given[last + 1 :]:
        piece = Piece(turn=_turn(each), items=(each.item,))
        if said.pieces and _together(said.pieces[-1].turn, piece.turn):
            said.pieces[-1] = _joined(said.pieces[-1], piece)
        else:
            said.pieces.append(piece)
    return said


def _turn(placed: Placed) -> Turn:
    item, where = placed.item, placed.where
    kind = item["type"]
    if kind == "message":
        role = taken(item, "role", str, "", at=where)
        if role not in _ROLES:
            raise wrong(role, f"{where}.role", f"allowed are {', '.join(_ROLES)}")
        if item.get("content") is None:
            raise Refused(f"{where}.content is missing; send a text", param=f"{where}.content")
        text, documents = content_of(item["content"], f"{where}.content")
        return Turn(role=_ROLES[role], text=text, documents=documents)
    if kind == "function_call":
        call = FunctionCall(
            id=_needed(item, "call_id", where),
            name=_needed(item, "name", where),
            arguments=taken(item, "arguments", str, "{}", at=where),
        )
        return Turn(role="assistant", calls=(call,))
    if kind == "function_call_output":
        text, documents = content_of(item.get("output"), f"{where}.output")
        return Turn(role="tool", text=text, documents=documents, answers=_needed(item, "call_id", where))
    thought = taken(item, "content", list, [], at=where) or taken(item, "summary", list, [], at=where)
    texts = [taken(each, "text", str, "", at=where) for each in thought if isinstance(each, dict)]
    return Turn(role="assistant", reasoning="\n\n".join(texts))


def _needed(item: Item, name: str, where: str) -> str:
    found = taken(item, name, str, "", at=where)
    if not found:
        raise Refused(f"{where}.{name} is missing", code="missing", param=f"{where}.{name}")
    return str(found)


def _together(before: Turn, turn: Turn) -> bool:
    """Whether two turns are one: a thought, what is said after it, and the calls after that."""
    if before.role != "assistant" or turn.role != "assistant":
        return False
    if turn.calls:
        return True
    return not before.calls and not before.text and bool(turn.text)


def _joined(before: Piece, piece: Piece) -> Piece:
    turn = replace(
        before.turn,
        text=before.turn.text or piece.turn.text,
        documents=(*before.turn.documents, *piece.turn.documents),
        calls=(*before.turn.calls, *piece.turn.calls),
    )
    return Piece(turn=turn, items=(*before.items, *piece.items))


def _unknown(kind: str, where: str) -> Refused:
    if kind == "item_reference":
        return Refused(
            f"{where} is an item_reference, which is not looked up; send the item, or previous_response_id",
            code="unsupported_content",
            param=where,
        )
    return wrong(kind, f"{where}.type", f"allowed are {', '.join(_PREFIXES)}")
