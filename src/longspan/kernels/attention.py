"""Dense attention that also returns its log-sum-exp, and the merging of parts under one softmax."""

from __future__ import annotations

import torch
from torch import Tensor

from longspan.kernels import bf16, compiled, decoding, naive

# Plain attention holds a [heads, rows, m] matrix; this bounds its number of elements.
_PLAIN_ELEMENTS = 1 << 24
# A single query is cut along the keys so that every core has work: shorter parts cost more than they give.
_SPLIT_KEYS = 2048

_flash_cpu = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu


def attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    *,
    scale: float,
    causal: bool = False,
    mask: Tensor | None = None,
    softcap: float | None = None,
) -> tuple[Tensor, Tensor]:
    """Attention of some queries over some keys, key heads shared by groups of query heads without repeating them.

    query `[heads, n, d]`, key and value `[kv_heads, m, d]`. `causal` needs n = m: query t sees keys 0..t.
    mask: bool, broadcast to `[heads, n, m]`, true where a query may look; not together with `causal`.
    Returns the output `[heads, n, d]` and the log-sum-exp `[heads, n]` in fp32, −∞ where nothing was seen.
    """
    if mask is None and query.shape[1] == 1 and decoding.suits_all(query, key, value):
        return decoding.attend_one(query, key, value, scale=scale, softcap=softcap)
    if query.device.type != "cpu" or softcap is not None or key.shape[-1] != value.shape[-1]:
        return _plain(query, key, value, scale=scale, causal=causal, mask=mask, softcap=softcap)
    if mask is None and query.shape[1] == 1:
        return _single(query, key, value, scale)
    if mask is None and bf16.suits(query, key):
        if compiled.suits(query, key, value):
            out, lse = compiled.attend_all(query, key, value, scale=scale, causal=causal)
            return out.to(query.dtype), lse
        return bf16.attend(query, key, value, scale=scale, causal=causal)
    if causal:
        out, lse = _flash_cpu(query[None], key[None], value[None], 0.0, True, scale=scale)
        return out[0], lse[0]
    if mask is None:
        # The heads of a group become further rows, so that their keys are prepared once.
        packed = query.reshape(key.shape[0], -1, query.shape[-1])
        out, lse = _flash_cpu(packed[None], key[None], value[None], 0.0, False, scale=scale)
        return out.reshape(query.shape), lse.reshape(query.shape[:2])
    heads, rows = query.shape[:2]
    allowed = mask.expand(heads, rows, key.shape[1])
    bias = torch.zeros((), dtype=query.dtype, device=query.device).where(allowed, -torch.inf)
    out, lse = _flash_cpu(query[None], key[None], value[None], 0.0, False, attn_mask=bias[None], scale=scale)
    return out[0], lse[0].masked_fill(~mask.any(-1), -torch.inf)


def _single(query: Tensor, key: Tensor, value: Tensor, scale: float) -> tuple[Tensor, Tensor]:
    """One query per head: the group's heads become rows, and the keys are cut into parts that run side by side."""
    heads, _, dim = query.shape
    kv_heads, length, _ = key.shape
    packed = query.reshape(kv_heads, heads // kv_heads, dim)
    parts = min(2 * torch.get_num_threads(), length // _SPLIT_KEYS)
    if parts < 2:
        out, lse = _flash_cpu(packed[None], key[None], value[None], 0.0, False, scale=scale)
        return out.reshape(heads, 1, dim), lse.reshape(heads, 1)
    size = length // parts
    even = size * parts
    spread = packed[:, None].expand(-1, parts, -1, -1)
    out, lse = _flash_cpu(
        spread,
        key[:, :even].unflatten(1, (parts, size)),
        value[:, :even].unflatten(1, (parts, size)),
        0.0,
        False,
        scale=scale,
    )
    largest = lse.amax(1, keepdim=True)
    weights = torch.exp(lse - largest)
    total = weights.sum(1, keepdim=True)
    merged = (out * (weights / total)[..., None]).sum(1).reshape(heads, 1, dim)
    whole = (largest + total.log()).reshape(heads, 1)
    if even == length:
        return merged.to(query.dtype), whole
    rest, rest_lse = _flash_cpu(
        packed[None], key[None, :, even:], value[None, :, even:], 0.0, False, scale=scale
    )
    joined = Merge(merged, whole)
    joined.add(rest.reshape(heads, 1, dim), rest_lse.reshape(heads, 1))
    return joined.result(query.dtype)


def _plain(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    *,
    scale: float,
    causal: bool,
    mask: Tensor | None,
    softcap: float | None,
) -> tuple[Tensor, Tensor]:
    heads, rows, keys = query.shape[0], query.shape[1], key.shape[1]
    step = max(1, _PLAIN_ELEMENTS // (heads * keys))
    outs, lses = [], []
    for start in range(0, rows, step):
        stop = min(rows, start + step)
        allowed = None if mask is None else mask.expand(heads, rows, keys)[:, start:stop]
        if causal:
            index = torch.arange(keys, device=query.device)
            allowed = index <= index[start:stop, None]
        out, lse = naive.attention(
            query[:, start:stop], key, value, scale=scale, mask=allowed, softcap=softcap
        )
        outs.append(out)
        lses.append(lse)
    return torch.cat(outs, 1), torch.cat(lses, 1)


class Merge:
    """Attention over disjoint sets of keys, joined as if one softmax had seen them all.

    Parts are added one by one, each for a range of query rows; fp32 inside.
    """

    def __init__(self, out: Tensor, lse: Tensor) -> None:
        """Starts from one part that covers all rows: out `[heads, n, d]`, lse `[heads, n]`; it is taken over."""
        self._out, self._lse = out, lse

    @classmethod
    def empty(cls, heads: int, rows: int, dim: int, device: torch.device) -> Merge:
        """Starts from nothing seen."""
        return cls(
            torch.zeros(heads, rows, dim, device=device),
            torch.full((heads, rows), -torch.inf, device=device),
        )

    def add(self, out: Tensor, lse: Tensor, start: int = 0, heads: slice = slice(None)) -> None:
        """Joins a part for the query rows start .. start + out.shape[1] of some query heads."""
        if self._out.dtype != torch.float32:
            self._out = self._out.float()
        rows = slice(start, start + out.shape[1])
        mine = self._lse[heads, rows]
        joint = torch.logaddexp(mine, lse)
        base = joint.masked_fill(joint == -torch.inf, 0.0)
        total = self._out[heads, rows]
        total.mul_(torch.exp(mine - base)[..., None]).add_(out * torch.exp(lse - base)[..., None])
        self._lse[heads, rows] = joint

    def raised(self, by: float) -> Merge:
        """The same, as if all scores had been so much higher."""
        return Merge(self._out, self._lse + by) if by else self

    def result(self, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """The output in `dtype` and the log-sum-exp over everything added."""
        return self._out.to(dtype), self._lse
