"""What is not kept stays in few bits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from torch import Tensor

from longspan.codecs.base import Codec
from longspan.codecs.kivi import Kivi
from longspan.policies.disposers.base import Disposer
from longspan.policies.view import View
from longspan.registry import Card
from longspan.store.form import Form
from longspan.store.layer import LayerStore
from longspan.store.medium import Medium

CARD = Card(
    name="quantize",
    target="longspan.policies.disposers.quantize:Quantize",
    paper="No Token Left Behind: Reliable KV Cache Compression via Importance-Aware Mixed Precision Quantization",
    link="https://arxiv.org/abs/2402.18096",
    year=2024,
    training=False,
    changes="Keeps in two bits what other policies drop.",
)


@dataclass(frozen=True, kw_only=True)
class Quantize(Disposer):
    """Mixed precision by importance, as in MiKV, https://arxiv.org/abs/2402.18096

    The entries that a policy would drop are encoded by `codec` and are still visited by every query; the budget
    counts only those that stay as they are. They are not scored again. A codec that encodes in blocks takes whole
    blocks, and what is left over stays as it is beside the budget, until later entries fill a block with it.
    Deviations: the paper's balancing of outlier channels before quantization is left to the codec, and in the paper
    what stays can be quantized too, which is the plan's codec here. The default holds two bits with scales shared by
    32 tokens of a channel; the paper's low precision is 2 .. 4 bits.
    """

    codec: Codec = field(default_factory=lambda: Kivi(bits=2, residual_length=0), metadata={"room": "codec"})
    """The form in which entries are held that do not stay as they are."""

    def __post_init__(self) -> None:
        if self.codec.raw or not self.codec.form().ready:
            raise ValueError(
                f"codec={type(self.codec).__name__} must see a text or unrotated keys before it encodes, which single "
                "entries cannot wait for; choose int8, int4 or kivi"
            )

    def rest(self) -> tuple[Form, Medium]:
        """A fresh form for the entries that do not stay, and where they lie."""
        return self.codec.form(), self.codec.medium

    def dispose(
        self, store: LayerStore, kept: Sequence[Tensor], scores: Tensor, view: View
    ) -> Sequence[Tensor]:
        """Encodes all but the kept entries."""
        return store.demote(kept, *self.rest())
