"""StreamingLLM: the first tokens and the most recent ones."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from longspan.parameters import check_range
from longspan.policies.base import Policy
from longspan.policies.view import View


@dataclass(frozen=True, kw_only=True)
class StreamingLLM(Policy):
    """Attention sinks and a sliding cache. https://arxiv.org/abs/2309.17453

    sinks: first tokens that always stay. The paper also numbers positions by place in the cache; here entries
    keep their true positions, so that what is read must still fit the window of the position scheme.
    """

    sinks: int = 4

    def __post_init__(self) -> None:
        check_range("sinks", self.sinks, 0)
        super().__post_init__()

    @property
    def least(self) -> int:
        """The sinks and one recent token."""
        return self.sinks + 1

    def scores(self, view: View) -> Tensor:
        """The later, the more important; +∞ for the sinks."""
        return view.positions.float().masked_fill(view.positions < self.sinks, torch.inf)
