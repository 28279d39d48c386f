"""One network for one thread at a time, and in the state in which it is used: evaluating, uncompiled, in its own
number format."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import chain
from operator import attrgetter
from typing import Any, Self

import torch
from torch import nn

_training = attrgetter("training")
_compiled_call = attrgetter("_compiled_call_impl")


def original(network: Any) -> Any:
    """The network that torch.compile wrapped, or the network itself."""
    return getattr(network, "_orig_mod", network)


@contextmanager
def whole_precision(network: Any) -> Iterator[None]:
    """Computes in the network's own number format, whatever autocast is on around."""
    device = next(network.parameters()).device.type
    if not (torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device)):
        yield
        return
    with torch.autocast(device, enabled=False):
        yield


class ExclusiveUse:
    """A network that sessions and its owner use in turns.

    As long as a session's pass is inside, calls of the network in other threads wait, and passes wait for such calls.
    Within the time of a pass all modules evaluate, nothing that torch.compile made is run, and autocast is off; all of
    it is put back.
    """

    def __init__(self, network: nn.Module) -> None:
        self._modules = list(network.modules())
        self._children = [module._modules for module in self._modules if module._modules]
        guarded = [network]
        inner = getattr(network, getattr(network, "base_model_prefix", ""), None)
        if isinstance(inner, nn.Module):
            guarded.append(inner)
        self._turn = _Turn.of(guarded)
        self._inside = False

    @contextmanager
    def held(self) -> Iterator[None]:
        """For the time of a forward pass."""
        with self._turn.lock:
            if self._inside:
                yield
                return
            with ExitStack() as stack:
                if any(map(_training, self._modules)):
                    stack.enter_context(_evaluating(self._modules))
                if self._compiled():
                    stack.enter_context(torch.compiler.set_stance("force_eager"))
                stack.enter_context(whole_precision(self._modules[0]))
                self._inside = True
                try:
                    yield
                finally:
                    self._inside = False

    def _compiled(self) -> bool:
        """Whether torch.compile was called on a part of the network, or put something around one."""
        dynamo = sys.modules.get("torch._dynamo")
        if dynamo is None:
            return False
        children = chain.from_iterable(map(dict.values, self._children))
        return any(map(_compiled_call, self._modules)) or dynamo.OptimizedModule in map(type, children)


@contextmanager
def _evaluating(modules: list[nn.Module]) -> Iterator[None]:
    training = [module for module in modules if module.training]
    for module in training:
        module.training = False
    try:
        yield
    finally:
        for module in training:
            module.training = True


class _Turn:
    """A lock that a network takes for the time of each call from outside.

    A copy of the network, or one that was pickled, has a lock of its own.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()

    @classmethod
    def of(cls, modules: list[nn.Module]) -> Self:
        """The one that the modules have already, or a new one."""
        for hook in modules[0]._forward_pre_hooks.values():
            if isinstance(hook, cls):
                return hook
        turn = cls()
        for module in modules:
            module.register_forward_pre_hook(turn, prepend=True)
            module.register_forward_hook(turn, always_call=True)
        return turn

    def __call__(self, module: nn.Module, inputs: Any, *output: Any) -> None:
        """Before a module runs, with its inputs alone, and after it, with its output too, or None where it raised."""
        if torch.compiler.is_compiling():
            return
        if output:
            self.lock.release()
        else:
            self.lock.acquire()

    def __reduce__(self) -> tuple[type[Self], tuple[()]]:
        return type(self), ()
