"""Tokens that leave a borrowed network between two of its layers, so that the later ones run with fewer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

from torch import Tensor, nn

Staying = Callable[[], Tensor | None]
"""Asked after each layer: which of the rows `[n]` that it ran go on, as ascending indices; None for all."""


# How far logits may be apart, of all, when other tokens have left: products of fewer rows round otherwise.
_TOLERANCE = 0.03


class Layers:
    """The layers of a network, as modules, from between which tokens can leave; tried once.

    run: a forward pass of the tokens `ids` whose attention gives nothing, so that no token knows of another; returns
    the logits of the last. Raises LookupError where the network has no list of as many layers as `count`, ValueError
    where the last token does not stay what it was when others leave, and what the network raises.
    """

    def __init__(self, network: nn.Module, count: int, run: Callable[[], Tensor], ids: Tensor) -> None:
        self._modules = _found(network, count)
        whole = run()
        leaving = iter([ids[1::2]])
        with self.thinned(lambda: next(leaving, None)):
            thin = run()
        if not float((thin - whole).abs().max()) <= _TOLERANCE * float(whole.abs().max()):
            raise ValueError("the tokens that stay become others")

    @contextmanager
    def thinned(self, staying: Staying) -> Iterator[None]:
        """For the time of a forward pass under the caller's lock. Behind the last layer all rows are there again,
        those that left as zeros."""
        run = _Run(staying, len(self._modules) - 1)
        with ExitStack() as hooks:
            for number, module in enumerate(self._modules):
                hooks.enter_context(module.register_forward_hook(partial(run.after, number)))
            yield


class _Run:
    """One forward pass: how many rows there were, and which are left."""

    def __init__(self, staying: Staying, last: int) -> None:
        self._staying, self._last = staying, last
        self._count = 0
        self._left: Tensor | None = None

    def after(self, number: int, _module: nn.Module, _inputs: Any, output: Any) -> Any:
        """Takes the rows that leave out of a layer's output, a tensor `[1, n, d]` or a tuple that begins with it."""
        several = isinstance(output, tuple)
        hidden: Tensor = output[0] if several else output
        if number == 0:
            self._count = hidden.shape[1]
        rows = self._staying()
        if rows is not None:
            self._left = rows if self._left is None else self._left[rows]
            hidden = hidden[:, rows]
        if number == self._last and self._left is not None:
            whole = hidden.new_zeros(1, self._count, hidden.shape[-1])
            hidden = whole.index_copy_(1, self._left, hidden)
        return (hidden, *output[1:]) if several else hidden


def _found(network: nn.Module, count: int) -> list[nn.Module]:
    for module in network.modules():
        if isinstance(module, nn.ModuleList) and len(module) == count:
            numbers = [
                {index for part in layer.modules() if (index := getattr(part, "layer_idx", None)) is not None}
                for layer in module
            ]
            if numbers == [{number} for number in range(count)]:
                return list(module)
    raise LookupError(f"it keeps its {count} layers in no list")
