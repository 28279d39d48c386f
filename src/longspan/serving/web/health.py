"""Whether a server takes requests."""

from __future__ import annotations

from dataclasses import asdict

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from longspan.serving.refused import Refused
from longspan.serving.web.front import Front
from longspan.serving.web.keys import Keys


def router(front: Front, keys: Keys) -> APIRouter:
    """`/health`, for everybody; how the server is, for those with a key."""
    routes = APIRouter()

    @routes.api_route("/health", methods=["GET", "HEAD"])
    async def health(request: Request) -> Response:
        state = front.desk.state
        said: dict[str, object] = {"status": "ok" if state.ready else "unavailable"}
        try:
            keys.owner(request.headers, "")
        except Refused:
            return JSONResponse(said, 200 if state.ready else 503)
        if state.ready and state.problems:
            said["status"] = "degraded"
        return JSONResponse(said | asdict(state), 200 if state.ready else 503)

    return routes
