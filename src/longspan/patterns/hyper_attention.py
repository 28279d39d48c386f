"""HyperAttention: blocks of similar queries and keys, and a sample of the rest."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad

from longspan.kernels.block_index import BlockIndex, Bundle
from longspan.parameters import check_range
from longspan.patterns.base import Pattern, PatternView
from longspan.patterns.choosing import own_blocks, visits_of
from longspan.registry import Card

CARD = Card(
    name="hyper-attention",
    target="longspan.patterns.hyper_attention:HyperAttention",
    paper="HyperAttention: Long-context Attention in Near-Linear Time",
    link="https://arxiv.org/abs/2310.05869",
    year=2023,
    training=False,
    changes="While reading, queries see keys of similar hash, and a sample of the others with larger weights.",
    field=(117,),
)


@dataclass(frozen=True, kw_only=True)
class HyperAttention(Pattern):
    """Attention of queries to keys of their own hash, and to a sample of all. https://arxiv.org/abs/2310.05869

    A text is cut in half again and again, down to `min_seq_len` tokens. Within such a piece attention is exact. Between
    the queries of a second half and the keys of the first, both are sorted by an angular hash (neighbouring values of
    which differ in one bit) and cut into blocks. A query visits the keys of the block with its own number, and of all
    others `sample_size` keys that were drawn for all queries, whose weights are multiplied by how many keys a drawn one
    stands for.

    Names and defaults are those of the authors' code.

    As the paper has it: the order of hash values, a Gray code, which the authors' code applies the wrong way round, so
    that some neighbours there differ in several bits. Otherwise than in the authors' code: halves are rounded to
    blocks; keys are drawn without replacement; the last block may have fewer keys, where they fill it up with zeros
    that take part. When a text is read in chunks, the keys before a chunk are a first half and the chunk is a second
    one, so what is visited depends on the chunks. Between halves attention is exact where there are fewer than
    `min_seq_len` keys, or fewer queries than `block_size`, whose ranks would say little; the authors' two halves are
    equally long, and exact is what is shorter than `min_seq_len`.
    """

    lsh_num_projs: int = 7
    """Bits of the hash."""
    block_size: int = 256
    """Keys of a block."""
    sample_size: int = 256
    """Keys drawn for all queries, besides those of a query's own block."""
    min_seq_len: int = 4096
    """Keys below which attention is exact and no text is cut in half."""
    seed: int = 0
    """Seed of the hash and the samples, which are others in each layer."""

    def __post_init__(self) -> None:
        check_range("lsh_num_projs", self.lsh_num_projs, 1, 16)
        check_range("block_size", self.block_size, 16, 4096)
        check_range("sample_size", self.sample_size, 0)
        check_range("min_seq_len", self.min_seq_len, self.block_size)
        check_range("seed", self.seed, 0)

    def index(self, view: PatternView) -> BlockIndex:
        """Blocks for all heads within pieces, bundles between halves."""
        own = own_blocks(view, self.block_size)
        end, first = view.key.shape[1], int(own[0]) * self.block_size
        earlier = torch.arange(int(own[-1]), device=own.device)
        visited = torch.zeros(len(own), len(earlier), dtype=torch.bool, device=own.device)
        generator = torch.Generator().manual_seed(self.seed * view.scene.layers + view.scene.layer)
        hashes = self._hashes(view, generator)
        bundles: list[Bundle] = []
        for low, middle, high in self._halves(first, end):
            # Queries from middle to high, keys from low to middle; in a piece, middle is its end.
            queries = range(max(middle, view.start), high)
            if middle == high:
                piece = (own * self.block_size >= low) & (own * self.block_size < high)
                visited |= piece[:, None] & (earlier >= low // self.block_size) & (earlier < own[:, None])
            elif middle - low < self.min_seq_len or len(queries) < self.block_size:
                half = (own * self.block_size >= middle) & (own * self.block_size < high)
                between = (earlier >= low // self.block_size) & (earlier < middle // self.block_size)
                visited |= half[:, None] & between
            else:
                bundles += self._between(view, hashes, queries, range(low, middle), generator)
        return BlockIndex(
            block=self.block_size, first=int(own[0]), visits=visits_of(visited[None]), bundles=tuple(bundles)
        )

    def _halves(self, first: int, end: int) -> Iterator[tuple[int, int, int]]:
        """(low, middle, high), where tokens from `first` to `end` are read; all but `end` are edges of blocks."""
        if first:
            yield 0, first, end
        pieces = [(first, end)]
        while pieces:
            low, high = pieces.pop()
            if high - low <= self.min_seq_len:
                yield low, high, high
                continue
            middle = low + -(-(high - low) // (2 * self.block_size)) * self.block_size
            yield low, middle, high
            pieces += [(middle, high), (low, middle)]

    def _hashes(self, view: PatternView, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """The places of the hashes of queries `[heads, n]` and keys `[kv_heads, m]` among all values of the hash."""
        dim, bits = view.key.shape[-1], self.lsh_num_projs
        directions = torch.randn(dim, bits, generator=generator).to(view.key)
        powers = 2 ** torch.arange(bits, device=directions.device)
        order = torch.arange(2**bits, device=directions.device)
        place = torch.empty_like(order)
        place[order ^ (order >> 1)] = order
        query, key = (place[((x @ directions > 0) * powers).sum(-1)] for x in (view.query, view.key))
        return query, key

    def _between(
        self,
        view: PatternView,
        hashes: tuple[Tensor, Tensor],
        queries: range,
        keys: range,
        generator: torch.Generator,
    ) -> list[Bundle]:
        """Bundles of some queries, numbers of keys, with the keys of a range."""
        count, device = len(keys), view.key.device
        rows = slice(queries.start - view.start, queries.stop - view.start)
        query = hashes[0][:, rows].argsort(dim=1, stable=True) + rows.start
        key = hashes[1][:, keys.start : keys.stop].argsort(dim=1, stable=True)
        blocks = -(-count // self.block_size)
        key = pad(key, (0, blocks * self.block_size - count), value=-1).repeat_interleave(view.group, 0)
        drawn = min(self.sample_size, count)
        places = torch.stack([torch.randperm(count, generator=generator)[:drawn] for _ in key]).to(device)
        # A drawn key that is visited in its block is not visited again.
        number = torch.arange(blocks, device=device)[:, None]
        sample = key.gather(1, places)[:, None].expand(-1, blocks, -1)
        sample = sample.masked_fill((places // self.block_size)[:, None] == number, -1)
        columns = torch.cat((key.unflatten(1, (blocks, -1)), sample), 2)
        columns = torch.where(columns < 0, -1, columns + keys.start)
        bonus = torch.zeros(columns.shape, device=device)
        if drawn:
            bonus[..., -drawn:] = math.log(count / drawn)
        # Queries are dealt out evenly: some blocks get one more than others.
        ends = torch.arange(blocks + 1, device=device) * len(queries) // blocks
        sizes = ends.diff()
        bundles = []
        for size in sizes.unique().tolist():
            some = (sizes == size).nonzero()[:, 0]
            if size:
                members = query[:, ends[some][:, None] + torch.arange(size, device=device)]
                bundles.append(Bundle(rows=members, columns=columns[:, some], bonus=bonus[:, some]))
        return bundles
