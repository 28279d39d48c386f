"""The routes of Anthropic's protocol."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.responses import JSONResponse

from longspan.serving.anthropic.answering import Answer
from longspan.serving.anthropic.asking import KNOWN, Wanted, unheeded, wanted_of
from longspan.serving.anthropic.room import Room
from longspan.serving.anthropic.wording import worded
from longspan.serving.compacting import Behind, Compacting, cut, fresh_tokens, gone_on
from longspan.serving.desk import Desk, Ticket
from longspan.serving.openai.fields import ignored
from longspan.serving.refused import Refused
from longspan.serving.sealed import Seal
from longspan.serving.web.bodies import body, taken
from longspan.serving.web.front import Front, owner, request_id
from longspan.serving.web.left import Left
from longspan.serving.web.streams import frame, streamed, whole

_PING = frame({"type": "ping"}, "ping")


def router(front: Front, seal: Seal | None = None, left: Left | None = None) -> APIRouter:
    """What a server offers of it. seal: of compacted dialogues, one that ends with the process unless given. left:
    files that messages may name, none unless given."""
    routes, sealing = APIRouter(), seal or Seal()

    @routes.post("/v1/messages")
    async def messages(request: Request) -> Response:
        return await _messages(front, request, sealing, left)

    @routes.post("/v1/messages/count_tokens")
    async def tokens(request: Request) -> Response:
        fields = await _fields(request, left)
        wanted = await wanted_of(fields, owner(request), sealing, counting=True)
        behind = await gone_on(front.desk, wanted.asked, wanted.compaction, wanted.documents)
        count = await front.desk.count(behind.asked)
        told = {"context_management": {"original_input_tokens": count}} if wanted.managed else {}
        return JSONResponse({"input_tokens": count, **told}, headers=ignored(unheeded(fields), KNOWN))

    return routes


async def _fields(request: Request, left: Left | None) -> dict[str, Any]:
    fields = await body(request)
    if left is not None:
        await left.filled(request, fields)
    return fields


async def _messages(front: Front, request: Request, seal: Seal, left: Left | None) -> Response:
    fields = await _fields(request, left)
    wanted = await wanted_of(fields, owner(request), seal)
    headers = ignored(unheeded(fields), KNOWN)
    behind = await gone_on(front.desk, wanted.asked, wanted.compaction, wanted.documents)
    answer = await _answer(front.desk, wanted, behind)
    ticket = front.watched(request, await _ticket(front.desk, wanted, behind, answer, seal))
    if not taken(fields, "stream", bool, False):
        return JSONResponse(answer.whole(await whole(request, ticket)), headers=headers)

    def failed(refused: Refused) -> list[bytes]:
        return [frame(worded(refused, request_id(request))[1], "error")]

    response = await streamed(request, ticket, answer, failed, ping=front.ping, pinged=_PING)
    response.headers.update(headers)
    return response


async def _answer(desk: Desk, wanted: Wanted, behind: Behind) -> Answer:
    asked = behind.asked
    before = sum(len(each.documents) for each in asked.turns) - len(wanted.shown)
    if asked.context is not None and wanted.shown:
        before += len(await desk.text_of(asked.owner, asked.context))
    return Answer(
        model=asked.model or desk.offers[0].id,
        shown=wanted.shown,
        before=before,
        progress=wanted.progress,
        managed=wanted.managed,
        told=behind.told,
        pauses=wanted.pauses,
    )


async def _ticket(desk: Desk, wanted: Wanted, behind: Behind, answer: Answer, seal: Seal) -> Ticket:
    def capped() -> None:
        answer.capped = True

    ask = Room(desk=desk, told=capped)
    if wanted.trigger is None or await fresh_tokens(desk, behind) <= wanted.trigger:
        return await ask(behind.asked)
    answer.compacting = Compacting(
        desk=desk,
        seal=seal,
        behind=behind,
        count=len(behind.asked.turns)
        if wanted.pauses
        else cut(behind.asked.turns, prefill=behind.asked.prefill),
        ask=None if wanted.pauses else ask,
    )
    return answer.compacting
