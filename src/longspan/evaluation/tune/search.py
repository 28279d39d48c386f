"""A search: questions that the full cache can answer, and a race of plans on them."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from statistics import fmean, median

from longspan.errors import LongspanError
from longspan.evaluation.asking import Asking
from longspan.evaluation.haystack import Haystack
from longspan.evaluation.record import Key, Record
from longspan.evaluation.sample import Sample
from longspan.evaluation.task import Request, Task, TaskError
from longspan.evaluation.tune.batches import given, made
from longspan.evaluation.tune.corpus import Corpus
from longspan.evaluation.tune.questions import Questions
from longspan.evaluation.tune.race import NoPlan, Race
from longspan.evaluation.tune.standing import Limits, Trial
from longspan.evaluation.tune.tuning import Tuning, findings, why
from longspan.evaluation.work import Target, Work
from longspan.plan import Plan

FULL = Plan()
"""The full cache, which all plans are compared with."""

TRIAL_BATCHES = 3
"""Contexts on which the full cache alone shows which kinds of question the model can answer at all."""

TRIAL_TIME = 0.1
"""The share of the time after which no further one of these is begun."""

FEW = 20
"""Questions below which a result is called uncertain."""

MIN_SCORE = 0.1
"""Questions on which the full cache scores less say nothing about plans."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """How far a search has come: plans still in it, answers given, seconds spent."""

    plans: int
    answers: int
    seconds: float


@dataclass(kw_only=True)
class Search:
    """One search on a target; `tune` explains what it takes. clock: gives the time in seconds."""

    target: Target
    corpus: Corpus
    plans: Sequence[Plan]
    task: Task
    length: int
    seconds: float
    limits: Limits = field(default_factory=Limits)
    loss: float = 0.1
    asking: Asking = field(default_factory=Asking)
    seed: int = 0
    watch: Callable[[Stage], None] = lambda stage: None
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        self._by_name = {str(plan): plan for plan in (FULL, *self.plans)}
        self._records: dict[Key, Record] = {}
        self._notes: list[str] = []
        self._began = self.clock()

    def run(self) -> Tuning:
        """The whole search. Raises TaskError and NoPlan."""
        batches, samples, cost = self._prepare()
        reference, *arms = self._by_name
        race = Race[list[Sample]](
            arms=arms,
            reference=reference,
            measure=lambda tried, batch: self._measure(race, tried, batch),
            clock=self.clock,
            seconds=self.seconds - self._spent,
            cost=cost,
            limits=self.limits,
            samples=samples,
            loss=self.loss,
        )
        race.run(batches, lambda: self._tell(len(race.alive)))
        full = race.standings[reference]
        if full.score < MIN_SCORE:
            raise self._nothing_to_compare(full.score)
        if len(full.trials) < FEW:
            self._notes.append(
                f"only {len(full.trials)} questions were asked, so much is left to chance; give the search "
                "more time, or more questions=..."
            )
        return Tuning(
            winner=self._by_name[race.winner.arm],
            why=why(race),
            findings=findings(race),
            length=self.length,
            seed=self.seed,
            question=self.asking.question,
            by_kind=_by_kind(self._records[self._key(sample, reference)] for sample in full.trials),
            notes=tuple(self._notes),
            seconds=self._spent,
            records=tuple(self._records.values()),
        )

    @property
    def _spent(self) -> float:
        return self.clock() - self._began

    def _prepare(self) -> tuple[Iterator[list[Sample]], int, float]:
        """The batches of the race, how many samples it needs at most, and the seconds that an arm takes for one."""
        request = Request(
            length=self.length,
            seed=self.seed,
            count_tokens=self.target.count_tokens,
            overhead=self.target.overhead(self.asking) if self.task.chat else 0,
            haystack=Haystack(
                name="documents", text="\n\n".join(each.text for each in self.corpus.documents), repeats=True
            ),
        )
        if not self.task.sized:
            ready = self._fitting(given(self.task, request, self.corpus), request)
            tried = self._try_full(ready[:1])
            return iter(ready), min(Race.samples, sum(map(len, ready))), _cost(tried)
        stream = made(self.task, request)
        tried = self._try_full(islice(stream, TRIAL_BATCHES))
        if (
            isinstance(self.task, Questions)
            and (kinds := self._worthwhile(self.task, tried)) != self.task.kinds
        ):
            self.task = replace(self.task, kinds=kinds)
            stream = islice(made(self.task, request), len(tried), None)
        return stream, Race.samples, _cost(tried)

    def _fitting(self, batches: Iterable[list[Sample]], request: Request) -> list[list[Sample]]:
        """The batches without the samples that the full cache cannot be asked."""
        window = self.target.window(FULL)
        total, ready = 0, []
        for batch in batches:
            total += len(batch)
            fit = [
                sample
                for sample in batch
                if window is None or request.prompt_tokens(sample) + self.task.max_new_tokens <= window
            ]
            ready += [fit] if fit else []
        left_out = total - sum(map(len, ready))
        if not ready:
            raise TaskError(
                f"{self.task.name} has no question that fits the window: {left_out} do not; give shorter ones"
            )
        if left_out:
            self._notes.append(f"{left_out} of {total} questions do not fit the window and were left out")
        return ready

    def _try_full(self, batches: Iterable[list[Sample]]) -> list[list[Record]]:
        """What the full cache answers to some batches, as far as there is time."""
        tried = []
        for batch in batches:
            records = []
            for record in self._answers([FULL], batch):
                records.append(record)
                self._tell(1)
            tried.append(records)
            if self._spent > TRIAL_TIME * self.seconds:
                break
        return tried

    def _worthwhile(self, task: Questions, tried: Iterable[Iterable[Record]]) -> tuple[str, ...]:
        """The kinds of question but those that the model cannot answer. Raises NoPlan if it answers none."""
        scores = _by_kind(record for records in tried for record in records)
        hopeless = [kind for kind, score in scores.items() if score < MIN_SCORE]
        if len(hopeless) == len(scores):
            raise self._nothing_to_compare(fmean(scores.values()))
        if hopeless:
            self._notes.append(
                f"left out, since the full cache hardly answers such questions: {', '.join(hopeless)}"
            )
        return tuple(kind for kind in task.kinds if kind not in hopeless)

    def _nothing_to_compare(self, score: float) -> NoPlan:
        return NoPlan(
            f"the full cache scores {score:.2f} on these questions at length={self.length:,}, so there is nothing to "
            "compare plans with; lower length=..., choose a larger model=..., or give easier questions=..."
        )

    def _measure(
        self, race: Race[list[Sample]], arms: Sequence[str], batch: list[Sample]
    ) -> Generator[tuple[str, str, Trial], None, None]:
        """The batch under some plans; where one fails, each is asked alone and those that fail leave the race."""
        try:
            yield from self._trials(arms, batch)
            return
        except LongspanError:
            pass
        for arm in arms:
            try:
                yield from self._trials([arm], batch)
            except LongspanError as error:
                if arm == race.reference:
                    raise
                race.standings[arm].dropped = f"failed: {error}"

    def _trials(
        self, arms: Sequence[str], batch: list[Sample]
    ) -> Generator[tuple[str, str, Trial], None, None]:
        for record in self._answers([self._by_name[arm] for arm in arms], batch):
            # Contexts that are cut from the documents stand for others; a user's own questions are about just these.
            trial = Trial(
                score=record.score,
                memory=record.kv_bytes,
                seconds=record.seconds,
                context=record.cluster or record.sample if self.task.sized else record.sample,
            )
            yield record.plan, record.sample, trial

    def _answers(self, plans: Sequence[Plan], batch: list[Sample]) -> Iterator[Record]:
        work = Work(task=self.task, length=self._length, samples=tuple(batch), plans=tuple(plans))
        for record in self.target.answers([work], self.asking):
            if record.status == "too-long":
                raise TaskError(
                    f"{record.prompt_tokens:,} tokens do not fit the window of plan {record.plan!r}; lower length=..."
                )
            self._records[record.key] = record
            yield record

    @property
    def _length(self) -> int | None:
        """As records have it."""
        return self.length if self.task.sized else None

    def _key(self, sample: str, plan: str) -> Key:
        return self.task.name, self._length, sample, plan

    def _tell(self, plans: int) -> None:
        self.watch(Stage(plans=plans, answers=len(self._records), seconds=self._spent))


def _by_kind(records: Iterable[Record]) -> dict[str, float]:
    """Mean scores by what the samples call their kind, or by task."""
    scores = defaultdict(list)
    for record in records:
        scores[str(record.facts.get("kind", record.task))].append(record.score)
    return {kind: fmean(scores[kind]) for kind in sorted(scores)}


def _cost(tried: Sequence[Sequence[Record]]) -> float:
    """The seconds that a plan takes for a batch, its context included, since many plans read for themselves."""
    records = [record for batch in tried for record in batch]
    one = median(record.compress_seconds + record.decode_seconds for record in records)
    return median(record.prefill_seconds for record in records) + one * len(records) / len(tried)
