"""`/v1/contexts`: what is read once, to be asked about often; and `/v1/files`, of which it can be made."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from longspan.serving.desk import Desk, Kept, Ticket
from longspan.serving.events import Done, Event, Made, Read
from longspan.serving.openai.usage import progress_of, usage_of
from longspan.serving.openai.wording import worded
from longspan.serving.refused import Refused
from longspan.serving.web import files
from longspan.serving.web.bodies import body, taken
from longspan.serving.web.front import Front, owner, request_id
from longspan.serving.web.multipart import is_multipart, labelled, parts_of
from longspan.serving.web.opening import Opening
from longspan.serving.web.streams import frame, streamed, unless_gone, whole
from longspan.serving.web.uploads import Uploads
from longspan.spans import Document

_MEMBERS = ("name", "text", "file_id", "documents", "plan", "stream")
_SOURCES = ("text", "file_id", "documents")
_DOCUMENTS = 1000
_PLAN = 4096


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A context that is to be made. name: "" for that of its first document."""

    documents: tuple[Document, ...]
    name: str = ""
    plan: str | None = None
    stream: bool = False


@dataclass(frozen=True, kw_only=True)
class Finished(Done):
    """A context has been made, and this is it."""

    kept: Kept


class Making:
    """A ticket whose last event holds the context."""

    def __init__(self, desk: Desk, owner: str, ticket: Ticket, notes: Sequence[str]) -> None:
        self._desk, self._owner, self._ticket, self._notes = desk, owner, ticket, tuple(notes)

    async def __aiter__(self) -> AsyncIterator[Event]:
        made = ""
        async for event in self._ticket:
            if isinstance(event, Made):
                made = event.id
            if isinstance(event, Done):
                kept = await _kept(self._desk, self._owner, made)
                yield Finished(used=event.used, notes=(*self._notes, *event.notes), kept=kept)
            else:
                yield event

    def cancel(self) -> None:
        """Of what is behind it."""
        self._ticket.cancel()


def router(front: Front, uploads: Uploads | None = None, opening: Opening | None = None) -> APIRouter:
    """The routes of contexts, and of files. uploads: where files are left, by default in a folder that goes with the
    server. opening: how they are read."""
    routes, desk = APIRouter(), front.desk
    left, opened = uploads or Uploads(), opening or Opening()
    routes.include_router(files.router(left))

    @routes.post("/v1/contexts")
    async def make(request: Request) -> Response:
        wanted = await _wanted(request, left, opened)
        whose = owner(request)
        ticket = await desk.read(whose, wanted.documents, name=wanted.name, plan=wanted.plan)
        notes = [f"{each.name}: {note}" for each in wanted.documents for note in each.notes]
        making = front.watched(request, Making(desk, whose, ticket, notes))
        if wanted.stream:
            return await streamed(request, making, _frames, _failed(request), ping=front.ping)
        events = await whole(request, making)
        return JSONResponse(_told(events[-1]))

    @routes.get("/v1/contexts")
    async def listed(request: Request) -> Response:
        found = [shown(each) for each in await desk.contexts(owner(request))]
        return JSONResponse({"object": "list", "data": found, "has_more": False})

    @routes.get("/v1/contexts/{name}")
    async def one(request: Request, name: str) -> Response:
        return JSONResponse(shown(await _kept(desk, owner(request), name)))

    @routes.get("/v1/contexts/{name}/documents")
    async def documents(request: Request, name: str) -> Response:
        found = [_document(each) for each in await desk.text_of(owner(request), name)]
        return JSONResponse({"object": "list", "documents": found})

    @routes.delete("/v1/contexts/{name}")
    async def forget(request: Request, name: str) -> Response:
        await desk.forget(owner(request), name)
        return JSONResponse({"id": name, "object": "context", "deleted": True})

    return routes


def shown(kept: Kept) -> dict[str, Any]:
    """A context as its owner is told of it."""
    told = {
        "id": kept.id,
        "object": "context",
        "name": kept.name,
        "tokens": kept.tokens,
        "bytes": kept.bytes,
        "plan": kept.plan,
        "created_at": int(kept.created),
        "last_used_at": int(kept.used),
        "documents": list(kept.documents),
        "where": kept.where,
    }
    return told if kept.compacted_from is None else told | {"compacted_from": kept.compacted_from}


