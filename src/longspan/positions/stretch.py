"""What the frequency methods have in common: a factor by which the window is stretched."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

from longspan.parameters import check_range
from longspan.positions.base import Positions


@dataclass(frozen=True, kw_only=True)
class Stretch(Positions):
    """Base of schemes that stretch the trained window."""

    factor: float | None = None
    """s, the target length over the trained window L. None takes it from the text, and what is to be generated,
    when reading begins; it is at least 1 and does not change afterwards.
    """

    def __post_init__(self) -> None:
        if self.factor is not None:
            check_range("factor", self.factor, 1.0)

    @property
    def scale(self) -> float:
        """The factor. ValueError where it was neither given nor fitted."""
        if self.factor is None:
            raise ValueError("factor is None, allowed 1.0 or more; call fitted(length, trained) first")
        return self.factor

    def fitted(self, length: int, trained: int) -> Self:
        """With the factor that the length needs, unless one was given."""
        return self if self.factor is not None else replace(self, factor=max(1.0, length / trained))

    def window(self, trained: int) -> int | None:
        """The trained window times the factor; None as long as there is none."""
        return None if self.factor is None else round(trained * self.factor)
