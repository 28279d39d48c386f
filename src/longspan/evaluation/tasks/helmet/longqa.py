"""HELMET's questions on whole books: NarrativeQA, and two tasks of InfiniteBench."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from longspan.evaluation.archive import HubFile
from longspan.evaluation.metrics.rouge import rouge
from longspan.evaluation.metrics.text import exact, f1
from longspan.evaluation.sample import Sample, name_of
from longspan.evaluation.source import Row, Source
from longspan.evaluation.task import Level
from longspan.evaluation.tasks.helmet.parsed import better
from longspan.evaluation.tasks.helmet.shown import Shown

_FORM = (
    "instruction, two worked examples without their books, the book, the question, in the user's words; books come "
    "whole"
)


@dataclass(frozen=True, kw_only=True)
class Story(Shown):
    """A book, and a question that a phrase answers."""

    closing: str = "\n\nNow, read the following story:\n\n"
    diffusion: Level = "high"
    scope: Level = "medium"
    form: str = _FORM
    unlike: str = "books come whole"

    def sample(self, number: int, book: tuple[str, str], before: str, question: str, *answers: str) -> Sample:
        """Question `number` on a book, given with its name."""
        name, text = book
        return Sample(
            id=f"{number:04d}",
            context=f"{before}{text}",
            question=f"\n\nQuestion: {question}",
            references=answers,
            document=name,
        )

    def score(self, output: str, sample: Sample) -> Mapping[str, float]:
        """ROUGE-L over stems, and F1 of the words."""
        return {
            "score": better(_rouge_l, output, sample.references),
            "f1": better(f1, output, sample.references),
        }


@dataclass(frozen=True, kw_only=True)
class NarrativeQA(Story):
    """Questions that were written from a summary of the book. The examples are those of training."""

    closing: str = "\n\nNow, use the following story to answer the question:\n\n"

    def example(self, row: Row) -> str:
        """Question and answer."""
        return f"Question: {row['question']['text']}\nAnswer: {row['answers'][0]['text']}"

    def asked(self, row: Row, number: int, before: str) -> Iterator[Sample]:
        """One sample a row."""
        book = row["document"]["id"], row["document"]["text"]
        answers = (each["text"] for each in row["answers"])
        yield self.sample(number, book, before, row["question"]["text"], *answers)


@dataclass(frozen=True, kw_only=True)
class InfBenchQA(Story):
    """Questions on novels whose names were changed."""

    def example(self, row: Row) -> str:
        """Question and answer."""
        return f"[story text]\nQuestion: {row['input']}\nAnswer: {row['answer'][0]}"

    def asked(self, row: Row, number: int, before: str) -> Iterator[Sample]:
        """One sample a row."""
        book = name_of(row["context"]), row["context"]
        yield self.sample(number, book, before, row["input"], *row["answer"])


@dataclass(frozen=True, kw_only=True)
class InfBenchChoice(Story):
    """Questions on novels whose names were changed, with four options."""

    def example(self, row: Row) -> str:
        """Question, options and the right letter."""
        return f"[story text]\nQuestion: {_listed(row)}\nAnswer: {_gold(row)[0]}"

    def asked(self, row: Row, number: int, before: str) -> Iterator[Sample]:
        """One sample a row; the reference is the gold option with its letter."""
        book = name_of(row["context"]), row["context"]
        yield self.sample(number, book, before, _listed(row), _gold(row))

    def score(self, output: str, sample: Sample) -> Mapping[str, float]:
        """Accuracy."""
        gold = sample.references[0]
        named = gold.lower() in output.lower()
        return {"score": float(named or better(exact, output, (gold[0], gold)))}


def _options(row: Row) -> list[str]:
    return [f"{letter}. {text}" for letter, text in zip("ABCD", row["options"], strict=True)]


def _listed(row: Row) -> str:
    return "\n".join((row["input"], "Options:", *_options(row)))


def _gold(row: Row) -> str:
    gold: int = row["options"].index(row["answer"][0])
    return _options(row)[gold]


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
        unlike="books come whole, short ones too, and the judge is replaced",
        source="https://huggingface.co/datasets/deepmind/narrativeqa",
        instruction=(
            "You are given a story, which can be either a novel or a movie script, and a question. Answer the question "
            "as concisely as you can, using a single phrase if possible."
        ),
        data=Source(hub="deepmind/narrativeqa", files=("narrativeqa/test.jsonl",)),
        shown=Source(
            hub="deepmind/narrativeqa",
            split="train",
            files=("narrativeqa/train.jsonl",),
            columns=("question", "answers"),
        ),
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
        metric="1 if the answer, or what stands behind Answer:, is the gold letter or option, or has the option in "
        "it; as published, the letter A is an article that does not count, and an empty answer equals it",
        source="https://huggingface.co/datasets/xinrongzhang2022/InfiniteBench",
        instruction=(
            "You are given a story and a question with multiple choices. Choose the best answer from the options "
            "provided. Only one of the following options is correct, output the answer using one single letter (A, B, "
            "C, or D). Don't say anything else."
        ),
        data=infinitebench("longbook_choice_eng"),
    ),
)
