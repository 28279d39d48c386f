"""The contract of what is kept of one layer of one text, whatever kind of layer it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Protocol, Self

import torch
from torch import Tensor

from longspan.store.ledger import Ledger


class StateMark(Protocol):
    """A moment of a state, for `LayerState.rewind`."""

    @property
    def columns(self) -> list[Tensor]:
        """The memory in which it lay, which is kept while the mark lives."""
        ...


class LayerState(ABC):
    """A sequence has one for each layer, and does the same with all of them.

    kind: "attention", whose entries grow with the text, or "recurrent", a state of one size. A state that was forked,
    restored or gone back to goes on as if nothing else had been.
    """

    kind: ClassVar[str]

    @abstractmethod
    def fork(self, ledger: Ledger) -> Self:
        """The same for a second text, whose bytes a ledger counts; memory is copied only when one of them writes."""

    @abstractmethod
    def mark(self) -> Any:
        """This moment, a `StateMark`; memory is not copied."""

    @abstractmethod
    def rewind(self, mark: Any) -> None:
        """Goes back to a moment of its own, as often as one likes."""

    @abstractmethod
    def tensors(self) -> dict[str, Tensor]:
        """All of it for `load`, by name."""

    @abstractmethod
    def load(self, tensors: Mapping[str, Tensor], device: torch.device) -> None:
        """Takes back what `tensors` gave; nothing of it is held afterwards. For a state that holds nothing."""

    @abstractmethod
    def release(self) -> None:
        """Gives all memory back."""

    @property
    @abstractmethod
    def columns(self) -> list[Tensor]:
        """The memory in which it lies."""

    @property
    @abstractmethod
    def state_bytes(self) -> int:
        """Memory of everything but entries, which ledgers count."""
