"""L2MAC: a program of instructions carried out one by one on files, each in a fresh context."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from longspan.errors import FlowError
from longspan.flows.base import Events
from longspan.flows.chat import Chat, Message, Reply
from longspan.flows.prompting import enclosed, prompt
from longspan.flows.recursive_summary import count_words
from longspan.flows.replies import declines, straight
from longspan.parameters import check_whole
from longspan.registry import Card
from longspan.spans import Document, Span, sentences
from longspan.writing.actions import Action, actions
from longspan.writing.base import Task, Writing
from longspan.writing.files import Store
from longspan.writing.grounding import Grounded
from longspan.writing.manuscript import Manuscript, ending, tokens_of
from longspan.writing.planning import Point, points, spread
from longspan.writing.prose import prose
from longspan.writing.repeating import Repeats
from longspan.writing.written import Section, Written

CARD = Card(
    name="l2mac",
    target="longspan.writing.l2mac:L2mac",
    paper="L2MAC: Large Language Model Automatic Computer for Extensive Code Generation",
    link="https://arxiv.org/abs/2310.02003",
    year=2023,
    training=False,
    changes="Carries out a program of instructions one by one, each in a fresh context, on files that it reads and "
    "writes.",
    field=(137,),
    missing="It writes texts: files are checked for repetition, length and sources, and no program is run or tested.",
)

_PROGRAM = 400  # tokens
_NOTE = 120  # tokens of a summary of a step
_MARGIN = 700  # tokens that are left of the window
_WARMER, _COOLER, _WARMEST = 0.4, 0.1, 1.0  # how the temperature moves when replies repeat
_PLAIN = 20  # words of a reply without an action that are taken as a file


@dataclass(kw_only=True)
class _Step:
    """A step at work. wrote: its files. seen: files that it read or wrote. refused: texts. idle: vain replies."""

    number: int
    point: Point
    shown: Sequence[Span]
    wrote: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    refused: int = 0
    idle: int = 0


@dataclass(frozen=True, kw_only=True)
class L2mac(Writing):
    """An instruction registry and a file store. https://arxiv.org/abs/2310.02003

    Each step sees the task, the program, the names of the files and what the step before said of itself; it reads and
    writes whole files until it says that it is done. Near the end of the window it says how far it has come, and goes
    on from that in a fresh context. Replies that repeat make the temperature rise by 0.4 and sink again by 0.1.

    Deviations: actions are lines and not calls of functions, so that any model and server can be asked; a file that was
    there before the step is read before it is written anew; what repeats other files is refused twice, then its
    repeated sentences are left out; a reply without an action is told so, and is a file the second time; a step ends
    after `turns` replies, where the published code goes on for ever. Each step has its share of the words.
    """

    steps: int = 10
    """Instructions of the program at most; longer texts have more, of a thousand words each."""

    turns: int = 8
    """Replies in a step at most."""

    def __post_init__(self) -> None:
        check_whole("steps", self.steps, 1)
        check_whole("turns", self.turns, 1)

    def write(self, chat: Chat, task: Task, events: Events) -> Written:
        """The program, its steps, and files of the length that was asked for."""
        manuscript = Manuscript(chat=chat, task=task, events=events)
        program = spread(self._program(manuscript), task.words, manuscript.longest, self.steps)
        listed = "\n".join(f"{number}. {each.told}" for number, each in enumerate(program, 1))
        store, note = Store(), ""
        made: dict[str, tuple[Point, Sequence[Span], Grounded]] = {}
        for number, point in enumerate(program, 1):
            events.step(
                f"step {number:,} of {len(program):,}, {point.words:,} words; the files have "
                f"{sum(map(count_words, store.texts.values())):,}"
            )
            step = _Step(
                number=number,
                point=point,
                shown=manuscript.sources(f"{task.text}\n{point.about}", point.words),
            )
            note = self._run(manuscript, listed, step, store, note, made)
            if not step.wrote:
                manuscript.note(f"step {number:,} wrote no file: {point.told}")
        for name, text in store.texts.items():
            point, shown, held = made[name]
            manuscript.sections.append(
                Section(
                    about=point.told,
                    wanted=point.words,
                    text=text,
                    name=name,
                    shown=tuple(shown),
                    held=held.held,
                    sourced=bool(shown) or not task.sources,
                )
            )
        manuscript.fit()
        return manuscript.done(files={each.name: each.text for each in manuscript.sections})

    def _program(self, manuscript: Manuscript) -> list[Point]:
        task = manuscript.task
        shown = manuscript.resting(manuscript.sources(task.text, 256))
        message = prompt(
            "write_program", sources=shown, task=task.text, words=str(task.words), steps=str(self.steps)
        )
        for drawn in ({}, {"temperature": 0.7, "seed": 0}):
            found = points(manuscript.ask([message], _PROGRAM, "the program", **drawn).text)
            if found:
                return found
        raise FlowError("the model gives no list of steps, twice; use another model, or agent-write")

    def _run(
        self,
        manuscript: Manuscript,
        program: str,
        step: _Step,
        store: Store,
        note: str,
        made: dict[str, tuple[Point, Sequence[Span], Grounded]],
    ) -> str:
        """Carries out a step. Returns what it says of itself."""
        tokens = tokens_of(step.point.words) + 64
        warmer, before = 0.0, ""
        start = self._start(manuscript, program, step, store, note)
        log = [start]
        for turn in range(self.turns):
            if not _fits(manuscript, log, tokens) and len(log) > 1:
                note = self._progress(manuscript, log, tokens)
                log = [self._start(manuscript, program, step, store, note)]
            drawn = {"temperature": min(_WARMEST, warmer), "seed": turn} if warmer > 0 else {}
            reply = manuscript.ask(log, tokens, f"step {step.number}", **drawn)
            said = straight(reply.text) if before == reply.text else reply.text
            warmer = warmer + _WARMER if reply.text == before else max(0.0, warmer - _COOLER)
            before = reply.text
            results = []
            for action in _wanted(said, step):
                if action.kind == "done" and (step.wrote or step.idle):
                    return _short(action.text)
                results.append(self._done(manuscript, action, reply, step, store, made))
            if not results:
                step.idle += 1
                results.append(prompt("write_how")["content"])
            log += [
                Message(role="assistant", content=reply.text.strip() or "(nothing)"),
                Message(role="user", content="\n\n".join(results)),
            ]
        manuscript.events.step(f"step {step.number} was not ended in {self.turns:,} replies; its files stand")
        return f"Files so far: {store.listed()}"

    def _start(self, manuscript: Manuscript, program: str, step: _Step, store: Store, note: str) -> Message:
        sizes = [f"{name} ({count_words(text)} words)" for name, text in store.texts.items()]
        return prompt(
            "write_step",
            sources=manuscript.resting(step.shown),
            task=manuscript.task.text,
            program=program,
            files=", ".join(sizes) or "none yet",
            note=enclosed(note) if note else "nothing, this is the beginning",
            number=str(step.number),
            about=step.point.told,
            words=str(step.point.words),
            how=prompt("write_how")["content"],
        )

    def _progress(self, manuscript: Manuscript, log: list[Message], tokens: int) -> str:
        """How far a step has come, in two sentences, before its context is left."""
        manuscript.events.step("the context is full; the step goes on in a fresh one")
        asked = prompt("write_progress")
        rest = list(log)
        while len(rest) > 3 and not _fits(manuscript, [*rest, asked], _NOTE):
            del rest[1:3]
        if not _fits(manuscript, [*rest, asked], _NOTE):
            rest = rest[:1]
        joined = Message(role="user", content=f"{rest[-1]['content']}\n\n{asked['content']}")
        said = manuscript.ask([*rest[:-1], joined], _NOTE, "the note on a step")
        return _short(said.text)

    def _done(
        self,
        manuscript: Manuscript,
        action: Action,
        reply: Reply,
        step: _Step,
        store: Store,
        made: dict[str, tuple[Point, Sequence[Span], Grounded]],
    ) -> str:
        """Does what a model wants, and says what came of it."""
        if action.kind == "done":
            step.idle += 1
            return "This step has written no file yet. WRITE one, or say DONE again if it needs none."
        try:
            name = store.name(action.name)
            if action.kind == "read":
                step.seen.add(name)
                return f"{name}:\n{enclosed(ending(store.read(name), manuscript.longest))}"
            if name in store.texts and name not in step.seen:
                raise ValueError(f"{name} is there already; READ it first, or use another name")
            text = self._checked(manuscript, action.text, reply, step, store, name)
        except ValueError as error:
            return f"Not done: {error}"
        held = manuscript.grounded(text, step.shown)
        store.write(name, held.text)
        made[name] = (step.point, step.shown, held)
        step.seen.add(name)
        if name not in step.wrote:
            step.wrote.append(name)
        return prompt("write_written", file=name, words=str(count_words(text)), wanted=str(step.point.words))[
            "content"
        ]

    def _checked(
        self, manuscript: Manuscript, said: str, reply: Reply, step: _Step, store: Store, name: str
    ) -> str:
        """A text that may be kept. Raises ValueError, for the model, where it may not."""
        text = prose(said, "", cut=reply.cut)
        if not text or declines(text):
            raise ValueError("there is no text under WRITE; give the whole text of the file")
        known = Repeats(*(other for file, other in store.texts.items() if file != name))
        again = known.found(text)
        if not again:
            return text
        step.refused += 1
        kept = known.without(text)
        if step.refused <= 2 or not kept:
            manuscript.rewritten += 1
            manuscript.events.step(f"{name} repeats what was said; it is refused")
            raise ValueError(
                f"{name} says again what was said: {text[again[0][0] : again[0][1]][:200]!r}; write it otherwise"
            )
        manuscript.repeated += len(again)
        manuscript.events.step(f"{name}: {len(again):,} sentences that were said before are left out")
        return kept


def _wanted(said: str, step: _Step) -> list[Action]:
    """The actions of a reply; a second reply without any is a file, if it says something."""
    found = actions(said)
    text = prose(said, "")
    if not found and step.idle and count_words(text) >= _PLAIN and not declines(text):
        return [Action("write", f"step-{step.number}.md", text)]
    return found


def _fits(manuscript: Manuscript, log: Sequence[Message], tokens: int) -> bool:
    longest = manuscript.chat.longest
    if longest is None:
        return True
    used = sum(manuscript.chat.count_tokens(each["content"]) for each in log) + tokens
    return used + min(_MARGIN, longest // 8) <= longest


def _short(said: str) -> str:
    """The first two sentences."""
    found: Any = sentences(Document("note", straight(said)))[:2]
    return " ".join(" ".join(each.text.split()) for each in found)
