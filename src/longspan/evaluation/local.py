"""Answers of a local model: each context is read once for all plans and questions that can share the reading."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import torch

from longspan.evaluation.asking import Asking
from longspan.evaluation.choices import choice_ids
from longspan.evaluation.flowing import by_flow
from longspan.evaluation.prompt import Prompt, overhead, prompt_of
from longspan.evaluation.prompts import Answered, Asked, Fork, Prompts
from longspan.evaluation.record import Record
from longspan.evaluation.sample import Sample
from longspan.evaluation.task import Task
from longspan.evaluation.work import Work
from longspan.flows.chat import Local as Chat
from longspan.model import Model
from longspan.parameters import check_range
from longspan.plan import Plan
from longspan.session import Session
from longspan.spans import tokenize

_PLAINLY = Asking()


class Local:
    """A model of this process as the target of a run.

    chunk: tokens that pass through the model at a time. batch: answers that are generated side by side, from as many
    contexts; more take less time in all, one gives each answer's own time.
    """

    def __init__(self, model: Model, *, chunk: int = 2048, batch: int = 1) -> None:
        check_range("batch", batch, 1)
        self.model, self.chunk, self.batch = model, chunk, batch

    def overhead(self, asking: Asking = _PLAINLY) -> int:
        """Tokens that the chat template adds to a prompt."""
        return overhead(self.model.tokenizer, template=asking.template)

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
            "weights": self.model.weights,
            "window": self.model.window,
        }

    def prompt(self, work: Work, sample: Sample, asking: Asking) -> str:
        """The whole prompt as text, special tokens included; choices and tokens whose loss is measured follow it."""
        ids = self._prompt(work, sample, asking)
        return str(self.model.tokenizer.decode(ids.context + ids.question))

    def answers(self, works: Iterable[Work], asking: Asking = _PLAINLY) -> Iterator[Record]:
        """One record for each sample and plan."""
        for work in _joined(works, self.batch):
            yield from self.answer(work, asking)

    def answer(self, work: Work, asking: Asking = _PLAINLY) -> Iterator[Record]:
        """One record for each sample and plan, in no stated order; the contexts of all samples are held at once."""
        if work.flow is not None:
            chat = Chat(self.model, work.plans[0], chunk=self.chunk, template=asking.template)
            for sample in work.samples:
                yield by_flow(chat, work, sample, asking)
            return
        shared: dict[Plan, list[Plan]] = {}
        for plan in work.plans:
            shared.setdefault(plan.reading, []).append(plan)
        for reading, group in shared.items():
            asked = []
            for sample in work.samples:
                prompt, window = self._prompt(work, sample, asking), self.window(reading)
                room = asking.longest(work.task, sample)
                cut = prompt if window is None else prompt.cut(window - room, asking.too_long)
                if cut is not None:
                    asked.append(Asked(sample=sample, prompt=cut))
                    continue
                for plan in group:
                    yield replace(work.record(sample, plan), prompt_tokens=len(prompt))
            yield from self._together(work, asked, reading, group, asking)

    def _prompt(self, work: Work, sample: Sample, asking: Asking) -> Prompt:
        return prompt_of(
            self.model.tokenizer,
            sample,
            chat=work.task.chat,
            system=asking.system,
            turns=work.turns,
            template=asking.template,
        )

    def _together(
        self, work: Work, asked: Sequence[Asked], reading: Plan, plans: Sequence[Plan], asking: Asking
    ) -> Iterator[Record]:
        """Reads each context once, and answers plan by plan, several prompts at a time."""
        with ExitStack() as opened:
            contexts = [
                opened.enter_context(Prompts(self._session(reading, plans), same, asking.question))
                for same in _by_context(asked)
            ]
            read: set[tuple[int, str]] = set()
            for plan in plans:
                forks = ((number, fork) for number, each in enumerate(contexts) for fork in each.forks(plan))
                # Draws of one answer must not depend on which others are drawn beside it.
                apart = work.task.answer != "text" or asking.temperature > 0
                while some := list(islice(forks, 1 if apart else self.batch)):
                    answers = self._answers(work.task, [fork for _, fork in some], asking)
                    for (number, _), answer in zip(some, answers, strict=True):
                        reading_of = (number, answer.sample.id if contexts[number].apart else "")
                        yield answer.record(work, plan, shared=reading_of in read)
                        read.add(reading_of)

    def _answers(self, task: Task, forks: Sequence[Fork], asking: Asking) -> list[Answered]:
        """The outputs of prompts that are answered side by side; closes the forks."""
        sizes = [asking.longest(task, fork.asked.sample) for fork in forks]
        before = [fork.session.usage for fork in forks]
        joined = Session.together([fork.session for fork in forks])
        with joined:
            sample = forks[0].asked.sample
            if task.answer == "losses":
                outputs, made = [self._losses(joined, sample.references[0])], [0]
            elif task.answer == "choices":
                outputs, made = [self._choices(joined, sample, chat=task.chat)], [0]
            else:
                texts: list[list[str]] = [[] for _ in forks]
                drawing = asking.generation(task.name, sample.id, max(sizes))
                for step in joined.generate(**drawing):
                    if len(texts[step.sequence]) < sizes[step.sequence]:
                        texts[step.sequence].append(step.text)
                outputs, made = ["".join(each) for each in texts], [len(each) for each in texts]
            usage, held = joined.usage, joined.bytes_held
        return [
            Answered(
                fork=fork,
                output=output,
                usage=replace(
                    spent,
                    generated_tokens=count,
                    decode_seconds=usage.decode_seconds / len(forks),
                    kv_bytes=bytes_held,
                    peak_kv_bytes=max(spent.peak_kv_bytes, bytes_held),
                ),
                together=len(forks),
            )
            for fork, output, spent, count, bytes_held in zip(forks, outputs, before, made, held, strict=True)
        ]

    def _session(self, plan: Plan, forks: Sequence[Plan] = ()) -> Session:
        return self.model.session(plan, chunk=self.chunk, forks=forks)

    def _losses(self, session: Session, text: str) -> str:
        """Negative log-likelihoods of a text's tokens, given what was read, in nats."""
        found = _log_likelihoods(session, tokenize(self.model.tokenizer, text, plain=True).ids)
        return json.dumps([round(-value, 5) for value in found])

    def _choices(self, session: Session, sample: Sample, *, chat: bool) -> str:
        """The log-likelihood of each choice after what was read, in nats."""
        found = []
        for choice in sample.facts["choices"]:
            ids = choice_ids(self.model.tokenizer, sample, choice, chat=chat)
            with session.fork() as tried:
                found.append(round(sum(_log_likelihoods(tried, ids)), 5))
        return json.dumps(found)


