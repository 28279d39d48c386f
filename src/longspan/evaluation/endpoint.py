"""Answers of any OpenAI-compatible server, asked again where it fails for a while."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, Unpack

import httpx

from longspan.errors import LongspanError, WindowExceeded
from longspan.evaluation.asking import Asking
from longspan.evaluation.record import Record
from longspan.evaluation.sample import Sample
from longspan.evaluation.scoring import answered
from longspan.evaluation.task import TaskError
from longspan.evaluation.work import Work
from longspan.flows.chat import Message, Reply
from longspan.parameters import check_range
from longspan.plan import Plan
from longspan.running.generation import MAX_NEW_TOKENS, Generation
from longspan.spans import split_reasoning, tokenize
from longspan.usage import Usage

_DOES_NOT_FIT = re.compile(
    r"(?i)context[_ ](?:length|size|window)|exceed\w* .{0,40}context|(?:prompt|input) is too long|"
    r"(?<!\w)(?:tokens?|input length)\b.{0,80}\b(?:exceeds?|must be <=|too large|longer than)|"
    r"too many (?:input )?tokens"
)
"""How servers say that a prompt is longer than the window of their model."""
_BUSY = {408, 425, 429, 500, 502, 503, 504}
_LONGEST_PAUSE = 60.0
_PLAINLY = Asking()


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
    _renamed: dict[str, str] = field(default_factory=dict, init=False, repr=False, compare=False)

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
                raise EndpointError(f"{self.url} lists no model; name one with model=...")
            object.__setattr__(self, "model", name)

    def overhead(self, asking: Asking) -> int:
        """Tokens that the server's chat template adds, which are not known: a guess that most models stay under."""
        return 64

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
        began = time.perf_counter()
        record = replace(work.record(sample, Plan()), prompt_tokens=self._prompt_tokens(sample))
        path, body = self._request(work, sample, asking)
        try:
            reply = self._sent("POST", path, body)
        except _TooLong:
            return record
        output, usage = self._output(reply), reply.get("usage")
        usage = usage if isinstance(usage, dict) else {}
        told = replace(
            record,
            prompt_tokens=_count(usage.get("prompt_tokens"), record.prompt_tokens),
            generated_tokens=_count(usage.get("completion_tokens"), self.count_tokens(output)),
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

    @property
    def longest(self) -> int | None:
        """None: the server knows."""
        return None

    def generate(
        self,
        messages: Sequence[Message],
        *,
        stream: Callable[[str], None] | None = None,
        **generation: Unpack[Generation],
    ) -> Reply:
        """The reply to messages, at once, as `flows.chat.Chat` has it. Raises WindowExceeded and EndpointError, and
        ValueError for what only a model of this process can be asked for."""
        for name in _OURS:
            if generation.get(name) is not None:
                raise ValueError(
                    f"{name} is not asked of servers; leave it out, or use a model of this process"
                )
        began = time.perf_counter()
        given: dict[str, Any] = {"temperature": 0.0, **generation}
        given["max_tokens"] = given.pop("max_new_tokens", MAX_NEW_TOKENS)
        body: dict[str, Any] = {"model": self.model, "messages": list(messages)}
        body |= {name: value for name, value in given.items() if value is not None and value != ()}
        try:
            sent = self._sent("POST", "/chat/completions", body)
        except _TooLong as error:
            said = sum(len(each["content"]) for each in messages)
            raise WindowExceeded(
                f"{self.url}: {said:,} characters do not fit the window of {self.model}; send fewer"
            ) from error
        output, usage = self._output(sent), sent.get("usage")
        usage = usage if isinstance(usage, dict) else {}
        if stream is not None and output:
            stream(output)
        closed = "</think>" in output and "<think>" not in output.partition("</think>")[0]
        reasoning, text = split_reasoning(output, begun=closed)
        counted = sum(self.count_tokens(each["content"]) for each in messages)
        return Reply(
            text=text,
            reasoning=reasoning,
            usage=Usage(
                prompt_tokens=_count(usage.get("prompt_tokens"), counted),
                generated_tokens=_count(usage.get("completion_tokens"), self.count_tokens(output)),
                kv_bytes=0,
                peak_kv_bytes=0,
                prefill_seconds=0.0,
                decode_seconds=time.perf_counter() - began,
            ),
        )

    def say(self, words: str, *, max_tokens: int) -> str:
        """All that is said to a user's words, greedily."""
        body = {
            "model": self.model,
            "max_tokens": max_tokens,
            "temperature": 0,
            "messages": [{"role": "user", "content": words}],
        }
        try:
            return self._output(self._sent("POST", "/chat/completions", body))
        except _TooLong as error:
            raise EndpointError(
                f"{self.url}: {len(words):,} characters do not fit the window of {self.model}; use another model"
            ) from error

    def embedding(self, text: str) -> list[float]:
        """The vector of a text, by a server that has an embedding model."""
        try:
            reply = self._sent("POST", "/embeddings", {"model": self.model, "input": text})
        except _TooLong as error:
            raise EndpointError(
                f"{self.url}: {len(text):,} characters do not fit the window of {self.model}; give a shorter text"
            ) from error
        try:
            return [float(value) for value in reply["data"][0]["embedding"]]
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise EndpointError(
                f"{self.url} sent no embedding: {str(reply)[:200]}; is {self.model} an embedding model?"
            ) from error

    def _output(self, reply: Mapping[str, Any]) -> str:
        """The answer's text; nothing where the server ends an answer before its first word."""
        try:
            choice = reply["choices"][0]
            output = choice["message"]["content"] if "message" in choice else choice["text"]
        except (KeyError, IndexError, TypeError) as error:
            raise EndpointError(
                f"{self.url} sent no answer: {str(reply)[:200]}; is it OpenAI-compatible?"
            ) from error
        if isinstance(output, list):  # parts, of which some are text
            output = "".join(str(part.get("text") or "") for part in output if isinstance(part, dict))
        return str(output or "")

    def _sent(self, method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        """The reply to a request, made again while the server is away or busy."""
        key = os.environ.get("OPENAI_API_KEY")
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        reason, wanted = "", 0.0
        for attempt in range(self.attempts):
            if attempt:
                time.sleep(min(_LONGEST_PAUSE, max(wanted, self.pause * 2 ** (attempt - 1))))
            try:
                reply = httpx.request(
                    method, self.url + path, json=self._named(body), headers=headers, timeout=self.timeout
                )
            except httpx.TimeoutException:
                reason = f"no answer within {self.timeout:g} s"
                continue
            except httpx.HTTPError as error:
                reason = str(error) or type(error).__name__
                continue
            except (httpx.InvalidURL, UnicodeError) as error:
                raise EndpointError(
                    f"{self.url} cannot be asked ({error}); write http://HOST:PORT/v1, and mend OPENAI_API_KEY if it "
                    "holds more than plain letters and digits"
                ) from error
            if reply.status_code in _BUSY:
                reason, wanted = f"status {reply.status_code}", _retry_after(reply)
                continue
            if (
                reply.status_code == 400
                and "max_completion_tokens" in reply.text
                and "max_tokens" in (body or {})
            ):
                self._renamed["max_tokens"] = "max_completion_tokens"
                continue
            return self._read(reply)
        raise EndpointError(
            f"{self.url} failed {self.attempts} times ({reason}); answers so far are kept: when the server is "
            "back, run the same command again"
        )

    def _named(self, body: dict[str, Any] | None) -> dict[str, Any] | None:
        """The body with the names that the server knows."""
        return body and {self._renamed.get(name, name): value for name, value in body.items()}

    def _read(self, reply: httpx.Response) -> dict[str, Any]:
        if reply.is_error:
            text = " ".join(reply.text.split())[:300]
            if reply.status_code in (400, 413, 422) and _DOES_NOT_FIT.search(text):
                raise _TooLong
            raise EndpointError(
                f"{self.url} refused: status {reply.status_code}, {text}; check endpoint=... and model=..."
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


def _count(told: Any, counted: int) -> int:
    """The server's count of tokens where it tells one, else our own."""
    return told if isinstance(told, int) and not isinstance(told, bool) and told > 0 else counted


def _retry_after(reply: httpx.Response) -> float:
    """Seconds that a busy server asks to wait, 0 where it names none."""
    try:
        return max(0.0, float(reply.headers.get("retry-after", 0)))
    except ValueError:
        return 0.0


_OURS = ("logprobs", "repetition_window", "form", "reasoning")


class _TooLong(Exception):
    """The server's model has a shorter window than the prompt needs."""
