"""Files that clients left before and name in a dialogue, with their text in their place."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import Request

from longspan.serving.refused import Refused
from longspan.serving.web.front import owner
from longspan.serving.web.opening import Opening
from longspan.serving.web.streams import unless_gone
from longspan.serving.web.uploads import Uploads
from longspan.spans import Document

_FILES = 100


class Left:
    """Reads what was left, each file once for a request."""

    def __init__(self, uploads: Uploads, opening: Opening) -> None:
        self._uploads, self._opening = uploads, opening

    async def filled(self, request: Request, fields: Mapping[str, Any]) -> None:
        """Puts texts where a request names files. Raises Refused for one that is not its owner's, or has no text."""
        found = list(_named(fields))
        names = {name for _, name in found}
        if len(names) > _FILES:
            raise Refused(f"{len(names):,} files are named, allowed are {_FILES}", param="file_id")
        read = {name: await self._read(request, name) for name in names}
        for part, name in found:
            _put(part, name, read[name])

    async def _read(self, request: Request, name: str) -> Document:
        upload = self._uploads.of(owner(request), name)
        with await asyncio.to_thread(self._uploads.opened, upload) as file:
            return await unless_gone(request, self._opening.document(file, upload.name))


def _named(fields: Mapping[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    """Parts of messages and items that name a file, and which."""
    said = [each for name in ("messages", "input") for each in _objects(fields.get(name))]
    parts = [part for each in said for name in ("content", "output") for part in _objects(each.get(name))]
    parts += [inner for part in parts for inner in _objects(part.get("content"))]
    for part in parts:
        kind = str(part.get("type"))
        holder = {"document": part.get("source"), "file": part.get("file"), "input_file": part}.get(kind)
        if isinstance(holder, dict) and isinstance(holder.get("file_id"), str):
            yield part, holder["file_id"]


def _objects(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _put(part: dict[str, Any], name: str, document: Document) -> None:
    if part["type"] == "document":
        part["source"] = {"type": "text", "data": document.text, "file_id": name}
        part["title"] = part.get("title") or document.name
        return
    file = part["file"] if part["type"] == "file" else part
    data = base64.b64encode(document.text.encode()).decode()
    file["file_data"] = f"data:text/plain;base64,{data}"
    file["filename"] = file.get("filename") or document.name
