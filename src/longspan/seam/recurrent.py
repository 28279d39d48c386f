"""The recurrent layers of a network, found by watching it, and how each text gets its own state in them.

A state space, a gated delta rule, linear attention or a short convolution goes over tokens one after another and keeps
what it needs of them in the cache of `transformers`. For the time of a pass each such module runs once for each text
of the pass, on its tokens alone, and its cache is the text's own `RecurrentState`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from longspan.seam.instead import Forward
from longspan.store.recurrent_state import RecurrentState

_CACHES = ("cache", "cache_params", "past_key_values")


@dataclass(frozen=True, kw_only=True, eq=False)
class Step:
    """One recurrent layer's work on the tokens of a pass, as the model asks for it.

    number: which of the recurrent layers it is, from 0. hidden `[n, width]`: what it is given. run: what it makes of
    some tokens that follow those of a state, `[m, width]`; the state is then the one behind them.
    """

    number: int
    hidden: Tensor
    run: Callable[[Tensor, RecurrentState], Tensor]


Recurring = Callable[[Step], Tensor]
"""Gives what a recurrent layer makes of the tokens of a pass, `[n, width]`."""


class Recurrent:
    """A module that goes over tokens one after another. layer: of the network, number: of the recurrent ones."""

    def __init__(self, number: int, module: nn.Module) -> None:
        self.number, self.module = number, module
        self.layer = int(module.layer_idx)  # type: ignore[arg-type]
        self._cache = _cache_of(module)

    def aside(self, recurring: Callable[[], Recurring | None]) -> Forward:
        """A forward that gives what `recurring()` makes of its step, zeros for None."""
        own = self.module.forward

        def forward(*args: Any, **named: Any) -> Any:
            hidden = args[0] if args else named.pop("hidden_states")
            return self._stood(own, hidden, named, recurring())

        return forward

    def _stood(self, own: Forward, hidden: Tensor, named: dict[str, Any], recurring: Recurring | None) -> Any:
        if named.get("attention_mask") is not None:
            raise ValueError("a recurrent layer is given a mask")
        more: tuple[Any, ...] | None = None

        def run(tokens: Tensor, state: RecurrentState) -> Tensor:
            nonlocal more
            found = own(tokens[None], **named | {self._cache: _Cache(state)})
            if isinstance(found, tuple):
                found, *rest = found
                more = tuple(rest)
            out: Tensor = found
            return out[0]

        if recurring is None:
            run(hidden[0, :1], RecurrentState())
            out = torch.zeros_like(hidden)
        else:
            out = recurring(Step(number=self.number, hidden=hidden[0], run=run))[None]
        return out if more is None else (out, *more)


class _Cache:
    """A text's state in one layer, asked for as `transformers` asks for it."""

    def __init__(self, state: RecurrentState) -> None:
        self._state = state

    def has_previous_state(self, *_: Any, **__: Any) -> bool:
        """Whether there was a token before."""
        return bool(self._state.tensors())

    def is_recording_past(self, *_: Any) -> bool:
        """Never: what has to be gone back to is kept by whoever wants to."""
        return False

    def get_conv_state(self, layer_idx: int, state_idx: int = 0) -> Tensor | None:
        """The last inputs of a convolution."""
        return self._state.get(f"convolution{state_idx}")

    def update_conv_state(
        self,
        conv_states: Tensor,
        layer_idx: int,
        state_idx: int = 0,
        conv_kernel_size: int | None = None,
    ) -> Tensor:
        """Takes inputs `[1, channels, n]` of a convolution; gives them with those before, as far as it reaches."""
        name = f"convolution{state_idx}"
        size = conv_kernel_size or conv_states.shape[-1]
        before = self._state.get(name)
        if before is None:
            whole = torch.nn.functional.pad(conv_states, (max(0, size - conv_states.shape[-1]), 0))
        else:
            size = before.shape[-1]
            whole = torch.cat((before, conv_states), -1)
        self._state.put(name, whole[..., -size:].clone())
        return whole

    def get_recurrent_state(self, layer_idx: int, state_idx: int = 0) -> Tensor | None:
        """What is carried from token to token."""
        return self._state.get(f"recurrence{state_idx}")

    def update_recurrent_state(
        self, recurrent_states: Tensor, layer_idx: int, state_idx: int = 0, **_: Any
    ) -> Tensor:
        """Takes what is carried on."""
        self._state.put(f"recurrence{state_idx}", recurrent_states)
        return recurrent_states


@contextmanager
def noticed(network: nn.Module) -> Iterator[list[nn.Module]]:
    """The modules that run meanwhile and may keep something of a layer in a cache, in the order in which they run."""
    found: list[nn.Module] = []

    def ran(module: nn.Module, _inputs: Any) -> None:
        found.append(module)

    with ExitStack() as hooks:
        for module in network.modules():
            if isinstance(getattr(module, "layer_idx", None), int) and _cache_of(module):
                hooks.callback(module.register_forward_pre_hook(ran).remove)
        yield found


def recurrent_among(modules: Sequence[nn.Module], attending: Sequence[nn.Module]) -> list[Recurrent]:
    """Those of the modules that do not lie in one that attends, and hold neither one that does nor another of them."""
    within = {id(inner) for module in attending for inner in module.modules()}
    several = {id(module) for module in modules} | {id(module) for module in attending}
    found = [
        module
        for module in modules
        if id(module) not in within and sum(id(inner) in several for inner in module.modules()) == 1
    ]
    return [Recurrent(number, module) for number, module in enumerate(found)]


def _cache_of(module: nn.Module) -> str:
    """The keyword by which a module is given a cache, "" for none."""
    named = inspect.signature(module.forward).parameters
    return next((name for name in _CACHES if name in named), "")
