"""What a recurrent layer remembers of one text: a few tensors, as large after a million tokens as after one."""

from __future__ import annotations

from typing import Self

from torch import Tensor

from longspan.store.state import State


class Recurrence(State):
    """The state of one recurrent layer of one sequence, by name; empty before the first token.

    Forks and marks share its tensors until one of those that know them is asked for, to be written over perhaps. So no
    copy is made that nobody needs, and nothing that another knows changes.
    """

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

    def tensors(self) -> dict[str, Tensor]:
        """Everything held, by name."""
        return dict(self._held)

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Takes what `tensors` gave."""
        self._held, self._shared = dict(tensors), set()

    def fork(self) -> Self:
        """A second one that knows the same."""
        twin = type(self)()
        twin._held = self.mark()
        twin._shared = set(twin._held)
        return twin

    def mark(self) -> dict[str, Tensor]:
        """What it holds now, for `rewind`; not copied."""
        self._shared = set(self._held)
        return dict(self._held)

    def rewind(self, mark: dict[str, Tensor]) -> None:
        """Holds again what it held at a mark."""
        self._held, self._shared = dict(mark), set(mark)

    def release(self) -> None:
        """Gives all memory back."""
        self.load({})
