"""MILLION: product quantization of keys and values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from longspan.codecs.base import Codec
from longspan.kernels.clusters import kmeans, nearest
from longspan.kernels.packing import pack, unpack
from longspan.parameters import check_choice, check_range
from longspan.registry import Card
from longspan.store.form import Columns, Form, Learns

_SAMPLES = 16  # vectors per centroid that codebooks are learned from
_WIDE = {2: torch.int16, 4: torch.int32, 8: torch.int64, 16: torch.complex128}


CARD = Card(
    name="million",
    target="longspan.codecs.million:Million",
    paper="MILLION: Mastering Long-Context LLM Inference Via Outlier-Immunized KV Product Quantization",
    link="https://arxiv.org/abs/2504.03661",
    year=2025,
    training=False,
    changes="Keeps pieces of keys and values as numbers of centroids that were learned from the first chunk.",
    field=(195,),
    missing="Codebooks are learned from the first chunk of a text and not beforehand from a calibration set, "
    "which is not at hand, and from keys before rotation; later chunks of a text see earlier ones as stored.",
)


@dataclass(frozen=True, kw_only=True)
class Million(Codec):
    """MILLION: outlier-immunized product quantization. https://arxiv.org/abs/2504.03661

    Vectors are cut into subspaces of a few channels, and each piece is stored as the number of its nearest centroid
    in the subspace's codebook. All heads of a layer share the codebooks, one set for keys and one for values:
    2 · 2^nbits · dim numbers a layer.

    Deviations: the authors learn one pair of codebooks for all layers beforehand, from a calibration text, 256 vectors
    per centroid and 25 rounds; here each layer learns its own from the first chunk that holds at least one vector per
    centroid, from at most 16 of them, in fewer rounds, since that happens while the user waits. Keys are therefore
    quantized before their rotation: rotated by positions far from the first chunk's they would not be like those
    that the codebooks know. The authors encode their recent entries all at once when there are as many as channels.
    They read a prompt with exact keys and values; here a text is read in chunks, and a chunk attends to earlier ones as
    they are stored.
    """

    channels: Literal[1, 2, 4] = 2
    """Channels of a subspace, 1, 2 or 4, d / M in the paper."""
    nbits: Literal[2, 4, 8] = 8
    """Bits of a piece, 2, 4 or 8, so 2^nbits centroids. A channel takes nbits / channels bits, four by default,
    as with the paper's M = 64 and nbits = 8 at d = 128.
    """
    residual_length: int = 128
    """Last entries that stay as the model made them."""
    niter: int = 5
    """Rounds of k-means."""
    seed: int = 0
    """Seed of the first centroids."""

    def __post_init__(self) -> None:
        check_choice("channels", self.channels, (1, 2, 4))
        check_choice("nbits", self.nbits, (2, 4, 8))
        check_range("residual_length", self.residual_length, 0)
        check_range("niter", self.niter, 0)

    @property
    def raw(self) -> bool:
        """Keys are stored before their rotation."""
        return True

    def form(self) -> Form:
        """Learns codebooks."""
        return Codes(self.channels, self.nbits, self.residual_length, self.niter, self.seed)


class Codes(Form):
    """Numbers of centroids, uint8 `[heads, n, dim / channels · nbits / 8]`."""

    learns: Learns = "chunk"

    def __init__(self, channels: int, nbits: int, recent: int, niter: int, seed: int) -> None:
        self.recent = recent
        self._channels, self._nbits, self._niter, self._seed = channels, nbits, niter, seed
        self._books: dict[str, Tensor] = {}  # [subspaces, 2^nbits, channels] for "keys" and "values"

    @property
    def ready(self) -> bool:
        """Whether the codebooks are there."""
        return bool(self._books)

    def learn(self, keys: Tensor, values: Tensor, queries: Tensor) -> None:
        """Codebooks of all heads' vectors; waits for more as long as there are fewer than centroids."""
        here = keys.abs().amax(-1) > 0  # short rows are filled up with zeros
        if int(here.sum()) >= 1 << self._nbits:
            self._books = {"keys": self._book(keys[here]), "values": self._book(values[here])}

    def encode(self, keys: Tensor, values: Tensor, rows: Tensor) -> tuple[Columns, Columns]:
        """The nearest centroids."""
        return (self._encoded(keys, "keys"),), (self._encoded(values, "values"),)

    def keys(self, columns: Columns, rows: Tensor, dtype: torch.dtype) -> Tensor:
        """The centroids."""
        return self._decoded(columns[0], "keys", dtype)

    def values(self, columns: Columns, rows: Tensor, dtype: torch.dtype) -> Tensor:
        """Likewise."""
        return self._decoded(columns[0], "values", dtype)

    def tensors(self) -> dict[str, Tensor]:
        """The codebooks."""
        return dict(self._books)

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Likewise."""
        self._books = dict(tensors)

    def _book(self, vectors: Tensor) -> Tensor:
        """Codebook of vectors `[n, dim]`, in their dtype."""
        order = torch.randperm(len(vectors), generator=torch.Generator().manual_seed(self._seed))
        chosen = order[: _SAMPLES << self._nbits].to(vectors.device)
        centroids, _ = kmeans(
            self._pieces(vectors[chosen]), 1 << self._nbits, iterations=self._niter, seed=self._seed
        )
        return centroids.to(vectors.dtype)

    def _pieces(self, vectors: Tensor) -> Tensor:
        """`[n, dim]` as `[subspaces, n, channels]`."""
        pieces: Tensor = vectors.unflatten(-1, (-1, self._channels))
        return pieces.transpose(0, 1)

    def _encoded(self, vectors: Tensor, name: str) -> Tensor:
        numbers = nearest(self._pieces(vectors.flatten(0, 1)), self._books[name]).to(torch.uint8)
        return pack(numbers.t().contiguous().unflatten(0, vectors.shape[:2]), self._nbits)

    def _decoded(self, packed: Tensor, name: str, dtype: torch.dtype) -> Tensor:
        book = self._books[name].to(dtype)
        numbers = unpack(packed, self._nbits)
        places = torch.arange(len(book), dtype=torch.int32, device=book.device) * book.shape[1]
        # A centroid is looked up as one number as wide as its channels together, which is three times as fast.
        wide = book.view(_WIDE[self._channels * book.element_size()]).flatten()
        found = wide.index_select(0, (numbers + places).flatten())
        return found.view(dtype).view(*packed.shape[:2], -1)
