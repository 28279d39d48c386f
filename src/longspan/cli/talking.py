"""What a user's line does in a conversation: it says something, or is a command such as /forget."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import typer

from longspan.cli.answering import quoted
from longspan.cli.asked import note, opened
from longspan.cli.terminal import say
from longspan.conversing.talk import Talk
from longspan.errors import DocumentError
from longspan.memory.records import moment
from longspan.spans import Answer, Document, printable

HELP = """\
/attach FILE       attach a document or a folder; quotes from it are checked
/detach            take all documents away
/memory            what is kept; with words, what of it speaks of them; with a number, that round in full
/rule TEXT         a standing instruction; with IF => THEN one for some cases
/forget NUMBER...  erase rounds for good; /forget all erases everything, rules and documents too
/new               begin anew with an empty window; the memory stays
/help              these lines
/quit              end; so does the end of the input
A line that begins with // is said with one dash less."""
_SHOWN = 8


class Ended(Exception):
    """The user wants to end."""


@dataclass(kw_only=True)
class Talking:
    """A conversation on the command line.

    as_json: whether lines and answers are JSON. finish: ends the line of an answer.
    """

    talk: Talk
    as_json: bool = False
    finish: Callable[[bool], None] = lambda finished: None
    notes: list[str] = field(default_factory=list)

    def take(self, line: str) -> None:
        """Does what a line asks for. Raises Ended, ValueError for a line that cannot be taken, and what chats raise."""
        self.notes.clear()
        words, label = line, ""
        if self.as_json and line.lstrip().startswith("{"):
            words, label = _said(line)
        elif line.startswith("//"):
            words = line[1:]
        elif line.startswith("/"):
            name, _, rest = line[1:].strip().partition(" ")
            self._command(name, rest.strip())
            return
        if not words.strip():
            return
        known = self.talk.memory.labelled(label) if label else []
        if any(each.role == "assistant" for each in known):
            self._kept(label, known[0].text, words, known[-1].text)
            return
        self._said(self.talk.say(words, label=label), label)
        sys.stdout.flush()
        self.talk.catch_up()

    def tell(self, line: str) -> None:
        """A line for people; with JSON, a part of the next record."""
        if self.as_json:
            self.notes.append(printable(line, lines=False))
        else:
            note(line)

    def attach(self, files: Sequence[str]) -> None:
        """Attaches documents, which are kept in the memory and take the place of those of the same names."""
        if not files:
            raise ValueError("/attach names no file; write /attach FILE")
        for document in opened(files):
            where = str(Path(document.name).absolute()) if Path(document.name).is_file() else ""
            self.talk.memory.attach(document.name, document.text, path=where)
            same = [each.name for each in self.talk.documents]
            self.talk.documents[:] = [each for each in self.talk.documents if each.name != document.name]
            self.talk.documents.append(document)
            again = " anew" if document.name in same else ""
            self.tell(f"{document.name} is attached{again}: {len(document.text):,} characters")

    def _said(self, answer: Answer, label: str) -> None:
        if self.as_json:
            self._record(label, answer.to_dict())
            return
        self.finish(True)
        typer.echo()
        for citation in answer.citations:
            say(quoted(citation))
        if not answer.text.strip():
            note("the model said nothing; ask in other words")

    def _kept(self, label: str, before: str, words: str, text: str) -> None:
        if before != words:
            raise ValueError(f"id={label!r} was of other words before; give each message an id of its own")
        self._record(label, {"text": text, "kept": True})

    def _record(self, label: str, record: dict[str, Any]) -> None:
        head = {"id": label} if label else {}
        typer.echo(json.dumps(head | record | {"notes": list(self.notes)}, ensure_ascii=False))

    def _command(self, name: str, rest: str) -> None:
        commands: dict[str, Callable[[str], Iterable[str]]] = {
            "attach": self._attach,
            "detach": self._detach,
            "memory": self._memory,
            "rule": self._rule,
            "forget": self._forget,
            "new": self._new,
            "help": lambda rest: HELP.splitlines(),
            "quit": _end,
        }
        if name not in commands:
            raise ValueError(
                f"/{name} is no command; there are {', '.join(f'/{each}' for each in commands)}, and // says a line "
                "that begins with a slash"
            )
        lines = [printable(each, lines=False) for each in commands[name](rest)]
        if self.as_json:
            self._record("", {"command": name, "lines": lines})
        else:
            for each in lines:
                say(each)

    def _attach(self, rest: str) -> list[str]:
        self.attach([os.path.expanduser(rest)] if rest else [])
        return []

    def _detach(self, rest: str) -> list[str]:
        for each in self.talk.memory.attached():
            self.talk.memory.detach(each.id)
        gone = len(self.talk.documents)
        self.talk.documents.clear()
        return [f"{gone:,} taken away"]

    def _memory(self, rest: str) -> list[str]:
        memory = self.talk.memory
        if rest.isdecimal():
            turns = memory.turns(rounds=[int(rest)])
            if not turns:
                raise ValueError(f"/memory {rest} is no round; see /memory")
            return [
                f"{each.role}, {moment(each.time)}: {line}"
                for each in turns
                for line in each.text.split("\n")
            ]
        if rest:
            found = memory.search(rest, limit=_SHOWN, kinds=("fact", "archive"), floor=0)
            return [_round(each.turns) for each in found if each.turns] or ["nothing speaks of that"]
        turns, notes = memory.turns(), memory.notes()
        rounds = sum(each.role == "user" for each in turns)
        lines = [f"{rounds:,} rounds, {len(notes):,} notes in {memory.path}"]
        if memory.embedder is None:
            lines.append("earlier rounds are found by words")
        lines += [f"rule {each.id}: {each.condition + ' => ' if each.condition else ''}{each.text}"
                  for each in notes if each.kind == "instruction"]  # fmt: skip
        lines += [
            f"{each.kind} {each.id}: {each.subject}: {each.text}"
            for each in notes
            if each.kind != "instruction"
        ]
        last = {each.round for each in turns[-2 * _SHOWN :]}
        return lines + [
            _round([each for each in turns if each.round == one]) for one in sorted(last)[-_SHOWN:]
        ]

    def _rule(self, rest: str) -> list[str]:
        if not rest:
            raise ValueError("/rule says nothing; write /rule TEXT, or /rule IF => THEN")
        condition, arrow, text = rest.partition("=>")
        kept = self.talk.memory.note(
            "instruction", (text if arrow else rest).strip(), condition=condition.strip() if arrow else ""
        )
        return [f"rule {kept.id} is kept"]

    def _forget(self, rest: str) -> list[str]:
        memory = self.talk.memory
        if rest == "all":
            memory.erase_all()
            self.talk.documents.clear()
            self._close()
            return ["everything is erased"]
        numbers = rest.replace(",", " ").split()
        if not numbers or not all(each.isdecimal() for each in numbers):
            raise ValueError("/forget takes numbers of rounds, which /memory shows, or all")
        gone = memory.erase(int(each) for each in numbers)
        if not gone:
            raise ValueError(f"/forget {rest} names no round; see /memory")
        self._close()
        return [f"{gone:,} turns are erased, with what was noted of them"]

    def _close(self) -> None:
        """Lets go of what a model of this process has read."""
        close = getattr(self.talk.chat, "close", None)
        if close is not None:
            close()

    def _new(self, rest: str) -> list[str]:
        memory, last = self.talk.memory, self.talk.memory.turns(session=self.talk.session)
        if last:
            self.talk.session += 1
            memory.set_mark(self.talk.session, "window", last[-1].id)
        return ["a new conversation; the memory stays"]


