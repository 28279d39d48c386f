"""What a scorer may look at: the entries and the last queries of one layer of one sequence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from longspan.kernels.received import Attention
from longspan.kernels.rotation import Table
from longspan.policies.statistics import Statistics
from longspan.scene import Scene
from longspan.store.state import State


def _unturned(positions: Tensor) -> Table | None:
    return None


@dataclass(frozen=True, kw_only=True, eq=False)
class View:
    """Entries and the last queries of a scene, all as attention saw them.

    keys, values `[kv_heads, n, dim]`, keys rotated; rows shorter than n are filled up with zeros. positions int64
    `[kv_heads, n]`, where each entry stood in the text, ascending. lengths: entries of each row. queries
    `[heads, w, dim]`, rotated, and query_positions `[w]`, the last of the text, as many as the policy observes.
    following: gives the weight that follows the heads, see `output`.
    turn: the rotation of queries at given positions `[n]`, None where the layer does not rotate.
    tracker: what the policy's tracker has gathered. allocation: what its allocator remembers.
    """

    scene: Scene
    keys: Tensor
    values: Tensor
    positions: Tensor
    lengths: list[int]
    queries: Tensor
    query_positions: Tensor
    following: Callable[[], Tensor | None] = lambda: None
    turn: Callable[[Tensor], Table | None] = _unturned
    tracker: Statistics | None = None
    allocation: State | None = None

    @property
    def output(self) -> Tensor | None:
        """The weight that follows the heads, `[hidden, heads · dim]`, None where the family has no such matrix.

        Where weights are packed it is expanded when it is asked for.
        """
        return self.following()

    @property
    def ids(self) -> Tensor:
        """The token of each entry, int64 `[kv_heads, n]`; any where there is no entry."""
        text = torch.tensor(self.scene.text(), dtype=torch.long, device=self.keys.device)
        return text[self.positions.clamp(0, len(text) - 1)]

    @property
    def group(self) -> int:
        """Query heads per KV head."""
        return self.queries.shape[0] // self.keys.shape[0]

    def exists(self) -> Tensor:
        """bool `[kv_heads, n]`: which places hold an entry."""
        places = torch.arange(self.keys.shape[1], device=self.keys.device)
        return places < torch.tensor(self.lengths, device=self.keys.device)[:, None]

    def of_question(self) -> Tensor:
        """bool `[kv_heads, n]`: which entries are of the known question."""
        asked = self.scene.asked
        return (self.positions >= asked.start) & (self.positions < asked.stop)

    def only_entries(self, scores: Tensor) -> Tensor:
        """The scores with −∞ where there is no entry."""
        return scores.masked_fill(~self.exists(), -torch.inf)

    def attention(self, rows: slice = slice(None)) -> Tensor:
        """Softmax weights of a few of the queries over the entries: fp32 `[kv_heads, group, w, n]`, causal."""
        query = self.queries[:, rows].unflatten(0, (-1, self.group)).float()
        products = torch.matmul(query, self.keys.float()[:, None].transpose(-1, -2))
        logits = self.scene.softmax.logits(products, out=products)
        hidden = (self.positions[:, None] > self.query_positions[rows][:, None]) | ~self.exists()[:, None]
        return self.scene.softmax.weights(logits.masked_fill_(hidden[:, None], -torch.inf))

    def received(self, factors: Tensor | None = None) -> Tensor:
        """What each entry gets from all queries, mean over the query heads of its group: fp32 `[kv_heads, n]`.

        factors: what the weights of each query count in each row, fp32 `[kv_heads, w]`; 1 where not given.
        """
        return self._whole.received(factors)

    def strongest(self) -> Tensor:
        """The largest weight that each entry gets from any query of its group: fp32 `[kv_heads, n]`."""
        return self._whole.strongest()

    def shared(self) -> Tensor:
        """What each query gives each position, mean over all heads, 0 from one that has lost it: fp32 `[w, seen]`."""
        return self._whole.shared(self.scene.seen)

    @property
    def _whole(self) -> Attention:
        return Attention(
            query=self.queries,
            key=self.keys,
            positions=self.positions,
            query_positions=self.query_positions,
            lengths=self.lengths,
            softmax=self.scene.softmax,
        )
