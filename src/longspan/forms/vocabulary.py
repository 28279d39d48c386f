"""A model's tokens, as llguidance wants to know them."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from longspan.errors import UnsupportedModel
from longspan.spans.encoder import controls
from longspan.spans.pieces import Pieces, pieces_of

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

_SAMPLES = 64


class Vocabulary:
    """The bytes of each token, control tokens apart, which are no text. size: tokens, without those a head has besides.

    Raises UnsupportedModel for a tokenizer whose tokens become other text beside one another.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        from llguidance import LLTokenizer
        from llguidance._tokenizer import TokenizerWrapper

        self._pieces, self._backend = pieces_of(tokenizer), tokenizer.backend_tokenizer
        self.data = self._pieces.all
        self.size = len(self.data)
        _check_joined(self._pieces, self._backend)
        added = self._backend.get_added_tokens_decoder()
        silent = {token for token, each in added.items() if controls(each.content)} | set(
            tokenizer.all_special_ids
        )
        # What llguidance calls the end is a token of its own, since models have several.
        self.eos_token_id, self.bos_token_id = self.size, None
        self.tokens = [*self.data, b""]
        self.special_token_ids = sorted(silent | {self.size})
        self.own: Any = LLTokenizer(TokenizerWrapper(self))

    def __call__(self, text: bytes | str) -> list[int]:
        """The tokens of some text, as the tokenizer splits it where it can be split so in the middle of a text."""
        data = text if isinstance(text, bytes) else text.encode()
        try:
            ids: list[int] = self._backend.encode(data.decode(), add_special_tokens=False).ids
        except UnicodeDecodeError:
            ids = []
        return ids if b"".join(map(self._pieces.data, ids)) == data else self._greedy(data)

    def _greedy(self, data: bytes) -> list[int]:
        """The longest tokens, one after the other; a byte that no token begins with is left out."""
        if not hasattr(self, "_by_data"):
            self._by_data = {each: token for token, each in reversed(list(enumerate(self.data))) if each}
            self._longest = max(map(len, self._by_data), default=0)
        ids, at = [], 0
        while at < len(data):
            size = next((n for n in range(self._longest, 0, -1) if data[at : at + n] in self._by_data), 0)
            if size:
                ids.append(self._by_data[data[at : at + size]])
            at += size or 1
        return ids


def _check_joined(pieces: Pieces, backend: Any) -> None:
    """Whether tokens beside one another are their bytes beside one another."""
    step = max(1, len(pieces.all) // _SAMPLES)
    whole = [token for token in range(0, len(pieces.all), step) if _is_text(pieces.data(token))]
    before = backend.encode("a", add_special_tokens=False).ids
    start = len(backend.decode(before))
    for pair in pairwise(whole):
        text = backend.decode([*before, *pair], skip_special_tokens=False)[start:]
        if text.encode() != b"".join(map(pieces.data, pair)):
            raise UnsupportedModel(
                f"tokens {pair[0]} and {pair[1]} of this model become other text beside one another, "
                "so no form can be held; ask without one"
            )


def _is_text(data: bytes) -> bool:
    try:
        return bool(data.decode())
    except UnicodeDecodeError:
        return False


_KNOWN: WeakKeyDictionary[PreTrainedTokenizerFast, Vocabulary] = WeakKeyDictionary()


def vocabulary_of(tokenizer: PreTrainedTokenizerFast) -> Vocabulary:
    """The vocabulary of a tokenizer, made once, and again when tokens were added."""
    known = _KNOWN.get(tokenizer)
    if known is None or known.size != len(pieces_of(tokenizer).all):
        known = _KNOWN[tokenizer] = Vocabulary(tokenizer)
    return known
