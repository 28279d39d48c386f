"""New tokens of several sequences, stored behind rows of their own lengths and attended in one call."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from longspan.kernels import naive
from longspan.kernels.decoding import (
    Coding,
    OpenRow,
    Stretch,
    attend_one,
    attend_rows,
    attend_stretches,
    suits,
)
from longspan.kernels.packing import pack

pytestmark = pytest.mark.skipif(
    not suits(torch.float32, torch.device("cpu")), reason="there is no compiler for the processor at hand"
)


def rows_of(stores, lengths, firsts, *, places=None):
    """Every row's addresses; stores: keys and values `[kv_heads, room, dim]` of each sequence."""
    return [
        OpenRow(
            keys[head].data_ptr(),
            values[head].data_ptr(),
            0 if places is None else places[number][head].data_ptr(),
            lengths[number][head],
            firsts[number][head],
        )
        for number, (keys, values) in enumerate(stores)
        for head in range(len(keys))
    ]


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_every_token_attends_to_its_own_rows(data):
    dtype = data.draw(st.sampled_from([torch.float32, torch.bfloat16]))
    tokens, kv_heads, group = (data.draw(st.integers(1, most)) for most in (4, 3, 8))
    dim, value_dim = data.draw(st.sampled_from([8, 20, 64, 80])), data.draw(st.sampled_from([8, 24, 64]))
    softcap = data.draw(st.sampled_from([None, 3.0]))
    lengths = [
        [data.draw(st.sampled_from([1, 5, 63, 64, 200, 2500])) for _ in range(kv_heads)]
        for _ in range(tokens)
    ]
    firsts = [[data.draw(st.integers(0, length)) for length in each] for each in lengths]
    torch.manual_seed(data.draw(st.integers(0, 9)))
    room = 2502
    stores = [
        (torch.randn(kv_heads, room, dim).to(dtype), torch.randn(kv_heads, room, value_dim).to(dtype))
        for _ in range(tokens)
    ]
    places = [torch.zeros(kv_heads, room, dtype=torch.int32) for _ in range(tokens)]
    query = torch.randn(tokens, kv_heads * group, dim).to(dtype).transpose(0, 1)
    key, value = (
        torch.randn(kv_heads, tokens, dim).to(dtype),
        torch.randn(kv_heads, tokens, value_dim).to(dtype),
    )
    rows = rows_of(stores, lengths, firsts, places=places)
    positions = [9000 + number for number in range(tokens)]
    out, lse = attend_rows(query, key, value, rows, positions, scale=0.3, softcap=softcap)
    tolerance = 1e-5 if dtype is torch.float32 else 2e-2
    for token in range(tokens):
        for head in range(kv_heads):
            length, first = lengths[token][head], firsts[token][head]
            keys, values = (each[head] for each in stores[token])
            assert torch.equal(keys[length], key[head, token])
            assert torch.equal(values[length], value[head, token])
            assert places[token][head][length] == positions[token]
            heads = slice(head * group, (head + 1) * group)
            expected, its_lse = naive.attention(
                query[heads, token : token + 1].float(),
                keys[None, first : length + 1].float(),
                values[None, first : length + 1].float(),
                scale=0.3,
                mask=None,
                softcap=softcap,
            )
            torch.testing.assert_close(
                out[heads, token].float(), expected[:, 0], atol=tolerance, rtol=tolerance
            )
            torch.testing.assert_close(lse[heads, token], its_lse[:, 0], atol=1e-4, rtol=1e-4)


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_entries_that_rows_share_count_as_if_they_lay_before_their_own(data):
    dtype = data.draw(st.sampled_from([torch.float32, torch.bfloat16]))
    tokens, kv_heads, group = (data.draw(st.integers(1, most)) for most in (9, 2, 7))
    dim = data.draw(st.sampled_from([8, 64]))
    common = data.draw(st.sampled_from([1, 63, 64, 130, 1500]))
    lengths = [data.draw(st.sampled_from([1, 5, 70, 1100])) for _ in range(tokens)]
    torch.manual_seed(data.draw(st.integers(0, 9)))
    shared = [torch.randn(kv_heads, common, dim).to(dtype) for _ in range(2)]
    own = [[torch.randn(kv_heads, 1102, dim).to(dtype) for _ in range(2)] for _ in range(tokens)]
    joined = [[torch.cat(pair, 1) for pair in zip(shared, each, strict=True)] for each in own]
    query = torch.randn(kv_heads * group, tokens, dim).to(dtype)
    key, value = (torch.randn(kv_heads, tokens, dim).to(dtype) for _ in range(2))
    firsts = [data.draw(st.integers(0, common + length)) for length in lengths]
    rows = rows_of(
        joined, [[common + each] * kv_heads for each in lengths], [[each] * kv_heads for each in firsts]
    )
    expected = attend_rows(query, key, value, rows, [0] * tokens, scale=0.3, softcap=None)
    rows = [
        row._replace(
            shared_keys=shared[0][number % kv_heads].data_ptr(),
            shared_values=shared[1][number % kv_heads].data_ptr(),
            shared_length=common,
        )
        for number, row in enumerate(
            rows_of(own, [[each] * kv_heads for each in lengths], [[each] * kv_heads for each in firsts])
        )
    ]
    found = attend_rows(query, key, value, rows, [0] * tokens, scale=0.3, softcap=None)
    assert torch.equal(found[0], expected[0])
    assert torch.equal(found[1], expected[1])
    for token, length in enumerate(lengths):
        assert torch.equal(own[token][0][:, length], key[:, token])


