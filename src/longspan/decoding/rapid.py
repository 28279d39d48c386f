"""RAPID: a drafter that reads what was retrieved of a long text, verified by a model that reads all of it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from longspan.decoding.base import Draft, Drafter, Drawn, Draws, Host, Proposer, Said, Verifier
from longspan.decoding.chain import ChainDecode
from longspan.decoding.rejection import Rejection
from longspan.parameters import check_range
from longspan.registry import Card

CARD = Card(
    name="rapid",
    target="longspan.decoding.rapid:Rapid",
    paper="Long-Context Inference with Retrieval-Augmented Speculative Decoding",
    link="https://arxiv.org/abs/2502.20330",
    year=2025,
    training=False,
    changes="The same or another model drafts from the chunks of the text that were retrieved for its end.",
    field=(166,),
    missing="Chunks are found by BM25 over tokens and not by an embedding model, since proposers have none at hand.",
)


@dataclass(frozen=True, kw_only=True)
class Rapid(ChainDecode):
    """Drafts from a shortened context. https://arxiv.org/abs/2502.20330

    The text before its last `tail` tokens is cut into chunks; those that speak of the tail stay, in their order. They
    are chosen once for an answer. As without drafts the answer is, or is distributed, as the whole text says, unless
    there is a transfer.
    """

    gamma: int = 10
    """Tokens of a draft at most."""
    model: str | None = None
    """The model that drafts, as `longspan.load` takes it, or a name among the `drafters` of a session; none for the
    answer's own.
    """
    chunk: int = 512
    """Tokens of a chunk."""
    retrieved: int = 4096
    """Tokens of all chunks together."""
    tail: int = 512
    """Last tokens when the answer begins, which are read in any case and asked with."""
    not_lossless_transfer: float = 0.0
    """Above 0 the model learns from the drafter while it verifies, η of the paper: its logits z become
    z + η·T·(q − p), T the temperature and p, q what model and drafter think. The answer is then another one than
    without drafts, which the paper wants where the drafter is better.
    """

    def __post_init__(self) -> None:
        check_range("chunk", self.chunk, 1)
        check_range("retrieved", self.retrieved, self.chunk)
        check_range("tail", self.tail, 1)
        check_range("not_lossless_transfer", self.not_lossless_transfer, 0.0)
        if self.not_lossless_transfer and self.draws == "shared":
            raise ValueError(
                f"not_lossless_transfer={self.not_lossless_transfer} is outside 0 .. 0 with draws=shared, which keeps "
                "the answer as it is; write draws=apart"
            )
        super().__post_init__()

    def drafter(self, host: Host) -> Drafter:
        """A model that reads a part of the text."""
        return _Shortened(self, host.other(self.model, {}, text="retrieved"))

    def verifier(self) -> Verifier:
        """With a transfer one that is not lossless."""
        return Transfer(self.not_lossless_transfer) if self.not_lossless_transfer else super().verifier()


class Transfer(Rejection):
    """Rejection against p · exp(η (q − p)), normalised, which is what the transfer makes of a model's logits."""

    def __init__(self, rate: float) -> None:
        self._rate = rate

    def decided(self, odds: Tensor, drawn: Drawn, draws: Draws) -> int:
        """The token behind a place."""
        changed = odds * (self._rate * (drawn.odds - odds)).exp()
        return super().decided(changed / changed.sum(), drawn, draws)


class _Shortened(Drafter):
    """A drafter that is shown less. The beginning is chosen at first."""

    def __init__(self, method: Rapid, drafter: Drafter) -> None:
        self._method, self._drafter = method, drafter
        self._chosen: list[int] | None = None
        self._start = 0

    @property
    def nbytes(self) -> int:
        return self._drafter.nbytes

    def release(self) -> None:
        self._drafter.release()

    def says(
        self,
        ids: Sequence[int],
        draws: Draws,
        count: int,
        *,
        sure: float = 0.0,
        within: tuple[Proposer, Verifier] | None = None,
    ) -> list[Said]:
        return self._drafter.says(self._short(ids), draws, count, sure=sure, within=within)

    def after(self, ids: Sequence[int], draft: Draft) -> Tensor:
        return self._drafter.after(self._short(ids), draft)

    def _short(self, ids: Sequence[int]) -> list[int]:
        if self._chosen is None:
            method = self._method
            self._start = max(0, len(ids) - method.tail)
            chunks = [
                list(ids[at : min(self._start, at + method.chunk)])
                for at in range(0, self._start, method.chunk)
            ]
            self._chosen = best(chunks, ids[self._start :], method.retrieved)
        return [*self._chosen, *ids[self._start :]]


def best(chunks: Sequence[Sequence[int]], asked: Sequence[int], room: int) -> list[int]:
    """Of some chunks of tokens those that speak most of what is asked, so many tokens at most, in their order."""
    if sum(map(len, chunks)) <= room:
        return [token for chunk in chunks for token in chunk]
    known = {token for chunk in chunks for token in chunk}
    words = [str(token) for token in dict.fromkeys(asked) if token in known]
    scores = [0.0] * len(chunks)
    if words:
        logging.getLogger("bm25s").setLevel(logging.WARNING)  # importing it turns on its debug messages
        import bm25s

        index = bm25s.BM25()
        index.index([[str(token) for token in chunk] for chunk in chunks], show_progress=False)
        scores = index.get_scores(words).tolist()
    kept, left = set(), room
    for number in sorted(range(len(chunks)), key=lambda number: (-scores[number], -number)):
        if len(chunks[number]) <= left:
            kept.add(number)
            left -= len(chunks[number])
    return [token for number, chunk in enumerate(chunks) if number in kept for token in chunk]
