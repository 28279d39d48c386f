"""HELMET's summaries: of novels (InfiniteBench) and of lawsuits (Multi-LexSum)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from longspan.evaluation.metrics.rouge import rouge
from longspan.evaluation.sample import Sample, name_of
from longspan.evaluation.source import Row, Source
from longspan.evaluation.task import Level
from longspan.evaluation.tasks.helmet.longqa import infinitebench
from longspan.evaluation.tasks.helmet.parsed import better
from longspan.evaluation.tasks.helmet.shown import Shown

_KINDS = {"score": "rougeL", "rouge-1": "rouge1", "rouge-2": "rouge2"}


@dataclass(frozen=True, kw_only=True)
class Summary(Shown):
    """A text to be summarised. request: what stands after it; parsed_after: what an answer may begin with."""

    request: str
    parsed_after: str

    diffusion: Level = "high"
    scope: Level = "high"
    metric: str = "ROUGE-L F over stems, in place of the paper's F1 of key points, which a model judges"
    unlike: str = "texts come whole, short ones too, and the judge is replaced"
    form: str = "instruction, two summaries as examples, the text, the request, in the user's words"

    def sample(self, number: int, text: str, before: str, summary: str) -> Sample:
        """Text `number`."""
        return Sample(
            id=f"{number:04d}",
            context=f"{before}{text}",
            question=f"\n\n{self.request}",
            references=(summary,),
            document=name_of(text),
        )

    def score(self, output: str, sample: Sample) -> Mapping[str, float]:
        """ROUGE-L, with ROUGE-1 and ROUGE-2."""
        return {
            name: better(partial(_rouge, kind), output, sample.references, self.parsed_after)
            for name, kind in _KINDS.items()
        }


@dataclass(frozen=True, kw_only=True)
class Novel(Summary):
    """A novel whose names were changed."""

    closing: str = "\n\nNow, read the following story:\n\n"
    parsed_after: str = "Answer:"

    def example(self, row: Row) -> str:
        """The summary."""
        return f"[story text]\nSummary: {row['answer'][0].strip()}"

    def asked(self, row: Row, number: int, before: str) -> Iterator[Sample]:
        """One sample a row."""
        yield self.sample(number, row["context"], before, row["answer"][0])


@dataclass(frozen=True, kw_only=True)
class Lawsuit(Summary):
    """The documents of a lawsuit for civil rights. The examples are those of training."""

    opening: str = "Example summaries:\n\n"
    closing: str = "\n\nNow, write a summary of the following legal documents.\n"
    parsed_after: str = "Summary:"

    def example(self, row: Row) -> str | None:
        """The summary, where there is a short one."""
        short = row["summary/short"]
        return None if short is None else f"Summary: {short}"

    def asked(self, row: Row, number: int, before: str) -> Iterator[Sample]:
        """One sample for each lawsuit that has a short summary."""
        if row["summary/short"] is not None:
            documents = "\n\n".join(row["sources"])
            yield self.sample(number, documents, f"{before}Legal documents:\n", row["summary/short"])


def _rouge(kind: str, output: str, reference: str) -> float:
    return rouge(output, reference, (kind,), stem=True)[kind]


TASKS = (
    Novel(
        name="helmet/summ-infbench",
        description="Summarise the plot of a novel in 1,000 to 1,200 words.",
        max_new_tokens=1200,
        source="https://huggingface.co/datasets/xinrongzhang2022/InfiniteBench",
        instruction=(
            "You are given a book and you are tasked to summarize it. Write a summary of about 1000 to 1200 words. "
            "Only write about the plot and characters of the story. Do not discuss the themes or background of the "
            "book. Do not provide any analysis or commentary."
        ),
        request="Now summarize the book.",
        data=infinitebench("longbook_sum_eng"),
    ),
    Lawsuit(
        name="helmet/summ-multi-lexsum",
        description="Summarise the documents of a lawsuit in one paragraph of 200 to 250 words.",
        max_new_tokens=400,
        source="https://huggingface.co/datasets/allenai/multi_lexsum",
        licence="ODC-BY",
        instruction=(
            "You are given the legal documents in a civil rights lawsuit, and you are tasked to summarize the case. "
            "Write a concise summary of one paragraph (200 to 250 words). The summary should contain a short "
            "description of the background, the parties involved, and the outcomes of the case."
        ),
        request="Now please summarize the case.",
        data=Source(
            hub="allenai/multi_lexsum",
            folder="v20230518",
            split="validation",
            revision="refs/convert/parquet",
            files=("multi_lexsum/validation.jsonl",),
        ),
        shown=Source(
            hub="allenai/multi_lexsum",
            folder="v20230518",
            split="train",
            revision="refs/convert/parquet",
            files=("multi_lexsum/train.jsonl",),
            columns=("summary/short",),
        ),
    ),
)
