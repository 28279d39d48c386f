"""Routes of the page: files of this package, each known by a hash of itself, under a policy that lets no other in."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter, Request
from starlette.responses import Response

from longspan.serving.refused import Refused
from longspan.serving.web.front import Front

FILES = Path(__file__).parent / "files"

KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
"""What is served, by how its name ends; all else in the folder is not."""

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src 'self' data:",
        "form-action 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    )
)
"""Scripts and styles of this server alone, and no text that becomes markup."""

HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-cache",
}


@dataclass(frozen=True, kw_only=True)
class Served:
    """A file of the page. tag: names its content."""

    data: bytes
    kind: str
    tag: str

    def to(self, request: Request) -> Response:
        """The answer: without the content where the browser holds it already."""
        headers = {**HEADERS, "etag": self.tag}
        held = {
            each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")
        }
        if self.tag in held or "*" in held:
            return Response(status_code=304, headers=headers)
        return Response(self.data, media_type=self.kind, headers=headers)


def _served(path: Path) -> Served:
    data = path.read_bytes()
    tag = f'"{hashlib.sha256(data).hexdigest()[:32]}"'
    return Served(data=data, kind=KINDS[path.suffix], tag=tag)


def served(folder: Path = FILES) -> dict[str, Served]:
    """All files of the page, by their path in its folder. Read once: no name of a request is ever opened."""
    found = sorted(path for path in folder.rglob("*") if path.suffix in KINDS)
    return {path.relative_to(folder).as_posix(): _served(path) for path in found}


def router(front: Front) -> APIRouter:
    """The page at the root, and its files below /page. Whoever asks sees it: it holds nobody's data, and no key."""
    routes, files = APIRouter(include_in_schema=False), served()

    @routes.api_route("/", methods=["GET", "HEAD"])
    async def page(request: Request) -> Response:
        return files["index.html"].to(request)

    @routes.api_route("/page/{name:path}", methods=["GET", "HEAD"])
    async def file(request: Request, name: str) -> Response:
        if name not in files:
            raise Refused("there is no such file; open the page at /", kind="missing")
        return files[name].to(request)

    return routes
