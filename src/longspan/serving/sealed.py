"""What was said before, compacted, as clients keep it and send it back: a reference that only this server can make."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from longspan.atomic import replacing
from longspan.errors import ContextError
from longspan.serving.asked import FunctionCall, Turn
from longspan.serving.refused import Refused
from longspan.spans import Document

_HEAD = "longspan1."
_MAC = 32
_LONGEST = 2**22
"""Bytes of what a reference holds, when it is no longer compressed."""
_FILE = "seal.key"


@dataclass(frozen=True, kw_only=True)
class Compaction:
    """Turns of a dialogue, of which the keys and values were compressed.

    context: which holds them, "" for none. base: the context behind which the dialogue began. text: the same in few
    words, for where the context is lost. tail: turns behind it, kept as they are. known: digests of what clients send
    with every request, and that is in it. own: whether this server made it for who asks.
    """

    context: str
    text: str
    base: str | None = None
    tail: tuple[Turn, ...] = ()
    known: frozenset[str] = frozenset()
    own: bool = True


class Seal:
    """Makes references, and tells its own from others. key: 32 secret bytes, drawn unless given."""

    def __init__(self, key: bytes | None = None) -> None:
        self._key = key or secrets.token_bytes(_MAC)

    @classmethod
    def kept(cls, folder: Path) -> Seal:
        """One whose key lies in a folder, so that its references outlive a restart. Raises ContextError."""
        place = folder / _FILE
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not place.exists():
                with replacing(place, private=True) as file:
                    file.write(secrets.token_bytes(_MAC))
            key = place.read_bytes()
        except OSError as error:
            raise ContextError(f"{place} cannot be used ({error.strerror}); give another folder") from None
        if len(key) != _MAC:
            raise ContextError(f"{place} is damaged; delete it, and compacted dialogues go on by their text")
        return cls(key)

    def sealed(self, owner: str, compaction: Compaction) -> str:
        """The reference."""
        held = {
            "context": compaction.context,
            "text": compaction.text,
            "base": compaction.base,
            "tail": [_written(each) for each in compaction.tail],
            "known": sorted(compaction.known),
        }
        data = zlib.compress(json.dumps(held, ensure_ascii=False).encode(errors="surrogatepass"))
        return _HEAD + base64.urlsafe_b64encode(self._mac(owner, data) + data).decode()

    def opened(self, owner: str, text: str, where: str) -> Compaction:
        """What a reference stands for. One that was made elsewhere, or for somebody else, has no context, and only its
        text is gone on from. where: the field of the request. Raises Refused for anything else."""
        try:
            if not text.startswith(_HEAD):
                raise ValueError("of another make")
            data = base64.b64decode(text[len(_HEAD) :], altchars=b"-_", validate=True)
            mac, data = data[:_MAC], data[_MAC:]
            unpacking = zlib.decompressobj()
            held = json.loads(unpacking.decompress(data, _LONGEST))
            if unpacking.unconsumed_tail:
                raise ValueError("too long")
            compaction = Compaction(
                context=str(held["context"]),
                text=str(held["text"]),
                base=None if held["base"] is None else str(held["base"]),
                tail=tuple(_read(each) for each in held["tail"]),
                known=frozenset(str(each) for each in held["known"]),
            )
        except (
            binascii.Error,
            zlib.error,
            ValueError,
            LookupError,
            TypeError,
            AttributeError,
            RecursionError,
        ):
            raise Refused(
                f"{where} is no compaction of this server; send it back as it came, or what was said before it",
                code="invalid_compaction",
                param=where,
            ) from None
        if hmac.compare_digest(mac, self._mac(owner, data)):
            return compaction
        return replace(compaction, context="", base=None, known=frozenset(), own=False)

    def _mac(self, owner: str, data: bytes) -> bytes:
        return hmac.digest(self._key, hashlib.sha256(owner.encode()).digest() + data, "sha256")


def _written(turn: Turn) -> dict[str, Any]:
    return {
        "role": turn.role,
        "text": turn.text,
        "documents": [[each.name, each.text] for each in turn.documents],
        "calls": [[each.id, each.name, each.arguments] for each in turn.calls],
        "answers": turn.answers,
        "reasoning": turn.reasoning,
    }


def _read(held: dict[str, Any]) -> Turn:
    if held["role"] not in ("system", "user", "assistant", "tool"):
        raise ValueError("nobody of that role")
    return Turn(
        role=held["role"],
        text=str(held["text"]),
        documents=tuple(Document(str(name), str(text)) for name, text in held["documents"]),
        calls=tuple(FunctionCall(id=str(i), name=str(n), arguments=str(a)) for i, n, a in held["calls"]),
        answers=str(held["answers"]),
        reasoning=str(held["reasoning"]),
    )