def _document(document: Document) -> dict[str, Any]:
    """A document with its text; pages: the offsets at which they begin, in characters of Unicode."""
    return {
        "name": document.name,
        "text": document.text,
        "pages": list(document.places.page_starts),
        "unit": document.places.unit,
        "notes": list(document.notes),
    }


async def _kept(desk: Desk, whose: str, name: str) -> Kept:
    found = next((each for each in await desk.contexts(whose) if each.id == name), None)
    if found is None:
        raise Refused(
            f"no context {name[:80]!r}; list yours with GET /v1/contexts",
            kind="missing",
            code="context_not_found",
        )
    return found


async def _wanted(request: Request, uploads: Uploads, opening: Opening) -> Wanted:
    """What a request asks to be read. Raises Refused."""
    if is_multipart(request):
        async with parts_of(request, ("name", "plan", "stream")) as parts:
            stream = _said(parts.fields.get("stream", "false"))
            given: dict[str, Any] = {**parts.fields, "stream": stream}
            _asked(given, ())  # before the file is read
            document = await unless_gone(request, opening.document(parts.file.file, parts.label))
        return _asked(given, (document,))
    given = await body(request)
    unknown = sorted(set(given) - set(_MEMBERS))
    if unknown:
        raise Refused(
            f"{unknown[0][:80]} is not known; allowed are {', '.join(_MEMBERS)}",
            code="unknown_parameter",
            param=unknown[0][:80],
        )
    sources = [each for each in _SOURCES if given.get(each) is not None]
    if len(sources) != 1:
        raise Refused(
            "a context is made of one of text, file_id and documents, or of a form with a file; send one of them",
            param=sources[1] if sources else "text",
        )
    if sources[0] != "file_id":
        return _asked(given, _texts(given))
    upload = uploads.of(owner(request), taken(given, "file_id", str))
    _asked(given, ())
    with await asyncio.to_thread(uploads.opened, upload) as file:
        document = await unless_gone(request, opening.document(file, upload.name))
    return _asked(given, (document,))


def _asked(given: Mapping[str, Any], documents: tuple[Document, ...]) -> Wanted:
    plan = taken(given, "plan", str)
    if plan is not None and len(plan) > _PLAN:
        raise Refused(f"plan has {len(plan):,} characters, allowed are {_PLAN:,}", param="plan")
    name = taken(given, "name", str, "")
    return Wanted(
        documents=documents,
        name=labelled(name, "") if name else "",
        plan=plan,
        stream=taken(given, "stream", bool, False),
    )


def _texts(given: Mapping[str, Any]) -> tuple[Document, ...]:
    text = taken(given, "text", str)
    if text is not None:
        listed: list[Any] = [{"name": taken(given, "name", str, ""), "text": text}]
    else:
        listed = taken(given, "documents", list)
    if not 0 < len(listed) <= _DOCUMENTS:
        raise Refused(f"documents are {len(listed):,}, allowed are 1 .. {_DOCUMENTS:,}", param="documents")
    found = []
    for number, each in enumerate(listed):
        where = "text" if text is not None else f"documents[{number}]"
        if not isinstance(each, dict) or not {"text"} <= set(each) <= {"name", "text"}:
            raise Refused(f"{where} must be an object {{name, text}}", code="invalid_value", param=where)
        said = taken(each, "text", str, "", at=where)
        if not said.strip():
            raise Refused(f"{where} has no text; send some", code="invalid_value", param=where)
        name = labelled(taken(each, "name", str, "", at=where), f"document {number + 1}")
        found.append(Document(name, said.replace("\r\n", "\n")))
    return tuple(found)


def _said(text: str) -> bool:
    if text not in ("true", "false"):
        raise Refused(f"stream is {text[:80]!r}; allowed are true, false", param="stream")
    return text == "true"


def _frames(event: Event) -> list[bytes]:
    if isinstance(event, Read):
        return [frame({"prompt_progress": progress_of(event)})]
    return [frame(_told(event)), frame("[DONE]")] if isinstance(event, Finished) else []


def _failed(request: Request) -> Any:
    def failed(refused: Refused) -> list[bytes]:
        return [frame(worded(refused, request_id(request))[1])]

    return failed


def _told(event: Event) -> dict[str, Any]:
    if not isinstance(event, Finished):
        raise Refused("the context was not made; try again", kind="failed")
    return shown(event.kept) | {"usage": usage_of(event.used), "notes": list(event.notes)}
