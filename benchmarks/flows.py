"""Flows over a book: what they answer, and what it takes, beside a cut and the best passages.

    python benchmarks/flows.py --stories FOLDER [--model M.gguf] [--words 180000] [--case FLOW ...]
        [--questions 20] [--minutes 60] [--out benchmarks/results/flows]

The book is stories of SQuALITY (FOLDER holds its dev.jsonl and train.jsonl), one after another up to so many words, in
which sentences are placed evenly: facts with a number, and sentences that nobody else would write. Questions ask for a
fact (right where the number is in the answer), for a sentence word for word (right where the answer's quotation is
verified and overlaps it), and what the data asks about a story (ROUGE-L, the best of its references). A case is a
flow as `longspan ask --flow` takes it, `direct PLAN` for one reading of the whole book under a plan, or `cut TOKENS`
for its beginning alone. Cases take turns, question by question, until --minutes are over; a run that was stopped goes
on.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import torch
from records import Records, head

import longspan
from longspan.evaluation.flowing import flow_of
from longspan.evaluation.metrics.rouge import rouge_l
from longspan.flows.base import Events, concluded
from longspan.flows.chat import Chat, Local
from longspan.spans import Answer, Document, Span, render

CASES = ("cut 4096", "best-passages(tokens=4096)", "alr2", "map-reduce")
ANSWER = 128
PLACES = ("Lisbon", "Oslo", "Nairobi", "Lima", "Kyoto", "Tbilisi", "Hanoi", "Tallinn")
ODD = (
    ("the glassblower of Ravello", "sold her last blue lantern to a deaf sailor before the bells rang"),
    ("the cartographer Wenzel", "drew a river backwards because his inkwell had frozen overnight"),
    ("the twins of Harrowgate", "taught a heron to carry letters across the salt marsh"),
    ("the organist Pemberley", "hid eleven silver thimbles inside the longest pipe"),
    ("the beekeeper of Tarifa", "counted her hives aloud so that the wind would not steal them"),
    ("the ferryman Osk", "refused every coin that had a bird on it"),
)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A question, and what is right: a number, a sentence of the book, or references."""

    name: str
    kind: str
    text: str
    number: str = ""
    sentence: str = ""
    references: tuple[str, ...] = ()


def stories(folder: Path) -> Iterator[dict[str, Any]]:
    """Those of the data, dev before train."""
    for name in ("dev.jsonl", "train.jsonl"):
        for line in (folder / name).read_text("utf-8").splitlines():
            yield json.loads(line)


