"""All heads as one long vector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from longspan.parameters import check_choice, check_range
from longspan.registry import Card
from longspan.selectors.base import Visit
from longspan.selectors.groupings.base import Picked
from longspan.selectors.scorings.base import Scoring, best, closest, fitting, prefix

CARD = Card(
    name="joint",
    target="longspan.selectors.scorings.joint:Joint",
    paper="InfLLM: Unveiling the Intrinsic Capacity of LLMs for Understanding Extremely Long Sequences with "
    "Training-Free Memory",
    link="https://arxiv.org/abs/2402.04617",
    year=2024,
    training=False,
    changes="All heads of a layer choose together by the sum of their matches, with neighbours if asked for.",
)


@dataclass(frozen=True, kw_only=True)
class Joint(Scoring):
    """All heads of a layer visit the same groups, those with the largest sum of matches over the heads.

    As in InfLLM, https://arxiv.org/abs/2402.04617, where the heads' keys are compared as one vector.
    """

    joint: ClassVar[bool] = True

    neighbours: float = 0.0
    """Share of the budget, rounded up, for the groups before and after those that were chosen, from the best on:
    the contiguity buffer of EM-LLM, https://arxiv.org/abs/2407.09450. There the buffer also keeps neighbours of
    groups that earlier queries chose, while there is room; here it is filled anew by every choice.
    """
    fill: Literal["within", "nearest"] = "within"
    """"within" takes groups while they fit into their share, "nearest" as many as come nearest to it, which may be
    more, as in EM-LLM.
    """

    def __post_init__(self) -> None:
        check_range("neighbours", self.neighbours, 0.0, 1.0)
        check_choice("fill", self.fill, ("within", "nearest"))

    def scores(self, match: Tensor, sizes: int | Tensor, visit: Visit) -> Tensor:
        """One chooser."""
        return match.float().sum((0, 1))[None, None]

    def pick(self, scores: Tensor, sizes: int | Tensor, budget: int | None) -> Picked:
        """The best groups, and their neighbours in time."""
        if budget is None or (self.fill == "within" and not self.neighbours):
            return best(scores, sizes, budget)
        count_of = closest if self.fill == "nearest" else fitting
        buffer = int(budget * self.neighbours) + 1 if self.neighbours else 0
        order = scores.argsort(-1, descending=True)
        counts = count_of(order, sizes, budget - buffer).clamp(min=1)
        if not buffer:
            return prefix(order, counts)
        count = int(counts)
        chosen = order[0, 0, :count]
        beside = torch.stack((chosen + 1, chosen - 1), 1).flatten()
        beside = beside[(beside >= 0) & (beside < scores.shape[-1])]
        ranking = torch.cat((chosen, beside)).tolist()
        wanted = list(dict.fromkeys(ranking))  # each once, in the order of its first place
        ranked = torch.tensor(wanted, device=scores.device)[None, None]
        taken = int(count_of(ranked[..., count:], sizes, buffer))
        return Picked(ranked[..., : count + taken].sort(-1).values)
