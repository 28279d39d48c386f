"""The named entities of a sentence with their fine types: Few-NERD (https://arxiv.org/abs/2105.07464)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import ClassVar

import numpy as np

from longspan.evaluation.metrics.aggregate import micro_f1
from longspan.evaluation.origin import Origin
from longspan.evaluation.sample import Sample
from longspan.evaluation.source import Source
from longspan.evaluation.task import Request, TaskError
from longspan.evaluation.tasks.liconbench.demonstrations import Demonstrated, Example


@dataclass(frozen=True, kw_only=True)
class FewNerd(Demonstrated):
    """Entities of 66 types."""

    instruction: str = (
        "Given the sentence, please find the name entities in the sentence and their corresponding entity types in "
        "the strict format of given examples as following (Entity: EntityType):"
    )
    item: str = "Sentence"
    origin: Origin = "published"
    metric: str = "micro-F1 of (entity, type) over all sentences; of a sentence, its F1"

    aggregate: ClassVar[str] = "micro-f1"

    def examples(self, random: Random, request: Request) -> tuple[Sequence[Example], Sequence[Example]]:
        """The paper's ten rounds of demonstrations and its test sentences."""
        shown, queries = (
            self._read(f"longicl_fewnerd/{name}.json", random, request)
            for name in ("fewnerd_train_10turns", "fewnerd_test_1800")
        )
        return shown, queries

    def _read(self, file: str, random: Random, request: Request) -> list[Example]:
        examples = []
        for number, row in enumerate(Source(files=(file,)).rows(request.data, self.name), 1):
            try:
                pairs = tuple(f"{entity}: {kind}" for entity, kind in row["entities"].items())
                examples.append(Example(text=row["sentence"], answers=pairs))
            except (KeyError, TypeError, AttributeError) as error:
                raise TaskError(
                    f"{self.name}: sentence {number} of {file} has no entities ({error!r}); fetch the file anew"
                ) from error
        random.shuffle(examples)
        return examples

    def solution(self, example: Example) -> str:
        """One entity a line."""
        return "".join(f"{pair}\n" for pair in example.answers)

    def score(self, output: str, sample: Sample) -> Mapping[str, float]:
        """F1 of the pairs, with the counts that micro-F1 needs: `tp`, `fp` and `fn`."""
        found, gold = _pairs(output), dict(each.rpartition(": ")[::2] for each in sample.references)
        right = len(found.items() & gold.items())
        counts = {"tp": right, "fp": len(found) - right, "fn": len(gold) - right}
        return {"score": float(micro_f1(np.array([*counts.values()], dtype=np.float64))), **counts}


def _pairs(output: str) -> dict[str, str]:
    """Entities with their types, up to the first line that is none; of an entity named twice the last type counts."""
    pairs = {}
    for line in output.strip().splitlines():
        entity, colon, kind = line.strip().rpartition(": ")
        if not colon or line.lower().startswith("sentence"):
            break
        pairs[entity] = kind
    return pairs
