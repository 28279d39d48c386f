"""A model behind an OpenAI-compatible server, asked again where it fails for a while."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Unpack

import httpx

from longspan.errors import LongspanError, WindowExceeded
from longspan.flows.chains import Chained, Heard
from longspan.flows.chat import Failed, Message, Reply
from longspan.flows.choosing import VERDICT, Chosen, by_words
from longspan.flows.requests import Attempt, Attempts, answered, race
from longspan.parameters import check_range
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
_FEW = 256
"""Tokens from which on a server that has read less than half of them has cut the prompt; tokenizers differ less."""


class EndpointError(LongspanError):
    """A server that cannot be reached, keeps failing, or answers with something other than an answer."""


@dataclass(frozen=True, kw_only=True)
class Served:
    """A server that is asked; it has only the empty plan, whatever it does by itself.

    url: up to /v1. model: the name that the server knows, "" for the first that it lists. tokenizer: counts the tokens
    of prompts, so it should be the model's own; tokenizer_name says whose it is. parallel: requests at a time. A
    request that fails for a while (no connection, no answer within `timeout` seconds, or a busy server) is made
    `attempts` times, with pauses of `pause`, 2 · pause, 4 · pause ... seconds between. The environment variable
    OPENAI_API_KEY is sent as the key. longest: tokens of messages and reply together, None where the server knows.
    """

    url: str
    model: str = ""
    tokenizer: Any = field(repr=False)
    tokenizer_name: str
    parallel: int = 4
    timeout: float = 600.0
    attempts: int = 5
    pause: float = 1.0
    longest: int | None = None
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
            listed = self.sent("GET", "/models", None).get("data") or [{}]
            name = listed[0].get("id") if isinstance(listed[0], dict) else None
            if not isinstance(name, str):
                raise EndpointError(f"{self.url} lists no model; name one with model=...")
            object.__setattr__(self, "model", name)

    @property
    def forms(self) -> bool:
        """Replies cannot be held to a form: servers differ in how they are asked for one."""
        return False

    @property
    def identity(self) -> str:
        """Address and name of the model."""
        return json.dumps([self.url, self.model])

    def count_tokens(self, text: str) -> int:
        """Tokens of a text."""
        return len(tokenize(self.tokenizer, text, plain=True))

    def generate(
        self,
        messages: Sequence[Message],
        *,
        stream: Callable[[str], None] | None = None,
        **generation: Unpack[Generation],
    ) -> Reply:
        """The reply to messages, at once, as `flows.chat.Chat` has it. Raises WindowExceeded and EndpointError, and
        ValueError for what only a model of this process can be asked for."""
        began, body = time.perf_counter(), self._body(messages, generation)
        try:
            sent = self.sent("POST", "/chat/completions", body)
        except TooLong as error:
            raise self._exceeded(messages) from error
        return self._reply(messages, sent, time.perf_counter() - began, stream)

    def chains(
        self,
        messages: Sequence[Message],
        seeds: Sequence[int],
        *,
        enough: int | None = None,
        heard: Heard | None = None,
        **generation: Unpack[Generation],
    ) -> Chained:
        """Replies to the same, as `chains.chains` has them, `parallel` requests at a time.

        A reply has ended when its request has. Once enough have, the other requests are cancelled, by closing their
        connections.
        """
        bodies = [self._body(messages, {**generation, "seed": seed}) for seed in seeds]
        found: list[Reply | Failed] = [Reply(text="", usage=_nothing(), stopped=True) for _ in bodies]
        order: list[int] = []

        def came(number: int, sent: dict[str, Any] | Exception, seconds: float) -> bool:
            try:
                if isinstance(sent, TooLong):
                    raise self._exceeded(messages)
                if isinstance(sent, Exception):
                    raise sent
                found[number] = reply = self._reply(messages, sent, seconds)
            except LongspanError as error:
                found[number] = Failed(reason=str(error))
                return False
            if heard is not None:
                heard(number, reply)
            if not reply.cut:
                order.append(number)
            return enough is not None and len(order) >= enough

        race([self._attempts("POST", "/chat/completions", each) for each in bodies], self.parallel, came)
        return Chained(replies=tuple(found), order=tuple(order))

    def _body(self, messages: Sequence[Message], generation: Generation) -> dict[str, Any]:
        for name in _OURS:
            if generation.get(name) is not None:
                raise ValueError(
                    f"{name} is not asked of servers; leave it out, or use a model of this process"
                )
        given: dict[str, Any] = {"temperature": 0.0, **generation}
        given["max_tokens"] = given.pop("max_new_tokens", MAX_NEW_TOKENS)
        body: dict[str, Any] = {"model": self.model, "messages": list(messages)}
        return body | {name: value for name, value in given.items() if value is not None and value != ()}

    def _exceeded(self, messages: Sequence[Message]) -> WindowExceeded:
        said = sum(len(each["content"]) for each in messages)
        return WindowExceeded(
            f"{self.url}: {said:,} characters do not fit the window of {self.model}; send fewer"
        )

    def _reply(
        self,
        messages: Sequence[Message],
        sent: dict[str, Any],
        seconds: float,
        stream: Callable[[str], None] | None = None,
    ) -> Reply:
        output, usage = self.output(sent), sent.get("usage")
        usage = usage if isinstance(usage, dict) else {}
        if stream is not None and output:
            stream(output)
        closed = "</think>" in output and "<think>" not in output.partition("</think>")[0]
        reasoning, text = split_reasoning(output, begun=closed)
        counted = sum(self.count_tokens(each["content"]) for each in messages)
        read = told_count(usage.get("prompt_tokens"), counted)
        if counted > _FEW and read < counted / 2:
            raise WindowExceeded(
                f"{self.url} read {read:,} of about {counted:,} tokens and left out the rest; send fewer"
            )
        return Reply(
            text=text,
            reasoning=reasoning,
            usage=Usage(
                prompt_tokens=read,
                generated_tokens=told_count(usage.get("completion_tokens"), self.count_tokens(output)),
                kv_bytes=0,
                peak_kv_bytes=0,
                prefill_seconds=0.0,
                decode_seconds=seconds,
            ),
            cut=sent["choices"][0].get("finish_reason") == "length",
        )

    def generate_all(
        self, prompts: Sequence[Sequence[Message]], **generation: Unpack[Generation]
    ) -> list[Reply | Failed]:
        """Replies to independent messages, `parallel` requests at a time."""

        def asked(messages: Sequence[Message]) -> Reply | Failed:
            try:
                return self.generate(messages, **generation)
            except LongspanError as error:
                return Failed(reason=str(error))

        with ThreadPoolExecutor(self.parallel) as pool:
            return list(pool.map(asked, prompts))

    def choose_all(
        self, prompts: Sequence[Sequence[Message]], options: Sequence[str]
    ) -> list[Chosen | Failed]:
        """By what the server says: not every one tells likelihoods."""
        return [
            each
            if isinstance(each, Failed)
            else Chosen(shares=by_words(each.text, options), usage=each.usage)
            for each in self.generate_all(prompts, max_new_tokens=VERDICT)
        ]

    def say(self, words: str, *, max_tokens: int) -> str:
        """All that is said to a user's words, greedily."""
        body = {
            "model": self.model,
            "max_tokens": max_tokens,
            "temperature": 0,
            "messages": [{"role": "user", "content": words}],
        }
        try:
            return self.output(self.sent("POST", "/chat/completions", body))
        except TooLong as error:
            raise EndpointError(
                f"{self.url}: {len(words):,} characters do not fit the window of {self.model}; use another model"
            ) from error

    def embedding(self, text: str) -> list[float]:
        """The vector of a text, by a server that has an embedding model."""
        try:
            reply = self.sent("POST", "/embeddings", {"model": self.model, "input": text})
        except TooLong as error:
            raise EndpointError(
                f"{self.url}: {len(text):,} characters do not fit the window of {self.model}; give a shorter text"
            ) from error
        try:
            return [float(value) for value in reply["data"][0]["embedding"]]
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise EndpointError(
                f"{self.url} sent no embedding: {str(reply)[:200]}; is {self.model} an embedding model?"
            ) from error

    def output(self, reply: Mapping[str, Any]) -> str:
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

    def sent(self, method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        """The reply to a request, made again while the server is away or busy."""
        return answered(self._attempts(method, path, body))

    def _attempts(self, method: str, path: str, body: dict[str, Any] | None) -> Attempts:
        """Requests that are made until one has its answer. Raises EndpointError, and TooLong."""
        key = os.environ.get("OPENAI_API_KEY")
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        reason, wanted = "", 0.0
        for attempt in range(self.attempts):
            pause = min(_LONGEST_PAUSE, max(wanted, self.pause * 2 ** (attempt - 1))) if attempt else 0.0
            try:
                asked = {"json": self._named(body), "headers": headers, "timeout": self.timeout}
                reply = yield Attempt(pause=pause, request={"method": method, "url": self.url + path} | asked)
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
                raise TooLong
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


def told_count(told: Any, counted: int) -> int:
    """The server's count of tokens where it tells one, else our own."""
    return told if isinstance(told, int) and not isinstance(told, bool) and told > 0 else counted


def _nothing() -> Usage:
    return Usage(
        prompt_tokens=0,
        generated_tokens=0,
        kv_bytes=0,
        peak_kv_bytes=0,
        prefill_seconds=0.0,
        decode_seconds=0.0,
    )


def _retry_after(reply: httpx.Response) -> float:
    """Seconds that a busy server asks to wait, 0 where it names none."""
    try:
        return max(0.0, float(reply.headers.get("retry-after", 0)))
    except ValueError:
        return 0.0


_OURS = ("logprobs", "repetition_window", "form", "reasoning")


class TooLong(Exception):
    """The server's model has a shorter window than the prompt needs."""
