"""FinanceBench: questions on the reports of companies (https://arxiv.org/abs/2311.11944)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from longspan.credit import Credit
from longspan.errors import DocumentError
from longspan.evaluation.metrics.amounts import is_amount, same_amount
from longspan.evaluation.metrics.text import f1
from longspan.evaluation.published import Published
from longspan.evaluation.sample import Sample
from longspan.evaluation.source import Row, Source
from longspan.evaluation.task import Level, Request, TaskError
from longspan.spans import Document

_TOLERANCE = 0.01
_REPOSITORY = "https://github.com/patronus-ai/financebench"


@dataclass(frozen=True, kw_only=True)
class FinanceBench(Published):
    """The 150 open questions, on the pages that have the evidence. Facts: `type` of the question, `document`."""

    max_new_tokens: int = 256
    diffusion: Level = "medium"
    scope: Level = "low"
    metric: str = (
        "1 if the answer names the gold number, to one per cent; where gold is no number, F1 of the words. The paper "
        "lets people judge"
    )
    paper: str = "FinanceBench: A New Benchmark for Financial Question Answering"
    link: str = "https://arxiv.org/abs/2311.11944"
    source: str = "https://huggingface.co/datasets/PatronusAI/financebench"
    unlike: str = "numbers are compared, where the paper lets people judge"
    licence: str = "CC BY-NC 4.0"
    form: str = "the report or its pages, then the question"

    def read(self, row: Row, number: int) -> Iterable[Sample]:
        """One sample a row."""
        pages = dict.fromkeys(each["evidence_text_full_page"].strip() for each in row["evidence"])
        return [self.sample(row, "\n\n".join(pages))]

    def sample(self, row: Row, text: str) -> Sample:
        """The row's question on a text."""
        return Sample(
            id=str(row["financebench_id"]),
            context=f"Here is a report of {row['company']}, or pages of it ({row['doc_name']}).\n\n{text}\n\n",
            question=f"Answer the question from the report.\n\nQuestion: {row['question']}\n"
            "End with: The answer is ...\n",
            references=(str(row["answer"]),),
            facts={"type": row["question_type"], "document": row["doc_name"]},
            document=row["doc_name"],
        )

    def score(self, output: str, sample: Sample) -> Mapping[str, float]:
        """The gold number, or the words of the gold answer."""
        gold = sample.references[0]
        return {"score": same_amount(output, gold, _TOLERANCE) if is_amount(gold) else f1(output, gold)}


@dataclass(frozen=True, kw_only=True)
class WholeReport(FinanceBench):
    """The same questions on the whole report, a PDF of the authors' repository in financebench/pdfs."""

    def samples(self, request: Request) -> Iterator[Sample]:
        """The questions in the order of the data. Raises TaskError where it or a report is absent."""
        return self.numbered(request, range(len(self.clusters(request))))

    def clusters(self, request: Request) -> list[str]:
        """The report of each question; none is opened."""
        rows = enumerate(self.data.rows(request.data, self.name))
        return [name for number, row in rows for name in self.checked(number, partial(_report, row))]

    def numbered(self, request: Request, numbers: Sequence[int]) -> Iterator[Sample]:
        """The questions with these numbers; no other report is opened."""
        wanted, texts = set(numbers), dict[str, str]()
        for number, row in enumerate(self.data.rows(request.data, self.name)):
            if number in wanted:
                yield from self.checked(number, partial(self._read, row, request.data, texts))

    def _read(self, row: Row, data: Path | None, texts: dict[str, str]) -> list[Sample]:
        name = row["doc_name"]
        if name not in texts:
            texts[name] = self._text(f"{name}.pdf", data)
        return [self.sample(row, texts[name])]

    def _text(self, name: str, data: Path | None) -> str:
        if Path(name).name != name:
            raise ValueError(f"doc_name {name!r} is no name of a file")
        path = (data or Path()) / "financebench" / "pdfs" / name
        if data is None or not path.is_file():
            raise TaskError(
                f"{self.name} needs the report {name}: fetch it from {_REPOSITORY} (pdfs), put it into "
                "financebench/pdfs of a folder and name the folder with data=..."
            )
        try:
            return Document.open(path).text
        except DocumentError as error:
            raise TaskError(f"{self.name}: {error}") from error


def _report(row: Row) -> list[str]:
    return [str(row["doc_name"])]


_DATA = Source(
    hub="PatronusAI/financebench",
    split="train",
    files=tuple(
        f"financebench/{name}.jsonl"
        for name in ("financebench_open_source", "data/financebench_open_source", "financebench_merged")
    ),
)

CREDITS = (Credit(kind="task", name="financebench", field=93),)

TASKS = (
    FinanceBench(
        name="financebench/pages",
        description="Answer a question on a company from the pages of its report that have the evidence.",
        data=_DATA,
    ),
    WholeReport(
        name="financebench/report",
        description="Answer a question on a company from its whole report.",
        data=_DATA,
        diffusion="high",
        source=f"https://huggingface.co/datasets/PatronusAI/financebench, reports from {_REPOSITORY}",
    ),
)
