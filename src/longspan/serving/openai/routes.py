"""The routes of OpenAI's protocol."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.responses import JSONResponse

from longspan.serving.asked import Asked
from longspan.serving.desk import Offer, Ticket
from longspan.serving.events import Event
from longspan.serving.openai import chatting, completing, embedding
from longspan.serving.openai.answers import ChatChunks, whole_chat
from longspan.serving.openai.completed import CompletionChunks, whole_completion
from longspan.serving.openai.embedding import Encoder
from longspan.serving.openai.extras import extras
from longspan.serving.openai.fields import ignored
from longspan.serving.openai.formats import check_arguments, format_of
from longspan.serving.openai.models import models_of, one_of
from longspan.serving.openai.several import Several
from longspan.serving.openai.usage import head_of
from longspan.serving.openai.wording import worded
from longspan.serving.refused import Refused
from longspan.serving.web.bodies import body, taken
from longspan.serving.web.front import Front, owner, request_id
from longspan.serving.web.left import Left
from longspan.serving.web.streams import frame, streamed, whole


def router(front: Front, encoder: Encoder | None = None, left: Left | None = None) -> APIRouter:
    """What a server offers of it. encoder: for embeddings, the one that is installed unless given. left: files that
    messages may name, none unless given."""
    routes, encoding = APIRouter(), encoder or Encoder()

    @routes.post("/v1/chat/completions")
    async def chat(request: Request) -> Response:
        return await _chat(front, request, left)

    @routes.post("/v1/completions")
    async def completions(request: Request) -> Response:
        return await _completions(front, request)

    @routes.post("/v1/embeddings")
    async def embeddings(request: Request) -> Response:
        fields = await body(request)
        headers = ignored(fields, embedding.KNOWN)
        return JSONResponse(await encoding.answer(request, fields), headers=headers)

    @routes.get("/v1/models")
    async def models() -> Response:
        return JSONResponse(models_of(offers()))

    @routes.get("/v1/models/{name:path}")
    async def model(name: str) -> Response:
        return JSONResponse(one_of(offers(), name))

    def offers() -> list[Offer]:
        return [*front.desk.offers, *([encoding.offer] if encoding.offer else [])]

    return routes


async def _chat(front: Front, request: Request, left: Left | None) -> Response:
    fields = await body(request)
    if left is not None:
        await left.filled(request, fields)
    more = extras(fields)
    asked = chatting.chat_of(fields, owner(request), more, await format_of(fields))
    await check_arguments(asked.functions, asked.choice)
    told, likely = ignored(fields, chatting.KNOWN), "logprobs" in asked.generation
    stream, usage = _streaming(fields)
    if not stream:
        events = await whole(request, await _ticket(front, request, asked))
        head = head_of(front.desk, asked, "chat.completion", "chatcmpl")
        return JSONResponse(whole_chat(head, events, asked.count, likely=likely), headers=told)
    chunks = ChatChunks(
        head=head_of(front.desk, asked, "chat.completion.chunk", "chatcmpl"),
        count=asked.count,
        usage=usage,
        progress=more.progress,
        likely=likely,
    )
    return await _sent(front, request, await _ticket(front, request, asked), chunks, told)


async def _completions(front: Front, request: Request) -> Response:
    fields = await body(request)
    more = extras(fields)
    asked = completing.completions_of(fields, owner(request), more)
    told, (stream, usage) = ignored(fields, completing.KNOWN), _streaming(fields)
    head = head_of(front.desk, asked[0], "text_completion", "cmpl")
    if not stream:
        events = await whole(request, await _ticket(front, request, *asked))
        return JSONResponse(whole_completion(head, events, asked), headers=told)
    chunks = CompletionChunks(head=head, asked=asked, usage=usage, progress=more.progress)
    return await _sent(front, request, await _ticket(front, request, *asked), chunks, told)


async def _ticket(front: Front, request: Request, *asked: Asked) -> Ticket:
    ticket = await front.desk.ask(asked[0]) if len(asked) == 1 else Several(front.desk, asked)
    return front.watched(request, ticket)


def _streaming(fields: Mapping[str, Any]) -> tuple[bool, bool]:
    """Whether chunks are wanted, and whether the last of them tells the usage."""
    options = taken(fields, "stream_options", dict, {})
    return (
        taken(fields, "stream", bool, False),
        taken(options, "include_usage", bool, False, at="stream_options"),
    )


async def _sent(
    front: Front,
    request: Request,
    ticket: Ticket,
    frames: Callable[[Event], list[bytes]],
    headers: Mapping[str, str],
) -> Response:
    def failed(refused: Refused) -> list[bytes]:
        return [frame(worded(refused, request_id(request))[1])]

    response = await streamed(request, ticket, frames, failed, ping=front.ping)
    response.headers.update(headers)
    return response
