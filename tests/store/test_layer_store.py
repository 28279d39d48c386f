"""The store against a twin of plain lists: entries, positions, memory and its count, whatever is done to it."""

import pytest
import torch
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from longspan.codecs.int8 import Int8
from longspan.kernels.softmax import Softmax
from longspan.running.in_place import attend_in_place
from longspan.store.form import Form, Plain
from longspan.store.layer import LayerStore
from longspan.store.ledger import Ledger

HEADS, DIM = 3, 4


def fresh(start: int, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Keys and values that tell head, token and channel apart, also in eight bits."""
    generator = torch.Generator().manual_seed(start)
    return (
        torch.randn(HEADS, count, DIM, generator=generator),
        torch.randn(HEADS, count, DIM, generator=generator),
    )


class Blocks(Form):
    """Blocks of four entries behind the three most recent, each block scaled by a power of two of its own."""

    block = 4
    recent = 3

    def encode(self, keys, values, rows):
        return scaled(keys), scaled(values)

    def keys(self, columns, rows, dtype):
        numbers, scales = columns
        if scales.shape[1] != numbers.shape[1]:
            scales = scales.repeat_interleave(4, 1)
        return (numbers * scales).to(dtype)

    def values(self, columns, rows, dtype):
        return self.keys(columns, rows, dtype)


def scaled(x):
    scale = 2.0 ** x[:, ::4, :1].mul(3).round().clamp(-8, 8)
    return x / scale.repeat_interleave(4, 1), scale


class Twin:
    """One list of (position, key, value) a head."""

    def __init__(self, form) -> None:
        self.ledger = Ledger()
        self.store = LayerStore(HEADS, form, self.ledger)
        self.rows = [[] for _ in range(HEADS)]
        self.seen = 0
        self.longest = 0
        self.chosen = False

    def fork(self) -> "Twin":
        other = object.__new__(Twin)
        other.ledger = Ledger()
        other.store = self.store.fork(other.ledger)
        other.rows = [list(row) for row in self.rows]
        other.seen, other.longest, other.chosen = self.seen, max(map(len, self.rows)), self.chosen
        return other


def memory(store: LayerStore) -> int:
    """Bytes of the tensors behind the store's groups, each once."""
    found = {}
    for group in store.groups():
        for column in (*group.key_columns, *group.value_columns, group.position_column):
            if column is not None:
                found[column.untyped_storage().data_ptr()] = column.untyped_storage().nbytes()
    return sum(found.values())


class StoreMachine(RuleBasedStateMachine):
    form = Plain()

    def __init__(self) -> None:
        super().__init__()
        self.twins = [Twin(self.form)]
        self.stamp = 0

    def pick(self, data: st.DataObject) -> Twin:
        return data.draw(st.sampled_from(self.twins))

    @rule(data=st.data(), count=st.one_of(st.integers(1, 9), st.integers(30, 40)))
    def append(self, data, count):
        twin = self.pick(data)
        self.stamp += 1
        key, value = fresh(self.stamp, count)
        twin.store.append(key, value)
        for head, row in enumerate(twin.rows):
            row.extend((twin.seen + n, key[head, n], value[head, n]) for n in range(count))
        twin.seen += count
        twin.longest = max(twin.longest, *map(len, twin.rows))

    @rule(data=st.data(), places=st.sets(st.integers(0, 40), min_size=1))
    def append_with_gaps(self, data, places):
        twin = self.pick(data)
        self.stamp += 1
        key, value = fresh(self.stamp, len(places))
        positions = [twin.seen + place for place in sorted(places)]
        twin.store.append(key, value, torch.tensor(positions))
        for head, row in enumerate(twin.rows):
            row.extend((position, key[head, n], value[head, n]) for n, position in enumerate(positions))
        twin.seen = positions[-1] + 1
        twin.longest = max(twin.longest, *map(len, twin.rows))

    @rule(data=st.data(), count=st.integers(0, 20))
    def reserve(self, data, count):
        self.pick(data).store.reserve(count)

    @precondition(lambda self: any(twin.seen for twin in self.twins))
    @rule(data=st.data(), ragged=st.booleans())
    def keep(self, data, ragged):
        twin = data.draw(st.sampled_from([twin for twin in self.twins if twin.seen]))
        flags = st.lists(st.booleans(), min_size=twin.seen, max_size=twin.seen)
        alike = data.draw(flags)
        chosen = []
        for row in twin.rows:
            flagged = data.draw(flags) if ragged else alike
            chosen.append([place for place in range(len(row)) if flagged[place]])
        if any(chosen):
            twin.chosen = True
            twin.store.keep([torch.tensor(places, dtype=torch.long) for places in chosen])
            twin.rows = [
                [row[place] for place in places] for row, places in zip(twin.rows, chosen, strict=True)
            ]

    @precondition(lambda self: self.form.block == 1)
    @precondition(lambda self: any(twin.seen and not twin.chosen for twin in self.twins))
    @rule(data=st.data())
    def forget_before(self, data):
        twin = data.draw(st.sampled_from([twin for twin in self.twins if twin.seen and not twin.chosen]))
        position = data.draw(st.integers(0, twin.seen - 1))
        twin.store.forget_before(position)
        twin.rows = [[entry for entry in row if entry[0] >= position] for row in twin.rows]

    @precondition(lambda self: len(self.twins) < 4)
    @rule(data=st.data())
    def fork(self, data):
        self.twins.append(self.pick(data).fork())

    @rule(data=st.data())
    def release(self, data):
        twin = self.pick(data)
        twin.store.release()
        assert twin.ledger.held == twin.store.nbytes == 0
        twin.rows, twin.seen, twin.chosen = [[] for _ in range(HEADS)], 0, False

    @invariant()
    def holds_the_entries(self):
        for twin in self.twins:
            assert twin.store.lengths == [len(row) for row in twin.rows]
            assert twin.store.seen == twin.seen
            if not twin.seen:
                continue
            found = [([], [], []) for _ in range(HEADS)]
            for group in twin.store.groups():
                for number, head in enumerate(range(HEADS)[group.heads]):
                    found[head][0].extend(group.positions()[number].tolist())
                    found[head][1].append(group.keys()[number])
                    found[head][2].append(group.values()[number])
            for mine, row in zip(found, twin.rows, strict=True):
                assert mine[0] == [position for position, _, _ in row]
                for vectors, at in ((mine[1], 1), (mine[2], 2)):
                    want = torch.stack([torch.zeros(DIM), *(entry[at] for entry in row)])
                    assert torch.equal(torch.cat(vectors), self.back(want)[1:])
            padded_keys, padded_values = twin.store.vectors() if any(map(len, twin.rows)) else ((), ())
            for keys, values, mine in zip(padded_keys, padded_values, found, strict=False):
                assert torch.equal(keys[: len(mine[0])], torch.cat(mine[1]))
                assert torch.equal(values[: len(mine[0])], torch.cat(mine[2]))

    @invariant()
    def attends_to_what_it_holds(self):
        twin, query = self.twins[self.stamp % len(self.twins)], torch.linspace(-1, 1, 2 * HEADS * DIM)
        groups = [group for group in twin.store.groups() if group.length]
        if not groups or groups[0].codings is None:
            return
        query = query.view(2 * HEADS, 1, DIM)
        found = attend_in_place(query, slice(0, HEADS), DIM, groups, Softmax(scale=0.7))
        assert found is not None
        head = self.stamp % HEADS
        if not (row := twin.rows[head]):
            return
        keys, values = (self.back(torch.stack([entry[at] for entry in row])) for at in (1, 2))
        weights = (query[2 * head : 2 * head + 2, 0] @ keys.T * 0.7).softmax(-1)
        torch.testing.assert_close(found[0][2 * head : 2 * head + 2, 0], weights @ values)

    def back(self, x):
        """Vectors after they were stored."""
        return x

    @invariant()
    def counts_its_memory(self):
        for twin in self.twins:
            assert twin.ledger.held == twin.store.nbytes
            assert twin.ledger.peak >= twin.ledger.held
            assert twin.ledger.peak_entries == twin.longest
            if twin.seen:
                assert twin.store.nbytes == memory(twin.store)

    @invariant()
    def consecutive_entries_need_no_positions(self):
        for twin in self.twins:
            if twin.store.whole and twin.seen:
                assert all(group.position_column is None for group in twin.store.groups())


class EightBitMachine(StoreMachine):
    form = Int8().form()

    def back(self, x):
        return self.form.keys(self.form.encode(x[None], x[None], torch.tensor([0]))[0], None, x.dtype)[0]


class BlockMachine(StoreMachine):
    form = Blocks()

    @invariant()
    def keeps_recent_entries_as_they_are(self):
        for twin in self.twins:
            for group in twin.store.groups():
                if group.tier == "coded":
                    assert group.length % 4 == 0


@pytest.mark.parametrize("machine", [StoreMachine, EightBitMachine, BlockMachine])
def test_the_store_is_its_twin(machine):
    run_state_machine_as_test(machine, settings=settings(max_examples=30, stateful_step_count=25))


def filled(count: int, *, reserve: int = 0) -> LayerStore:
    store = LayerStore(HEADS, Plain(), Ledger())
    store.reserve(reserve)
    store.append(*fresh(0, count))
    return store


def addresses(store: LayerStore) -> list[int]:
    return [
        column.data_ptr() for group in store.groups() for column in (*group.key_columns, *group.value_columns)
    ]


@pytest.mark.parametrize("ragged", [False, True])
def test_appending_to_reserved_rows_moves_nothing(ragged):
    store = filled(5)
    if ragged:
        store.keep([torch.tensor([0, 1]), torch.tensor([3]), torch.tensor([1, 2, 4])])
    store.reserve(50)
    before = addresses(store)
    for step in range(50):
        store.append(*fresh(step, 1))
        assert addresses(store) == before


def test_rows_reserved_while_empty_are_not_moved_either():
    store = filled(1, reserve=40)
    before = addresses(store)
    for step in range(39):
        store.append(*fresh(step, 1))
    assert addresses(store) == before


def test_unreserved_rows_grow_by_doubling():
    store = filled(1)
    moves, before = 0, addresses(store)
    for step in range(1, 1000):
        store.append(*fresh(step, 1))
        moves += addresses(store) != before
        before = addresses(store)
    assert moves <= 10


def test_what_is_reserved_is_counted():
    store = filled(3, reserve=10)
    assert store.nbytes == HEADS * 10 * 2 * DIM * 4
    store.keep([torch.tensor([0, 2])] * HEADS)
    assert store.nbytes == HEADS * 2 * (2 * DIM * 4 + 4)


def test_keeping_everything_stores_no_positions():
    store = filled(6)
    store.keep([torch.arange(6)] * HEADS)
    assert store.whole
    assert store.nbytes == HEADS * 6 * 2 * DIM * 4


@pytest.mark.parametrize("form", [Plain(), Int8().form(), Blocks()])
@pytest.mark.parametrize("ragged", [False, True])
def test_chosen_entries_are_gathered_head_by_head(form, ragged):
    store = LayerStore(HEADS, form, Ledger())
    store.reserve(20)
    store.append(*fresh(0, 43))
    if ragged:
        store.keep([torch.arange(43), torch.arange(1, 43), torch.arange(7, 43)])
    for group in store.groups():
        if group.tier == "recent":
            continue
        heads = range(HEADS)[group.heads]
        index = torch.tensor([[0, 3], [1, 2], [5, 6]] * 2)[: 2 * len(heads)]  # two query heads a row
        keys, values = group.gather(index, torch.float32)
        for head, places in enumerate(index):
            assert torch.equal(keys[head], group.keys()[head // 2, places])
            assert torch.equal(values[head], group.values()[head // 2, places])


def test_a_fork_is_free_until_a_second_one_writes():
    one = filled(4, reserve=8)
    two = one.fork(Ledger())
    shared = addresses(one)
    assert addresses(two) == shared
    one.append(*fresh(1, 1))
    one.append(*fresh(2, 1))
    assert addresses(one) == addresses(two) == shared, "nobody else has written behind the entries"
    two.append(*fresh(3, 1))
    assert addresses(one) == shared != addresses(two)


def test_one_fork_after_the_other_goes_on_behind_the_same_entries():
    one = filled(4, reserve=8)
    for stamp in range(3):
        two = one.fork(Ledger())
        two.append(*fresh(stamp, 2))
        assert addresses(two) == addresses(one)
        two.release()
