"""What the methods with searched factors have in common: where their factors come from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from torch import Tensor

from longspan.errors import PlanError
from longspan.positions.base import KeyMap, Piece, Positions, Rope
from longspan.positions.rescaled import Rescaled
from longspan.positions.rescaling import Rescaling, digest_of


@dataclass(frozen=True, kw_only=True)
class Searched(Positions):
    """Base of schemes whose factors `longspan extend` searches for.

    A text that, with what is to be generated, stays within the trained window keeps the model's own rotation; which of
    the two it gets is decided when its reading begins.
    """

    method: ClassVar[str]
    """The name of the part, for which a file must have been searched."""

    factors: str | tuple[float, ...]
    """λ of each pair as a list, fastest first, or the path of a file that `longspan extend` wrote."""
    scale: float | None = None
    """s, the target length over the trained window; for a list only, a file has its own."""
    digest: str = ""
    """Digest of the file, taken from it when the plan is made, so that a plan that was kept with what was read under it
    refuses a file that has changed since.
    """

    def __post_init__(self) -> None:
        if isinstance(self.factors, str):
            self._leave_out("scale", self.scale)
            if not self.digest:
                object.__setattr__(self, "digest", digest_of(self.factors))
            return
        if self.scale is None:
            raise ValueError("scale=None is outside 1.0 .. ∞; give it with a list of factors")
        if self.digest:
            raise ValueError(f"digest={self.digest!r} is of a file; leave it out with a list of factors")
        self._of_list(self.factors, self.scale)  # checks them

    def fitted(self, length: int, trained: int) -> Positions:
        """The rescaled positions, or the model's own for a text within the trained window."""
        return self.rescaled(trained) if length > trained else Positions()

    def rescaled(self, trained: int) -> Rescaled:
        """The positions of long texts. Raises PlanError for a file that is missing or not for this model."""
        if not isinstance(self.factors, str):
            return self._of_list(self.factors, self.scale or 1.0)
        found = self._file
        if found.trained != trained:
            raise PlanError(
                f"factors file {self.factors} is for a model made for {found.trained:,} tokens, this one was made for "
                f"{trained:,}; make factors for this model with longspan extend"
            )
        return Rescaled(factors=found.factors, scale=found.scale, first=found.first)

    def rope(self, rope: Rope) -> Rope:
        """That of long texts."""
        return self.rescaled(rope.window).rope(rope)

    def pieces(self, queries: Tensor, rope: Rope) -> list[Piece]:
        """Those of long texts."""
        return self.rescaled(rope.window).pieces(queries, rope)

    def key_map(self, rope: Rope) -> KeyMap:
        """That of long texts."""
        return self.rescaled(rope.window).key_map(rope)

    def window(self, trained: int) -> None:
        """None: which window there is shows when the text is there. A file is read now, so that it can be refused."""
        self.rescaled(trained)

    def _of_list(self, factors: tuple[float, ...], scale: float) -> Rescaled:
        return Rescaled(factors=factors, scale=scale)

    @cached_property
    def _file(self) -> Rescaling:
        found = Rescaling.open(str(self.factors), digest=self.digest)
        if found.method != self.method:
            raise PlanError(
                f"factors file {self.factors} was searched for {found.method}; write "
                f"positions={found.method}(factors=...)"
            )
        return found

    def _leave_out(self, name: str, value: object) -> None:
        if value is not None:
            raise ValueError(
                f"{name}={value} belongs to a list of factors, a file has its own; leave {name} out"
            )
