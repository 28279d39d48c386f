"""Multiple choice by log-likelihood, as lm-evaluation-harness asks and counts it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

from longspan.evaluation.sample import Sample
from longspan.evaluation.task import Task
from longspan.spans import tokenize

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


class Choosing(Task):
    """A task whose model writes nothing: the choice that it finds likeliest after the prompt is its answer.

    A sample's fact `choices` has the texts, and its references are those that are right. `acc` takes the greatest sum
    of log-probabilities over a choice's tokens, `acc_norm` the greatest sum divided by the choice's characters, as in
    https://github.com/EleutherAI/lm-evaluation-harness; the score is `acc`.
    """

    answer: ClassVar[Literal["text", "losses", "choices"]] = "choices"

    def score(self, output: str, sample: Sample) -> Mapping[str, float]:
        """output: a JSON list with the log-likelihood of each choice."""
        return choice_scores(json.loads(output), sample)


def choice_scores(likelihoods: list[float], sample: Sample) -> dict[str, float]:
    """acc and acc_norm; the first of equal choices counts, as with the harness."""
    choices: list[str] = list(sample.facts["choices"])

    def right(values: list[float]) -> float:
        return float(choices[values.index(max(values))] in sample.references)

    acc = right(likelihoods)
    by_length = [found / max(1, len(text)) for found, text in zip(likelihoods, choices, strict=True)]
    return {"score": acc, "acc": acc, "acc_norm": right(by_length)}


def choice_ids(tokenizer: PreTrainedTokenizerFast, sample: Sample, choice: str, *, chat: bool) -> list[int]:
    """The tokens of a choice where it follows the prompt.

    A blank stands before it, unless the prompt ends in one or the choice begins an assistant's words. Text before it
    is tokenised with it, since tokens may span the two.
    """
    before = sample.prefix or ("" if chat else sample.question or sample.context)
    blank = "" if not before or before[-1].isspace() else " "
    known = tokenize(tokenizer, before, plain=True).ids if before else []
    return tokenize(tokenizer, before + blank + choice, plain=True).ids[len(known) :]
