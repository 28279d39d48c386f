"""Texts as vectors, by the sentence encoder that is installed."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastapi import Request

from longspan.serving.desk import Offer
from longspan.serving.refused import Refused
from longspan.serving.web.bodies import one_of, taken, within, wrong

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from longspan.retrieval.embedders.base import Embedder

KNOWN = frozenset(("dimensions", "encoding_format", "input", "model"))
TEXTS = 2048
CHARACTERS = 2_000_000
_WAITING = 16
_GROUP = 32
"""Texts between two looks at whether the client is still there."""


@dataclass(frozen=True, kw_only=True)
class ToEmbed:
    """What a request asks. base64: whether vectors are told as little-endian float32 in base64."""

    texts: tuple[str, ...]
    base64: bool


def to_embed(fields: Mapping[str, Any]) -> ToEmbed:
    """What a request to `/v1/embeddings` asks. Raises Refused for what it may not."""
    given = fields.get("input")
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not texts or not all(isinstance(each, str) for each in texts):
        raise wrong(given, "input", "allowed are a text, or texts")
    if "" in texts:
        raise Refused("input has an empty text; leave it out", code="invalid_value", param="input")
    characters = sum(map(len, texts))
    if len(texts) > TEXTS or characters > CHARACTERS:
        raise Refused(
            f"input has {len(texts):,} texts of {characters:,} characters, allowed are {TEXTS:,} and "
            f"{CHARACTERS:,}; send several requests",
            code="invalid_value",
            param="input",
        )
    form = one_of(fields, "encoding_format", ("float", "base64"), "float")
    return ToEmbed(texts=tuple(texts), base64=form == "base64")


class Encoder:
    """The encoder of a server, one request at a time. name: by which clients know it.

    embedder: what it is; the one that is fetched by name, where its weights are here already, unless given.
    """

    def __init__(self, embedder: Embedder | None = None, *, name: str = "") -> None:
        self._embedder, self._name = embedder, name
        self._one, self._waiting = asyncio.Lock(), 0

    @property
    def offer(self) -> Offer | None:
        """As one of the models, None where no encoder is installed."""
        if self._here() is None:
            return None
        return Offer(id=self._name, window=0, created=0, facts={"embeddings": True})

    async def answer(self, request: Request, fields: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to a request. Raises Refused."""
        embedder = self._here()
        if embedder is None:
            raise Refused(
                "no sentence encoder is installed on this server; ask whoever runs it to fetch one",
                kind="missing",
                code="model_not_found",
                param="model",
            )
        asked = to_embed(fields)
        model = taken(fields, "model", str, self._name)
        if model not in (self._name, ""):
            raise Refused(
                f"no encoder {model[:200]!r}; this server has {self._name!r}",
                kind="missing",
                code="model_not_found",
                param="model",
            )
        rows = await self._rows(request, embedder, asked.texts)
        size = len(rows[0])
        if within(fields, "dimensions", int, 1, 2**20, size) != size:
            raise Refused(
                f"dimensions other than {size} are not offered; leave it out",
                code="unsupported_parameter",
                param="dimensions",
            )
        tokens = sum([await asyncio.to_thread(embedder.count, each) for each in asked.texts])
        return {
            "object": "list",
            "data": [
                {"object": "embedding", "index": index, "embedding": _told(row, asked.base64)}
                for index, row in enumerate(rows)
            ],
            "model": self._name,
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
        }

    async def _rows(
        self, request: Request, embedder: Embedder, texts: tuple[str, ...]
    ) -> list[NDArray[np.float32]]:
        if self._waiting >= _WAITING:
            raise Refused(
                f"{self._waiting} requests for embeddings wait already; try again later",
                kind="overloaded",
                code="overloaded",
                retry_after=2,
            )
        self._waiting += 1
        try:
            async with self._one:
                found: list[NDArray[np.float32]] = []
                for start in range(0, len(texts), _GROUP):
                    if await request.is_disconnected():
                        raise Refused(
                            "the client has gone away", kind="timeout", code="client_closed_request"
                        )
                    found += list(await asyncio.to_thread(embedder.embed, texts[start : start + _GROUP]))
                return found
        finally:
            self._waiting -= 1

    def _here(self) -> Embedder | None:
        if self._embedder is None:
            from longspan.retrieval.embedders.fetched import MINILM, here

            if here(MINILM):
                from longspan.retrieval.embedders.minilm import Minilm

                self._embedder, self._name = Minilm(), MINILM.name
        return self._embedder


def _told(row: NDArray[np.float32], as_base64: bool) -> list[float] | str:
    if as_base64:
        return base64.b64encode(row.astype("<f4").tobytes()).decode()
    return [float(each) for each in row]
