"""SRLM: several runs of programs, of which the one is taken that most agree with and that was surest."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from longspan.errors import FlowError, LongspanError
from longspan.flows.base import Events
from longspan.flows.chat import Chat
from longspan.flows.programming import Programming, Run
from longspan.flows.seen import Seen
from longspan.flows.subcalls import Budget
from longspan.flows.turns import Session
from longspan.parameters import check_range, check_whole
from longspan.registry import Card
from longspan.running.generation import Generation
from longspan.spans import Answer, Document

CARD = Card(
    name="srlm",
    target="longspan.flows.srlm:SRLM",
    paper="Recursive Language Models Meet Uncertainty: The Surprising Effectiveness of Self-Reflective Program Search "
    "for Long Context",
    link="https://arxiv.org/abs/2603.15653",
    year=2026,
    training=False,
    changes="Several runs of rlm; among those with the commonest answer, the surest and shortest is taken.",
    field=(231,),
    missing="How the paper joins confidence and length is not published; here it is a weighted sum.",
)

_FLOOR = 0.01
_ARTICLES = re.compile(r"\b(a|an|the)\b")


@dataclass(frozen=True, kw_only=True)
class SRLM(Programming):
    """Self-reflective program search. https://arxiv.org/abs/2603.15653

    Each of K runs says in each turn how sure it is. Of the runs whose answer is the commonest, the one with the highest
    mean log confidence, less `shorter` times the log of its length, is taken; of equals the first. Answers are compared
    without case, articles, marks and blanks. The first run is drawn as asked for, the others with a temperature and
    seeds of their own.
    Deviations: how confidence and length are joined, the number of runs and their temperature are ours, as the paper's
    page does not say; a run that says no confidence counts as one of 50 %. A run that fails leaves the others alone.
    """

    runs: int = 5
    """Runs, each with a session of its own and its share of sub-calls and tokens."""

    shorter: float = 0.1
    """Weight of the log of a run's length in tokens."""

    temperature: float = 0.7
    """Temperature of all runs but the first."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_whole("runs", self.runs, 1)
        check_range("shorter", self.shorter, 0.0)
        check_range("temperature", self.temperature, 0.0)

    def answer(self, chat: Chat, documents: Sequence[Document], question: str, events: Events) -> Answer:
        """All runs, then the choice among them."""
        seen = Seen(documents)
        whole = Budget(calls=self.subcalls * self.runs, tokens=self.tokens * self.runs)
        found: list[Run] = []
        failed: list[str] = []
        for number in range(self.runs):
            budget = Budget(calls=self.subcalls, tokens=self.tokens, usages=whole.usages)
            drawn = replace(events, generation=self._drawn(events.generation, number))
            events.step(f"run {number + 1:,} of {self.runs:,}")
            session = Session.over(
                self, chat, documents, question, drawn, seen=seen, budget=budget, sure=True
            )
            try:
                found.append(session.run())
            except LongspanError as error:
                failed.append(str(error))
                events.step(f"run {number + 1:,} failed: {error}")
        if not found:
            raise FlowError(
                f"all {self.runs:,} runs failed, the first because: {failed[0]}; mend that and run again"
            )
        best = chosen(found, self.shorter)
        agree = sum(alike(run.answer) == alike(best.answer) for run in found)
        events.step(f"{agree:,} of {len(found):,} runs agree")
        return self.ended(best, question, seen, whole, chat, events)

    def _drawn(self, generation: Generation, number: int) -> Generation:
        if number == 0:
            return generation
        seed = generation.get("seed") or 0
        return {**generation, "temperature": self.temperature, "seed": seed + number}


def chosen(runs: Sequence[Run], shorter: float) -> Run:
    """The run that is taken: of those with an answer, where any has one, and among them of the commonest answer."""
    told = [run for run in runs if run.answer] or list(runs)
    counts = Counter(alike(run.answer) for run in told)
    plurality = max(counts.values())
    common = [run for run in told if counts[alike(run.answer)] == plurality]
    return max(common, key=lambda run: sureness(run, shorter))


def sureness(run: Run, shorter: float) -> float:
    """Mean log confidence, less the weighted log of the length."""
    said = [max(_FLOOR, each / 100) for each in run.confidences] or [0.5]
    return sum(map(math.log, said)) / len(said) - shorter * math.log(max(1, run.length))


def alike(answer: str) -> str:
    """An answer as it is compared: without case, articles, marks and blanks at the ends of words."""
    text = unicodedata.normalize("NFKC", answer).casefold()
    words = "".join(each if each.isalnum() else " " for each in text)
    return " ".join(_ARTICLES.sub(" ", words).split())
