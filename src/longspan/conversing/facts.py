"""Facts of what a user said, noted by the model, each with its source; a new one closes what it updates."""

from __future__ import annotations

import re

from longspan.conversing.talk import Talk
from longspan.flows.prompting import enclosed, prompt
from longspan.flows.replies import NOTHING
from longspan.memory import Turn
from longspan.spans import content_words
from longspan.usage import Usage

_LIMIT = 5
_LONGEST = 160  # tokens
_LINE = re.compile(r"^[\s\-*•\d.)]*(?P<subject>[^|\n]{1,60})\|(?P<fact>[^|\n]{3,300})$")


def note_facts(talk: Talk, said: Turn) -> tuple[Usage, ...]:
    """Asks for facts of the user's words alone, so that nothing that the assistant made up becomes one."""
    asked = prompt("noted_facts", said=enclosed(said.text), nothing=NOTHING)
    if talk.chat.count_tokens(asked["content"]) > talk.room:
        talk.events.step("no facts are noted of a message that is longer than the window")
        return ()
    reply = talk.chat.generate([asked], max_new_tokens=_LONGEST)
    known = {each.subject.casefold(): each for each in talk.memory.notes("fact")}
    for subject, fact in facts_in(reply.text, said.text):
        old = known.get(subject.casefold())
        if old is None or old.text != fact:
            known[subject.casefold()] = talk.memory.note(
                "fact",
                fact,
                subject=subject,
                sources=[said.id],
                replaces=old.id if old else None,
                since=max(said.time, old.valid_from) if old else said.time,
            )
    return (reply.usage,)


def facts_in(reply: str, said: str) -> list[tuple[str, str]]:
    """(subject, fact) pairs of a reply; what the user's words do not hold, such as an echo or a refusal, is dropped."""
    spoken = set(content_words(said))
    found: dict[str, tuple[str, str]] = {}
    for line in reply.splitlines():
        match = _LINE.match(line)
        if match is None:
            continue
        subject, fact = match["subject"].strip(), match["fact"].strip()
        told = content_words(fact)
        if told and 2 * sum(word in spoken for word in told) >= len(told):
            found.setdefault(subject.casefold(), (subject, fact))
    return list(found.values())[:_LIMIT]
