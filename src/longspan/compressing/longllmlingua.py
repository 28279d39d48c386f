"""Passages behind which the model expects the question stay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from longspan.compressing.base import Compressor, Task
from longspan.parameters import check_whole
from longspan.registry import Card
from longspan.retrieval.rerankers.likelihood import Likelihood
from longspan.spans import Span, passages

CARD = Card(
    name="longllmlingua",
    target="longspan.compressing.longllmlingua:LongLLMLingua",
    paper="LongLLMLingua: Accelerating and Enhancing LLMs in Long Context Scenarios via Prompt Compression",
    link="https://arxiv.org/abs/2310.06839",
    year=2023,
    training=False,
    changes="Keeps the passages behind which the question is likeliest to the model.",
    missing="This is the paper's first step, the ranking of passages; its second, which drops words within them, is "
    "left out, since later comparisons found ranking alone to do better.",
)


@dataclass(frozen=True, kw_only=True)
class LongLLMLingua(Compressor):
    """LongLLMLingua's ranking of passages by the question's perplexity. https://arxiv.org/abs/2310.06839

    Each passage is read with the question and a fixed sentence behind it, whose probability is the passage's score.
    Deviation: passages stand in the document's order, where the paper may put the best first.
    """

    asks: ClassVar[bool] = True
    looks: ClassVar[bool] = True

    passage: int = 128
    """Tokens of a passage at most."""

    after: str = " We can get the answer to this question in the given documents."
    """The sentence behind the question whose probability counts too."""

    def __post_init__(self) -> None:
        check_whole("passage", self.passage, 8)

    def ranked(self, task: Task) -> list[Span]:
        """Passages, the one that makes the question likeliest first."""
        found = [
            part
            for document in task.documents
            for part in passages(document, self.passage, task.count)
            if part.text.strip()
        ]
        order = Likelihood(after=self.after).rank(task.question, found, task.judge)
        return [found[number] for number in order]
