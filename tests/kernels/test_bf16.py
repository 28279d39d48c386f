"""bf16 products against the formula in fp32: the error stays that of a bf16 weight, however large the scores are."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from longspan.kernels import attention, bf16, compiled, naive

# Weights, their sum, values' product and output are each rounded to 8 bits.
RELATIVE = 4 * 2**-8


def inputs(kv_heads, shared, rows, keys, *, size, seed, common=0.0):
    generator = torch.Generator().manual_seed(seed)
    query = torch.randn(kv_heads * shared, rows, 32, generator=generator) * size
    key = torch.randn(kv_heads, keys, 32, generator=generator) * size
    key += torch.randn(kv_heads, 1, 32, generator=generator) * common
    value = torch.randn(kv_heads, keys, 32, generator=generator)
    return query.bfloat16(), key.bfloat16(), value.bfloat16()


def check(query, key, value, *, causal):
    rows, keys = query.shape[1], key.shape[1]
    mask = torch.ones(rows, keys, dtype=torch.bool).tril() if causal else None
    exact, exact_lse = naive.attention(query.float(), key.float(), value.float(), scale=0.17, mask=mask)
    out, lse = bf16.attend(query, key, value, scale=0.17, causal=causal)
    assert out.dtype is torch.bfloat16
    assert lse.dtype is torch.float32
    bound = RELATIVE * value.float().abs().max()
    assert bool(((out.float() - exact).abs() <= bound).all())
    assert bool(((lse - exact_lse).abs() <= 3 * 2**-8).all())


@settings(max_examples=30)
@given(
    st.integers(1, 3),
    st.integers(1, 3),
    st.integers(1, 300),
    st.integers(1, 1300),
    st.sampled_from([0.3, 1.0, 5.0]),
    st.integers(0, 1000),
)
def test_all_keys(kv_heads, shared, rows, keys, size, seed):
    check(*inputs(kv_heads, shared, rows, keys, size=size, seed=seed), causal=False)


@settings(max_examples=30)
@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 1300), st.integers(0, 1000))
def test_causal(kv_heads, shared, rows, seed):
    check(*inputs(kv_heads, shared, rows, rows, size=2.0, seed=seed), causal=True)


def test_scores_of_many_hundreds_keep_their_weights():
    query, key, value = inputs(2, 2, 200, 200, size=4.0, seed=1, common=40.0)
    plain = torch.softmax((query @ key.repeat_interleave(2, 0).transpose(1, 2)).float() * 0.17, -1)
    exact, _ = naive.attention(query.float(), key.float(), value.float(), scale=0.17, mask=None)
    assert float((plain @ value.float().repeat_interleave(2, 0) - exact).abs().max()) > 0.3
    check(query, key, value, causal=False)
    check(query, key, value, causal=True)


@pytest.mark.parametrize("causal", [True, False])
def test_attend_uses_it_where_it_suits_and_nothing_is_compiled(monkeypatch, causal):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    query, key, value = inputs(2, 2, 200, 200, size=1.0, seed=0)
    way = {"scale": 0.17, "causal": causal}
    built = attention.attend(query, key, value, **way)
    monkeypatch.setattr(compiled, "library", lambda: None)
    mine = attention.attend(query, key, value, **way)
    assert all(map(torch.equal, mine, bf16.attend(query, key, value, **way)))
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: True)
    stock = attention.attend(query, key, value, **way)
    assert not torch.equal(stock[0], mine[0])
    assert not torch.equal(stock[0], built[0])
    for each in (built, mine):
        assert float((stock[0].float() - each[0].float()).abs().max()) < 0.05


def test_few_queries_and_other_formats_do_not_suit():
    query, key, _ = inputs(1, 1, 20, 400, size=1.0, seed=0)
    assert not bf16.suits(query, key)
    assert not bf16.suits(key.float(), key.float())


def test_no_key_is_an_error():
    query, key, value = inputs(1, 1, 4, 4, size=1.0, seed=0)
    with pytest.raises(ValueError, match="allowed 1 or more"):
        bf16.attend(query, key[:, :0], value[:, :0], scale=1.0, causal=False)
