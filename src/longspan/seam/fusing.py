"""The parts of a borrowed network that run in one pass over memory instead of several.

Between its matrix products a network norms its tokens and multiplies gates with what they let through, each in many
small steps over large tensors that wait for memory longer than they compute. Which of its modules do this is found
out by watching them: a module is a norm or a gated network if it computes what the fused formula computes, whatever
it is called. In fp32, on other devices than the CPU, and where nothing can be compiled, every module stays as it is.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import partial
from types import FunctionType
from typing import Any

import torch
from torch import Tensor, nn

from longspan.kernels import fused
from longspan.seam.formulas import (
    ACTIVATIONS,
    agree,
    numbers_around_zero,
    random,
    root_mean_squares,
    rows_of_all_sizes,
)
from longspan.seam.instead import Forward, instead, was_given_one

# Tokens that a gated network takes at a time, so that what lies between its products stays in the caches.
_TOKENS = 512
_PROBE_TOKENS = 7
# In units of bf16's rounding: a norm may round each number twice and an activation once, the fused ones do once, and
# a gated network adds up many that differ by as much.
_NORM_TOLERANCE, _ACTIVATION_TOLERANCE, _GATED_TOLERANCE = 3.1 * 2**-8, 2.1 * 2**-8, 4 * 2**-8


class Fused:
    """The modules of a network that can be fused, and how. width: channels of a token between layers."""

    def __init__(self, network: nn.Module, width: int) -> None:
        self._forwards: list[tuple[nn.Module, Forward]] = []
        if not fused.suits(next(network.parameters()).detach()):
            return
        alike: dict[tuple[Any, ...], bool] = {}
        with torch.inference_mode():
            for module in network.modules():
                found = _norm(module) or _gated(module, width, alike)
                if found is not None:
                    self._forwards.append((module, found))

    def installed(self) -> AbstractContextManager[None]:
        """For the time of a forward pass under the caller's lock; modules that were given another forward keep it."""
        return instead([each for each in self._forwards if not was_given_one(each[0])])


def _norm(module: nn.Module) -> Forward | None:
    """A forward in one pass for a norm by the root mean square, with its weight or one more than it as the gain."""
    for eps, offset in root_mean_squares(module):
        forward = _norm_forward(module, eps, offset)
        x = rows_of_all_sizes(len(next(module.parameters()))).bfloat16()[None]
        if agree(module, forward, x, lambda off, own: off.abs() <= _NORM_TOLERANCE * own.abs()):
            return forward
    return None


def _norm_forward(module: nn.Module, eps: float, offset: float) -> Forward:
    own = module.forward
    (name,) = dict(module.named_parameters())

    def forward(x: Tensor, *more: Any, **named: Any) -> Any:
        if more or named or not fused.suits(x):
            return own(x, *more, **named)
        gain = module.get_parameter(name).float()
        return fused.rms_norm(x, gain + offset if offset else gain, eps)

    return forward


def _gated(module: nn.Module, width: int, alike: dict[tuple[Any, ...], bool]) -> Forward | None:
    """A forward in slices of tokens for a network that multiplies an activation with something.

    alike: what was found of modules that differ in their weights only, which are many and large.
    """
    x = random(1, _PROBE_TOKENS, width).bfloat16()
    for child in module.children():
        activation = _activation(child)
        if activation is None:
            continue
        kind = (
            activation,
            type(module),
            _plain(module),
            *((name, type(each)) for name, each in module.named_children()),
        )
        if kind not in alike:
            sliced = _gated_forward(module, child, activation, _PROBE_TOKENS // 2)
            alike[kind] = agree(
                module, sliced, x, lambda off, own: off.norm() <= _GATED_TOLERANCE * own.norm()
            )
        if alike[kind]:
            return _gated_forward(module, child, activation, _TOKENS)
    return None


def _plain(module: nn.Module) -> frozenset[tuple[str, Any]]:
    """The numbers, words, switches and functions that a module keeps for itself."""
    kinds = (bool, int, float, str, FunctionType)
    return frozenset((name, each) for name, each in vars(module).items() if isinstance(each, kinds))


def _activation(module: nn.Module) -> tuple[float, float] | None:
    if any(True for _ in module.parameters()) or any(True for _ in module.children()):
        return None
    x = numbers_around_zero().bfloat16()
    for linear, cubic in ACTIVATIONS:
        formula = partial(fused.gated, up=torch.ones_like(x), linear=linear, cubic=cubic)
        if agree(module, formula, x, lambda off, own: off.abs() <= _ACTIVATION_TOLERANCE * own.abs() + 1e-5):
            return linear, cubic
    return None


def _gated_forward(
    module: nn.Module, child: nn.Module, activation: tuple[float, float], tokens: int
) -> Forward:
    own = module.forward

    def forward(x: Tensor, *more: Any, **named: Any) -> Any:
        watched = child._forward_hooks or child._forward_pre_hooks or was_given_one(child)
        if more or named or watched or not fused.suits(x):
            return own(x, *more, **named)
        with instead([(child, lambda gate: _Gate(gate, *activation))]):
            if x.shape[-2] <= tokens:
                return own(x)
            out = torch.empty(x.shape, dtype=x.dtype)
            for part, into in zip(x.split(tokens, -2), out.split(tokens, -2), strict=True):
                into.copy_(own(part))
            return out

    return forward


class _Gate:
    """An activation that is computed together with the product it goes into, and with nothing else."""

    def __init__(self, gate: Tensor, linear: float, cubic: float) -> None:
        self._gate, self._activation = gate, (linear, cubic)

    def __mul__(self, other: Any) -> Tensor:
        if not isinstance(other, Tensor) or other.shape != self._gate.shape:
            return NotImplemented
        return fused.gated(self._gate, other, *self._activation)

    __rmul__ = __mul__
