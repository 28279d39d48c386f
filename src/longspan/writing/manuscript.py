"""A text in the making: what is asked for each part of it, what was said, and how many words it has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from longspan.errors import FlowError, WindowExceeded
from longspan.flows.base import OVERHEAD, Events, drawing, together
from longspan.flows.chat import Chat, Message, Reply
from longspan.flows.prompting import enclosed, prompt
from longspan.flows.recursive_summary import count_words
from longspan.flows.replies import declines
from longspan.spans import Document, Span, sentences
from longspan.usage import Usage
from longspan.writing.base import Task
from longspan.writing.grounding import Grounded, Shelf, grounded, looseness
from longspan.writing.prose import prose
from longspan.writing.repeating import Repeats
from longspan.writing.written import Section, Written, joined

LONGEST = 1000
"""Words of a part at most, as in AgentWrite."""
TOLERANCE = 0.1
"""By how much of what was asked for a text may be longer or shorter without being mended."""
_TOKENS = 3  # of a word at most, in most languages
_SPARE = 32  # tokens of a reply besides
_ANEW = 0.7  # as a temperature
_TRIES = 2
_SOURCES = 4  # a part's sources take so many tokens as its words, and no more than a quarter of the window
_ENOUGH = 0.6  # of the words of a part, below which it is asked to go on
_GOES_ON = 3  # times that it is
_FEW = 8  # words that are no part of a text
_SHOWN = 3  # sentences that were said before, as they are shown
_GROWTH = 2  # times that a part grows when it is written anew


@dataclass(kw_only=True)
class Manuscript:
    """What a way to write has so far; every reply goes through here.

    usages: of all replies. sections: what is written. shelf: the sources. rewritten, repeated, unknown, notes: as in
    `Written`.
    """

    chat: Chat
    task: Task
    events: Events
    usages: list[Usage] = field(default_factory=list)
    sections: list[Section] = field(default_factory=list)
    rewritten: int = 0
    repeated: int = 0
    unknown: int = 0
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.shelf = Shelf(self.task.sources, self.task.ranked, self.chat.count_tokens)

    @property
    def words(self) -> int:
        """How many are written."""
        return count_words(joined(self.sections))

    @property
    def longest(self) -> int:
        """Words of a part at most: a reply takes at most a third of the window."""
        if self.chat.longest is None:
            return LONGEST
        return max(1, min(LONGEST, (self.chat.longest // 3 - _SPARE) // _TOKENS))

    def ask(self, messages: Sequence[Message], tokens: int, what: str, **drawn: Any) -> Reply:
        """One reply, for which a call that fails is made once more. Raises FlowError, which says for what it was."""
        generation = {**drawing(self.events), "max_new_tokens": tokens, **drawn}
        reason = ""
        for _ in range(_TRIES):
            (reply,) = self.chat.generate_all([messages], **generation)
            if isinstance(reply, Reply):
                self.usages.append(reply.usage)
                return reply
            reason = reply.reason
        raise FlowError(
            f"{what} failed: {reason}; mend that and run again: what was written is kept where there is a trace"
        )

    def sources(self, query: str, words: int) -> list[Span]:
        """Passages that a part of so many words may rest on."""
        tokens = max(512, _SOURCES * words)
        if self.chat.longest is not None:
            tokens = min(tokens, self.chat.longest // 4)
        return self.shelf.best(query, tokens)

    def resting(self, passages: Sequence[Span]) -> str:
        """How passages are shown in a prompt, with what is to be done with them; empty without."""
        if not passages:
            return ""
        self.shelf.show(passages)
        shown = self.shelf.numbered(passages)
        return f"{prompt('write_sources', sources=shown)['content']}\n\n"

    def before(self, words: int) -> str:
        """The last words that are written, whole sentences of at most so many, enclosed; nothing where none are."""
        text = joined(self.sections)
        return enclosed(ending(text, words)) if text else ""

    def part(
        self,
        messages: Sequence[Message],
        words: int,
        what: str,
        *,
        shown: Sequence[Span] = (),
        others: str | None = None,
        plain: Message | None = None,
    ) -> Grounded | None:
        """What a model writes, without what was said before; None, and a note, where it writes nothing else.

        what: the part's name in what is told. shown: passages by the numbers of their marks. others: the text that it
        must not say again; by default all that is written. plain: asks for the same in fewer words, for a second try.
        """
        *before, last = messages
        asked = last["content"]
        known = Repeats(joined(self.sections) if others is None else others)
        best, fault, left_out = "", "", 0
        for attempt in range(_TRIES):
            drawn: Mapping[str, Any] = {}
            if attempt:
                self.rewritten += 1
                self.events.step(f"{what} {fault.partition(':')[0]}; it is written anew")
                last = prompt("write_anew", asked=(plain or last)["content"], fault=_wish(fault))
                drawn = {"temperature": _ANEW, "seed": attempt - 1}
            reply = self.ask([*before, last], tokens_of(words), what, **drawn)
            text = prose(reply.text, _asked([*before, last]), cut=reply.cut)
            kept = "" if declines(text) else known.without(text)
            if kept and (not best or abs(count_words(kept) - words) < abs(count_words(best) - words)):
                best, left_out = kept, len(known.found(text))
            fault = _fault(text, known)
            if not fault:
                break
        if not best:
            self.note(f"{what} is not there: the model {fault.partition(':')[0]}")
            return None
        if left_out:
            self.repeated += left_out
            self.events.step(f"{what}: {left_out:,} sentences that were said before are left out")
        best = self._gone_on(best, [*before, Message(role="user", content=asked)], words, what, known)
        return self.grounded(best, shown)

    def _gone_on(self, text: str, asked: Sequence[Message], words: int, what: str, known: Repeats) -> str:
        """A text that is much too short, with what the model says when it is asked to go on."""
        known.add(text)
        for number in range(_GOES_ON):
            has = count_words(text)
            if has >= _ENOUGH * words:
                break
            self.events.step(f"{what} has {has:,} of {words:,} words; it goes on")
            more = prompt("write_more", words=str(words - has))
            reply = self.ask(
                [*asked, Message(role="assistant", content=text), more],
                tokens_of(words - has),
                what,
                **({"temperature": _ANEW, "seed": number} if number else {}),
            )
            rest = prose(reply.text, _asked([*asked, more]), cut=reply.cut)
            rest = "" if declines(rest) else known.without(rest)
            if count_words(rest) < _FEW:
                if number:
                    break
                continue
            known.add(rest)
            text = f"{text}\n\n{rest}"
        return text

    def grounded(self, text: str, shown: Sequence[Span]) -> Grounded:
        """A text with what its sentences rest on; without sources it stays as it is."""
        if not self.task.sources:
            return Grounded(text=text)
        made = grounded(text, shown)
        self.unknown += made.unknown
        return made

    def add(
        self,
        made: Grounded | None,
        words: int,
        about: str = "",
        *,
        name: str = "",
        shown: Sequence[Span] = (),
        sourced: bool | None = None,
    ) -> None:
        """Puts a part at the end of the text, if there is one.

        words: that were asked for. sourced: whether sources speak of it; by default, whether some were shown.
        """
        if made is not None:
            self.sections.append(
                Section(
                    about=about,
                    wanted=words,
                    text=made.text,
                    name=name,
                    shown=tuple(shown),
                    held=made.held,
                    sourced=bool(shown) or not self.task.sources if sourced is None else sourced,
                )
            )

    def note(self, line: str) -> None:
        """Tells something that a reader of the text must know, too."""
        self.notes.append(line)
        self.events.step(line)

    def fit(self) -> None:
        """Writes sections anew, shorter or in more detail, until the text has the words that were asked for.

        Each is written anew once at most, and as many as half of them and two; what comes nearer stands.
        """
        tried: set[int] = set()
        while len(tried) < 2 + len(self.sections) // 2:
            off = self.task.words - self.words
            at = self._worst(off, tried)
            if at is None or abs(off) <= TOLERANCE * self.task.words:
                break
            tried.add(at)
            old = self.sections[at]
            nearest = min(_GROWTH * old.words, old.words + off) if off > 0 else old.words + off
            words = max(1, min(self.longest, round(max(nearest, old.words / _GROWTH))))
            self.events.step(
                f"{self.words:,} of {self.task.words:,} words: a part of {old.words:,} is to have {words:,}"
            )
            new = self._mended(old, words, [*self.sections[:at], *self.sections[at + 1 :]])
            if new is not None and abs(off - (new.words - old.words)) < abs(off):
                self.sections[at] = new

    def _mended(self, old: Section, words: int, others: Sequence[Section]) -> Section | None:
        """A section in so many words, None where the model writes none, or sources hold less of it."""
        message = prompt(
            "write_longer",
            sources=self.resting(old.shown),
            task=self.task.text,
            text=enclosed(old.text),
            has=str(old.words),
            words=str(words),
            way="in more detail" if words > old.words else "shorter",
        )
        known = len(self.notes)
        made = self.part([message], words, "the part written anew", shown=old.shown, others=joined([*others]))
        del self.notes[known:]
        if made is None or looseness(made.held) > looseness(old.held):
            return None
        return replace(old, text=made.text, held=made.held)

    def _worst(self, off: int, tried: set[int]) -> int | None:
        """The section that lacks most of its words, or has most too many, of those that can still change."""
        lacking = {
            number: each.words / max(1, each.wanted)
            for number, each in enumerate(self.sections)
            if number not in tried and (off < 0 or each.words < self.longest)
        }
        if not lacking:
            return None
        chosen = min if off > 0 else max
        return chosen(lacking, key=lambda number: lacking[number])

    def done(self, files: Mapping[str, str] | None = None) -> Written:
        """The text as it is. Raises FlowError where nothing is written."""
        if not self.sections:
            said = f" ({self.notes[0]})" if self.notes else ""
            raise FlowError(f"nothing could be written{said}; use another model, or say the task otherwise")
        off = self.words - self.task.words
        if abs(off) > TOLERANCE * self.task.words:
            self.note(f"the text has {self.words:,} words in place of {self.task.words:,}")
        return Written(
            sections=tuple(self.sections),
            wanted=self.task.words,
            usage=together(self.usages, self.shelf.skipped),
            rewritten=self.rewritten,
            repeated=self.repeated,
            unknown=self.unknown,
            notes=tuple(self.notes),
            files=files or {},
        )

    def space(self, reply: int, *beside: str) -> int:
        """Tokens that a text may have beside others and a reply. Raises WindowExceeded where there are none."""
        if self.chat.longest is None:
            return 1 << 30
        left = self.chat.longest - reply - sum(map(self.chat.count_tokens, beside)) - OVERHEAD
        if left < 1:
            raise WindowExceeded(
                f"the task, its sources and a reply of {reply:,} tokens leave no room in {self.chat.longest:,} tokens; "
                "shorten the task, ask for fewer words, or raise the window with positions=..."
            )
        return left


def tokens_of(words: int) -> int:
    """Tokens of a reply of so many words at most."""
    return _TOKENS * words + _SPARE


def ending(text: str, words: int) -> str:
    """The last sentences of a text that together have at most so many words, and one at least."""
    start, has = len(text), 0
    for each in reversed(sentences(Document("text", text))):
        has += count_words(each.text)
        if has > words and start < len(text):
            break
        start = each.start
    return text[start:]


def _asked(messages: Sequence[Message]) -> str:
    """The words of all messages but the model's own."""
    return "\n".join(each["content"] for each in messages if each["role"] != "assistant")


def _wish(fault: str) -> str:
    """What a second try is to do otherwise."""
    said = fault.partition(": ")[2]
    return f"Do not say again: {said}" if said else "Write the text itself."


def _fault(text: str, known: Repeats) -> str:
    """What is wrong with a text, in words that go on from a name; nothing if nothing is."""
    if not text:
        return "said nothing"
    if declines(text):
        return "refused"
    again = known.found(text)
    if not again:
        return ""
    said = " / ".join(text[start:end] for start, end in again[:_SHOWN])
    return f"repeated what was said: {' '.join(said.split())[:400]}"
