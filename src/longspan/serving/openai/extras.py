"""What requests may say beyond OpenAI's protocol: the object `longspan`, and fields of llama.cpp."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from longspan.serving.refused import Refused
from longspan.serving.web.bodies import only, taken, within
from longspan.spans import Document

NAME = "longspan"
_MEMBERS = ("plan", "flow", "context", "documents", "cite", "seconds", "return_progress")
_LONGEST = 4096
_DOCUMENTS = 1000


@dataclass(frozen=True, kw_only=True)
class Extras:
    """plan, flow, context, cite, seconds: as `Asked` has them. documents: to be shown before the first question.
    progress: whether a stream says how far reading has come."""

    plan: str | None = None
    flow: str | None = None
    context: str | None = None
    documents: tuple[Document, ...] = ()
    cite: bool = True
    seconds: float | None = None
    progress: bool = False


def extras(fields: Mapping[str, Any]) -> Extras:
    """What a request says of them. Raises Refused for a member of `longspan` that is not known."""
    given = taken(fields, NAME, dict, {})
    only(given, _MEMBERS, NAME)
    progress = taken(fields, "return_progress", bool, False)
    return Extras(
        plan=_text(given, "plan"),
        flow=_text(given, "flow"),
        context=_text(given, "context"),
        documents=_documents(given),
        cite=taken(given, "cite", bool, True, at=NAME),
        seconds=within(given, "seconds", float, 0.001, 86_400, at=NAME),
        progress=taken(given, "return_progress", bool, progress, at=NAME),
    )


def _text(given: Mapping[str, Any], name: str) -> str | None:
    text = taken(given, name, str, at=NAME)
    if text is not None and len(text) > _LONGEST:
        raise Refused(
            f"{NAME}.{name} has {len(text):,} characters, allowed are {_LONGEST:,}", param=f"{NAME}.{name}"
        )
    return None if text is None else str(text)


def _documents(given: Mapping[str, Any]) -> tuple[Document, ...]:
    found = []
    listed = taken(given, "documents", list, [], at=NAME)
    if len(listed) > _DOCUMENTS:
        raise Refused(
            f"{NAME}.documents are {len(listed):,}, allowed are {_DOCUMENTS:,}", param=f"{NAME}.documents"
        )
    for number, each in enumerate(listed):
        where = f"{NAME}.documents[{number}]"
        if not isinstance(each, dict):
            raise Refused(f"{where} is no object; send {{name, text}}", code="invalid_value", param=where)
        only(each, ("name", "text"), where)
        text = taken(each, "text", str, at=where)
        if not text:
            raise Refused(f"{where}.text is empty; send the text of the document", param=f"{where}.text")
        found.append(named(taken(each, "name", str, "", at=where), text, number))
    return tuple(found)


def named(name: str, text: str, number: int) -> Document:
    """A document under a name that can be shown on one line."""
    shown = " ".join("".join(each if each.isprintable() else " " for each in name).split())
    return Document(shown[:255] or f"document {number + 1}", text)
