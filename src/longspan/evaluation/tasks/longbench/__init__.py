"""LongBench: 21 tasks in English, Chinese and code (https://arxiv.org/abs/2308.14508)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from longspan.credit import Credit
from longspan.evaluation.archive import HubFile
from longspan.evaluation.metrics.chinese import f1_of_words
from longspan.evaluation.metrics.distinct_rouge import rouge_l_f
from longspan.evaluation.metrics.longbench import (
    classification,
    code_similarity,
    count,
    first_line,
    retrieval,
    rouge_l_chinese,
)
from longspan.evaluation.metrics.text import best, f1
from longspan.evaluation.origin import Origin
from longspan.evaluation.sample import Sample
from longspan.evaluation.task import Level, Request, Task
from longspan.evaluation.tasks.longbench.prompts import PROMPTS


@dataclass(frozen=True, kw_only=True)
class LongBench(Task):
    """One of the data sets.

    data: its rows. template: the prompt. compare: output and one gold answer to 0..1; None where the gold answer is
    one of the row's labels. first_line_only: whether only the answer's first line counts.
    """

    data: HubFile
    template: str
    compare: Callable[[str, str], float] | None
    first_line_only: bool

    paper: str = "LongBench: A Bilingual, Multitask Benchmark for Long Context Understanding"
    link: str = "https://arxiv.org/abs/2308.14508"
    source: str = "https://huggingface.co/datasets/THUDM/LongBench"
    origin: Origin = "published"
    licence: str = "MIT (the collection); each data set has its own terms"
    form: str = "the published prompt; instruction and text as context, instruction and question after it"

    sized = False

    def samples(self, request: Request) -> Iterator[Sample]:
        """One sample a row. Raises TaskError where the data is absent or malformed."""
        before, after = self.template.split("{context}")
        for number, row in enumerate(self.data.rows(request.data, self.name)):
            facts: dict[str, object] = {"words": length_bin(row["length"])}
            if self.compare is None:
                facts["labels"] = list(row["all_classes"])
            yield Sample(
                id=f"{number:04d}",
                context=before + row["context"],
                question=after.replace("{input}", row["input"]),
                references=tuple(row["answers"]),
                facts=facts,
            )

    def score(self, output: str, sample: Sample) -> Mapping[str, float]:
        """The metric for the gold answer that suits best."""
        compare = self.compare or partial(classification, labels=sample.facts["labels"])
        said = first_line(output) if self.first_line_only else output
        return {"score": best(compare, said, sample.references)}


def length_bin(words: int) -> str:
    """The bin of LongBench-E that a length in words (characters for Chinese) lies in."""
    return "<4k" if words < 4000 else "4-8k" if words < 8000 else "8k+"


_METRICS: dict[Callable[[str, str], float] | None, str] = {
    None: "1 / number of labels named, if the gold label is among them",
    f1: "F1 of the words, best of the gold answers",
    f1_of_words: "F1 of the words by a dictionary, best of the gold answers",
    rouge_l_f: "ROUGE-L F over distinct words, best of the gold answers",
    rouge_l_chinese: "ROUGE-L F over distinct words by a dictionary, best of the gold answers",
    count: "part of the numbers named that is the gold number",
    retrieval: "part of the numbers named that is the gold paragraph's",
    code_similarity: "likeness of the first line of code, in whole per cent",
}

_FIRST_LINE_ONLY = {"trec", "triviaqa", "samsum", "lsht"}
_WITHOUT_TEMPLATE = _FIRST_LINE_ONLY | {"lcc", "repobench-p"}


def _task(
    name: str,
    diffusion: Level,
    scope: Level,
    compare: Callable[[str, str], float] | None,
    tokens: int,
    description: str,
) -> LongBench:
    return LongBench(
        name=f"longbench/{name.replace('_', '-')}",
        description=description,
        max_new_tokens=tokens,
        chat=name not in _WITHOUT_TEMPLATE,
        diffusion=diffusion,
        scope=scope,
        metric=_METRICS[compare] + "; only the first line counts" * (name in _FIRST_LINE_ONLY),
        data=HubFile(
            hub="THUDM/LongBench",
            path="data.zip",
            member=f"{name}.jsonl",
            folder="longbench",
            texts=("context", "input"),
            keys=("answers", "length", *(("all_classes",) if compare is None else ())),
        ),
        template=PROMPTS[name],
        compare=compare,
        first_line_only=name in _FIRST_LINE_ONLY,
    )


CREDITS = (Credit(kind="task", name="longbench", field=173),)

TASKS = (
    _task("narrativeqa", "medium", "low", f1, 128, "Answer a question about a novel or a film script."),
    _task(
        "qasper",
        "medium",
        "low",
        f1,
        128,
        "Answer a question about a scientific article, or say unanswerable.",
    ),
    _task("multifieldqa_en", "medium", "low", f1, 64, "Answer a question about a document of any field."),
    _task(
        "multifieldqa_zh",
        "medium",
        "low",
        f1_of_words,
        64,
        "Answer a question about a Chinese document of any field.",
    ),
    _task(
        "hotpotqa", "medium", "low", f1, 32, "Answer a question that joins two of many Wikipedia passages."
    ),
    _task(
        "2wikimqa", "medium", "low", f1, 32, "Answer a question of up to five hops over Wikipedia passages."
    ),
    _task("musique", "high", "low", f1, 32, "Answer a question of up to four hops over Wikipedia passages."),
    _task(
        "dureader",
        "medium",
        "medium",
        rouge_l_chinese,
        128,
        "Answer a Chinese search question from several pages.",
    ),
    _task(
        "gov_report",
        "low",
        "high",
        rouge_l_f,
        512,
        "Summarise a report of a US government agency on one page.",
    ),
    _task(
        "qmsum",
        "medium",
        "medium",
        rouge_l_f,
        512,
        "Answer a query about the transcript of a meeting in sentences.",
    ),
    _task("multi_news", "low", "high", rouge_l_f, 512, "Summarise several news articles on one page."),
    _task("vcsum", "low", "high", rouge_l_chinese, 512, "Summarise the transcript of a Chinese meeting."),
    _task("trec", "low", "medium", None, 64, "Name the type of a question after many examples."),
    _task("triviaqa", "low", "low", f1, 32, "Answer a question from its passage after examples."),
    _task("samsum", "low", "low", rouge_l_f, 128, "Summarise a dialogue after examples."),
    _task("lsht", "low", "medium", None, 64, "Name the class of a Chinese news text after many examples."),
    _task("passage_count", "high", "high", count, 32, "Count the different paragraphs, some being repeated."),
    _task(
        "passage_retrieval_en",
        "medium",
        "low",
        retrieval,
        32,
        "Find the paragraph of 30 that an abstract is of.",
    ),
    _task(
        "passage_retrieval_zh",
        "medium",
        "low",
        retrieval,
        32,
        "Find the Chinese paragraph that an abstract is of.",
    ),
    _task("lcc", "low", "low", code_similarity, 64, "Write the next line of a long file of code."),
    _task(
        "repobench-p",
        "medium",
        "low",
        code_similarity,
        64,
        "Write the next line of code, with other files given.",
    ),
)
