"""The pieces of a position scheme, made ready once for all layers of a forward pass."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import torch
from torch import Tensor

from longspan.kernels.attention import Merge, attend
from longspan.kernels.regions import attend_tiles, join
from longspan.kernels.rotation import Table, rotate, table
from longspan.kernels.softmax import Softmax
from longspan.kernels.tiles import Tile, tiles
from longspan.positions.base import KeyMap, Piece, Positions, Raised, Rope

# A region that is not one tile is run as a single masked call while its mask is this small.
MASK_ELEMENTS = 1 << 18


@lru_cache(maxsize=64)
def _rotation(scheme: Positions, rope: Rope) -> Rope:
    return scheme.rope(rope)


def stored_map(scheme: Positions, rope: Rope, *, raw: bool) -> KeyMap | None:
    """The positions by which keys are turned before they are stored; None where they are stored raw."""
    raw = raw or scheme.dynamic or scheme.by_rank or rope.growing is not None
    return None if raw else scheme.key_map(rope)


class PlacedTokens:
    """Tokens start .. start + count of one sequence, as the layers of one kind see them.

    A kind is a rotation and a window (None for layers that see everything).
    Layers with a window keep the model's own positions: their distances never leave what was trained.
    raw: whether keys are stored before their rotation although the scheme would allow to rotate them before.
    left: where the tokens that are there stand, counted from `start`, int64 `[n]`, never falling; None for all in a
    row. `queries` are their positions. raised: which keys weigh more than others, None for none.
    """

    def __init__(
        self,
        scheme: Positions,
        rope: Rope,
        window: int | None,
        start: int,
        count: int,
        device: torch.device,
        *,
        raw: bool = False,
        left: Tensor | None = None,
        raised: Raised | None = None,
    ) -> None:
        self.start, self.end = start, start + count
        self.gaps = left is not None
        self.queries = torch.arange(start, self.end, device=device) if left is None else left + start
        self.count = len(self.queries)
        if window is not None:
            scheme = Positions()
        self._scheme, self._trained = scheme, rope
        self._rope = _rotation(scheme, rope)
        self.key_map = stored_map(scheme, rope, raw=raw and window is None)
        self.by_rank, self.raised = scheme.by_rank, raised
        halves = [(piece, 0.0) for piece in scheme.pieces(self.queries, rope)]
        if raised is not None:
            halves = [half for piece, _ in halves for half in raised.split(piece)]
        pieces = [PlacedPiece(self, piece, window, by) for piece, by in halves]
        self.pieces = [piece for piece in pieces if not piece.empty]
        self._tables: dict[tuple[KeyMap, int, int], Table | None] = {}
        self._own_tables: dict[tuple[KeyMap, int, int], Table | None] = {}

    def unbounded(self, last: int) -> bool:
        """Whether the queries see all that is stored up to a position through one piece, as it is stored."""
        return self.key_map is not None and len(self.pieces) == 1 and self.pieces[0].sees_all(0, last)

    @cached_property
    def seen_from(self) -> int | None:
        """The position from which on one query sees all up to its own, likewise; None where that is not so."""
        if self.count > 1 or self.key_map is None or len(self.pieces) != 1:
            return None
        first = max(0, self.pieces[0].start)
        return first if self.pieces[0].sees_all(first, self.start) else None

    def query_scale(self, layer: int) -> Tensor | None:
        """What the scores of each query of a layer are multiplied with besides, `[n]`; None for 1."""
        return self._scheme.query_scale(self.queries, layer, self._trained)

    def turned(self, queries: Tensor, layer: int) -> list[Tensor]:
        """Queries `[heads, n, dim]` of a layer as each piece turns them, scaled."""
        scale, dtype = self.query_scale(layer), queries.dtype
        if scale is not None:
            queries = queries.float() * scale[:, None]
        return [turned(queries, piece.query_turn).to(dtype) for piece in self.pieces]

    def turn(self, keys: KeyMap, positions: Tensor) -> Table | None:
        """The rotation of keys at given positions; None where the layers do not rotate."""
        mapped = keys(positions)
        return self._table(mapped, self._rope.key_skew, by_pair=mapped.dim() > positions.dim())

    def query_turn(self, positions: Tensor) -> Table | None:
        """The rotation of queries by given positions `[n]`, or `[n, r/2]` where pairs differ."""
        return self._table(positions, self._rope.query_skew, by_pair=positions.dim() > 1)

    def _table(self, positions: Tensor, skew: Tensor | None, *, by_pair: bool) -> Table | None:
        rope = self._rope
        if rope.channels == 0:
            return None
        return table(
            positions,
            rope.inv_freq,
            magnitude=rope.magnitude,
            interleaved=rope.interleaved,
            by_pair=by_pair,
        ).skewed(skew)

    def as_stored(self, key: Tensor) -> Tensor:
        """Own keys `[kv_heads, n, dim]`, turned where the store keeps them so."""
        return key if self.key_map is None else self.own_turned(key, self.key_map)

    def own_turned(self, key: Tensor, keys: KeyMap, start: int = 0) -> Tensor:
        """Own keys `[kv_heads, n, dim]` as a piece turns them, from one of those that are there on."""
        return turned(key, self.own_turn(keys, start, start + key.shape[1]))

    def key_turn(self, keys: KeyMap, start: int, stop: int) -> Table | None:
        """The rotation of consecutive keys, kept for the layers to come."""
        wanted = (keys, start, stop)
        if wanted not in self._tables:
            self._tables[wanted] = self.turn(keys, torch.arange(start, stop, device=self.queries.device))
        return self._tables[wanted]

    def own_turn(self, keys: KeyMap, start: int, stop: int) -> Table | None:
        """The rotation of the tokens' own keys, counted from the first of those that are there, kept likewise."""
        if not self.gaps:
            return self.key_turn(keys, self.start + start, self.start + stop)
        wanted = (keys, start, stop)
        if wanted not in self._own_tables:
            self._own_tables[wanted] = self.turn(keys, self.queries[start:stop])
        return self._own_tables[wanted]

    def position(self, row: int) -> int:
        """Where one of the tokens stands, counted from the first of those that are there."""
        return int(self.queries[row]) if self.gaps else self.start + row


