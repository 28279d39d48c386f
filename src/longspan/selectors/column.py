"""A tensor that grows, and states made of states."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from longspan.store.state import State


class Column(State):
    """A tensor `[rows, n, ...]` that grows along n; its room doubles, so that appending rarely copies."""

    def __init__(self) -> None:
        self._room: Tensor | None = None
        self._length = 0

    def __len__(self) -> int:
        return self._length

    @property
    def value(self) -> Tensor:
        """Everything appended so far; LookupError before the first."""
        if self._room is None:
            raise LookupError("nothing was appended to this column; append before reading")
        return self._room[:, : self._length]

    def append(self, new: Tensor) -> None:
        """Adds `[rows, m, ...]`."""
        stop = self._length + new.shape[1]
        if self._room is None:
            self._room = new.clone(memory_format=torch.contiguous_format)
        else:
            if stop > self._room.shape[1]:
                wider = max(stop, 2 * self._length)
                grown = self._room.new_empty(len(self._room), wider, *self._room.shape[2:])
                grown[:, : self._length] = self.value
                self._room = grown
            self._room[:, self._length : stop] = new
        self._length = stop

    def tensors(self) -> dict[str, Tensor]:
        """What was appended, as one tensor."""
        return {} if self._room is None else {"column": self.value}

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Takes it back."""
        self._room = tensors.get("column")
        self._length = 0 if self._room is None else self._room.shape[1]

    @property
    def nbytes(self) -> int:
        """Memory held, filled or not."""
        return 0 if self._room is None else self._room.nbytes


class Compound(State):
    """A state made of states."""

    @property
    def parts(self) -> Mapping[str, State]:
        """The states by name."""
        return {}

    def tensors(self) -> dict[str, Tensor]:
        """Of all parts, each name behind the name of its part."""
        return {
            f"{part}.{name}": tensor
            for part, state in self.parts.items()
            for name, tensor in state.tensors().items()
        }

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Gives each part its own back."""
        for part, state in self.parts.items():
            front = f"{part}."
            state.load({name[len(front) :]: tensors[name] for name in tensors if name.startswith(front)})

    @property
    def nbytes(self) -> int:
        """Memory held by all parts."""
        return sum(state.nbytes for state in self.parts.values())
