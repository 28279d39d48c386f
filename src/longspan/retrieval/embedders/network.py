"""A sentence encoder at work: texts cut into windows, windows in batches, tokens pooled."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from longspan.errors import CorruptModel, ModelNotFound, UnsupportedModel
from longspan.loading.quiet import quiet
from longspan.progress import Progress, Watcher
from longspan.retrieval.embedders.base import TokenRows
from longspan.retrieval.embedders.stretched import Positions, stretched

if TYPE_CHECKING:
    from tokenizers import Encoding

Pooling = Literal["mean", "first", "last"]

_BATCH = 4096
"""Tokens that pass through the network at a time, padding included."""
_RUN = re.compile(r"\S{64}(?=\S)")
"""Where a text without blanks is cut for the tokenizer, which takes words over a hundred characters for unknown."""


@dataclass(frozen=True)
class Window:
    """Tokens that are read together, between the tokens that open and close every text."""

    ids: tuple[int, ...]
    starts: tuple[int, ...]


class SentenceNetwork:
    """A folder in transformers' format, whose `tokenizer.json` says which tokens open and close a text.

    tokens: read at a time at most, those that open and close included; longer texts are read in windows of equal
    length. positions, factor: see `stretched`. pooling: what becomes of a window's tokens, "mean" over all, opening
    and closing ones included, or the "first" or "last" one alone.
    """

    def __init__(
        self, folder: Path, *, tokens: int, pooling: Pooling, positions: Positions = "stock", factor: int = 1
    ) -> None:
        from tokenizers import Tokenizer
        from transformers import AutoModel

        try:
            self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        except Exception as error:  # whatever it is: the library raises plain exceptions
            raise ModelNotFound(
                f"{folder} has no tokenizer.json that can be read ({error}); give a sentence encoder's folder"
            ) from None
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._tokenizer.encode_special_tokens = True  # what documents spell out has no power
        try:
            with quiet():
                network = AutoModel.from_pretrained(
                    str(folder), local_files_only=True, use_safetensors=True, dtype=torch.float32
                )
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            reason = " ".join(str(error).split())[:200]
            raise CorruptModel(f"{folder} holds no encoder in transformers' format ({reason})") from None
        self.network = network.eval().requires_grad_(False)
        self.tokens, self.pooling = tokens, pooling
        reach = stretched(self.network, positions, factor)
        if reach is not None and tokens > reach:
            raise UnsupportedModel(
                f"tokens={tokens} is outside 3 .. {reach} for this encoder; lower tokens or raise factor"
            )
        opening, closing = self._around()
        self._opening, self._closing = opening, closing
        self._unknown = getattr(self._tokenizer.model, "unk_token", None)

    def embed(self, texts: Sequence[str], progress: Watcher | None = None) -> NDArray[np.float32]:
        """A row of length 1 for each text: that of its window, or the mean of its windows' rows."""
        began, cut = time.perf_counter(), [self.windows(text) for text in texts]
        owner = [number for number, windows in enumerate(cut) for _ in windows]
        pooled = torch.zeros(len(texts), self.network.config.hidden_size)
        left = [len(windows) for windows in cut]
        for numbers, states, lengths in self._batches([each for windows in cut for each in windows]):
            rows = torch.nn.functional.normalize(self._pooled(states, lengths), dim=-1)
            for number, row in zip(numbers, rows, strict=True):
                pooled[owner[number]] += row
                left[owner[number]] -= 1
            if progress is not None:
                seconds = time.perf_counter() - began
                progress(Progress(processed=left.count(0), total=len(texts), seconds=seconds, unit="texts"))
        found: NDArray[np.float32] = torch.nn.functional.normalize(pooled, dim=-1).numpy()
        return found

    def embed_tokens(self, text: str) -> TokenRows:
        """The rows of all tokens; those that open and close a window count to its first and its last token."""
        cut = self.windows(text)
        rows: list[Tensor] = [torch.zeros(0)] * len(cut)
        for numbers, states, lengths in self._batches(cut):
            for number, state, length in zip(numbers, states, lengths.tolist(), strict=True):
                rows[number] = state[:length]
        starts: list[int] = []
        for window in cut:
            inside = window.starts or (0,)
            starts += [inside[0]] * len(self._opening) + [*window.starts] + [inside[-1]] * len(self._closing)
        return TokenRows(
            rows=torch.cat(rows).numpy(), starts=tuple(starts), windows=tuple(len(each) for each in rows)
        )

    def known(self, text: str, *, english: bool = False) -> float:
        """The share of tokens that the vocabulary has, 1 for an empty text.

        english: whether the encoder knows English alone: then letters of other scripts, which its vocabulary spells out
        one by one, are no words to it.
        """
        unknown = None if self._unknown is None else self._tokenizer.token_to_id(self._unknown)
        tokens = [
            (number, piece[first:last])
            for piece, each in self._encoded(text)
            for number, (first, last) in zip(each.ids, each.offsets, strict=True)
        ]
        strange = sum(
            number == unknown or (english and len(said) == 1 and not said.isascii())
            for number, said in tokens
        )
        return 1 - strange / len(tokens) if tokens else 1.0

    def windows(self, text: str) -> list[Window]:
        """A text's tokens in windows of equal length, as few as can be; one without tokens is one window."""
        pieces = list(self._pieces(text))
        ids = [each for ids, _ in pieces for each in ids]
        starts = [each for _, starts in pieces for each in starts]
        room = self.tokens - len(self._opening) - len(self._closing)
        count = max(1, -(-len(ids) // room))
        edges = [round(number * len(ids) / count) for number in range(count + 1)]
        return [Window(tuple(ids[first:last]), tuple(starts[first:last])) for first, last in pairwise(edges)]

    def count(self, text: str) -> int:
        """How many tokens a text is read as, those that open and close its windows included."""
        around = len(self._opening) + len(self._closing)
        return sum(len(each.ids) + around for each in self.windows(text))

    def _pieces(self, text: str) -> Iterator[tuple[list[int], list[int]]]:
        """The tokens of a text and where they begin."""
        done = 0
        for piece, each in self._encoded(text):
            yield each.ids, [done + start for start, _ in each.offsets]
            done += len(piece)

    def _encoded(self, text: str) -> Iterator[tuple[str, Encoding]]:
        """A text piece by piece, cut where no blank would cut it, with its tokens."""
        text = text.encode("utf-8", "replace").decode("utf-8")  # half characters become question marks
        edges = [0, *(cut.end() for cut in _RUN.finditer(text)), len(text)]
        parts = [text[first:last] for first, last in pairwise(edges)]
        return zip(parts, self._tokenizer.encode_batch(parts, add_special_tokens=False), strict=True)

    def _around(self) -> tuple[list[int], list[int]]:
        """The tokens that open and close every text."""
        whole = self._tokenizer.encode("a")
        inside = [number for number, special in enumerate(whole.special_tokens_mask) if not special]
        if not inside:
            raise UnsupportedModel("the encoder's tokenizer makes no tokens of a letter; give another folder")
        return whole.ids[: inside[0]], whole.ids[inside[-1] + 1 :]

    def _batches(self, windows: Sequence[Window]) -> Iterator[tuple[list[int], Tensor, Tensor]]:
        """The last layer's states `[windows, tokens, dimensions]` batch by batch, with numbers and lengths."""
        around = len(self._opening) + len(self._closing)
        order = sorted(range(len(windows)), key=lambda number: -len(windows[number].ids))
        while order:
            longest = len(windows[order[0]].ids) + around
            some, order = (
                order[: max(1, _BATCH // max(longest, 1))],
                order[max(1, _BATCH // max(longest, 1)) :],
            )
            yield some, *self._states([[*self._opening, *windows[each].ids, *self._closing] for each in some])

    @torch.inference_mode()
    def _states(self, texts: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
        lengths = torch.tensor([len(each) for each in texts])
        ids = torch.zeros(len(texts), int(lengths.max()), dtype=torch.long)
        for row, each in zip(ids, texts, strict=True):
            row[: len(each)] = torch.tensor(each)
        mask = (torch.arange(ids.shape[1]) < lengths[:, None]).long()
        states: Tensor = self.network(input_ids=ids, attention_mask=mask, **self._more(ids)).last_hidden_state
        return states, lengths

    def _more(self, ids: Tensor) -> dict[str, Any]:
        """What BERT's family would otherwise take out of tables as long as its stock positions."""
        if getattr(self.network.config, "type_vocab_size", 0):
            return {"token_type_ids": torch.zeros_like(ids)}
        return {}

    def _pooled(self, states: Tensor, lengths: Tensor) -> Tensor:
        if self.pooling == "first":
            return states[:, 0]
        if self.pooling == "last":
            return states[torch.arange(len(states)), lengths - 1]
        mask = (torch.arange(states.shape[1]) < lengths[:, None])[..., None]
        return (states * mask).sum(dim=1) / lengths[:, None]


@lru_cache(maxsize=2)
def network_of(
    folder: Path, tokens: int, pooling: Pooling, positions: Positions = "stock", factor: int = 1
) -> SentenceNetwork:
    """The network of a folder, loaded once."""
    return SentenceNetwork(folder, tokens=tokens, pooling=pooling, positions=positions, factor=factor)
