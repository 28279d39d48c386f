"""A sentence encoder of one's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from longspan.errors import ModelNotFound
from longspan.loading.digest import file_digest
from longspan.parameters import check_choice, check_whole
from longspan.progress import Watcher
from longspan.registry import Card
from longspan.retrieval.embedders.base import Embedder, TokenRows
from longspan.retrieval.embedders.network import Pooling, SentenceNetwork, network_of
from longspan.retrieval.embedders.stretched import Positions

CARD = Card(
    name="folder",
    target="longspan.retrieval.embedders.folder:Folder",
    paper="Mamba Retriever: Utilizing Mamba for Effective and Efficient Dense Retrieval",
    link="https://arxiv.org/abs/2408.08066",
    year=2024,
    training=True,
    changes="Embeds texts by an encoder of one's own, by the mean of its tokens or by the first or the last one.",
    field=(202,),
    missing="The retriever is not trained here; the state of the last token, by which it embeds, is what "
    "pooling=last takes of any network that is given.",
)


@dataclass(frozen=True, kw_only=True)
class Folder(Embedder):
    """Any encoder in transformers' format with a tokenizer.json, such as those of sentence-transformers.

    pooling=last takes the last token's state, as Mamba Retriever and other retrievers made of decoders do,
    https://arxiv.org/abs/2408.08066. Weights are read from safetensors alone, and no code of the folder runs.
    """

    path: str
    """The folder with config.json, model.safetensors and tokenizer.json."""

    pooling: Pooling = "mean"
    """What becomes of the tokens' states: their mean, the first or the last one."""

    tokens: int = 512
    """Tokens that are read at a time at most; longer texts are read in windows, whose rows are averaged."""

    query: str = ""
    """What the encoder expects before a query, such as "query: "."""

    passage: str = ""
    """What it expects before a passage, such as "passage: "."""

    positions: Positions = "stock"
    """How positions beyond a table of positions are made: interpolated, grouped, recurrent; stock has none."""

    factor: int = 1
    """How many times as long the table of positions becomes, where positions is not stock."""

    def __post_init__(self) -> None:
        check_choice("pooling", self.pooling, get_args(Pooling))
        check_choice("positions", self.positions, get_args(Positions))
        check_whole("tokens", self.tokens, 3)
        check_whole("factor", self.factor, 1, 64)

    @property
    def identity(self) -> str:
        """The weights' digest, and how they are used. Raises ModelNotFound where there are none."""
        how = (self.pooling, self.tokens, self.query, self.passage, self.positions, self.factor)
        return f"{_digest(self._place())} {how}"

    def embed(self, texts: Sequence[str], progress: Watcher | None = None) -> NDArray[np.float32]:
        """A row for each text. Raises ModelNotFound where the folder has no encoder."""
        return self._network().embed([self.passage + each for each in texts], progress)

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """The row of a query, behind what the encoder expects before one."""
        row: NDArray[np.float32] = self._network().embed([self.query + text])[0]
        return row

    def embed_tokens(self, text: str) -> TokenRows:
        """The rows of all tokens, without what the encoder expects before a passage."""
        return self._network().embed_tokens(text)

    def count(self, text: str) -> int:
        """How many tokens a text is read as."""
        return self._network().count(text)

    def known(self, text: str) -> float:
        """The share of tokens that the vocabulary has."""
        return self._network().known(text)

    def _place(self) -> Path:
        folder = Path(self.path).expanduser().absolute()
        if not (folder / "config.json").is_file():
            raise ModelNotFound(f"{folder} has no config.json; give the folder of a sentence encoder")
        return folder

    def _network(self) -> SentenceNetwork:
        return network_of(self._place(), self.tokens, self.pooling, self.positions, self.factor)


@cache
def _digest(folder: Path) -> str:
    return "-".join(file_digest(each)[:16] for each in sorted(folder.glob("*.safetensors")))
