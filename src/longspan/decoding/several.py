"""Several proposers of which the most promising one is heard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from torch import Tensor

from longspan.decoding.base import Decode, Draft, Exact, Host, Proposer
from longspan.decoding.prompt_lookup import PromptLookup
from longspan.decoding.token_recycling import TokenRecycling
from longspan.registry import Card

CARD = Card(
    name="several",
    target="longspan.decoding.several:Several",
    paper="SAM Decoding: Speculative Decoding via Suffix Automaton",
    link="https://arxiv.org/abs/2411.10666",
    year=2024,
    training=False,
    changes="Asks several proposers, and verifies the draft of which most tokens are expected to be said.",
)


def _usual() -> tuple[Decode, ...]:
    return PromptLookup(), TokenRecycling()


@dataclass(frozen=True, kw_only=True)
class Several(Decode):
    """Retrieval where it finds something, another drafter where not. https://arxiv.org/abs/2411.10666

    The paper finds the longest match by a suffix automaton and asks its second drafter below a length of match; here
    each proposer says how likely its tokens are, learned as the text goes on, and the larger sum counts. Those that are
    not heard are compared with the text all the same.
    """

    of: tuple[Decode, ...] = field(default_factory=_usual, metadata={"room": "decode"})
    """Who is asked, such as [prompt-lookup,lookahead]; proposers that say how likely their tokens are."""

    def __post_init__(self) -> None:
        if len(self.of) < 2:
            raise ValueError(f"of has {len(self.of)} proposers, allowed are 2 .. ∞")
        for each in self.of:
            if type(each.verifier()) is not Exact:
                raise ValueError(
                    f"of has {type(each).__name__}, which verifies by a rule of its own; use it alone"
                )

    def proposer(self) -> Proposer:
        """All of them."""
        return _Several([each.proposer() for each in self.of])


class _Several(Proposer):
    def __init__(self, proposers: list[Proposer]) -> None:
        self._proposers = proposers

    def join(self, host: Host) -> None:
        """Tells them all."""
        for each in self._proposers:
            each.join(host)

    def propose(self, ids: Sequence[int], room: int) -> Draft:
        """The draft of which most is expected; one without scores counts as nothing."""
        drafts = [each.propose(ids, room) for each in self._proposers]
        return max(drafts, key=lambda draft: (sum(draft.scores), len(draft.ids)))

    def learn(self, draft: Draft, logits: Tensor) -> None:
        """Tells them all."""
        for each in self._proposers:
            each.learn(draft, logits)
