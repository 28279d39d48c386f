"""Prompts with one context, open in a local model, and the forks in which plans answer them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self

from longspan.evaluation.asking import Question
from longspan.evaluation.prompt import Prompt
from longspan.evaluation.record import Record
from longspan.evaluation.sample import Sample
from longspan.evaluation.scoring import answered, scored
from longspan.evaluation.work import Work
from longspan.plan import Plan
from longspan.session import Session
from longspan.usage import Usage


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A sample with its prompt, cut to the window where it had to be."""

    sample: Sample
    prompt: Prompt


@dataclass(frozen=True, kw_only=True)
class Fork:
    """A prompt that has been read under a plan, and the seconds that the plan took for it afterwards."""

    asked: Asked
    session: Session
    compress_seconds: float


@dataclass(frozen=True, kw_only=True)
class Answered:
    """The output for a fork, and what it used. together: how many answers were generated side by side."""

    fork: Fork
    output: str
    usage: Usage
    together: int

    @property
    def sample(self) -> Sample:
        """The sample that it answers."""
        return self.fork.asked.sample

    def record(self, work: Work, plan: Plan, *, shared: bool) -> Record:
        """What a run keeps of it. shared: whether the context had been read for another record already."""
        asked = self.fork.asked
        blank = replace(
            work.record(asked.sample, plan),
            prompt_tokens=self.usage.prompt_tokens,
            generated_tokens=self.usage.generated_tokens,
            truncated_tokens=asked.prompt.truncated,
            shared=shared,
            together=self.together,
            prefill_seconds=self.usage.prefill_seconds,
            compress_seconds=self.fork.compress_seconds,
            decode_seconds=self.usage.decode_seconds,
            kv_bytes=self.usage.kv_bytes,
            peak_kv_bytes=self.usage.peak_kv_bytes,
        )
        if work.task.answer != "text":
            return scored(blank, work.task, self.output, asked.sample)
        return answered(blank, work.task, self.output, asked.sample, thinks=asked.prompt.thinks)


class Prompts:
    """Prompts with the same context, read with a fresh session; a context manager that closes what it opened.

    A policy that acts while reading acts where the prompt ends, so with question="seen" such a session reads each
    prompt for itself (`apart`). With question="unseen" policies act where the context ends, and not
    again at the end of the question.
    """

    def __init__(self, session: Session, asked: Sequence[Asked], question: Question) -> None:
        self._asked, self._context = asked, session
        self.apart = question == "seen" and session.plan.policy is not None
        self._opened = ExitStack()
        self._opened.enter_context(session)
        try:
            self._prompts = self._read(question)
        except BaseException:
            self._opened.close()
            raise

    def forks(self, plan: Plan) -> Iterator[Fork]:
        """The prompts under a plan, one by one; whoever takes a fork closes its session."""
        if self._prompts is None:
            began = time.perf_counter()
            with self._context.fork(plan) as compressed:
                spent = time.perf_counter() - began + compressed.saved_seconds
                for each in self._asked:
                    fork = compressed.fork()
                    _read(fork, each.prompt.question, more=True)
                    yield Fork(asked=each, session=fork, compress_seconds=spent)
            return
        for each, prompt in zip(self._asked, self._prompts, strict=True):
            began = time.perf_counter()
            fork = prompt.fork(plan)
            acts = plan.policy != prompt.plan.policy
            spent = time.perf_counter() - began + fork.saved_seconds if acts else 0.0
            yield Fork(asked=each, session=fork, compress_seconds=spent)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opened.close()

    def _read(self, question: Question) -> list[Session] | None:
        """A session for each prompt, None where plans act on the context before a question is read."""
        context, late = self._context, self._context.plan.policy is None
        if not self.apart:
            _read(context, self._asked[0].prompt.context)
            if question == "unseen" and late:
                return None
        prompts = []
        for each in self._asked:
            prompt = self._opened.enter_context(context.fork())
            if self.apart:
                _read(prompt, each.prompt.context, question=each.prompt.question)
            else:
                _read(prompt, each.prompt.question, more=not late)
            prompts.append(prompt)
        return prompts


def _read(session: Session, ids: list[int], *, question: list[int] | None = None, more: bool = False) -> None:
    """A prompt may have no context, and text whose likelihood is measured has no question.

    more: a policy that has acted on the context leaves what follows it alone.
    """
    if ids and question:
        session.read(ids, question=question, more=more)
    elif ids or question:
        session.read([*ids, *(question or [])], more=more)
