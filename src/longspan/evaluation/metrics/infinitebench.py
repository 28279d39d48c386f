"""Scores of InfiniteBench (https://arxiv.org/abs/2402.13718), which its published figures were counted with."""

from __future__ import annotations

import re
from collections.abc import Sequence

from longspan.evaluation.metrics.rouge import rouge_lsum
from longspan.evaluation.metrics.text import best, f1, f1_chinese, whole_number

_SEPARATORS = re.compile(r"""[\n:"'.,?!{}]""")


def first_integer(output: str, references: Sequence[str]) -> float:
    """PassKey and Number: the output's first run of digits is the gold one."""
    digits = re.search("[0-9]+", output)
    return float(digits is not None and digits.group() == references[0])


def key_value(output: str, references: Sequence[str]) -> float:
    """KV: the gold value is one of the output's words."""
    return float(references[0] in _SEPARATORS.sub(" ", output).split())


def answer(output: str, references: Sequence[str]) -> float:
    """En.QA: F1 of the words, for the reference that suits best."""
    return best(f1, output, references)


def answer_chinese(output: str, references: Sequence[str]) -> float:
    """Zh.QA: F1 of the characters, for the reference that suits best."""
    return best(f1_chinese, output, references)


def summary(output: str, references: Sequence[str]) -> float:
    """En.Sum: ROUGE-Lsum F."""
    return rouge_lsum(output, references[0])


def choice(output: str, references: Sequence[str]) -> float:
    """En.MC, references the gold option's text and letter.

    The first of these decides: a letter A to D that the output begins with, the whole output, what follows "answer
    is" and the like, the first word that is one of the letters.
    """
    text = output.strip()
    if text[:1] and text[0] in "ABCD":
        return float(text[0] in references)
    if text in references:
        return 1.0
    text = re.sub(" +", " ", re.sub(r"""[\n"'.,?!{}]""", " ", text))
    said = _after(text, ("answer is:", "answer:", "answer is", "option is"))
    if said is not None:
        return float(said.startswith(tuple(references)))
    letter = next((word for word in text.split() if word in "ABCD"), None)
    return float(letter in references)


def speaker(output: str, references: Sequence[str]) -> float:
    """En.Dia: the gold name is one of the output's words, in capitals."""
    return float(references[0] in _SEPARATORS.sub(" ", output).upper().split())


def code_debug(output: str, references: Sequence[str]) -> float:
    """Code.Debug, references the faulty function's name and letter.

    Right if the output begins with the letter and a point or colon, or if letter or name follow "answer is:" and the
    like; only the first such phrase counts.
    """
    name, letter = references
    text = output.strip()
    if text[:2] in (f"{letter}.", f"{letter}:"):
        return 1.0
    text = re.sub(" +", " ", re.sub(r"""[\n`'"*-]|[Oo]ption""", " ", text))
    said = _after(text, ("answer is:", "is:", "answer:", "correct option is:"))
    return float(said is not None and said.startswith((letter, name)))


def code_run(output: str, references: Sequence[str]) -> float:
    """Code.Run: the output's last word is the gold integer."""
    said = re.sub(r"""[\n.`'":]""", " ", output).split()
    return float(bool(said) and whole_number(said[-1]) == whole_number(references[0]))


def math_find(output: str, references: Sequence[str]) -> float:
    """Math.Find: the output's first number is the gold one."""
    number = re.search(r"\d+\.\d+|\d+", output)
    return float(number is not None and float(number.group()) == float(references[0]))


def math_calc(output: str, references: Sequence[str]) -> float:
    """Math.Calc: how many intermediate values are right before the first wrong one, of all that there are."""
    right = 0
    for said, gold in zip(re.findall("[0-9]+", output), references, strict=False):
        if whole_number(said) != whole_number(gold):
            break
        right += 1
    return right / len(references)


def _after(text: str, phrases: Sequence[str]) -> str | None:
    """What follows the first of the phrases that the text has, but for one blank; None where it has none."""
    for phrase in phrases:
        _, found, after = text.partition(phrase)
        if found:
            return after[1:]
    return None
