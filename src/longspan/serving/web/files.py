"""`/v1/files`, as at OpenAI: files that are left, to be read as contexts later."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from longspan.serving.refused import Refused
from longspan.serving.web.front import owner
from longspan.serving.web.multipart import parts_of
from longspan.serving.web.uploads import Upload, Uploads

PURPOSES = ("assistants", "batch", "fine-tune", "vision", "user_data", "evals")
_AFTER = ("expires_after[anchor]", "expires_after[seconds]")
_SHORTEST, _LONGEST = 3600, 2_592_000
_PAGE = 10_000


def router(uploads: Uploads) -> APIRouter:
    """Its routes."""
    routes = APIRouter(prefix="/v1/files")

    @routes.post("")
    async def create(request: Request) -> Response:
        async with parts_of(request, ("purpose", *_AFTER)) as parts:
            purpose = parts.fields.get("purpose", "user_data")
            if purpose not in PURPOSES:
                raise Refused(
                    f"purpose is {purpose[:80]!r}; allowed are {', '.join(PURPOSES)}",
                    code="invalid_value",
                    param="purpose",
                )
            if not parts.size:
                raise Refused("the file is empty; send one with something in it", param="file")
            expires = _expires(parts.fields.get(_AFTER[0]), parts.fields.get(_AFTER[1]))
            file = parts.file.file
            upload = await asyncio.to_thread(
                uploads.put, owner(request), parts.label, purpose, file, parts.size, expires
            )
        return JSONResponse(shown(upload))

    @routes.get("")
    async def listed(request: Request) -> Response:
        return JSONResponse(_page(request, uploads))

    @routes.get("/{name}")
    async def one(request: Request, name: str) -> Response:
        return JSONResponse(shown(uploads.of(owner(request), name)))

    @routes.get("/{name}/content")
    async def content(request: Request, name: str) -> Response:
        with await asyncio.to_thread(uploads.opened, uploads.of(owner(request), name)) as file:
            data = await asyncio.to_thread(file.read)
        headers = {"content-disposition": "attachment", "x-content-type-options": "nosniff"}
        return Response(data, media_type="application/octet-stream", headers=headers)

    @routes.delete("/{name}")
    async def delete(request: Request, name: str) -> Response:
        await asyncio.to_thread(uploads.delete, owner(request), name)
        return JSONResponse({"id": name, "object": "file", "deleted": True})

    return routes


def shown(upload: Upload) -> dict[str, Any]:
    """A file as its owner is told of it."""
    told = {
        "id": upload.id,
        "object": "file",
        "bytes": upload.bytes,
        "created_at": int(upload.created),
        "filename": upload.name,
        "purpose": upload.purpose,
        "status": "processed",
    }
    return told if upload.expires is None else told | {"expires_at": int(upload.expires)}


def _page(request: Request, uploads: Uploads) -> dict[str, Any]:
    asked = request.query_params
    found = list(uploads.listed(owner(request)))
    if asked.get("order", "desc") == "asc":
        found.reverse()
    if purpose := asked.get("purpose"):
        found = [each for each in found if each.purpose == purpose]
    if after := asked.get("after"):
        places = [number for number, each in enumerate(found) if each.id == after]
        if not places:
            raise Refused(f"after is {after[:80]!r}, which is none of your files", param="after")
        found = found[places[0] + 1 :]
    limit = _whole(asked.get("limit", str(_PAGE)), "limit", 1, _PAGE)
    page = [shown(each) for each in found[:limit]]
    return {
        "object": "list",
        "data": page,
        "first_id": page[0]["id"] if page else None,
        "last_id": page[-1]["id"] if page else None,
        "has_more": len(found) > limit,
    }


def _expires(anchor: str | None, seconds: str | None) -> float | None:
    if anchor is None and seconds is None:
        return None
    if anchor != "created_at":
        raise Refused(
            f"expires_after.anchor is {(anchor or '')[:80]!r}; allowed is created_at", param=_AFTER[0]
        )
    return time.time() + _whole(seconds or "", _AFTER[1], _SHORTEST, _LONGEST)


def _whole(text: str, name: str, low: int, high: int) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and low <= int(text) <= high):
        raise Refused(f"{name} is {text[:80]!r}; allowed are {low:,} .. {high:,}", param=name)
    return int(text)
