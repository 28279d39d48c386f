"""A selection holds for some steps."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from longspan.parameters import check_range
from longspan.registry import Card
from longspan.selectors.base import Visit
from longspan.selectors.groupings.base import Picked
from longspan.selectors.reuses.base import Kept, Recall, Reuse

CARD = Card(
    name="steps",
    target="longspan.selectors.reuses.steps:Steps",
    paper="Recycled Attention: Efficient inference for long-context language models",
    link="https://arxiv.org/abs/2411.05787",
    year=2024,
    training=False,
    changes="A choice holds for so many steps.",
)


@dataclass(frozen=True, kw_only=True)
class Steps(Reuse):
    """Queries choose anew every so many steps, as in Recycled Attention, https://arxiv.org/abs/2411.05787."""

    stride: int = 50
    """The steps from one choice to the next."""

    def __post_init__(self) -> None:
        check_range("stride", self.stride, 1)

    def recall(self) -> Recall:
        """No choice yet."""
        return LastSteps(self.stride)


class LastSteps(Kept):
    """The last choice, and how many queries it has served."""

    def __init__(self, stride: int) -> None:
        super().__init__()
        self._stride = stride
        self._served = 0

    def holds(self, visit: Visit) -> bool:
        """Whether it is not too old; it serves one more query then."""
        self._served += 1
        return self._served <= self._stride

    def remember(self, visit: Visit, picked: Picked) -> None:
        """The choice, which has served one query."""
        super().remember(visit, picked)
        self._served = 1

    def tensors(self) -> dict[str, Tensor]:
        """Choice and count."""
        return super().tensors() | ({"served": torch.tensor(self._served)} if self._served else {})

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Takes them back."""
        super().load(tensors)
        self._served = int(tensors.get("served", 0))
