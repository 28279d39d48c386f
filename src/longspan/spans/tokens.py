"""Tokens that know which characters they stand for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from longspan.spans.encoder import encoder_of

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True)
class Tokens:
    """Token ids, and for each the characters ``(start, end)`` of the text that it stands for.

    Where one character takes several tokens, each of them has the offsets of the whole character.
    """

    ids: list[int]
    offsets: list[tuple[int, int]]

    def __len__(self) -> int:
        return len(self.ids)


def tokenize(tokenizer: PreTrainedTokenizerBase, text: str, *, plain: bool = False) -> Tokens:
    """All of ``text`` as tokens, nothing added and nothing cut, however long it is.

    A control token spelled out in the text, such as ``<|im_end|>``, becomes that token, as a chat
    template needs it; with ``plain`` it is read as the characters it is made of, as a document needs
    it, so that a document cannot end its turn. Control tokens are all that were added to the
    vocabulary, special or not, but white space. Raises ``UnsupportedModel`` for a tokenizer without
    offsets, and ``ValueError`` for a text that holds half of a surrogate pair.
    """
    ids, offsets = [], []
    for stretch in encoder_of(tokenizer).stretches(text, plain=plain):
        ids += stretch.ids
        offsets += stretch.offsets
    return Tokens(ids=ids, offsets=offsets)


def count_tokens(tokenizer: PreTrainedTokenizerBase, text: str) -> int:
    """How many tokens ``tokenize(tokenizer, text, plain=True)`` has, in the memory of a few of them."""
    return sum(each.last - each.first for each in encoder_of(tokenizer).stretches(text))
