"""Documents side by side: each read alone in a window, all seen by the question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from longspan.flows.base import Events, Flow, concluded, parts, reply_tokens, room
from longspan.flows.chat import Chat, Reply
from longspan.flows.looking import local
from longspan.parameters import check_whole
from longspan.registry import Card
from longspan.spans import Answer, Document
from longspan.spans.rendering import GAP, heading
from longspan.windows.base import Windows
from longspan.windows.pcw import PCW

CARD = Card(
    name="side-by-side",
    target="longspan.flows.side_by_side:SideBySide",
    paper="Parallel Context Windows for Large Language Models",
    link="https://arxiv.org/abs/2212.10947",
    year=2022,
    training=False,
    changes="Reads each document, or part of one, in a window of its own, and answers with all of them in sight.",
)


@dataclass(frozen=True, kw_only=True)
class SideBySide(Flow):
    """Each document in a window of its own. https://arxiv.org/abs/2212.10947

    Documents, and parts of those that are longer than a window may be, are read side by side, none knowing of another;
    the question is asked behind the longest and sees them all, so that together they may be many times the model's
    window. How they stand is a method of the room windows. The whole of the documents is in memory.

    A model has to find its way among keys at equal distances, for which it was not trained: it suits many short texts
    that say the same kind of thing, such as reviews, entries or examples, and not one story cut into pieces.
    """

    windows: Windows = field(default_factory=PCW, metadata={"room": "windows"})
    """How windows stand and are seen."""

    tokens: int = 1024
    """Tokens of a window at most, fewer where the chat has no room for them beside the question and the answer."""

    def __post_init__(self) -> None:
        check_whole("tokens", self.tokens, 16)

    def answer(self, chat: Chat, documents: Sequence[Document], question: str, events: Events) -> Answer:
        """One reply, to all windows."""
        model = local(chat, CARD.name)
        names = sorted({heading(each.name) for each in documents}, key=chat.count_tokens)
        around = [question, *names[-1:], f"{GAP}\n", f"\n{GAP}"]
        size = room(chat, self.tokens, reply_tokens(events), *around)
        found = parts(documents, size, chat.count_tokens)
        events.step(f"reads {len(found):,} windows of up to {size:,} tokens side by side")
        with model.session() as session:
            session.read_windows([[each] for each in found], self.windows, progress=model.progress)
            said = session.ask(question, stream=events.stream, **events.generation)
        reply = Reply(
            text=said.text,
            reasoning=said.reasoning,
            usage=said.usage,
            logprobs=said.logprobs,
            complete=said.complete,
        )
        return concluded(reply, question, found, [reply.usage], count=chat.count_tokens)
