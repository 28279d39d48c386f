"""Answers that stand in passages known beforehand: one needle, or several numbers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from longspan.evaluation.metrics.citations import (
    MAX_CITATIONS,
    cited,
    figures,
)
from longspan.evaluation.metrics.distinct_rouge import rouge_n
from longspan.evaluation.metrics.text import best
from longspan.evaluation.sample import Sample
from longspan.evaluation.source import Row
from longspan.evaluation.task import Level
from longspan.evaluation.tasks.l_citeeval.answers import Cited, first_line
from longspan.evaluation.tasks.passages import passages_of


@dataclass(frozen=True, kw_only=True)
class OneNeedle(Cited):
    """A question that one passage answers. Right is a citation of that passage."""

    max_new_tokens: int = 128
    scope: Level = "low"
    metric: str = (
        "F1 of citations of the passage that has the answer, in the first line; ROUGE-1 recall of the answer"
    )

    def citations(self, output: str, sample: Sample) -> Mapping[str, float]:
        """Of the first passage that has the answer, by the first three citations of the first line."""
        gold = next(
            (
                place
                for place, text in enumerate(passages_of(sample), 1)
                if any(reference in text for reference in sample.references)
            ),
            None,
        )
        numbers = cited(_first_line(output))[:MAX_CITATIONS]
        hit = gold in numbers
        return figures(float(hit), 1 / len(numbers) if hit else 0.0, citations=len(numbers))

    def correct(self, output: str, sample: Sample) -> float:
        """ROUGE-1 recall: the share of the answer's distinct words that the first line has."""
        said = first_line(output)
        return best(lambda text, gold: rouge_n(text, gold, 1).recall, said, sample.references)


@dataclass(frozen=True, kw_only=True)
class CountingStars(Cited):
    """Numbers that stand in several passages, asked for as JSON together with the passages' numbers."""

    max_new_tokens: int = 128
    scope: Level = "high"
    metric: str = "F1 of the passages' numbers, with their recall and precision; the share of right counts"

    def read(self, row: Row, number: int) -> Iterator[Sample]:
        """One sample a row."""
        for sample in super().read(row, number):
            if not _counts(sample):
                raise ValueError("no passage has a count")
            yield sample

    def instruction(self, row: Row) -> str:
        """What is asked for."""
        return (
            "On this moonlit and misty night, the little penguin is looking up at the sky and concentrating on "
            "counting ★. Please help the little penguin collect the correct number of ★ and cite the corresponding "
            'passage ID where the counting is mentioned, for example: {"little_penguin": [x, x, x,...], "passage_id": '
            "[y, y, y,...]}. The summation is not required. The numbers in [x, x, x,...] represent the correctly "
            "counted number of ★ by the little penguin and the number in [y, y, y,...] represent the passage IDs where "
            "these counts are recorded. Only output the results in JSON format without any explanation.\nAnswer:"
        )

    def citations(self, output: str, sample: Sample) -> Mapping[str, float]:
        """Of the passages with a count, by the list in the answer."""
        gold, numbers = _counts(sample), set(_integers(output, "passage_id"))
        hits = len(numbers & gold.keys())
        return figures(hits / len(gold), hits / len(numbers) if hits else 0.0, citations=len(numbers))

    def correct(self, output: str, sample: Sample) -> float:
        """The share of right counts, of as many as there are."""
        gold = _counts(sample)
        said = _integers(output, "little_penguin")[: len(gold)]
        return sum(count in gold.values() for count in said) / len(gold)


def _first_line(output: str) -> str:
    return output.strip().partition("\n")[0]


def _counts(sample: Sample) -> Mapping[int, int]:
    """The counts by the passage that has them."""
    found = {
        place: re.search(r"The little penguin counted (\d+) ★", text)
        for place, text in enumerate(passages_of(sample), 1)
    }
    return {place: int(count[1]) for place, count in found.items() if count}


def _integers(output: str, name: str) -> list[int]:
    """The numbers under a name in the first JSON object of an output, none where there is none that can be read."""
    try:
        said = json.loads(output[output.index("{") : output.index("}") + 1])
        return [each for each in said[name] if isinstance(each, int)]
    except (ValueError, RecursionError, LookupError, TypeError):
        return []
