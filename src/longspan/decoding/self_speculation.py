"""Speculation of a model by itself over a sparse cache."""

from __future__ import annotations

from dataclasses import dataclass, field

from longspan.decoding.base import Drafter, Host
from longspan.decoding.chain import ChainDecode, check_whole_memory
from longspan.parameters import check_range
from longspan.registry import Card, find
from longspan.slots import AnyPolicy, AnySelector, Slots

CARD = Card(
    name="self-speculation",
    target="longspan.decoding.self_speculation:SelfSpeculation",
    paper="MagicDec: Breaking the Latency-Throughput Tradeoff for Long Context Generation with Speculative Decoding",
    link="https://arxiv.org/abs/2408.11049",
    year=2024,
    training=False,
    changes="The model itself drafts over a part of what it remembers, and verifies over all of it.",
)


def _streaming() -> AnyPolicy:
    made: AnyPolicy = find("policy", "streamingllm")(budget=4097, when="end")
    return made


@dataclass(frozen=True, kw_only=True)
class SelfSpeculation(ChainDecode):
    """The same weights draft over a sparse cache, as in MagicDec. https://arxiv.org/abs/2408.11049

    With a selector the draft visits entries of the answer's own memory, of which nothing is copied. With a policy it
    has a copy of what that leaves. A token drafted costs a pass through the weights, so that there is something to gain
    only where attention costs more than the weights: in long texts, and with small models.
    """

    gamma: int = 7
    """Tokens of a draft at most, as in the authors' scripts; fewer pay on a processor, which the gate finds."""
    policy: AnyPolicy | None = field(default_factory=lambda: _streaming(), metadata={"room": "policy"})
    """What is left for drafting, such as streamingllm(budget=1024); by default as many entries as in the
    authors' scripts."""
    selector: AnySelector | None = field(default=None, metadata={"room": "selector"})
    """What a drafted token visits, such as quest(budget=1024), then with policy=none."""
    every: int = 64
    """Tokens after which what a policy leaves is made anew."""

    def __post_init__(self) -> None:
        check_range("every", self.every, 1)
        if (self.policy is None) == (self.selector is None):
            raise ValueError(
                "policy and selector are both given or both none, allowed is one; write the other as none"
            )
        super().__post_init__()

    def check(self, plan: Slots) -> None:
        """Refuses plans that keep a part anyway."""
        check_whole_memory("self-speculation", plan)

    def drafter(self, host: Host) -> Drafter:
        """The model itself."""
        return host.same({"policy": self.policy, "selector": self.selector}, every=self.every)
