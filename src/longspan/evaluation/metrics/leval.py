"""Scores of L-Eval (https://arxiv.org/abs/2307.11088); where no letter can be read A is taken, as published."""

from __future__ import annotations

import re

from longspan.evaluation.metrics.rouge import rouge
from longspan.evaluation.metrics.text import whole_number


def choice(output: str, reference: str) -> float:
    """One right option: the first letter A to D in the output is the gold one."""
    letter = re.search("[A-D]", output)
    if letter and output not in "ABCD":
        return _matched(letter.group(), reference)
    return choices(output, reference)


def choices(output: str, reference: str) -> float:
    """Several right options: 1 for exactly the gold letters, 0.25 for a part of them without a wrong one."""
    return _matched(_chosen(output), reference)


def number(output: str, reference: str) -> float:
    """Same integer as the reference: what follows "The answer is", else the last number of the first paragraph."""
    said = _integer(output)
    return float(said is not None and said == _integer(reference))


def code_output(output: str, reference: str) -> float:
    """The printed value stands where the answer gives it: behind "the final output", else at its end."""
    gold = _plain(reference)
    text = _plain(output)
    for filler in ("will be", "of the code", "is", "would be", "the value of", "the result of", "printed"):
        text = text.replace(filler, "")
    span = len(reference.split()) + 3
    _, found, after = text.rpartition("the final output")
    near = after.split()[:span] if found else text.split()[-span:]
    return contained(" ".join(near), gold)


def contained(output: str, reference: str) -> float:
    """The reference is a substring of the output, case and blanks aside; two numbers must be equal."""
    try:
        return float(float(output) == float(reference))
    except ValueError:
        return float(_squeezed(reference) in _squeezed(output))


def truth(output: str, reference: str) -> float:
    """The output's first true or false is the one that the reference begins with."""
    said, gold = (re.search("true|false", text.lower()) for text in (output, reference))
    return float(said is not None and gold is not None and said.group() == gold.group())


def rouge_mean(output: str, reference: str) -> dict[str, float]:
    """`score`: geometric mean of the F of ROUGE-1, 2 and L, each given too."""
    f = rouge(output, reference, ("rouge1", "rouge2", "rougeL"))
    mean = (f["rouge1"] * f["rouge2"] * f["rougeL"]) ** (1 / 3)
    return {"score": mean, "rouge_1": f["rouge1"], "rouge_2": f["rouge2"], "rouge_l": f["rougeL"]}


def _matched(chosen: str, reference: str) -> float:
    """Letters in their order against those of the reference's first word, as in "BD" or "(B) because ..."."""
    gold = re.sub("[^A-D]", "", (reference.split() or [""])[0]) or "A"
    return 1.0 if chosen == gold else 0.25 if set(chosen) <= set(gold) else 0.0


def _chosen(output: str) -> str:
    if not output.strip():
        return "None"
    if output in "ABCD":
        return output
    run = re.match("[A-D]*", output)
    first = run.group() if run else ""
    if len(first) > 1:
        return "".join(sorted(set(first)))
    marked = re.findall(r"[A-D](?=[\s.)])", output[len(first) :].partition("Question")[0])
    if first or marked:
        return "".join(sorted({*first, *marked}))
    later = re.search("[A-D]+", output.partition("Question")[0])
    return later.group() if later else "A"


def _integer(text: str) -> int | None:
    stated = re.search(r"The answer is (\S+)", text)
    if stated:
        word = stated.group(1)
    else:
        paragraph = text.partition("\n\n")[0].split(" ")
        word = next((each for each in reversed(paragraph) if re.search("[0-9]", each)), "")
    digits = re.sub("[^0-9]", "", word.partition(".")[0])
    return whole_number(digits)


def _plain(text: str) -> str:
    """Written alike: single blanks, no commas and quotes, 3.0 as 3, lists without blanks at their brackets."""
    text = re.sub(r"[,'\\]", "", " ".join(text.split())).replace(".0", "")
    return re.sub(r"(?<=\[) (?=\[)|(?<=\]) (?=[\[\]])", "", text)


def _squeezed(text: str) -> str:
    return text.lower().replace(" ", "")