class PlacedPiece:
    """One piece: the rotation of its queries, and its region as bounds and as tiles.

    No query sees keys before `start` or from `stop` on. by: what raises all scores through it.
    """

    def __init__(self, placed: PlacedTokens, piece: Piece, window: int | None, by: float = 0.0) -> None:
        self.by = by
        self._places = placed.queries
        self.keys = piece.keys
        self.low, self.high = piece.low, piece.high
        if window is not None:
            self.low = torch.maximum(self.low, placed.queries - window + 1)
        self.empty = not bool((self.high > self.low).any())
        self.start, self.stop = int(self.low[0]), int(self.high[-1])
        self._common = (int(self.low[-1]), int(self.high[0]))
        self.query_turn = placed.query_turn(piece.query)
        self._regions: dict[tuple[int, int], Region] = {}

    def sees_all(self, first: int, last: int) -> bool:
        """Whether every query sees every key at the positions first .. last."""
        return self._common[0] <= first and last < self._common[1]

    @cached_property
    def sees_all_before(self) -> bool:
        """Whether every query sees everything up to its own position."""
        return bool((self.low <= 0).all() and (self.high > self._places).all())

    @cached_property
    def fresh(self) -> Region:
        """The region among the tokens being read, keys counted from the first of those that are there."""
        low, high = (torch.searchsorted(self._places, bound.contiguous()) for bound in (self.low, self.high))
        return Region.of(low, high, 0, len(self._places), self.by)

    def past(self, first: int, stop: int) -> Region:
        """The region among stored keys at the consecutive positions first .. stop − 1, counted from `first`."""
        if (first, stop) not in self._regions:
            self._regions[first, stop] = Region.of(self.low, self.high, first, stop, self.by)
        return self._regions[first, stop]


@dataclass(frozen=True, kw_only=True)
class Region:
    """Keys start .. stop − 1 and how n queries see them.

    Tiles, or, where these would be many small ones, a mask `[n, stop − start]`; both count keys from `start`. by: what
    raises all scores.
    """

    start: int
    stop: int
    tiles: list[Tile]
    mask: Tensor | None
    by: float = 0.0

    @classmethod
    def of(cls, low: Tensor, high: Tensor, first: int, stop: int, by: float = 0.0) -> Region:
        """The part of the bounds that lies among keys first .. stop − 1, counted from `first`."""
        start, end = int(low[0].clamp(first, stop)), int(high[-1].clamp(first, stop))
        lower, upper = low.clamp(start, end) - start, high.clamp(start, end) - start
        cut = list(tiles(lower.tolist(), upper.tolist()))
        mask = None
        if len(cut) > 1 and len(low) * (end - start) <= MASK_ELEMENTS:
            index = torch.arange(end - start, device=low.device)
            mask = (index >= lower[:, None]) & (index < upper[:, None])
        return cls(start=start - first, stop=end - first, tiles=cut, mask=mask, by=by)

    def attend(
        self, query: Tensor, key: Tensor, value: Tensor, softmax: Softmax, merge: Merge | None
    ) -> Merge | None:
        """Queries over the region's keys. merge: what they saw before."""
        scale, softcap = softmax.scale, softmax.softcap
        if self.mask is None:
            return attend_tiles(
                query, key, value, self.tiles, scale=scale, softcap=softcap, into=merge, by=self.by
            )
        out, lse = attend(query, key, value, scale=scale, mask=self.mask, softcap=softcap)
        return join(merge, out, lse, query, by=self.by)


def turned(x: Tensor, turn: Table | None) -> Tensor:
    """x `[heads, n, dim]` rotated, or x itself where the layers do not rotate."""
    return x if turn is None else rotate(x, turn)
