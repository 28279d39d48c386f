"""LV-Eval: 11 data sets at five lengths each, with confusing facts (https://arxiv.org/abs/2402.05136)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from longspan.credit import Credit
from longspan.evaluation.archive import HubFile
from longspan.evaluation.metrics.chinese import f1_of_words
from longspan.evaluation.metrics.lveval import keyword_f1, keyword_f1_chinese, rouge_l_chinese
from longspan.evaluation.metrics.text import f1
from longspan.evaluation.origin import Origin
from longspan.evaluation.sample import Sample
from longspan.evaluation.task import Level, Request, Task

LENGTHS = ("16k", "32k", "64k", "128k", "256k")
"""Words, or Chinese characters, of the contexts."""

Compare = Callable[[str, str, str | None], float]


@dataclass(frozen=True, kw_only=True)
class LVEval(Task):
    """One data set at one length.

    data: its rows. template: the prompt. compare: output, gold answer and keywords (None where the row has none) to
    0..1. Only the first gold answer counts, as published.
    """

    data: HubFile
    template: str
    compare: Compare

    paper: str = "LV-Eval: A Balanced Long-Context Benchmark with 5 Length Levels Up to 256K"
    link: str = "https://arxiv.org/abs/2402.05136"
    source: str = "https://huggingface.co/datasets/Infinigence/LVEval"
    origin: Origin = "published"
    form: str = "the published prompt; instruction and text as context, instruction and question after it"

    sized = False

    def samples(self, request: Request) -> Iterator[Sample]:
        """One sample a row. Raises TaskError where the data is absent or malformed."""
        before, after = self.template.split("{context}")
        for number, row in enumerate(self.data.rows(request.data, self.name)):
            yield Sample(
                id=f"{number:04d}",
                context=before + row["context"],
                question=after.replace("{input}", row["input"]),
                references=tuple(row["answers"][:1]),
                facts={"keywords": row.get("answer_keywords") or None},
            )

    def score(self, output: str, sample: Sample) -> Mapping[str, float]:
        """The task's metric."""
        return {"score": self.compare(output, sample.references[0], sample.facts["keywords"])}


def _f1(output: str, reference: str, keywords: str | None) -> float:
    return f1(output, reference)


def _f1_chinese(output: str, reference: str, keywords: str | None) -> float:
    return f1_of_words(output, reference)


def _rouge_chinese(output: str, reference: str, keywords: str | None) -> float:
    return rouge_l_chinese(output, reference)


_METRICS: dict[Compare, str] = {
    keyword_f1: "F1 of the words; 0 where less than 0.2 of the keywords is in the answer",
    keyword_f1_chinese: (
        "F1 of the words by a dictionary; 0 where less than 0.4 of the keywords is in the answer"
    ),
    _f1: "F1 of the words",
    _f1_chinese: "F1 of the words by a dictionary",
    _rouge_chinese: "ROUGE-L F over distinct words by a dictionary, without stop words",
}


_ONLY = "Only give me the answer and do not output any other explanation and evidence.\n\n"
_ONE = "Questions and answers are only relevant to one passage. "
_SOME = "Questions and answers are only relevant to some passages. "
_ONE_PASSAGE = (
    f"Please answer the following question based on the given passages. {_ONE}{_ONLY}Article: {{context}}\n\n"
    f"Please answer the following question based on the above passages. {_ONE}{_ONLY}Question: {{input}}\nAnswer:"
)
_SOME_PASSAGES = (
    f"Answer the question based on the given passages. {_SOME}{_ONLY}Article: {{context}}\n\n"
    f"Please answer the following question based on the above passages. {_SOME}{_ONLY}Question: {{input}}\nAnswer:"
)
_FACT = (
    "Please answer the following questions based on the given article.\n\nArticle: {context}\n\n"
    "Please answer the following questions based on the above article.\n\nQuestion: {input}\nAnswer:"
)
_FACT_ZH = (
    "请基于给定的文章回答下述问题。\n\n文章：{context}\n\n"
    "现在请基于上述文章回答下面的问题。\n\n问题：{input}\n回答："
)
_ONE_ZH = "问题和答案只与其中一篇文章有关。"
_ONLY_ZH = "只需要直接给出问题的答案，不要输出其他任何解释和证据。\n\n"
_MULTI_ZH = (
    f"请阅读以下文章并用中文回答问题，{_ONE_ZH}{_ONLY_ZH}文章：{{context}}\n\n"
    f"请基于上面的文章回答下面的问题，{_ONE_ZH}{_ONLY_ZH}问题：{{input}}\n回答："
)


