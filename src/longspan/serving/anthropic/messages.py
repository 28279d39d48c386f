"""Messages of Anthropic's protocol as turns."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from longspan.serving.anthropic.documents import Shown, shown_of
from longspan.serving.asked import FunctionCall, Turn
from longspan.serving.refused import Refused
from longspan.serving.sealed import Compaction, Seal
from longspan.serving.web.bodies import taken, wrong
from longspan.spans import Document

_UNSEEN = {
    "image": "images are not read; send their text",
    "search_result": "send it as a document",
    "container_upload": "nothing is run here",
}
_FAILED = "The call failed: "
Block = tuple[Mapping[str, Any], str]
"""Of a message, with where it stands in the request."""


@dataclass(kw_only=True)
class Said:
    """What messages say: turns, the documents in them, and what was compacted before, if it was."""

    turns: list[Turn] = field(default_factory=list)
    shown: list[Shown] = field(default_factory=list)
    compaction: Compaction | None = None

    @property
    def prefill(self) -> bool:
        """Whether the last turn is the assistant's, to be gone on with."""
        return bool(self.turns) and self.turns[-1].role == "assistant"


def said_of(fields: Mapping[str, Any], owner: str, seal: Seal) -> Said:
    """What the messages of a request say; those of one role in a row are one. Raises Refused for what is no text."""
    given = taken(fields, "messages", list)
    if not given:
        raise Refused("messages is missing or empty; send one or more", code="missing", param="messages")
    said = Said(turns=[Turn(role="system", text=text) for text in _system(fields)])
    for role, blocks in _merged(given):
        if role == "user":
            _user(said, blocks)
        elif role == "assistant":
            _assistant(said, blocks, owner, seal)
        else:
            said.turns.append(Turn(role="system", text=_texts(blocks)))
    if said.prefill and said.turns[-1].calls:
        raise Refused(
            "messages ends with a tool_use; send its tool_result", code="invalid_value", param="messages"
        )
    return said


def _system(fields: Mapping[str, Any]) -> list[str]:
    given = fields.get("system")
    text = _texts(list(_blocks(given, "system"))) if given is not None else ""
    return [text] if text else []


def _merged(messages: Sequence[Any]) -> Iterator[tuple[str, list[Block]]]:
    role, blocks = "", list[Block]()
    for number, message in enumerate(messages):
        where = f"messages[{number}]"
        if not isinstance(message, dict):
            raise wrong(message, where, "allowed is an object")
        said = taken(message, "role", str, "", at=where)
        if said not in ("user", "assistant", "system"):
            raise wrong(said, f"{where}.role", "allowed are user, assistant, system")
        found = list(_blocks(message.get("content"), f"{where}.content"))
        if not found and said != "assistant":
            raise Refused(f"{where}.content is empty; send a text", code="missing", param=f"{where}.content")
        if said != role and role:
            yield role, blocks
            blocks = []
        role = said
        blocks += found
    yield role, blocks


def _blocks(content: Any, where: str) -> Iterator[Block]:
    if isinstance(content, str):
        if content:
            yield {"type": "text", "text": content}, where
        return
    if not isinstance(content, list):
        raise wrong(content, where, "allowed are a text, or a list of blocks")
    for number, block in enumerate(content):
        if not isinstance(block, dict):
            raise wrong(block, f"{where}[{number}]", "allowed is an object")
        yield block, f"{where}[{number}]"


def _user(said: Said, blocks: Sequence[Block]) -> None:
    texts, documents = list[str](), list[Document]()

    def told() -> None:
        if texts or documents:
            said.turns.append(Turn(role="user", text="\n\n".join(texts), documents=tuple(documents)))
        texts.clear()
        documents.clear()

    for block, where in blocks:
        kind = taken(block, "type", str, "", at=where)
        if kind == "text":
            texts += _text(block, where)
        elif kind == "document":
            _document(said, block, where, texts, documents)
        elif kind == "tool_result":
            told()
            said.turns.append(_result(said, block, where))
        else:
            raise _unseen(kind, where, "text, document, tool_result")
    told()


