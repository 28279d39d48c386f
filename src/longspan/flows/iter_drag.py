"""IterDRAG: follow-up questions, each retrieving again, within a number of tokens for all calls together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from longspan.errors import WindowExceeded
from longspan.flows.base import OVERHEAD, Events, Flow, parts, reply_tokens
from longspan.flows.chat import Chat, Message, Reply
from longspan.flows.found import Found
from longspan.flows.inquiry import Inquiry
from longspan.flows.prompting import enclosed, frame, prompt, shown
from longspan.flows.replies import NOTHING, labelled, says_nothing
from longspan.parameters import check_whole
from longspan.registry import Card
from longspan.retrieval.retrievers.base import Retriever
from longspan.retrieval.retrievers.bm25 import Bm25
from longspan.spans import Answer, Document, Span

CARD = Card(
    name="iter-drag",
    target="longspan.flows.iter_drag:IterDRAG",
    paper="Inference Scaling for Long-Context Retrieval Augmented Generation",
    link="https://arxiv.org/abs/2410.04343",
    year=2024,
    training=False,
    changes="Asks follow-up questions, retrieves for each, and answers, all calls within a number of tokens.",
    field=(125,),
    missing="No worked examples are shown, since there are none for a user's documents, and the model that allots "
    "tokens to passages, examples and rounds is not fitted.",
)

_FOLLOW, _BETWEEN, _FINAL = "Follow up", "Intermediate answer", "So the final answer is"


@dataclass(frozen=True, kw_only=True)
class IterDRAG(Flow):
    """Iterative retrieval with a budget of input tokens over all calls. https://arxiv.org/abs/2410.04343

    The model is shown the best passages, the best of them last, and writes a follow-up question or the final answer.
    For a follow-up, passages are retrieved anew and it is answered, and both stand before the question in the next
    round, with all passages that were found so far, the latest nearest to it. A reply of another form is asked for once
    more, and is then taken to be the end of asking; so is a question that was asked before. After the last round the
    answer is asked for.

    Each call gets an equal share of the tokens that are left for it and those that may follow. Deviations: the paper
    shows worked examples, and holds the replies to their forms; here the forms are described. rounds=0 is plain
    retrieval, the paper's DRAG without examples.
    """

    budget: int = 16384
    """Input tokens of all calls together at most."""

    rounds: int = 5
    """Follow-up questions at most."""

    passages: int = 5
    """Passages that are retrieved for a question."""

    passage: int = 1024
    """Tokens of a passage at most."""

    note: int = 64
    """Tokens of a follow-up question, and of its answer, at most."""

    retriever: Retriever = field(default_factory=Bm25, metadata={"room": "retriever"})
    """How passages are found."""

    def __post_init__(self) -> None:
        check_whole("budget", self.budget, 64)
        check_whole("rounds", self.rounds, 0)
        check_whole("passages", self.passages, 1)
        check_whole("passage", self.passage, 16)
        check_whole("note", self.note, 8)

    def answer(self, chat: Chat, documents: Sequence[Document], question: str, events: Events) -> Answer:
        """Round after round, then one reply."""
        run = _Run(
            flow=self, inquiry=Inquiry(chat=chat, question=question, events=events), documents=documents
        )
        run.cut()
        run.retrieve(question)
        for left in range(self.rounds, 0, -1):
            follow = run.follow(2 * left + 1)
            if follow is None:
                break
            events.step(f"follows up: {follow}")
            run.retrieve(follow)
            run.between(follow, 2 * left)
        return run.final()


@dataclass(kw_only=True)
class _Run:
    """What is known so far. ranked: passages, those found last first. steps: follow-up questions with answers.

    read: passages that the model was shown.
    """

    flow: IterDRAG
    inquiry: Inquiry
    documents: Sequence[Document]
    found: Found = field(init=False)
    ranked: list[int] = field(default_factory=list)
    steps: list[tuple[str, str]] = field(default_factory=list)
    read: set[int] = field(default_factory=set)

    def cut(self) -> None:
        """Makes passages that fit into the first call. Raises WindowExceeded where there is no room for any."""
        flow, calls = self.flow, 2 * self.flow.rounds + 1
        size = min(flow.passage, self._room("iter_drag_step", flow.note, calls, self._asking()))
        if size < 1:
            raise WindowExceeded(
                f"{flow.budget:,} tokens in {calls:,} calls leave no room for a passage beside the question; raise "
                f"budget={flow.budget}, lower rounds={flow.rounds}, or raise the window with positions=..."
            )
        spans = parts(self.documents, size, self.inquiry.chat.count_tokens)
        self.found = Found(self.inquiry, spans, flow.retriever)

    def retrieve(self, query: str) -> None:
        """Adds what speaks of a query, before what was found for others."""
        self.ranked = list(dict.fromkeys([*self.found.best(query, self.flow.passages), *self.ranked]))

    def follow(self, calls: int) -> str | None:
        """The next question, None where there is to be an answer. calls: how many may be made, with this one."""
        for _ in range(2):
            reply = self._ask("iter_drag_step", calls, self._asking())
            said = {} if reply is None else labelled(reply.text, (_FOLLOW, _FINAL))
            if _FINAL in said:
                return None
            follow = said.get(_FOLLOW, "").partition("\n")[0].strip()
            if follow and not says_nothing(follow):
                asked = {each.casefold() for each, _ in self.steps} | {self.inquiry.question.casefold()}
                return None if follow.casefold() in asked else follow
        return None

    def between(self, follow: str, calls: int) -> None:
        """Answers a follow-up question, where the passages do."""
        reply = self._ask("iter_drag_between", calls, {"question": follow, "nothing": NOTHING})
        said = "" if reply is None else labelled(reply.text, (_BETWEEN,)).get(_BETWEEN, reply.text)
        answer = said.strip().partition("\n")[0]
        self.steps.append((follow, NOTHING if says_nothing(answer) else answer))

    def final(self) -> Answer:
        """The answer to the question."""
        read, message = self._shown("iter_drag_final", reply_tokens(self.inquiry.events), 1, self._asking())
        self.inquiry.skipped = self.found.left_out(self.read)
        return self.inquiry.conclude(message, read) if read else self.inquiry.answer(None)

    def _ask(self, name: str, calls: int, fields: Mapping[str, str]) -> Reply | None:
        """A short reply about the passages that fit; None where none does."""
        read, message = self._shown(name, self.flow.note, calls, fields)
        return self.inquiry.ask(message, max_new_tokens=self.flow.note) if read else None

    def _shown(
        self, name: str, reply: int, calls: int, fields: Mapping[str, str]
    ) -> tuple[list[Span], Message]:
        """The passages that fit into the next of so many calls, the best one last, and what is asked of them."""
        held = self.found.held(self.ranked, self._room(name, reply, calls, fields), best_last=True)
        self.read.update(held)
        read = self.found.read(held)
        return read, prompt(name, text=shown(read), **fields)

    def _room(self, name: str, reply: int, calls: int, fields: Mapping[str, str]) -> int:
        """Tokens of passages in the next of so many calls: below 1 where there is no room."""
        chat, spent = self.inquiry.chat, sum(each.prompt_tokens for each in self.inquiry.usages)
        beside = chat.count_tokens(prompt(name, text=frame(self.documents), **fields)["content"]) + OVERHEAD
        left = (self.flow.budget - spent) // calls - beside
        return left if chat.longest is None else min(left, chat.longest - reply - beside)

    def _asking(self) -> dict[str, str]:
        return {"question": self.inquiry.question, "steps": self._told()}

    def _told(self) -> str:
        """Follow-up questions with their answers, as notes of the model's own."""
        if not self.steps:
            return ""
        lines = [f"{_FOLLOW}: {follow}\n{_BETWEEN}: {answer}" for follow, answer in self.steps]
        return "\nKnown so far:\n" + enclosed("\n".join(lines)) + "\n"
