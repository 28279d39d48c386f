"""Passes that give a network's linear layers the same again and again, at the price of one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


@contextmanager
def computed_once(network: nn.Module) -> Iterator[None]:
    """Linear layers that are given what they were given last, to the bit, give what they gave, without computing it.

    For passes of a few tokens in inference mode: inputs and outputs are kept for the time.
    """
    linear = [
        module for module in network.modules() if type(module) is nn.Linear and "forward" not in vars(module)
    ]
    try:
        for module in linear:
            vars(module)["forward"] = _remembering(module.forward)
        yield
    finally:
        for module in linear:
            vars(module).pop("forward", None)


def _remembering(forward: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    last: tuple[Tensor, Tensor] | None = None

    def remembering(input: Tensor) -> Tensor:
        nonlocal last
        if last is None or last[0].shape != input.shape or not torch.equal(last[0], input):
            last = input.clone(), forward(input)
        return last[1].clone()

    return remembering
