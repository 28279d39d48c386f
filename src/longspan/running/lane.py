"""The tokens of one sequence on their way through the layers of a forward pass."""

from __future__ import annotations

import torch
from torch import Tensor

from longspan.kernels.decoding import OpenRow
from longspan.kernels.regions import with_sinks
from longspan.positions.base import Rope
from longspan.running.acting import after_layer, watch_rehearsal
from longspan.running.layer_attention import LayerAttention
from longspan.running.moments import Portion
from longspan.running.placed import PlacedTokens
from longspan.seam.borrowing import Call
from longspan.seam.recurrent import Step


def everything(count: int) -> int:
    """All entries may be encoded."""
    return count


class Lane:
    """A portion in a pass: what its layers share is made once.

    wanted: which of the tokens do not leave between layers, bool `[n]`. ahead: how many of the portion's first tokens
    its layers have seen before. error: why it cannot go on, None while it can; the other lanes of the pass do.
    """

    def __init__(self, portion: Portion, wanted: Tensor, ahead: int = 0) -> None:
        self.portion = portion
        self.sequence = portion.sequence
        self.error: Exception | None = None
        self._engine = portion.sequence.engine
        self._wanted, self._ahead = wanted, ahead
        self._left: Tensor | None = None
        self._going: Tensor | None = None
        self._placed: dict[tuple[Rope, int | None], PlacedTokens] = {}

    @property
    def count(self) -> int:
        """Tokens that are still there."""
        return len(self.portion.ids) - self._ahead if self._left is None else len(self._left)

    @property
    def decoding(self) -> bool:
        """Whether it is one generated token."""
        return self.count == 1 and not self.portion.reading and not self.portion.rehearsed

    def attention(self, call: Call) -> Tensor:
        """`[heads, n, dim]` for one layer. call: of the lane's own tokens."""
        if self.error is None:
            try:
                return self.attended(call)
            except Exception as error:  # of this sequence's parts, whatever they are
                self.error = error
        return torch.zeros(
            len(call.query),
            self.count,
            call.value.shape[-1],
            dtype=call.query.dtype,
            device=call.query.device,
        )

    def recurring(self, step: Step) -> Tensor:
        """`[n, width]` for one recurrent layer. step: of the lane's own tokens."""
        if self.error is None:
            state = self.sequence.recurrences[step.number]
            try:
                return step.run(step.hidden, state.fork() if self.portion.rehearsed else state)
            except Exception as error:  # such as no memory for the layer's work
                self.error = error
        return torch.zeros_like(step.hidden)

    def store(self, call: Call, key: Tensor | None = None) -> None:
        """Remembers its one generated token in a layer. key: as it is stored, where that is known."""
        if self._engine.selectors[call.layer] is not None:  # may remember what it chose
            self.attended(call)
            return
        own = self.placed(call.layer).as_stored(call.key) if key is None else key
        self.sequence.layers[call.layer].store.append(own, call.value)
        after_layer(self.portion, call.layer, call.query, everything)

    def opened(self, call: Call) -> list[OpenRow] | None:
        """Its rows in a layer, open for the entry of its one generated token; None where it has to be attended alone.

        It can be joined with others where one piece of its positions sees all that is stored, as the model made it.
        """
        if self.error is not None or not self.decoding:
            return None
        try:
            return self._opened(call)
        except Exception as error:  # such as no memory for a longer row
            self.error = error
            return None

    def stored(self, layer: int, query: Tensor) -> None:
        """Its entry was written into the rows that `opened` gave. query `[heads, 1, dim]`, not turned."""
        self.sequence.layers[layer].store.grown()
        try:
            after_layer(self.portion, layer, query, everything)
        except Exception as error:  # of this sequence's parts, whatever they are
            self.error = error

    def staying(self) -> Tensor | None:
        """Which tokens go on from the layer that has just run, as indices among those there; None for all."""
        going = self._going
        if going is not None:
            self._left = going if self._left is None else self._left[going]
            self._placed, self._going = {}, None
        return going

    def placed(self, layer: int) -> PlacedTokens:
        """The tokens as a layer of this kind sees them."""
        sequence, window = self.sequence, self._engine.windows[layer]
        start, end = sequence.place + self._ahead, sequence.place + len(self.portion.ids)
        kind = sequence.rope(layer, end), window
        if kind not in self._placed:
            self._placed[kind] = PlacedTokens(
                sequence.positions(end),
                *kind,
                start,
                end - start,
                self.portion.ids.device,
                raw=self._engine.raw,
                left=self._left,
                raised=sequence.raised,
            )
        return self._placed[kind]

    def attended(self, call: Call) -> Tensor:
        """`[heads, n, dim]` for one layer; raises what is wrong."""
        portion, sequence, window = self.portion, self.sequence, self._engine.windows[call.layer]
        self._prefetch(call.layer)
        attention, store = self._attention(call, decoding=self.decoding), sequence.layers[call.layer].store
        own = attention.placed.as_stored(call.key)
        if portion.reading and not portion.rehearsed:
            store.reserve(attention.placed.count)
        if self.decoding:
            store.append(own, call.value, leaving=attention.leave)
            out = with_sinks(*attention.decode(), call.softmax.sinks)
        else:
            out = with_sinks(
                *attention.read(own, call.value, store=not portion.rehearsed), call.softmax.sinks
            )
        if portion.rehearsed and window is None:
            watch_rehearsal(portion, call.layer, call.query, (own, call.value))
        if portion.reading and not portion.rehearsed and window is None:
            self._going = self._thinned(attention, own)
        if not portion.rehearsed:
            after_layer(portion, call.layer, call.query, attention.leave)
        return out

    def _opened(self, call: Call) -> list[OpenRow] | None:
        """Its rows in a layer, open for the entry of its first token; the others may be drafted."""
        layer, engine = call.layer, self._engine
        placed, window = self.placed(layer), engine.windows[layer]
        if engine.selectors[layer] is not None or placed.key_map is None or len(placed.pieces) != 1:
            return None
        if window is None and not placed.pieces[0].sees_all_before:
            return None
        self._prefetch(layer)
        return self.sequence.layers[layer].store.open(call.key.dtype, window)

    def _attention(self, call: Call, *, decoding: bool) -> LayerAttention:
        engine, window, placed = self._engine, self._engine.windows[call.layer], self.placed(call.layer)
        return LayerAttention(
            portion=self.portion,
            layer=self.sequence.layers[call.layer],
            call=call,
            window=window,
            placed=placed,
            queries=placed.turned(call.query, call.layer),
            raw=call.query,
            decoding=decoding,
            pattern=engine.pattern if window is None and engine.thinning is None else None,
            selector=engine.selectors[call.layer],
        )

    def _prefetch(self, layer: int) -> None:
        """Announces the next layer's entries, unless a selector will visit only a few of them."""
        selector = self._engine.selector
        if selector is None or (self.portion.reading and not selector.reads):
            layers = self.sequence.layers
            layers[(layer + 1) % len(layers)].store.prefetch()

    def _thinned(self, attention: LayerAttention, key: Tensor) -> Tensor | None:
        """The tokens that go on to the next layer, as indices among those there; None for all."""
        thinning = self._engine.thinning
        if thinning is None or attention.call.layer == len(self.sequence.layers) - 1:
            return None
        if bool(self._wanted.all()):
            return None
        stay = attention.staying(thinning, key)
        if stay is None:
            return None
        stay = stay | (self._wanted if self._left is None else self._wanted[self._left])
        return None if bool(stay.all()) else stay.nonzero()[:, 0]
