"""LongBench v2: hard questions with four options over 8k to 2M words (https://arxiv.org/abs/2412.15204)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from longspan.evaluation.archive import HubFile
from longspan.evaluation.origin import Origin
from longspan.evaluation.sample import Sample
from longspan.evaluation.task import Level, Request, Task

_DATA = HubFile(
    hub="THUDM/LongBench-v2",
    path="data.json",
    folder="longbench-v2",
    texts=(
        "context",
        "question",
        "choice_A",
        "choice_B",
        "choice_C",
        "choice_D",
        "answer",
        "domain",
        "sub_domain",
        "difficulty",
        "length",
    ),
)


@dataclass(frozen=True, kw_only=True)
class LongBenchV2(Task):
    """All 503 questions; facts tell domain, difficulty and length (short, medium, long) apart."""

    max_new_tokens: int = 128
    diffusion: Level = "high"
    scope: Level = "medium"
    metric: str = 'accuracy; the answer must say "The correct answer is (X)", with or without brackets'
    paper: str = (
        "LongBench v2: Towards Deeper Understanding and Reasoning on Realistic Long-context Multitasks"
    )
    link: str = "https://arxiv.org/abs/2412.15204"
    source: str = "https://huggingface.co/datasets/THUDM/LongBench-v2"
    origin: Origin = "published"
    unlike: str = (
        "asked once without examples or reasoning, greedily, where the paper samples at temperature 0.1"
    )
    form: str = (
        "the published prompt without chain of thought: text, then question, options and the answer's form"
    )

    sized = False

    def samples(self, request: Request) -> Iterator[Sample]:
        """One sample a question. Raises TaskError where the data is absent or malformed."""
        for number, row in enumerate(_DATA.rows(request.data, self.name)):
            options = "\n".join(f"({letter}) {row[f'choice_{letter}'].strip()}" for letter in "ABCD")
            yield Sample(
                id=f"{number:04d}",
                context=(
                    "Please read the following text and answer the question below.\n\n"
                    f"<text>\n{row['context'].strip()}\n</text>"
                ),
                question=(
                    f"\n\nWhat is the correct answer to this question: {row['question'].strip()}\n"
                    f"Choices:\n{options}\n\n"
                    'Format your response as follows: "The correct answer is (insert answer here)".'
                ),
                references=(row["answer"],),
                facts={name: row[name] for name in ("domain", "sub_domain", "difficulty", "length")},
            )

    def score(self, output: str, sample: Sample) -> Mapping[str, float]:
        """1 for the gold letter; asterisks, as around bold words, do not count."""
        said = output.replace("*", "")
        letter = re.search(r"The correct answer is \(([A-D])\)", said) or re.search(
            "The correct answer is ([A-D])", said
        )
        return {"score": float(letter is not None and letter.group(1) == sample.references[0])}


TASKS = (
    LongBenchV2(
        name="longbench-v2/choice",
        description=(
            "Choose the right one of four answers about documents, code, tables, dialogues or long lists of examples."
        ),
    ),
)
