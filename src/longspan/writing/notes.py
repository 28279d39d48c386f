"""Notes on sources: what each says of a task by attributes, every note with the place that holds it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from longspan.flows.base import drawing
from longspan.flows.prompting import enclosed, prompt
from longspan.flows.replies import NOTHING, declines, heard, listed
from longspan.retrieval.fusing import fuse
from longspan.running.generation import Generation
from longspan.spans import Span, relevance
from longspan.writing.grounding import grounded
from longspan.writing.manuscript import Manuscript
from longspan.writing.planning import EXAMPLE

ATTRIBUTES = ("subject", "background", "problem", "method", "result", "example", "limit", "open question")
"""What a note may be about; the template of a source's attributes."""
_WORDS = 12  # keywords at most
_TOKENS = 300  # of the notes of a call
_LABEL = re.compile(r"\A[\s*_-]*([^:：]{1,40})[*_]*[:：][*_]*\s*(.+)\Z", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Note:
    """Something that a source says. attribute: what it is about. source: the place that holds it."""

    attribute: str
    text: str
    source: Span


def keywords(manuscript: Manuscript) -> list[str]:
    """Words to look for beside the task's own; none where the model gives none."""
    message = prompt("write_keywords", task=manuscript.task.text, count=str(_WORDS))
    said = manuscript.ask([message], 160, "the search words").text
    if declines(said):
        return []
    found = [word.strip(" .") for line in listed(said) for word in re.split(r"[,;、，]", line)]
    return [word for word in dict.fromkeys(found) if word and len(word) <= 60][:_WORDS]


def gathered(manuscript: Manuscript, queries: Sequence[str], passages: int, tokens: int) -> list[Note]:
    """Notes on the passages that speak most of some queries, in the order of the sources.

    passages: how many are read at most. tokens: of those that one call reads. A note that no passage of its call holds
    is left out. Raises FlowError where a fifth of the calls fail, or more.
    """
    groups = _groups(manuscript, queries, passages, tokens)
    manuscript.events.step(f"takes notes on {sum(map(len, groups)):,} passages in {len(groups):,} calls")
    asked = [
        [
            prompt(
                "write_notes",
                sources=manuscript.shelf.numbered(group),
                task=manuscript.task.text,
                attributes=", ".join(ATTRIBUTES),
                example=EXAMPLE,
                nothing=NOTHING,
            )
        ]
        for group in groups
    ]
    generation: Generation = {**drawing(manuscript.events), "max_new_tokens": _TOKENS}
    replies = heard(manuscript.chat.generate_all(asked, **generation))
    found: list[Note] = []
    loose = 0
    for group, reply in zip(groups, replies, strict=True):
        if reply is None:
            manuscript.note(f"{len(group):,} passages were not read: the call failed")
            continue
        manuscript.usages.append(reply.usage)
        manuscript.shelf.show(group)
        for line in [] if declines(reply.text) else listed(reply.text):
            label = _LABEL.match(line)
            made = grounded(label[2] if label else line, group)
            sources = [source for each in made.held for source in each.claim.sources]
            if any(each.claim.state == "unverified" for each in made.held) or not sources:
                loose += 1
                continue
            about = label[1].strip("*_ ").lower() if label else ATTRIBUTES[0]
            found.append(Note(attribute=about, text=made.text.strip(), source=sources[0]))
    manuscript.events.step(f"{len(found):,} notes hold; {loose:,} that no source holds are left out")
    return list({(each.text.casefold(), each.source): each for each in found}.values())


def shown_notes(manuscript: Manuscript, notes: Sequence[Note]) -> str:
    """Notes as a model is shown them, by numbers from 1, each with its source's words."""
    titles = manuscript.shelf.titles
    said = [
        f"[{number}] {each.attribute}: {each.text}\n    ({titles[each.source.document]}: "
        f"“{' '.join(each.source.text.split())}”)"
        for number, each in enumerate(notes, 1)
    ]
    return enclosed("\n".join(said))


def best_notes(notes: Sequence[Note], query: str, count: int) -> list[Note]:
    """The notes that speak most of a query, as many as wanted, in their order."""
    scores = relevance([each.text for each in notes], query)
    best = sorted(range(len(notes)), key=lambda number: (-scores[number], number))[:count]
    return [notes[number] for number in sorted(best)]


def _groups(manuscript: Manuscript, queries: Sequence[str], passages: int, tokens: int) -> list[list[Span]]:
    """Passages to read, call by call: of one source each, as many as fit."""
    shelf = manuscript.shelf
    best = [number for number, _ in fuse([shelf.ranked(query) for query in queries])]
    if not best or len(shelf.passages) <= passages:
        best = [*range(len(shelf.passages))]
    by_source: dict[int, list[Span]] = defaultdict(list)
    for number in sorted(best[:passages]):
        span = shelf.passages[number]
        by_source[id(span.document)].append(span)
    groups: list[list[Span]] = []
    for spans in by_source.values():
        group: list[Span] = []
        for span in spans:
            if group and manuscript.chat.count_tokens(shelf.numbered([*group, span])) > tokens:
                groups.append(group)
                group = []
            group.append(span)
        groups.append(group)
    return groups
