"""The contract of a codec: in which form keys and values are kept, and where."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from longspan.store.form import Form
from longspan.store.medium import MEMORY, Medium


@dataclass(frozen=True, kw_only=True)
class Codec(ABC):
    """Base of all codecs. Entries are encoded when they are stored and decoded when a query visits them.

    The chunk that is being read attends to itself at full precision; what was stored before, in its stored form.
    """

    @property
    def raw(self) -> bool:
        """Whether keys are stored before their rotation, which then happens whenever they are visited."""
        return False

    @abstractmethod
    def form(self) -> Form:
        """A fresh form, for one layer of one sequence."""

    @property
    def medium(self) -> Medium:
        """Where the encoded entries lie."""
        return MEMORY

    @property
    def observed(self) -> int:
        """How many of the last queries its forms want to learn from."""
        return 0
