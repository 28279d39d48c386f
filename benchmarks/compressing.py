"""Questions about documents that were made shorter: what is answered, and what it takes, by method and rate.

    python benchmarks/compressing.py --stories FOLDER --model qwen2.5-coder-0.5b.gguf [--tokens 400] [--documents 12]
        [--rate 0.5 --rate 0.25] [--minutes 30] [--out benchmarks/results/compressing]

A document is the beginning of a story of SQuALITY (FOLDER holds its dev.jsonl), in which a sentence with a number
stands somewhere. Two questions are asked: for the number (right where it is in the answer), and one that the data asks
about the story (ROUGE-L, the best of its references, which know all of the story). Methods are those of `longspan
compress`, and beside them the document's beginning, and sentences drawn by lot. Seconds are those of one processor:
of compressing, and of reading and answering; all answers of a document are generated side by side, each with its share.
What a method does once for both rates or questions counts at each of them. Documents come one after the other with all
cases, until --minutes are over; a run that was stopped goes on.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import torch
from records import Records, head

import longspan
from longspan.compressing.base import Compressor, Task
from longspan.compressing.compress import compress, compressor_of
from longspan.dialogue import dialogue_ids
from longspan.evaluation.metrics.rouge import rouge_l
from longspan.spans import Document, Span, sentences

METHODS = (
    "first",
    "lot",
    "extractive",
    "selective-context",
    "selective-context(unit=sentence)",
    "longllmlingua",
    "gemfilter",
    "random-access",
)
WHOLE = "whole"
PLACES = ("Lisbon", "Oslo", "Nairobi", "Lima", "Kyoto", "Tbilisi", "Hanoi", "Tallinn", "Bergen", "Quito")
KINDS = ("needle", "story")
ANSWER = 32


@dataclass(frozen=True, kw_only=True)
class First(Compressor):
    """The documents' beginning."""

    def ranked(self, task: Task) -> list[Span]:
        """Sentences in their order."""
        return [each for document in task.documents for each in sentences(document)]


@dataclass(frozen=True, kw_only=True)
class Lot(Compressor):
    """Sentences by lot, the same each time."""

    def ranked(self, task: Task) -> list[Span]:
        """Sentences in an order that follows from the texts."""
        found = First().ranked(task)
        seed = hashlib.sha256("".join(each.text for each in task.documents).encode()).digest()
        Random(seed).shuffle(found)  # noqa: S311
        return found


@dataclass(frozen=True, kw_only=True)
class Once(Compressor):
    """Another compressor. known: what it said, each with the seconds that it took."""

    within: Compressor
    known: list[tuple[list[Span], float]] = field(default_factory=list)

    def ranked(self, task: Task) -> list[Span]:
        """What the other one says."""
        began = time.process_time()
        found = self.within.ranked(task)
        self.known.append((found, time.process_time() - began))
        return found


