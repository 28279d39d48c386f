"""SurveyX: notes on sources by attributes, an outline of them, and sections that rest on their notes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from longspan.errors import FlowError
from longspan.flows.base import Events
from longspan.flows.chat import Chat
from longspan.flows.prompting import enclosed, prompt
from longspan.parameters import check_whole
from longspan.registry import Card
from longspan.spans import Span, relevance
from longspan.writing.agent_write import carried, preceding
from longspan.writing.base import Task, Writing
from longspan.writing.grounding import Grounded, looseness
from longspan.writing.manuscript import LONGEST, Manuscript
from longspan.writing.notes import Note, best_notes, gathered, keywords, shown_notes
from longspan.writing.planning import EXAMPLE, Point, points, spread
from longspan.writing.written import Written, joined

CARD = Card(
    name="surveyx",
    target="longspan.writing.surveyx:SurveyX",
    paper="SurveyX: Academic Survey Automation via Large Language Models",
    link="https://arxiv.org/abs/2502.14776",
    year=2025,
    training=False,
    changes="Takes notes on sources by attributes, makes an outline of them, fills it from its notes, and checks every "
    "sentence.",
    field=(267,),
    missing="Sources are files of the user and nothing is fetched from the web, no tables or figures are made, and "
    "prompts and sizes are longspan's, since only the abstract was to be had.",
)

_SECTIONS = 12
_LINE = 80  # tokens of a line of the outline
_LOOSE = 4  # sentences that no source holds, as they are shown
_CITED = re.compile(
    r"(?i)[\s\-–—|,(\[]*\bnotes?\b\s*[:：]?\s*[\[(]?(\d{1,4}(?:(?:\s*(?:[,&–-]|and\b)\s*)+\d{1,4})*|none\b|<[^>]*>|\Z)[\])]?"
)
_RANGE = re.compile(r"(\d+)(?:\s*[-–]\s*(\d+))?")


@dataclass(frozen=True, kw_only=True)
class SurveyX(Writing):
    """Notes, outline, sections, checks. https://arxiv.org/abs/2502.14776

    The passages that speak most of the task, also in search words that the model adds, are read source by source; the
    model writes down what they say by attributes (subject, background, problem, method, result, ...), and a note stays
    where the source holds it. An outline gives each section its notes; a section is written from these alone. Then
    each sentence is looked for in what the section rests on: with those that nothing holds further passages are
    retrieved, and the section is written once more. What nothing holds even then is marked as such, and a section
    without notes as one without a source.

    Deviations: only the abstract of the paper was to be had, so prompts and sizes are longspan's; sources are given and
    not searched in the web; the outline is made at once from all notes; there are no tables and figures.
    """

    passages: int = 48
    """Passages of the sources that are read for notes at most."""

    reading: int = 1500
    """Tokens of passages that one call reads for notes."""

    notes: int = 60
    """Notes of which the outline is made at most, those that speak most of the task."""

    checks: int = 1
    """How often a section is written anew because of sentences that no source holds."""

    tail: int = 300
    """Words of what is written that the next section is shown."""

    def __post_init__(self) -> None:
        check_whole("passages", self.passages, 1)
        check_whole("reading", self.reading, 64)
        check_whole("notes", self.notes, 1)
        check_whole("checks", self.checks, 0, 5)
        check_whole("tail", self.tail, 0)

    def check(self, task: Task) -> None:
        """There must be sources."""
        if not task.sources:
            raise ValueError("surveyx writes from sources; give some with sources=..., or use agent-write")

    def write(self, chat: Chat, task: Task, events: Events) -> Written:
        """The text; its claims say where each sentence comes from. Raises ValueError without sources."""
        self.check(task)
        manuscript = Manuscript(chat=chat, task=task, events=events)
        queries = [task.text, *keywords(manuscript)]
        reading = self.reading if chat.longest is None else min(self.reading, chat.longest // 2)
        found = gathered(manuscript, queries, self.passages, reading)
        if not found:
            raise FlowError(
                "the model took no note that the sources hold; use a larger model, agent-write, or sources that speak "
                "of the task"
            )
        notes = best_notes(found, task.text, self._fitting(manuscript, found))
        plan = spread(self._outlined(manuscript, notes), task.words, manuscript.longest)
        outline = "\n".join(f"{number}. {_heading(each)}" for number, each in enumerate(plan, 1))
        events.step(
            f"plans {len(plan):,} sections of {task.words:,} words together from {len(notes):,} notes"
        )
        cited = _assigned(plan, notes)
        for number, (point, its) in enumerate(zip(plan, cited, strict=True)):
            words = carried(manuscript, plan[number:])
            heading = "" if point.share and not point.share.startswith("part 1 ") else _heading(point)
            what = f"section {number + 1}"
            events.step(f"writes {what} of {len(plan):,} from {len(its):,} notes, {words:,} words")
            message = prompt(
                "write_section",
                before=preceding(manuscript.before(self.tail)),
                task=task.text,
                outline=outline,
                notes=shown_notes(manuscript, its) if its else "none: the sources say nothing of this",
                number=str(number + 1),
                about=f"{_heading(point)} ({point.share})" if point.share else _heading(point),
                words=str(words),
            )
            shown = [each.source for each in its]
            made = manuscript.part([message], words, what, shown=shown)
            if made is not None and its:
                made, shown = self._checked(manuscript, made, shown, words, what)
            manuscript.add(made, point.words, _heading(point), name=heading, shown=shown, sourced=bool(its))
        manuscript.fit()
        return manuscript.done()

    def _fitting(self, manuscript: Manuscript, notes: Sequence[Note]) -> int:
        """How many notes fit into the call of the outline, with half of the window left."""
        if manuscript.chat.longest is None:
            return self.notes
        tokens = manuscript.chat.count_tokens(shown_notes(manuscript, notes)) / len(notes)
        return max(1, min(self.notes, int(manuscript.chat.longest / 2 / tokens)))

    def _outlined(self, manuscript: Manuscript, notes: Sequence[Note]) -> list[Point]:
        """Sections with the numbers of their notes, at the second try without counts. Raises FlowError for none."""
        task = manuscript.task
        fewest = max(1, -(-task.words // LONGEST))
        limit = max(fewest, min(_SECTIONS, len(notes), task.words // 100))
        message = prompt(
            "write_outline",
            task=task.text,
            notes=shown_notes(manuscript, notes),
            words=str(task.words),
            fewest=str(fewest),
            most=str(limit),
            example=EXAMPLE,
        )
        for drawn in ({}, {"temperature": 0.7, "seed": 0}):
            found = points(manuscript.ask([message], _LINE * limit + 64, "the outline", **drawn).text)
            if found:
                return found
        raise FlowError(
            "the model gives no outline of one to fifty sections, twice; use another model, or agent-write"
        )

    def _checked(
        self, manuscript: Manuscript, made: Grounded, shown: list[Span], words: int, what: str
    ) -> tuple[Grounded, list[Span]]:
        """A section with fewer sentences that no source holds, and what it may rest on."""
        for _ in range(self.checks):
            loose = [each.claim.text for each in made.held if each.claim.state == "unverified"]
            if not loose:
                break
            manuscript.events.step(
                f"{what}: {len(loose):,} sentences that no source holds; it is written anew"
            )
            more = manuscript.sources("\n".join(loose), words)
            wider = list(dict.fromkeys([*shown, *more]))
            message = prompt(
                "write_checked",
                sources=manuscript.resting(wider),
                task=manuscript.task.text,
                text=enclosed(made.text),
                loose=enclosed("\n".join(loose[:_LOOSE])),
                words=str(words),
            )
            known = len(manuscript.notes)
            again = manuscript.part([message], words, what, shown=wider, others=joined(manuscript.sections))
            del manuscript.notes[known:]
            if again is None or looseness(again.held) >= looseness(made.held):
                break
            made, shown = again, wider
            manuscript.rewritten += 1
        return made, shown


def _assigned(plan: Sequence[Point], notes: Sequence[Note]) -> list[list[Note]]:
    """The notes of each section; one that no section names goes to the one of whose heading it speaks most."""
    cited: list[set[int]] = []
    for point in plan:
        numbers: set[int] = set()
        for each in _CITED.finditer(point.about):
            for first, last in _RANGE.findall(each[1]):
                numbers.update(range(int(first), min(int(last or first), len(notes)) + 1))
        cited.append({number for number in numbers if 1 <= number <= len(notes)})
    headings = [_heading(each) for each in plan]
    for number in {*range(1, len(notes) + 1)} - set().union(*cited):
        scores = relevance(headings, notes[number - 1].text)
        best = max(range(len(plan)), key=lambda at: (scores[at], -at))
        if scores[best] > 0:
            cited[best].add(number)
    return [[notes[number - 1] for number in sorted(each)] for each in cited]


def _heading(point: Point) -> str:
    """What a section tells, without the numbers of its notes."""
    said = _CITED.sub("", point.about).strip(" -–—|;:,")
    return said or "Notes"
