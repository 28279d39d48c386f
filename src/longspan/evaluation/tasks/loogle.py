"""LooGLE: documents after 2022 with short and long dependencies (https://arxiv.org/abs/2311.04939)."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from longspan.credit import Credit
from longspan.evaluation.archive import HubFile
from longspan.evaluation.metrics.bleu import bleu
from longspan.evaluation.metrics.distinct_rouge import rouge_l, rouge_n
from longspan.evaluation.origin import Origin
from longspan.evaluation.sample import Sample
from longspan.evaluation.source import Row
from longspan.evaluation.task import Request, Task, TaskError


@dataclass(frozen=True, kw_only=True)
class LooGLE(Task):
    """One of the data sets; answers are compared with ROUGE. data: its rows. before, after: the document's frame."""

    data: HubFile
    before: str
    after: str

    metric: str = "ROUGE-L recall over distinct words; also recall of ROUGE-1 and ROUGE-2, BLEU-1 and BLEU-4"
    unlike: str = "METEOR, BERTScore and the models that judge are left out"
    paper: str = "LooGLE: Can Long-Context Language Models Understand Long Contexts?"
    link: str = "https://arxiv.org/abs/2311.04939"
    source: str = "https://huggingface.co/datasets/bigai-nlco/LooGLE"
    origin: Origin = "published"
    licence: str = "CC-BY-SA-4.0"
    form: str = "the published prompt: instruction, text, question"

    sized = False

    def samples(self, request: Request) -> Iterator[Sample]:
        """One sample a question. Raises TaskError where the data is absent or malformed."""
        number = 0
        for place, row in enumerate(self.data.rows(request.data, self.name), 1):
            try:
                asked = list(_asked(row))
                golds = [self.references(answer) for _, _, answer, _ in asked]
            except (KeyError, SyntaxError, TypeError, ValueError) as error:
                raise TaskError(
                    f"{self.name} row {place}: its questions cannot be read ({error!r}); fetch the file anew"
                ) from error
            for (text, question, _, kind), gold in zip(asked, golds, strict=True):
                yield Sample(
                    id=f"{number:04d}",
                    context=self.before + text,
                    question=self.after.replace("{question}", question),
                    references=gold,
                    facts={"type": kind},
                )
                number += 1

    def references(self, answer: object) -> tuple[str, ...]:
        """The gold answer as a sample holds it."""
        return (str(answer),)

    def score(self, output: str, sample: Sample) -> Mapping[str, float]:
        """ROUGE and BLEU against the gold answer; the paper writes None for an empty output."""
        said, gold = output or "None", sample.references[0]
        words, gold_words = said.split(), gold.split()
        return {
            "score": rouge_l(said, gold).recall,
            "rouge_1": rouge_n(said, gold, 1).recall,
            "rouge_2": rouge_n(said, gold, 2).recall,
            "bleu_1": bleu(words, gold_words, 1),
            "bleu_4": bleu(words, gold_words, 4),
        }


@dataclass(frozen=True, kw_only=True)
class Cloze(LooGLE):
    """Names to be filled in for masks; the references are "<mask-n>=name"."""

    metric: str = (
        "masks filled in exactly, of the masks of all samples, where the whole output is an object; further figure: "
        "with at least one word in common"
    )
    unlike: str = ""

    aggregate: ClassVar[str] = "ratio"

    def references(self, answer: object) -> tuple[str, ...]:
        """One reference a mask."""
        masks = _mapping(answer) if isinstance(answer, str) else answer
        if not isinstance(masks, dict) or not masks:
            raise ValueError(f"{answer!r} where masks and names are needed")
        return tuple(f"{mask}={name}" for mask, name in masks.items())

    def score(self, output: str, sample: Sample) -> Mapping[str, float]:
        """The share of masks filled in exactly, and in part; masks `found` exactly of those `wanted`."""
        filled = _mapping(output.strip())
        golds = [gold.split("=", 1) for gold in sample.references]
        said = [(str(filled.get(mask, "")), name) for mask, name in golds]
        found = sum(filled.get(mask) == name for mask, name in golds)
        return {
            "score": found / len(said),
            "partial": sum(bool(set(guess.split()) & set(name.split())) for guess, name in said) / len(said),
            "found": found,
            "wanted": len(said),
        }


def _asked(row: Row) -> Iterator[tuple[str, str, Any, str]]:
    """Text, question, answer and type; a row is a question, or, as first published, a document with all of its."""
    if "qa_pairs" not in row:
        yield row["context"], row.get("question") or "", row["answer"], row.get("type") or ""
    elif row["qa_pairs"] == "none":
        yield row["input"], "", row["output"], ""
    else:
        pairs = row["qa_pairs"]
        for pair in ast.literal_eval(pairs) if isinstance(pairs, str) else pairs:
            yield row["input"], pair["Q"], pair["A"], pair.get("type") or ""


def _mapping(text: str) -> dict[str, Any]:
    """The object that a text writes as JSON or as Python does; empty if it writes none."""
    for read in (json.loads, ast.literal_eval):
        try:
            value = read(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            continue
        if isinstance(value, dict):
            return value
    return {}


def _file(name: str) -> HubFile:
    return HubFile(hub="bigai-nlco/LooGLE", path=f"data/{name}.jsonl", folder="loogle")


_ANSWER = "Please answer the question based on the long texts below. \n"
_QUESTION = "\nQuestion: {question}\nAnswer: "

CREDITS = (
    Credit(
        kind="task",
        name="loogle",
        field=189,
        missing="The authors' score by GPT-4 is left out; a judge of the user's own scores in another form.",
    ),
)

TASKS = (
    LooGLE(
        name="loogle/shortdep-qa",
        description="Answer a question about a Wikipedia article from one place of it.",
        max_new_tokens=300,
        diffusion="medium",
        scope="low",
        data=_file("shortdep_qa"),
        before=_ANSWER,
        after=_QUESTION,
    ),
    LooGLE(
        name="loogle/longdep-qa",
        description="Answer a question about an article or script from many places: order, count, join, understand.",
        max_new_tokens=500,
        diffusion="high",
        scope="medium",
        data=_file("longdep_qa"),
        before=_ANSWER,
        after=_QUESTION,
    ),
    LooGLE(
        name="loogle/summarization",
        description="Summarise a scientific article; the gold answer is its abstract.",
        max_new_tokens=500,
        diffusion="low",
        scope="high",
        data=_file("summarization"),
        before="Please generate a summary of the below paper. \n",
        after="\n Summarization: ",
    ),
    Cloze(
        name="loogle/shortdep-cloze",
        description="Fill in the names masked in a summary of a part of a script.",
        max_new_tokens=50,
        diffusion="medium",
        scope="low",
        data=_file("shortdep_cloze"),
        before=(
            "Please fill in the clozes based on the given long texts below. Each of the placeholder '<mask-n>' in the "
            "question could be an entity of Person, Location or Organiocation. The same masks represent the same "
            "entity. Output a json format answer, for example: {'<mask-0>': 'Bob', '<mask-1>': 'Gorrosion Magazine',"
            "'<mask-2>': 'Bethel Horizon'}\n"
        ),
        after="\n Question: {question} What are the masked entities? \nAnswer:",
    ),
)
