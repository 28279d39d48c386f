"""A model reads on where it is surprised and skips where it is not; what it read stays."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import ClassVar

from longspan.compressing.base import Compressor, Task
from longspan.compressing.surprise import longest_of, losses, model_of, plan_of
from longspan.compressing.words import tokens_of, words
from longspan.parameters import check_whole
from longspan.registry import Card
from longspan.running.looking import read_usage
from longspan.spans import Document, Span, tokenize

CARD = Card(
    name="random-access",
    target="longspan.compressing.random_access:RandomAccess",
    paper="Equipping Transformer with Random-Access Reading for Long-Context Understanding",
    link="https://arxiv.org/abs/2405.13216",
    year=2024,
    training=False,
    trained=True,
    changes="Reads window after window and skips the further, the surer the model was of the window; reads no more "
    "than stays.",
    field=(82,),
    missing="The paper trains the model to read with gaps and gives it a memory for them, both of which are left out.",
)


@dataclass(frozen=True, kw_only=True)
class RandomAccess(Compressor):
    """Random-Access Reading's policy of skipping. https://arxiv.org/abs/2405.13216

    After each window the paper skips K ⌊α / C⌋ tokens at most, where C is the mean loss of the window. Deviation: the
    rate says how much may be read, so α is what makes a window of mean loss, as far as was read, skip as much as the
    rest needs. The model reads no other token, which makes this the cheapest method that looks into one.
    """

    looks: ClassVar[bool] = True

    window: int = 64
    """Tokens that are read before it is decided how many are skipped."""

    step: int = 16
    """The paper's K: what is skipped is a multiple of so many tokens."""

    def __post_init__(self) -> None:
        check_whole("window", self.window, 2)
        check_whole("step", self.step, 1)

    def ranked(self, task: Task) -> list[Span]:
        """The words that were read, in order, then the others."""
        read: list[Span] = []
        skipped: list[Span] = []
        for document in task.documents:
            share = task.budget / task.total
            seen = self._seen(task, document, share)
            inside = words(document)
            offsets = tokenize(model_of(task.judge).tokenizer, document.text, plain=True).offsets
            for word, mine in zip(inside, tokens_of(inside, offsets), strict=True):
                (read if any(seen[each] for each in mine) else skipped).append(word)
        return [*read, *skipped]

    def _seen(self, task: Task, document: Document, share: float) -> list[bool]:
        """For each token of a document whether it was read."""
        model, plan = model_of(task.judge), plan_of(task.judge)
        longest = longest_of(task.judge)
        ids = tokenize(model.tokenizer, document.text, plain=True).ids
        seen, at, spent = [False] * len(ids), 0, 0
        may = round(share * len(ids))
        confidences: list[float] = []
        began = time.perf_counter()
        session = model.session(plan)
        try:
            while at < len(ids) and spent < may:
                piece = ids[at : at + min(self.window, may - spent)]
                if longest is not None and session.seen[0] + len(piece) > longest:
                    session.close()
                    session = model.session(plan)
                surprising = losses(session, piece)
                seen[at : at + len(piece)] = [True] * len(piece)
                at, spent = at + len(piece), spent + len(piece)
                confidences.append(sum(surprising) / max(1, len(surprising)))
                at += self.skip(confidences, rest=len(ids) - at, left=may - spent)
        finally:
            session.close()
        task.judge.spent(read_usage(spent, time.perf_counter() - began))
        return seen

    def skip(self, confidences: list[float], *, rest: int, left: int) -> int:
        """Tokens to skip behind windows of these mean losses. rest: tokens that follow; left: those that may be
        read."""
        if left <= 0 or rest <= left:
            return 0
        mean = sum(confidences) / len(confidences)
        needed = self.window * (rest - left) / left
        wanted = needed * mean / max(confidences[-1], 1e-6)
        return min((rest - left) // self.step, round(wanted / self.step)) * self.step
