"""HELMET's summaries: of novels (InfiniteBench) and of lawsuits (Multi-LexSum)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from longspan.evaluation.metrics.rouge import rouge
from longspan.evaluation.published import Published
from longspan.evaluation.sample import Sample
from longspan.evaluation.source import Row, Source
from longspan.evaluation.task import Level
from longspan.evaluation.tasks.helmet.longqa import infinitebench
from longspan.evaluation.tasks.helmet.paper import LINK, PAPER


@dataclass(frozen=True, kw_only=True)
class Summary(Published):
    """A text to be summarised. instruction and request: what stands before and after it."""

    instruction: str
    request: str

    diffusion: Level = "high"
    scope: Level = "high"
    metric: str = (
        "ROUGE-L F, in place of the paper's F1 of key points, which a model judges and which is left out"
    )
    paper: str = PAPER
    link: str = LINK
    unlike: str = "the worked examples are left out, texts come whole, and the judge is replaced"
    form: str = (
        "instruction and text, then the request; the answer begins with Summary:. The worked examples of the paper are "
        "left out, and texts come whole"
    )

    def sample(self, number: int, text: str, summary: str) -> Sample:
        """Text `number`."""
        return Sample(
            id=f"{number:04d}",
            context=f"{self.instruction}\n\n{text}",
            question=f"\n\n{self.request}\n\n",
            prefix="Summary:",
            references=(summary,),
        )

    def score(self, output: str, sample: Sample) -> Mapping[str, float]:
        """ROUGE-L, with ROUGE-1 and ROUGE-2."""
        found = rouge(output, sample.references[0], ("rouge1", "rouge2", "rougeL"))
        return {"score": found["rougeL"], "rouge-1": found["rouge1"], "rouge-2": found["rouge2"]}


@dataclass(frozen=True, kw_only=True)
class Novel(Summary):
    """A novel whose names were changed."""

    def read(self, row: Row, number: int) -> Iterator[Sample]:
        """One sample a row."""
        yield self.sample(number, row["context"], row["answer"][0])


@dataclass(frozen=True, kw_only=True)
class Lawsuit(Summary):
    """The documents of a lawsuit for civil rights."""

    def read(self, row: Row, number: int) -> Iterator[Sample]:
        """One sample for each lawsuit that has a short summary."""
        if row["summary/short"] is not None:
            documents = "\n\n".join(row["sources"])
            yield self.sample(number, f"Legal documents:\n{documents}", row["summary/short"])


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
    ),
)
