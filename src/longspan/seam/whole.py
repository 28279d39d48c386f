"""A recognised network, run layer by layer in few calls instead of through its modules."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat
from operator import contains
from typing import Any

import torch
from torch import Tensor

from longspan.kernels.layers import FORMATS, alike
from longspan.seam.borrowing import Attention, Borrowing, Call
from longspan.seam.leaving import Staying
from longspan.seam.recognised import Recognised, UnknownError, recognised


class Whole:
    """Runs tokens through the layers of a network that was recognised.

    dtype: the format of queries, keys and values. layers, softmaxes: of its attentions, in order. last: what makes
    logits of tokens behind them. width: numbers of a token between layers. steps: whether all layers can be run in one
    call, where nothing is done between them.
    """

    def __init__(self, borrowing: Borrowing, found: Recognised, dtype: torch.dtype) -> None:
        self._borrowing, self.dtype = borrowing, dtype
        self.layers, self.last, self.softmaxes, modules = found
        self.width = borrowing.network.get_input_embeddings().embedding_dim
        self.steps = alike(self.layers) and all(each.sinks is None for each in self.softmaxes)
        self._given = [vars(module) for module in dict.fromkeys([*modules, *borrowing.network.modules()])]
        self._hooks: list[Any] = [
            hooks
            for module in borrowing.network.modules()
            for hooks in (module._forward_hooks, module._forward_pre_hooks)
        ]
        self._own_hooks = list(map(len, self._hooks))

    @property
    def untouched(self) -> bool:
        """Whether nobody watches a module of the network, or gave it another forward, which would not run."""
        given = any(map(contains, self._given, repeat("forward")))
        return not given and list(map(len, self._hooks)) == self._own_hooks

    def embedded(self, ids: Tensor, vectors: Sequence[Tensor] = ()) -> Tensor:
        """What the first layer is given for tokens `[n]`: fp32 `[n, width]`."""
        return self._borrowing.embedded(ids, vectors)[0].float().contiguous()

    def forward(
        self,
        ids: Tensor,
        keep: Tensor,
        attention: Attention,
        vectors: Sequence[Tensor],
        staying: Staying | None,
    ) -> Tensor:
        """Logits fp32 `[k, vocab]`; arguments as for `Seam.forward`."""
        with torch.inference_mode():
            hidden = self.embedded(ids, vectors)
            left: Tensor | None = None
            for number, (layer, softmax) in enumerate(zip(self.layers, self.softmaxes, strict=True)):
                query, key, value = layer.before(hidden, self.dtype)
                out = attention(Call(layer=number, query=query, key=key, value=value, softmax=softmax))
                layer.after(out, hidden)
                rows = None if staying is None else staying()
                if rows is not None:
                    hidden = hidden[rows]
                    left = rows if left is None else left[rows]
            return self.last(hidden[keep if left is None else torch.searchsorted(left, keep)])


def whole(borrowing: Borrowing, ids: Tensor, dtype: torch.dtype) -> Whole | None:
    """What runs a network whose layers are recognised, None for others. ids: some tokens to try it with, `[n]`."""
    if dtype not in FORMATS:
        return None
    try:
        return Whole(borrowing, recognised(borrowing, ids), dtype)
    except UnknownError:
        return None
