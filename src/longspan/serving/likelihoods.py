"""How likely the tokens of a prompt were."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from torch import Tensor

from longspan.serving.events import Echoed
from longspan.spans.logprobs import Logprob, Logprobs
from longspan.spans.pieces import pieces_of

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


def echoed(
    tokenizer: PreTrainedTokenizerFast, logits: Tensor, tokens: Sequence[int], count: int, *, first: bool
) -> Echoed:
    """Tokens that were read and how likely each was after those before it.

    logits: `[n, vocab]` after the first n of `tokens`, which has one more unless the prompt ends there. count: how many
    of the likeliest are told. first: whether they begin the prompt; otherwise the first of them was told before.
    """
    data = pieces_of(tokenizer).data
    likely: list[Logprobs | None] = [None] if first else []
    for row, token in zip(logits.float().log_softmax(-1), tokens[1:], strict=False):
        values, places = row.topk(count)
        likeliest = zip(places.tolist(), values.tolist(), strict=True)
        likely.append(
            Logprobs(
                own=Logprob(token=token, data=data(token), value=float(row[token])),
                likeliest=tuple(
                    Logprob(token=each, data=data(each), value=value) for each, value in likeliest
                ),
            )
        )
    return Echoed(tokens=tuple(data(token) for token in tokens[0 if first else 1 :]), logprobs=tuple(likely))
