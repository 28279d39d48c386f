"""A summary of summaries: each part on its own, then neighbours together, until one is left."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from longspan.errors import FlowError
from longspan.flows.base import Events, Flow, concluded, parts, room
from longspan.flows.chat import Chat, Message, Reply
from longspan.flows.prompting import enclosed, prompt, shown
from longspan.flows.replies import heard, repeats
from longspan.parameters import check_range, check_whole
from longspan.registry import Card
from longspan.running.generation import Generation
from longspan.spans import Answer, Document, Span, Unread
from longspan.spans.scripts import HIRAGANA, IDEOGRAPHS, KATAKANA
from longspan.usage import Usage

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
_AGAINST_CIRCLES = 1.2  # as a repetition penalty
_FEWEST = 40  # words of the summary of a part


def count_words(text: str) -> int:
    """Words as people count them; each character of Chinese and Japanese is one."""
    return sum(1 for _ in _WORD.finditer(text))


@dataclass(frozen=True, kw_only=True)
class RecursiveSummary(Flow):
    """Task decomposition by recursion, as for books. https://arxiv.org/abs/2109.10862

    Deviations: the model is not trained for it; summaries of parts are made independently, side by side, where the
    paper shows those before; the length is asked for in words. A reply of another length is asked for once more, and
    the nearer one stands; none is cut. The question, if there is one, says what the summary is to look at.
    """

    words: int = 200
    """Words of the summary."""

    chunk: int = 4096
    """Tokens of a part at most, fewer where the chat has no room for them."""

    tolerance: float = 0.2
    """By how much of `words` it may be longer or shorter without being asked for again."""

    def __post_init__(self) -> None:
        check_whole("words", self.words, 1)
        check_whole("chunk", self.chunk, 64)
        check_range("tolerance", self.tolerance, 0.0, 1.0)

    def answer(self, chat: Chat, documents: Sequence[Document], question: str, events: Events) -> Answer:
        """The summary; its claims say where each sentence comes from."""
        return _Work(flow=self, chat=chat, events=events, focus=_focus(question)).run(documents, question)


@dataclass(frozen=True, kw_only=True)
class _Work:
    """One summary in the making. usages: of all replies so far."""

    flow: RecursiveSummary
    chat: Chat
    events: Events
    focus: str
    usages: list[Usage] = field(default_factory=list)

    def run(self, documents: Sequence[Document], question: str) -> Answer:
        flow, count = self.flow, self.chat.count_tokens
        reply = _tokens(flow.words)
        empty = self._asked("summary_part", enclosed(""), flow.words)["content"]
        found = parts(documents, room(self.chat, flow.chunk, reply, empty), count)
        self.events.step(
            f"summarizes {len(found):,} parts, {count_words(''.join(s.text for s in found)):,} words"
        )
        replies, unread = self._parts(found)
        texts = [each.text.strip() for each in replies if each is not None and each.text.strip()]
        while len(texts) > 1:
            texts = self._joined(texts)
        if not texts:
            raise FlowError("the model summarized none of the parts; use another model")
        said = self._fitted(texts[0], replies)
        self.events.stream(said.text)
        read = [part for part, reply in zip(found, replies, strict=True) if reply is not None]
        return concluded(said, question, read, self.usages, unread=unread, count=count)

    def _parts(self, found: Sequence[Span]) -> tuple[list[Reply | None], list[Unread]]:
        words = self.flow.words if len(found) == 1 else self._words(len(found))
        prompts = [[self._asked("summary_part", shown([part]), words)] for part in found]
        replies = heard(self.chat.generate_all(prompts, **self._generation(words)))
        self.usages.extend(each.usage for each in replies if each is not None)
        unread = [
            Unread(span=part, reason="the call that read it failed")
            for part, reply in zip(found, replies, strict=True)
            if reply is None
        ]
        return replies, unread

    def _joined(self, texts: list[str]) -> list[str]:
        """Neighbours together, as many as fit into a call and two at least."""
        count = self.chat.count_tokens
        empty = self._asked("summary_join", enclosed(""), self.flow.words)["content"]
        budget = room(self.chat, self.flow.chunk, _tokens(self.flow.words), empty)
        groups: list[list[str]] = []
        for text in texts:
            if groups and (
                len(groups[-1]) < 2 or count(enclosed("\n\n".join([*groups[-1], text]))) <= budget
            ):
                groups[-1].append(text)
            else:
                groups.append([text])
        if len(groups) > 1 and len(groups[-1]) == 1:
            groups[-2:] = [groups[-2] + groups[-1]]
        words = self.flow.words if len(groups) == 1 else self._words(len(groups))
        self.events.step(f"joins {len(texts):,} summaries into {len(groups):,}")
        prompts = [[self._asked("summary_join", enclosed("\n\n".join(group)), words)] for group in groups]
        replies = self.chat.generate_all(prompts, **self._generation(words))
        self.usages.extend(each.usage for each in replies if isinstance(each, Reply))
        heard(replies)
        return [
            each.text.strip() if isinstance(each, Reply) and each.text.strip() else "\n\n".join(group)
            for each, group in zip(replies, groups, strict=True)
        ]

    def _fitted(self, text: str, replies: Sequence[Reply | None]) -> Reply:
        """The summary, asked for once more where it has another length or goes round in circles."""
        flow, has = self.flow, count_words(text)
        last = next(reply for reply in reversed(replies) if reply is not None)
        best = Reply(text=text, usage=last.usage, reasoning=last.reasoning)
        circling = repeats(text)
        if abs(has - flow.words) <= flow.tolerance * flow.words and not circling:
            return best
        way = (
            "without repeating anything" if circling else "shorter" if has > flow.words else "in more detail"
        )
        self.events.step(f"asks again for {flow.words:,} words in place of {has:,}")
        message = prompt(
            "summary_length",
            text=enclosed(text),
            has=str(has),
            words=str(flow.words),
            focus=self.focus,
            way=way,
        )
        generation = self._generation(flow.words)
        if circling:
            generation["repetition_penalty"] = _AGAINST_CIRCLES
        again = self.chat.generate([message], **generation)
        self.usages.append(again.usage)
        nearer = abs(count_words(again.text) - flow.words) < abs(has - flow.words)
        if again.text.strip() and not repeats(again.text) and (nearer or circling):
            best = again
        circles = ", and goes round in circles; a larger model may do better" if repeats(best.text) else ""
        self.events.step(f"the summary has {count_words(best.text):,} words{circles}")
        return best

    def _words(self, pieces: int) -> int:
        """Of one of so many summaries that are to be joined: together twice as long as what comes of them."""
        return max(min(_FEWEST, self.flow.words), 2 * self.flow.words // pieces)

    def _asked(self, name: str, text: str, words: int) -> Message:
        return prompt(name, text=text, words=str(words), focus=self.focus)

    def _generation(self, words: int) -> Generation:
        return {**self.events.generation, "max_new_tokens": _tokens(words)}


def _tokens(words: int) -> int:
    return _TOKENS * words + 32


def _focus(question: str) -> str:
    """How a part of a prompt says what to look at."""
    wanted = " ".join(question.split())
    return f", with regard to this: {wanted}" if wanted else ""
