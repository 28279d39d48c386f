"""What agents are offered by the Model Context Protocol: to have documents read, and to ask about them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from starlette.routing import BaseRoute

from longspan.serving.desk import Desk
from longspan.serving.web.front import Front


def mounted(front: Front, body: int) -> tuple[BaseRoute, Callable[[], AbstractAsyncContextManager[None]]]:
    """The route of the tools behind an application's guards, and what must run while it serves.

    body: bytes of a request. The package of the protocol is imported now, and not by those who do not speak it.
    """
    from longspan.serving.mcp import transports

    return transports.mounted(front, body)


async def by_stdio(desk: Desk) -> None:
    """Serves whoever started this process until standard input ends. Nothing else may write to standard output."""
    from longspan.serving.mcp import transports

    await transports.by_stdio(desk)
