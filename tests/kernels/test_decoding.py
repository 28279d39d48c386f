"""New tokens of several sequences, stored behind rows of their own lengths and attended in one call."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from longspan.kernels import naive
from longspan.kernels.decoding import OpenRow, attend_rows, suits

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
