"""What the form of an answer leaves no choice about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from longspan.decoding.base import Decode, Draft, Proposer
from longspan.registry import Card

CARD = Card(
    name="forced",
    target="longspan.decoding.forced:Forced",
    paper="SGLang: Efficient Execution of Structured Language Model Programs",
    link="https://arxiv.org/abs/2312.07104",
    year=2024,
    training=False,
    changes="Where the form of an answer leaves no choice, such as between the values of JSON, its text is drafted.",
)


@dataclass(frozen=True, kw_only=True)
class Forced(Decode):
    """Drafts nothing but what the form that an answer is held to forces, which all methods draft first.

    https://arxiv.org/abs/2312.07104 jumps forward: the text is taken as it is and split into tokens anew. Here it is
    verified, so that the answer is the one without drafts, where the model would split it otherwise too.
    """

    def proposer(self) -> Proposer:
        """One that knows nothing."""
        return _Nothing()


class _Nothing(Proposer):
    def propose(self, ids: Sequence[int], room: int) -> Draft:
        """Nothing."""
        return Draft()
