"""QMSum: summaries of meetings as queries ask for them (https://arxiv.org/abs/2104.05938)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from longspan.evaluation.metrics.rouge import rouge
from longspan.evaluation.published import Published
from longspan.evaluation.sample import Sample
from longspan.evaluation.source import Row, Source
from longspan.evaluation.task import Level


@dataclass(frozen=True, kw_only=True)
class QMSum(Published):
    """All queries on a meeting, each with one summary. Facts: whether the query is `general` or `specific`."""

    max_new_tokens: int = 512
    diffusion: Level = "high"
    scope: Level = "high"
    metric: str = "ROUGE-L F, with ROUGE-1 and ROUGE-2; words are not stemmed"
    paper: str = "QMSum: A New Benchmark for Query-based Multi-domain Meeting Summarization"
    link: str = "https://arxiv.org/abs/2104.05938"
    source: str = "https://github.com/Yale-LILY/QMSum"
    unlike: str = "the prompt is ours, and words are not stemmed"
    licence: str = "MIT (AMI and ICSI meetings CC BY 4.0)"
    form: str = "the transcript, which all queries on the meeting share, then the query"

    def read(self, row: Row, number: int) -> Iterator[Sample]:
        """The queries on one meeting."""
        said = "\n".join(f"{turn['speaker']}: {turn['content']}" for turn in row["meeting_transcripts"])
        context = f"Here is the transcript of a meeting.\n\n{said}\n\n"
        for kind in ("general", "specific"):
            for place, each in enumerate(row[f"{kind}_query_list"]):
                yield Sample(
                    id=f"{number:02d}-{kind}-{place:02d}",
                    context=context,
                    question="Answer the query on this meeting in one or several sentences, from the transcript alone."
                    f"\n\nQuery: {each['query']}\nAnswer:",
                    references=(each["answer"],),
                    facts={"kind": kind},
                )

    def score(self, output: str, sample: Sample) -> Mapping[str, float]:
        """ROUGE with the summary."""
        found = rouge(output, sample.references[0], ("rouge1", "rouge2", "rougeL"))
        return {"score": found["rougeL"], "rouge-1": found["rouge1"], "rouge-2": found["rouge2"]}


TASKS = (
    QMSum(
        name="qmsum/test",
        description="Summarise what a query asks about a meeting, from its transcript.",
        data=Source(
            files=("qmsum/test.jsonl", "QMSum/data/ALL/jsonl/test.jsonl"),
            address="https://github.com/Yale-LILY/QMSum (data/ALL/jsonl/test.jsonl)",
        ),
    ),
)
