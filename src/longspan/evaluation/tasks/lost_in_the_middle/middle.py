"""What the tasks of Lost in the Middle have in common (https://arxiv.org/abs/2307.03172)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from longspan.evaluation.metrics.text import best, contains
from longspan.evaluation.sample import Sample
from longspan.evaluation.task import Level, Task
from longspan.evaluation.tasks.hiding import depth_of


@dataclass(frozen=True, kw_only=True)
class Middle(Task):
    """One needed item among distractors."""

    diffusion: Level = "medium"
    scope: Level = "low"
    metric: str = "1 if any gold answer is a substring of the output, both normalised; by depth"
    paper: str = "Lost in the Middle: How Language Models Use Long Contexts"
    link: str = "https://arxiv.org/abs/2307.03172"

    def score(self, output: str, sample: Sample) -> Mapping[str, float]:
        """Whether any of the references is in the output."""
        return {"score": best(contains, output, sample.references)}


def depth(index: int) -> float:
    """Where the needed item of sample `index` lies: it moves in five steps from first place to last."""
    return depth_of(index, 5)
