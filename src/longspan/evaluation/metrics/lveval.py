"""F1 of LV-Eval (https://arxiv.org/abs/2402.05136): nothing for an answer that misses the keywords."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from longspan.evaluation.metrics.chinese import chinese_words, normalised_words
from longspan.evaluation.metrics.distinct_rouge import rouge_l_f
from longspan.evaluation.metrics.text import overlap, words

STOP_WORDS = frozenset(
    words(
        "and to of in her was with for it from is that his he by she they or at because be on are their what as had "
        "were about being this who but have has when which does"
    )
)
"""Words that count for no keyword."""

_CHINESE = """
    的 和 是 等 在 年 可以 为 与 ‰ 了 或 一种 月 c 至 日 有 进行 于 不 中
    × 根据 小 由 亩 也 要 指 法 会 元 主要 以及 通过 首先 对 然后 号 以 所 后 丁
    包括 无 将 用 能 形 方面 因素 位于 而 从 到 一定 用于 但 使用 让 具有 并 亿元 万元 上
    类 基于 才 来 地 片 其他 个 或者 变得 时 给 你 使 条 受 已经 带 度
"""
STOP_WORDS_CHINESE = frozenset(_CHINESE.split())
"""The same for Chinese."""


def keyword_f1(output: str, reference: str, keywords: str | None) -> float:
    """F1 of the words, 0 where less than a fifth of the keywords is in the output."""
    said = words(output)
    if keywords and _recall(said, words(keywords), STOP_WORDS) < 0.2:
        return 0.0
    return overlap(said, words(reference))[2]


def keyword_f1_chinese(output: str, reference: str, keywords: str | None) -> float:
    """F1 of the words, 0 where less than two fifths of the keywords (else the reference) are in the output."""
    said, gold, wanted = (
        [word for word in normalised_words(text) if word]
        for text in (output, reference, keywords or reference)
    )
    if _recall(said, wanted, STOP_WORDS_CHINESE) < 0.4:
        return 0.0
    return overlap(said, gold)[2]


def rouge_l_chinese(output: str, reference: str) -> float:
    """ROUGE-L F over normalised words without stop words."""
    said, gold = (
        # As published, the words are split once more with blanks between them.
        " ".join(
            word for word in normalised_words(" ".join(chinese_words(text))) if word not in STOP_WORDS_CHINESE
        )
        for text in (output, reference)
    )
    return rouge_l_f(said, gold)


def _recall(said: Sequence[str], keywords: Sequence[str], stop: frozenset[str]) -> float:
    """Part of the keywords that the output has; stop words count as missing even where it has them."""
    common = Counter(said) & Counter(keywords)
    return (
        sum(times for word, times in common.items() if word not in stop) / len(keywords) if keywords else 0.0
    )
