"""InfiniteBench: 12 tasks beyond 100k tokens (https://arxiv.org/abs/2402.13718)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from longspan.credit import Credit
from longspan.evaluation.archive import HubFile
from longspan.evaluation.metrics import infinitebench as metrics
from longspan.evaluation.origin import Origin
from longspan.evaluation.sample import Sample
from longspan.evaluation.source import Row
from longspan.evaluation.task import Level, Request, Task, TaskError
from longspan.evaluation.tasks.infinitebench.prompts import PROMPTS

Compare = Callable[[str, Sequence[str]], float]


@dataclass(frozen=True, kw_only=True)
class InfiniteBench(Task):
    """One of the data sets.

    data: its rows. template: context, question and beginning of the answer; {context} and {input} stand for the row's
    own, {A} to {D} for its options, {call} and {function} for the call in question, {target} for the number sought.
    compare: output and gold answers to 0..1.
    """

    data: HubFile
    template: tuple[str, str, str]
    compare: Compare

    paper: str = "∞Bench: Extending Long Context Evaluation Beyond 100K Tokens"
    link: str = "https://arxiv.org/abs/2402.13718"
    source: str = "https://huggingface.co/datasets/xinrongzhang2022/InfiniteBench"
    origin: Origin = "published"
    form: str = (
        "the prompt that was published for open models; the answer's beginning is given where it has one"
    )

    sized = False

    def samples(self, request: Request) -> Iterator[Sample]:
        """One sample a row. Raises TaskError where the data is absent or malformed."""
        for number, row in enumerate(self.data.rows(request.data, self.name)):
            try:
                context, question, prefix = (_filled(part, row) for part in self.template)
                references = _gold(row)
            except (LookupError, ValueError) as error:
                raise TaskError(f"{self.name} row {number + 1}: {error}; fetch the file anew") from error
            yield Sample(
                id=f"{number:04d}", context=context, question=question, prefix=prefix, references=references
            )

    def score(self, output: str, sample: Sample) -> Mapping[str, float]:
        """The task's metric."""
        return {"score": self.compare(output, sample.references)}


def _filled(part: str, row: Row) -> str:
    """The part with the row's own; a text is put in once, so that it may hold braces."""

    def value(found: re.Match[str]) -> str:
        name = found.group(1)
        if name in "ABCD":
            return str(row["options"]["ABCD".index(name)])
        if name in ("call", "function"):
            call = _found(r"func_[0-9]+\(-?[0-9]+\)", row["input"])
            return call if name == "call" else call.partition("(")[0]
        if name == "target":
            return _found("The .+(?= of)", row["input"]).lower()
        return str(row[name])

    return re.sub(r"\{(\w+)\}", value, part)


def _found(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    if found is None:
        raise ValueError(f"no {pattern!r} in its input {text[:80]!r}")
    return found.group()


def _gold(row: Row) -> tuple[str, ...]:
    """The gold answers; with options the right one's text and letter."""
    answers = row["answer"] if isinstance(row["answer"], list) else [row["answer"]]
    if answers and isinstance(answers[0], list):
        answers = answers[0]
    if not answers:
        raise ValueError("no gold answer")
    if row.get("options"):
        return str(answers[0]), "ABCD"[row["options"].index(answers[0])]
    return tuple(str(each) for each in answers)


def _task(
    name: str,
    file: str,
    diffusion: Level,
    scope: Level,
    compare: Compare,
    tokens: int,
    metric: str,
    description: str,
) -> InfiniteBench:
    return InfiniteBench(
        name=f"infinitebench/{name}",
        description=description,
        max_new_tokens=tokens,
        diffusion=diffusion,
        scope=scope,
        metric=metric,
        data=HubFile(
            hub="xinrongzhang2022/InfiniteBench",
            path=f"{file}.jsonl",
            folder="infinitebench",
            texts=("context", "input"),
            keys=("answer",),
        ),
        template=PROMPTS[file],
        compare=compare,
    )


CREDITS = (Credit(kind="task", name="infinitebench", field=304),)

TASKS = (
    _task(
        "passkey",
        "passkey",
        "low",
        "low",
        metrics.first_integer,
        6,
        "first number in the answer is the gold one",
        "Say the five-digit key hidden in noise.",
    ),
    _task(
        "number",
        "number_string",
        "low",
        "low",
        metrics.first_integer,
        12,
        "first number in the answer is the gold one",
        "Say the ten-digit number with repeated digits hidden in noise.",
    ),
    _task(
        "kv",
        "kv_retrieval",
        "medium",
        "low",
        metrics.key_value,
        50,
        "gold value is one of the answer's words",
        "Say the value of a key in a large JSON object of identifiers.",
    ),
    _task(
        "en-sum",
        "longbook_sum_eng",
        "low",
        "high",
        metrics.summary,
        1200,
        "ROUGE-Lsum F",
        "Summarise a novel whose names were exchanged.",
    ),
    _task(
        "en-qa",
        "longbook_qa_eng",
        "high",
        "medium",
        metrics.answer,
        40,
        "F1 of the words, best of the gold answers",
        "Answer a question about a novel whose names were exchanged.",
    ),
    _task(
        "en-mc",
        "longbook_choice_eng",
        "high",
        "medium",
        metrics.choice,
        40,
        "accuracy of the letter or text chosen",
        "Choose the right one of four answers about a novel whose names were exchanged.",
    ),
    _task(
        "en-dia",
        "longdialogue_qa_eng",
        "high",
        "medium",
        metrics.speaker,
        40,
        "gold name is one of the answer's words",
        "Say which character's name is masked in a film script.",
    ),
    _task(
        "zh-qa",
        "longbook_qa_chn",
        "high",
        "medium",
        metrics.answer_chinese,
        40,
        "F1 of the characters, best of the gold answers",
        "Answer a question about a Chinese book.",
    ),
    _task(
        "code-debug",
        "code_debug",
        "high",
        "low",
        metrics.code_debug,
        5,
        "1 if the answer begins with the gold letter and a point or colon, or names letter or function after 'answer "
        "is:' or the like, as published; a letter alone does not count",
        "Choose which of four functions of a code base has an error put into it.",
    ),
    _task(
        "code-run",
        "code_run",
        "high",
        "medium",
        metrics.code_run,
        5,
        "last word of the answer is the gold integer",
        "Say what a chain of simple functions, spread over a file, returns.",
    ),
    _task(
        "math-find",
        "math_find",
        "low",
        "high",
        metrics.math_find,
        3,
        "first number in the answer is the gold one",
        "Find a special number, such as the median, of a long list.",
    ),
    _task(
        "math-calc",
        "math_calc",
        "low",
        "high",
        metrics.math_calc,
        30_000,
        "part of the intermediate values that is right before the first wrong one; the published prompt shows "
        "the first number as a value, which gold does not have",
        "Give all intermediate values of a very long sum.",
    ),
)
