"""ROUGE as the package `rouge` counts it, over distinct words, for benchmarks whose figures it gave.

https://github.com/pltrdy/rouge. Its figures are a quarter higher than those of rouge-score: words keep their case and
marks, each counts once, sentences end at each full stop, and ROUGE-L joins what any pair of sentences has in common.
Unlike the package it does not fail on long sentences, for which it needs more recursion than Python has.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence, Set
from itertools import chain
from typing import NamedTuple


class Overlap(NamedTuple):
    """How much of the reference the output has, how much of the output the reference has, and both joined, 0 to 1."""

    recall: float
    precision: float
    f: float


NONE = Overlap(0.0, 0.0, 0.0)


def rouge_n(output: str, reference: str, n: int) -> Overlap:
    """Overlap of the distinct runs of n words, across the ends of sentences."""
    said, gold = (list(chain.from_iterable(_sentences(text))) for text in (output, reference))
    if not said or not gold:
        return NONE
    return _overlap(_runs(said, n), _runs(gold, n), len(_runs(said, n) & _runs(gold, n)))


def rouge_l(output: str, reference: str) -> Overlap:
    """Overlap of the distinct words that stand in a longest common subsequence of any two sentences."""
    said, gold = _sentences(output), _sentences(reference)
    if not said or not gold:
        return NONE
    common: set[str] = set()
    for wanted in gold:
        for sentence in said:
            common |= _common(wanted, sentence)
    return _overlap(set(chain.from_iterable(said)), set(chain.from_iterable(gold)), len(common))


def rouge_l_f(output: str, reference: str) -> float:
    """F of `rouge_l`."""
    return rouge_l(output, reference).f


def _sentences(text: str) -> list[list[str]]:
    """The words of each sentence; white space alone is a sentence of one empty word."""
    return [" ".join(part.split()).split(" ") for part in text.split(".") if part]


def _runs(words: Sequence[str], n: int) -> set[tuple[str, ...]]:
    return {tuple(words[start : start + n]) for start in range(len(words) - n + 1)}


def _overlap(said: Set[Hashable], gold: Set[Hashable], common: int) -> Overlap:
    precision, recall = (common / len(each) if each else 0.0 for each in (said, gold))
    return Overlap(recall, precision, 2 * precision * recall / (precision + recall + 1e-8))


def _common(gold: Sequence[str], said: Sequence[str]) -> set[str]:
    """The distinct words of a longest common subsequence; of several the one that the package takes."""
    rows = [[0] * (len(said) + 1)]
    for word in gold:
        above, row = rows[-1], [0]
        for place, other in enumerate(said):
            row.append(above[place] + 1 if word == other else max(above[place + 1], row[place]))
        rows.append(row)
    left, right, found = len(gold), len(said), set[str]()
    while left and right:
        if gold[left - 1] == said[right - 1]:
            left, right = left - 1, right - 1
            found.add(gold[left])
        elif rows[left - 1][right] > rows[left][right - 1]:
            left -= 1
        else:
            right -= 1
    return found
