"""A summary of summaries: each part on its own, then neighbours together, until one is left."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from longspan.errors import FlowError
from longspan.flows.base import Events, Flow, room
from longspan.flows.chat import Chat, Message, Reply
from longspan.flows.inquiry import Inquiry
from longspan.flows.prompting import enclosed, prompt
from longspan.flows.replies import repeats
from longspan.parameters import check_range, check_whole
from longspan.registry import Card
from longspan.running.generation import Generation
from longspan.spans import Answer, Document
from longspan.spans.scripts import HIRAGANA, IDEOGRAPHS, KATAKANA

CARD = Card(
    name="recursive-summary",
    target="longspan.flows.recursive_summary:RecursiveSummary",
    paper="Recursively Summarizing Books with Human Feedback",
    link="https://arxiv.org/abs/2109.10862",
    year=2021,
    training=False,
    trained=True,
    changes="Summarizes each part, then neighbouring summaries together, until one is left, of the length asked for.",
)

_WORD = re.compile(rf"[{IDEOGRAPHS}{HIRAGANA}{KATAKANA}]|[^\W{IDEOGRAPHS}{HIRAGANA}{KATAKANA}]+(?:['’-]\w+)*")
_TOKENS = 3  # of a word at most, in most languages; a summary may be somewhat longer than asked
_AGAINST_CIRCLES = 0.7  # as a temperature
_FEWEST = 40  # words of the summary of a part


def words_of(text: str) -> list[str]:
    """Words as people count them; each character of Chinese and Japanese is one."""
    return _WORD.findall(text)


def count_words(text: str) -> int:
    """How many words a text has, see `words_of`."""
    return sum(1 for _ in _WORD.finditer(text))


@dataclass(frozen=True, kw_only=True)
class RecursiveSummary(Flow):
    """Task decomposition by recursion, as for books. https://arxiv.org/abs/2109.10862

    Deviations: the model is not trained for it; summaries of parts are made independently, side by side, where the
    paper shows those before; the length is asked for in words. A reply of another length is asked for once more, and
    the nearer one stands; none is cut. A summary that takes more than a quarter of a call has sections. The question,
    if there is one, says what the summary is to look at.
    """

    words: int = 200
    """Words of the summary."""

    chunk: int = 4096
    """Tokens of a call at most, its instructions and reply included."""

    tolerance: float = 0.2
    """By how much of `words` it may be longer or shorter without being asked for again."""

    def __post_init__(self) -> None:
        check_whole("words", self.words, 1)
        check_whole("chunk", self.chunk, 512)
        check_range("tolerance", self.tolerance, 0.0, 1.0)

    def answer(self, chat: Chat, documents: Sequence[Document], question: str, events: Events) -> Answer:
        """The summary; its claims say where each sentence comes from."""
        inquiry = Inquiry(chat=chat, question=question, events=events)
        sections = -(-self.words // self._longest)
        asking = self._asking("summary_part", question, self.words)
        found = inquiry.parts(documents, self.chunk, _tokens(min(self.words, self._longest)), asking)
        events.step(
            f"summarizes {len(found):,} parts, {sum(count_words(part.text) for part in found):,} words"
        )
        words = self._words(len(found), sections)
        asking = self._asking("summary_part", question, words)
        said = inquiry.read_each(found, asking, **_lengths(events, words))
        texts = [text for _, each in said if (text := each.text.strip())]
        while len(texts) > sections:
            texts = self._joined(inquiry, texts, sections)
        if not texts:
            raise FlowError("the model summarized none of the parts; use another model")
        summary = replace(said[-1][1], text=_listed(texts))
        if len(texts) == 1:
            summary = self._fitted(inquiry, summary)
        events.stream(summary.text)
        return inquiry.answer(summary, [part for part, _ in said])

    @property
    def _longest(self) -> int:
        """Words that one call writes; a longer summary has as many sections as it takes."""
        return self.chunk // (4 * _TOKENS)

    def _joined(self, inquiry: Inquiry, texts: list[str], sections: int) -> list[str]:
        """Neighbours together, as many as fit into a call and two at least. A group whose call fails stays."""
        chat, reply = inquiry.chat, _tokens(min(self.words, self._longest))
        asking = self._asking("summary_join", inquiry.question, self.words)
        budget = room(chat, self.chunk, reply, asking(enclosed(""))["content"])
        groups: list[list[str]] = []
        for text in texts:
            fits = groups and chat.count_tokens(_listed([*groups[-1], text])) <= budget
            if groups and (len(groups[-1]) < 2 or fits):
                groups[-1].append(text)
            else:
                groups.append([text])
        if len(groups) > 1 and len(groups[-1]) == 1:
            groups[-2:] = [groups[-2] + groups[-1]]
        if len(groups) < sections:
            cuts = [round(number * len(texts) / sections) for number in range(sections + 1)]
            groups = [texts[start:stop] for start, stop in pairwise(cuts)]
        inquiry.events.step(f"joins {len(texts):,} summaries into {len(groups):,}")
        words = self._words(len(groups), sections)
        asking = self._asking("summary_join", inquiry.question, words)
        replies = inquiry.ask_each(
            groups, lambda group: [asking(enclosed(_listed(group)))], **_lengths(inquiry.events, words)
        )
        said = ["" if each is None else each.text.strip() for each in replies]
        return [text or _listed(group) for text, group in zip(said, groups, strict=True)]

    def _fitted(self, inquiry: Inquiry, summary: Reply) -> Reply:
        """The summary, asked for once more where it has another length or goes round in circles."""
        has, circling = count_words(summary.text), repeats(summary.text)
        if abs(has - self.words) <= self.tolerance * self.words and not circling:
            return summary
        way = (
            "without repeating anything" if circling else "shorter" if has > self.words else "in more detail"
        )
        inquiry.events.step(f"asks again for {self.words:,} words in place of {has:,}")
        message = prompt(
            "summary_length",
            text=enclosed(summary.text),
            has=str(has),
            words=str(self.words),
            focus=_focus(inquiry.question),
            way=way,
        )
        generation = _lengths(inquiry.events, self.words)
        if circling:
            generation |= {"temperature": _AGAINST_CIRCLES, "seed": 0}  # which any server takes
        again = inquiry.ask(message, **generation)
        nearer = abs(count_words(again.text) - self.words) < abs(has - self.words)
        if again.text.strip() and not repeats(again.text) and (nearer or circling):
            summary = again
        circles = ", and goes round in circles; a larger model may do better" if repeats(summary.text) else ""
        inquiry.events.step(f"the summary has {count_words(summary.text):,} words{circles}")
        return summary

    def _words(self, pieces: int, sections: int) -> int:
        """Of one of so many summaries: those that are to be joined are together twice as long as what comes of them."""
        if pieces <= sections:
            return -(-self.words // pieces)
        return min(self._longest, max(min(_FEWEST, self.words), 2 * self.words // pieces))

    def _asking(self, name: str, question: str, words: int) -> Callable[[str], Message]:
        """What is asked of a text as it is shown."""
        return lambda text: prompt(name, text=text, words=str(words), focus=_focus(question))


def _lengths(events: Events, words: int) -> Generation:
    return {**events.generation, "max_new_tokens": _tokens(words)}


def _listed(texts: Sequence[str]) -> str:
    return "\n\n".join(texts)


def _tokens(words: int) -> int:
    return _TOKENS * words + 32


def _focus(question: str) -> str:
    """How a part of a prompt says what to look at."""
    wanted = " ".join(question.split())
    return f", with regard to this: {wanted}" if wanted else ""
