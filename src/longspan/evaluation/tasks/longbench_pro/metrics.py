"""Scores of LongBench Pro: the output's lines against the gold list."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations

from longspan.evaluation.metrics.chinese import chinese_words
from longspan.evaluation.metrics.distinct_rouge import rouge_l_f
from longspan.evaluation.metrics.text import best


def lines(output: str) -> list[str]:
    """What stands behind the last [Answer] or [答案], line by line, in lower case with single blanks."""
    mark = "[Answer]" if "[Answer]" in output else "[答案]"
    return [_plain(line) for line in output.rpartition(mark)[2].strip().split("\n")]


def accuracy(output: str, references: Sequence[str]) -> float:
    """The first line is the gold answer."""
    return float(lines(output)[0] == _plain(references[0]))


def list_f1(output: str, references: Sequence[str]) -> float:
    """F1 of the lines as a set."""
    said, gold = set(lines(output)), {_plain(each) for each in references}
    return 2 * len(said & gold) / (len(said) + len(gold))


def found(output: str, references: Sequence[str]) -> float:
    """Part of the gold list that is among the lines."""
    said = lines(output)
    return sum(_plain(each) in said for each in references) / len(references)


def pairwise_accuracy(output: str, references: Sequence[str]) -> float:
    """Pairs of gold items in the right order, of all pairs of lines; 0 for fewer than two lines."""
    said = lines(output)
    place = {line: number for number, line in enumerate(said)}
    gold = [_plain(each) for each in references]
    if len(said) < 2:
        return 0.0
    right = sum(a in place and b in place and place[a] < place[b] for a, b in combinations(gold, 2))
    return right / math.comb(len(said), 2)


def ndcg(output: str, references: Sequence[str]) -> float:
    """Normalised discounted gain of the ranking, as far as the gold one is long; its first item gains most."""
    gold = [_plain(each) for each in references]
    gain = {item: len(gold) - number for number, item in enumerate(gold)}
    ranking = list(dict.fromkeys(reversed(lines(output))))[::-1]
    return _discounted([gain.get(item, 0) for item in ranking[: len(gold)]]) / _discounted(
        list(gain.values())
    )


def summary(output: str, references: Sequence[str]) -> float:
    """ROUGE-L F of the whole output with the gold summary that suits best, over words by a dictionary in Chinese."""
    chinese = any("\u4e00" <= character <= "\u9fff" for character in references[0])

    def written(text: str) -> str:
        return " ".join(chinese_words(_plain(text))) if chinese else _plain(text)

    said = written(output)
    return best(lambda text, reference: rouge_l_f(text, written(reference)), said, references)


def _plain(text: str) -> str:
    return " ".join(text.lower().split())


def _discounted(gains: Sequence[int]) -> float:
    return sum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains, 1))
