"""Answers and summaries whose sentences cite the passages they rest on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from longspan.evaluation.metrics.citations import (
    Entails,
    citation_scores,
    shares_words,
    statements,
)
from longspan.evaluation.metrics.distinct_rouge import rouge_l_f
from longspan.evaluation.metrics.text import best, f1
from longspan.evaluation.published import Published
from longspan.evaluation.sample import Sample
from longspan.evaluation.source import Row
from longspan.evaluation.task import Level
from longspan.evaluation.tasks.passages import numbered, passages_of

_LEXICAL = (
    "shared words stand for entailment, which the paper lets a model judge, so the figures are not those of the "
    "paper"
)


@dataclass(frozen=True, kw_only=True)
class Cited(Published):
    """A question, or a wish for a summary, and numbered passages. word: what a passage is called; entails: whether a
    passage supports a claim, by default judged by shared words, not by a model as in the paper.

    Facts: `passages`, their places in the context.
    """

    word: str = "Passage"
    entails: Entails = shares_words

    max_new_tokens: int = 200
    diffusion: Level = "medium"
    scope: Level = "medium"
    metric: str = (
        f"F1 of citations, with their recall and precision, and F1 of the answer's words; {_LEXICAL}"
    )
    paper: str = "L-CiteEval: Do Long-Context Models Truly Leverage Context for Responding?"
    link: str = "https://arxiv.org/abs/2410.02115"
    source: str = "https://huggingface.co/datasets/Jonaszky123/L-CiteEval"
    unlike: str = "the worked example is left out, and shared words stand for the judge of entailment"
    licence: str = "Apache-2.0"
    form: str = (
        "numbered passages, then instruction and question; the worked example of the paper is left out"
    )

    def instruction(self, row: Row) -> str:
        """What is asked for."""
        name = f"{self.word.lower()}s"
        role = f"You are {row['role']}, a long-term conversation agent. " if "role" in row else ""
        return (
            f"{role}Write an accurate, engaging, and concise answer to the given question using only the provided "
            f"{name} (some of which might be irrelevant). Use an unbiased and journalistic tone. {_citing(name)}"
            f"\n\nQuestion: {row['question']}\nAnswer:"
        )

    def read(self, row: Row, number: int) -> Iterator[Sample]:
        """One sample a row."""
        context, places = numbered(
            ((f"{self.word} [{place}]: ", _text(each)) for place, each in enumerate(row["docs"], 1)), gap="\n"
        )
        answers = row["answer"] if isinstance(row["answer"], list) else [row["answer"]]
        yield Sample(
            id=f"{number:04d}",
            context=context,
            question=f"\n\n{self.instruction(row)}",
            references=tuple(str(each) for each in answers),
            facts={"passages": places}
            | {name: row[name] for name in ("length", "hardness", "level") if name in row},
        )

    def score(self, output: str, sample: Sample) -> Mapping[str, float]:
        """F1 of citations as score, `recall`, `precision`, `citations`, and how `correct` the answer is."""
        found = dict(self.citations(output, sample))
        return {"score": found.pop("f1"), **found, "correct": self.correct(output, sample)}

    def citations(self, output: str, sample: Sample) -> Mapping[str, float]:
        """`recall`, `precision`, `f1` and number of `citations`."""
        return citation_scores(statements(output), passages_of(sample), self.entails)

    def correct(self, output: str, sample: Sample) -> float:
        """F1 of the words of the first line."""
        return best(f1, first_line(output), sample.references)


@dataclass(frozen=True, kw_only=True)
class Conversation(Cited):
    """A question on conversations in place of passages."""

    word: str = "Conversation"


@dataclass(frozen=True, kw_only=True)
class Summary(Cited):
    """A summary with citations."""

    max_new_tokens: int = 800
    scope: Level = "high"
    metric: str = (
        "F1 of citations, with their recall and precision, and ROUGE-L F, over distinct words, of the summary; "
        f"{_LEXICAL}"
    )

    def instruction(self, row: Row) -> str:
        """What is asked for."""
        query = f"Query: {row['question']}\n" if row.get("question") else ""
        return (
            "Write a concise and engaging summary of the provided passages. Use a neutral and informative tone. "
            f"{_citing('passages')}\n\n{query}Summary:"
        )

    def correct(self, output: str, sample: Sample) -> float:
        """ROUGE-L F of the first line, which begins after the colon where its beginning speaks of a summary."""
        said = output.strip()
        if "summary" in said[:100].lower():
            said = said.partition(":")[2]
        return best(rouge_l_f, first_line(said), sample.references)


def first_line(output: str) -> str:
    """The first line of an answer without marks such as [1], as the benchmark takes them out."""
    line = output.strip().partition("\n")[0]
    return re.sub(r"\[\d+", "", re.sub(r" \[\d+", "", line)).replace(" |", "").replace("]", "")


def _citing(name: str) -> str:
    one = name.removesuffix("s")
    return (
        f"Every sentence must include a citation at the end, referencing at least one {one} and at most three. When "
        f"citing several {name}, use separate brackets for each index number, like [a][b][c], instead of combining "
        "them in one set of brackets, like [a, b, c]. Here, a, b and c represent different index numbers. If multiple "
        f"{name} support the sentence, only cite a minimum sufficient subset of the {name}."
    )


def _text(document: str | Mapping[str, str]) -> str:
    if isinstance(document, str):
        return document.strip("\n")
    return document["text"].strip("\n").removeprefix(f"{document.get('title', '')}\n")
