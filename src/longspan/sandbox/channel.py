"""Frames between the host and a process that is not trusted: a length, then JSON, on two pipes, within a time."""

from __future__ import annotations

import json
import os
import select
import time
from collections.abc import Mapping
from typing import Any, NoReturn

_PIECE = 1 << 16


class Late(Exception):
    """The time is over."""


class Gone(Exception):
    """The other side closed its end."""


class Garbled(Exception):
    """What came is no frame."""


class Clock:
    """Seconds that may be spent in waiting for the other side."""

    def __init__(self, seconds: float) -> None:
        self.left = seconds

    def wait(self, descriptor: int, event: int) -> None:
        """Until something can be read or written; Late where that takes longer than is left."""
        poll, began = select.poll(), time.monotonic()
        poll.register(descriptor, event)
        ready = self.left > 0 and poll.poll(self.left * 1000)
        self.left -= time.monotonic() - began
        if not ready:
            raise Late


class Channel:
    """The host's ends. largest: bytes of a frame that is received."""

    def __init__(self, incoming: int, outgoing: int, largest: int) -> None:
        self._in, self._out, self._largest = incoming, outgoing, largest
        os.set_blocking(incoming, False)
        os.set_blocking(outgoing, False)

    def is_silent(self) -> bool:
        """Whether nothing has come that was not received."""
        poll = select.poll()
        poll.register(self._in, select.POLLIN)
        return not poll.poll(0)

    def send(self, frame: Mapping[str, object], clock: Clock) -> None:
        """Sends a frame. Raises Late, and Gone."""
        body = json.dumps(frame, allow_nan=False).encode("ascii")
        data = memoryview(len(body).to_bytes(8, "big") + body)
        while data:
            clock.wait(self._out, select.POLLOUT)
            try:
                data = data[os.write(self._out, data[:_PIECE]) :]
            except BlockingIOError:
                continue
            except OSError:
                raise Gone from None

    def receive(self, clock: Clock) -> dict[str, Any]:
        """The next frame. Raises Late, Gone, and Garbled."""
        length = int.from_bytes(self._exactly(8, clock), "big")
        if length > self._largest:
            raise Garbled(f"a frame of {length:,} bytes, allowed are {self._largest:,}")
        try:
            frame = json.loads(self._exactly(length, clock).decode("ascii"), parse_constant=_refused)
        except (ValueError, RecursionError) as error:
            raise Garbled(f"{type(error).__name__} in a frame") from None
        if not isinstance(frame, dict) or len(frame) == 0:
            raise Garbled("a frame that is no mapping")
        return frame

    def close(self) -> None:
        """Closes both ends."""
        os.close(self._in)
        os.close(self._out)

    def _exactly(self, count: int, clock: Clock) -> bytes:
        data = bytearray()
        while len(data) < count:
            clock.wait(self._in, select.POLLIN)
            try:
                piece = os.read(self._in, min(1 << 20, count - len(data)))
            except BlockingIOError:
                continue
            if not piece:
                raise Gone
            data += piece
        return bytes(data)


def _refused(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")
