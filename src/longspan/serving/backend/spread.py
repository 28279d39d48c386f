"""Several engines that serve the same model: each request goes where its beginning was read before."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from hashlib import blake2b
from typing import Any

from longspan.errors import LongspanError
from longspan.serving.backend.engine import Engine
from longspan.serving.refused import Refused

_UNEVEN = 4
_REST = 5.0


class Spread:
    """Engines of one model. The order in which they are tried follows from the key of a request alone, so that it stays
    when one of them goes or comes; of the first two the second is taken where it has much less to do.

    uneven: requests by which the first may have more. rest: seconds for which one that cannot be reached is tried last.
    Raises LongspanError for engines that are not alike.
    """

    def __init__(
        self,
        engines: Sequence[Engine],
        *,
        uneven: int = _UNEVEN,
        rest: float = _REST,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not engines:
            raise ValueError("engines is empty; give one or more")
        self.engines, self._uneven, self._rest, self._clock = tuple(engines), uneven, rest, clock
        self.first = engines[0]
        for each in engines[1:]:
            if (each.model, each.kind) != (self.first.model, self.first.kind):
                raise LongspanError(
                    f"{each.url} serves {each.model!r} by {each.kind}, and {self.first.url} {self.first.model!r} by "
                    f"{self.first.kind}; name engines that serve the same"
                )
        self.window = min(each.window for each in engines)
        self.running = {each.url: 0 for each in engines}
        self._away: dict[str, float] = {}

    @property
    def away(self) -> int:
        """How many could not be reached a moment ago."""
        return sum(until > self._clock() for until in self._away.values())

    def order(self, key: str) -> list[Engine]:
        """The engines as they are tried for a key: by the highest digest of key and address."""
        ranked = sorted(self.engines, key=lambda each: _digest(key, each.url), reverse=True)
        now = self._clock()
        near = [each for each in ranked if self._away.get(each.url, 0.0) <= now]
        far = [each for each in ranked if each not in near]
        if len(near) > 1 and self.running[near[0].url] - self.running[near[1].url] >= self._uneven:
            near[:2] = near[1], near[0]
        return near + far

    async def stream(
        self, key: str, path: str, body: Mapping[str, Any], *, tokens: int
    ) -> AsyncGenerator[dict[str, Any], None]:
        """As `Engine.stream`, by the first engine that takes it; one that has begun to answer is not left."""
        order = self.order(key)
        for number, engine in enumerate(order):
            begun = False
            self.running[engine.url] += 1
            try:
                async with aclosing(engine.stream(path, body, tokens=tokens)) as chunks:
                    async for chunk in chunks:
                        begun = True
                        yield chunk
                self._away.pop(engine.url, None)
                return
            except Refused as refused:
                if refused.code == "engine_unreachable":
                    self._away[engine.url] = self._clock() + self._rest
                if begun or refused.kind not in ("overloaded", "rate") or number + 1 == len(order):
                    raise
            finally:
                self.running[engine.url] -= 1

    async def close(self) -> None:
        """Ends all connections."""
        for each in self.engines:
            await each.close()


def _digest(key: str, url: str) -> bytes:
    return blake2b(f"{url}\0{key}".encode("utf-8", "surrogatepass"), digest_size=16).digest()
