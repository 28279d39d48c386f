"""What a recurrent layer remembers of one text: a few tensors, as large after a million tokens as after one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, NamedTuple, Self

import torch
from torch import Tensor

from longspan.store.layer_state import LayerState
from longspan.store.ledger import Ledger


class Held(NamedTuple):
    """What a recurrent layer held at a moment."""

    tensors: dict[str, Tensor]

    @property
    def columns(self) -> list[Tensor]:
        """The tensors."""
        return list(self.tensors.values())


class RecurrentState(LayerState):
    """Tensors by name; none before the first token.

    Forks and marks share them until one of those that know them is asked for, to be written over perhaps. So no copy is
    made that nobody needs, and nothing that another knows changes.
    """

    kind: ClassVar[str] = "recurrent"

    def __init__(self) -> None:
        self._held: dict[str, Tensor] = {}
        self._shared: set[str] = set()

    def get(self, name: str) -> Tensor | None:
        """A tensor, which whoever asks may write over; None where there is none yet."""
        if name in self._shared:
            self.put(name, self._held[name].clone())
        return self._held.get(name)

    def put(self, name: str, tensor: Tensor) -> None:
        """Takes a tensor, which is its own from now on."""
        self._held[name] = tensor
        self._shared.discard(name)

    def fork(self, ledger: Ledger | None = None) -> Self:
        """A second one that knows the same."""
        twin = type(self)()
        twin.rewind(self.mark())
        return twin

    def mark(self) -> Held:
        """What it holds now; not copied."""
        self._shared = set(self._held)
        return Held(dict(self._held))

    def rewind(self, mark: Held) -> None:
        """Holds again what it held at a mark."""
        self._held, self._shared = dict(mark.tensors), set(mark.tensors)

    def tensors(self) -> dict[str, Tensor]:
        """Everything held, by name."""
        return dict(self._held)

    def load(self, tensors: Mapping[str, Tensor], device: torch.device) -> None:
        """Takes what `tensors` gave."""
        self._held = {name: tensor.to(device, copy=True) for name, tensor in tensors.items()}
        self._shared = set()

    def release(self) -> None:
        """Gives all memory back."""
        self._held, self._shared = {}, set()

    @property
    def columns(self) -> list[Tensor]:
        """The tensors."""
        return list(self._held.values())

    @property
    def state_bytes(self) -> int:
        """Memory held."""
        return sum(tensor.nbytes for tensor in self._held.values())
