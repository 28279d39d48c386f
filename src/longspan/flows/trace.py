"""What a model has said, kept in a file step by step, so that a flow that was stopped goes on where it was."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self, Unpack

from filelock import FileLock, Timeout

from longspan.errors import FlowError
from longspan.flows.base import together
from longspan.flows.chains import Chained, Heard, chains, first_of, forks_of
from longspan.flows.chat import Chat, Failed, Message, Reply
from longspan.flows.choosing import Chosen
from longspan.flows.forks import Forks
from longspan.running.generation import Generation
from longspan.usage import Usage


class Trace:
    """A file of replies, a JSON object a line, written and synced one by one; a last line that is broken is not there.

    A reply is found again by what was asked: messages, settings and model, and how often the same was asked before.
    Opened, it belongs to this process alone. Raises FlowError where another has it, or where it is no such file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(f"{path}.lock")
        try:
            self._lock.acquire(timeout=0)
        except Timeout as error:
            raise FlowError(
                f"{path} is being written by another process; wait for its end, or stop it"
            ) from error
        self._known = self._read()
        self._file = path.open("a", encoding="utf-8")
        self.used = 0

    @property
    def count(self) -> int:
        """How many replies it holds."""
        return len(self._known)

    def find(self, key: str) -> Reply | None:
        """What was said under a key, None if nothing was."""
        known = self._known.get(key)
        if known is None:
            return None
        self.used += 1
        return Reply(
            text=known["text"],
            reasoning=known["reasoning"],
            usage=Usage(**known["usage"]),
            complete=known["complete"],
            cut=known["cut"],
            stopped=known.get("stopped", False),
        )

    def keep(self, key: str, reply: Reply) -> None:
        """Writes a reply down, without the likelihoods of its tokens."""
        said: dict[str, Any] = {
            "text": reply.text,
            "reasoning": reply.reasoning,
            "usage": asdict(reply.usage),
        }
        said |= {"complete": reply.complete, "cut": reply.cut, "stopped": reply.stopped}
        self._known[key] = said
        self._file.write(json.dumps({"key": key} | said, ensure_ascii=True) + "\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self, *, remove: bool = False) -> None:
        """Gives the file back. remove: deletes it, where what it was for is done."""
        self._file.close()
        if remove:
            self._path.unlink(missing_ok=True)
        self._lock.release()
        if remove:
            Path(self._lock.lock_file).unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _read(self) -> dict[str, dict[str, Any]]:
        """The replies that are there; cuts off a line that was not written to its end."""
        known: dict[str, dict[str, Any]] = {}
        if not self._path.exists():
            return known
        data = self._path.read_bytes()
        whole = data[: data.rfind(b"\n") + 1]
        for number, line in enumerate(whole.splitlines(), 1):
            try:
                said = json.loads(line)
                known[said.pop("key")] = said
            except (ValueError, KeyError, AttributeError, TypeError) as error:
                self._lock.release()
                raise FlowError(
                    f"{self._path}, line {number}, is no reply that was kept; delete the file"
                ) from error
        if len(whole) < len(data):
            os.truncate(self._path, len(whole))
        return known


class Traced:
    """A chat that looks up in a trace what it is asked, and asks another chat, `chat`, for what is not there."""

    def __init__(self, chat: Chat, trace: Trace) -> None:
        self.chat, self._trace = chat, trace
        self._asked: Counter[str] = Counter()
        self.identity, self.longest, self.forms = chat.identity, chat.longest, chat.forms

    def count_tokens(self, text: str) -> int:
        """Tokens of a text."""
        return self.chat.count_tokens(text)

    def generate(
        self,
        messages: Sequence[Message],
        *,
        stream: Callable[[str], None] | None = None,
        **generation: Unpack[Generation],
    ) -> Reply:
        """The reply, as `Chat.generate` says; at once where it is known."""
        key = self._key(messages, generation)
        known = self._trace.find(key)
        if known is not None:
            if stream is not None and known.text:
                stream(known.text)
            return known
        reply = self.chat.generate(messages, stream=stream, **generation)
        self._trace.keep(key, reply)
        return reply

    def generate_all(
        self, prompts: Sequence[Sequence[Message]], **generation: Unpack[Generation]
    ) -> list[Reply | Failed]:
        """Replies, as `Chat.generate_all` says; a few at a time, so that little is lost when it is stopped."""
        keys = [self._key(messages, generation) for messages in prompts]
        found: list[Reply | Failed | None] = [self._trace.find(key) for key in keys]
        missing = [number for number, reply in enumerate(found) if reply is None]
        for start in range(0, len(missing), _AT_ONCE):
            some = missing[start : start + _AT_ONCE]
            replies = self.chat.generate_all([prompts[number] for number in some], **generation)
            for number, reply in zip(some, replies, strict=True):
                found[number] = reply
                if isinstance(reply, Reply):
                    self._trace.keep(keys[number], reply)
        return [each for each in found if each is not None]

    def choose_all(
        self, prompts: Sequence[Sequence[Message]], options: Sequence[str]
    ) -> list[Chosen | Failed]:
        """As `Chat.choose_all` says; shares are kept as the text of a reply."""
        settings: Any = {"options": list(options)}
        keys = [self._key(messages, settings) for messages in prompts]
        found: list[Chosen | Failed | None] = [_chosen(self._trace.find(key)) for key in keys]
        missing = [number for number, known in enumerate(found) if known is None]
        asked = self.chat.choose_all([prompts[number] for number in missing], options) if missing else []
        for number, chosen in zip(missing, asked, strict=True):
            found[number] = chosen
            if isinstance(chosen, Chosen):
                self._trace.keep(
                    keys[number], Reply(text=json.dumps(list(chosen.shares)), usage=chosen.usage)
                )
        return [each for each in found if each is not None]

    def chains(
        self,
        messages: Sequence[Message],
        seeds: Sequence[int],
        *,
        enough: int | None = None,
        heard: Heard | None = None,
        **generation: Unpack[Generation],
    ) -> Chained:
        """Replies, as `chains` has them. Those that are known have come first, and count for what is enough."""
        keys = [self._key(messages, {**generation, "seed": seed}) for seed in seeds]
        found: list[Reply | Failed | None] = [self._trace.find(key) for key in keys]
        never = Reply(text="", usage=together(()), stopped=True)
        ended = list(first_of([each or never for each in found], None).order)
        missing = [number for number, reply in enumerate(found) if reply is None]
        left = None if enough is None else enough - len(ended)
        if missing and (left is None or left > 0):

            def keep(number: int, reply: Reply) -> None:
                self._trace.keep(keys[missing[number]], reply)
                if heard is not None:
                    heard(missing[number], reply)

            asked = [seeds[number] for number in missing]
            new = chains(self.chat, messages, asked, enough=left, heard=keep, **generation)
            for number, reply in zip(missing, new.replies, strict=True):
                found[number] = reply
            ended += [missing[each] for each in new.order]
        return Chained(replies=tuple(each or never for each in found), order=tuple(ended[:enough]))

    def forks(self, messages: Sequence[Message], count: int) -> Forks:
        """Replies to go on with, which are not kept."""
        return forks_of(self.chat, messages, count, "what is asked for")

    def _key(self, messages: Sequence[Message], generation: Generation) -> str:
        said = [self.identity, list(messages), dict(generation)]
        asked = json.dumps(said, sort_keys=True, ensure_ascii=True, default=repr)
        self._asked[asked] += 1
        return hashlib.sha256(f"{asked}\n{self._asked[asked]}".encode()).hexdigest()


def _chosen(known: Reply | None) -> Chosen | None:
    return None if known is None else Chosen(shares=tuple(json.loads(known.text)), usage=known.usage)


_AT_ONCE = 8
