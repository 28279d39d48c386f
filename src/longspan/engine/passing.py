"""The attention of a session: each sequence of a forward pass, and what its parts do once a layer is stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from longspan.borrowing import Call
from longspan.engine.legs import Span, turned
from longspan.engine.memory import Memory
from longspan.engine.visitor import Visitor
from longspan.kernels.regions import with_sinks
from longspan.positions.base import Rope
from longspan.selectors.base import Selector

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

    def __init__(self, engine: Engine, portions: Sequence[Portion], keep: Sequence[int]) -> None:
        """keep: indices of the tokens whose logits are wanted; they do not leave."""
        self._engine = engine
        self._portions = portions
        self._keep = keep
        self._left: list[Tensor | None] = [None for _ in portions]
        self._going: list[Tensor | None] = [None for _ in portions]
        self._spans: dict[tuple[int, Rope, int | None], Span] = {}
        self._notes: list[dict[str, Any]] = [{} for _ in portions]
        self._rounds = [torch.tensor(each.memory.rounds, device=engine.seam.device) for each in portions]

    def attention(self, call: Call) -> Tensor:
        """`[heads, n, dim]` for one layer."""
        outs, start = [], 0
        for number, portion in enumerate(self._portions):
            rows = slice(start, start + self._count(number))
            start = rows.stop
            self._prefetch(portion, call)
            outs.append(
                self._sequence(
                    number, portion, call, call.query[:, rows], call.key[:, rows], call.value[:, rows]
                )
            )
        return outs[0] if len(outs) == 1 else torch.cat(outs, 1)

    def staying(self) -> Tensor | None:
        """Which rows of the layer that has just run go on to the next, as indices; None for all."""
        if all(going is None for going in self._going):
            return None
        rows, start = [], 0
        for number, going in enumerate(self._going):
            count, left = self._count(number), self._left[number]
            if going is None:
                going = torch.arange(count, device=self._engine.seam.device)
            else:
                self._left[number] = going if left is None else left[going]
                self._spans = {kind: span for kind, span in self._spans.items() if kind[0] != number}
                self._going[number] = None
            rows.append(going + start)
            start += count
        return torch.cat(rows)

    @cached_property
    def _wanted(self) -> Sequence[Tensor]:
        """Which tokens of each portion do not leave, bool `[n]`."""
        sizes = [len(each.ids) for each in self._portions]
        wanted = torch.zeros(sum(sizes), dtype=torch.bool, device=self._engine.seam.device)
        wanted[list(self._keep)] = True
        parts: Sequence[Tensor] = wanted.split(sizes)
        return parts

    def _count(self, number: int) -> int:
        """Tokens of a portion that are still there."""
        left = self._left[number]
        return len(self._portions[number].ids) if left is None else len(left)

    def _prefetch(self, portion: Portion, call: Call) -> None:
        """Announces the next layer's entries, unless a selector will visit only a few of them."""
        if self._engine.selector is None or (portion.reading and not self._engine.selector.reads):
            layers = portion.memory.layers
            layers[(call.layer + 1) % len(layers)].store.prefetch()

    def _span(self, number: int, portion: Portion, call: Call) -> Span:
        memory = portion.memory
        rope = self._engine.rope(memory, call.layer, memory.seen + len(portion.ids))
        wanted = (number, rope, call.window)
        if wanted not in self._spans:
            self._spans[wanted] = Span(
                self._engine.positions(memory, memory.seen + len(portion.ids)),
                rope,
                call.window,
                memory.seen,
                len(portion.ids),
                call.query.device,
                raw=self._engine.raw,
                left=self._left[number],
            )
        return self._spans[wanted]

    def _sequence(
        self, number: int, portion: Portion, call: Call, query: Tensor, key: Tensor, value: Tensor
    ) -> Tensor:
        engine, span, memory = self._engine, self._span(number, portion, call), portion.memory
        layer = memory.layers[call.layer]
        own = key
        if span.key_map is not None:
            own = turned(key, span.own_turn(span.key_map, 0, span.count))
        decoding = span.count == 1 and not portion.reading and not portion.rehearsed
        visitor = Visitor(
            memory=memory,
            layer=layer,
            call=call,
            span=span,
            queries=span.turned(query, call.layer),
            raw=query,
            decoding=decoding,
            pattern=engine.pattern if call.window is None and engine.thinning is None else None,
            selector=self._selector(call),
            notes=self._notes[number],
            rounds=self._rounds[number],
            layers=len(engine.seam.layers),
            profile=engine.profile,
        )
        if portion.reading and not portion.rehearsed:
            layer.store.reserve(span.count)
        if portion.rehearsed:
            out, lse = visitor.read(own, value, store=False)
            if call.window is None:
                engine.watch_rehearsal(memory, call.layer, query, (own, value))
        elif decoding:
            layer.store.append(own, value, leaving=visitor.leave)
            out, lse = visitor.decode()
        else:
            out, lse = visitor.read(own, value, store=True)
        if call.sinks is not None:
            out = with_sinks(out, lse, call.sinks)
        if portion.reading and not portion.rehearsed and call.window is None:
            self._going[number] = self._thinned(number, visitor, own)
        if not portion.rehearsed:
            self._after(portion, call, query, visitor)
        return out

    def _thinned(self, number: int, visitor: Visitor, key: Tensor) -> Tensor | None:
        """The tokens of a portion that go on to the next layer, as indices among those there; None for all."""
        thinning = self._engine.thinning
        if thinning is None or visitor.call.layer == visitor.layers - 1:
            return None
        wanted, left = self._wanted[number], self._left[number]
        if bool(wanted.all()):
            return None
        stay = visitor.staying(thinning, key)
        if stay is None:
            return None
        stay = stay | (wanted if left is None else wanted[left])
        return None if bool(stay.all()) else stay.nonzero()[:, 0]

    def _selector(self, call: Call) -> Selector | None:
        selector: Selector | None = self._engine.selector
        if selector is None or call.window is not None:
            return None
        return None if selector.skips(call.layer, len(self._engine.seam.layers)) else selector

    def _after(self, portion: Portion, call: Call, query: Tensor, visitor: Visitor) -> None:
        """What the parts do once the tokens of a layer are stored."""
        engine, layer = self._engine, portion.memory.layers[call.layer]
        seen = visitor.span.end
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
            engine.learn(portion.memory, call.layer, seen, visitor.leave)