@dataclass(frozen=True, kw_only=True)
class Known(Compressor):
    """What was said before."""

    spans: tuple[Span, ...]

    def ranked(self, task: Task) -> list[Span]:
        """The same again."""
        return list(self.spans)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A question, and what is right: a number or references."""

    kind: str
    text: str
    number: str = ""
    references: tuple[str, ...] = ()

    def score(self, said: str) -> float:
        """From 0 to 1."""
        if self.kind == "needle":
            return float(self.number in said)
        return max(rouge_l(said, each) for each in self.references)


def documents(
    folder: Path, model: longspan.Model, tokens: int, count: int
) -> Iterator[tuple[Document, list[Asked]]]:
    """Beginnings of stories with a needle each, at even depths, and their questions."""
    for number, line in enumerate((folder / "dev.jsonl").read_text("utf-8").splitlines()[:count]):
        story = json.loads(line)
        random = Random(number)  # noqa: S311
        whole = Document("story", story["document"].strip())
        held = sentences(whole)
        last = next(
            at for at in range(len(held), 0, -1) if model.count(whole.text[: held[at - 1].end]) <= tokens
        )
        place, code = PLACES[number % len(PLACES)], str(random.randint(10_000, 99_999))
        at = held[round(((number * 0.37) % 1) * (last - 1))].end
        needle = f" The access code of the office in {place} is {code}."
        text = f"{whole.text[:at]}{needle}{whole.text[at : held[last - 1].end]}"
        asked = story["questions"][1]
        yield (
            Document(f"story {number + 1}", text),
            [
                Asked(
                    kind="needle",
                    text=f"What is the access code of the office in {place}? Answer with the number alone.",
                    number=code,
                ),
                Asked(
                    kind="story",
                    text=f"{asked['question_text']} Answer in two or three sentences.",
                    references=tuple(each["response_text"] for each in asked["responses"]),
                ),
            ],
        )


def named(method: str) -> Compressor:
    """A method of this table."""
    return {"first": First(), "lot": Lot()}.get(method) or compressor_of(method)


@dataclass(frozen=True, kw_only=True)
class Case:
    """A question on a text: the method and rate that made it shorter, and what that took."""

    method: str
    rate: float
    asked: Asked
    text: Document
    tokens: int
    seconds: float


def cases(
    model: longspan.Model, document: Document, asked: Sequence[Asked], rates: Sequence[float]
) -> Iterator[Case]:
    """Every question of a document on the whole of it, and on what each method leaves at each rate."""
    for each in asked:
        total = model.count(document.text)
        yield Case(method=WHOLE, rate=1.0, asked=each, text=document, tokens=total, seconds=0.0)
    for method in METHODS:
        compressor = named(method)
        aware = method.startswith("extractive") or compressor.asks or method == "gemfilter"
        known: dict[str, tuple[list[Span], float]] = {}
        for rate in rates:
            for each in asked:
                question = each.text if aware else ""
                began = time.process_time()
                if question in known and (method != "random-access" or each is not asked[0]):
                    spans, seconds = known[question]
                    kept = compress(document, rate, by=Known(spans=tuple(spans)), model=model)
                else:
                    once, seconds = Once(within=compressor), 0.0
                    kept = compress(document, rate, by=once, question=question, model=model)
                    known[question] = once.known[0]
                yield Case(
                    method=method,
                    rate=rate,
                    asked=each,
                    text=kept.documents[0],
                    tokens=kept.tokens,
                    seconds=seconds + time.process_time() - began,
                )


def answers(model: longspan.Model, all_cases: Sequence[Case]) -> list[tuple[str, float]]:
    """What is said in each case, and seconds: of reading its text, and its share of answering all side by side.

    What cases begin with in common is read once, and counts for each of them.
    """
    ids = [
        dialogue_ids(model.tokenizer, [("user", f"{each.text.text}\n\n{each.asked.text}")])[0]
        for each in all_cases
    ]
    sessions, seconds = [], []
    shared: dict[str, tuple[longspan.Session, int, float]] = {}
    for case, mine in zip(all_cases, ids, strict=True):
        if case.text.text not in shared:
            others = [
                other for of, other in zip(all_cases, ids, strict=True) if of.text.text == case.text.text
            ]
            common = min(map(len, others)) - 1
            while any(other[:common] != mine[:common] for other in others):
                common -= 1
            began = time.process_time()
            base = model.session().read(mine[:common])
            shared[case.text.text] = (base, common, time.process_time() - began)
        base, common, spent = shared[case.text.text]
        began = time.process_time()
        sessions.append(base.fork().read(mine[common:]))
        seconds.append(spent + time.process_time() - began)
    for base, _, _ in shared.values():
        base.close()
    said = [""] * len(all_cases)
    began = time.process_time()
    with longspan.Session.together(sessions) as joined:
        for step in joined.generate(max_new_tokens=ANSWER):
            said[step.sequence] += step.text
    share = (time.process_time() - began) / len(all_cases)
    return [(text, each + share) for text, each in zip(said, seconds, strict=True)]


def table(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """A line for each method and rate: means over the documents."""
    lines = []
    for method, rate in dict.fromkeys((row["method"], row["rate"]) for row in rows):
        mine = [row for row in rows if (row["method"], row["rate"]) == (method, rate)]
        line: dict[str, Any] = {"method": method, "rate": rate}
        for kind in KINDS:
            line[kind] = statistics.fmean(row["score"] for row in mine if row["kind"] == kind)
        for name in ("tokens", "compressing_seconds", "answering_seconds"):
            line[name] = statistics.fmean(row[name] for row in mine)
        line["kept"] = statistics.fmean(row["tokens"] / row["of"] for row in mine)
        lines.append(line)
    return lines


def draw(path: Path, lines: Sequence[dict[str, Any]]) -> None:
    """For each rate a bar a method: needles found, and ROUGE-L of the stories' questions."""
    import matplotlib.pyplot as plt

    rates = sorted({line["rate"] for line in lines if line["method"] != WHOLE}, reverse=True)
    methods = [line["method"] for line in lines if line["rate"] == rates[0]]
    whole = next(line for line in lines if line["method"] == WHOLE)
    figure, grid = plt.subplots(1, 2, figsize=(9, 0.42 * len(methods) + 1.2), sharey=True)
    for axes, kind, title in zip(
        grid, KINDS, ("needles found", "ROUGE-L of the stories' questions"), strict=True
    ):
        for place, rate in enumerate(rates):
            found = {line["method"]: line[kind] for line in lines if line["rate"] == rate}
            heights = [number + 0.36 * (place - 0.5) for number in range(len(methods))]
            axes.barh(heights, [found[each] for each in methods], 0.34, label=f"{rate:.0%} of the tokens")
        axes.axvline(whole[kind], color="black", linewidth=1, linestyle=":", label="the whole document")
        axes.set_title(title, fontsize=9)
        axes.tick_params(labelsize=8)
    grid[0].set_yticks(range(len(methods)), methods, fontsize=8)
    grid[0].invert_yaxis()
    grid[1].legend(fontsize=7, loc="lower right")
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    """Document by document, method by method."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--stories", type=Path, required=True)
    parser.add_argument("--model")
    parser.add_argument("--tokens", type=int, default=400)
    parser.add_argument("--documents", type=int, default=12)
    parser.add_argument("--rate", type=float, action="append")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/compressing"))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    model = longspan.load(options.model)
    facts = head(model) | {"tokens": options.tokens, "data": "SQuALITY dev, https://arxiv.org/abs/2205.11465"}
    options.out.parent.mkdir(parents=True, exist_ok=True)
    records = Records(options.out.with_suffix(".json"), head=facts, key=("document",))
    end = time.monotonic() + 60 * options.minutes
    for document, asked in documents(options.stories, model, options.tokens, options.documents):
        if records.has(document=document.name) or time.monotonic() > end:
            continue
        began = time.process_time()
        all_cases = list(cases(model, document, asked, options.rate or [0.5, 0.25]))
        said = answers(model, all_cases)
        rows = [
            {
                "method": case.method,
                "rate": case.rate,
                "kind": case.asked.kind,
                "score": case.asked.score(text),
                "answer": text,
                "tokens": case.tokens,
                "of": model.count(document.text),
                "compressing_seconds": case.seconds,
                "answering_seconds": seconds,
            }
            for case, (text, seconds) in zip(all_cases, said, strict=True)
        ]
        records.add({"document": document.name, "answers": rows})
        found = sum(row["score"] for row in rows if row["kind"] == "needle")
        print(
            f"{document.name:<10} {found:.0f} of {len(rows) // 2} needles, {time.process_time() - began:.1f} s",
            file=sys.stderr,
            flush=True,
        )
    lines = table([row for each in records.rows for row in each["answers"]])
    for line in lines:
        print(
            f"{line['method']:<34} {line['rate']:.2f} {line['kept']:.3f} {line['needle']:.2f} "
            f"{line['story']:.3f} {line['tokens']:>6.0f} {line['compressing_seconds']:>6.1f} "
            f"{line['answering_seconds']:>6.1f} s"
        )
    draw(options.out.with_suffix(".svg"), lines)


if __name__ == "__main__":
    main()