def test_what_is_no_number_comes_out_as_none():
    keys, values = torch.randn(1, 10, 16), torch.randn(1, 10, 16)
    keys[0, 3, 2] = torch.nan
    query, key, value = (torch.randn(2, 1, 16), torch.randn(1, 1, 16), torch.randn(1, 1, 16))
    out, _ = attend_rows(
        query, key, value, rows_of([(keys, values)], [[8]], [[0]]), [8], scale=1.0, softcap=None
    )
    assert bool(out.isnan().all())


def test_large_scores_do_not_overflow():
    keys, values = torch.randn(1, 300, 16) * 100, torch.randn(1, 300, 16)
    query, key, value = torch.randn(1, 1, 16) * 100, torch.randn(1, 1, 16), torch.randn(1, 1, 16)
    out, _ = attend_rows(
        query, key, value, rows_of([(keys, values)], [[299]], [[0]]), [299], scale=1.0, softcap=None
    )
    best = int((keys[0] @ query[0, 0]).argmax())
    assert torch.allclose(out[0, 0], values[0, best], atol=1e-5)


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_token_gives_the_same_bits_alone_and_in_a_tree(data):
    dtype = data.draw(st.sampled_from([torch.float32, torch.bfloat16]))
    kv_heads, group = data.draw(st.integers(1, 2)), data.draw(st.sampled_from([1, 2, 3, 5, 7, 12]))
    dim, value_dim = data.draw(st.sampled_from([8, 20, 64, 128])), data.draw(st.sampled_from([24, 64]))
    softcap = data.draw(st.sampled_from([None, 3.0]))
    length, window = (
        data.draw(st.sampled_from([1, 60, 64, 1000, 1022, 2100])),
        data.draw(st.sampled_from([8, 99999])),
    )
    parents = [-1] + [
        data.draw(st.integers(-1, number - 1)) for number in range(1, data.draw(st.integers(1, 9)))
    ]
    paths: list[list[int]] = []
    for parent in parents:
        paths.append([*paths[parent], parent] if parent >= 0 else [])
    tokens, deepest = len(parents), max(map(len, paths))
    torch.manual_seed(data.draw(st.integers(0, 9)))
    keys, values = (torch.randn(kv_heads, length + deepest + 1, size).to(dtype) for size in (dim, value_dim))
    query = torch.randn(kv_heads * group, tokens, dim).to(dtype)
    key, value = (torch.randn(kv_heads, tokens, size).to(dtype) for size in (dim, value_dim))

    def rows(length, depth):
        first = max(0, length + depth + 1 - window)
        return rows_of([(keys, values)], [[length] * kv_heads], [[first] * kv_heads])

    before = keys.clone(), values.clone()
    ancestors = torch.tensor([path + [-1] * (deepest - len(path)) for path in paths], dtype=torch.int64)
    together = attend_rows(
        query, key, value, [row for path in paths for row in rows(length, len(path))], [0] * tokens,
        scale=0.3, softcap=softcap, ancestors=ancestors,
    )  # fmt: skip
    assert torch.equal(keys, before[0])
    assert torch.equal(values, before[1])
    threads = torch.get_num_threads()
    torch.set_num_threads(data.draw(st.integers(1, 3)))
    try:
        for token, path in enumerate(paths):
            for step, ancestor in enumerate(path):
                keys[:, length + step], values[:, length + step] = key[:, ancestor], value[:, ancestor]
            own = slice(token, token + 1)
            alone = attend_rows(
                query[:, own],
                key[:, own],
                value[:, own],
                rows(length + len(path), 0),
                [0],
                scale=0.3,
                softcap=softcap,
            )
            assert all(
                torch.equal(mine[:, token], its[:, 0]) for mine, its in zip(together, alone, strict=True)
            )
    finally:
        torch.set_num_threads(threads)


