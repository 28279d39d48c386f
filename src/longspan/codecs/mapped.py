"""Entries in memory-mapped files, for caches larger than memory."""

from __future__ import annotations

from dataclasses import dataclass

from longspan.codecs.elsewhere import Elsewhere
from longspan.registry import Card
from longspan.store.mapped import MappedFile
from longspan.store.medium import Medium

CARD = Card(
    name="mapped",
    target="longspan.codecs.mapped:Mapped",
    paper="InstInfer: In-Storage Attention Offloading for Cost-Effective Long-Context LLM Inference",
    link="https://arxiv.org/abs/2409.04992",
    year=2024,
    training=False,
    changes="Keeps entries in memory-mapped files, in any form, so that the cache may exceed memory.",
    field=(130,),
    missing="Attention is computed by the processor, since no storage device that computes it is at hand.",
)


@dataclass(frozen=True, kw_only=True)
class Mapped(Elsewhere):
    """The cache on storage, the point of InstInfer on ordinary hardware. https://arxiv.org/abs/2409.04992

    Entries are not moved to a GPU, so that the model must compute on the CPU.

    Deviation: InstInfer computes attention inside the storage device; here what a query visits is read into memory,
    which the system's page cache makes free as long as there is memory to spare. It goes well with a selector.
    """

    folder: str | None = None
    """Where the files lie, on a disk of its own speed; without it, the folder that TMPDIR names, or /var/tmp. The
    files have no names, and are gone when the session ends, or the process, however it ends.
    """

    @property
    def medium(self) -> Medium:
        """Files."""
        return MappedFile(self.folder)
