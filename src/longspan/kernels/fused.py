"""Steps between a network's matrix products that are one pass over memory instead of several: bf16, fp32 inside."""

from __future__ import annotations

import ctypes
from functools import cache

import torch
from torch import Tensor

from longspan.kernels import building

_ARGUMENTS = {"rms_norm": "pppiifi", "gated": "pppiiiiffi", "rotate": "ppppiiiiiiiiii"}
_TYPES = {"p": ctypes.c_void_p, "i": ctypes.c_int64, "f": ctypes.c_float}


def suits(x: Tensor) -> bool:
    """Whether the functions of this file can be used: bf16 in memory, no gradients, and they could be built."""
    return (
        x.dtype is torch.bfloat16
        and x.device.type == "cpu"
        and not x.requires_grad
        and _library() is not None
    )


def rms_norm(x: Tensor, gain: Tensor, eps: float) -> Tensor:
    """x `[..., width]` divided by the root of its mean square plus eps, times gain, fp32 `[width]`."""
    x, gain = x.contiguous(), gain.contiguous()
    out = torch.empty_like(x)
    width = x.shape[-1]
    _call("rms_norm", x, gain, out, x.numel() // width, width, eps)
    return out


def gated(gate: Tensor, up: Tensor, linear: float, cubic: float) -> Tensor:
    """g · σ(linear · g + cubic · g³) · u for each g of gate and u of up, both `[..., width]`."""
    left, right = _rows(gate), _rows(up)
    out = torch.empty(gate.shape, dtype=gate.dtype)
    _call("gated", left, right, out, *left.shape, left.stride(0), right.stride(0), linear, cubic)
    return out


def rotate(x: Tensor, cos: Tensor, sin: Tensor, *, interleaved: bool) -> Tensor:
    """x `[heads, n, dim]` as `kernels.rotation.rotate` turns it; cos and sin fp32 `[n, r]` or `[heads, n, r]`."""
    heads, rows, dim = x.shape
    x = x if x.stride(-1) == 1 else x.contiguous()
    cos, sin = (each.contiguous().expand(heads, rows, -1) for each in (cos, sin))
    out = torch.empty(x.shape, dtype=x.dtype)
    sizes = (heads, rows, dim, cos.shape[-1], interleaved)
    _call("rotate", x, cos, sin, out, *sizes, *x.stride()[:2], *cos.stride()[:2])
    return out


def _rows(x: Tensor) -> Tensor:
    rows = x.reshape(-1, x.shape[-1])
    return rows if rows.stride(1) == 1 else rows.contiguous()


def _call(name: str, *arguments: Tensor | float) -> None:
    given = [each.data_ptr() if isinstance(each, Tensor) else each for each in arguments]
    getattr(_library(), name)(*given, torch.get_num_threads())


@cache
def _library() -> ctypes.CDLL | None:
    library = building.library("fused.cpp")
    if library is not None:
        for name, arguments in _ARGUMENTS.items():
            function = getattr(library, name)
            function.argtypes, function.restype = [_TYPES[each] for each in arguments], None
    return library
