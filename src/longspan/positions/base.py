"""The contract of a position scheme: how far apart a query and a key appear to the model."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class Rope:
    """How one kind of layer rotates its queries and keys.

    inv_freq: fp32 `[r/2]`, angle per position of each rotated pair. magnitude multiplies the rotated channels.
    theta: the base b of θ_j = b^(−2j/r). window: tokens that the model was made for. query_skew, key_skew: what the
    sine of each channel is multiplied with besides, fp32 `[r]`, where the model norms behind its rotation or turns the
    other way round; None for 1. growing: the rotation for a text of so many tokens, where the model's own frequencies
    follow the length of the text. unscaled: what it was before the config's YaRN, where it has one, with the window of
    that.
    """

    inv_freq: Tensor
    magnitude: float
    interleaved: bool
    theta: float
    window: int
    query_skew: Tensor | None = None
    key_skew: Tensor | None = None
    growing: Callable[[int], Rope] | None = None
    unscaled: Rope | None = None

    @property
    def channels(self) -> int:
        """Rotated channels r of each head."""
        return 2 * len(self.inv_freq)

    def at(self, length: int) -> Rope:
        """The model's own rotation for a text of so many tokens."""
        return self if self.growing is None else self.growing(length)

    def with_(self, **changes: Any) -> Rope:
        """The same rotation with some of its facts changed."""
        return replace(self, **changes)


KeyMap = Callable[[Tensor], Tensor]
"""From positions of keys `[...]` to those they are rotated by, `[...]`, or `[..., r/2]` where channel pairs differ."""


def unchanged(positions: Tensor) -> Tensor:
    """The key map of most schemes: a key is rotated by its own position."""
    return positions


def log_scaled(queries: Tensor, base: int) -> Tensor:
    """max(1, ln(i + 1) / ln base) for queries at positions i, fp32 `[n]`: for more keys to see."""
    return ((queries + 1).double().log() / math.log(base)).clamp(min=1).float()


class Piece(NamedTuple):
    """A rotation and the region of key positions where it holds, for n queries.

    query: positions by which the queries are rotated, `[n]`, or `[n, r/2]` where each pair of channels has its own.
    keys: from a key's position to the position it is rotated by. low, high `[n]`: query t sees through this piece
    the keys at low[t] .. high[t] − 1; both bounds never fall from one query to the next.
    """

    query: Tensor
    keys: KeyMap
    low: Tensor
    high: Tensor


class Raised(NamedTuple):
    """Keys that weigh more than they would: those from position `start` on, their scores raised by `by`."""

    start: int
    by: float

    def split(self, piece: Piece) -> list[tuple[Piece, float]]:
        """A piece as two, the keys before and those from there on, each with what raises its scores."""
        low, high = piece.low, piece.high
        before = piece._replace(high=high.clamp(max=self.start).maximum(low))
        behind = piece._replace(low=low.clamp(min=self.start).minimum(high))
        return [(before, 0.0), (behind, self.by)]


@dataclass(frozen=True, kw_only=True)
class Positions:
    """Base of all schemes, and the stock one: every query sees all keys before it at their true distance.

    A frequency method overrides `rope`; an index method overrides `pieces`, and `key_map` when its pieces do not
    all rotate keys by their own positions. The pieces of one query are disjoint and meet under one softmax.

    piece_count: pieces at most. dynamic: whether frequencies change while a text grows; keys are then stored before
    their rotation. by_rank: whether keys stand where they lie in the cache, and not where they stood in the text: the
    last of a row at the distance 1 of the next token, those before it without gaps.
    """

    piece_count: ClassVar[int] = 1
    dynamic: ClassVar[bool] = False
    by_rank: ClassVar[bool] = False

    def measured(self, profile: Callable[[str], Tensor]) -> Positions:
        """The scheme with what it wants to know of the model; asked for once, when a session is opened.

        profile: facts measured once of a model, by name.
        """
        return self

    def fitted(self, length: int, trained: int) -> Positions:
        """The scheme for a text of so many tokens on a model trained for `trained`.

        Asked for once, with the length of the text (and of what is to be generated) when its reading begins, or, if
        the scheme is `dynamic`, in every pass with the length so far. What was given is never changed.
        """
        return self

    def rope(self, rope: Rope) -> Rope:
        """The model's rotation with this scheme's frequencies and magnitude."""
        return rope

    def pieces(self, queries: Tensor, rope: Rope) -> list[Piece]:
        """The pieces for queries at the given positions, int64 `[n]`, ascending by one."""
        return [Piece(queries, unchanged, torch.zeros_like(queries), queries + 1)]

    def key_map(self, rope: Rope) -> KeyMap | None:
        """The one key map of all pieces, so that keys can be stored rotated; None when pieces differ in it."""
        return unchanged

    def query_scale(self, queries: Tensor, layer: int, rope: Rope) -> Tensor | None:
        """What the scores of each query are multiplied with besides the model's scale, fp32 `[n]`; None for 1.

        queries: their positions, int64 `[n]`.
        """
        return None

    def window(self, trained: int) -> int | None:
        """Tokens that this scheme supports on a model trained for `trained`; None where nothing bounds them."""
        return trained
