"""Which formula a module computes, found by trying: a norm or an activation is one if it does what one does, whatever
it is called."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn

_PROBE_TOKENS = 7
# The activations g · σ(linear · g + cubic · g³): SiLU, GELU by its tanh formula and by its quick one.
ACTIVATIONS = ((1.0, 0.0), (1.5957691216, 0.0713548163), (1.702, 0.0))


class RootMeanSquare(NamedTuple):
    """x / √(mean x² + eps), times the module's weight and `offset`."""

    eps: float
    offset: float


Close = Callable[[Tensor, Tensor], Tensor]
"""Whether numbers agree, given how far apart they are and what the module gave."""


def root_mean_squares(module: nn.Module) -> Iterator[RootMeanSquare]:
    """The norms that a module with one gain for each channel may be."""
    weights = list(module.parameters())
    if len(weights) == 1 and weights[0].ndim == 1 and not list(module.children()):
        for eps in {each for each in vars(module).values() if isinstance(each, float)}:
            yield from (RootMeanSquare(eps, offset) for offset in (0.0, 1.0))


def rows_of_all_sizes(width: int) -> Tensor:
    """Tokens `[7, width]` with a mean, so that neither an eps nor a mean that is taken off goes unseen."""
    sizes = torch.logspace(-4, 2, _PROBE_TOKENS)[:, None]
    return (random(_PROBE_TOKENS, width) + 0.5) * sizes


def numbers_around_zero() -> Tensor:
    """Numbers at which activations differ."""
    return torch.linspace(-8, 8, 101)


def agree(module: nn.Module, formula: Callable[[Tensor], Tensor], x: Tensor, close: Close) -> bool:
    """Whether a module gives what a formula does."""
    try:
        own, mine = module.forward(x), formula(x)
    except Exception:  # whatever a module raises that is not called as it expects
        return False
    if not isinstance(own, Tensor) or (own.shape, own.dtype) != (mine.shape, mine.dtype):
        return False
    return bool(close(mine.float() - own.float(), own.float()).all())


def random(*shape: int) -> Tensor:
    """The same random numbers each time."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))
