"""The attention of a session: positions, pattern, store, selector and policy meet here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from longspan.engine.legs import Leg, Region, Span, turned
from longspan.engine.memory import LayerMemory, Memory
from longspan.kernels.attention import Merge, attend
from longspan.kernels.blocks import attend_blocks
from longspan.kernels.regions import attend_entries, attend_tiles, join, with_sinks
from longspan.patterns.base import Reading
from longspan.positions.base import Rope
from longspan.seam import Call
from longspan.selectors.base import Chosen, Selector, Visit
from longspan.store.form import Plain
from longspan.store.group import Group

if TYPE_CHECKING:
    from longspan.engine.engine import Engine


@dataclass(frozen=True, kw_only=True, eq=False)
class Portion:
    """Tokens of one sequence that take part in a forward pass.

    compress: whether its policy acts once the tokens are stored, within each layer where it can. finished: whether
    they are the last of a text. reading: whether they are part of a text, however few they are, or one that was
    generated. rehearsed: whether they are forgotten again.
    """

    memory: Memory
    ids: Tensor
    compress: bool = False
    finished: bool = False
    reading: bool = True
    rehearsed: bool = False


class Pass:
    """One forward pass: what its layers share is made once."""

    def __init__(self, engine: Engine, portions: Sequence[Portion]) -> None:
        self._engine = engine
        self._portions = portions
        self._spans: dict[tuple[int, Rope, int | None], Span] = {}
        self._notes: list[dict[str, Any]] = [{} for _ in portions]
        self._rounds = [torch.tensor(each.memory.rounds, device=engine.seam.device) for each in portions]

    def attention(self, call: Call) -> Tensor:
        """`[heads, n, dim]` for one layer."""
        outs, start = [], 0
        for number, portion in enumerate(self._portions):
            rows = slice(start, start + len(portion.ids))
            start = rows.stop
            self._prefetch(portion, call)
            outs.append(
                self._sequence(
                    number, portion, call, call.query[:, rows], call.key[:, rows], call.value[:, rows]
                )
            )
        return outs[0] if len(outs) == 1 else torch.cat(outs, 1)

    def _prefetch(self, portion: Portion, call: Call) -> None:
        """Announces the next layer's entries, unless a selector will visit only a few of them."""
        if self._engine.selector is None or (portion.reading and not self._engine.selector.reads):
            layers = portion.memory.layers
            layers[(call.layer + 1) % len(layers)].store.prefetch()

    def _span(self, number: int, portion: Portion, call: Call) -> Span:
        rope = self._engine.seam.layers[call.layer].rope
        wanted = (number, rope, call.window)
        if wanted not in self._spans:
            self._spans[wanted] = Span(
                self._engine.scheme,
                rope,
                call.window,
                portion.memory.seen,
                len(portion.ids),
                call.query.device,
                raw=self._engine.raw,
            )
        return self._spans[wanted]

    def _sequence(
        self, number: int, portion: Portion, call: Call, query: Tensor, key: Tensor, value: Tensor
    ) -> Tensor:
        engine, span, memory = self._engine, self._span(number, portion, call), portion.memory
        layer = memory.layers[call.layer]
        own = key
        if span.key_map is not None:
            own = turned(key, span.key_turn(span.key_map, span.start, span.start + span.count))
        visitor = _Visitor(
            portion=portion,
            layer=layer,
            call=call,
            span=span,
            queries=[turned(query, leg.query_turn) for leg in span.legs],
            selector=self._selector(call),
            notes=self._notes[number],
            rounds=self._rounds[number],
            layers=len(engine.seam.layers),
        )
        if portion.reading and not portion.rehearsed:
            layer.store.reserve(span.count)
        if portion.rehearsed:
            out, lse = visitor.read(own, value, engine.pattern, store=False)
            if call.window is None:
                engine.watch_rehearsal(memory, call.layer, query, (own, value))
        elif span.count == 1 and not portion.reading:
            layer.store.append(own, value)
            out, lse = visitor.decode()
        else:
            out, lse = visitor.read(own, value, engine.pattern, store=True)
        if call.sinks is not None:
            out = with_sinks(out, lse, call.sinks)
        if not portion.rehearsed:
            self._after(portion, call, query, span)
        return out

    def _selector(self, call: Call) -> Selector | None:
        selector: Selector | None = self._engine.selector
        if selector is None or call.window is not None:
            return None
        return None if selector.skips(call.layer, len(self._engine.seam.layers)) else selector

    def _after(self, portion: Portion, call: Call, query: Tensor, span: Span) -> None:
        """What the parts do once the tokens of a layer are stored."""
        engine, layer = self._engine, portion.memory.layers[call.layer]
        seen = span.start + span.count
        if call.window is not None:
            if layer.store.lengths[0] >= 2 * call.window:
                layer.store.forget_before(seen - call.window + 1)
            return
        layer.observe(query, engine.observed)
        engine.watch(portion.memory, call.layer, query, seen)
        if portion.compress and engine.deferred:
            return
        if portion.compress:
            held = sum(layer.store.lengths)
            engine.act(portion.memory, call.layer, seen)
            if not portion.reading:  # the tokens to come get the room of those that went
                layer.store.reserve((held - sum(layer.store.lengths)) // layer.store.heads)
        if layer.store.learning and (layer.store.form.learns == "chunk" or portion.finished):
            engine.learn(portion.memory, call.layer, seen)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Visitor:
    """The queries of one sequence in one layer. queries: as each leg of the span turns them."""

    portion: Portion
    layer: LayerMemory
    call: Call
    span: Span
    queries: list[Tensor]
    selector: Selector | None
    notes: dict[str, Any]
    rounds: Tensor
    layers: int

    def read(self, key: Tensor, value: Tensor, pattern: Any, *, store: bool) -> tuple[Tensor, Tensor]:
        """What is being read attends to itself as it is, and to what is stored as it is stored.

        key and value of the tokens themselves, turned where the store keeps them so. store: whether they are stored.
        """
        kept, span, call = self.layer.store, self.span, self.call
        groups = [group for group in kept.groups() if group.length]
        stored = not store
        merge: Merge | None = None
        if pattern is not None and call.window is None:
            keys, values = self._turned(key), value
            if kept.whole and groups:
                if store and isinstance(kept.form, Plain) and span.key_map is not None:
                    kept.append(key, value)
                    stored = True
                    (group,) = kept.groups()
                    keys, values = group.keys(), group.values()
                else:
                    keys = torch.cat([self._keys(group, span.legs[0]) for group in groups] + [keys], 1)
                    values = torch.cat([group.values() for group in groups] + [value], 1)
                groups = []
            reading = Reading(query=self.queries[0], key=keys, layer=call.layer, layers=self.layers)
            index = pattern.index(reading)
            merge = attend_blocks(
                self.queries[0], keys, values, index, scale=call.scale, softcap=call.softcap
            )
        else:
            for leg, query in zip(span.legs, self.queries, strict=True):
                region = leg.fresh
                rows = slice(region.start, region.stop)
                own = key[:, rows]
                if span.key_map is None:
                    own = turned(
                        own, span.key_turn(leg.keys, span.start + rows.start, span.start + rows.stop)
                    )
                merge = _region(query, own, value[:, rows], region, call, merge)
        for group in groups:
            if self.selector is not None and self.selector.reads and group.tier != "recent":
                for start in range(0, span.count, self.selector.reads):
                    rows = slice(start, min(span.count, start + self.selector.reads))
                    merge = self._select(group, self.selector, rows, merge)
            else:
                merge = self._all(group, slice(0, span.count), merge)
        if not stored:
            kept.append(key, value)
        return _joined(merge, call)

    def decode(self) -> tuple[Tensor, Tensor]:
        """One query, over what the selector chooses or over everything stored."""
        merge: Merge | None = None
        for group in self.layer.store.groups():
            if group.length == 0:
                continue
            if self.selector is not None and group.tier != "recent":
                merge = self._select(group, self.selector, slice(0, 1), merge)
            else:
                merge = self._all(group, slice(0, 1), merge)
        return _joined(merge, self.call)

    def _select(self, group: Group, selector: Selector, rows: slice, merge: Merge | None) -> Merge | None:
        """Some queries over what the selector chooses for them."""
        place = (int(group.tier == "apart"), group.heads.start)
        if place not in self.layer.summaries:
            self.layer.summaries[place] = selector.summary()
        summary = self.layer.summaries[place]
        farthest, memory = self.span.legs[-1], self.portion.memory
        visit = Visit(
            query=self.queries[-1][self._heads(group), rows],
            entries=group.length,
            start=self.span.start + rows.start,
            keys=lambda start, stop: self._keys(group, farthest, start, stop),
            positions=group.positions,
            layer=self.call.layer,
            layers=self.layers,
            scale=self.call.scale,
            rounds=self.rounds,
            surprise=memory.surprises(),
            notes=self.notes,
        )
        summary.extend(visit)
        chosen = summary.select(visit)
        if chosen is None:
            return self._all(group, rows, merge)
        return self._some(group, chosen, rows, merge)

    def _some(self, group: Group, chosen: Chosen, rows: slice, merge: Merge | None) -> Merge | None:
        """Some queries over chosen entries, which are copied anyway: a single query runs fastest in fp32."""
        call, span, heads = self.call, self.span, self._heads(group)
        single = rows.stop - rows.start == 1
        keys, values = group.gather(chosen.index, torch.float32 if single else group.dtype)
        plain = chosen.counts is None and span.key_map is not None and len(span.legs) == 1
        if plain and span.legs[0].sees_all(0, span.start - 1 + single):
            query = self.queries[0][heads, rows].to(keys.dtype)
            out, lse = attend(query, keys, values, scale=call.scale, softcap=call.softcap)
            return join(merge, out, lse, self.queries[0], rows.start, heads)
        positions = group.places(chosen.index)
        seen = positions
        if chosen.counts is not None:  # no query sees a position below 0
            beyond = torch.arange(positions.shape[1], device=positions.device) >= chosen.counts[:, None]
            seen = positions.masked_fill(beyond, -1)
        for leg, query in zip(span.legs, self.queries, strict=True):
            own = keys if span.key_map is not None else turned(keys, span.turn(leg.keys(positions)))
            out, lse = attend_entries(
                query[heads, rows].to(keys.dtype),
                own,
                values,
                seen,
                leg.low[rows],
                leg.high[rows],
                scale=call.scale,
                softcap=call.softcap,
            )
            merge = join(merge, out, lse, self.queries[0], rows.start, heads)
        return merge

    def _all(self, group: Group, rows: slice, merge: Merge | None) -> Merge | None:
        """Some queries over all entries of some rows."""
        for leg, query in zip(self.span.legs, self.queries, strict=True):
            merge = self._through(group, leg, query, rows, merge)
        return merge

    def _through(
        self, group: Group, leg: Leg, query: Tensor, rows: slice, merge: Merge | None
    ) -> Merge | None:
        """Some queries over all entries of some rows, through one piece."""
        call, span, heads = self.call, self.span, self._heads(group)
        all_rows = rows.stop - rows.start == span.count
        if group.position_column is None and all_rows:
            region = leg.past(group.first, group.first + group.length)
            if not region.tiles:
                return merge
            keys = self._keys(group, leg, region.start, region.stop)
            values = group.values(region.start, region.stop)
            return _region(query, keys, values, region, call, merge)
        first, last = group.edges()
        if leg.most <= first or leg.least > last:
            return merge
        keys, values = self._keys(group, leg), group.values()
        if leg.sees_all(first, last):
            out, lse = attend(query[heads, rows], keys, values, scale=call.scale, softcap=call.softcap)
        else:
            out, lse = attend_entries(
                query[heads, rows],
                keys,
                values,
                group.positions(),
                leg.low[rows],
                leg.high[rows],
                scale=call.scale,
                softcap=call.softcap,
            )
        return join(merge, out, lse, query, rows.start, heads)

    def _keys(self, group: Group, leg: Leg, start: int = 0, stop: int | None = None) -> Tensor:
        """Stored keys as one leg turns them."""
        keys = group.keys(start, stop)
        if self.span.key_map is not None:
            return keys
        if group.position_column is None:
            first = group.first + start
            return turned(keys, self.span.key_turn(leg.keys, first, first + keys.shape[1]))
        return turned(keys, self.span.turn(leg.keys(group.positions()[:, start:stop])))

    def _turned(self, key: Tensor) -> Tensor:
        """Keys of the tokens themselves as the only leg turns them."""
        if self.span.key_map is not None:
            return key
        leg, start = self.span.legs[0], self.span.start
        return turned(key, self.span.key_turn(leg.keys, start, start + self.span.count))

    def _heads(self, group: Group) -> slice:
        shared = self.call.query.shape[0] // self.call.key.shape[0]
        return slice(group.heads.start * shared, group.heads.stop * shared)


def _joined(merge: Merge | None, call: Call) -> tuple[Tensor, Tensor]:
    if merge is None:
        raise RuntimeError("a query sees no key, not even its own; the position scheme's pieces leave it out")
    return merge.result(call.query.dtype)


def _region(
    query: Tensor, key: Tensor, value: Tensor, region: Region, call: Call, merge: Merge | None
) -> Merge | None:
    if region.mask is None:
        return attend_tiles(
            query, key, value, region.tiles, scale=call.scale, softcap=call.softcap, into=merge
        )
    out, lse = attend(query, key, value, scale=call.scale, mask=region.mask, softcap=call.softcap)
    return join(merge, out, lse, query)
