"""What a part of a plan may look at, whatever its slot, besides the tensors that it is handed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from torch import Tensor

from longspan.kernels.softmax import Softmax

T = TypeVar("T")


class Notes:
    """What the layers of one forward pass tell each other: at most one object of each class."""

    def __init__(self) -> None:
        self._left: dict[type, Any] = {}

    def find(self, kind: type[T]) -> T | None:
        """What an earlier layer left of this class, None for nothing."""
        found: T | None = self._left.get(kind)
        return found

    def leave(self, note: object) -> None:
        """For the layers to come, in place of what was there of its class."""
        self._left[type(note)] = note


def _unread() -> list[int]:
    raise LookupError("no text was given to this scene; give it text=")


def _unwatched() -> Tensor | None:
    return None


def _unmeasured(name: str) -> Tensor:
    raise LookupError(f"profile {name!r} was not measured for this scene")


@dataclass(frozen=True, kw_only=True, eq=False)
class Scene:
    """One layer and one text, while tokens of the text are in the layer.

    softmax: how the layer makes weights of query · key. layer counts from 0 of `layers`. full_layers: the layers that
    see everything, in which parts act, () for all. seen: where the next token stands, those that are in the layer read:
    how many there are, less those `beside` others.
    rounds: positions at which rounds of a dialogue begin, ascending from 0. asked: the positions of a known question
    that has been read, empty where there is none. text: the ids of all tokens read so far. surprise: −log p of each
    token before this pass, fp32 `[m]`, None where no selector asks for it. profile: facts measured once of the model,
    by name. notes: shared by the layers of one pass, and empty at the first.
    """

    softmax: Softmax
    layer: int
    layers: int
    seen: int
    full_layers: tuple[int, ...] = ()
    rounds: Sequence[int] = (0,)
    asked: range = range(0)
    text: Callable[[], list[int]] = _unread
    beside: int = 0
    surprise: Callable[[], Tensor | None] = _unwatched
    profile: Callable[[str], Tensor] = _unmeasured
    notes: Notes = field(default_factory=Notes)

    @property
    def read(self) -> int:
        """Tokens read so far, those that are in the layer included."""
        return self.seen + self.beside

    @property
    def place(self) -> int:
        """The layer's number among those in which parts act."""
        return self.full_layers.index(self.layer) if self.full_layers else self.layer

    @property
    def places(self) -> int:
        """In how many layers parts act."""
        return len(self.full_layers) or self.layers
