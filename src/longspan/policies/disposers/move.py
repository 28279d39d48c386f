"""What is not kept moves to host memory or to a disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from torch import Tensor

from longspan.codecs.base import Codec
from longspan.codecs.host import Host
from longspan.codecs.mapped import Mapped
from longspan.parameters import check_choice
from longspan.policies.disposers.base import Disposer
from longspan.policies.view import View
from longspan.registry import Card
from longspan.store.form import Form
from longspan.store.layer import LayerStore
from longspan.store.medium import Medium

CARD = Card(
    name="move",
    target="longspan.policies.disposers.move:Move",
    paper="FlexGen: High-Throughput Generative Inference of Large Language Models with a Single GPU",
    link="https://arxiv.org/abs/2303.06865",
    year=2023,
    training=False,
    changes="Moves what other policies drop to host memory or to a disk.",
)


@dataclass(frozen=True, kw_only=True)
class Move(Disposer):
    """A cache over two kinds of memory, as in FlexGen, https://arxiv.org/abs/2303.06865

    The entries that a policy would drop are moved as they are and still visited by every query, so that answers are
    those of the full cache; the budget counts only those that stay. They are not scored again and do not come back.
    Deviation: FlexGen splits each layer's cache by percentages and not by importance.
    """

    to: Literal["host", "disk"] = "host"
    """"host" for the memory of the host, of use where the model computes on another device: on a machine without
    one it is the same memory, and nothing is saved; "disk" for memory-mapped files, for models on the CPU.
    """
    folder: str | None = None
    """Where the files of to=disk lie; without it, the folder that TMPDIR names, or /var/tmp."""

    def __post_init__(self) -> None:
        check_choice("to", self.to, ("host", "disk"))
        if self.folder is not None and self.to == "host":
            raise ValueError(f"folder={self.folder!r} is for to=disk; leave it out, or move to the disk")

    def rest(self) -> tuple[Form, Medium]:
        """A fresh form for the entries that do not stay, and where they lie."""
        return self._codec.form(), self._codec.medium

    def dispose(
        self, store: LayerStore, kept: Sequence[Tensor], scores: Tensor, view: View
    ) -> Sequence[Tensor]:
        """Moves all but the kept entries."""
        return store.demote(kept, *self.rest())

    @cached_property
    def _codec(self) -> Codec:
        return Host(recent=0) if self.to == "host" else Mapped(folder=self.folder)
