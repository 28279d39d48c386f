"""Another model that reads along with an answer, in order to draft."""

from __future__ import annotations

from collections import abc
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from longspan.decoding.base import Draft
from longspan.running.companion import NOTHING, Companion
from longspan.running.engine import Engine
from longspan.running.sequence import Sequence
from longspan.store.ledger import Ledger

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


class Outsider(Companion):
    """Reads the whole text by itself. name: of the model, None for the answer's own.

    Both have the same tokens, but their heads may have further places, which stand for none. A text with one that this
    model does not have is not drafted for.
    """

    def __init__(self, name: str | None, engine: Engine, main: Sequence) -> None:
        super().__init__(
            lambda: Sequence(engine, Ledger(), words=main.words), main.engine.seam.config.vocab_size
        )
        self._name, self._engine = name, engine

    def _reads(self, ids: abc.Sequence[int]) -> bool:
        known: int = self._engine.seam.config.vocab_size
        return max(ids, default=0) < known

    def _at(self, ids: abc.Sequence[int]) -> Tensor:
        window = self._engine.window
        if window is not None and len(ids) > window:
            raise ValueError(
                f"text has {len(ids):,} tokens where the window of model={self._name}, which drafts, has {window:,}; "
                "give it other positions, or a part of the text: policy=streamingllm(budget=512) and positions=in-cache"
            )
        if min(ids) < 0:
            raise ValueError(
                f"text has vectors among its tokens, which model={self._name} cannot read to draft; draft with the "
                "model itself, such as decode=self-speculation"
            )
        return self._known(super()._at(ids))

    def _passed(self, tokens: abc.Sequence[int], draft: Draft = NOTHING) -> Tensor:
        return self._known(super()._passed(tokens, draft))

    def _known(self, logits: Tensor) -> Tensor:
        """Logits for the tokens of the answer's model; those that the other one does not have never come."""
        short = self._vocabulary - logits.shape[-1]
        if short <= 0:
            return logits[..., : self._vocabulary]
        missing = logits.new_full((*logits.shape[:-1], short), float("-inf"))
        return torch.cat((logits, missing), -1)


def check_tokenizers(name: str, mine: PreTrainedTokenizerFast, theirs: PreTrainedTokenizerFast) -> None:
    """Raises ValueError for a model whose tokens are others."""
    own, other = mine.get_vocab(), theirs.get_vocab()
    if own == other:
        return
    different = sum(other.get(token) != number for token, number in own.items())
    raise ValueError(
        f"model={name} has another tokenizer, {different or len(other) - len(own):,} of {len(own):,} tokens differ; "
        "draft with a model of the same family"
    )
