"""DocFinQA: calculations from whole reports of companies (https://arxiv.org/abs/2401.06915)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from longspan.credit import Credit
from longspan.evaluation.metrics.amounts import is_amount, same_amount
from longspan.evaluation.metrics.text import contains
from longspan.evaluation.published import Published
from longspan.evaluation.sample import Sample
from longspan.evaluation.source import Row, Source
from longspan.evaluation.task import Level

_TOLERANCE = 0.01


@dataclass(frozen=True, kw_only=True)
class DocFinQA(Published):
    """A report, and a question whose answer has to be worked out from several of its numbers."""

    max_new_tokens: int = 256
    diffusion: Level = "high"
    scope: Level = "medium"
    metric: str = (
        "1 if the answer names the gold number, to one per cent and with or without a per cent sign; where gold is no "
        "number, 1 if it stands in the answer. The paper runs a program that the model writes"
    )
    paper: str = "DocFinQA: A Long-Context Financial Reasoning Dataset"
    link: str = "https://arxiv.org/abs/2401.06915"
    source: str = "https://huggingface.co/datasets/kensho/DocFinQA"
    unlike: str = "the number is asked for, where the paper runs a program that the model writes"
    licence: str = "MIT"
    form: str = "the report, then the question; the number is asked for directly, and no program is run"

    def read(self, row: Row, number: int) -> Iterator[Sample]:
        """One sample a row."""
        yield Sample(
            id=f"{number:04d}",
            context=f"Here is a financial report.\n\n{row['Context']}\n\n",
            question=f"Answer the question from the report.\n\nQuestion: {row['Question']}\n"
            "Work it out in a few words and end with: The answer is ...\n",
            references=(str(row["Answer"]),),
        )

    def score(self, output: str, sample: Sample) -> Mapping[str, float]:
        """The gold number, or the gold text."""
        gold = sample.references[0]
        return {"score": same_amount(output, gold, _TOLERANCE) if is_amount(gold) else contains(output, gold)}


CREDITS = (Credit(kind="task", name="docfinqa", field=64),)

TASKS = (
    DocFinQA(
        name="docfinqa/test",
        description="Work out a number from a company's whole report.",
        data=Source(hub="kensho/DocFinQA", files=("docfinqa/test.json", "DocFinQA/test.json")),
    ),
)
