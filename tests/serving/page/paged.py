"""A server with the page, the real routes of chats, and a desk that answers from a script."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from fastapi import APIRouter, FastAPI, Request
from loopback import app_of
from scripted_desk import ScriptedDesk, ScriptedTicket
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from longspan.serving.desk import Kept
from longspan.serving.events import Done, Ended, Event, Made, Read, Spoken, Used
from longspan.serving.openai.usage import progress_of
from longspan.serving.page.routes import router
from longspan.serving.refused import Refused
from longspan.serving.web.front import Front
from longspan.serving.web.streams import frame, streamed
from longspan.spans import Citation, Document


class Shelf(ScriptedDesk):
    """A desk whose reading takes as many steps as it is told. steps: (processed share, seconds after it)."""

    steps: Sequence[tuple[float, float]] = ()

    async def read(
        self, owner: str, documents: Sequence[Document], *, name: str = "", plan: str | None = None
    ) -> ScriptedTicket:
        tokens = sum(len(each.text.split()) for each in documents)
        events: list[Event | float | Exception] = []
        for share, seconds in self.steps:
            events += [
                Read(processed=round(share * tokens), total=tokens, cached=0, seconds=4 * share),
                seconds,
            ]
        kept = self._keep(owner, list(documents), name, tokens, plan)
        return ScriptedTicket([*events, Made(id=kept.id), Done(used=Used(prompt_tokens=tokens))])


def answer(text: str, citations: Sequence[Citation] = (), *, pause: float = 0.0) -> list[Event | float]:
    """The events of an answer, a word at a time, with seconds between words."""
    words = [word + " " for word in text.split(" ")]
    words[-1] = words[-1][:-1]
    spoken: list[Event | float] = []
    for word in words:
        spoken += [Spoken(index=0, text=word), pause] if pause else [Spoken(index=0, text=word)]
    used = Used(
        prompt_tokens=1700,
        cached_tokens=1600,
        generated_tokens=len(words),
        bytes_held=12_400_000,
        prefill_seconds=0.42,
        decode_seconds=len(words) / 20,
    )
    return [
        Read(processed=1700, total=1700, cached=1600, seconds=0.4),
        *spoken,
        Ended(index=0, why="stop", citations=tuple(citations)),
        Done(used=used),
    ]


def quoted(document: Document, quote: str) -> Citation:
    """A citation of what stands in a document."""
    start = document.text.index(quote)
    return Citation(document.name, start, start + len(quote), quote, True, number=1, place=document.name)


def made_up(quote: str) -> Citation:
    """A citation of what stands nowhere."""
    return Citation("", None, None, quote, False)


def app(desk: Shelf, *, key: str = "") -> FastAPI:
    """The app. key: what must be sent, where anything must."""
    made = app_of(desk, ping=0.2)
    front = Front(desk=desk)
    made.include_router(router(front))
    made.include_router(_contexts(desk))
    made.include_router(_models(desk))

    if key:
        made.add_middleware(Keyed, key=key)
    return made


class Keyed:
    """Lets nobody ask without the key."""

    def __init__(self, app: ASGIApp, key: str) -> None:
        self.app, self.key = app, key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sent = dict(scope.get("headers", ())).get(b"authorization", b"").decode()
        if scope["type"] == "http" and scope["path"].startswith("/v1") and sent != f"Bearer {self.key}":
            error = {"message": "the key is missing or wrong; send it as a bearer token"}
            await JSONResponse({"error": error}, 401)(scope, receive, send)
        else:
            await self.app(scope, receive, send)


def _shown(kept: Kept) -> dict[str, object]:
    return {
        "id": kept.id,
        "object": "context",
        "name": kept.name,
        "tokens": kept.tokens,
        "bytes": kept.bytes,
        "plan": kept.plan,
        "created_at": kept.created,
        "documents": list(kept.documents),
    }


def _contexts(desk: Shelf) -> APIRouter:
    routes = APIRouter(prefix="/v1/contexts")

    @routes.post("")
    async def read(request: Request) -> Response:
        form = await request.form()
        file = form["file"]
        document = Document.of(await file.read(), file.filename)  # type: ignore[union-attr, arg-type]
        ticket = await desk.read("", [document], name=str(form["name"]), plan=str(form.get("plan") or ""))

        def frames(event: Event) -> list[bytes]:
            if isinstance(event, Read):
                return [frame({"prompt_progress": progress_of(event)})]
            if isinstance(event, Made):
                return [frame(_shown(desk.kept["", event.id][0]))]
            return [frame("[DONE]")] if isinstance(event, Done) else []

        def failed(refused: Refused) -> list[bytes]:
            return [frame({"error": {"message": refused.message, "code": refused.code}})]

        return await streamed(request, ticket, frames, failed, ping=0.2)

    @routes.get("")
    async def listed() -> dict[str, object]:
        return {"object": "list", "data": [_shown(each) for each in await desk.contexts("")]}

    @routes.get("/{name}/documents")
    async def documents(name: str) -> dict[str, object]:
        found = await desk.text_of("", name)
        return {
            "documents": [
                {"name": each.name, "text": each.text, "pages": list(each.places.page_starts)}
                for each in found
            ]
        }

    @routes.delete("/{name}")
    async def forget(name: str) -> dict[str, object]:
        await desk.forget("", name)
        return {"id": name, "object": "context", "deleted": True}

    return routes


def _models(desk: Shelf) -> APIRouter:
    routes = APIRouter()

    @routes.get("/v1/models")
    async def models() -> dict[str, object]:
        return {
            "object": "list",
            "data": [{"id": each.id, "max_model_len": each.window} for each in desk.offers],
        }

    return routes


def put(desk: Shelf, document: Document, *, plan: str = "") -> Kept:
    """Has a document read before anybody asks."""
    kept = desk._keep("", [document], document.name, len(document.text.split()), plan)
    desk.kept["", kept.id] = replace(kept, bytes=12_400_000), [document]
    return kept
