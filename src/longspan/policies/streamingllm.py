"""StreamingLLM: the first tokens and the most recent ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from longspan.parameters import check_range
from longspan.policies.base import Policy
from longspan.policies.view import View
from longspan.registry import Card

CARD = Card(
    name="streamingllm",
    target="longspan.policies.streamingllm:StreamingLLM",
    paper="Efficient Streaming Language Models with Attention Sinks",
    link="https://arxiv.org/abs/2309.17453",
    year=2023,
    training=False,
    changes="Keeps the first tokens and the most recent ones.",
)


@dataclass(frozen=True, kw_only=True)
class StreamingLLM(Policy):
    """Attention sinks and a sliding cache. https://arxiv.org/abs/2309.17453

    It streams: evicts after each chunk that is read, so that a chunk sees the cache and itself, and a question is text
    like any other. With when="end" the whole prompt sees everything, and what is generated is not evicted.
    The paper numbers positions by place in the cache, so that a text may be longer than any window: that is
    positions=in-cache beside this policy. Without it entries keep their true positions, and what is read must fit the
    window of the position scheme.
    """

    spares_question: ClassVar[bool] = False

    when: Literal["end", "chunk"] = "chunk"
    sinks: int = 4
    """First tokens that always stay."""
    every: int = 1
    """Generated tokens after which it evicts again; with 1, as in the paper, the cache never grows while the model
    generates.
    """

    def __post_init__(self) -> None:
        check_range("sinks", self.sinks, 0)
        check_range("every", self.every, 1)
        super().__post_init__()

    @property
    def min_entries(self) -> int:
        """The sinks and one recent token."""
        return self.sinks + 1

    @property
    def interval(self) -> int:
        """As `every` says."""
        return self.every

    def scores(self, view: View) -> Tensor:
        """The later, the more important; +∞ for the sinks."""
        return view.positions.float().masked_fill(view.positions < self.sinks, torch.inf)
