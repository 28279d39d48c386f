"""Passages ranked by how likely they make the question."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from longspan.plan import Plan
from longspan.registry import Card
from longspan.retrieval.judge import Judge
from longspan.retrieval.rerankers.base import Reranker
from longspan.spans import Span, tokenize
from longspan.usage import Usage

if TYPE_CHECKING:
    from longspan.model import Model

CARD = Card(
    name="likelihood",
    target="longspan.retrieval.rerankers.likelihood:Likelihood",
    paper="LongLLMLingua: Accelerating and Enhancing LLMs in Long Context Scenarios via Prompt Compression",
    link="https://arxiv.org/abs/2310.06839",
    year=2023,
    training=False,
    changes="Ranks passages by the probability that the model gives the question behind each of them.",
    missing="Of the paper this is the ranking of passages alone; nothing is compressed within them.",
)


@dataclass(frozen=True, kw_only=True)
class Likelihood(Reranker):
    """LongLLMLingua's question-aware ranking of passages, https://arxiv.org/abs/2310.06839. Needs a local model.

    Deviation: none in the score, which is that of the question and a fixed sentence behind it.
    """

    after: str = " We can get the answer to this question in the given documents."
    """The sentence behind the question whose probability counts too."""

    def rank(self, query: str, spans: Sequence[Span], judge: Judge) -> list[int]:
        """One reading of each passage with the question."""
        if judge.model is None:
            raise ValueError("likelihood needs probabilities, which a server does not give; use listwise")
        scores = [
            log_likelihood(judge.model, span.text, query + self.after, judge.plan, judge.spent)
            for span in spans
        ]
        return sorted(range(len(spans)), key=lambda number: -scores[number])


def log_likelihood(
    model: Model,
    before: str,
    text: str,
    plan: Plan | None = None,
    spent: Callable[[Usage], None] = lambda usage: None,
) -> float:
    """log p(text | before) in nats, before read as it is under a plan, with a blank line between them.

    spent: told what it took.
    """
    ids = tokenize(model.tokenizer, text).ids
    if not ids:
        return 0.0
    with model.session(plan) as session:
        session.read(f"{before}\n\n")
        logits = session.next_logits[None]
        if len(ids) > 1:
            logits = torch.cat([logits, session.logits(ids[:-1])])
        spent(session.usage)
    chosen = logits.float().log_softmax(-1).gather(1, torch.tensor(ids, device=logits.device)[:, None])
    return float(chosen.double().sum())
