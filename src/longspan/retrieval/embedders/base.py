"""The contract of an embedder: texts become vectors of length 1, near where they mean the same."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from longspan.progress import Watcher


@dataclass(frozen=True, kw_only=True)
class TokenRows:
    """A text token by token.

    rows: a vector a token `[tokens, dimensions]`, float32, of the last layer. starts: the character with which each
    begins. windows: how many tokens were read at a time, one number a window; together they are all tokens.
    """

    rows: NDArray[np.float32]
    starts: tuple[int, ...]
    windows: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Embedder(ABC):
    """Base of all embedders, a part whose parameters are fields. Nothing of a text is cut off, however long it is."""

    @property
    @abstractmethod
    def identity(self) -> str:
        """Stands for weights and parameters: equal identities, equal vectors."""

    @abstractmethod
    def embed(self, texts: Sequence[str], progress: Watcher | None = None) -> NDArray[np.float32]:
        """A row of length 1 for each text, `[texts, dimensions]`, whatever else is embedded beside it.

        progress: told how many texts are done.
        """

    @abstractmethod
    def embed_query(self, text: str) -> NDArray[np.float32]:
        """The row of a query, `[dimensions]`."""

    @abstractmethod
    def embed_tokens(self, text: str) -> TokenRows:
        """A row for each token of a text, in which it knows of those around it."""

    @abstractmethod
    def known(self, text: str) -> float:
        """The share of a text's tokens that the vocabulary has; low for a language that the embedder never saw."""

    def count(self, text: str) -> int:
        """How many tokens a text is read as, in all of its windows."""
        return len(self.embed_tokens(text).starts)
