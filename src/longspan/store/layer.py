"""The entries that one sequence keeps in one layer: keys, values, and where in the text each came from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from longspan.kernels.decoding import OpenRow
from longspan.store.form import Form, Plain
from longspan.store.gathering import opened, vectors
from longspan.store.group import Group
from longspan.store.ledger import Ledger
from longspan.store.medium import MEMORY, Medium
from longspan.store.state import under
from longspan.store.tier import StoreMark, Tier, Vectors, cut

# Entries are encoded this many at a time at least, since encoding shifts the recent ones.
_SEAL = 32

Leaving = Callable[[int], int]
"""Told how many entries of each row may be encoded now; says how many of them are, no more than that."""

Rest = Callable[[], tuple[Form, Medium] | None]
"""Makes the form and says the medium of entries that a policy demotes."""


class LayerStore:
    """One row per KV head, in up to three tiers.

    Entries come in as the model made them and are encoded as soon as the form is ready and they are no longer among
    the recent ones; forms that encode entry by entry at once need no tier of recent ones. What a policy demotes
    lies in a third tier, in another form. seen counts the tokens ever appended. apart: whether recent entries stay
    where they are, behind those that are shared with another store.
    """

    def __init__(self, heads: int, form: Form, ledger: Ledger, *, medium: Medium = MEMORY) -> None:
        self.heads, self.form = heads, form
        self.seen = 0
        self._ledger, self._medium = ledger, medium
        self._coded = Tier(heads, form, ledger, "coded", medium=medium)
        self._recent = None if form.at_once else Tier(heads, Plain(), ledger, "recent")
        self._demoted: Tier | None = None
        self.apart = False

    @property
    def lengths(self) -> list[int]:
        """Entries per row, without those that were demoted."""
        if self._recent is None:
            return list(self._coded.lengths)
        return [sum(pair) for pair in zip(self._coded.lengths, self._recent.lengths, strict=True)]

    @property
    def nbytes(self) -> int:
        """Room held by entries, and by what their forms have learned."""
        return sum(tier.rows.nbytes for tier in self._tiers) + self.form_bytes

    @property
    def resident_columns(self) -> list[Tensor]:
        """Memory of the entries, as far as they are in memory."""
        return [column for tier in self._tiers if tier.rows.resident for column in tier.rows.columns]

    @property
    def form_bytes(self) -> int:
        """Memory of what the forms have learned."""
        return sum(tier.form.nbytes for tier in self._tiers)

    @property
    def whole(self) -> bool:
        """Whether the entries are consecutive tokens up to the last."""
        return all(tier.whole for tier in self._tiers)

    @property
    def learning(self) -> bool:
        """Whether the form still waits for what it must see before it can encode."""
        return not self.form.ready

    def append(
        self,
        keys: Tensor,
        values: Tensor,
        positions: Tensor | None = None,
        leaving: Leaving | None = None,
    ) -> None:
        """Adds n tokens. keys and values `[heads, n, dim]`.

        positions: where they stood in the text, int64 `[n]`, ascending; None for the n tokens after the last.
        leaving: asked before entries of whole tiers are encoded, while they are as the model made them.
        """
        start = self.seen
        if positions is None:
            self.seen += keys.shape[1]
            positions = torch.arange(start, self.seen, device=keys.device)
        else:
            self.seen = int(positions[-1]) + 1
            for tier in self._tiers:
                tier.spell_out()
        self._newest.append(keys, values, positions)
        self._ledger.reached(max(self.lengths))
        self._seal(leaving)

    def open(self, dtype: torch.dtype, window: int | None) -> list[OpenRow] | None:
        """Each row with room for one more entry, None where entries are not in memory in this format, one by one.

        window: how many entries the new one sees, itself included; None for all. Under a window that takes entries of
        consecutive tokens. Whoever writes the entry says so by `grown`.
        """
        closed = (window is not None and not self.whole) or self.ready(dtype) is None
        return None if closed else self.opened(window)

    def opened(self, window: int | None) -> list[OpenRow]:
        """The same of rows that are `ready`."""
        return opened(self._newest.rows, self._coded.rows if self.apart else None, window)

    def ready(self, dtype: torch.dtype) -> int | None:
        """Makes the room that `open` does. Returns a number that is another one than before where rows lie elsewhere
        now, or have become longer or shorter otherwise than by `grown`; None where they are not open."""
        if self._demoted is not None or not (self.apart or self._recent is None):
            return None
        opened = self._coded.open_to(dtype) and self._newest.open_to(dtype)
        return self._newest.rows.ready() if opened else None

    def grown(self) -> None:
        """An entry was written behind each row, of the token after the last."""
        self.seen += 1
        self._newest.rows.grown()
        self._ledger.reached(max(self._coded.lengths) + (self._newest.lengths[0] if self.apart else 0))

    def entry_by_entry(self, count: int) -> bool:
        """Whether the next `count` entries will be found again by themselves, none encoded with others."""
        if self._recent is None or self.apart or self.learning:
            return True
        return max(self._recent.lengths) + count - self.form.recent < max(self.form.block, _SEAL)

    def found_again(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values `[heads, n, dim]` as they would be found right after `append`, which is not done."""
        if self._recent is not None or type(self.form) is Plain:
            return keys, values
        rows = torch.arange(self.heads, device=keys.device)
        form, coded = self.form, self.form.encode(keys, values, rows)
        return form.keys(coded[0], rows, keys.dtype), form.values(coded[1], rows, values.dtype)

    def learn(self, queries: Tensor, leaving: Leaving | None = None) -> None:
        """Lets a form that waits for it see what is stored, and the last queries `[query heads, w, dim]`."""
        if self.learning:
            self.form.learn(*self.vectors(), queries)
            self._seal(leaving)

    def reserve(self, count: int) -> None:
        """Makes room for `count` more tokens where they will stay."""
        if self._recent is None:
            self._coded.rows.reserve(count)
        elif self.learning or self.apart:
            self._recent.rows.reserve(count)
        else:
            leaving = max(self._recent.lengths) + count - self.form.recent
            self._coded.rows.reserve(max(0, leaving // self.form.block * self.form.block))

    def keep(
        self,
        chosen: Sequence[Tensor],
        keys: Sequence[Tensor] | None = None,
        values: Sequence[Tensor] | None = None,
    ) -> None:
        """Leaves only the chosen entries of each row, ascending indices, and frees the rest.

        keys, values: what replaces the vectors of the entries that stay, per row `[len(chosen), dim]`.
        """
        unchanged = keys is None and values is None
        if unchanged and all(len(index) == had for index, had in zip(chosen, self.lengths, strict=True)):
            return
        if unchanged and self._recent is None:
            self._coded.keep(chosen)
            return
        rows = []
        for head, index in enumerate(chosen):
            old_keys, old_values, positions = self.row(head)
            rows.append(
                (
                    old_keys[index] if keys is None else keys[head].to(old_keys.dtype),
                    old_values[index] if values is None else values[head].to(old_values.dtype),
                    positions[index],
                )
            )
        self.rebuild(rows)

    def demote(self, kept: Sequence[Tensor], form: Form, medium: Medium = MEMORY) -> list[Tensor]:
        """Leaves the chosen entries of each row and demotes the others, into another form and medium.

        They are still visited, but no longer among `lengths`. The first call decides on form and medium. What does
        not fill a block of the form stays: of each row the last of those that would have gone. Returns what stays.
        """
        if not form.ready:
            raise ValueError(
                f"{type(form).__name__} must learn first, and what is demoted does not wait; choose another codec"
            )
        if self._demoted is None:
            self._demoted = Tier(self.heads, form, self._ledger, "demoted", medium=medium, whole=False)
        block = self._demoted.form.block
        moved, stay = [], []
        for head, index in enumerate(kept):
            keys, values, positions = self.row(head)
            goes = torch.ones(len(positions), dtype=torch.bool, device=positions.device)
            goes[index] = False
            going = goes.nonzero()[:, 0]
            going = going[: len(going) // block * block]
            goes[:] = True
            goes[going] = False
            stay.append(goes.nonzero()[:, 0])
            moved.append((keys[going], values[going], positions[going]))
        self._demoted.extend(moved)
        self.keep(stay)
        return stay

    def vectors(self) -> tuple[Tensor, Tensor]:
        """Keys and values as stored, decoded: `[heads, n, dim]`, short rows filled up with zeros."""
        if (longest := max(self.lengths)) == 0:
            raise ValueError("the store is empty; append something first")
        parts = [group for group in self.groups() if group.tier != "demoted" and group.length]
        return vectors(parts, self.heads, longest)

    def positions(self) -> Tensor:
        """Where the entries of `vectors` stood in the text, int64 `[heads, n]`; 0 where there is none."""
        places = [self._row_positions(head) for head in range(self.heads)]
        return torch.nn.utils.rnn.pad_sequence(places, batch_first=True)

    def forget_before(self, position: int) -> None:
        """Drops the entries that lie before a position, in a store that no policy has acted on."""
        if (drop := int((self._row_positions(0) < position).sum())) > 0:
            self._coded.drop_first([drop] * self.heads)

    def groups(self) -> Iterator[Group]:
        """The rows, as few even groups as there are."""
        for tier in self._tiers:
            yield from tier.groups()

    def prefetch(self) -> None:
        """Announces that everything will be read soon."""
        if self._medium is not MEMORY:
            for tier in self._tiers:
                tier.rows.prefetch()

    def skip(self, count: int) -> None:
        """Nothing comes at the next `count` positions; what follows stands behind them."""
        self.seen += count
        for tier in self._tiers:
            if count and not tier.rows.untouched:
                tier.spell_out()

    def fork(self, ledger: Ledger, *, apart: bool = False) -> LayerStore:
        """The same entries for a second session, copied when one of the two writes.

        apart: new ones lie alone, as the model made them, so that those there are now are never copied.
        """
        twin = LayerStore(self.heads, self.form, ledger, medium=self._medium)
        twin.seen = self.seen
        twin._coded = self._coded.fork(ledger)
        twin.form = twin._coded.form
        own = Tier(self.heads, Plain(), ledger, "recent") if apart and any(self.lengths) else None
        twin._recent = own if self._recent is None else self._recent.fork(ledger)
        twin.apart = twin._recent is not None and (apart or self.apart)
        twin._demoted = None if self._demoted is None else self._demoted.fork(ledger)
        ledger.reached(max(self.lengths))
        return twin

    def mark(self) -> StoreMark:
        """What is held now, without a copy of entries: what is dropped later stays alive with the mark."""
        tiers = (self._coded, self._recent, self._demoted)
        return StoreMark(self.seen, [None if tier is None else (tier, tier.mark()) for tier in tiers])

    def rewind(self, mark: StoreMark) -> None:
        """Holds again what it held at a mark of its own."""
        marked = [None if each is None else each[0] for each in mark.tiers]
        for tier in self._tiers:
            if not any(tier is each for each in marked):
                tier.rows.release()
        for each in mark.tiers:
            if each is not None:
                each[0].rewind(each[1])
        coded, self._recent, self._demoted = marked
        self._coded = coded or self._coded
        self.form, self.seen = self._coded.form, mark.seen

    @property
    def columns(self) -> list[Tensor]:
        """The memory in which entries lie."""
        return [column for tier in self._tiers for column in tier.rows.columns]

    def release(self) -> None:
        """Gives all memory back."""
        for tier in self._tiers:
            tier.rows.release()
        self.seen = 0

    def tensors(self) -> dict[str, Tensor]:
        """What it holds, for `load`."""
        if self.apart:
            return self._joined().tensors()
        held = {"seen": torch.tensor(self.seen)}
        for name, tier in (("coded", self._coded), ("recent", self._recent), ("demoted", self._demoted)):
            if tier is not None and not tier.rows.untouched:
                held |= {f"{name}.{key}": tensor for key, tensor in tier.tensors().items()}
        return held

    def load(self, tensors: dict[str, Tensor], rest: Rest | None = None) -> None:
        """Takes back what `tensors` gave. rest: makes the form of entries that were demoted."""
        self.seen = int(tensors["seen"])
        demoted = rest() if rest is not None and "demoted.facts" in tensors else None
        if demoted is not None:
            form, medium = demoted
            self._demoted = Tier(self.heads, form, self._ledger, "demoted", medium=medium, whole=False)
        for name, tier in (("coded", self._coded), ("recent", self._recent), ("demoted", self._demoted)):
            if tier is not None and (mine := under(name, tensors)):
                tier.load(mine)
        self._ledger.reached(max(self.lengths))

    @property
    def _newest(self) -> Tier:
        """Where the next entry goes."""
        return self._recent or self._coded

    @property
    def _tiers(self) -> list[Tier]:
        return [tier for tier in (self._coded, self._recent, self._demoted) if tier is not None]

    def _joined(self) -> LayerStore:
        """The same entries, where those that lay apart lie behind the others."""
        whole = self.fork(Ledger())
        for group in whole._newest.groups():  # rows that lie apart are alike, since no policy acts on them
            whole._coded.append(group.keys(), group.values(), group.positions())
        whole._recent, whole.apart = None, False
        return whole

    def row(self, head: int) -> Vectors:
        """One row, without what was demoted."""
        parts = [
            tier.row(head)
            for tier in (self._coded, self._recent)
            if tier is not None and not tier.rows.untouched
        ]
        keys, values, positions = zip(*parts, strict=True)
        return torch.cat(keys), torch.cat(values), torch.cat(positions)

    def _row_positions(self, head: int) -> Tensor:
        found = [
            group.positions()[head - group.heads.start]
            for tier in (self._coded, self._recent)
            if tier is not None
            for group in tier.groups()
            if group.heads.start <= head < group.heads.stop
        ]
        return torch.cat(found)

    def rebuild(self, rows: Sequence[Vectors]) -> None:
        """Replaces all entries that were not demoted."""
        fresh = Tier(self.heads, self.form, self._ledger, "coded", medium=self._medium, whole=False)
        if self._recent is None:
            fresh.extend(rows)
        else:
            # What was encoded stays encoded as far as it fills blocks; the rest of it comes before the recent ones.
            block = self.form.block
            coded = [
                min(len(row[2]), self._coded.lengths[head]) // block * block if self.form.ready else 0
                for head, row in enumerate(rows)
            ]
            coded = [
                min(had, max(0, len(row[2]) - self.form.recent) // block * block)
                for had, row in zip(coded, rows, strict=True)
            ]
            fresh.extend([cut(row, 0, count) for row, count in zip(rows, coded, strict=True)])
            recent = Tier(self.heads, Plain(), self._ledger, "recent", whole=False)
            recent.extend([cut(row, count, len(row[2])) for row, count in zip(rows, coded, strict=True)])
            self._recent.rows.release()
            self._recent = recent
        self._coded.rows.release()
        self._coded = fresh
        self._seal()

    def _seal(self, leaving: Leaving | None = None) -> None:
        """Encodes the oldest of the recent entries, in whole blocks, once there are enough of them."""
        if self._recent is None or self.apart or self.learning:
            return
        block = self.form.block
        surplus = [max(0, length - self.form.recent) for length in self._recent.lengths]
        if max(surplus) < max(block, _SEAL):
            return
        counts = [some // block * block for some in surplus]
        if len(set(counts)) == 1 and self._recent.whole and (self._coded.whole or self._coded.rows.untouched):
            if leaving is not None:
                counts = [leaving(counts[0]) // block * block] * self.heads
            for group in self._recent.groups():
                keys, values = group.keys(0, counts[0]), group.values(0, counts[0])
                self._coded.append(keys, values, group.positions()[0, : counts[0]])
        else:
            self._coded.extend([self._recent.row(head, 0, count) for head, count in enumerate(counts)])
        self._recent.drop_first(counts)
