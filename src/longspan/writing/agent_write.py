"""AgentWrite: a plan of paragraphs with their words, then paragraph after paragraph."""

from __future__ import annotations

from dataclasses import dataclass

from longspan.errors import FlowError
from longspan.flows.base import Events
from longspan.flows.chat import Chat
from longspan.flows.prompting import prompt
from longspan.forms.form import Form
from longspan.parameters import check_whole
from longspan.registry import Card
from longspan.writing.base import Task, Writing
from longspan.writing.manuscript import LONGEST, Manuscript
from longspan.writing.planning import EXAMPLE, LIMIT, Point, points, spread
from longspan.writing.written import Written, joined

CARD = Card(
    name="agent-write",
    target="longspan.writing.agent_write:AgentWrite",
    paper="LongWriter: Unleashing 10,000+ Word Generation from Long Context LLMs",
    link="https://arxiv.org/abs/2408.07055",
    year=2024,
    training=False,
    changes="Plans paragraphs, each with its point and its words, and writes one after the other.",
    field=(188,),
    missing="AgentWrite writes with any model; LongWriter, the model trained on what it wrote, is not made.",
)

_LINE = 60  # tokens of a line of the plan
_CARRIED = (100, 1200)  # words of a paragraph after others had too many or too few


@dataclass(frozen=True, kw_only=True)
class AgentWrite(Writing):
    """Plan, then paragraphs. https://arxiv.org/abs/2408.07055

    Deviations: the model is shown the plan and the end of what is written, where the paper shows all of it; words that
    a paragraph lacks or has too many are spread over those that follow; counts of the plan are made to add up to what
    is asked for; a text that is a tenth too long or short in the end has parts written anew. Where a plan cannot be
    read, the model is asked for its points alone and each gets the same words. Models that can be held to a form are
    held to that of the plan. With sources, each paragraph is shown the passages that speak of its point.
    """

    tail: int = 600
    """Words of what is written that the next paragraph is shown."""

    fewest: int = 200
    """Words of a paragraph of the plan at least; small models keep their plan better with fewer, such as 100."""

    def __post_init__(self) -> None:
        check_whole("fewest", self.fewest, 20, LONGEST)
        check_whole("tail", self.tail, 0)

    def write(self, chat: Chat, task: Task, events: Events) -> Written:
        """The plan, its paragraphs, and as many of these anew as the length asks for."""
        manuscript = Manuscript(chat=chat, task=task, events=events)
        plan = spread(self._planned(manuscript), task.words, manuscript.longest)
        events.step(f"plans {len(plan):,} parts of {task.words:,} words together")
        outline = [f"{number}. {each.told}" for number, each in enumerate(plan, 1)]
        for number, point in enumerate(plan):
            words = carried(manuscript, plan[number:])
            events.step(
                f"writes part {number + 1:,} of {len(plan):,}, {words:,} words; {manuscript.words:,} are written"
            )
            shown = manuscript.sources(f"{task.text}\n{point.about}", words)
            message = prompt(
                "write_part",
                sources=manuscript.resting(shown),
                before=preceding(manuscript.before(self.tail)),
                task=task.text,
                plan="\n".join(outline),
                number=str(number + 1),
                count=str(len(plan)),
                about=point.told,
                words=str(words),
                onward="Go on where the text above ends." if number else "It begins the text.",
            )
            others = "\n\n".join([joined(manuscript.sections), *(each.about for each in plan)])
            plain = prompt(
                "write_paragraph",
                sources=manuscript.resting(shown),
                task=task.text,
                about=point.told,
                words=str(words),
            )
            what = f"part {number + 1}"
            made = manuscript.part([message], words, what, shown=shown, others=others, plain=plain)
            manuscript.add(made, point.words, point.told, shown=shown)
        manuscript.fit()
        return manuscript.done()

    def _planned(self, manuscript: Manuscript) -> list[Point]:
        """What the model plans, at the second try without counts. Raises FlowError where it plans nothing."""
        chat, task = manuscript.chat, manuscript.task
        fewest = max(1, -(-task.words // LONGEST))
        limit = max(fewest, min(LIMIT, task.words // self.fewest))
        shown = manuscript.resting(manuscript.sources(task.text, 256))
        tokens = min(3 * manuscript.longest, _LINE * limit + 64) if chat.longest else _LINE * limit + 64
        message = prompt(
            "write_plan",
            task=task.text,
            sources=shown,
            words=str(task.words),
            example=EXAMPLE,
            shortest=str(self.fewest),
            fewest=str(fewest),
            most=str(limit),
        )
        form = {"form": _form(fewest, limit)} if chat.forms else {}
        found = points(manuscript.ask([message], tokens, "the plan", **form).text)
        if not found:
            manuscript.events.step("the plan cannot be read; the model is asked for its points alone")
            count = max(fewest, min(limit, -(-task.words // (2 * self.fewest))))
            message = prompt("write_points", task=task.text, sources=shown, count=str(count))
            found = points(manuscript.ask([message], tokens, "the plan").text)
        if not found:
            raise FlowError(
                "the model gives no plan of one to fifty parts, twice; use another model, or self-lengthen without one"
            )
        return found


def carried(manuscript: Manuscript, rest: list[Point]) -> int:
    """Words of the next part: its share of those that are not written, within bounds."""
    planned = sum(each.words for each in rest)
    left = manuscript.task.words - manuscript.words
    low, high = (min(each, rest[0].words) if each == _CARRIED[0] else each for each in _CARRIED)
    return round(min(high, manuscript.longest, max(low, rest[0].words * left / max(1, planned))))


def _form(fewest: int, limit: int) -> Form:
    line = r"Paragraph [1-9][0-9]? - Main Point: [^\n\[\]<>]{8,200} - Word Count: [1-9][0-9]{1,3}\n"
    return Form.regex(f"({line}){{{fewest},{limit}}}")


def preceding(shown: str) -> str:
    """How the end of what is written is shown in a prompt; empty where nothing is."""
    return f"{prompt('write_before', text=shown)['content']}\n\n" if shown else ""
