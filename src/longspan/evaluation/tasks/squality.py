"""SQuALITY: answers of a paragraph to questions on short stories (https://arxiv.org/abs/2205.11465)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from longspan.evaluation.metrics.rouge import rouge
from longspan.evaluation.published import Published
from longspan.evaluation.sample import Sample
from longspan.evaluation.source import Row, Source
from longspan.evaluation.task import Level

_KINDS = {"score": "rougeL", "rouge-1": "rouge1", "rouge-2": "rouge2"}


@dataclass(frozen=True, kw_only=True)
class Squality(Published):
    """Five questions on each story, each with the answers of several writers. Facts: `question_number`; 1: the plot."""

    max_new_tokens: int = 512
    diffusion: Level = "high"
    scope: Level = "high"
    metric: str = (
        "ROUGE-L F, with ROUGE-1 and ROUGE-2, each the best over the references; words are not stemmed"
    )
    paper: str = "SQuALITY: Building a Long-Document Summarization Dataset the Hard Way"
    link: str = "https://arxiv.org/abs/2205.11465"
    source: str = "https://github.com/nyu-mll/SQuALITY"
    unlike: str = "the prompt is ours, and words are not stemmed"
    licence: str = "CC BY 4.0 (answers), Project Gutenberg licence (stories)"
    form: str = "the story, which its questions share, then the question"

    def read(self, row: Row, number: int) -> Iterator[Sample]:
        """The questions on one story."""
        context = f"Here is a story.\n\n{row['document']}\n\n"
        for each in row["questions"]:
            yield Sample(
                id=f"{row['metadata']['passage_id']}-{each['question_number']}",
                context=context,
                question="Answer the question on this story in a paragraph.\n\n"
                f"Question: {each['question_text']}\nAnswer:",
                references=tuple(response["response_text"] for response in each["responses"]),
                facts={"question_number": each["question_number"]},
            )

    def score(self, output: str, sample: Sample) -> Mapping[str, float]:
        """ROUGE with the reference that suits best."""
        found = [rouge(output, reference, _KINDS.values()) for reference in sample.references]
        return {name: max(each[kind] for each in found) for name, kind in _KINDS.items()}


TASKS = (
    Squality(
        name="squality/dev",
        description="Answer a question on a short story, such as what its plot is, in a paragraph.",
        data=Source(
            files=("squality/dev.jsonl", "SQuALITY/data/v1-3/txt/dev.jsonl"),
            address="https://github.com/nyu-mll/SQuALITY (data/v1-3/txt/dev.jsonl)",
        ),
    ),
)
