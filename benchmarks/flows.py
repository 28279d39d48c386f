"""Flows over a book: what they answer, and what it takes, beside a cut and the best passages.

    python benchmarks/flows.py --stories FOLDER [--model M.gguf] [--words 180000] [--case FLOW ...]
        [--questions 20] [--minutes 10] [--out benchmarks/results/flows]

The book is stories of SQuALITY (FOLDER holds its dev.jsonl and train.jsonl), one after another up to so many words, in
which sentences are placed evenly: facts with a number, and sentences that nobody else would write. Questions ask for a
fact (right where the number is in the answer), for a sentence word for word (the share of its words that the answer has
in one run), and what the data asks about a story (ROUGE-L, the best of its references).

A case is a flow as `longspan ask --flow` takes it, `direct PLAN` for one reading of the whole book under a plan, asked
all questions on forks of it, or `cut TOKENS` for the beginning of the book alone. Cases take turns, question by
question, direct ones last; none begins a question when it has had its --minutes, so that what reads everything answers
a few. A run that was stopped goes on, within a question too.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from pathlib import Path
from random import Random
from typing import Any

import torch
from records import Records, head

import longspan
from longspan.conversation import Conversation
from longspan.evaluation.flowing import flow_of
from longspan.evaluation.metrics.rouge import rouge_l
from longspan.flows.base import Events, concluded
from longspan.flows.chat import Chat, Local
from longspan.flows.kept import reading_session
from longspan.flows.trace import Trace, Traced
from longspan.retrieval.retrievers.dense import Dense
from longspan.running.source import Prompt
from longspan.spans import Answer, Document, Span, render

CASES = ("cut 2048", "best-passages(tokens=2048)", "narrowed(tokens=2048)", "graphrag-light(tokens=2048)")
ANSWER = 128
KEPT = 16 << 30
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


def title_of(story: str) -> str:
    """The line before the one that names the author; the first where none does."""
    lines = [line.strip() for line in story.splitlines() if line.strip()][:8]
    by = (number for number, line in enumerate(lines) if number and line.casefold().split()[0] == "by")
    return lines[next(by, 1) - 1]


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
        title = title_of(story["document"])
        item = story["questions"][1]
        text = f"In the story “{title}”: {item['question_text']} Answer in two or three sentences."
        references = tuple(each["response_text"] for each in item["responses"])
        asked.append(Asked(name=f"story {title}", kind="story", text=text, references=references))
    asked.sort(key=lambda each: random.random())
    return Document("book", "\n\n".join(paragraphs)), asked


def answered(case: str, model: longspan.Model, book: Document, question: str, trace: Path) -> Answer:
    """The answer of a case that is no direct reading. trace: where replies are kept until it is there."""
    kind, _, rest = case.partition(" ")
    if kind == "cut":
        return _cut(Local(model), book, question, int(rest))
    kept = Trace(trace)
    try:
        chat = Traced(Local(model), kept)
        answer = flow_of(case).answer(chat, [book], question, Events(generation={"max_new_tokens": ANSWER}))
    except BaseException:
        kept.close()
        raise
    kept.close(remove=True)
    return answer


def encode_once() -> None:
    """Has passages encoded once for all questions, as an index of the book would have them."""
    own, known = Dense.encode, dict[Any, Any]()

    def encode(self: Dense, spans: Sequence[Span], said: Any = None, progress: Any = None) -> Any:
        key = (repr(self), tuple((span.start, span.end) for span in spans), repr(said))
        if key not in known:
            known[key] = own(self, spans, said, progress)
        return known[key]

    Dense.encode = encode  # type: ignore[method-assign]


def read_once(
    model: longspan.Model, plan: str, book: Document, asked: Sequence[Asked]
) -> Iterator[tuple[Asked, Answer]]:
    """The answers of forks of one reading, which is kept; the reading counts for the first."""
    prompt = Prompt.of([Conversation(model.tokenizer)], [Span(book, 0, len(book.text))])
    chosen = longspan.Plan.parse(plan)
    with reading_session(
        model, chosen, prompt, keep=KEPT, note=_tell, progress=lambda made: _tell(f"{made.processed:,}")
    ) as session:
        read = session.usage
        for each in asked:
            with session.fork() as fork:
                answer = fork.ask(each.text, max_new_tokens=ANSWER)
            usage = answer.usage
            tokens = usage.prompt_tokens - (0 if each is asked[0] else read.prompt_tokens)
            answer = replace(answer, usage=replace(usage, prompt_tokens=tokens))
            yield each, answer


def clocks() -> tuple[float, float]:
    """Seconds of the wall and of the processor."""
    return time.perf_counter(), time.process_time()


def _tell(said: str) -> None:
    print(said, file=sys.stderr, flush=True)


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
        wanted, said = asked.sentence.strip(".").split(), answer.text.split()
        run = SequenceMatcher(None, wanted, [word.strip('.“”"') for word in said], autojunk=False)
        return run.find_longest_match().size / len(wanted)
    return max(rouge_l(answer.text, each) for each in asked.references)


def table(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """A line a case: means over the questions that it has answered."""
    lines = []
    for case in dict.fromkeys(row["case"] for row in rows):
        mine = [row for row in rows if row["case"] == case]
        line: dict[str, Any] = {"case": case, "questions": len(mine)}
        for kind in ("fact", "quote", "story"):
            scores = [row["score"] for row in mine if row["kind"] == kind]
            line[kind] = sum(scores) / len(scores) if scores else None
        for name in (
            "prompt_tokens",
            "generated_tokens",
            "seconds",
            "processor_seconds",
            "verified",
            "unverified",
        ):
            line[name] = sum(row[name] for row in mine) / len(mine)
        lines.append(line)
    return lines


def row_of(case: str, asked: Asked, answer: Answer, seconds: float, processor: float) -> dict[str, Any]:
    """What is kept of an answer. seconds: of this run; where an earlier one had begun, at least what replies took.

    processor: seconds that all threads of this run were at work, which other work on the machine does not lengthen.
    """
    usage = answer.usage
    return {
        "case": case,
        "question": asked.name,
        "kind": asked.kind,
        "score": right(asked, answer),
        "answer": answer.text,
        "prompt_tokens": usage.prompt_tokens,
        "generated_tokens": usage.generated_tokens,
        "seconds": max(seconds, usage.prefill_seconds + usage.decode_seconds),
        "processor_seconds": processor,
        "verified": sum(each.verified for each in answer.citations),
        "unverified": sum(not each.verified for each in answer.citations),
    }


def draw(path: Path, lines: Sequence[dict[str, Any]]) -> None:
    """What each case answers, by the tokens that a question takes; beside its name how many it was asked."""
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    mpl.rcParams["svg.hashsalt"] = "longspan"
    figure, axes = plt.subplots(1, 3, figsize=(12, 4), sharex=True)
    titles = {"fact": "facts found", "quote": "words quoted in a run", "story": "ROUGE-L of stories"}
    for axis, (kind, title) in zip(axes, titles.items(), strict=True):
        for number, line in enumerate(lines):
            if line[kind] is not None:
                name = f"{line['case']} ({line['questions']})"
                axis.scatter(line["prompt_tokens"], line[kind], color=f"C{number}", label=name)
        axis.set(xscale="log", title=title, xlabel="tokens read a question")
        axis.set_ylim(bottom=0)
        axis.spines[["top", "right"]].set_visible(False)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncols=2, fontsize=7, frameon=False)
    figure.tight_layout(rect=(0, 0.06 + 0.025 * len(lines), 1, 1))
    figure.savefig(path, metadata={"Date": None}, facecolor="white")


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
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/flows"))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    cases = options.case or list(CASES)
    encode_once()
    model = longspan.load(options.model)
    book, questions = made(options.stories, options.words, options.questions)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    facts = head(model) | {"words": len(book.text.split())}
    records = Records(options.out.with_suffix(".json"), head=facts, key=("case", "question"))

    def keep(case: str, asked: Asked, answer: Answer, began: tuple[float, float]) -> None:
        row = row_of(case, asked, answer, *(now - then for now, then in zip(clocks(), began, strict=True)))
        records.add(row)
        _tell(f"{case:<44} {asked.name:<32.32} {row['score']:.2f} {row['seconds']:7.1f} s")

    def left(case: str) -> bool:
        return sum(row["seconds"] for row in records.rows if row["case"] == case) < 60 * options.minutes

    for number, asked in enumerate(questions):
        for case in cases:
            if case.startswith("direct ") or records.has(case=case, question=asked.name) or not left(case):
                continue
            began = clocks()
            trace = options.out.with_name(f"{options.out.name}-{cases.index(case)}-{number}.trace")
            keep(case, asked, answered(case, model, book, asked.text, trace), began)
    for case in (each for each in cases if each.startswith("direct ")):
        missing = [each for each in questions if not records.has(case=case, question=each.name)]
        if missing:
            began = clocks()
            for each, answer in read_once(model, case.removeprefix("direct "), book, missing):
                keep(case, each, answer, began)
                began = clocks()
    lines = table(records.rows)
    draw(options.out.with_suffix(".svg"), lines)
    for line in lines:
        scores = " ".join(
            "    -" if line[kind] is None else f"{line[kind]:5.2f}" for kind in ("fact", "quote", "story")
        )
        print(
            f"{line['case']:<44} {line['questions']:>3} {scores} {line['prompt_tokens']:>9.0f} "
            f"{line['generated_tokens']:>6.0f} {line['processor_seconds']:>7.1f} s {line['verified']:>5.2f}"
        )


if __name__ == "__main__":
    main()
