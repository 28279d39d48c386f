"""Plain twins: attention written as its formula. Tests compare the fast functions with these."""

from __future__ import annotations

import torch
from torch import Tensor


def attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    *,
    scale: float,
    mask: Tensor | None = None,
    softcap: float | None = None,
) -> tuple[Tensor, Tensor]:
    """softmax(query · keyᵀ · scale) · value over the allowed pairs.

    query `[heads, n, d]`, key and value `[kv_heads, m, d]`, mask bool, broadcast to `[heads, n, m]`, true where
    a query may look. Returns the output `[heads, n, d]` in the query's dtype and the log-sum-exp `[heads, n]`
    in fp32; a query that may look nowhere gives zeros and −∞.
    """
    group = query.shape[0] // key.shape[0]
    scores = query.float() @ key.float().repeat_interleave(group, 0).transpose(-1, -2) * scale
    if softcap is not None:
        scores = softcap * torch.tanh(scores / softcap)
    if mask is not None:
        scores = scores.masked_fill(~mask, -torch.inf)
    lse = torch.logsumexp(scores, dim=-1)
    weights = torch.exp(scores - lse.masked_fill(lse == -torch.inf, 0.0)[..., None])
    return (weights @ value.float().repeat_interleave(group, 0)).to(query.dtype), lse