def test_a_row_without_entries_gives_nothing():
    nothing = torch.empty(1, 0, 16)
    out, lse = attend_one(torch.randn(2, 1, 16), nothing, nothing, scale=1.0, softcap=None)
    assert torch.equal(out, torch.zeros(2, 1, 16))
    assert bool((lse == -torch.inf).all())


class Coded:
    """Entries in some form, and the numbers that they stand for."""

    def __init__(self, coding, length, dim):
        self.coding, (bits, per, groups) = coding, coding
        blocks = -(-length // per)
        self.scales = (torch.rand(blocks, groups) + 0.1).half()
        self.zeros = torch.randn(blocks, groups).half()
        if bits in (16, 32):
            self.numbers = torch.randn(length, dim).to(torch.bfloat16 if bits == 16 else torch.float32)
            self.meant = self.numbers.double()
            return
        low = -127 if bits == 8 else 0
        integers = torch.randint(low, (1 << bits) - 1 if bits < 8 else 127, (length, dim))
        self.numbers = integers.to(torch.int8) if bits == 8 else pack(integers.to(torch.uint8), bits)
        scale, zero = (
            each.double().repeat_interleave(dim // groups, 1).repeat_interleave(per, 0)[:length]
            for each in (self.scales, self.zeros)
        )
        self.meant = integers * scale + (0 if bits == 8 else zero)

    @property
    def addresses(self):
        return (
            self.numbers.data_ptr(),
            self.scales.data_ptr(),
            0 if self.coding.bits == 8 else self.zeros.data_ptr(),
        )


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_entries_are_read_in_the_forms_in_which_they_are_stored(data):
    dtype = data.draw(st.sampled_from([torch.float32, torch.bfloat16]))
    kv_heads, group = data.draw(st.integers(1, 2)), data.draw(st.sampled_from([1, 3, 7]))
    dim, value_dim = data.draw(st.sampled_from([8, 24, 64, 128])), data.draw(st.sampled_from([8, 64]))
    torch.manual_seed(data.draw(st.integers(0, 9)))

    def coding(dim):
        bits = data.draw(st.sampled_from([2, 4, 8, 16, 32]))
        return Coding(bits, data.draw(st.sampled_from([1, 8, 32])), data.draw(st.sampled_from([1, 2, dim])))

    forms = [(coding(dim), coding(value_dim)) for _ in range(data.draw(st.integers(1, 3)))]
    held, rows, keys, values = [], [], [], []
    for _ in range(kv_heads):
        parts = []
        for form in forms:
            length = data.draw(st.sampled_from([0, 1, 32, 96, 1100]))
            parts.append((Coded(form[0], length, dim), Coded(form[1], length, value_dim)))
        rows.append(
            [
                Stretch(*key.addresses, *value.addresses, len(key.meant), number)
                for number, (key, value) in enumerate(parts)
            ]
        )
        held += parts  # so that the memory lives on
        keys.append(torch.cat([key.meant for key, _ in parts]))
        values.append(torch.cat([value.meant for _, value in parts]))
    query = torch.randn(kv_heads * group, 1, dim).to(dtype)
    seen: list[torch.Tensor] = [torch.arange(len(keys[head // group])) for head in range(len(query))]
    visited = visits = None
    if data.draw(st.booleans()):
        seen = [each[torch.rand(len(each)) < 0.3] for each in seen]
        visits = torch.tensor([len(each) for each in seen])
        visited = torch.nn.utils.rnn.pad_sequence(seen, batch_first=True, padding_value=1 << 40)
    out, lse = attend_stretches(
        query, value_dim, rows, forms, scale=0.1, softcap=None, visited=visited, visits=visits
    )
    for head, index in enumerate(seen):
        scores = keys[head // group][index] @ query[head, 0].double() * 0.1
        expected = torch.softmax(scores, 0) @ values[head // group][index]
        # A score rounds with what was added up for it, a weight with its score, a sum of values with all of them.
        products = keys[head // group][index].abs() @ query[head, 0].double().abs() * 0.1
        rounding = 1e-6 * (1 + float(products.max())) if len(index) else 0.0
        rounding += 2e-5 if dtype is torch.float32 else 1e-2
        sums = torch.softmax(scores, 0) @ values[head // group][index].abs()
        assert bool(((out[head, 0].double() - expected).abs() <= rounding * (1 + sums)).all())
        torch.testing.assert_close(lse[head, 0].double(), scores.logsumexp(0), atol=1e-4, rtol=1e-5)
