"""GraphRAG-light: passages found over the phrases that they share, or groups of them summarized."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from longspan.flows.base import Events, Flow, parts, reply_tokens, room
from longspan.flows.chat import Chat, Message, Reply
from longspan.flows.folding import Folding
from longspan.flows.found import Found
from longspan.flows.inquiry import Inquiry
from longspan.flows.phrases import Phrases, communities, page_rank, phrase_graph, seeds
from longspan.flows.prompting import enclosed, frame, prompt, shown
from longspan.flows.replies import NOTHING, says_nothing
from longspan.parameters import check_choice, check_range, check_whole
from longspan.registry import Card
from longspan.retrieval.fusing import fuse
from longspan.retrieval.retrievers.bm25 import Bm25
from longspan.spans import Answer, Document, Span

CARD = Card(
    name="graphrag-light",
    target="longspan.flows.graphrag_light:GraphRAGLight",
    paper="From Local to Global: A Graph RAG Approach to Query-Focused Summarization",
    link="https://arxiv.org/abs/2404.16130",
    year=2024,
    training=False,
    changes="Walks from the question's phrases over the phrases that passages share, or summarizes groups of passages.",
    missing="Phrases are found by rules, so no model reads the documents beforehand; relations have no words, "
    "communities no hierarchy, and their summaries are written for the question.",
)

Scope = Literal["local", "global"]


@dataclass(frozen=True, kw_only=True)
class GraphRAGLight(Flow):
    """Retrieval over a graph without a model. https://arxiv.org/abs/2404.16130

    Names and words that passages share are the nodes between them, each with its places. For a local question a walk
    begins at its phrases (personalised PageRank); its ranking and that of BM25 are fused by reciprocal ranks, so that a
    passage is found that shares nothing with the question but something with one that does. For a global question, one
    about all of a text, passages fall into communities, each is summarized for the question, and
    the answer is made from these notes.
    """

    scope: Scope = "local"
    """local: one reply to passages. global: notes on all communities."""

    tokens: int = 2048
    """Tokens of passages in a call at most."""

    passage: int = 256
    """Tokens of a passage at most."""

    damping: float = 0.5
    """How likely the walk goes on at each step."""

    note: int = 200
    """Tokens of a note on a community."""

    def __post_init__(self) -> None:
        check_choice("scope", self.scope, get_args(Scope))
        check_whole("tokens", self.tokens, 32)
        check_whole("passage", self.passage, 16)
        check_range("damping", self.damping, 0.0, 1.0)
        check_whole("note", self.note, 16)

    def answer(self, chat: Chat, documents: Sequence[Document], question: str, events: Events) -> Answer:
        """The graph, then one reply, or notes and one reply."""
        inquiry = Inquiry(chat=chat, question=question, events=events)
        empty = max((_summary(frame(documents), question), _read(frame(documents), question)), key=len)
        size = room(chat, self.tokens, max(self.note, reply_tokens(events)), empty)
        spans = parts(documents, min(self.passage, size), chat.count_tokens)
        found = Found(inquiry, spans, Bm25())
        graph = phrase_graph(spans)
        events.step(f"{len(spans):,} passages share {len(graph.mentions):,} phrases")
        if self.scope == "global":
            return self._global(inquiry, found, graph, size)
        held = found.held(ranked(graph, found, question, self.damping), size)
        inquiry.skipped = found.left_out(held)
        if not held:
            return inquiry.answer(None)
        events.step(f"reads {len(held):,} of them")
        read = found.read(held)
        return inquiry.conclude(prompt("passages", text=shown(read), question=question), read)

    def _global(self, inquiry: Inquiry, found: Found, graph: Phrases, size: int) -> Answer:
        """Notes on communities, and an answer from them."""
        groups = _fitting(found, communities(graph), size)
        inquiry.events.step(f"takes notes on {len(groups):,} groups of passages")
        replies = inquiry.ask_each(
            groups,
            lambda group: [
                prompt(
                    "graphrag_light_summary",
                    text=shown(found.read(group)),
                    question=inquiry.question,
                    nothing=NOTHING,
                )
            ],
            max_new_tokens=self.note,
        )
        notes = []
        for group, reply in zip(groups, replies, strict=True):
            if reply is None:
                inquiry.failed += found.read(group)
            elif not says_nothing(reply.text):
                notes.append(_Note(text=reply.text.strip(), sources=tuple(found.read(group))))

        def joining(some: Sequence[_Note]) -> Message:
            return prompt(
                "graphrag_light_summary", text=_listed(some), question=inquiry.question, nothing=NOTHING
            )

        answering = prompt("graphrag_light_answer", notes=enclosed(""), question=inquiry.question)["content"]
        budget = room(inquiry.chat, self.tokens, reply_tokens(inquiry.events), answering)
        folding = Folding(shown=_listed, message=joining, joined=_joined, note=self.note)
        notes = folding.fold(inquiry, notes, budget)
        if not notes:
            return inquiry.answer(None)
        message = prompt("graphrag_light_answer", notes=_listed(notes), question=inquiry.question)
        return inquiry.conclude(message, [span for note in notes for span in note.sources])


@dataclass(frozen=True, kw_only=True)
class _Note:
    text: str
    sources: tuple[Span, ...]


def ranked(graph: Phrases, found: Found, question: str, damping: float = 0.5) -> list[int]:
    """Passages, best first, by the reciprocal ranks that the walk and BM25 give them together; none by neither."""
    start = seeds(graph, question)
    visited = page_rank(graph, start, damping=damping)[: graph.passages] if start.any() else start[:0]
    walked = sorted(
        (each for each in range(len(visited)) if visited[each] > 0), key=lambda each: -visited[each]
    )
    return [number for number, _ in fuse((walked, found.best(question, len(found.spans))))]


def _fitting(found: Found, groups: Sequence[Sequence[int]], size: int) -> list[list[int]]:
    """Communities as groups that fit into a call; small ones join, in their order."""
    fitting: list[list[int]] = []
    for group in groups:
        whole = bool(fitting) and len(found.held([*fitting[-1], *group], size)) == len(fitting[-1]) + len(
            group
        )
        left = [*fitting.pop(), *group] if whole else list(group)
        while left:
            held = found.held(left, size) or left[:1]
            fitting.append(sorted(held))
            left = [each for each in left if each not in held]
    return fitting


def _listed(notes: Sequence[_Note]) -> str:
    return enclosed("\n\n".join(f"Note {number}\n{note.text}" for number, note in enumerate(notes, 1)))


def _joined(notes: Sequence[_Note], reply: Reply) -> _Note | None:
    sources = tuple(span for note in notes for span in note.sources)
    return None if says_nothing(reply.text) else _Note(text=reply.text.strip(), sources=sources)


def _summary(text: str, question: str) -> str:
    return prompt("graphrag_light_summary", text=text, question=question, nothing=NOTHING)["content"]


def _read(text: str, question: str) -> str:
    return prompt("passages", text=text, question=question)["content"]
