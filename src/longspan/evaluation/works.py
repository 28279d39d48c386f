"""What a run still has to ask, in pieces that share a reading."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from longspan.errors import WindowExceeded
from longspan.evaluation import flowing
from longspan.evaluation.few_shot import as_text, drawn_examples, made_examples, solved
from longspan.evaluation.flowing import DIRECT
from longspan.evaluation.job import Job
from longspan.evaluation.kept import Kept, Samples, sample_digest
from longspan.evaluation.prepared import prepared
from longspan.evaluation.prompt import Turn
from longspan.evaluation.record import Key
from longspan.evaluation.resume import OtherRun
from longspan.evaluation.retrieval import column, retrieved
from longspan.evaluation.sample import Sample
from longspan.evaluation.task import Request, Task, TaskError
from longspan.evaluation.work import Target, Work
from longspan.plan import Plan

MADE = 20
"""Samples of a task that are made where all are asked for, since there is no end of them."""


class Works:
    """The works of a job that have no record yet. skipped: tasks that cannot be asked, with the reason, as found.

    Every sample is kept in `samples` before it is asked, and compared with the one of that name that the run asked
    before; only to look at them, none need be kept.
    """

    def __init__(self, job: Job, target: Target, samples: Samples | None, done: set[Key]) -> None:
        self._job, self._target, self._samples, self._done = job, target, samples, done
        self._known = samples.digests() if samples else {}
        self.skipped: dict[str, str] = {}

    def open(self) -> Iterator[Work]:
        """All of them; a task whose samples cannot be had is skipped, from there on. Raises OtherRun."""
        for task in self._job.tasks:
            for length in self._job.lengths_of(task):
                try:
                    yield from self._of(task, length)
                except OtherRun:
                    raise
                except TaskError as error:
                    self.skipped[task.name] = str(error)

    def _of(self, task: Task, length: int | None) -> Iterator[Work]:
        turns, samples = self.asked(task, length)
        for _, same in groupby(samples, key=lambda sample: sample.context):
            alike = list(same)
            for sample in alike:
                self._keep(task, length, sample, turns)
            if DIRECT in self._job.flows:
                yield from self._read_whole(task, length, alike, turns)
            yield from self._by_flows(task, length, alike, turns)
            yield from self._read_passages(task, length, alike, turns)

    def asked(self, task: Task, length: int | None) -> tuple[tuple[Turn, ...], Iterator[Sample]]:
        """The solved examples that come as turns, and the samples, each repeated as often as it is asked."""
        asking, request = self._job.asking, self._request(task, length)
        if task.sized:
            examples, samples = self._made(task, request)
        else:
            examples = drawn_examples(task, request, asking.few_shot) if asking.few_shot else ()
            samples = self._prepared(task, self._beside(task, request, ()))
        shown = {task.asks(example) for example in examples}
        asked = (sample for sample in samples if task.asks(sample) not in shown) if shown else samples
        turns = tuple(solved(task, example) for example in examples)
        if asking.few_shot_as == "text" or not task.chat:
            return (), self._repeated(task, asked, as_text(turns))
        return turns, self._repeated(task, asked, "")

    def _made(self, task: Task, request: Request) -> tuple[Sequence[Sample], Iterator[Sample]]:
        """Solved examples, none of which is asked, and samples that leave room for them."""
        count = self._job.asking.few_shot
        examples = made_examples(task, request, count)
        samples = self._prepared(task, self._beside(task, request, examples))
        if not count:
            return examples, samples
        kept = list(samples)
        asked = {task.asks(sample) for sample in kept}
        if not asked.isdisjoint(task.asks(example) for example in examples):
            examples = made_examples(task, request, count, asked)
            kept = list(self._prepared(task, self._beside(task, request, examples)))
        return examples, iter(kept)

    def _prepared(self, task: Task, request: Request) -> Iterator[Sample]:
        count = MADE if self._job.samples is None and task.sized else self._job.samples
        return prepared(task, request, count, self._target.describe()["tokenizer"])

    def _beside(self, task: Task, request: Request, examples: Sequence[Sample]) -> Request:
        """The request with room for examples and the system's words."""
        system, turns = self._job.asking.system, [solved(task, example) for example in examples]
        told = [words for turn in turns for words in turn] + [system or ""]
        more = sum(self._target.count_tokens(words) for words in told if words)
        if turns or system:
            more += (self._target.overhead(self._job.asking) if task.chat else 1) * (1 + len(turns))
        return replace(request, overhead=request.overhead + more)

    def _repeated(self, task: Task, samples: Iterator[Sample], before: str) -> Iterator[Sample]:
        seen: set[str] = set()
        for sample in samples:
            if sample.id in seen:
                raise TaskError(f"{task.name} has two samples {sample.id!r}; give each an id of its own")
            seen.add(sample.id)
            asked = replace(sample, context=before + sample.context) if before else sample
            yield asked
            for number in range(2, self._job.asking.repeats + 1):
                yield replace(asked, id=f"{sample.id}#{number}")

    def _request(self, task: Task, length: int | None) -> Request:
        return Request(
            length=length,
            seed=self._job.seed,
            count_tokens=self._target.count_tokens,
            overhead=self._target.overhead(self._job.asking) if task.chat else 0,
            haystack=self._job.haystack,
            data=self._job.data,
        )

    def _keep(self, task: Task, length: int | None, sample: Sample, turns: tuple[Turn, ...]) -> None:
        place = (task.name, length, sample.id)
        if place not in self._known:
            if self._samples:
                self._samples.add(task.name, length, Kept(sample=sample, turns=turns))
            self._known[place] = sample_digest(sample, turns)
        elif self._known[place] != sample_digest(sample, turns):
            raise OtherRun(
                f"sample {sample.id!r} of {task.name} is not the one that this run has asked: its data, file or code "
                "has changed; choose another out=..."
            )

    def _read_whole(
        self, task: Task, length: int | None, samples: Sequence[Sample], turns: tuple[Turn, ...]
    ) -> Iterator[Work]:
        lacking: dict[tuple[Plan, ...], list[Sample]] = {}
        for sample in samples:
            plans = tuple(
                plan
                for plan in self._job.plans
                if (task.name, length, sample.id, str(plan)) not in self._done
            )
            if plans:
                lacking.setdefault(plans, []).append(sample)
        for plans, chosen in lacking.items():
            yield Work(task=task, length=length, samples=tuple(chosen), plans=plans, turns=turns)

    def _by_flows(
        self, task: Task, length: int | None, samples: Sequence[Sample], turns: tuple[Turn, ...]
    ) -> Iterator[Work]:
        """The flows under each plan."""
        for text in self._job.flows:
            for plan in self._job.plans if text != DIRECT else ():
                name = flowing.column(plan, text)
                lacking = [each for each in samples if (task.name, length, each.id, name) not in self._done]
                if lacking:
                    yield Work(
                        task=task,
                        length=length,
                        samples=tuple(lacking),
                        plans=(plan,),
                        turns=turns,
                        column=name,
                        flow=flowing.flow_of(text),
                    )

    def _read_passages(
        self, task: Task, length: int | None, samples: Sequence[Sample], turns: tuple[Turn, ...]
    ) -> Iterator[Work]:
        """The baselines, but for tasks that measure the likelihood of the text itself."""
        for budget in self._job.retrieval if task.answer != "losses" else ():
            name = column(budget)
            for sample in samples:
                if (task.name, length, sample.id, name) in self._done:
                    continue
                try:
                    shorter = retrieved(sample, budget, self._target.count_tokens)
                except WindowExceeded as error:
                    raise TaskError(f"{task.name}: {error}") from error
                yield Work(
                    task=task, length=length, samples=(shorter,), plans=(Plan(),), turns=turns, column=name
                )
