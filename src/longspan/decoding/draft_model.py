"""Speculative decoding with a smaller model."""

from __future__ import annotations

from dataclasses import dataclass, field

from longspan.decoding.base import Drafter, Host
from longspan.decoding.chain import ChainDecode
from longspan.registry import Card
from longspan.slots import AnyCodec, AnyPolicy, AnyPositions, AnySelector

CARD = Card(
    name="draft-model",
    target="longspan.decoding.draft_model:DraftModel",
    paper="Fast Inference from Transformers via Speculative Decoding",
    link="https://arxiv.org/abs/2211.17192",
    year=2022,
    training=False,
    changes="A smaller model with the same tokens drafts a line, which is verified in one pass.",
)


@dataclass(frozen=True, kw_only=True)
class DraftModel(ChainDecode):
    """A second model reads along and drafts. https://arxiv.org/abs/2211.17192

    Its tokenizer must be the same. It reads the whole text by itself, under a plan of its own, and keeps what it read
    for the next answer of the session.
    """

    model: str
    """The model that drafts, as `longspan.load` takes it, or a name among the `drafters` of a session."""
    positions: AnyPositions | None = field(default=None, metadata={"room": "positions"})
    """Positions of the model that drafts."""
    pattern: object | None = field(default=None, metadata={"room": "pattern"})
    """Pattern by which it reads."""
    policy: AnyPolicy | None = field(default=None, metadata={"room": "policy"})
    """What it keeps of the text."""
    selector: AnySelector | None = field(default=None, metadata={"room": "selector"})
    """What it visits of that while it drafts."""
    codec: AnyCodec | None = field(default=None, metadata={"room": "codec"})
    """The form in which it keeps it."""

    def drafter(self, host: Host) -> Drafter:
        """The other model."""
        parts = ("positions", "pattern", "policy", "selector", "codec")
        return host.other(self.model, {slot: getattr(self, slot) for slot in parts})
