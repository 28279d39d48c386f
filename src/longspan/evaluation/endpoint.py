"""Answers of any OpenAI-compatible server, asked again where it fails for a while."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

import httpx

from longspan.errors import LongspanError
from longspan.evaluation.prompt import TooLong
from longspan.evaluation.record import Record
from longspan.evaluation.sample import Sample
from longspan.evaluation.task import Task, TaskError
from longspan.evaluation.work import Question, Work
from longspan.parameters import check_range
from longspan.plan import Plan
from longspan.spans import tokenize

_BUSY = {408, 425, 429, 500, 502, 503, 504}
_LONGEST_PAUSE = 60.0


class EndpointError(LongspanError):
    """A server that cannot be reached, keeps failing, or answers with something other than an answer."""


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """A server as the target of a run; it has only the empty plan, whatever it does by itself.

    url: up to /v1. model: the name that the server knows, "" for the first that it lists. tokenizer: counts the tokens
    of prompts, so it should be the model's own; tokenizer_name says whose it is. parallel: requests at a time. A
    request that fails for a while (no connection, no answer within `timeout` seconds, or a busy server) is made
    `attempts` times, with pauses of `pause`, 2 · pause, 4 · pause ... seconds between. The environment variable
    OPENAI_API_KEY is sent as the key.
    """

    url: str
    model: str = ""
    tokenizer: Any = field(repr=False)
    tokenizer_name: str
    parallel: int = 4
    timeout: float = 600.0
    attempts: int = 5
    pause: float = 1.0

    overhead: int = 64
    """Tokens that the server's chat template adds, which are not known: a guess that most models stay under."""

    def __post_init__(self) -> None:
        check_range("parallel", self.parallel, 1)
        check_range("timeout", self.timeout, 0.001)
        check_range("attempts", self.attempts, 1)
        check_range("pause", self.pause, 0)
        if not self.url.startswith(("http://", "https://")):
            raise ValueError(f"endpoint={self.url} is not an address; write http://HOST:PORT/v1")
        object.__setattr__(self, "url", self.url.rstrip("/"))
        if not self.model:
            listed = self._sent("GET", "/models", None).get("data") or [{}]
            name = listed[0].get("id") if isinstance(listed[0], dict) else None
            if not isinstance(name, str):
                raise EndpointError(f"{self.url} lists no model; name one with --model")
            object.__setattr__(self, "model", name)

    def count_tokens(self, text: str) -> int:
        """Tokens of a text."""
        return len(tokenize(self.tokenizer, text, plain=True))

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

    def answers(
        self, works: Iterable[Work], *, question: Question = "seen", too_long: TooLong = "skip"
    ) -> Iterator[Record]:
        """One record for each sample, too-long where the server says that the prompt does not fit."""
        if question != "seen" or too_long != "skip":
            raise TaskError(
                "an endpoint reads whole prompts: --question seen and --too-long skip are what it allows"
            )
        asked = ((work, sample) for work in works for sample in self._possible(work))
        with ThreadPoolExecutor(self.parallel) as pool:
            waiting: set[Future[Record]] = set()
            try:
                while True:
                    fresh = islice(asked, self.parallel - len(waiting))
                    waiting |= {pool.submit(self._record, work, sample) for work, sample in fresh}
                    if not waiting:
                        return
                    finished, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                    yield from sorted((each.result() for each in finished), key=lambda record: record.sample)
            finally:
                for each in waiting:
                    each.cancel()

    def _possible(self, work: Work) -> tuple[Sample, ...]:
        if any(plan != Plan() for plan in work.plans):
            raise TaskError("an endpoint takes no plan: it has the methods of its server; leave out --plan")
        if work.task.answer == "losses":
            raise TaskError(
                f"{work.task.name} needs the likelihood of given tokens, which an endpoint does not tell; use --model"
            )
        return work.samples

    def _record(self, work: Work, sample: Sample) -> Record:
        began = time.perf_counter()
        answer = self._asked(work.task, sample)
        record = Record(
            task=work.task.name,
            length=work.length,
            sample=sample.id,
            plan="",
            origin=sample.origin,
            cluster=sample.cluster,
            status="too-long",
            references=sample.references,
            facts=sample.facts,
            prompt_tokens=self._prompt_tokens(sample),
        )
        if answer is None:
            return record
        output, usage = answer
        return replace(
            record,
            status="scored",
            output=output,
            scores=work.task.score(output, sample),
            prompt_tokens=int(usage.get("prompt_tokens") or record.prompt_tokens),
            generated_tokens=int(usage.get("completion_tokens") or self.count_tokens(output)),
            decode_seconds=time.perf_counter() - began,
        )

    def _prompt_tokens(self, sample: Sample) -> int:
        return self.count_tokens(sample.context + sample.question + sample.prefix)

    def _asked(self, task: Task, sample: Sample) -> tuple[str, dict[str, Any]] | None:
        """The answer and the server's count of tokens; None if the prompt does not fit.

        The beginning of the answer ends the user's words where there is a template, since few servers go on from one.
        """
        text = sample.context + sample.question
        body: dict[str, Any] = {
            "model": self.model,
            "max_tokens": task.answer_tokens(sample),
            "temperature": 0,
        }
        if task.chat:
            words = f"{text}\n{sample.prefix}" if sample.prefix else text
            body["messages"] = [{"role": "user", "content": words}]
        else:
            body["prompt"] = text + sample.prefix
        try:
            reply = self._sent("POST", "/chat/completions" if task.chat else "/completions", body)
        except _TooLong:
            return None
        try:
            choice = reply["choices"][0]
            output = choice["message"]["content"] if task.chat else choice["text"]
        except (KeyError, IndexError, TypeError) as error:
            raise EndpointError(
                f"{self.url} sent no answer: {str(reply)[:200]}; is it OpenAI-compatible?"
            ) from error
        usage = reply.get("usage")
        return str(output or ""), usage if isinstance(usage, dict) else {}

    def _sent(self, method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        """The reply to a request, made again while the server is away or busy."""
        key = os.environ.get("OPENAI_API_KEY")
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        reason = ""
        for attempt in range(self.attempts):
            if attempt:
                time.sleep(min(_LONGEST_PAUSE, self.pause * 2 ** (attempt - 1)))
            try:
                reply = httpx.request(
                    method, self.url + path, json=body, headers=headers, timeout=self.timeout
                )
            except httpx.TimeoutException:
                reason = f"no answer within {self.timeout:g} s"
                continue
            except httpx.HTTPError as error:
                reason = str(error) or type(error).__name__
                continue
            if reply.status_code in _BUSY:
                reason = f"status {reply.status_code}"
                continue
            return self._read(reply)
        raise EndpointError(
            f"{self.url} failed {self.attempts} times ({reason}); answers so far are kept: when the server is "
            "back, run the same command again"
        )

    def _read(self, reply: httpx.Response) -> dict[str, Any]:
        if reply.is_error:
            text = " ".join(reply.text.split())[:300]
            if reply.status_code in (400, 413, 422) and (
                "context_length" in text or "context length" in text
            ):
                raise _TooLong
            raise EndpointError(
                f"{self.url} refused: status {reply.status_code}, {text}; check --endpoint and --model"
            )
        try:
            content = reply.json()
        except ValueError as error:
            raise EndpointError(
                f"{self.url} sent something other than JSON; is it OpenAI-compatible?"
            ) from error
        if not isinstance(content, dict):
            raise EndpointError(f"{self.url} sent no object; is it OpenAI-compatible?")
        return content


class _TooLong(Exception):
    """The server's model has a shorter window than the prompt needs."""
