"""Which retriever finds the passage that answers a question, and how often.

    python benchmarks/retrieval.py --data FOLDER [--only words|natural|meetings|tools|passkeys] [--out FILE]

words: 16 questions about the log of the lighthouse, in other words than its own, over its entries. natural: the first
150 questions of NQ-open over the passages of the first 300 (FOLDER/lost_in_the_middle). meetings: questions about six
meetings of QMSum over about 800 characters of speech each (FOLDER/qmsum). tools: intents of Banking77 as tools, found
by their names or by the mean of five requests, three other requests a tool (FOLDER/banking77). passkeys: who has which
key, a sentence at a random place in a text of about 1,000 tokens, one of 10 texts, as LongEmbed asks; for texts that
are cut after 256 tokens, read in windows, or read at once with a stretched table of positions. Of each: how often the
first and one of the first three is right, and the mean reciprocal rank.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import random
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from longspan.retrieval.embedders.minilm import Minilm
from longspan.retrieval.fusing import fuse
from longspan.retrieval.retrievers.bm25 import Bm25
from longspan.retrieval.retrievers.dense import Dense
from longspan.retrieval.retrievers.hybrid import Hybrid
from longspan.retrieval.retrievers.late_chunks import LateChunks
from longspan.retrieval.retrievers.late_interaction import LateInteraction
from longspan.retrieval.retrievers.usage import Usage
from longspan.spans import Document, Span

LIGHTHOUSE = Path(__file__).parents[1] / "docs" / "lighthouse.md"
WORDS = {
    "Which instrument did a relative send?": "4 November",
    "When did the storm destroy the device that measures air speed?": "12 November",
    "What had the lost chicken been doing?": "15 November",
    "How long was the warning signal for mist sounding?": "23 November",
    "Why did the delivery fail in the last month of the year?": "2 December",
    "Which fruit did they receive as a present?": "9 December",
    "How was the crew of the fishing vessel rescued?": "11 December",
    "What gift did the grateful captain announce?": "12 December",
    "Did the pet put up with the music at Christmas?": "24 December",
    "Which component of the light snapped?": "3 January",
    "What cutlery was used for the repair?": "4 January",
    "What replacement piece arrived by ship?": "6 January",
    "What did the official say about the condition of the place?": "19 January",
    "What did the flood destroy?": "27 January",
    "Which rare animal visited the reef?": "14 February",
    "Who was in charge of the builders?": "20 February",
}
Case = tuple[list[Span], list[tuple[str, set[int]]]]


def spans_of(texts: Sequence[str], name: str) -> list[Span]:
    """Texts as spans of one document."""
    document, spans, start = Document(name, "".join(texts)), [], 0
    for text in texts:
        spans.append(Span(document, start, start + len(text)))
        start += len(text)
    return spans


def words() -> Iterator[Case]:
    parts = LIGHTHOUSE.read_text("utf-8").split("\n## ")[2:]
    dates = [part.partition("\n")[0] for part in parts]
    yield (
        spans_of([f"{part}\n" for part in parts], "log"),
        [(asked, {dates.index(date)}) for asked, date in WORDS.items()],
    )


def natural(data: Path) -> Iterator[Case]:
    texts, asked = [], []
    with gzip.open(data / "lost_in_the_middle/qa_data/nq-open-oracle.jsonl.gz", "rt") as file:
        for line in file:
            record = json.loads(line)
            gold = next(each for each in record["ctxs"] if each.get("isgold") or each.get("hasanswer"))
            asked.append((record["question"], {len(texts)}))
            texts.append(f"{gold['title']}\n{gold['text']}\n")
            if len(texts) == 300:
                break
    documents = [Document(str(number), text) for number, text in enumerate(texts)]
    yield [Span(each, 0, len(each.text)) for each in documents], asked[:150]


def meetings(data: Path) -> Iterator[Case]:
    for line in (data / "qmsum/test.jsonl").read_text("utf-8").split("\n")[:6]:
        record, texts, held, place = json.loads(line), [], "", {}
        for number, turn in enumerate(record["meeting_transcripts"]):
            held += f"{turn['speaker']}: {turn['content']}\n"
            place[number] = len(texts)
            if len(held) > 800:
                texts.append(held)
                held = ""
        asked = []
        for each in record["specific_query_list"]:
            gold = {
                place[turn]
                for first, last in each["relevant_text_span"]
                for turn in range(int(first), int(last) + 1)
                if turn in place
            }
            if 0 < len(gold) < len(texts) // 4:
                asked.append((each["query"], gold))
        yield spans_of([*texts, held] if held else texts, "meeting"), asked


def ranks(order: Sequence[int], gold: set[int]) -> tuple[float, float, float]:
    """Whether the first is right, whether one of three is, and one over the rank of the first that is."""
    place = next((number for number, each in enumerate(order) if each in gold), None)
    return (0.0, 0.0, 0.0) if place is None else (float(place < 1), float(place < 3), 1 / (place + 1))


def means(scores: Sequence[tuple[float, float, float]]) -> dict[str, float]:
    names = ("first", "first three", "reciprocal rank")
    columns = zip(names, zip(*scores, strict=True), strict=True)
    return {name: round(sum(each) / len(scores), 3) for name, each in columns}


def compared(cases: Iterator[Case]) -> dict[str, Any]:
    """Every retriever, and BM25 and vectors fused with equal weights."""
    retrievers = {
        "bm25": Bm25(),
        "dense": Dense(),
        "hybrid": Hybrid(),
        "late-chunks": LateChunks(),
        "late-interaction": LateInteraction(),
    }
    scores: dict[str, list[tuple[float, float, float]]] = {}
    seconds = dict.fromkeys(retrievers, 0.0)
    for spans, asked in cases:
        orders: dict[str, list[list[int]]] = {}
        for name, retriever in retrievers.items():
            began = time.perf_counter()
            index = retriever.index(spans)
            orders[name] = [[number for number, _ in index.ranked(query)] for query, _ in asked]
            seconds[name] += time.perf_counter() - began
        both = zip(orders["bm25"], orders["dense"], strict=True)
        orders["hybrid, equal weights"] = [[each for each, _ in fuse(pair)] for pair in both]
        for name, found in orders.items():
            scores.setdefault(name, []).extend(
                ranks(o, gold) for o, (_, gold) in zip(found, asked, strict=True)
            )
    count = len(next(iter(scores.values())))
    return {"questions": count} | {
        name: means(each) | ({"seconds": round(seconds[name], 1)} if name in seconds else {})
        for name, each in scores.items()
    }


def tools(data: Path) -> dict[str, Any]:
    """Tools by their names, and by the mean of five requests that use them."""
    requests: dict[str, list[str]] = {}
    with (data / "banking77/train.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            requests.setdefault(row["category"], []).append(row["text"])
    names = sorted(requests)
    documents = [Document(name, name.replace("_", " ")) for name in names]
    spans = [Span(each, 0, len(each.text)) for each in documents]
    described = Dense().index(spans)
    used = Usage().index(spans, said=[tuple(requests[name][:5]) for name in names])
    asked = [(text, {number}) for number, name in enumerate(names) for text in requests[name][5:8]]
    return {"tools": len(names), "questions": len(asked)} | {
        kind: means([ranks([each for each, _ in index.ranked(text)], gold) for text, gold in asked])
        for kind, index in (("dense, by name", described), ("usage, by five requests", used))
    }


def passkeys() -> dict[str, Any]:
    """Who has which key, found among texts of about 1,000 tokens."""
    draws = random.Random(5)  # noqa: S311 - places, not secrets
    people = "Ada Ben Cleo Dan Eva Finn Gus Hana Ivo Jon"
    filler = "The grass is green. The sky is blue. The sun is yellow. Here we go. There and back again. "
    names, texts, places = people.split(), [], []
    for name in names:
        places.append(draws.randrange(40))
        lines = [filler] * 40
        lines.insert(places[-1], f"{name}'s pass key is {draws.randrange(10_000, 100_000)}. Remember it. ")
        texts.append("".join(lines))
    cut = [text[: _reach(text)] for text in texts]
    ways = {"cut after 256 tokens": (Minilm(), cut), "windows of 256": (Minilm(), texts)}
    ways["windows of 512"] = (Minilm(tokens=512), texts)
    for positions in ("interpolated", "grouped", "recurrent"):
        ways[f"1,024 at once, {positions}"] = (Minilm(tokens=1024, positions=positions, factor=2), texts)
    found: dict[str, Any] = {"texts": len(texts)}
    for way, (embedder, read) in ways.items():
        documents = [Document(str(number), text) for number, text in enumerate(read)]
        index = Dense(embedder=embedder).index([Span(each, 0, len(each.text)) for each in documents])
        asked = [(f"What is the pass key of {name}?", {number}) for number, name in enumerate(names)]
        found[way] = means([ranks([each for each, _ in index.ranked(text)], gold) for text, gold in asked])
    return found


def _reach(text: str) -> int:
    """The characters of a text that are its first 254 tokens, which with those around it are 256."""
    starts = Minilm(tokens=512).embed_tokens(text[:4000]).starts
    return starts[255]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--only", choices=("words", "natural", "meetings", "tools", "passkeys"))
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    ways = {
        "words": lambda: compared(words()),
        "natural": lambda: compared(natural(given.data)),
        "meetings": lambda: compared(meetings(given.data)),
        "tools": lambda: tools(given.data),
        "passkeys": passkeys,
    }
    results = json.loads(given.out.read_text("utf-8")) if given.out and given.out.exists() else {}
    for name, way in ways.items():
        if given.only in (None, name):
            results[name] = way()
            print(json.dumps({name: results[name]}, indent=2))
    if given.out:
        given.out.write_text(json.dumps(results, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
