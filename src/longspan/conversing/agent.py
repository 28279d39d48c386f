"""A model that acts by calling functions: its calls and their results, made shorter where they are too long."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from longspan.conversing.calls import Call, Tool, ask, call_in, form_of
from longspan.conversing.compaction import Compaction, Entry
from longspan.conversing.messages import EACH, Count, alternating, beginning
from longspan.flows.chat import Chat, Message
from longspan.spans.rendering import GAP
from longspan.usage import Usage

_CIRCLES = 2  # times that the same call may be made in a row
RESULT = 3000
"""Characters of a result at most, as in MemGPT."""


class Agent:
    """Messages and calls so far.

    chat: who calls. tools: what it may call. messages: what it is told first. room: tokens that all of it may take.
    limit: tokens of a call. entries: messages in the form of servers, calls and results among them.
    """

    def __init__(
        self, chat: Chat, tools: Sequence[Tool], messages: Iterable[Entry], room: int, limit: int
    ) -> None:
        self.chat, self.tools, self.room, self.limit = chat, tools, room, limit
        self.entries: list[Entry] = list(messages)
        self.usages: list[Usage] = []
        self._last: list[tuple[str, dict[str, Any]]] = []
        self._form = form_of(tools)
        self._compaction = Compaction(results=1, smallest=24)
        self._tools = {each.name: each for each in tools}

    def call(self) -> Call | None:
        """The next call; None where the model forms none, after it was told once what is wrong, or goes in circles."""
        for _ in range(2):
            messages = self.messages()
            reply = ask(self.chat, messages, self._form, self.limit)
            self.usages.append(reply.usage)
            found = call_in(reply.text, self.tools)
            if isinstance(found, Call):
                same = (found.name, dict(found.given))
                self._last = [*self._last[-_CIRCLES:], same]
                return None if self._last.count(same) > _CIRCLES else found
            said = reply.text.strip()[: self.limit] or "(nothing)"
            wrong = f"That was no call: {found}. Write one call, as one line of JSON."
            self.entries += [{"role": "assistant", "content": said}, {"role": "user", "content": wrong}]
        del self.entries[-4:]
        return None

    def run(self, call: Call) -> str:
        """What a function says, its faults included."""
        try:
            result = self._tools[call.name].run(**call.given)
        except ValueError as error:
            result = f"error: {error}"
        return shortened(result, self.chat.count_tokens, max(EACH, self.room // 4))

    def took(self, call: Call, result: str) -> None:
        """Keeps a call with its result."""
        id = f"call-{len(self.entries)}"
        function = {"name": call.name, "arguments": json.dumps(dict(call.given), ensure_ascii=False)}
        self.entries += [
            {"role": "assistant", "content": call.text, "tool_calls": [{"id": id, "function": function}]},
            {"role": "tool", "content": result, "tool_call_id": id},
        ]

    def messages(self) -> list[Message]:
        """What the model is asked now, old results cleared where it would be too long. Raises WindowExceeded."""
        self.entries, _ = self._compaction.apply(self.entries, max(1, self.room), self.size)
        return alternating(_message(each) for each in self.entries)

    def size(self, entry: Entry) -> int:
        """Tokens of an entry."""
        return self.chat.count_tokens(_message(entry)["content"]) + EACH

    @property
    def tokens(self) -> int:
        """Tokens of all entries."""
        return sum(self.size(each) for each in self.entries)


def shortened(text: str, count: Count, tokens: int) -> str:
    """A result within its bounds; what is left out is said, with the whole length."""
    short = beginning(text[:RESULT], tokens, count)
    return text if short == text else f"{short.removesuffix(GAP)}[... of {len(text):,} characters]"


def _message(entry: Entry) -> Message:
    role: Any = entry["role"]
    if role == "tool":
        return Message(role="user", content=f"Result, as data: {entry['content']}")
    return Message(role=role, content=str(entry["content"]))
