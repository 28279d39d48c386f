"""TriForce: a model that drafts for itself over a part of its memory, and is drafted for in turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from torch import Tensor

from longspan.decoding.base import Decode, Draft, Drafter, Host, Proposer, Verifier
from longspan.decoding.chain import ChainDecode, check_whole_memory
from longspan.decoding.dynamic_tree import DynamicTree
from longspan.decoding.prompt_lookup import PromptLookup
from longspan.decoding.rsd import RSD
from longspan.parameters import check_range
from longspan.registry import Card, find
from longspan.slots import AnyPolicy, Slots

CARD = Card(
    name="triforce",
    target="longspan.decoding.triforce:TriForce",
    paper="TriForce: Lossless Acceleration of Long Sequence Generation with Hierarchical Speculative Decoding",
    link="https://arxiv.org/abs/2404.11912",
    year=2024,
    training=False,
    changes="The model over a retrieval cache drafts for itself over all, and something cheaper drafts for it.",
    field=(280,),
)


@dataclass(frozen=True, kw_only=True)
class TriForce(ChainDecode):
    """Two levels of speculation. https://arxiv.org/abs/2404.11912

    The middle is the same weights over a copy of the chunks that the last query finds, and reads along; the bottom is
    whatever drafts, with the authors a model of 68 million parameters over 16 first and 234 last tokens. Deviations:
    the middle's tokens are verified by rejection against the bottom and are then drawn from the middle's own
    distribution, while the authors' loop draws anew from it after a rejection, which changes the answer's distribution
    when it samples; each draft of the bottom is verified at once and not token by token; and the cache is made again
    after `every` tokens, while theirs overwrites its oldest places.
    """

    gamma: int = 6
    """Tokens that the middle says at most."""
    policy: AnyPolicy = field(default_factory=lambda: _cache(), metadata={"room": "policy"})
    """What the middle has of the memory."""
    bottom: Decode = field(default_factory=PromptLookup, metadata={"room": "decode"})
    """Who drafts for the middle."""
    every: int = 1024
    """Tokens after which the middle's cache is made anew."""
    recent: int = 1024
    """Last tokens that a bottom without a model looks at; it begins anew with each draft."""

    def __post_init__(self) -> None:
        check_range("every", self.every, 1)
        check_range("recent", self.recent, 1)
        super().__post_init__()

    def check(self, plan: Slots) -> None:
        """Refuses plans that keep a part anyway."""
        check_whole_memory("triforce", plan)

    def drafter(self, host: Host) -> Drafter:
        """The middle."""
        return host.same({"policy": self.policy, "selector": None}, every=self.every)

    def within(self, host: Host) -> tuple[Proposer, Verifier]:
        """The bottom."""
        proposer = self.bottom.proposer()
        proposer.join(host)
        models = ChainDecode, RSD, DynamicTree
        if not isinstance(self.bottom, models):
            proposer = _Recent(proposer, self.recent)
        return proposer, self.bottom.verifier()


class _Recent(Proposer):
    """Shows one who drafts the end of a text only."""

    def __init__(self, proposer: Proposer, count: int) -> None:
        self._proposer, self._count = proposer, count
        self._start: int | None = None

    def propose(self, ids: Sequence[int], room: int) -> Draft:
        """What it drafts."""
        if self._start is None:
            self._start = max(0, len(ids) - self._count)
        return self._proposer.propose(ids[self._start :], room)

    def learn(self, draft: Draft, logits: Tensor) -> None:
        """What it learns."""
        self._proposer.learn(draft, logits)


def _cache() -> AnyPolicy:
    made: AnyPolicy = find("policy", "retrieval-cache")()
    return made
