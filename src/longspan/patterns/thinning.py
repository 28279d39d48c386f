"""Patterns by which tokens leave the model on their way through its layers."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from longspan.errors import PlanError
from longspan.kernels.block_index import BlockIndex
from longspan.patterns.base import Pattern, PatternView
from longspan.patterns.choosing import causal_blocks, own_blocks, visits_of
from longspan.slots import Slots


@dataclass(frozen=True, kw_only=True)
class Thinning(Pattern):
    """Base of patterns that drop tokens, not keys.

    A token that leaves after a layer costs the later layers nothing, and they hold no entry of it; the layers up to
    there keep theirs. Among the tokens that are there attention is whole, each at the position where it stood.
    Tokens whose logits are wanted stay, so `Session.logits` reads everything. Layers with a sliding window do not
    choose; theirs counts positions, of tokens that left too.
    """

    pieces: ClassVar[bool] = True

    @property
    @abstractmethod
    def tail(self) -> int:
        """How many of the last tokens of a chunk always stay, 1 or more: what follows continues their positions."""

    @abstractmethod
    def staying(self, view: PatternView) -> Tensor | None:
        """Which of the chunk's tokens go on to the next layer, bool `[n]`; None for all.

        view: queries and keys of the tokens of the chunk that are still there, and of no others.
        """

    def index(self, view: PatternView) -> BlockIndex:
        """All keys: what is there is seen."""
        own = own_blocks(view, 64)
        allowed = causal_blocks(own, int(own[-1]) + 1)
        return BlockIndex(block=64, first=int(own[0]), visits=visits_of(allowed[None]))

    def check(self, plan: Slots) -> None:
        """Refuses parts that look at tokens which may have left."""
        super().check(plan)
        if plan.positions is not None and plan.positions.by_rank:
            raise PlanError(
                "this pattern has tokens leave, and positions by rank in the cache would close the gaps; choose "
                "positions=yarn, dca or another scheme, or leave out pattern="
            )
        if plan.selector is not None and plan.selector.surprised:
            raise PlanError(
                "this pattern has tokens leave, and this selector asks for the probability of each; choose another "
                "selector, or leave out pattern="
            )
        observed = max((part.observed for part in (plan.policy, plan.codec) if part is not None), default=0)
        if observed > self.tail:
            raise PlanError(
                f"this pattern has tokens leave except the last {self.tail} of a chunk, and the policy or codec looks "
                f"at the last {observed}; have the pattern keep {observed}, or leave out pattern="
            )
        if plan.policy is not None and plan.policy.tracking is not None:
            raise PlanError(
                "this pattern has tokens leave, and this policy watches the queries of all; choose a policy that looks "
                "at keys or at the last queries, such as keydiff or snapkv, or leave out pattern="
            )
