"""Low-rank keys: what is left of keys before their rotation in the directions that matter most."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from longspan.codecs.base import Codec
from longspan.parameters import Budget, check_budget, check_range, tokens
from longspan.registry import Card
from longspan.store.form import Columns, Form, Learns

CARD = Card(
    name="low-rank",
    target="longspan.codecs.low_rank:LowRank",
    paper="ShadowKV: KV Cache in Shadows for High-Throughput Long-Context LLM Inference",
    link="https://arxiv.org/abs/2410.21465",
    year=2024,
    training=False,
    changes="Keeps keys before their rotation as coordinates in their strongest directions.",
)


@dataclass(frozen=True, kw_only=True)
class LowRank(Codec):
    """The low-rank keys of ShadowKV, head by head. https://arxiv.org/abs/2410.21465

    At the end of the prompt the singular value decomposition of each head's keys, before their rotation, gives the
    `rank` directions that hold most of their energy; a key is stored as its coordinates in them, in the model's
    dtype, and rotated when it is visited. Values stay whole. The directions take rank · dim numbers a head.

    Deviations: ShadowKV decomposes the keys of all heads of a layer together, at rank 160 of 1,024; here rows of
    single heads can be dropped, so that each head has its own directions, and needs a larger share. Its generated
    keys all stay whole; here keys that leave the recent ones are projected on the prompt's directions.
    """

    rank: Budget = 0.5
    """A number of directions up to the head's channels, or a fraction of these."""
    recent: int = 128
    """Last entries that stay whole."""

    def __post_init__(self) -> None:
        check_budget("rank", self.rank)
        check_range("recent", self.recent, 0)

    @property
    def raw(self) -> bool:
        """Keys are stored before their rotation."""
        return True

    def form(self) -> Form:
        """Learns the directions."""
        return Directions(self.rank, self.recent)


class Directions(Form):
    """Coordinates of keys `[heads, n, rank]`; values as they are."""

    learns: Learns = "end"

    def __init__(self, rank: Budget, recent: int) -> None:
        self.recent = recent
        self._rank = rank
        self._learned: dict[str, Tensor] = {}  # "basis": [heads, rank, dim], orthonormal

    @property
    def ready(self) -> bool:
        """Whether the directions are known."""
        return bool(self._learned)

    def learn(self, keys: Tensor, values: Tensor, queries: Tensor) -> None:
        """The right singular vectors of each head's keys, largest first, from the eigenvectors of KᵀK.

        Raises ValueError for a rank beyond the head's channels.
        """
        dim = keys.shape[-1]
        rank = tokens(self._rank, dim)
        check_range("rank", rank, 1, dim)
        wide = keys.double()
        vectors = torch.linalg.eigh(wide.transpose(1, 2) @ wide).eigenvectors
        self._learned["basis"] = vectors[..., -rank:].transpose(1, 2).flip(1).to(keys.dtype).contiguous()

    def encode(self, keys: Tensor, values: Tensor, rows: Tensor) -> tuple[Columns, Columns]:
        """Coordinates."""
        return (keys @ self._of(rows).transpose(1, 2),), (values,)

    def keys(self, columns: Columns, rows: Tensor, dtype: torch.dtype) -> Tensor:
        """The sum of the directions, each by its coordinate."""
        return columns[0].to(dtype) @ self._of(rows).to(dtype)

    def values(self, columns: Columns, rows: Tensor, dtype: torch.dtype) -> Tensor:
        """As stored."""
        return columns[0].to(dtype)

    def tensors(self) -> dict[str, Tensor]:
        """The directions."""
        return dict(self._learned)

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Likewise."""
        self._learned = dict(tensors)

    def _of(self, rows: Tensor) -> Tensor:
        basis = self._learned["basis"]
        return basis[rows.to(basis.device)]