def _log_likelihoods(session: Session, ids: Sequence[int]) -> list[float]:
    """Of tokens that follow what was read, in nats."""
    first = session.next_logits[None]
    rows = torch.cat((first, session.logits(ids[:-1]))) if len(ids) > 1 else first
    wanted = torch.tensor(ids, device=rows.device)[:, None]
    found: list[float] = rows.float().log_softmax(-1).gather(1, wanted)[:, 0].tolist()
    return found


def _published(source: str) -> str:
    """Where a model came from, without the folders of this machine: results are for others to see."""
    kind, _, path = source.partition(" ")
    return f"{kind} {Path(path).name}" if kind in ("file", "folder") else source


def _by_context(asked: Sequence[Asked]) -> Iterator[list[Asked]]:
    """Prompts with the same context ids; cutting to a window can make them differ."""
    groups: dict[tuple[int, ...], list[Asked]] = {}
    for each in asked:
        groups.setdefault(tuple(each.prompt.context), []).append(each)
    yield from groups.values()


def _joined(works: Iterable[Work], batch: int) -> Iterator[Work]:
    """Works that follow one another and differ only in their samples, joined up to `batch` samples."""
    held: Work | None = None
    for work in works:
        alike = held is not None and replace(held, samples=()) == replace(work, samples=())
        if held is not None and alike and len(held.samples) + len(work.samples) <= batch:
            held = replace(held, samples=held.samples + work.samples)
            continue
        if held is not None:
            yield held
        held = work
    if held is not None:
        yield held