def made(folder: Path, words: int, count: int) -> tuple[Document, list[Asked]]:
    """The book and its questions: as many facts as sentences and stories, at even places."""
    random, texts, have, chosen = Random(0), [], 0, []  # noqa: S311
    for story in stories(folder):
        if have >= words:
            break
        texts.append(story["document"].strip())
        have += len(texts[-1].split())
        chosen.append(story)
    paragraphs = "\n\n".join(texts).split("\n\n")
    facts = count - 2 * (count * 3 // 10)
    asked, placed = [], []
    for place in PLACES[:facts]:
        number = str(random.randint(10_000, 99_999))
        placed.append(f"The access code of the office in {place} is {number}.")
        question = f"What is the access code of the office in {place}? Answer with the number alone."
        asked.append(Asked(name=f"fact {place}", kind="fact", text=question, number=number))
    for who, what in ODD[: count * 3 // 10]:
        sentence = f"On the nineteenth day {who} {what}."
        placed.append(sentence)
        question = f"What did {who} do on the nineteenth day? Quote the sentence of the book, word for word."
        asked.append(Asked(name=f"quote {who}", kind="quote", text=question, sentence=sentence))
    random.shuffle(placed)
    for number, sentence in enumerate(placed):
        paragraphs.insert(round((number + 0.5) / len(placed) * len(paragraphs)), sentence)
    for story in chosen[: count * 3 // 10]:
        title = story["document"].strip().splitlines()[0].strip()
        item = story["questions"][1]
        text = f"In the story “{title}”: {item['question_text']} Answer in two or three sentences."
        references = tuple(each["response_text"] for each in item["responses"])
        asked.append(Asked(name=f"story {title}", kind="story", text=text, references=references))
    asked.sort(key=lambda each: random.random())
    return Document("book", "\n\n".join(paragraphs)), asked


def answered(case: str, model: longspan.Model, book: Document, question: str) -> Answer:
    """The answer of a case."""
    kind, _, rest = case.partition(" ")
    events = Events(generation={"max_new_tokens": ANSWER})
    if kind == "direct":
        with model.session(rest) as session:
            return session.ask(question, about=book, max_new_tokens=ANSWER)
    chat = Local(model)
    if kind == "cut":
        return _cut(chat, book, question, int(rest))
    return flow_of(case).answer(chat, [book], question, events)


def _cut(chat: Chat, book: Document, question: str, tokens: int) -> Answer:
    """From the beginning of the book alone."""
    stop = next(stop for stop in range(6 * tokens, 0, -64) if chat.count_tokens(book.text[:stop]) <= tokens)
    read = [Span(book, 0, stop)]
    message = {"role": "user", "content": f"{render(read)}\n\n{question}"}
    said = chat.generate([message], max_new_tokens=ANSWER)
    return concluded(said, question, read, [said.usage], count=chat.count_tokens)


def right(asked: Asked, answer: Answer) -> float:
    """From 0 to 1."""
    if asked.kind == "fact":
        return float(asked.number in answer.text)
    if asked.kind == "quote":
        quoted = [
            each for each in answer.citations if each.verified and each.quote.strip(" .") in answer.text
        ]
        return float(
            any(each.quote.strip(" .") in asked.sentence and len(each.quote) > 20 for each in quoted)
        )
    return max(rouge_l(answer.text, each) for each in asked.references)


def table(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """A line a case: means over the questions that all cases have answered."""
    cases = list(dict.fromkeys(row["case"] for row in rows))
    common = set.intersection(*({row["question"] for row in rows if row["case"] == case} for case in cases))
    lines = []
    for case in cases:
        mine = [row for row in rows if row["case"] == case and row["question"] in common]
        line: dict[str, Any] = {"case": case, "questions": len(mine)}
        for kind in ("fact", "quote", "story"):
            scores = [row["score"] for row in mine if row["kind"] == kind]
            line[kind] = sum(scores) / len(scores) if scores else None
        for name in ("prompt_tokens", "generated_tokens", "seconds", "verified", "unverified"):
            line[name] = sum(row[name] for row in mine) / max(1, len(mine))
        lines.append(line)
    return lines


def main() -> None:
    """Question by question, case by case."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--stories", type=Path, required=True)
    parser.add_argument("--model")
    parser.add_argument("--words", type=int, default=180_000)
    parser.add_argument("--questions", type=int, default=20)
    parser.add_argument("--case", action="append")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/flows"))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    cases = options.case or list(CASES)
    model = longspan.load(options.model)
    book, questions = made(options.stories, options.words, options.questions)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    facts = head(model) | {"words": len(book.text.split())}
    records = Records(options.out.with_suffix(".json"), head=facts, key=("case", "question"))
    end = time.monotonic() + 60 * options.minutes
    for asked in questions:
        for case in cases:
            if records.has(case=case, question=asked.name) or time.monotonic() > end:
                continue
            began = time.perf_counter()
            answer = answered(case, model, book, asked.text)
            row = {
                "case": case,
                "question": asked.name,
                "kind": asked.kind,
                "score": right(asked, answer),
                "answer": answer.text,
                "prompt_tokens": answer.usage.prompt_tokens,
                "generated_tokens": answer.usage.generated_tokens,
                "seconds": time.perf_counter() - began,
                "verified": sum(each.verified for each in answer.citations),
                "unverified": sum(not each.verified for each in answer.citations),
            }
            records.add(row)
            print(
                f"{case:<40} {asked.name:<40} {row['score']:.2f} {row['seconds']:7.1f} s",
                file=sys.stderr,
                flush=True,
            )
    for line in table(records.rows):
        scores = " ".join(
            "    -" if line[kind] is None else f"{line[kind]:5.2f}" for kind in ("fact", "quote", "story")
        )
        print(
            f"{line['case']:<40} {line['questions']:>3} {scores} {line['prompt_tokens']:>9.0f} "
            f"{line['generated_tokens']:>6.0f} {line['seconds']:>7.1f} s {line['verified']:>5.2f}"
        )


if __name__ == "__main__":
    main()