def _given_zh(now: str) -> str:
    return (
        f"请根据下面给定的文章回答问题，{_ONE_ZH}\n\n文章：{{context}}\n\n"
        f"{now}基于上述文章回答下面的问题，{_ONE_ZH}\n\n问题：{{input}}\n回答："
    )


_DATA_SETS: tuple[tuple[str, Level, Level, Compare, str, str], ...] = (
    (
        "hotpotwikiqa_mixup",
        "high",
        "low",
        keyword_f1,
        _SOME_PASSAGES,
        "a question of several hops over Wikipedia",
    ),
    ("loogle_SD_mixup", "medium", "low", keyword_f1, _ONE_PASSAGE, "a question that one place answers"),
    (
        "loogle_CR_mixup",
        "high",
        "medium",
        keyword_f1,
        _ONE_PASSAGE,
        "a question of understanding and reasoning",
    ),
    ("loogle_MIR_mixup", "high", "medium", keyword_f1, _ONE_PASSAGE, "a question that several places answer"),
    (
        "multifieldqa_en_mixup",
        "medium",
        "low",
        keyword_f1,
        _ONE_PASSAGE,
        "a question about one of many documents",
    ),
    (
        "multifieldqa_zh_mixup",
        "medium",
        "low",
        keyword_f1_chinese,
        _MULTI_ZH,
        "a question about one of many documents",
    ),
    (
        "factrecall_en",
        "low",
        "low",
        _f1,
        _FACT,
        "the same question in ever other texts, with confusing facts",
    ),
    (
        "factrecall_zh",
        "low",
        "low",
        _f1_chinese,
        _FACT_ZH,
        "the same question in ever other texts, with confusing facts",
    ),
    (
        "cmrc_mixup",
        "medium",
        "low",
        keyword_f1_chinese,
        _given_zh("现在请"),
        "a question about one Wikipedia article of many",
    ),
    (
        "lic_mixup",
        "high",
        "low",
        keyword_f1_chinese,
        _given_zh("请现在"),
        "a question of several hops, with confusing facts",
    ),
    (
        "dureader_mixup",
        "medium",
        "medium",
        _rouge_chinese,
        _given_zh("现在请"),
        "a search question from several pages",
    ),
)


CREDITS = (Credit(kind="task", name="lv-eval", field=149),)

TASKS = tuple(
    LVEval(
        name=f"lv-eval/{name.lower().replace('_', '-')}-{length}",
        description=f"Answer {what}; {length} {'characters' if '：' in template else 'words'} of text.",
        max_new_tokens=16 if name.startswith("factrecall") else 64,
        diffusion=diffusion,
        scope=scope,
        metric=_METRICS[compare],
        licence="CC-BY-SA-4.0" if name in ("cmrc_mixup", "lic_mixup") else "MIT",
        data=HubFile(
            hub="Infinigence/LVEval",
            path=f"{name}.zip",
            member=f"{name}_{length}.jsonl",
            folder="lv-eval",
            texts=("context", "input"),
            keys=("answers",),
        ),
        template=template,
        compare=compare,
    )
    for name, diffusion, scope, compare, template, what in _DATA_SETS
    for length in LENGTHS
)
