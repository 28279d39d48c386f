"""The messages of a chat as turns."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from longspan.serving.asked import FunctionCall, Role, Turn
from longspan.serving.openai.extras import named
from longspan.serving.refused import Refused
from longspan.serving.web.bodies import taken, wrong
from longspan.spans import Document

_ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
}
_UNSEEN = {
    "image_url": "images are not read; send their text",
    "input_image": "images are not read; send their text",
    "input_audio": "audio is not heard; send what is said as text",
    "audio": "audio is not heard; send what is said as text",
    "video_url": "videos are not seen; send their text",
}
_TEXTS = ("text/", "application/json", "application/xml", "application/x-ndjson", "application/yaml")


def turns_of(fields: Mapping[str, Any], documents: Sequence[Document] = ()) -> tuple[Turn, ...]:
    """The turns that messages are. documents: shown before what the user says first.

    Raises Refused for whatever is no text, and for addresses, which are never opened.
    """
    given = taken(fields, "messages", list)
    if not given:
        raise Refused("messages is missing or empty; send one or more", code="missing", param="messages")
    turns = [_turn(each, f"messages[{number}]") for number, each in enumerate(given)]
    if documents:
        first = next((number for number, each in enumerate(turns) if each.role == "user"), None)
        if first is None:
            raise Refused(
                "documents are shown before what a user says, and no message is a user's; send one",
                param="messages",
            )
        turns[first] = replace(turns[first], documents=(*documents, *turns[first].documents))
    return tuple(turns)


def _turn(message: Any, where: str) -> Turn:
    if not isinstance(message, dict):
        raise wrong(message, where, "allowed is an object")
    role = taken(message, "role", str, "", at=where)
    if role not in _ROLES:
        raise wrong(role, f"{where}.role", f"allowed are {', '.join(_ROLES)}")
    text, documents = content_of(message.get("content"), f"{where}.content")
    if role == "tool":
        answers = taken(message, "tool_call_id", str, "", at=where)
        if not answers:
            raise Refused(
                f"{where}.tool_call_id is missing; send the id of the call", param=f"{where}.tool_call_id"
            )
        return Turn(role="tool", text=text, documents=documents, answers=answers)
    if role != "assistant":
        if message.get("content") is None:
            raise Refused(f"{where}.content is missing; send a text", param=f"{where}.content")
        return Turn(role=_ROLES[role], text=text, documents=documents)
    if taken(message, "function_call", dict, at=where) is not None:
        raise Refused(
            f"{where}.function_call is not offered; send tool_calls",
            code="unsupported_parameter",
            param=f"{where}.function_call",
        )
    reasoning = taken(message, "reasoning_content", str, at=where) or taken(
        message, "reasoning", str, "", at=where
    )
    return Turn(
        role="assistant",
        text=text or taken(message, "refusal", str, "", at=where),
        documents=documents,
        calls=_calls(message, where),
        reasoning=reasoning,
    )


def _calls(message: Mapping[str, Any], where: str) -> tuple[FunctionCall, ...]:
    found = []
    for number, each in enumerate(taken(message, "tool_calls", list, [], at=where)):
        at = f"{where}.tool_calls[{number}]"
        if not isinstance(each, dict):
            raise wrong(each, at, "allowed is an object")
        kind = taken(each, "type", str, "function", at=at)
        if kind != "function":
            raise wrong(kind, f"{at}.type", "allowed is function")
        called = taken(each, "function", dict, {}, at=at)
        name = taken(called, "name", str, "", at=f"{at}.function")
        if not name:
            raise Refused(f"{at}.function.name is missing", param=f"{at}.function.name")
        found.append(
            FunctionCall(
                id=taken(each, "id", str, "", at=at),
                name=name,
                arguments=taken(called, "arguments", str, "{}", at=f"{at}.function"),
            )
        )
    return tuple(found)


def content_of(content: Any, where: str) -> tuple[str, tuple[Document, ...]]:
    """What a message says, and the documents in it."""
    if content is None or isinstance(content, str):
        return content or "", ()
    if not isinstance(content, list):
        raise wrong(content, where, "allowed are a text, or a list of parts")
    texts: list[str] = []
    documents: list[Document] = []
    for number, part in enumerate(content):
        at = f"{where}[{number}]"
        if not isinstance(part, dict):
            raise wrong(part, at, "allowed is an object")
        kind = taken(part, "type", str, "", at=at)
        if kind in ("text", "input_text", "output_text", "refusal"):
            texts.append(taken(part, "refusal" if kind == "refusal" else "text", str, "", at=at))
        elif kind in ("file", "input_file"):
            inside = taken(part, "file", dict, {}, at=at) if kind == "file" else part
            documents.append(_file(inside, f"{at}.file" if kind == "file" else at, number))
        elif kind in _UNSEEN:
            raise Refused(f"{at}.type is {kind}; {_UNSEEN[kind]}", code="unsupported_content", param=at)
        else:
            raise wrong(kind, f"{at}.type", "allowed are text, file")
    return "\n".join(texts), tuple(documents)


def _file(given: Mapping[str, Any], where: str, number: int) -> Document:
    """A text that came as a `data:` address."""
    data = taken(given, "file_data", str, "", at=where)
    if not data:
        other = next((name for name in ("file_id", "file_url") if given.get(name)), "file_data")
        raise Refused(
            f"{where}.{other} cannot be taken; send file_data, such as data:text/plain;base64,..., or read the file "
            "with POST /v1/contexts and name the context in longspan.context",
            code="unsupported_content",
            param=f"{where}.{other}",
        )
    head, comma, body = data.partition(",")
    if not head.startswith("data:") or not comma:
        head, body = "data:text/plain;base64", data
    kind, *more = head.removeprefix("data:").lower().split(";")
    if (kind or "text/plain").startswith(_TEXTS) and "base64" in more:
        try:
            text = base64.b64decode(body, validate=True).decode("utf-8-sig")
        except (binascii.Error, UnicodeDecodeError, ValueError):
            raise Refused(
                f"{where}.file_data is no base64 of UTF-8 text; send text, or read the file with POST /v1/contexts",
                code="unsupported_content",
                param=f"{where}.file_data",
            ) from None
        if text.strip():
            return named(taken(given, "filename", str, "", at=where), text.replace("\r\n", "\n"), number)
        raise Refused(f"{where}.file_data is empty; send text", param=f"{where}.file_data")
    raise Refused(
        f"{where}.file_data is {(kind or 'data')[:60]}; only text in base64 is taken here, "
        "other files are read with POST /v1/contexts",
        code="unsupported_content",
        param=f"{where}.file_data",
    )
