"""Who answers what a server is asked, as the command makes it: a model here, or an engine elsewhere."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from rich.filesize import decimal

from longspan.cli.asked import note

if TYPE_CHECKING:
    from longspan.model import Model
    from longspan.plan import Plan
    from longspan.serving.admission import Limits
    from longspan.serving.desk import Desk

T = TypeVar("T")
_IN_MEMORY = 2**28


@dataclass(frozen=True, kw_only=True)
class Served:
    """make: the desk, made on the loop that serves. folder: where what is read is kept, None for nowhere. about: a few
    words for whoever starts the server."""

    make: Callable[[], Awaitable[Desk]]
    folder: Path | None
    about: str


def by_model(
    model: Model, plan: Plan, *, name: str, limits: Limits, folder: Path | None, room: int
) -> Served:
    """A model of this process. folder, room: where contexts are kept, and bytes of all; 0 for memory alone."""
    from longspan.serving.local import LocalDesk
    from longspan.serving.shelf import Shelf

    place, must = _model_folder(model, folder), folder is not None
    shelf = _opened(lambda: Shelf(place, room), must=must) if room else None

    async def make() -> Desk:
        return LocalDesk(model, name=name, plan=plan, limits=limits, shelf=shelf)

    kept = f"{decimal(limits.memory)} of keys and values in memory, {decimal(room)} of contexts on disk"
    about = f"plan {str(plan) or 'none'}, {kept}"
    return Served(make=make, folder=None if shelf is None else place, about=about)


def by_backend(
    urls: Sequence[str],
    model: str | None,
    window: int | None,
    *,
    name: str,
    limits: Limits,
    folder: Path | None,
    room: int,
) -> Served:
    """Engines elsewhere, whose key is the environment variable OPENAI_API_KEY, if they need one."""
    from longspan.cache_folder import cache_folder
    from longspan.serving.backend import BackendDesk, Spread
    from longspan.serving.backend.engine import opened
    from longspan.serving.backend.texts import Texts

    digest = blake2b("\n".join([*urls, model or ""]).encode(), digest_size=16).hexdigest()
    place, must = folder or cache_folder() / "fronted" / digest, folder is not None
    texts = _opened(lambda: Texts(room, place), must=must) if room else None
    kept = Texts(room or _IN_MEMORY) if texts is None else texts

    async def make() -> Desk:
        key = os.environ.get("OPENAI_API_KEY", "")
        engines = [
            await opened(url, model=model or "", window=window, key=key, seconds=limits.seconds)
            for url in urls
        ]
        return BackendDesk(
            Spread(engines), name=name, texts=kept, answer=limits.answer, seconds=limits.seconds
        )

    about = f"by {', '.join(urls)}, {decimal(room)} of contexts as text"
    return Served(make=make, folder=None if texts is None else place, about=about)


def serve_agents(make: Callable[[], Awaitable[Desk]], grace: float) -> None:
    """Serves whoever started this process by standard input and output, until the input ends."""
    from longspan.serving.mcp import by_stdio

    async def run() -> None:
        desk = await make()
        try:
            await by_stdio(desk)
        finally:
            await desk.close(grace)

    asyncio.run(run())


def half_of_what_is_free() -> int:
    """Bytes of memory that keys and values may take where nobody says."""
    try:
        return max(2**28, os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2)
    except (ValueError, OSError, AttributeError):
        return 4 * 2**30


def _model_folder(model: Model, given: Path | None) -> Path:
    """Where what is read with a model is kept."""
    from longspan.cache_folder import cache_folder

    key = blake2b(json.dumps(model.identity, sort_keys=True).encode(), digest_size=16).hexdigest()
    return given or cache_folder() / "served" / key


def _opened(open_it: Callable[[], T], *, must: bool) -> T | None:
    """Where contexts are kept; None, with a note, where they cannot be, and need not."""
    from longspan.errors import ContextError

    try:
        return open_it()
    except ContextError as error:
        if must:
            raise
        note(f"contexts stay in memory alone: {error}")
        return None
