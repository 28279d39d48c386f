"""Scores of LongBench (https://arxiv.org/abs/2308.14508) beyond F1 and ROUGE."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher

from longspan.evaluation.metrics.chinese import chinese_words
from longspan.evaluation.metrics.distinct_rouge import rouge_l_f


def first_line(output: str) -> str:
    """The first line that is not empty; some tasks end there."""
    return output.lstrip("\n").partition("\n")[0]


def rouge_l_chinese(output: str, reference: str) -> float:
    """ROUGE-L F over words by a dictionary."""
    return rouge_l_f(" ".join(chinese_words(output)), " ".join(chinese_words(reference)))


def classification(output: str, reference: str, labels: Sequence[str]) -> float:
    """1 / number of labels in the output if the gold label is among them, else 0.

    A label that is only a part of the gold label is not counted; of several such neighbours in the list of those found
    each second one is, as published.
    """
    found = [label for label in labels if label in output]
    place = 0
    while place < len(found):
        if found[place] in reference and found[place] != reference:
            del found[place]
        place += 1
    return 1 / len(found) if reference in found else 0.0


def count(output: str, reference: str) -> float:
    """Which part of the output's numbers equals the gold number; 0 without numbers."""
    numbers = re.findall(r"\d+", output)
    return numbers.count(reference) / len(numbers) if numbers else 0.0


def retrieval(output: str, reference: str) -> float:
    """`count` for the number in the reference, as in "Paragraph 7" or "段落7"."""
    number = re.search(r"\d+", reference)
    return count(output, number.group()) if number else 0.0


def code_similarity(output: str, reference: str) -> float:
    """Likeness of the reference and the output's first line that is neither comment nor fence, in whole per cent.

    As fuzzywuzzy counts it with what the benchmark asks to be installed, by the blocks that difflib finds.
    """
    lines = output.lstrip("\n").split("\n")
    code = next((line for line in lines if not any(mark in line for mark in ("`", "#", "//"))), "")
    return round(100 * SequenceMatcher(None, code, reference).ratio()) / 100
