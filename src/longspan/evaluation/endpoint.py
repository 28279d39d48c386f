"""Answers of any OpenAI-compatible server to the samples of a run."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from longspan.evaluation.asking import Asking
from longspan.evaluation.flowing import by_flow
from longspan.evaluation.record import Record
from longspan.evaluation.sample import Sample
from longspan.evaluation.scoring import answered
from longspan.evaluation.task import TaskError
from longspan.evaluation.work import Work
from longspan.flows.served import Served, TooLong, told_count
from longspan.plan import Plan

_PLAINLY = Asking()


@dataclass(frozen=True, kw_only=True)
class Endpoint(Served):
    """A server as the target of a run; see `Served`."""

    def overhead(self, asking: Asking) -> int:
        """Tokens that the server's chat template adds, which are not known: a guess that most models stay under."""
        return 64

    def window(self, plan: Plan) -> int | None:
        """None: the server knows."""
        return None

    def describe(self) -> dict[str, Any]:
        """What a run keeps of it."""
        return {
            "name": self.model,
            "source": self.url,
            "digest": "",
            "tokenizer": self.tokenizer_name,
            "window": None,
        }

    def prompt(self, work: Work, sample: Sample, asking: Asking) -> str:
        """What the server is sent, role by role; its own template is not known."""
        _, body = self._request(work, sample, asking)
        messages = body.get("messages")
        if messages is None:
            return str(body["prompt"])
        return "\n\n".join(f"[{each['role']}]\n{each['content']}" for each in messages)

    def answers(self, works: Iterable[Work], asking: Asking = _PLAINLY) -> Iterator[Record]:
        """One record for each sample, too-long where the server says that the prompt does not fit."""
        if asking.question != "seen" or asking.too_long != "skip":
            raise TaskError(
                "an endpoint reads whole prompts: question=seen and too_long=skip are what it allows"
            )
        asked = ((work, sample) for work in works for sample in self._possible(work))
        with ThreadPoolExecutor(self.parallel) as pool:
            waiting: set[Future[Record]] = set()
            try:
                while True:
                    fresh = islice(asked, self.parallel - len(waiting))
                    waiting |= {pool.submit(self._record, work, sample, asking) for work, sample in fresh}
                    if not waiting:
                        return
                    finished, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                    yield from self._in_order(finished)
            finally:
                for each in waiting:
                    each.cancel()

    @staticmethod
    def _in_order(finished: Iterable[Future[Record]]) -> Iterator[Record]:
        """What was answered, before the error of one that was not."""
        failed = [each for each in finished if each.exception() is not None]
        answered = [each.result() for each in finished if each not in failed]
        yield from sorted(answered, key=lambda record: record.sample)
        for each in failed:
            each.result()

    def _possible(self, work: Work) -> tuple[Sample, ...]:
        if any(plan != Plan() for plan in work.plans):
            raise TaskError("an endpoint takes no plan: it has the methods of its server; leave out plan=...")
        if work.task.answer != "text":
            raise TaskError(
                f"{work.task.name} needs the likelihood of given tokens, which an endpoint does not tell; use model=..."
            )
        return work.samples

    def _record(self, work: Work, sample: Sample, asking: Asking) -> Record:
        if work.flow is not None:
            return by_flow(self, work, sample, asking)
        began = time.perf_counter()
        record = replace(work.record(sample, Plan()), prompt_tokens=self._prompt_tokens(sample))
        path, body = self._request(work, sample, asking)
        try:
            reply = self.sent("POST", path, body)
        except TooLong:
            return record
        output, usage = self.output(reply), reply.get("usage")
        usage = usage if isinstance(usage, dict) else {}
        told = replace(
            record,
            prompt_tokens=told_count(usage.get("prompt_tokens"), record.prompt_tokens),
            generated_tokens=told_count(usage.get("completion_tokens"), self.count_tokens(output)),
            decode_seconds=time.perf_counter() - began,
        )
        return answered(told, work.task, output, sample)

    def _prompt_tokens(self, sample: Sample) -> int:
        return self.count_tokens(sample.context + sample.question + sample.prefix)

    def _request(self, work: Work, sample: Sample, asking: Asking) -> tuple[str, dict[str, Any]]:
        """Where a sample is asked, and what is sent.

        The beginning of the answer ends the user's words where there is a template, since few servers go on from one.
        """
        task, text = work.task, sample.context + sample.question
        body: dict[str, Any] = {
            "model": self.model,
            "max_tokens": asking.longest(task, sample),
            "temperature": asking.temperature,
        }
        drawn = asking.generation(task.name, sample.id)
        given = {"top_p": drawn["top_p"], "top_k": drawn["top_k"], "seed": drawn["seed"]}
        body |= {name: value for name, value in given.items() if value is not None}
        if asking.stop:
            body["stop"] = list(asking.stop)
        if not task.chat:
            return "/completions", body | {"prompt": text + sample.prefix}
        if asking.template:
            body["chat_template_kwargs"] = dict(asking.template)
        said = [("system", asking.system)] if asking.system is not None else []
        said += [
            each for user, assistant in work.turns for each in (("user", user), ("assistant", assistant))
        ]
        said.append(("user", f"{text}\n{sample.prefix}" if sample.prefix else text))
        return "/chat/completions", body | {
            "messages": [{"role": role, "content": words} for role, words in said]
        }
