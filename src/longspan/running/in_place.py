"""A generated token's attention to entries where and as they are stored."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from longspan.kernels.decoding import Stretch, attend_stretches, suits
from longspan.kernels.softmax import Softmax
from longspan.selectors.base import Chosen
from longspan.store.group import Group


def attend_in_place(
    query: Tensor,
    kv_heads: slice,
    value_dim: int,
    groups: Sequence[Group],
    softmax: Softmax,
    chosen: Chosen | None = None,
    first: int = 0,
) -> tuple[Tensor, Tensor] | None:
    """A query `[heads, 1, dim]` over the entries of the groups, all from one on or those chosen, under one softmax.

    kv_heads: those that the query's heads belong to, whether groups have entries of them or not. Returns output
    `[heads, 1, value_dim]` and log-sum-exp fp32 `[heads, 1]`; None where entries have to be decoded before.
    """
    codings = [group.codings for group in groups]
    forms = [each for each in codings if each is not None]
    if len(forms) < len(codings) or not forms or query.requires_grad or not suits(query.dtype, query.device):
        return None
    head = kv_heads.start
    rows: list[list[Stretch]] = [[] for _ in range(head, kv_heads.stop)]
    for number, group in enumerate(groups):
        for row, stretch in enumerate(group.stretches(number), group.heads.start - head):
            rows[row].append(stretch)
    return attend_stretches(
        query,
        value_dim,
        rows,
        forms,
        scale=softmax.scale,
        softcap=softmax.softcap,
        first=first,
        visited=None if chosen is None else chosen.index,
        visits=None if chosen is None else chosen.counts,
    )
