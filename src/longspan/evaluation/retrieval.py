"""A baseline: the model reads only the passages of a context that speak most of the question, by BM25."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from longspan.evaluation.sample import Sample
from longspan.flows.passages import choose
from longspan.spans import Document
from longspan.spans.rendering import GAP


def column(budget: int) -> str:
    """What a record has as its plan."""
    return f"retrieval=bm25(budget={budget})"


def retrieved(sample: Sample, budget: int, count_tokens: Callable[[str], int]) -> Sample:
    """The sample with a context of at most `budget` tokens, or its own where that is no longer.

    Passages are ranked by what the question says, in the order of the text. Raises WindowExceeded where not even one
    passage fits the budget.
    """
    if not sample.context.strip() or count_tokens(sample.context) <= budget:
        return sample
    chosen = choose([Document(name="", text=sample.context)], sample.question, budget, count_tokens)
    return replace(
        sample,
        document=sample.cluster,
        context=f"\n{GAP}\n".join(span.text for span in chosen.spans) + "\n\n",
    )
