"""What the routes of all protocols share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from fastapi import Request

from longspan.serving.desk import Desk, Ticket
from longspan.serving.refused import Refused


def _nothing(request: Request, ticket: Ticket) -> Ticket:
    return ticket


@dataclass(kw_only=True)
class Front:
    """What routes are made with.

    desk: who answers. ping: seconds of silence in a stream after which a comment is sent. watched: what is put around
    the ticket of every request, so that it can be counted.
    """

    desk: Desk
    ping: float = 15.0
    watched: Callable[[Request, Ticket], Ticket] = field(default=_nothing)


def owner(request: Request) -> str:
    """Who asks: a digest of the key, put there when the key was checked."""
    return str(getattr(request.state, "owner", ""))


def request_id(request: Request) -> str:
    """What the log calls a request."""
    return str(getattr(request.state, "id", ""))


Wording = Callable[[Refused, str], tuple[int, dict[str, object]]]
"""Status and body of a refusal in a protocol; the text is the id of the request."""
