"""LongBench Pro: 25 tasks over real documents of 8k to 256k tokens (https://arxiv.org/abs/2601.02872)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from longspan.credit import Credit
from longspan.evaluation.archive import HubFile
from longspan.evaluation.origin import Origin
from longspan.evaluation.sample import Sample
from longspan.evaluation.task import Level, Request, Task
from longspan.evaluation.tasks.longbench_pro.metrics import (
    accuracy,
    found,
    list_f1,
    ndcg,
    pairwise_accuracy,
    summary,
)

Compare = Callable[[str, Sequence[str]], float]

_DATA = HubFile(
    hub="caskcsg/LongBench-Pro",
    path="longbench_pro.json",
    folder="longbench-pro",
    texts=("context", "question_nonthinking", "secondary_task", "language", "token_length", "difficulty"),
    keys=("answer",),
)


@dataclass(frozen=True, kw_only=True)
class LongBenchPro(Task):
    """The rows of one secondary task, in English and Chinese. title: the task's name in the data."""

    title: str
    compare: Compare

    max_new_tokens: int = 1024
    paper: str = (
        "LongBench Pro: A More Realistic and Comprehensive Bilingual Long-Context Evaluation Benchmark"
    )
    link: str = "https://arxiv.org/abs/2601.02872"
    source: str = "https://huggingface.co/datasets/caskcsg/LongBench-Pro"
    origin: Origin = "published"
    form: str = "the text, four line breaks, the published question for answers without thinking"

    sized = False

    def samples(self, request: Request) -> Iterator[Sample]:
        """One sample a row of this task. Raises TaskError where the data is absent or malformed."""
        rows = _DATA.rows(request.data, self.name)
        for number, row in enumerate(row for row in rows if row["secondary_task"] == self.title):
            yield Sample(
                id=f"{number:04d}",
                context=row["context"],
                question="\n\n\n\n" + row["question_nonthinking"],
                references=tuple(row["answer"]),
                facts={name: row[name] for name in ("language", "token_length", "difficulty")},
            )

    def score(self, output: str, sample: Sample) -> Mapping[str, float]:
        """The task's metric."""
        return {"score": self.compare(output, sample.references)}


_METRICS: dict[Compare, str] = {
    accuracy: "accuracy of the first line behind [Answer]",
    found: "part of the gold list that is among the lines behind [Answer]",
    list_f1: "F1 of the lines behind [Answer] as a set",
    ndcg: "normalised discounted gain of the ranking behind [Answer]",
    pairwise_accuracy: "pairs in the right order, of all pairs of lines behind [Answer]",
    summary: "ROUGE-L F over distinct words, best of the gold summaries",
}

_UNLIKE = "the paper takes the best or the mean of three answers, sampled"
_SUMMARY = ", and averages ROUGE-L with the similarity that an embedding model finds"

_TITLES: tuple[tuple[str, Compare, Level], ...] = (
    ("T1.1 Global Cohesive Retrieval", ndcg, "high"),
    ("T1.2 Key-Snippet Retrieval", ndcg, "low"),
    ("T2.1 Global Timeline Reconstruction", pairwise_accuracy, "high"),
    ("T2.2 Local Causal Chain Sorting", pairwise_accuracy, "low"),
    ("T3.1 Multi-Doc Integration QA", accuracy, "high"),
    ("T3.2 Single-Hop Fact QA", accuracy, "low"),
    ("T4.1 Global-Coverage Constrained Summary", summary, "high"),
    ("T4.2 Query-Focused Summary", summary, "low"),
    ("T5.1 Full-Sentence Citation Alignment", list_f1, "high"),
    ("T5.2 Key-Statement Citation Alignment", list_f1, "low"),
    ("T6.1 Large-Scale Document Clustering", found, "high"),
    ("T6.2 Targeted Subset Cluster Identification", list_f1, "low"),
    ("T6.3 Global Frequency Analysis", pairwise_accuracy, "high"),
    ("T7.1 Global Conflict & Inconsistency Localization", list_f1, "high"),
    ("T7.2 Targeted Rule or Condition Violation Detection", list_f1, "low"),
    ("T7.3 Comprehensive Error & Anomaly Sweep", list_f1, "high"),
    ("T8.1 Structured Multi-Source Consistency Verification", found, "high"),
    ("T8.2 Single-Source Targeted Aggregation", found, "low"),
    ("T8.3 Long-Context Procedural State Tracking", found, "high"),
    ("T9.1 Dependency-Aware Multi-Version Impact Analysis", list_f1, "high"),
    ("T9.2 Localized Interface Change Detection", list_f1, "low"),
    ("T10.1 Large-Scale In-Context Rule Induction", found, "high"),
    ("T10.2 Targeted Example-Based Rule Induction", found, "low"),
    ("T11.1 Long-Range Entity & Commitment Tracking", accuracy, "high"),
    ("T11.2 Short-Range Reference Resolution & State Query", accuracy, "low"),
)


_WHERE = {"high": "from all", "low": "from some places"}


def _name(title: str) -> str:
    return title.lower().replace(" & ", " and ").replace(" ", "-")


CREDITS = (
    Credit(
        kind="task",
        name="longbench-pro",
        field=172,
        missing="Answers are made once and greedily, not several times with the best taken.",
    ),
)

TASKS = tuple(
    LongBenchPro(
        name=f"longbench-pro/{_name(title)}",
        description=f"{title.partition(' ')[2]}: {_WHERE[scope]} of a long document, as a list of lines.",
        diffusion="medium",
        scope=scope,
        metric=_METRICS[compare],
        unlike=_UNLIKE + _SUMMARY * (compare is summary),
        title=title,
        compare=compare,
    )
    for title, compare, scope in _TITLES
)