def attached(talk: Talk) -> list[str]:
    """Puts the documents of the memory into the talk, as they lie in their files; lines about those that changed."""
    lines = []
    for each in talk.memory.attached():
        document = Document(each.name, each.text)
        if each.path:
            try:
                now = Document.open(each.path)
                if now.text == each.text:
                    document = Document(each.name, now.text, now.places, now.notes)
                else:
                    lines.append(
                        f"{each.name} has changed; what was attached is used, /attach it anew for what it is now"
                    )
            except DocumentError:
                lines.append(f"{each.name} is not there any more; what was attached is used")
        talk.documents.append(document)
    return lines


def _said(line: str) -> tuple[str, str]:
    """The words and the id of a line of JSON."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError(f'the line is no JSON ({error}); write {{"content": "...", "id": "..."}}') from None
    words, label = record.get("content"), record.get("id", "")
    if not isinstance(words, str) or not isinstance(label, str | int) or isinstance(label, bool):
        raise ValueError(
            'the line has no "content" of text, or an "id" that is neither text nor number; mend it'
        )
    if not words.strip():
        raise ValueError('"content" is empty; say something')
    return words, str(label)


def _round(turns: Sequence[Any]) -> str:
    """A round in a line."""
    texts = [" ".join(each.text.split()) for each in turns]
    short = " — ".join(text if len(text) <= _WIDE else f"{text[:_WIDE]}…" for text in texts)
    return f"{turns[0].round}  {moment(turns[0].time)}  {short}"


_WIDE = 60


def _end(rest: str) -> Iterable[str]:
    raise Ended
