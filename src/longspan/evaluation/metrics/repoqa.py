"""Which function of a repository an answer repeats (https://arxiv.org/abs/2406.06025)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from longspan.evaluation.metrics.code import first_function
from longspan.evaluation.task import TaskError

_BLOCK = re.compile(r"^```(?:\w+)?\s*\n(?P<code>.*?)^```", re.MULTILINE | re.DOTALL)


class Match(NamedTuple):
    """The number of the function that is most alike, None if none is, and its BLEU from 0 to 1."""

    number: int | None
    similarity: float


def function_of(output: str, language: str) -> str:
    """The first function in the blocks of code of an answer, else its first block, else all of it."""
    blocks = [found["code"] for found in _BLOCK.finditer(output.strip())]
    functions = (first_function(block, language) for block in blocks)
    found = next((each for each in functions if each is not None), None)
    return found if found is not None else (blocks or [output.strip()])[0]


def similarity(output: str, function: str) -> float:
    """BLEU-4 of two pieces of code, split at blanks, 0 to 1, as the benchmark's own library counts and smooths it.

    Raises TaskError where the package nltk is missing.
    """
    try:
        from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu
    except ImportError as error:
        raise TaskError("BLEU needs nltk: pip install 'longspan[evaluation]'") from error
    said, gold = (re.split(r"\s+", code.strip()) for code in (output, function))
    return float(sentence_bleu([gold], said, smoothing_function=SmoothingFunction().method4))


def best_match(output: str, functions: Sequence[str], language: str) -> Match:
    """The function that the one in an answer is most alike, the first of equal ones."""
    said = function_of(output, language)
    alike = [similarity(said, function) for function in functions]
    highest = max(alike, default=0.0)
    return Match(alike.index(highest) if highest else None, highest)
