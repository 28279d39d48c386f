"""Dialogues that go on behind a context in which their keys and values are compressed."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile

from longspan.serving.asked import Asked, Turn
from longspan.serving.desk import Desk, Ticket
from longspan.serving.events import Done, Ended, Event, Made, Used
from longspan.serving.refused import Refused
from longspan.serving.sealed import Compaction, Seal
from longspan.spans import Document

_SAID = {"system": "System", "user": "User", "assistant": "Assistant", "tool": "Result"}
_GAP = " [...] "
_SHORTEST = 40


@dataclass(frozen=True, kw_only=True)
class Behind:
    """A request behind what was compacted before. used: "keys and values", "text" where these are lost, or "" for
    nothing. tokens: that were compacted. known, base, text: as of the compaction."""

    asked: Asked
    used: str = ""
    tokens: int = 0
    known: frozenset[str] = frozenset()
    base: str | None = None
    text: str = ""

    @property
    def told(self) -> dict[str, object]:
        """What a client is told of it."""
        return {"compaction": {"used": self.used, "context": self.asked.context}} if self.used else {}


async def gone_on(
    desk: Desk, asked: Asked, compaction: Compaction | None, documents: Sequence[Document] = ()
) -> Behind:
    """A request whose turns are those behind a compaction. documents: shown before what the user says first."""
    if compaction is None:
        return Behind(asked=replace(asked, turns=shown(asked.turns, documents)), base=asked.context)
    if asked.context not in (None, compaction.context, compaction.base):
        raise Refused(
            "the compaction was not made behind the context that longspan.context names; leave one of them out",
            param="longspan.context",
        )
    kept = [each for each in await desk.contexts(asked.owner) if each.id == compaction.context]
    system = list(takewhile(lambda each: each.role == "system", asked.turns))
    others = asked.turns[len(system) :]
    if kept:
        system = [each for each in system if _of_turn(each) not in compaction.known]
        documents = [each for each in documents if _of_document(each) not in compaction.known]
        turns = shown((*system, *compaction.tail, *others), documents)
        return Behind(
            asked=replace(asked, context=compaction.context, turns=turns),
            used="keys and values",
            tokens=kept[0].tokens,
            known=compaction.known,
            base=compaction.base,
            text=compaction.text,
        )
    past = Turn(role="user", text=f"What was said before, in short:\n\n{compaction.text}")
    context = None if asked.context == compaction.context else asked.context
    turns = shown((*system, past, *compaction.tail, *others), documents)
    return Behind(asked=replace(asked, context=context, turns=turns), used="text", base=context)


def shown(turns: Sequence[Turn], documents: Sequence[Document]) -> tuple[Turn, ...]:
    """Turns with documents before what the user says first. Raises Refused where no user says anything."""
    if not documents:
        return tuple(turns)
    first = next((number for number, each in enumerate(turns) if each.role == "user"), None)
    if first is None:
        raise Refused(
            "documents are shown before what a user says, and no message is a user's; send one",
            param="longspan.documents",
        )
    turn = replace(turns[first], documents=(*documents, *turns[first].documents))
    return (*turns[:first], turn, *turns[first + 1 :])


async def fresh_tokens(desk: Desk, behind: Behind) -> int:
    """Tokens of a prompt without those that were compacted before."""
    return await desk.count(behind.asked) - behind.tokens


def cut(turns: Sequence[Turn], *, prefill: bool) -> int:
    """How many turns are to be compacted: those before the last question, or all where most was said with it."""
    last = max((number for number, each in enumerate(turns) if each.role == "user"), default=0)
    sizes = [_size(each) for each in turns]
    before = any(each.role != "system" for each in turns[:last])
    if before and 2 * sum(sizes[last:]) <= sum(sizes):
        return last
    return len(turns) - prefill


@dataclass(kw_only=True)
class Compacting:
    """A ticket that makes a context of the first turns of a request, and asks it behind that.

    count: of the turns. ask: by which the rest is asked, None where that is all. letters: that the text for a lost
    context may have. sealed: the reference that clients send back, and text: what it says, once `Made` came. used: what
    making it took.
    """

    desk: Desk
    seal: Seal
    behind: Behind
    count: int
    ask: Callable[[Asked], Awaitable[Ticket]] | None
    sealed: str = ""
    text: str = ""
    used: Used = field(default_factory=Used)
    _running: Ticket | None = None
    _cancelled: bool = False

    def cancel(self) -> None:
        """Of what runs."""
        self._cancelled = True
        if self._running is not None:
            self._running.cancel()

    async def __aiter__(self) -> AsyncIterator[Event]:
        asked = self.behind.asked
        turns, tail = tuple(asked.turns[: self.count]), tuple(asked.turns[self.count :])
        made, notes = "", tuple[str, ...]()
        making = await self.desk.compact(
            asked.owner,
            turns,
            context=asked.context,
            plan=asked.plan,
            functions=asked.functions,
            variables=asked.variables,
        )
        async for event in self._of(making):
            if isinstance(event, Made):
                made = event.id
                self._seal(made, turns, tail)
            if isinstance(event, Done):
                self.used, notes = event.used, event.notes
            else:
                yield event
        if self.ask is None or self._cancelled:
            yield Ended(index=0, why="stop")
            yield Done(used=self.used, notes=notes)
            return
        answering = await self.ask(replace(asked, context=made, turns=tail))
        async for event in self._of(answering):
            yield replace(event, notes=(*notes, *event.notes)) if isinstance(event, Done) else event

    async def _of(self, ticket: Ticket) -> AsyncIterator[Event]:
        self._running = ticket
        if self._cancelled:
            ticket.cancel()
        async for event in ticket:
            yield event

    def _seal(self, context: str, turns: Sequence[Turn], tail: tuple[Turn, ...]) -> None:
        window = self.desk.offers[0].window
        documents = [each for turn in turns for each in turn.documents]
        known = {_of_turn(each) for each in turns if each.role == "system"} | set(
            map(_of_document, documents)
        )
        self.text = shortened(turns, self.behind.text, window or 8192)
        compaction = Compaction(
            context=context,
            text=self.text,
            base=self.behind.base,
            tail=tail,
            known=self.behind.known | known,
        )
        self.sealed = self.seal.sealed(self.behind.asked.owner, compaction)


def shortened(turns: Sequence[Turn], before: str, letters: int) -> str:
    """What was said, each piece as it is or with its middle left out, in so many letters. before: said before it."""
    pieces = [before] if before else []
    for turn in turns:
        if turn.role == "system":
            continue
        pieces += [f"Document {each.name}: {each.text}" for each in turn.documents]
        pieces += [f"{_SAID[turn.role]}: {turn.text}"] if turn.text else []
        pieces += [f"Assistant: {each.name}({each.arguments})" for each in turn.calls]
    pieces = pieces[-max(1, letters // _SHORTEST) :]
    room, longest = letters, letters
    for number, size in enumerate(sorted(map(len, pieces))):
        longest = max(_SHORTEST, room // (len(pieces) - number))
        if size > longest:
            break
        room -= size
    return "\n\n".join(_without_middle(each, longest) for each in pieces)


def _without_middle(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    half = (longest - len(_GAP)) // 2
    return text[:half] + _GAP + text[-half:]


def _size(turn: Turn) -> int:
    return len(turn.text) + sum(len(each.text) for each in turn.documents)


def _of_turn(turn: Turn) -> str:
    return _digest(f"{turn.role}\0{turn.text}")


def _of_document(document: Document) -> str:
    return _digest(f"document\0{document.name}\0{document.text}")


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=12).hexdigest()
