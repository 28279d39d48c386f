"""LongBench-E: 13 tasks of LongBench with lengths spread evenly (https://arxiv.org/abs/2308.14508)."""

from __future__ import annotations

from dataclasses import replace

from longspan.credit import Credit
from longspan.evaluation.tasks import longbench

_NAMES = (
    "qasper",
    "multifieldqa-en",
    "hotpotqa",
    "2wikimqa",
    "gov-report",
    "multi-news",
    "trec",
    "triviaqa",
    "samsum",
    "passage-count",
    "passage-retrieval-en",
    "lcc",
    "repobench-p",
)

CREDITS = (Credit(kind="task", name="longbench-e", field=173),)

TASKS = tuple(
    replace(
        task,
        name=f"longbench-e/{name}",
        data=replace(task.data, member=task.data.member.replace(".jsonl", "_e.jsonl")),
        form=f"{task.form}; about as many samples with fewer than 4,000 words, with 4,000 to 8,000 and with more",
    )
    for task in longbench.TASKS
    if (name := task.name.removeprefix("longbench/")) in _NAMES
)
