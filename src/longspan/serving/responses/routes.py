"""The routes of OpenAI's Responses."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.responses import JSONResponse

from longspan.serving.compacting import Behind, Compacting, cut, fresh_tokens, gone_on
from longspan.serving.desk import Ticket
from longspan.serving.openai.fields import ignored
from longspan.serving.refused import Overlong, Refused
from longspan.serving.responses.answering import Answer, Told
from longspan.serving.responses.asking import KNOWN, Wanted, wanted_of
from longspan.serving.responses.compacted import compacted
from longspan.serving.responses.items import Placed
from longspan.serving.responses.listing import page_of
from longspan.serving.responses.running import Run, Runs
from longspan.serving.responses.store import Store
from longspan.serving.responses.truncating import fitted
from longspan.serving.sealed import Seal
from longspan.serving.web.bodies import body, taken
from longspan.serving.web.front import Front, owner, request_id
from longspan.serving.web.left import Left
from longspan.serving.web.streams import streamed, whole


def router(
    front: Front, seal: Seal | None = None, store: Store | None = None, left: Left | None = None
) -> APIRouter:
    """What a server offers of it. seal: of compacted dialogues; store: of responses; both end with the process unless
    given. left: files that items may name, none unless given."""
    routes, service = APIRouter(), _Service(front, seal or Seal(), store or Store(), left)

    @routes.post("/v1/responses")
    async def create(request: Request) -> Response:
        return await service.create(request)

    @routes.post("/v1/responses/input_tokens")
    async def tokens(request: Request) -> Response:
        fields = await service.fields(request)
        wanted = await service.wanted(fields, owner(request))
        behind = await gone_on(front.desk, wanted.asked, wanted.compaction, wanted.documents)
        count = await front.desk.count(behind.asked)
        return JSONResponse({"object": "response.input_tokens", "input_tokens": count})

    @routes.post("/v1/responses/compact")
    async def compact(request: Request) -> Response:
        fields = await service.fields(request)
        before = await service.before(fields, owner(request))
        answer = await compacted(front, request, fields, before, service.seal)
        previous = taken(fields, "previous_response_id", str)
        trouble = await service.keep(owner(request), answer, [], previous)
        if trouble:
            answer["longspan"]["notes"] = [f"it is not kept: {trouble}"]
        return JSONResponse(answer)

    @routes.get("/v1/responses/{name}")
    async def one(name: str, request: Request) -> Response:
        if request.query_params.get("stream", "false").lower() == "true":
            raise Refused("what was streamed is not streamed again; leave stream out", param="stream")
        return JSONResponse(await service.one(owner(request), name))

    @routes.delete("/v1/responses/{name}")
    async def delete(name: str, request: Request) -> Response:
        await asyncio.to_thread(service.store.delete, owner(request), name)
        return JSONResponse({"id": name, "object": "response", "deleted": True})

    @routes.post("/v1/responses/{name}/cancel")
    async def cancel(name: str, request: Request) -> Response:
        return JSONResponse(await service.cancel(owner(request), name))

    @routes.get("/v1/responses/{name}/input_items")
    async def items(name: str, request: Request) -> Response:
        found = await asyncio.to_thread(service.store.inputs, owner(request), name)
        return JSONResponse(page_of(found, request.query_params))

    return routes


class _Service:
    """What the routes share."""

    def __init__(self, front: Front, seal: Seal, store: Store, left: Left | None) -> None:
        self.front, self.seal, self.store, self.runs = front, seal, store, Runs()
        self._left = left

    async def fields(self, request: Request) -> dict[str, Any]:
        """Of a request, with the texts of files that it names."""
        fields = await body(request)
        if self._left is not None:
            await self._left.filled(request, fields)
        return fields

    async def create(self, request: Request) -> Response:
        fields = await self.fields(request)
        wanted = await self.wanted(fields, owner(request))
        answer = Answer(
            model=wanted.asked.model or self.front.desk.offers[0].id,
            echo=wanted.echo,
            progress=wanted.progress,
        )

        async def keep(response: Told) -> str:
            return await self.keep(wanted.asked.owner, response, list(wanted.items), wanted.previous)

        taken_in = await self._ticket(wanted, answer)
        run = Run(taken_in, answer, keep if wanted.store else None)
        self.runs.add(wanted.asked.owner, run)
        ticket, headers = self.front.watched(request, run), ignored(fields, KNOWN)
        if not taken(fields, "stream", bool, False):
            await whole(request, ticket)
            return JSONResponse(answer.final, headers=headers)

        def failed(refused: Refused) -> list[bytes]:
            return answer.failed(refused, request_id(request))

        response = await streamed(request, ticket, run.frames, failed, ping=self.front.ping)
        response.headers.update(headers)
        return response

    async def wanted(self, fields: dict[str, Any], who: str) -> Wanted:
        """What a request asks, behind the responses from which it goes on."""
        window = self.front.desk.offers[0].window
        return await wanted_of(fields, who, self.seal, await self.before(fields, who), window)

    async def before(self, fields: dict[str, Any], who: str) -> list[Placed]:
        """The items of the responses from which a request goes on."""
        previous = taken(fields, "previous_response_id", str)
        return [] if previous is None else await asyncio.to_thread(self.store.before, who, previous)

    async def keep(self, who: str, response: Told, items: list[dict[str, Any]], previous: str | None) -> str:
        """Keeps a response. What went wrong, "" where nothing did."""
        return await asyncio.to_thread(self.store.keep, who, response, items, previous)

    async def one(self, who: str, name: str) -> Told:
        """A response, as it is now."""
        run = self.runs.of(who, name)
        if run is not None:
            return run.answer.response("in_progress")
        return await asyncio.to_thread(self.store.response, who, name)

    async def cancel(self, who: str, name: str) -> Told:
        """Ends a response that is being made. Raises Refused for one that has ended."""
        run = self.runs.of(who, name)
        if run is not None:
            run.end()
            await run.ended.wait()
            if run.answer.final is not None:
                return run.answer.final
        found = await asyncio.to_thread(self.store.response, who, name)
        raise Refused(
            f"the response is {found.get('status', 'completed')} already, and cannot be cancelled",
            code="response_ended",
            param="response_id",
        )

    async def _ticket(self, wanted: Wanted, answer: Answer) -> Ticket:
        desk = self.front.desk
        behind = await gone_on(desk, wanted.asked, wanted.compaction, wanted.documents)
        answer.told |= behind.told
        if wanted.threshold is not None and await fresh_tokens(desk, behind) > wanted.threshold:
            answer.compacting = self._compacting(behind)
            return answer.compacting
        try:
            return await desk.ask(behind.asked)
        except Overlong as error:
            if not wanted.truncates:
                raise
            behind, dropped = await fitted(desk, wanted, error)
        answer.told["dropped"] = [
            {name: each.get(name) for name in ("id", "type", "role")} for each in dropped
        ]
        return await desk.ask(behind.asked)

    def _compacting(self, behind: Behind) -> Compacting:
        desk = self.front.desk
        return Compacting(
            desk=desk,
            seal=self.seal,
            behind=behind,
            count=cut(behind.asked.turns, prefill=False),
            ask=desk.ask,
        )
