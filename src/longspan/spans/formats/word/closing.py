"""What stands apart from the body of a Word file: notes, comments, headers and footers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from longspan.spans.formats.left_out import Kind
from longspan.spans.formats.package import local, switched_on, value
from longspan.spans.formats.word.reading import WordFile
from longspan.spans.formats.word.story import Story

_SWITCHED_OFF = Kind("header or footer", "headers or footers", "no page of the file shows it")


_TURNS = ("first", "default", "even", "")


def notes(reading: WordFile, main: str, kind: str) -> Iterator[str]:
    """Each footnote or endnote, after the mark that the text has for it."""
    for part in reading.package.related(main, f"{kind}s"):
        for node in reading.package.children(part, f"{kind}s"):
            if local(node) == kind:
                mark = reading.marks.of(kind, value(node, "id") or "")
                text = Story(reading, part).read(node).text.strip()
                if text:
                    yield f"[{mark}] {text}" if mark else text


def comments(reading: WordFile, main: str) -> Iterator[str]:
    """Each comment, after its mark, with its author and date, and to which other it replies."""
    states = _states(reading, main)
    names: dict[str, str] = {}
    for part in reading.package.related(main, "comments"):
        for node in reading.package.children(part, "comments"):
            if local(node) != "comment":
                continue
            mark = reading.marks.of("comment", value(node, "id") or "") or "comment"
            own = list(filter(None, (value(each, "paraId") for each in node if local(each) == "p")))
            names |= dict.fromkeys(own, mark)
            answered, done = states.get(own[-1] if own else "", ("", False))
            head = mark + (f", a reply to {names[answered]}" if answered in names else "")
            head += ", resolved" if done else ""
            author, date = value(node, "author") or "", (value(node, "date") or "")[:10]
            who = " ".join(filter(None, (author, f"({date})" if date else "")))
            text = Story(reading, part).read(node).text.strip()
            if text:
                yield f"[{head}] {who}: {text}" if who else f"[{head}] {text}"


def _states(reading: WordFile, main: str) -> dict[str, tuple[str, bool]]:
    """For the last paragraph of a comment: the one of the comment that it answers, and whether that is done."""
    found = {}
    for part in reading.package.related(main, "commentsExtended"):
        for node in reading.package.tree(part):
            done = (value(node, "done") or "0") not in ("0", "false", "off")
            found[value(node, "paraId") or ""] = (value(node, "paraIdParent") or "", done)
    return found


def headers(reading: WordFile, main: str) -> Iterator[str]:
    """Each header and footer that a page can show, once; those that none shows are counted."""
    shown = dict.fromkeys(_shown_parts(reading, main))
    said: set[str] = set()
    for label in ("header", "footer"):
        parts = reading.package.related(main, label)
        for part in sorted(parts, key=lambda part: list(shown).index(part) if part in shown else len(shown)):
            text = Story(reading, part).read(reading.package.tree(part)).text
            if part not in shown and text:
                reading.left_out.add(_SWITCHED_OFF, text)
            elif text and (line := f"{label.capitalize()}: {text}") not in said:
                said.add(line)
                yield line


def _shown_parts(reading: WordFile, main: str) -> Iterator[str]:
    settings: list[Any] = [
        node for part in reading.package.related(main, "settings")[:1] for node in reading.package.tree(part)
    ]
    alternate = any(local(node) == "evenAndOddHeaders" and switched_on(node) for node in settings)
    relations = reading.package.relations(main)
    current: dict[tuple[str, str], str] = {}
    for section in reading.sections:
        current |= section  # what a section does not say goes on from the one before
        for (_, turn), name in sorted(current.items(), key=lambda pair: _TURNS.index(pair[0][1])):
            on = (
                turn == "default"
                or (turn == "even" and alternate)
                or (turn == "first" and ("titlePg", "") in section)
            )
            if name and on and name in relations:
                yield relations[name].target


def has_macros(reading: WordFile, main: str) -> bool:
    return bool(reading.package.related(main, "vbaProject"))
