"""Answers of a local model: each context is read once for all plans and questions that can share the reading."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from longspan.evaluation.prompt import Prompt, TooLong, overhead, prompt_of
from longspan.evaluation.record import Record
from longspan.evaluation.sample import Sample
from longspan.evaluation.task import Task
from longspan.evaluation.work import Question, Work
from longspan.model import Model
from longspan.plan import Plan
from longspan.session import Session
from longspan.spans import tokenize


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A sample with its prompt, cut to the window where it had to be."""

    sample: Sample
    prompt: Prompt


class Local:
    """A model of this process as the target of a run. chunk: tokens that pass through the model at a time."""

    def __init__(self, model: Model, *, chunk: int = 2048) -> None:
        self.model, self.chunk = model, chunk
        self.overhead = overhead(model.tokenizer)

    def count_tokens(self, text: str) -> int:
        """Tokens of a text."""
        return len(tokenize(self.model.tokenizer, text, plain=True))

    def window(self, plan: Plan) -> int | None:
        """Tokens that a plan allows, None where it knows no bound."""
        own: int = self.model.window
        window: int | None = plan.positions.window(own) if plan.positions else own
        return window

    def describe(self) -> dict[str, Any]:
        """What a run keeps of the model."""
        return {
            "name": self.model.name,
            "digest": self.model.digest,
            "tokenizer": self.model.digest,
            "source": _published(self.model.source),
            "dtype": str(self.model.seam.dtype).removeprefix("torch."),
            "window": self.model.window,
        }

    def answers(
        self, works: Iterable[Work], *, question: Question = "seen", too_long: TooLong = "skip"
    ) -> Iterator[Record]:
        """One record for each sample and plan."""
        for work in works:
            yield from self.answer(
                work.task, work.samples, work.plans, length=work.length, question=question, too_long=too_long
            )

    def answer(
        self,
        task: Task,
        samples: Sequence[Sample],
        plans: Sequence[Plan],
        *,
        length: int | None = None,
        question: Question = "seen",
        too_long: TooLong = "skip",
    ) -> Iterator[Record]:
        """One record for each sample and plan, in no stated order. All samples must have the same context."""
        if len({sample.context for sample in samples}) > 1:
            raise ValueError("samples have several contexts, allowed is one; group them by context first")
        shared: dict[Plan, list[Plan]] = {}
        for plan in plans:
            shared.setdefault(plan.reading, []).append(plan)
        for reading, group in shared.items():
            asked = []
            for sample in samples:
                prompt = prompt_of(self.model.tokenizer, sample, chat=task.chat)
                window = self.window(reading)
                cut = prompt if window is None else prompt.cut(window - task.answer_tokens(sample), too_long)
                if cut is not None:
                    asked.append(Asked(sample=sample, prompt=cut))
                    continue
                for plan in group:
                    yield Record(
                        task=task.name,
                        length=length,
                        sample=sample.id,
                        plan=str(plan),
                        status="too-long",
                        references=sample.references,
                        facts=sample.facts,
                        prompt_tokens=len(prompt),
                    )
            for same in _by_context(asked):
                if reading.policy is None:
                    yield from self._shared(task, same, reading, group, length, question)
                else:
                    yield from self._alone(task, same, reading, group, length, question)

    def _shared(
        self,
        task: Task,
        asked: Sequence[Asked],
        reading: Plan,
        plans: Sequence[Plan],
        length: int | None,
        question: Question,
    ) -> Iterator[Record]:
        """Plans whose policies act after the prompt: it is read without them, and forked for each."""
        fresh = True
        with self._session(reading, plans) as context:
            _read(context, asked[0].prompt.context)
            if question == "unseen":
                for plan in plans:
                    began = time.perf_counter()
                    with context.fork(plan) as compressed:
                        spent = time.perf_counter() - began
                        for each in asked:
                            with compressed.fork() as fork:
                                _read(fork, each.prompt.question)
                                yield self._record(task, each, plan, fork, length, not fresh, spent)
                            fresh = False
                return
            for each in asked:
                with context.fork() as prompt:
                    _read(prompt, each.prompt.question)
                    for plan in plans:
                        began = time.perf_counter()
                        with prompt.fork(plan) as fork:
                            spent = time.perf_counter() - began
                            yield self._record(task, each, plan, fork, length, not fresh, spent)
                        fresh = False

    def _alone(
        self,
        task: Task,
        asked: Sequence[Asked],
        reading: Plan,
        plans: Sequence[Plan],
        length: int | None,
        question: Question,
    ) -> Iterator[Record]:
        """Plans whose policy acts while the prompt is read: what it keeps depends on where the prompt ends."""
        if question == "seen":
            for each in asked:
                with self._session(reading) as prompt:
                    _read(prompt, each.prompt.context, question=each.prompt.question)
                    yield from self._forked(task, each, plans, prompt, length, shared=False)
            return
        with self._session(reading) as context:
            _read(context, asked[0].prompt.context)
            for number, each in enumerate(asked):
                with context.fork() as prompt:
                    _read(prompt, each.prompt.question)
                    yield from self._forked(task, each, plans, prompt, length, shared=number > 0)

    def _forked(
        self,
        task: Task,
        asked: Asked,
        plans: Sequence[Plan],
        prompt: Session,
        length: int | None,
        *,
        shared: bool,
    ) -> Iterator[Record]:
        """Plans that go on from a prompt that was read under their policy; shared: whether it had been read before."""
        for place, plan in enumerate(plans):
            with prompt.fork(plan) as fork:
                yield self._record(task, asked, plan, fork, length, shared or place > 0, 0.0)

    def _session(self, plan: Plan, forks: Sequence[Plan] = ()) -> Session:
        return self.model.session(plan, chunk=self.chunk, forks=forks)

    def _record(
        self,
        task: Task,
        asked: Asked,
        plan: Plan,
        session: Session,
        length: int | None,
        shared: bool,
        compress_seconds: float,
    ) -> Record:
        sample = asked.sample
        if task.answer == "losses":
            output = self._losses(session, sample.references[0])
        else:
            output = "".join(
                step.text for step in session.generate(max_new_tokens=task.answer_tokens(sample))
            )
        usage = session.usage
        return Record(
            task=task.name,
            length=length,
            sample=sample.id,
            plan=str(plan),
            scores=task.score(output, sample),
            output=output,
            references=sample.references,
            facts=sample.facts,
            prompt_tokens=usage.prompt_tokens,
            generated_tokens=usage.generated_tokens,
            truncated_tokens=asked.prompt.truncated,
            shared=shared,
            prefill_seconds=usage.prefill_seconds,
            compress_seconds=compress_seconds,
            decode_seconds=usage.decode_seconds,
            kv_bytes=usage.kv_bytes,
            peak_kv_bytes=usage.peak_kv_bytes,
        )

    def _losses(self, session: Session, text: str) -> str:
        """Negative log-likelihoods of a text's tokens, given what was read, in nats."""
        ids = tokenize(self.model.tokenizer, text, plain=True).ids
        first = session.next_logits[None]
        rows = torch.cat((first, session.logits(ids[:-1]))) if len(ids) > 1 else first
        picked = rows.float().log_softmax(-1)[torch.arange(len(ids)), torch.tensor(ids)]
        return json.dumps([round(-value, 5) for value in picked.tolist()])


def _published(source: str) -> str:
    """Where a model came from, without the folders of this machine: results are for others to see."""
    kind, _, path = source.partition(" ")
    return f"{kind} {Path(path).name}" if kind in ("file", "folder") else source


def _read(session: Session, ids: list[int], *, question: list[int] | None = None) -> None:
    """A prompt may have no context, and text whose likelihood is measured has no question."""
    if ids and question:
        session.read(ids, question=question)
    elif ids or question:
        session.read([*ids, *(question or [])])


def _by_context(asked: Sequence[Asked]) -> Iterator[list[Asked]]:
    """Prompts with the same context ids; cutting to a window can make them differ."""
    groups: dict[tuple[int, ...], list[Asked]] = {}
    for each in asked:
        groups.setdefault(tuple(each.prompt.context), []).append(each)
    yield from groups.values()
