"""A proposer that drafts one token: the one that followed the last token before."""

from dataclasses import dataclass

from longspan.decoding.base import Decode, Draft, Proposer
from longspan.registry import Card


class Last(Proposer):
    """Looks back for the last token."""

    def propose(self, ids, room):
        before = [place for place in range(len(ids) - 1) if ids[place] == ids[-1]]
        return Draft.line([ids[before[-1] + 1]]) if before else Draft()


@dataclass(frozen=True, kw_only=True)
class Echo(Decode):
    """Drafts what followed the same token last time. https://example.org/echo"""

    def proposer(self):
        return Last()


CARD = Card(
    name="echo",
    target="echo:Echo",
    paper="A stranger's proposer",
    link="https://example.org/echo",
    year=2026,
    training=False,
    changes="Drafts the token that followed the last one before.",
)
ENTRY_POINTS = {"longspan.methods": {"decode.echo": "echo:CARD"}}
