"""The compiled twin of `kernels.gathered`, and dense attention by the same means."""

from __future__ import annotations

import ctypes

import torch
from torch import Tensor

from longspan.kernels import building
from longspan.kernels.block_index import BlockIndex

_POINTERS = ("query", "key", "value", "out", "lse", "low", "high", "visits", "columns", "members", "bonus")
_NUMBERS = (
    *("query_head", "query_row", "key_head", "key_row", "value_head", "value_row"),
    *("heads", "kv_heads", "rows", "keys", "start", "dim", "value_dim"),
    *("choosers", "lists", "block", "width"),
    *("visits_heads", "visits_count", "columns_heads", "columns_count", "members_heads", "members_count"),
    *("bf16", "threads"),
)


class _Call(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_void_p) for name in _POINTERS),
        *((name, ctypes.c_int64) for name in _NUMBERS),
        *((name, ctypes.c_double) for name in ("scale", "softcap")),
    )


def suits(query: Tensor, key: Tensor, value: Tensor) -> bool:
    """Whether it can be used: numbers that it knows, no gradients, and a processor for which it could be built."""
    return (
        query.device.type == "cpu"
        and query.dtype in (torch.bfloat16, torch.float32)
        and query.dtype == key.dtype == value.dtype
        and not any(x.requires_grad for x in (query, key, value))
        and library() is not None
    )


def attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    index: BlockIndex,
    *,
    scale: float,
    softcap: float | None,
    bounds: tuple[Tensor, Tensor] | None,
) -> tuple[Tensor, Tensor]:
    """Output and log-sum-exp, fp32; arguments as for `attend_blocks`, and checked: nothing is checked here."""
    call, out, lse = _prepared(query, key, value, key.shape[1] - query.shape[1], scale, softcap, bounds)
    call.block, call.width = index.block, index.width or index.block
    _run(call, visits=index.visits, columns=index.columns)
    for bundle in index.bundles:
        if bundle.rows.numel() and bundle.columns.numel():
            bonus = None if bundle.bonus is None else bundle.bonus.float()
            _run(call, members=bundle.rows, columns=bundle.columns, bonus=bonus)
    return out, lse


def attend_all(
    query: Tensor, key: Tensor, value: Tensor, *, scale: float, causal: bool
) -> tuple[Tensor, Tensor]:
    """Dense attention: output and log-sum-exp, fp32; arguments as for `kernels.attention.attend`."""
    start = 0 if causal else key.shape[1]  # where all queries come after all keys, every one sees every other
    call, out, lse = _prepared(query, key, value, start, scale, None, None)
    call.block = call.width = start + query.shape[1]
    _run(call, visits=_NONE)
    return out, lse


_NONE = torch.zeros(1, 1, 0, dtype=torch.long)


def _prepared(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    start: int,
    scale: float,
    softcap: float | None,
    bounds: tuple[Tensor, Tensor] | None,
) -> tuple[_Call, Tensor, Tensor]:
    """The call without lists, and the tensors that it writes to."""
    heads, rows, dim = query.shape
    out = torch.zeros(heads, rows, value.shape[-1])
    lse = torch.full((heads, rows), -torch.inf)
    query, key, value = (x if x.stride(-1) == 1 else x.contiguous() for x in (query, key, value))
    tensors = {"query": query, "key": key, "value": value, "out": out, "lse": lse}
    if bounds is not None:
        tensors |= {"low": bounds[0].contiguous(), "high": bounds[1].contiguous()}
    numbers = {
        f"{name}_{step}": stride
        for name, x in (("query", query), ("key", key), ("value", value))
        for step, stride in zip(("head", "row"), x.stride()[:2], strict=True)
    }
    numbers |= {"heads": heads, "kv_heads": len(key), "rows": rows, "keys": key.shape[1], "start": start}
    numbers |= {"dim": dim, "value_dim": value.shape[-1]}
    numbers |= {"bf16": query.dtype is torch.bfloat16, "threads": torch.get_num_threads()}
    call = _Call(scale=scale, softcap=softcap or 0.0, **numbers)
    for name, tensor in tensors.items():
        setattr(call, name, tensor.data_ptr())
    call.tensors = tuple(tensors.values())  # what the call points to lives as long as it does
    return call, out, lse


def _run(call: _Call, **lists: Tensor | None) -> None:
    """One pass over the lists of all query blocks or of all bundles, added to what earlier passes gave."""
    given = {name: each.contiguous() for name, each in lists.items() if each is not None}
    call.choosers = max(call.kv_heads, *(len(each) for each in given.values()))
    for name in ("visits", "columns", "members", "bonus"):
        each = given.get(name)
        setattr(call, name, None if each is None else each.data_ptr())
        if each is not None and name != "bonus":
            call.lists = each.shape[1]
            setattr(call, f"{name}_heads", each.shape[0])
            setattr(call, f"{name}_count", each.shape[2])
    compiled = library()
    if compiled is None or compiled.attend(ctypes.byref(call)):
        raise MemoryError("no memory is left for attention over blocks; read in smaller chunks")


def library() -> ctypes.CDLL | None:
    """The compiled functions, None where there are none."""
    return building.library("blocks.cpp")
