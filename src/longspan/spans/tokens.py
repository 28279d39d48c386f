"""Tokens that know which characters they stand for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from longspan.errors import UnsupportedModel

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

    A special token spelled out in the text, such as ``<|im_end|>``, becomes that token, as a chat
    template needs it; with ``plain`` it is read as the characters it is made of, as a document needs
    it, so that a document cannot end its turn. Raises ``UnsupportedModel`` for a tokenizer without
    offsets.
    """
    if not tokenizer.is_fast:
        raise UnsupportedModel(
            f"{type(tokenizer).__name__} gives no character offsets, which citations need; "
            "use a model that comes with a tokenizer.json"
        )
    encoded = tokenizer(
        text,
        add_special_tokens=False,
        return_offsets_mapping=True,
        return_attention_mask=False,
        return_token_type_ids=False,
        truncation=False,
        split_special_tokens=plain,
        verbose=False,
    )
    return Tokens(ids=encoded["input_ids"], offsets=encoded["offset_mapping"])
