"""ROUGE F-measures (https://aclanthology.org/W04-1013), from 0 to 1, counted by the package rouge-score."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

from longspan.evaluation.task import TaskError

Tokens: TypeAlias = Callable[[str], list[str]]
"""Splits a text; for languages that rouge-score cannot split, since it keeps only a to z and digits."""


def rouge(
    output: str, reference: str, kinds: Iterable[str], tokens: Tokens | None = None, *, stem: bool = False
) -> dict[str, float]:
    """F by kind: rouge1, rouge2 and so on, rougeL, rougeLsum (sentences end at line breaks). stem: by stems.

    Raises TaskError where the package rouge-score is missing.
    """
    try:
        from rouge_score.rouge_scorer import RougeScorer
    except ImportError as error:
        raise TaskError("ROUGE needs rouge-score: pip install 'longspan[evaluation]'") from error
    scorer = RougeScorer(list(kinds), use_stemmer=stem, tokenizer=_Tokenizer(tokens) if tokens else None)
    return {kind: float(score.fmeasure) for kind, score in scorer.score(reference, output).items()}


def rouge_1(output: str, reference: str, tokens: Tokens | None = None) -> float:
    """F of single words."""
    return rouge(output, reference, ("rouge1",), tokens)["rouge1"]


def rouge_2(output: str, reference: str, tokens: Tokens | None = None) -> float:
    """F of pairs of neighbouring words."""
    return rouge(output, reference, ("rouge2",), tokens)["rouge2"]


def rouge_l(output: str, reference: str, tokens: Tokens | None = None) -> float:
    """F of the longest common subsequence of words."""
    return rouge(output, reference, ("rougeL",), tokens)["rougeL"]


def rouge_lsum(output: str, reference: str, tokens: Tokens | None = None) -> float:
    """F of the union of longest common subsequences, line by line."""
    return rouge(output, reference, ("rougeLsum",), tokens)["rougeLsum"]


class _Tokenizer:
    def __init__(self, tokens: Tokens) -> None:
        self.tokenize = tokens
