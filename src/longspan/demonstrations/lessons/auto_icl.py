"""Demonstrations that a model makes and solves itself, and a procedure drawn from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal, get_args

from longspan.demonstrations.answering import Asked, Chosen
from longspan.demonstrations.demonstration import Demonstration, same_text
from longspan.demonstrations.lessons.base import Answering, Answers, Lesson
from longspan.demonstrations.lessons.many_shot import among
from longspan.demonstrations.selections.base import Selection
from longspan.demonstrations.selections.similar import Similar
from longspan.errors import FlowError
from longspan.flows.base import Events, reply_tokens, room
from longspan.flows.chat import Chat
from longspan.flows.prompting import enclosed, prompt
from longspan.flows.replies import heard, listed
from longspan.parameters import check_choice, check_whole
from longspan.registry import Card
from longspan.retrieval.retrievers.bm25 import Bm25
from longspan.spans import Answer

CARD = Card(
    name="auto-icl",
    target="longspan.demonstrations.lessons.auto_icl:AutoICL",
    paper="Auto-ICL: In-Context Learning without Human Supervision",
    link="https://arxiv.org/abs/2311.09263",
    year=2023,
    training=False,
    changes="Has the model make or take questions like the one asked, solve them, and draw a procedure from them.",
    field=(23,),
)

Mode = Literal["generate", "retrieve"]


def _by_words() -> Selection:
    return Similar(retriever=Bm25())


@dataclass(frozen=True, kw_only=True)
class AutoICL(Lesson):
    """The model's own demonstrations and its own procedure. https://arxiv.org/abs/2311.09263

    Generate: the model writes questions like the one that is asked. Retrieve: they are texts of demonstrations, whose
    answers it is not shown. It solves each, writes one procedure for all, and then answers with both before it.
    Deviation: the authors' program sends the question itself where it means to ask for others; here it asks for others.
    """

    needs: ClassVar[bool] = False

    answers: Answers = "free"
    """Whether an answer may be any text (free) or has to be a label of the demonstrations (labels)."""

    mode: Mode = "generate"
    """Where the questions come from: made by the model, or texts of demonstrations (retrieve)."""

    questions: int = 5
    """How many questions are solved."""

    selection: Selection = field(default_factory=_by_words, metadata={"room": "selection"})
    """Which texts are taken, where they are texts of demonstrations."""

    reply: int = 1000
    """Tokens of a reply on the way at most, fewer where the chat has no room for them."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("mode", self.mode, get_args(Mode))
        for name in ("questions", "reply"):
            check_whole(name, getattr(self, name), 1)

    def taught(self, chat: Chat, demonstrations: Sequence[Demonstration], events: Events) -> Answering:
        """Nothing is shared by texts but an index. Raises ValueError where demonstrations are wanted and lacking."""
        asked = Asked.of(chat, events, demonstrations, self.answers)
        if self.answers == "labels" and not asked.labels:
            raise ValueError(
                "answers=labels needs demonstrations with labels; give some, or use answers=free"
            )
        chosen = None
        if self.mode == "retrieve":
            chosen = Chosen.of(chat, demonstrations, self.selection, lambda each: each.text)

        def answer(query: str) -> Answer:
            questions = self._made(asked, query) if chosen is None else self._taken(chosen, query)
            events.step(f"solves {len(questions):,} questions like it")
            solved = self._solved(asked, questions, query)
            shown = enclosed("\n\n".join(solved))
            said = chat.generate(
                [prompt("auto_icl_procedure", solved=shown)], max_new_tokens=self._reply(chat)
            )
            asked.usages.append(said.usage)
            final = prompt(
                "auto_icl_answer",
                solved=shown,
                procedure=enclosed(said.text),
                query=query,
                labels=among(asked.labels),
            )
            return asked.answer(final, reasoned=True)

        return answer

    def _reply(self, chat: Chat) -> int:
        """Tokens of a reply on the way: what is solved, and the procedure, have to fit beside the last reply."""
        return (
            self.reply
            if chat.longest is None
            else max(1, min(self.reply, chat.longest // (self.questions + 4)))
        )

    def _made(self, asked: Asked, query: str) -> list[str]:
        """Questions that the model writes, none of them the one asked. Raises FlowError where it writes none twice."""
        message = prompt("auto_icl_questions", query=enclosed(query), count=str(self.questions))
        for _ in range(2):
            said = asked.chat.generate([message], max_new_tokens=self._reply(asked.chat))
            asked.usages.append(said.usage)
            found = [each for each in listed(said.text) if same_text(each) != same_text(query)]
            found = [each for each in found if any(map(str.isalnum, each)) and not each.endswith(":")]
            if found:
                return found[: self.questions]
        raise FlowError(
            "the model wrote no question like the one that is asked; give demonstrations and use "
            "auto-icl(mode=retrieve)"
        )

    def _taken(self, chosen: Chosen, query: str) -> list[str]:
        """Texts of demonstrations, none of them the one asked. Raises FlowError where none suits."""
        texts = dict.fromkeys(chosen.pool[number].text for number in chosen.ranking(query))
        found = [each for each in texts if same_text(each) != same_text(query)]
        if not found:
            raise FlowError(
                "no demonstration is like the question; use another selection=..., such as random"
            )
        return found[: self.questions]

    def _solved(self, asked: Asked, questions: Sequence[str], query: str) -> list[str]:
        """Each question with its solution, as many as leave room for the rest."""
        prompts = [[prompt("auto_icl_solve", question=each)] for each in questions]
        reply = self._reply(asked.chat)
        replies = heard(asked.chat.generate_all(prompts, max_new_tokens=reply))
        asked.usages += [each.usage for each in replies if each is not None]
        left = room(asked.chat, self.tokens, reply_tokens(asked.events) + reply, query)
        found: list[str] = []
        for question, solution in zip(questions, replies, strict=True):
            if solution is None or not solution.text.strip():
                continue
            text = f"{question}\n{solution.text.strip()}"
            left -= asked.chat.count_tokens(f"{text}\n\n")
            if left < 0 and found:
                break
            found.append(text)
        if not found:
            raise FlowError("the model solved none of the questions; ask another model")
        return found
