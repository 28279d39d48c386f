"""The tools: ask, read, contexts, delete. None of them takes a path or an address."""

from __future__ import annotations

import asyncio
import logging
from typing import Annotated, Any

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import ToolAnnotations
from pydantic import Field
from starlette.requests import Request

from longspan import __version__
from longspan.serving.asked import Asked, Turn
from longspan.serving.desk import Ticket
from longspan.serving.events import Event, Read
from longspan.serving.mcp.answers import Answered, Deleted, Listed, answered, context, made_id
from longspan.serving.mcp.answers import Context as Made
from longspan.serving.openai.extras import named
from longspan.serving.refused import Refused, refusal
from longspan.serving.web.front import Front, owner

NOBODY = "local"
GONE = "longspan.gone"
"""Under which a request's scope holds an `asyncio.Event` that is set when its client has gone away."""

_ABOUT = (
    "Reads long documents once and answers questions about them, with quotes that are compared with the text. Use "
    "`read` to make a context of a text, then `ask` about it by its id as often as needed; later questions pay only "
    "for themselves. `ask` takes a text directly, too."
)
_Question = Annotated[str, Field(min_length=1, description="what is to be answered from the documents")]
_ContextId = Annotated[str, Field(min_length=1, max_length=200, description="the id that `read` gave")]
_Text = Annotated[str, Field(min_length=1, description="the text itself, not the name of a file")]
_Name = Annotated[str, Field(max_length=255, description="what the document is called in quotes")]
_Flow = Annotated[
    str,
    Field(
        max_length=4096,
        description="how documents are read that do not fit, such as map-reduce; auto chooses",
    ),
]
_Plan = Annotated[
    str | None, Field(max_length=4096, description="a plan for keys and values, the server's own by default")
]
_Tokens = Annotated[int, Field(ge=1, le=131072, description="tokens of the answer at most")]


def tools_of(front: Front) -> MCPServer:
    """A server of the tools, over a desk."""
    server = _silently(
        "longspan", title="longspan", instructions=_ABOUT, version=__version__, subscriptions=False
    )
    desk = front.desk

    @server.tool(
        annotations=ToolAnnotations(read_only_hint=True, open_world_hint=False), structured_output=True
    )
    async def ask(
        ctx: Context,
        question: _Question,
        context: _ContextId | None = None,
        text: _Text | None = None,
        flow: _Flow = "auto",
        plan: _Plan = None,
        max_tokens: _Tokens = 512,
    ) -> Answered:
        """Answer a question about a context that was read before, or about a text, with checked quotes."""
        if (context is None) == (text is None):
            raise ToolError(
                "give a context or a text, one of them; `read` makes a context, `contexts` lists them"
            )
        documents = () if text is None else (named("", text, 0),)
        asked = Asked(
            owner=_owner(ctx),
            turns=(Turn(role="user", text=question, documents=documents),),
            context=context,
            flow=flow,
            plan=plan,
            generation={"max_new_tokens": max_tokens},
        )
        with _Told():
            return answered(await _events(front, ctx, await desk.ask(asked)))

    @server.tool(
        annotations=ToolAnnotations(destructive_hint=False, open_world_hint=False), structured_output=True
    )
    async def read(ctx: Context, text: _Text, name: _Name = "", plan: _Plan = None) -> Made:
        """Read a text once into a context, about which any number of questions can then be asked by its id."""
        with _Told():
            document = named(name, text, 0)
            ticket = await desk.read(_owner(ctx), [document], name=document.name, plan=plan)
            made = made_id(await _events(front, ctx, ticket))
            return next(shown for shown in await _listed(ctx) if shown.id == made)

    @server.tool(
        annotations=ToolAnnotations(read_only_hint=True, open_world_hint=False), structured_output=True
    )
    async def contexts(ctx: Context) -> Listed:
        """List what was read, used last first."""
        with _Told():
            return Listed(contexts=await _listed(ctx))

    @server.tool(
        annotations=ToolAnnotations(destructive_hint=True, idempotent_hint=False, open_world_hint=False),
        structured_output=True,
    )
    async def delete(ctx: Context, context: _ContextId) -> Deleted:
        """Delete a context."""
        with _Told():
            await desk.forget(_owner(ctx), context)
        return Deleted(id=context, deleted=True)

    async def _listed(ctx: Context) -> list[Made]:
        return [context(each) for each in await desk.contexts(_owner(ctx))]

    return server


class _Told:
    """Tells refusals in their own words; faults are told of without theirs."""

    def __enter__(self) -> None: ...

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, Refused):
            wait = "" if error.retry_after is None else f" (in about {error.retry_after:.0f} s)"
            raise ToolError(f"{error.message}{wait}") from None
        if isinstance(error, Exception) and not isinstance(error, ToolError):
            raise ToolError(str(refusal(error))) from None


def _request(ctx: Context) -> Request | None:
    request = ctx.request_context.request
    return request if isinstance(request, Request) else None


def _owner(ctx: Context) -> str:
    """Who asks: by the key of this very request, whoever opened the session."""
    request = _request(ctx)
    return NOBODY if request is None else owner(request)


async def _events(front: Front, ctx: Context, ticket: Ticket) -> list[Event]:
    """All that comes of a ticket, whose reading is reported; it is cancelled with the call, and when nobody waits."""
    request = _request(ctx)
    watched = ticket if request is None else front.watched(request, ticket)
    gone: asyncio.Event = asyncio.Event() if request is None else request.scope.get(GONE, asyncio.Event())
    gathering = asyncio.ensure_future(_gathered(ctx, watched))
    leaving = asyncio.ensure_future(gone.wait())
    try:
        await asyncio.wait((gathering, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not gathering.done():
            raise Refused("the client has gone away", kind="timeout")
        return gathering.result()
    finally:
        watched.cancel()
        for each in (gathering, leaving):
            each.cancel()
        await asyncio.gather(gathering, leaving, return_exceptions=True)


async def _gathered(ctx: Context, ticket: Ticket) -> list[Event]:
    events, told = [], -1
    async for event in ticket:
        events.append(event)
        if isinstance(event, Read) and event.processed > told:
            told = event.processed
            await ctx.report_progress(
                event.processed, event.total, f"{told:,} of {event.total:,} tokens read"
            )
    return events


def _silently(name: str, **given: Any) -> MCPServer:
    """A server of tools, which sets up the logging of the whole process and is not to."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    try:
        return MCPServer(name, **given)
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
