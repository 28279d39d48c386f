"""Summaries of a conversation that the model makes for itself; each takes in the one before, and knows its turns."""

from __future__ import annotations

from collections.abc import Sequence

from longspan.conversing.compaction import summary_prompt
from longspan.conversing.messages import EACH, excerpt, messages_of
from longspan.conversing.talk import Talk
from longspan.errors import FlowError
from longspan.flows.chat import Message
from longspan.memory import Note, Turn
from longspan.usage import Usage


def last_summary(talk: Talk) -> Note | None:
    """The summary of this conversation that holds now, if there is one."""
    return next(iter(talk.memory.notes("summary", subject=str(talk.session))), None)


def since_summary(talk: Talk, said: Turn) -> list[Turn]:
    """Turns before what was just said that no summary stands for."""
    summary = last_summary(talk)
    turns = talk.memory.turns(session=talk.session, after=max(summary.sources) if summary else 0)
    return [each for each in turns if each.id < said.id]


def told_summary(summary: Note | None) -> list[Message]:
    """A summary as a message, with the number of those that it stands for."""
    if summary is None:
        return []
    words = f"[Summary of {len(summary.sources):,} earlier messages]\n{summary.text}"
    return [Message(role="user", content=words)]


def summarise(talk: Talk, turns: Sequence[Turn], room: int, longest: int) -> list[Usage]:
    """Makes one summary of the last one and these turns; some after others where they are more than the room.

    Each is in the memory when it is made, so that one that is interrupted goes on. Raises FlowError for an empty one.
    """
    summary, waiting, usages = last_summary(talk), list(turns), list[Usage]()
    while waiting:
        some = _first_that_fit(talk, summary, waiting, room - longest)
        messages = [*told_summary(summary), *messages_of(some)]
        if len(some) == 1:  # a message may be longer than the room
            text = some[0].text
            words = excerpt(
                text, text[-400:], max(1, room // 3), talk.chat.count_tokens, f"turn {some[0].id}"
            )
            messages[-1]["content"] = words
        reply = talk.chat.generate([summary_prompt(messages)], max_new_tokens=longest)
        usages.append(reply.usage)
        if not reply.text.strip():
            raise FlowError("the model gave an empty summary; use another model, or the method rounds")
        summary = talk.memory.note(
            "summary",
            reply.text.strip(),
            subject=str(talk.session),
            sources={*(summary.sources if summary else ()), *(each.id for each in some)},
            origin="assistant",
            replaces=summary.id if summary else None,
        )
        waiting = waiting[len(some) :]
    talk.events.step(f"{len(turns):,} messages are summarised; they stay in the memory word for word")
    return usages


def _first_that_fit(talk: Talk, summary: Note | None, turns: Sequence[Turn], room: int) -> list[Turn]:
    """As many of the first turns as fit into one question for a summary, one at least."""
    some = list(turns[:1])
    for turn in turns[1:]:
        asked = summary_prompt([*told_summary(summary), *messages_of([*some, turn])])
        if talk.chat.count_tokens(asked["content"]) + 2 * EACH > room:
            break
        some.append(turn)
    return some
