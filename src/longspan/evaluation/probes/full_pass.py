"""A prompt read with full attention, and what its last queries attend to, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from longspan.conversation import Words
from longspan.errors import UnsupportedModel
from longspan.parameters import check_range
from longspan.plan import Plan
from longspan.profiles.reading import full_layers
from longspan.progress import Progress, Watcher
from longspan.running.placed import PlacedTokens, turned
from longspan.running.reader import Reader
from longspan.running.scenes import between
from longspan.running.window import window_exceeded
from longspan.scene import Notes, Scene

if TYPE_CHECKING:
    from longspan.model import Model

CHUNK = 2048
"""Tokens that pass through the model at a time."""


class FullPass:
    """n tokens as the model reads them under a plan's positions, with every query seeing everything.

    layers: those that see the whole prompt, the only ones that are looked at; layers with a sliding window are not.
    notes: what selectors of one layer tell those of the next, for each of the last queries. passed: what patterns do.
    Attention is never held for more than the last `queries` queries of one layer, and chunks of `chunk` tokens pass
    through the model at a time, counted from the prompt's end. remember: last queries that are kept besides, for
    parts that look at more.

    Raises ValueError, WindowExceeded, and UnsupportedModel for a model without a layer that sees everything.
    """

    def __init__(
        self,
        model: Model,
        ids: Sequence[int],
        plan: Plan,
        *,
        queries: int,
        chunk: int = CHUNK,
        remember: int = 0,
        progress: Watcher | None = None,
    ) -> None:
        check_range("chunk", chunk, 1)
        check_range("queries", queries, 1, min(len(ids), chunk))
        seam = model.seam
        self.count, self.queries, self.chunk, self.device = len(ids), queries, chunk, seam.device
        self.layers = full_layers(seam)
        if not self.layers:
            raise UnsupportedModel(
                f"every layer of model family {seam.family!r} has a sliding window, so none sees the whole prompt; "
                "probe a model with full attention"
            )
        self.reader = Reader(
            seam,
            Plan(positions=plan.positions, policy=plan.policy),
            observe=max(queries, remember),
            profile=model.profile,
            window=self.count,
            length=self.count,
            chunk=chunk,
            words=Words(model.tokenizer),
        )
        self.notes = [Notes() for _ in range(queries)]
        self.passed = Notes()
        window = self.reader.window
        if window is not None and self.count > window:
            raise window_exceeded(self.count, 0, window, seam)
        first = self.count % chunk
        ends = ([first] if first else []) + list(range(first + chunk, self.count + 1, chunk))
        for end in self.reader.read(ids, ends):
            if progress is not None:
                progress(Progress(processed=end, total=len(ids)))

    def placed(self, layer: int, count: int) -> PlacedTokens:
        """The positions of the last `count` tokens."""
        rope = self.reader.sequence.rope(layer, self.count)
        scheme = self.reader.sequence.positions(self.count)
        return PlacedTokens(scheme, rope, None, self.count - count, count, self.device)

    def query(self, layer: int, count: int) -> Tensor:
        """The last `count` queries `[heads, count, dim]`, as the first piece of the positions turns them."""
        return self.placed(layer, count).turned(self.raw_query(layer, count), layer)[0]

    def keys(self, layer: int) -> Tensor:
        """All keys `[kv_heads, n, dim]`, turned if the positions have one way to turn them."""
        return self.reader.entries(layer).keys

    def turned_keys(self, layer: int) -> Tensor:
        """The same as the first piece of the positions turns them."""
        placed, keys = self.placed(layer, 1), self.keys(layer)
        return (
            keys
            if placed.key_map is not None
            else turned(keys, placed.key_turn(placed.pieces[0].keys, 0, self.count))
        )

    def weights(self, layer: int, count: int | None = None) -> Tensor:
        """The softmax over the keys for each of the last queries: fp32 `[heads, queries, n]`, each row 1 in sum.

        count: how many queries, `queries` by default. A model's attention sinks that are no tokens (gpt-oss) take no
        part.
        """
        count = count or self.queries
        softmax, placed, keys = self.scene(layer).softmax, self.placed(layer, count), self.keys(layer)
        raw = self.raw_query(layer, count)
        places = torch.arange(self.count, device=keys.device)
        scores = torch.full((*raw.shape[:2], self.count), -torch.inf, device=keys.device)
        for piece, turned_query in zip(placed.pieces, placed.turned(raw, layer), strict=True):
            key = keys
            if placed.key_map is None:
                key = turned(keys, placed.key_turn(piece.keys, 0, self.count))
            query = turned_query.float().unflatten(0, (len(keys), -1))
            products = torch.einsum("kgqd,knd->kgqn", query, key.float()).flatten(0, 1)
            found = softmax.logits(products, out=products)
            seen = (places >= piece.low[:, None]) & (places < piece.high[:, None])
            scores = torch.where(seen, found, scores)
        return scores.softmax(-1)

    def scene(self, layer: int) -> Scene:
        """What patterns may look at in a layer."""
        return between(self.reader.sequence, layer, self.passed)

    def close(self) -> None:
        """Gives the memory back."""
        self.reader.release()

    def raw_query(self, layer: int, count: int) -> Tensor:
        """The last `count` queries `[heads, count, dim]`, not turned."""
        query = self.reader.layers[layer].observed(count)
        if query is None or query.shape[1] != count:
            raise ValueError(f"remember={count} queries are wanted; read with remember={count} or more")
        return query


def positions_only(plan: Plan, what: str) -> Plan:
    """The plan itself. Raises ValueError if it has more than positions, which would change what full attention is."""
    others = [slot for slot in plan.parts if slot != "positions"]
    if others:
        raise ValueError(
            f"plan {str(plan)!r} has {', '.join(others)}, and {what} are found with full attention; "
            "give a plan with positions= only, or none"
        )
    return plan
