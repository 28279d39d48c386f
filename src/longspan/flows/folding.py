"""Notes joined in groups, call by call, until they fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from longspan.errors import FlowError
from longspan.flows.chat import Message, Reply
from longspan.flows.inquiry import Inquiry

Note = TypeVar("Note")

_PROGRESS = 0.9  # joined notes have at most this share of the tokens before


@dataclass(frozen=True, kw_only=True)
class Folding(Generic[Note]):
    """How notes are joined. shown: as several are read. message: asks for one instead of several.

    joined: what a reply makes of a group, None where it says that there is nothing. note: tokens of one at most.
    """

    shown: Callable[[Sequence[Note]], str]
    message: Callable[[Sequence[Note]], Message]
    joined: Callable[[Sequence[Note], Reply], Note | None]
    note: int

    def fold(self, inquiry: Inquiry, notes: list[Note], budget: int) -> list[Note]:
        """Notes that take at most so many tokens. A group whose call fails stays as it is.

        Raises FlowError where they do not become shorter.
        """
        count = inquiry.chat.count_tokens
        while (tokens := count(self.shown(notes))) > budget and len(notes) > 1:
            groups = self._groups(notes, budget, count)
            inquiry.events.step(f"joins {len(notes):,} notes of {tokens:,} tokens in {len(groups):,} groups")
            replies = inquiry.ask_each(groups, lambda group: [self.message(group)], max_new_tokens=self.note)
            notes = []
            for group, reply in zip(groups, replies, strict=True):
                one = None if reply is None else self.joined(group, reply)
                notes += group if reply is None else [] if one is None else [one]
            if notes and (now := count(self.shown(notes))) > _PROGRESS * tokens:
                raise FlowError(
                    f"notes of {tokens:,} tokens have {now:,} after they were joined, and {budget:,} fit; "
                    f"raise chunk=..., lower note={self.note}, or use another flow"
                )
        return notes

    def _groups(self, notes: Sequence[Note], budget: int, count: Callable[[str], int]) -> list[list[Note]]:
        """Neighbouring notes in groups of two or more that fit, as far as they do."""
        groups: list[list[Note]] = []
        for note in notes:
            if groups and (len(groups[-1]) < 2 or count(self.shown([*groups[-1], note])) <= budget):
                groups[-1].append(note)
            else:
                groups.append([note])
        return groups
