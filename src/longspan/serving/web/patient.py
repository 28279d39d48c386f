"""Connections of clients that may be slow, but not for ever."""

from __future__ import annotations

from asyncio import TimerHandle
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEADERS = 20.0
"""Seconds within which the head of a request must have come."""


class Patient(H11Protocol):
    """HTTP, where a request whose head does not come in time is given up."""

    _due: TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """The head of the first request is awaited."""
        super().connection_made(transport)
        self._await()

    def data_received(self, data: bytes) -> None:
        """Part of a request has come."""
        super().data_received(data)
        if self.conn.their_state is h11.IDLE:
            self._await()
        elif self._due is not None:
            self._due.cancel()
            self._due = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is awaited any more."""
        super().connection_lost(exc)
        if self._due is not None:
            self._due.cancel()

    def _await(self) -> None:
        if self._due is None:
            self._due = self.loop.call_later(HEADERS, self._give_up)

    def _give_up(self) -> None:
        self._due = None
        if self.conn.their_state is h11.IDLE and not self.transport.is_closing():
            self.transport.close()
