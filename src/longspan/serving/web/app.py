"""The server as an ASGI application: routes of all protocols behind the guards."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, nullcontext
from importlib.util import find_spec

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Scope

from longspan.serving import anthropic, openai, responses
from longspan.serving.anthropic.wording import worded as anthropic_worded
from longspan.serving.desk import Desk
from longspan.serving.mcp import mounted
from longspan.serving.openai.wording import worded
from longspan.serving.page.routes import router as page
from longspan.serving.refused import Kind, Refused
from longspan.serving.responses.store import Store
from longspan.serving.sealed import Seal
from longspan.serving.web import contexts, health, metrics
from longspan.serving.web.front import Front, Wording
from longspan.serving.web.guards import Guards
from longspan.serving.web.keys import Keys
from longspan.serving.web.left import Left
from longspan.serving.web.logs import Logs
from longspan.serving.web.opening import Opening
from longspan.serving.web.settings import Settings
from longspan.serving.web.uploads import Uploads

WORDINGS: Sequence[tuple[str, Wording]] = (("/v1/messages", anthropic_worded),)
"""How refusals are worded, by how the path begins; OpenAI's words are for all else."""
_KINDS: dict[int, Kind] = {
    401: "unauthenticated",
    403: "forbidden",
    404: "missing",
    413: "too_large",
    429: "rate",
}


def create_app(desk: Desk, settings: Settings | None = None) -> ASGIApp:
    """All of a server in front of a desk, which is closed by whoever made it."""
    settings = settings or Settings()
    keys, figures = Keys(settings.keys), metrics.Metrics(desk)
    front = Front(desk=desk, ping=settings.ping, watched=figures.watched)
    seal = Seal() if settings.folder is None else Seal.kept(settings.folder)
    store = Store(settings.folder, settings.responses)

    uploads = Uploads()
    left = Left(uploads, Opening())
    tools = mounted(front, settings.body) if find_spec("mcp") else None

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with tools[1]() if tools else nullcontext():
            yield
        store.close()
        uploads.close()

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)

    @app.exception_handler(Refused)
    async def refused(request: Request, error: Refused) -> Response:
        figures.refused(error)
        return said(request.scope, error)

    @app.exception_handler(HTTPException)
    async def unknown(request: Request, error: HTTPException) -> Response:
        about = (
            f"no {request.method} {request.url.path[:120]} here"
            if error.status_code in (404, 405)
            else error.detail
        )
        answer = said(
            request.scope, Refused(about, kind=_KINDS.get(error.status_code, "invalid"), code="not_found")
        )
        answer.status_code = error.status_code
        answer.headers.update(error.headers or {})
        return answer

    @app.exception_handler(RequestValidationError)
    async def misshapen(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        where = ".".join(str(each) for each in first["loc"][1:])
        return said(request.scope, Refused(f"{where or 'the request'}: {first['msg']}", param=where or None))

    @app.exception_handler(Exception)
    async def failed(request: Request, error: Exception) -> Response:
        return said(
            request.scope,
            Refused(
                "the server failed at this; try again, or report it", kind="failed", code="internal_error"
            ),
        )

    for each in (
        openai.router(front, left=left),
        anthropic.router(front, seal, left),
        contexts.router(front, uploads),
        responses.router(front, seal, store, left),
        page(front),
        health.router(front, keys),
        metrics.router(figures),
    ):
        app.include_router(each)
    if tools:
        app.router.routes.append(tools[0])

    def kept_out(scope: Scope, refused: Refused) -> Response:
        figures.refused(refused)
        return said(scope, refused)

    guarded: ASGIApp = Guards(app, settings=settings, keys=keys, said=kept_out)
    return Logs(guarded, prompts=settings.log_prompts) if settings.log else guarded


def said(scope: Scope, refused: Refused) -> Response:
    """A refusal in the words of the protocol that was spoken."""
    wording = next((each for beginning, each in WORDINGS if scope["path"].startswith(beginning)), worded)
    status, body = wording(refused, scope.get("state", {}).get("id", ""))
    answer = JSONResponse(body, status)
    if refused.retry_after is not None:
        answer.headers["retry-after"] = str(max(1, round(refused.retry_after)))
    if refused.kind == "unauthenticated":
        answer.headers["www-authenticate"] = "Bearer"
    if refused.kind == "timeout":
        answer.headers["x-should-retry"] = "false"  # it would take as long again
    return answer
