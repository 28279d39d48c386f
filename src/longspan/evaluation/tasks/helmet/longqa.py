"""HELMET's questions on whole books: NarrativeQA, and two tasks of InfiniteBench."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from longspan.evaluation.archive import HubFile
from longspan.evaluation.metrics.rouge import rouge
from longspan.evaluation.metrics.text import exact, f1
from longspan.evaluation.published import Published
from longspan.evaluation.sample import Sample
from longspan.evaluation.source import Row, Source
from longspan.evaluation.task import Level
from longspan.evaluation.tasks.helmet.paper import LINK, PAPER
from longspan.evaluation.tasks.helmet.parsed import better

_FORM = (
    "instruction and book, then the question; the answer begins with Answer:. The worked examples of the paper are "
    "left out, and books come whole"
)


@dataclass(frozen=True, kw_only=True)
class Story(Published):
    """A book, and a question that a phrase answers. instruction: what stands before the book."""

    instruction: str

    diffusion: Level = "high"
    scope: Level = "medium"
    paper: str = PAPER
    link: str = LINK
    form: str = _FORM
    unlike: str = "the worked examples are left out, and books come whole"

    def sample(self, number: int, story: str, question: str, answers: tuple[str, ...]) -> Sample:
        """Question `number` on a story."""
        return Sample(
            id=f"{number:04d}",
            context=f"{self.instruction}\n\n{story}",
            question=f"\n\nQuestion: {question}\n",
            prefix="Answer:",
            references=answers,
        )

    def score(self, output: str, sample: Sample) -> Mapping[str, float]:
        """ROUGE-L over stems, and F1 of the words."""
        return {
            "score": better(_rouge_l, output, sample.references),
            "f1": better(f1, output, sample.references),
        }


@dataclass(frozen=True, kw_only=True)
class NarrativeQA(Story):
    """Questions that were written from a summary of the book."""

    def read(self, row: Row, number: int) -> Iterator[Sample]:
        """One sample a row."""
        answers = tuple(each["text"] for each in row["answers"])
        yield self.sample(number, row["document"]["text"], row["question"]["text"], answers)


@dataclass(frozen=True, kw_only=True)
class InfBenchQA(Story):
    """Questions on novels whose names were changed."""

    def read(self, row: Row, number: int) -> Iterator[Sample]:
        """One sample a row."""
        yield self.sample(number, row["context"], row["input"], tuple(row["answer"]))


@dataclass(frozen=True, kw_only=True)
class InfBenchChoice(Story):
    """Questions on novels whose names were changed, with four options."""

    def read(self, row: Row, number: int) -> Iterator[Sample]:
        """One sample a row; the reference is the gold option with its letter."""
        options = [f"{letter}. {text}" for letter, text in zip("ABCD", row["options"], strict=True)]
        gold = options[row["options"].index(row["answer"][0])]
        listed = "\n".join(options)
        yield self.sample(number, row["context"], f"{row['input']}\nOptions:\n{listed}", (gold,))

    def score(self, output: str, sample: Sample) -> Mapping[str, float]:
        """Accuracy."""
        gold = sample.references[0]
        named = gold.lower() in output.lower()
        return {"score": float(named or better(exact, output, (gold[0],)) or better(exact, output, (gold,)))}


def infinitebench(file: str) -> HubFile:
    """A file of InfiniteBench."""
    return HubFile(hub="xinrongzhang2022/InfiniteBench", path=f"{file}.jsonl", folder="infinitebench")


def _rouge_l(output: str, reference: str) -> float:
    return rouge(output, reference, ("rougeL",), stem=True)["rougeL"]


TASKS = (
    NarrativeQA(
        name="helmet/longqa-narrativeqa",
        description="Answer a question on a whole book or film script.",
        max_new_tokens=100,
        metric="ROUGE-L F over stems, the best of the references, in place of the paper's judge, which is a model",
        unlike="the worked examples are left out, books come whole, and the judge is replaced",
        source="https://huggingface.co/datasets/deepmind/narrativeqa",
        instruction=(
            "You are given a story, which can be either a novel or a movie script, and a question. Answer the question "
            "as concisely as you can, using a single phrase if possible."
        ),
        data=Source(hub="deepmind/narrativeqa", files=("narrativeqa/test.jsonl",)),
    ),
    InfBenchQA(
        name="helmet/longqa-infbench-qa",
        description="Answer a question on a novel.",
        max_new_tokens=10,
        metric="ROUGE-L F over stems, the best of the references",
        source="https://huggingface.co/datasets/xinrongzhang2022/InfiniteBench",
        instruction=(
            "You are given a story and a question. Answer the question as concisely as you can, using a single phrase "
            "if possible."
        ),
        data=infinitebench("longbook_qa_eng"),
    ),
    InfBenchChoice(
        name="helmet/longqa-infbench-choice",
        description="Choose one of four answers to a question on a novel.",
        max_new_tokens=10,
        metric="1 if the answer, or what stands behind Answer:, is the gold letter or option, or has the option in it",
        source="https://huggingface.co/datasets/xinrongzhang2022/InfiniteBench",
        instruction=(
            "You are given a story and a question with multiple choices. Choose the best answer from the options "
            "provided. Only one of the following options is correct, output the answer using one single letter (A, B, "
            "C, or D). Don't say anything else."
        ),
        data=infinitebench("longbook_choice_eng"),
    ),
)
