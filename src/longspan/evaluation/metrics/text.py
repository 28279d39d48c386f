"""Comparing an answer with a reference: normalised as SQuAD does, by words or as a whole."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)
# As published, of the marks of a title only the second.
_WIDE_PUNCTUATION = (
    "！？｡。＂＃＄％＆＇（）＊＋，－／：；＜＝＞＠［＼］＾＿｀｛｜｝～｟｠｢｣､"
    "、〃》「」『』【】〔〕〖〗〘〙〚〛〜〝〞〟〰〾〿–—‘’‛“”„‟…‧﹏"
)
_NO_WIDE_PUNCTUATION = str.maketrans("", "", string.punctuation + _WIDE_PUNCTUATION)


def normalise(text: str) -> str:
    """Lower case without ASCII punctuation and the articles a, an, the; single blanks between the words.

    As in SQuAD (https://arxiv.org/abs/1606.05250).
    """
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_NO_PUNCTUATION)).split())


def whole_number(text: str) -> int | None:
    """The integer that a text is; None if it is none, or one of more digits than Python reads."""
    try:
        return int(text)
    except ValueError:
        return None


def words(text: str) -> list[str]:
    """The words of the normalised text."""
    return normalise(text).split()


def characters(text: str) -> list[str]:
    """The lower-case characters of a Chinese text without punctuation and blanks, each a word of its own."""
    return list("".join(text.lower().translate(_NO_WIDE_PUNCTUATION).split()))


def overlap(output: Sequence[str], reference: Sequence[str]) -> tuple[float, float, float]:
    """Precision, recall and F1 of the output's tokens, each token counted as often as both have it."""
    common = (Counter(output) & Counter(reference)).total()
    if not common:
        return 0.0, 0.0, 0.0
    precision, recall = common / len(output), common / len(reference)
    return precision, recall, 2 * precision * recall / (precision + recall)


def f1(output: str, reference: str) -> float:
    """F1 of the normalised words, 0 to 1; 0 where either has none."""
    return overlap(words(output), words(reference))[2]


def f1_chinese(output: str, reference: str) -> float:
    """F1 of the characters, 0 to 1; 0 where either has none."""
    return overlap(characters(output), characters(reference))[2]


def exact(output: str, reference: str) -> float:
    """1 if both are the same once normalised, else 0."""
    return float(normalise(output) == normalise(reference))


def contains(output: str, reference: str) -> float:
    """1 if the normalised reference is a substring of the normalised output, else 0."""
    return float(normalise(reference) in normalise(output))


def best(metric: Callable[[str, str], float], output: str, references: Iterable[str]) -> float:
    """The largest `metric(output, reference)`. Raises ValueError where there is no reference."""
    scores = [metric(output, reference) for reference in references]
    if not scores:
        raise ValueError("references=() has no gold answer; give one or more")
    return max(scores)
