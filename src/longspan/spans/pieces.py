"""The bytes that each token of a vocabulary stands for."""

from __future__ import annotations

import json
import re
from functools import cached_property
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_BYTE = re.compile(r"<0x([0-9A-Fa-f]{2})>")


class Pieces:
    """What tokens stand for, as bytes, where they follow others: a word keeps the blank before it.

    Tokens of single bytes and of parts of characters stand for these bytes; control tokens for what they are called;
    what the vocabulary lacks for nothing.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self._backend = backend = tokenizer.backend_tokenizer
        self.size = backend.get_vocab_size()
        added = backend.get_added_tokens_decoder()
        self._added: dict[int, str] = {token: each.content for token, each in added.items()}
        kinds = _kinds(json.loads(backend.decoder.__getstate__())) if backend.decoder else set()
        self._byte_level, self._single_bytes = "ByteLevel" in kinds, "ByteFallback" in kinds
        self._before = backend.encode("a", add_special_tokens=False).ids
        self._start = len(backend.decode(self._before))
        self._known: dict[int, bytes] = {}

    def data(self, token: int) -> bytes:
        """The bytes of a token."""
        if token not in self._known:
            self._known[token] = self._found(token)
        return self._known[token]

    @cached_property
    def all(self) -> tuple[bytes, ...]:
        """The bytes of every token, by its number."""
        last = max(self._backend.get_vocab(with_added_tokens=True).values(), default=-1)
        return tuple(self.data(token) for token in range(last + 1))

    def of(self, text: str) -> list[int]:
        """The tokens that stand for just this text."""
        data = text.encode()
        return [token for token, each in enumerate(self.all) if each == data]

    def _found(self, token: int) -> bytes:
        piece = self._backend.id_to_token(token)
        if piece is None:
            return b""
        if token in self._added:
            return self._added[token].encode()
        if self._byte_level and all(each in self._alphabet for each in piece):
            return bytes(self._alphabet[each] for each in piece)
        if self._single_bytes and (byte := _BYTE.fullmatch(piece)):
            return bytes([int(byte[1], 16)])
        text: str = self._backend.decode([*self._before, token])
        return str(text[self._start :]).encode()

    @cached_property
    def _alphabet(self) -> dict[str, int]:
        """The characters by which byte-level vocabularies write bytes: as they are if they show, else above 255."""
        from transformers.convert_slow_tokenizer import bytes_to_unicode

        return {character: byte for byte, character in bytes_to_unicode().items()}


def _kinds(decoder: dict[str, object]) -> set[object]:
    """The types of a decoder and of those it is made of."""
    inner = decoder.get("decoders")
    within = (_kinds(each) for each in inner) if isinstance(inner, list) else ()
    return {decoder.get("type")}.union(*within)


_PIECES: WeakKeyDictionary[PreTrainedTokenizerBase, Pieces] = WeakKeyDictionary()


def pieces_of(tokenizer: PreTrainedTokenizerBase) -> Pieces:
    """The pieces of a tokenizer, made once, and again when tokens were added."""
    known = _PIECES.get(tokenizer)
    if known is None or known.size != tokenizer.backend_tokenizer.get_vocab_size():
        known = _PIECES[tokenizer] = Pieces(tokenizer)
    return known
