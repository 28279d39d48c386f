"""What a session remembers besides entries: statistics of a scorer, summaries of a selector, tables of a codec."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Self

from torch import Tensor


class State:
    """Counted, forked and saved with the session that it belongs to.

    A subclass says what it holds in `tensors` and takes the same back in `load`; after `load(tensors())` it behaves
    as before, bit for bit. Numbers are held as tensors without dimensions.
    """

    def tensors(self) -> dict[str, Tensor]:
        """Everything held, by name; empty while there is nothing."""
        return {}

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Takes back what `tensors` gave, on any device."""
        if tensors:
            raise ValueError(f"{type(self).__name__} holds nothing, and was given {', '.join(tensors)}")

    @property
    def nbytes(self) -> int:
        """Memory held, not counting single numbers."""
        return sum(tensor.nbytes for tensor in self.tensors().values() if tensor.ndim)

    def fork(self) -> Self:
        """A second one that knows the same and goes its own way."""
        return deepcopy(self)


def under(name: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors whose names begin with a name and a point, under the rest of their names."""
    front = f"{name}."
    return {key[len(front) :]: tensors[key] for key in tensors if key.startswith(front)}
