"""What the queries of one sequence look at in one layer: pattern, store, selector and pieces meet here."""

from __future__ import annotations

from collections import abc
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from longspan.kernels.attention import Merge, attend
from longspan.kernels.blocks import attend_blocks
from longspan.kernels.regions import attend_entries, join
from longspan.patterns.base import Pattern, PatternView
from longspan.patterns.thinning import Thinning
from longspan.running.attention_state import AttentionState
from longspan.running.in_place import attend_in_place
from longspan.running.moments import Portion
from longspan.running.placed import PlacedPiece, PlacedTokens, turned
from longspan.running.view import ranks
from longspan.seam.borrowing import Call
from longspan.selectors.base import Chosen, Selector, Visit
from longspan.store.form import Plain
from longspan.store.group import Group
from longspan.store.state import State


@dataclass(frozen=True, kw_only=True, eq=False)
class LayerAttention:
    """The queries of a portion in one layer, and what they look at.

    window: tokens that a query sees, None for all. queries: as each piece turns them, and raw as they came. decoding:
    whether the first is a generated token, whose own entry is stored already. pattern and selector: None where the
    layer leaves them alone.
    """

    portion: Portion
    layer: AttentionState
    call: Call
    window: int | None
    placed: PlacedTokens
    queries: list[Tensor]
    raw: Tensor
    decoding: bool
    pattern: Pattern | None
    selector: Selector | None

    def read(self, key: Tensor, value: Tensor, *, store: bool) -> tuple[Tensor, Tensor]:
        """What is being read attends to itself as it is, and to what is stored as it is stored.

        key and value of the tokens themselves, turned where the store keeps them so. store: whether they are stored.
        """
        kept, placed, call = self.layer.store, self.placed, self.call
        groups = [self._with_exact(group) for group in kept.groups() if group.length]
        stored = not store
        merge: Merge | None = None
        if self.pattern is not None and placed.count >= self.pattern.min_queries:
            keys, values, first = key, value, placed.start
            if kept.whole and groups:
                first = groups[0].first
                if store and isinstance(kept.form, Plain) and placed.key_map is not None and not kept.apart:
                    kept.append(key, value)
                    stored = True
                    (group,) = kept.groups()
                    keys, values = group.keys(), group.values()
                else:
                    keys = torch.cat([group.keys() for group in groups] + [key], 1)
                    values = torch.cat([group.values() for group in groups] + [value], 1)
                groups = []
            state = self._state(self.pattern, keep=store) if first == 0 else self.pattern.state()
            merge = self._patterned(self.pattern, keys, values, first, state)
        else:
            for piece, query in zip(placed.pieces, self.queries, strict=True):
                region = piece.fresh
                rows = slice(region.start, region.stop)
                own = key[:, rows]
                if placed.key_map is None:
                    own = placed.own_turned(own, piece.keys, rows.start)
                merge = region.attend(query, own, value[:, rows], call.softmax, merge)
        for group in groups:
            if self.selector is not None and self.selector.reads and group.tier != "recent":
                for start in range(0, placed.count, self.selector.reads):
                    rows = slice(start, min(placed.count, start + self.selector.reads))
                    merge = self._select(group, self.selector, rows, merge)
            else:
                merge = self._all(group, slice(0, placed.count), merge)
        if not stored:
            kept.append(key, value, placed.queries if placed.gaps else None, self.leave)
        return _joined(merge, call)

    def staying(self, thinning: Thinning, key: Tensor) -> Tensor | None:
        """Which of the tokens go on to the next layer. key: their own, turned where the store keeps them so."""
        placed = self.placed
        by_piece = [key] * len(placed.pieces)
        if placed.key_map is None:
            by_piece = [placed.own_turned(key, piece.keys) for piece in placed.pieces]
        return thinning.staying(self._reading(by_piece, placed.queries, None))

    def _state(self, pattern: Pattern, *, keep: bool) -> State | None:
        """What the pattern remembers of the keys from position 0 on, unless these are turned anew in every pass.

        keep: whether it may take in the keys of this pass, too.
        """
        if self.placed.key_map is None:
            return pattern.state()
        if self.layer.pattern is None:
            self.layer.pattern = pattern.state()
        return self.layer.pattern if keep or self.layer.pattern is None else self.layer.pattern.fork()

    def _patterned(
        self, pattern: Pattern, keys: Tensor, values: Tensor, first: int, state: State | None
    ) -> Merge | None:
        """The queries over keys from position `first` up to their own, thinned out by the pattern."""
        call, placed = self.call, self.placed
        by_piece = [keys] * len(placed.pieces)
        if placed.key_map is None:
            turns = (placed.key_turn(piece.keys, first, first + keys.shape[1]) for piece in placed.pieces)
            by_piece = [turned(keys, turn) for turn in turns]
        places = torch.arange(first, first + keys.shape[1], device=keys.device)
        index = pattern.index(self._reading(by_piece, places, state))
        merge: Merge | None = None
        for piece, query, turned_keys in zip(placed.pieces, self.queries, by_piece, strict=True):
            bounds = None
            if len(placed.pieces) > 1 or not piece.sees_all(first, placed.start):
                bounds = ((piece.low - first).clamp(min=0), (piece.high - first).clamp(min=0))
            found = attend_blocks(
                query,
                turned_keys,
                values,
                index,
                scale=call.softmax.scale,
                softcap=call.softmax.softcap,
                bounds=bounds,
            )
            found = found.raised(piece.by)
            if merge is None:
                merge = found
            else:
                merge.add(*found.result(torch.float32))
        return merge

    def _reading(self, by_piece: abc.Sequence[Tensor], places: Tensor, state: State | None) -> PatternView:
        """What a pattern may look at. by_piece: keys as each piece turns them, at the positions `places`."""
        return PatternView(
            scene=self.portion.scene(self.call.layer),
            query=self.queries[0],
            key=by_piece[0],
            weights=lambda rows: self._weights(by_piece, places, rows),
            pieces=len(by_piece),
            state=state,
        )

    def _weights(self, keys: abc.Sequence[Tensor], places: Tensor, rows: slice) -> Tensor:
        """Softmax weights fp32 `[heads, w, m]` of some queries over keys, given as each piece turns them."""
        count, softmax = len(places), self.portion.scene(self.call.layer).softmax
        scores: Tensor | None = None
        for piece, query, key in zip(self.placed.pieces, self.queries, keys, strict=True):
            grouped = query[:, rows].unflatten(0, (len(key), -1)).flatten(1, 2).float()
            products = (grouped @ key.float().mT).view(len(query), -1, count)
            found = softmax.logits(products, out=products)
            found = found + piece.by if piece.by else found
            seen = (places >= piece.low[rows, None]) & (places < piece.high[rows, None])
            found = found.masked_fill_(~seen, -torch.inf)
            scores = found if scores is None else torch.maximum(scores, found)
        if scores is None:
            raise RuntimeError(
                "a query sees no key, not even its own; the position scheme's pieces leave it out"
            )
        return softmax.weights(scores)

    def decode(self, merge: Merge | None = None) -> tuple[Tensor, Tensor]:
        """One query over what the selector chooses, or all over everything stored. merge: what they saw before."""
        rows, groups = slice(0, self.placed.count), [g for g in self.layer.store.groups() if g.length]
        seen = self.placed.seen_from
        if self.selector is None and merge is None and (seen == 0 or (seen and self.layer.store.whole)):
            query, first = self.queries[0], max(0, seen - groups[0].first) if seen else 0
            call, every = self.call, slice(0, self.layer.store.heads)
            found = attend_in_place(query, every, call.value.shape[-1], groups, call.softmax, first=first)
            if found is not None:
                return found
        for group in groups:
            if self.selector is not None and group.tier != "recent":
                merge = self._select(group, self.selector, rows, merge)
            else:
                merge = self._all(group, rows, merge)
        return _joined(merge, self.call)

    def _select(self, group: Group, selector: Selector, rows: slice, merge: Merge | None) -> Merge | None:
        """Some queries over what the selector chooses for them."""
        summary = self.layer.summary(group.place, selector)
        farthest = self.placed.pieces[-1]
        visit = self._visit(
            [group], rows, lambda start, stop: self._keys(group, farthest, start, stop), group.keys
        )
        summary.extend(visit)
        chosen = summary.select(visit)
        if (exact := summary.exact) is not None:
            group = replace(group, exact=exact)
        if chosen is None:
            return self._all(group, rows, merge)
        return self._some(group, chosen, rows, merge)

    def leave(self, count: int) -> int:
        """Shows the selector the next `count` entries of each row that are to be encoded; says how many may be."""
        store, turn = self.layer.store, self.placed.pieces[-1].keys
        groups = [group for group in store.groups() if group.length and group.tier != "demoted"]
        if self.selector is None or any(group.heads != slice(0, store.heads) for group in groups):
            return count
        first, coded = groups[0].first, sum(group.length for group in groups if group.tier == "coded")
        held = [self._with_exact(group) for group in groups]

        def raw(start: int, stop: int) -> Tensor:
            parts, at = [], 0
            for group in held:
                low, high = max(0, start - at), min(group.length, stop - at)
                parts += [group.keys(low, high)] if low < high else []
                at += group.length
            return torch.cat(parts, 1)

        def keys(start: int, stop: int) -> Tensor:
            found = raw(start, stop)
            if self.placed.key_map is not None:
                return found
            return turned(found, self.placed.key_turn(turn, first + start, first + stop))

        visit = self._visit(groups, slice(0, self.placed.count), keys, raw, fresh=True)
        until = self.layer.summary((0, 0), self.selector).leave(visit, coded + count)
        return count if store.form.block > 1 else max(0, until - coded)

    def _visit(
        self,
        groups: abc.Sequence[Group],
        rows: slice,
        keys: Callable[[int, int], Tensor],
        raw: Callable[[int, int], Tensor],
        *,
        fresh: bool = False,
    ) -> Visit:
        """The queries of `rows`, about to visit groups of the same rows that follow each other."""
        return Visit(
            scene=self.portion.scene(self.call.layer),
            query=self.queries[-1][self._heads(groups[0]), rows],
            entries=sum(group.length for group in groups),
            start=self.placed.position(rows.start),
            keys=keys,
            raw=raw,
            fresh=fresh,
            placed=None if self.placed.key_map is not None else partial(self._moved, groups[0], rows),
            positions=lambda: torch.cat([self._positions(group) for group in groups], 1),
        )

    def _moved(self, group: Group, rows: slice, first: int | None) -> Tensor:
        """Some queries as if the first of them stood at a position, or not turned for None."""
        raw = self.raw[self._heads(group), rows]
        if first is None:
            return raw
        places = torch.arange(first, first + raw.shape[1], device=raw.device)
        return turned(raw, self.placed.query_turn(places))

    def _with_exact(self, group: Group) -> Group:
        """A group with the keys that its summary holds as they came."""
        summary = None if group.tier == "recent" else self.layer.summaries.get(group.place)
        exact = None if summary is None else summary.exact
        return group if exact is None else replace(group, exact=exact)

    def _some(self, group: Group, chosen: Chosen, rows: slice, merge: Merge | None) -> Merge | None:
        """Some queries over chosen entries, which are copied anyway: a single query runs fastest in fp32."""
        call, placed, heads = self.call, self.placed, self._heads(group)
        single = rows.stop - rows.start == 1
        unbounded = placed.unbounded(placed.start - 1 + single)
        if placed.count == 1 and unbounded:
            query = self.queries[0][heads, rows]
            found = attend_in_place(query, group.heads, call.value.shape[-1], [group], call.softmax, chosen)
            if found is not None:
                return join(merge, *found, self.queries[0], rows.start, heads)
        keys, values = group.gather(chosen.index, torch.float32 if single else group.dtype)
        if chosen.counts is None and unbounded:
            query = self.queries[0][heads, rows].to(keys.dtype)
            out, lse = attend(query, keys, values, scale=call.softmax.scale, softcap=call.softmax.softcap)
            return join(merge, out, lse, self.queries[0], rows.start, heads)
        positions = group.places(chosen.index)
        seen = positions
        if chosen.counts is not None:  # no query sees a position below 0
            beyond = torch.arange(positions.shape[1], device=positions.device) >= chosen.counts[:, None]
            seen = positions.masked_fill(beyond, -1)
        places = positions
        if placed.by_rank:
            counts = chosen.counts
            lengths = [positions.shape[1]] * len(positions) if counts is None else counts.tolist()
            places = ranks(lengths, positions.shape[1], self._end, positions.device)
        for piece, query in zip(placed.pieces, self.queries, strict=True):
            own = keys if placed.key_map is not None else turned(keys, placed.turn(piece.keys, places))
            out, lse = attend_entries(
                query[heads, rows].to(keys.dtype),
                own,
                values,
                seen,
                piece.low[rows],
                piece.high[rows],
                scale=call.softmax.scale,
                softcap=call.softmax.softcap,
            )
            merge = join(merge, out, lse, self.queries[0], rows.start, heads, piece.by)
        return merge

    def _all(self, group: Group, rows: slice, merge: Merge | None) -> Merge | None:
        """Some queries over all entries of some rows."""
        for piece, query in zip(self.placed.pieces, self.queries, strict=True):
            merge = self._through(group, piece, query, rows, merge)
        return merge

    def _through(
        self, group: Group, piece: PlacedPiece, query: Tensor, rows: slice, merge: Merge | None
    ) -> Merge | None:
        """Some queries over all entries of some rows, through one piece."""
        call, placed, heads = self.call, self.placed, self._heads(group)
        all_rows = rows.stop - rows.start == placed.count
        if group.position_column is None and all_rows:
            region = piece.past(group.first, group.first + group.length)
            if not region.tiles:
                return merge
            keys = self._keys(group, piece, region.start, region.stop)
            values = group.values(region.start, region.stop)
            return region.attend(query, keys, values, call.softmax, merge)
        (first, last), seen = group.edges(), slice(0, group.length)
        if placed.raised is not None:
            seen, first, last = self._half(group, piece, first, last)
        if piece.stop <= first or piece.start > last or seen.start == seen.stop:
            return merge
        keys, values = self._keys(group, piece, seen.start, seen.stop), group.values(seen.start, seen.stop)
        if piece.sees_all(first, last):
            out, lse = attend(
                query[heads, rows], keys, values, scale=call.softmax.scale, softcap=call.softmax.softcap
            )
        else:
            out, lse = attend_entries(
                query[heads, rows],
                keys,
                values,
                self._positions(group)[:, seen],
                piece.low[rows],
                piece.high[rows],
                scale=call.softmax.scale,
                softcap=call.softmax.softcap,
            )
        return join(merge, out, lse, query, rows.start, heads, piece.by)

    def _half(self, group: Group, piece: PlacedPiece, first: int, last: int) -> tuple[slice, int, int]:
        """Of entries of which those behind a position weigh more, and come later, the half that a piece sees.

        first, last: the edges of all. All of them where the halves of its rows are not alike.
        """
        start = self.placed.raised.start if self.placed.raised else 0
        counts = (group.positions() < start).sum(1).tolist()
        if len(set(counts)) > 1:
            return slice(0, group.length), first, last
        if piece.by:
            return slice(counts[0], group.length), max(first, start), last
        return slice(0, counts[0]), first, min(last, start - 1)

    @property
    def _end(self) -> int:
        """Tokens that are stored."""
        return self.placed.start + self.decoding

    def _keys(self, group: Group, piece: PlacedPiece, start: int = 0, stop: int | None = None) -> Tensor:
        """Stored keys as one piece turns them."""
        keys, placed = group.keys(start, stop), self.placed
        if placed.key_map is not None:
            return keys
        if placed.by_rank:
            behind = 0  # entries of the same row that came later
            if group.tier == "coded":
                behind = self.layer.store.lengths[group.heads.start] - group.length
            first = self._end - behind - group.length + start
            return turned(keys, placed.key_turn(piece.keys, first, first + keys.shape[1]))
        if group.position_column is None:
            first = group.first + start
            return turned(keys, placed.key_turn(piece.keys, first, first + keys.shape[1]))
        return turned(keys, placed.turn(piece.keys, self._positions(group)[:, start:stop]))

    def _positions(self, group: Group) -> Tensor:
        """Where its entries stood, on the device of the queries."""
        return group.positions().to(self.queries[0].device)

    def _heads(self, group: Group) -> slice:
        shared = self.call.query.shape[0] // self.call.key.shape[0]
        return slice(group.heads.start * shared, group.heads.stop * shared)


def _joined(merge: Merge | None, call: Call) -> tuple[Tensor, Tensor]:
    if merge is None:
        raise RuntimeError("a query sees no key, not even its own; the position scheme's pieces leave it out")
    return merge.result(call.query.dtype)
