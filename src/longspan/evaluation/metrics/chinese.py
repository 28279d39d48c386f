"""Words of Chinese text, by the dictionary that the benchmarks take."""

from __future__ import annotations

import logging
from functools import cache
from typing import Any

from longspan.evaluation.metrics.text import characters, overlap
from longspan.evaluation.task import TaskError


def chinese_words(text: str) -> list[str]:
    """The words of a text as jieba splits it, blanks and marks included. Raises TaskError where it is missing."""
    return list(_tokenizer().cut(text))


def normalised_words(text: str) -> list[str]:
    """`chinese_words` in lower case without punctuation and blanks, empty ones where nothing is left."""
    return ["".join(characters(word)) for word in chinese_words(text)]


def f1_of_words(output: str, reference: str) -> float:
    """F1 of the normalised words, 0 to 1; 0 where either has none."""
    said, gold = ([word for word in normalised_words(text) if word] for text in (output, reference))
    return overlap(said, gold)[2]


@cache
def _tokenizer() -> Any:
    try:
        import jieba
    except ImportError as error:
        raise TaskError("words of Chinese text need jieba: pip install 'longspan[chinese]'") from error
    logging.getLogger("jieba").setLevel(logging.WARNING)
    return jieba.Tokenizer()
