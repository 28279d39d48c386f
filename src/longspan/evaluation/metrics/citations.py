"""Whether the passages that an answer cites support it: citation recall, precision and F1.

As in ALCE (https://arxiv.org/abs/2305.14627) and L-CiteEval (https://arxiv.org/abs/2410.02115), where a model for
natural language inference decides what entails what. Here that is a function to be given; the default compares words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from longspan.evaluation.metrics.text import whole_number
from longspan.spans import Document, content_words, sentences

Entails: TypeAlias = Callable[[str, str], bool]
"""Whether a passage (first) supports a claim (second)."""

MAX_CITATIONS = 3
"""Citations that count for one statement, the first ones."""

_MARK = re.compile(r"\s*\[\d+[^\]]*\]")
_ENOUGH = 0.6
_SHORTEST = 5


def shares_words(passage: str, claim: str) -> bool:
    """Whether the passage has three in five of the claim's content words, and all its numbers.

    A stand-in for entailment that needs no model: it takes a denial for support, and misses a paraphrase in other
    words, so its figures are not those of the papers.
    """
    wanted = content_words(claim)
    found = set(content_words(passage))
    have = [word for word in wanted if word in found]
    numbers = [word for word in wanted if word.isdigit()]
    return bool(wanted) and len(have) >= _ENOUGH * len(wanted) and found.issuperset(numbers)


def statements(answer: str) -> list[str]:
    """The sentences of an answer, each with its citations; what has fewer than five characters is none."""
    document = Document(name="answer", text=answer)
    texts = [span.text for span in sentences(document)]
    return [text for text in texts if len(text) >= _SHORTEST]


def cited(statement: str) -> list[int]:
    """The numbers of the passages that `[1][2]` in a statement cites, from 1 on; 0 for one too long to be a number."""
    return [whole_number(number) or 0 for number in re.findall(r"\[(\d+)", statement)]


def without_citations(text: str) -> str:
    """The text without marks such as [1]."""
    return _MARK.sub("", text).strip()


def citation_scores(
    stated: Sequence[str], passages: Sequence[str], entails: Entails = shares_words
) -> Mapping[str, float]:
    """`recall`, `precision` and `f1` of the statements' citations, 0 to 1, and `citations`, their number.

    Recall: the share of statements that the cited passages together support; a statement without citations, or with
    one that names no passage, is not supported. Precision: the share of citations that are needed: their statement is
    supported, and if it has several, the passage supports it alone or the others do not without it.
    """
    supported, needed, total = 0, 0, 0
    for statement in stated:
        numbers = cited(statement)
        if not numbers or any(not 1 <= number <= len(passages) for number in numbers):
            continue
        numbers = numbers[:MAX_CITATIONS]
        total += len(numbers)
        claim = without_citations(statement)
        if not entails(_joined(passages, numbers), claim):
            continue
        supported += 1
        for place, number in enumerate(numbers):
            others = numbers[:place] + numbers[place + 1 :]
            if (
                not others
                or entails(_joined(passages, [number]), claim)
                or not entails(_joined(passages, others), claim)
            ):
                needed += 1
    return figures(
        supported / len(stated) if stated else 0.0, needed / total if total else 0.0, citations=total
    )


def figures(recall: float, precision: float, *, citations: int) -> Mapping[str, float]:
    """These with their harmonic mean, `f1`, which is 0 where both are."""
    both = recall + precision
    return {
        "recall": recall,
        "precision": precision,
        "f1": 2 * recall * precision / both if both else 0.0,
        "citations": citations,
    }


def _joined(passages: Sequence[str], numbers: Sequence[int]) -> str:
    return "\n".join(passages[number - 1] for number in numbers)
