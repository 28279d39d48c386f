"""HELMET's questions on many retrieved passages: Natural Questions, TriviaQA, HotpotQA, PopQA."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import log10

from longspan.evaluation.metrics.text import best, contains
from longspan.evaluation.sample import Sample
from longspan.evaluation.source import Row
from longspan.evaluation.task import Level
from longspan.evaluation.tasks.helmet.paper import LENGTHS, archived
from longspan.evaluation.tasks.helmet.worked import Asked, Worked


@dataclass(frozen=True, kw_only=True)
class Rag(Worked):
    """A question with passages of which few answer it. popularity: at most, of the thing that is asked about.

    Facts: `depth` of the first passage that has an answer.
    """

    popularity: float | None = None

    instruction: str = (
        "Use the given documents to write a concise and short answer to the question. Write your answer in the "
        "following format:\nAnswer: [answer]"
    )
    max_new_tokens: int = 20
    diffusion: Level = "medium"
    scope: Level = "low"
    metric: str = "1 if any gold answer is a substring of the answer, both normalised"
    licence: str = "questions as their authors license them; passages from Wikipedia, CC BY-SA"
    form: str = (
        "two worked examples, the passages, the question; the answer begins with Answer:, no chat template"
    )

    def asked(self, row: Row) -> Iterator[Asked]:
        """The row's question, nothing where it is about something too popular."""
        if self.popularity is None or log10(row["s_pop"]) < self.popularity:
            texts = [f"Document (Title: {each['title']}): {each['text']}" for each in row["ctxs"]]
            yield Asked(
                key=str(row.get("id", row["question"])),
                passages="\n\n".join(texts),
                question=f"Question: {row['question']}",
                prefix="Answer:",
                references=tuple(row["answers"]),
                facts=_depth(texts, row["answers"]),
            )

    def score(self, output: str, sample: Sample) -> Mapping[str, float]:
        """Whether a gold answer is there."""
        return {"score": best(contains, output, sample.references)}


def _depth(texts: Sequence[str], answers: Sequence[str]) -> Mapping[str, float]:
    for place, text in enumerate(texts):
        if any(answer.lower() in text.lower() for answer in answers):
            return {"depth": place / max(1, len(texts) - 1)}
    return {}


_PASSAGES = dict(zip(LENGTHS, (50, 105, 220, 440, 1000), strict=True))

TASKS = tuple(
    Rag(
        name=f"helmet/rag-{name}-{length}",
        description=f"Answer {what} from {passages} passages, few of which help.",
        data=archived(f"kilt/{file.format(k=passages)}.jsonl"),
        shown=archived(f"kilt/{file.replace('dev', 'train').format(k=3)}.jsonl"),
        popularity=popularity,
    )
    for name, file, what, popularity in (
        ("nq", "nq-dev-multikilt_1000_k{k}_dep6", "a question of a search engine's user", None),
        ("triviaqa", "triviaqa-dev-multikilt_1000_k{k}_dep6", "a trivia question", None),
        ("hotpotqa", "hotpotqa-dev-multikilt_1000_k{k}_dep3", "a question on two things", None),
        ("popqa", "popqa_test_1000_k{k}_dep6", "a question on something little known", 3.0),
    )
    for length, passages in _PASSAGES.items()
)
