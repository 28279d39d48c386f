"""A piece of a run, and what can do it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from longspan.evaluation.asking import Asking
from longspan.evaluation.prompt import Turn
from longspan.evaluation.record import Record
from longspan.evaluation.sample import Sample
from longspan.evaluation.task import Task
from longspan.flows.base import Flow
from longspan.plan import Plan


@dataclass(frozen=True, kw_only=True)
class Work:
    """Samples with the same context, all to be answered under all of the plans.

    length: as in a Record. turns: solved examples that come before the user's words, (user, assistant) each. column:
    what records have as their plan, by default the text of each plan. flow: what answers, under the first plan alone;
    None for the model that reads the whole prompt.
    """

    task: Task
    length: int | None
    samples: tuple[Sample, ...]
    plans: tuple[Plan, ...]
    turns: tuple[Turn, ...] = ()
    column: str | None = None
    flow: Flow | None = None

    def record(self, sample: Sample, plan: Plan) -> Record:
        """What a record of one of its samples holds before there is an answer."""
        return Record(
            task=self.task.name,
            length=self.length,
            sample=sample.id,
            plan=str(plan) if self.column is None else self.column,
            origin=sample.origin,
            cluster=sample.cluster,
            status="too-long",
            references=sample.references,
            facts=sample.facts,
        )


class Target(Protocol):
    """What answers: a local model, an endpoint, or models on several machines."""

    def overhead(self, asking: Asking) -> int:
        """Tokens that the chat template adds to a prompt."""
        ...

    def count_tokens(self, text: str) -> int:
        """Tokens of a text."""
        ...

    def window(self, plan: Plan) -> int | None:
        """Tokens that a plan allows, None where no bound is known."""
        ...

    def describe(self) -> dict[str, Any]:
        """What `run.json` keeps of it; `tokenizer` identifies how tokens are counted."""
        ...

    def prompt(self, work: Work, sample: Sample, asking: Asking) -> str:
        """The whole prompt as text, special tokens included, as far as the target knows them."""
        ...

    def answers(self, works: Iterable[Work], asking: Asking) -> Iterator[Record]:
        """One record for each sample and plan, in no stated order, each as soon as it is there."""
        ...
