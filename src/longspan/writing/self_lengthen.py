"""Self-Lengthen: a draft that the model itself makes longer, half by half, until it is long enough."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from longspan.flows.base import Events
from longspan.flows.chat import Chat, Message
from longspan.flows.prompting import enclosed, prompt
from longspan.flows.recursive_summary import count_words
from longspan.parameters import check_range, check_whole
from longspan.registry import Card
from longspan.spans import Document, Span, sentences
from longspan.writing.base import Task, Writing
from longspan.writing.manuscript import TOLERANCE, Manuscript, tokens_of
from longspan.writing.written import Written

CARD = Card(
    name="self-lengthen",
    target="longspan.writing.self_lengthen:SelfLengthen",
    paper="Language Models can Self-Lengthen to Generate Long Texts",
    link="https://arxiv.org/abs/2410.23933",
    year=2024,
    training=False,
    trained=True,
    changes="Writes a draft and makes it longer round by round, its first half first and then the rest.",
    field=(152,),
    missing="The loop of the extender runs with any model as it is; generator and extender are not trained on what it "
    "makes.",
)

_BLANK = re.compile(r"\n[^\S\n]*\n")
_KEPT = 2 / 3  # of the paragraphs of the longer first half


@dataclass(frozen=True, kw_only=True)
class SelfLengthen(Writing):
    """A draft made longer in rounds. https://arxiv.org/abs/2410.23933

    A round asks for the first half in more detail, keeps two thirds of its paragraphs, and has the model go on from
    there through the whole. What comes is taken if it is longer by a fifth, or near what is wanted.

    Deviations: nothing is trained; the beginning is an earlier turn of the conversation and not a forced start of the
    reply, which not every server takes; a round asks for as many words as are wanted and twice as many at most; what
    repeats itself is asked for once more, not twenty times; a draft of one paragraph is halved by its sentences. With
    sources, all rounds see the passages that speak of the task.
    """

    rounds: int = 3
    """How often the draft is made longer at most."""

    gain: float = 1.2
    """By which factor a round must make it longer."""

    def __post_init__(self) -> None:
        check_whole("rounds", self.rounds, 1)
        check_range("gain", self.gain, 1.0)

    def write(self, chat: Chat, task: Task, events: Events) -> Written:
        """The draft, and what the rounds make of it."""
        manuscript = Manuscript(chat=chat, task=task, events=events)
        words = min(task.words, manuscript.longest)
        shown = manuscript.sources(task.text, words)
        resting = manuscript.resting(shown)
        events.step(f"writes a draft of {words:,} words")
        asked = prompt("write_draft", sources=resting, task=task.text, words=str(words))
        made = manuscript.part([asked], words, "the draft", shown=shown)
        draft = "" if made is None else made.text
        for number in range(1, self.rounds + 1):
            has = count_words(draft)
            if not has or has >= (1 - TOLERANCE) * task.words:
                break
            words = min(task.words, 2 * has)
            events.step(f"round {number:,}: {has:,} words become {words:,}")
            longer = _longer(manuscript, draft, words, resting, shown)
            new = count_words(longer)
            if new < self.gain * has and not (new > has and new >= (1 - TOLERANCE) * task.words):
                manuscript.note(f"round {number:,} made {new:,} of {has:,} words; the draft stays as it was")
                break
            draft = longer
        for each in _paragraphs(draft):
            manuscript.add(manuscript.grounded(each, shown), count_words(each), shown=shown)
        manuscript.fit()
        return manuscript.done()


def _longer(manuscript: Manuscript, draft: str, words: int, resting: str, shown: Sequence[Span]) -> str:
    """A draft in so many words; empty where the model does not make one, or the window does not hold it."""
    task = manuscript.task.text
    half = prompt(
        "write_enrich",
        sources=resting,
        task=task,
        text=enclosed(_half(draft)),
        words=str(words // 2),
    )
    if not _fits(manuscript, [half], words // 2):
        return ""
    made = manuscript.part([half], words // 2, "the longer first half", shown=shown, others="")
    if made is None:
        return ""
    found = _paragraphs(made.text)
    begun = "\n\n".join(found[: max(1, round(_KEPT * len(found)))])
    rest = max(1, words - count_words(begun))
    messages = [
        prompt("write_whole", sources=resting, task=task, text=enclosed(draft), words=str(words)),
        Message(role="assistant", content=begun),
        prompt("write_on", words=str(rest)),
    ]
    if not _fits(manuscript, messages, rest):
        return ""
    made = manuscript.part(messages, rest, "the rest", shown=shown, others=begun)
    return "" if made is None else f"{begun}\n\n{made.text}"


def _fits(manuscript: Manuscript, messages: Sequence[Message], words: int) -> bool:
    """Whether messages and a reply of so many words fit; if not, that is told."""
    longest = manuscript.chat.longest
    tokens = sum(manuscript.chat.count_tokens(each["content"]) for each in messages) + tokens_of(words)
    if longest is None or tokens <= longest:
        return True
    manuscript.note(
        f"a longer draft takes {tokens:,} tokens with its reply and the window has {longest:,}; agent-write needs less"
    )
    return False


def _paragraphs(text: str) -> list[str]:
    return [each.strip() for each in _BLANK.split(text) if each.strip()]


def _half(draft: str) -> str:
    """The first half of the paragraphs, or of the sentences where there is one paragraph."""
    found = _paragraphs(draft)
    if len(found) > 1:
        return "\n\n".join(found[: (len(found) + 1) // 2])
    said = sentences(Document("draft", draft))
    return draft[: said[(len(said) - 1) // 2].end]