def _document(
    said: Said, block: Mapping[str, Any], where: str, texts: list[str], documents: list[Document]
) -> None:
    shown = shown_of(block, where, len(said.shown))
    said.shown.append(shown)
    documents.append(shown.document)
    if shown.about:
        texts.append(f"About {shown.document.name}: {shown.about}")


def _result(said: Said, block: Mapping[str, Any], where: str) -> Turn:
    answers = taken(block, "tool_use_id", str, "", at=where)
    if not answers:
        raise Refused(
            f"{where}.tool_use_id is missing; send the id of the call", param=f"{where}.tool_use_id"
        )
    texts, documents = list[str](), list[Document]()
    content = block.get("content")
    for each, at in _blocks(content, f"{where}.content") if content is not None else ():
        kind = taken(each, "type", str, "", at=at)
        if kind == "text":
            texts += _text(each, at)
        elif kind == "document":
            _document(said, each, at, texts, documents)
        else:
            raise _unseen(kind, at, "text, document")
    text = "\n\n".join(texts)
    if taken(block, "is_error", bool, False, at=where):
        text = _FAILED + text
    return Turn(role="tool", text=text, documents=tuple(documents), answers=answers)


def _assistant(said: Said, blocks: Sequence[Block], owner: str, seal: Seal) -> None:
    texts, thought, calls = list[str](), list[str](), list[FunctionCall]()
    for block, where in blocks:
        kind = taken(block, "type", str, "", at=where)
        if kind == "text":
            texts += _text(block, where)
        elif kind == "thinking":
            thought.append(taken(block, "thinking", str, "", at=where))
        elif kind == "tool_use":
            calls.append(_call(block, where))
        elif kind == "compaction":
            compaction = _compaction(block, where, owner, seal)
            if compaction is not None:
                said.compaction = compaction
                said.turns = [each for each in said.turns if each.role == "system"]
                said.shown.clear()
                texts, thought, calls = [], [], []
        elif kind != "redacted_thinking":
            raise _unseen(kind, where, "text, thinking, tool_use, compaction")
    if texts or thought or calls:
        said.turns.append(
            Turn(
                role="assistant",
                text="\n\n".join(texts),
                calls=tuple(calls),
                reasoning="\n\n".join(thought),
            )
        )


def _compaction(block: Mapping[str, Any], where: str, owner: str, seal: Seal) -> Compaction | None:
    """What a block stands for, None for one that says that compacting failed."""
    sealed = taken(block, "encrypted_content", str, at=where)
    text = taken(block, "content", str, at=where)
    if sealed:
        return seal.opened(owner, sealed, f"{where}.encrypted_content")
    return Compaction(context="", text=text, own=False) if text else None


def _call(block: Mapping[str, Any], where: str) -> FunctionCall:
    name = taken(block, "name", str, "", at=where)
    if not name:
        raise Refused(f"{where}.name is missing", param=f"{where}.name")
    return FunctionCall(
        id=taken(block, "id", str, "", at=where),
        name=name,
        arguments=json.dumps(taken(block, "input", dict, {}, at=where), ensure_ascii=False),
    )


def _texts(blocks: Sequence[Block]) -> str:
    found = list[str]()
    for block, where in blocks:
        if block.get("type") != "text":
            raise _unseen(str(block.get("type")), where, "text")
        found += _text(block, where)
    return "\n\n".join(found)


def _text(block: Mapping[str, Any], where: str) -> list[str]:
    text = taken(block, "text", str, "", at=where)
    return [text] if text else []


def _unseen(kind: str, where: str, allowed: str) -> Refused:
    if kind in _UNSEEN:
        return Refused(f"{where}.type is {kind}; {_UNSEEN[kind]}", code="unsupported_content", param=where)
    return wrong(kind, f"{where}.type", f"allowed are {allowed}")
