"""How far a network that rounds is from itself, where its numbers are rounded otherwise."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor

from longspan.loading.packed_modules import rounding
from longspan.seam.seam import Seam
from longspan.seam.watching import Watched

_DRAWS = 8
# Two ways to sum an attention or a norm in fp32 are so many rounding steps apart; in low precision they are rounded to
# the same.
_STEPS = 8


def own_noise(seam: Seam, seen: Watched, ids: Tensor, stock: Tensor, enough: float) -> float:
    """The largest distance of the stock model's logits from `stock`, of their spread, over some draws, or over as many
    as it takes to be `enough`.

    In each, every number that an attention gives is off by up to one rounding step, by a few in fp32. A dense network
    hardly minds: 0.015 in bf16. Where a router is near a border, a step sends a token to other experts, and logits
    differ by 0.2 and more. Where tokens are rounded to 8 bits before products, a step becomes a 127th now and then, so
    that what comes to those products, from norms and gates, is off in the same way. Where embeddings are whole numbers
    times a scale and a norm's weights have few bits, more numbers lie half way than chance would have.
    """
    generator = torch.Generator().manual_seed(0)
    step = torch.finfo(seam.dtype).eps * (1 if seam.dtype.itemsize <= 2 else _STEPS)

    def off(x: Tensor) -> Tensor:
        by = 1 + step * (2 * torch.rand(x.shape, generator=generator) - 1)
        return (x.float() * by.to(x.device)).to(x.dtype)

    def gives(module: Any, inputs: Any, output: Any) -> Any:
        return (off(output[0]), *output[1:]) if isinstance(output, tuple) else off(output)

    def is_given(module: Any, inputs: Any) -> Any:
        return (off(inputs[0]), *inputs[1:])

    spread = (stock - stock.mean()).norm()
    with ExitStack() as hooks:
        for handed in seen.handed:
            hooks.callback(handed.module.register_forward_hook(gives).remove)
        for product in rounding(seam.network):
            hooks.callback(product.register_forward_pre_hook(is_given).remove)
        largest = 0.0
        for _ in range(_DRAWS):
            largest = max(largest, float((seam.stock(ids).float() - stock).norm() / spread))
            if largest >= enough:
                break
    return largest
