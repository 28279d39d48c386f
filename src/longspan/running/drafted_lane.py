"""A generated token and the draft behind it, on their way through the layers of a forward pass."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

import torch
from torch import Tensor

from longspan.kernels.attention import Merge, attend
from longspan.kernels.decoding import OpenRow, attend_rows, suits
from longspan.kernels.regions import join, with_sinks
from longspan.running.acting import after_layer
from longspan.running.attention_state import AttentionMark, AttentionState
from longspan.running.drafted import Drafted
from longspan.running.joined import sharpened
from longspan.running.lane import Lane, everything
from longspan.running.layer_attention import LayerAttention
from longspan.running.moments import Portion, followed, undisturbed
from longspan.running.placed import PlacedTokens, turned
from longspan.seam.borrowing import Call, part
from longspan.seam.recurrent import Step


class DraftedLane(Lane):
    """Row 0 is the generated token, which is stored; the rows behind it are seen by their own descendants alone.

    Where a layer does the same to all of them, they attend together. Where its entries lie open in memory, a row gives
    what it would give alone, to the bit. Where what a layer does depends on the tokens before, each goes through it as
    a generated one, and the layer goes back.
    """

    def __init__(self, portion: Portion, wanted: Tensor, drafted: Drafted) -> None:
        super().__init__(portion, wanted)
        self._drafted = drafted
        self._left = drafted.depths
        self.deepest = int(drafted.depths[-1])
        self._quiet = undisturbed(portion, self.deepest)
        self._seen: dict[int, list[Tensor]] = {}

    @property
    def alike(self) -> bool:
        """Whether every layer does to each of the tokens what it does to one alone."""
        return not self.portion.reading and all(map(self._alike, range(len(self.sequence.layers))))

    @property
    def depths(self) -> Tensor:
        """How far behind the generated token each stands, `[1 + n]`."""
        return self._drafted.depths

    @property
    def ancestors(self) -> Tensor:
        """See `Drafted`."""
        return self._drafted.ancestors

    def keep(self, keys: Tensor, values: Tensor) -> None:
        """The tokens' keys and values `[layers, 1 + n, kv_heads, dim]`, for those that are accepted."""
        self._drafted.entries = keys, values

    def recurring(self, step: Step) -> Tensor:
        """`[1 + n, width]` for one recurrent layer: each row goes on from the state behind the one that it follows."""
        if self.error is None:
            try:
                return self._recurred(step)
            except Exception as error:  # such as no memory for the layer's work
                self.error = error
        return torch.zeros_like(step.hidden)

    def _recurred(self, step: Step) -> Tensor:
        states = [self.sequence.recurrences[step.number]] * len(step.hidden)
        outs = [step.run(step.hidden[:1], states[0])] * len(step.hidden)
        for row, parent in self._drafted.walk:
            states[row] = states[parent].fork()
            outs[row] = step.run(step.hidden[row : row + 1], states[row])
        self._drafted.states.append(states)
        return torch.cat(outs)

    def attended(self, call: Call) -> Tensor:
        """`[heads, 1 + n, dim]`; raises what is wrong."""
        if not self._alike(call.layer):
            return self._one_by_one(call)
        if not suits(call.query.dtype, call.query.device):
            return self._together(call)
        rows = self._opened(call)
        return self._one_by_one(call) if rows is None else self._in_place(call, rows)

    def _alike(self, index: int) -> bool:
        """Whether a layer does to each token what it does to one alone, and tells all of them the same positions."""
        sequence, engine, deepest = self.sequence, self._engine, self.deepest
        return (
            self._quiet
            and engine.selectors[index] is None
            and (engine.windows[index] is not None or not engine.scheme.dynamic)
            and sequence.rope(index, sequence.place + 1) is sequence.rope(index, sequence.place + 1 + deepest)
            and sequence.layers[index].store.entry_by_entry(1 + deepest)
            and not self._forgets(index)
        )

    def _forgets(self, index: int) -> bool:
        """Whether a layer with a window gives entries back between the tokens."""
        window, store = self._engine.windows[index], self.sequence.layers[index].store
        return window is not None and store.lengths[0] + 1 + self.deepest >= 2 * window

    def _in_place(self, call: Call, opened: list[OpenRow]) -> Tensor:
        """opened: its rows."""
        placed, store = self.placed(call.layer), self.sequence.layers[call.layer].store
        window = self._engine.windows[call.layer]
        keys, values = placed.as_stored(call.key), call.value
        self._drafted.kept.append((call, keys))
        out, lse = attend_rows(
            turned(sharpened(call, [placed]), placed.pieces[0].query_turn),
            keys,
            values,
            [_seen_at(row, depth, window) for depth in self._drafted.steps for row in opened],
            self._drafted.steps,
            scale=call.softmax.scale,
            softcap=call.softmax.softcap,
            ancestors=self._drafted.ancestors,
        )
        store.append(keys[:, :1], values[:, :1])
        after_layer(self.portion, call.layer, call.query[:, :1], everything)
        return with_sinks(out, lse, call.softmax.sinks)

    def _together(self, call: Call) -> Tensor:
        self._prefetch(call.layer)
        attention, store = self._attention(call, decoding=True), self.sequence.layers[call.layer].store
        keys, values = attention.placed.as_stored(call.key), call.value
        self._drafted.kept.append((call, keys))
        store.append(keys[:, :1], values[:, :1])
        own = self._among_themselves(attention, *store.found_again(keys[:, 1:], values[:, 1:]))
        out = with_sinks(*attention.decode(own), call.softmax.sinks)
        after_layer(self.portion, call.layer, call.query[:, :1], attention.leave)
        return out

    def _among_themselves(self, attention: LayerAttention, key: Tensor, value: Tensor) -> Merge | None:
        """What the tokens of the draft see of one another. key and value: as they would be stored."""
        placed, call = attention.placed, attention.call
        merge: Merge | None = None
        for piece, query, seen in zip(placed.pieces, attention.queries, self._seen_in(placed), strict=True):
            if seen.numel():
                own = key if placed.key_map is not None else placed.own_turned(key, piece.keys, 1)
                out, lse = attend(
                    query, own, value, scale=call.softmax.scale, mask=seen, softcap=call.softmax.softcap
                )
                merge = join(merge, out, lse, query, by=piece.by)
        return merge

    def _seen_in(self, placed: PlacedTokens) -> list[Tensor]:
        """Which of the draft each row sees through each piece, bool `[1 + n, n]`; empty for a piece that shows none."""
        if id(placed) not in self._seen:
            places, found = placed.queries[1:], []
            for piece in placed.pieces:
                near = (places >= piece.low[:, None]) & (places < piece.high[:, None])
                seen = near & self._drafted.seen
                found.append(seen if bool(seen.any()) else seen[:0])
            self._seen[id(placed)] = found
        return self._seen[id(placed)]

    def _one_by_one(self, call: Call) -> Tensor:
        layer, drafted = self.sequence.layers[call.layer], self._drafted
        drafted.kept.append((call, None))
        outs = [self._alone[0].attended(part(call, 0, 1))] * len(self._alone)
        here, marks = 0, [(0, layer.mark())]
        for row, parent in drafted.walk:
            if here != parent:
                _go_back(layer, marks, parent)
            outs[row] = self._alone[row].attended(part(call, row, row + 1))
            here = row
            if row in drafted.forks:
                marks.append((row, layer.mark()))
        _go_back(layer, marks, 0)
        return torch.cat(outs, 1)

    @cached_property
    def _alone(self) -> list[Lane]:
        """For each row a lane of its own, behind the tokens that it follows."""
        wanted = self._wanted[:1]
        lanes = [Lane(replace(self.portion, drafted=None), wanted)]
        for row in range(1, self.count):
            path = self._drafted.ids[self._drafted.seen[row]]
            lanes.append(Lane(followed(self.portion, path), wanted, len(path)))
        return lanes


def _seen_at(row: OpenRow, depth: int, window: int | None) -> OpenRow:
    """A row as the token sees it that stands so deep behind it."""
    return row if window is None else row._replace(first=max(0, row.length + depth + 1 - window))


def _go_back(layer: AttentionState, marks: list[tuple[int, AttentionMark]], row: int) -> None:
    """To the mark of a row; later ones are given up first, so that memory behind it can be written to."""
    while marks[-1][0] != row:
        marks.pop()
    layer.rewind(marks[-1][1])
