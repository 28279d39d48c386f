"""ThinK: the channels of the keys that queries hardly look at are removed."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from longspan.codecs.base import Codec
from longspan.parameters import check_range
from longspan.registry import Card
from longspan.store.form import Columns, Form, Learns

CARD = Card(
    name="think",
    target="longspan.codecs.think:Think",
    paper="ThinK: Thinner Key Cache by Query-Driven Pruning",
    link="https://arxiv.org/abs/2407.21018",
    year=2024,
    training=False,
    changes="Removes the channels of the keys that the last queries of the prompt hardly look at.",
    field=(273,),
)


@dataclass(frozen=True, kw_only=True)
class Think(Codec):
    """ThinK: thinner keys by query-driven pruning of channels. https://arxiv.org/abs/2407.21018

    At the end of the prompt each KV head drops the channels with the least mean q² · mean k², mean over the last
    window queries and all keys. The channels that stay are stored in the model's dtype; the others are zero when keys
    are visited. Values stay whole.

    Deviations: the authors repeat the keys for each query head and prune each copy by itself; here the query heads
    of a group share one choice, by the mean of their q², as in kvpress. Their generated keys all stay whole; here
    keys are pruned as soon as recent_size newer ones have come. Until the end of the prompt nothing is removed.
    The defaults are those of the authors' code.
    """

    ratio: float = 0.4
    """Share of the channels that go, rounded down."""
    window: int = 32
    """Last queries that are looked at."""
    recent_size: int = 32
    """Last entries whose keys stay whole."""

    def __post_init__(self) -> None:
        check_range("ratio", self.ratio, 0, 0.99)
        check_range("window", self.window, 1)
        check_range("recent_size", self.recent_size, 0)

    @property
    def observed(self) -> int:
        """The window."""
        return self.window

    def form(self) -> Form:
        """Learns which channels stay."""
        return FewerChannels(self.ratio, self.recent_size)


class FewerChannels(Form):
    """Keys `[heads, n, channels that stay]`; values as they are."""

    learns: Learns = "end"

    def __init__(self, ratio: float, recent: int) -> None:
        self.recent = recent
        self._ratio = ratio
        self._learned: dict[str, Tensor] = {}  # "stays": bool [heads, dim], as many in each head

    @property
    def ready(self) -> bool:
        """Whether the channels are chosen."""
        return bool(self._learned)

    def learn(self, keys: Tensor, values: Tensor, queries: Tensor) -> None:
        """Chooses the channels of each KV head."""
        heads, _, dim = keys.shape
        weight = queries.float().square().mean(1).view(heads, -1, dim).mean(1)
        weight = weight * keys.float().square().mean(1)
        goes = weight.topk(int(dim * self._ratio), largest=False).indices
        self._learned["stays"] = torch.ones_like(weight, dtype=torch.bool).scatter_(1, goes, False)

    def encode(self, keys: Tensor, values: Tensor, rows: Tensor) -> tuple[Columns, Columns]:
        """The channels that stay."""
        return (keys.gather(2, self._channels(keys.shape[1], rows)),), (values,)

    def keys(self, columns: Columns, rows: Tensor, dtype: torch.dtype) -> Tensor:
        """Zero in the channels that went."""
        thin = columns[0].to(dtype)
        count = thin.shape[1]
        whole = thin.new_zeros(len(thin), count, self._learned["stays"].shape[1])
        return whole.scatter_(2, self._channels(count, rows), thin)

    def values(self, columns: Columns, rows: Tensor, dtype: torch.dtype) -> Tensor:
        """As stored."""
        return columns[0].to(dtype)

    def tensors(self) -> dict[str, Tensor]:
        """Which channels stay."""
        return dict(self._learned)

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Likewise."""
        self._learned = dict(tensors)

    def _channels(self, count: int, rows: Tensor) -> Tensor:
        """The channels that stay, ascending, int64 `[g, count, kept]`."""
        stays = self._learned["stays"]
        index = stays.nonzero()[:, 1].view(len(stays), -1)[rows.to(stays.device)]
        return index[:, None].expand(-1, count, -1)
