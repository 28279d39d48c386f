"""What a run does: which tasks, lengths, samples and plans, and how it asks."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from longspan.evaluation import flowing
from longspan.evaluation.asking import Asking
from longspan.evaluation.environment import versions
from longspan.evaluation.flowing import DIRECT
from longspan.evaluation.haystack import Haystack
from longspan.evaluation.resume import FORMAT, task_facts
from longspan.evaluation.retrieval import column
from longspan.evaluation.task import Task
from longspan.plan import Plan


@dataclass(frozen=True, kw_only=True)
class Job:
    """What is run.

    lengths: tokens of prompt and answer for tasks that are made at a length. samples: how many of each task and
    length, None for all of a data set. asking: how they are asked. retrieval: budgets in tokens of a baseline that
    reads only the passages of a context that speak of the question, each as if it were a further plan. flows: what
    answers under each of the plans: "direct" for the model that reads the whole prompt, or flows by their text. data: a
    folder with local copies of data sets.
    """

    tasks: tuple[Task, ...]
    plans: tuple[Plan, ...] = (Plan(),)
    lengths: tuple[int, ...] = (4096,)
    samples: int | None = 20
    seed: int = 0
    asking: Asking = field(default_factory=Asking)
    retrieval: tuple[int, ...] = ()
    flows: tuple[str, ...] = (DIRECT,)
    haystack: Haystack = field(default_factory=Haystack.built_in)
    data: Path | None = None

    def lengths_of(self, task: Task) -> tuple[int | None, ...]:
        """The lengths of a task, only None for one whose samples come as they are."""
        return self.lengths if task.sized else (None,)

    @property
    def columns(self) -> tuple[str, ...]:
        """What records have as their plan: the plans, with each flow, then the baselines."""
        answering = (flowing.column(plan, flow) for flow in self.flows for plan in self.plans)
        return (*answering, *map(column, self.retrieval))

    def fixed(self) -> dict[str, Any]:
        """What `run.json` holds that must stay the same when the run goes on, but for the model."""
        return {
            "format": FORMAT,
            "seed": self.seed,
            "asking": self.asking.describe(),
            "haystack": {"name": self.haystack.name, "digest": self.haystack.digest},
            "versions": versions(),
            "tasks": [task_facts(task, self.data) for task in self.tasks],
        }
