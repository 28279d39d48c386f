"""How accuracy grows with demonstrations: Banking77 and CLINC150, chosen at random, by likeness, or to be diverse.

    python benchmarks/demonstrations.py --data FOLDER [--model MODEL] [--only CASE]... [--minutes N] [--out FILE]

FOLDER has banking77/train.csv, banking77/test.csv and clinc150/data_full.json as published. For each data set 2,000
demonstrations are drawn, none of which is a test question, and the first test questions of a shuffle are asked; labels
are their names with blanks. Demonstrations that are the same for all questions are read once, and a longer prompt goes
on with a shorter one. The label is the one that generation held to the labels gives. One row a case is kept at once, so
a run that was stopped goes on; --minutes ends it between two rows. A picture shows the curves.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import random
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from records import Records, head

import longspan
from longspan.demonstrations.classifier import Classifier
from longspan.demonstrations.demonstration import Demonstration, apart
from longspan.demonstrations.selections.base import Selection
from longspan.demonstrations.selections.diverse import Diverse
from longspan.demonstrations.selections.random import Random
from longspan.demonstrations.selections.similar import Similar
from longspan.errors import WindowExceeded
from longspan.retrieval.retrievers.bm25 import Bm25

POOL = 2_000
LENGTHS = (1_000, 2_000, 4_000, 8_000, 16_000)
SELECTIONS: dict[str, Selection] = {
    "random": Random(),
    "diverse": Diverse(),
    "similar": Similar(),
    "similar by words": Similar(retriever=Bm25()),
    "side by side": Random(),
}
WINDOWS = "side by side"
"""Demonstrations at random in windows that do not see each other, by Parallel Context Windows."""
SIDE = 4_000
"""Tokens of a window."""
QUESTIONS = {"random": 48, "diverse": 48, "similar": 24, "similar by words": 24, WINDOWS: 48}
"""How many are asked; what a question has to read by itself costs more than what all share."""

Examples = list[tuple[str, str]]


def banking77(data: Path) -> tuple[Examples, Examples]:
    """Texts with their labels, to learn from and to be asked."""

    def rows(name: str) -> Examples:
        with (data / "banking77" / name).open(newline="", encoding="utf-8") as file:
            return [(each["text"], each["category"].replace("_", " ")) for each in csv.DictReader(file)]

    return rows("train.csv"), rows("test.csv")


def clinc150(data: Path) -> tuple[Examples, Examples]:
    """The same of the 150 intents, without what belongs to none of them."""
    held = json.loads((data / "clinc150" / "data_full.json").read_text("utf-8"))

    def rows(name: str) -> Examples:
        return [(text, label.replace("_", " ")) for text, label in held[name]]

    return rows("train"), rows("test")


DATA = {"banking77": banking77, "clinc150": clinc150}


def drawn(learned: Examples, asked: Examples, seed: int = 0) -> tuple[tuple[Demonstration, ...], Examples]:
    """Demonstrations that give no answer away, and the test questions in the order in which they are asked."""
    draw = random.Random(seed)  # noqa: S311
    asked = draw.sample(asked, len(asked))
    learned = draw.sample(learned, len(learned))
    pool = apart(
        [Demonstration(text=text, label=label) for text, label in learned], (text for text, _ in asked)
    )
    return pool[:POOL], asked


def measure(
    model: longspan.Model,
    selection: Selection,
    pool: Sequence[Demonstration],
    labels: Sequence[str],
    asked: Examples,
    lengths: Sequence[int],
    windows: str | None,
) -> Any:
    """A row a length, the shortest first, as soon as there is one."""
    with Classifier(
        model, pool, selection, labels=labels, by="greedy", together=16, windows=windows, window=SIDE
    ) as classifier:
        for length in lengths:
            classifier.tokens, begun = length, time.perf_counter()
            try:
                found = list(classifier.classify([text for text, _ in asked]))
            except WindowExceeded:
                return
            right = [each.label == label for each, (_, label) in zip(found, asked, strict=True)]
            yield {
                "length": length,
                "questions": len(asked),
                "right": sum(right),
                "accuracy": sum(right) / len(right),
                "interval": wilson(sum(right), len(right)),
                "answers": [each.label for each in found],
                "shown": round(sum(len(each.shown) for each in found) / len(found), 1),
                "tokens": round(sum(each.tokens for each in found) / len(found)),
                "seconds": round(time.perf_counter() - begun, 1),
            }


def wilson(right: int, asked: int, z: float = 1.96) -> list[float]:
    """The interval of 95 % of a share, by Wilson."""
    share, spread = right / asked, z * z / asked
    middle = (share + spread / 2) / (1 + spread)
    half = z * math.sqrt(share * (1 - share) / asked + spread / (4 * asked)) / (1 + spread)
    return [round(middle - half, 4), round(middle + half, 4)]


def main() -> None:
    """All cases that have no row yet."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model")
    parser.add_argument("--set", action="append", choices=tuple(DATA))
    parser.add_argument("--only", action="append", choices=tuple(SELECTIONS))
    parser.add_argument("--length", action="append", type=int)
    parser.add_argument("--questions", type=int, help="of each case, in place of their own numbers")
    parser.add_argument("--minutes", type=float, default=math.inf)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/demonstrations.json"))
    options = parser.parse_args()
    ends = time.monotonic() + 60 * options.minutes
    model = longspan.load(options.model)
    records = Records(options.out, head=head(model), key=("set", "selection", "length"))
    for name in options.set or DATA:
        learned, tested = DATA[name](options.data)
        pool, asked = drawn(learned, tested)
        labels = sorted({label for _, label in learned})
        for chosen in options.only or SELECTIONS:
            lengths = [
                length
                for length in options.length or LENGTHS
                if not records.has(set=name, selection=chosen, length=length)
            ]
            count = options.questions or QUESTIONS[chosen]
            if not lengths or time.monotonic() > ends:
                continue
            windows = "pcw" if chosen == WINDOWS else None
            for row in measure(model, SELECTIONS[chosen], pool, labels, asked[:count], lengths, windows):
                records.add({"set": name, "selection": chosen, "labels": len(labels), **row})
                print(f"{name:<10} {chosen:<18} {row['tokens']:>6} tokens {row['shown']:>6} shown", end=" ")
                print(f"{row['right']:>3} of {row['questions']} {row['seconds']:7.1f} s", flush=True)
                if time.monotonic() > ends:
                    break
    if records.rows:
        draw(options.out.with_suffix(".svg"), records.rows, model)


def draw(path: Path, rows: list[dict[str, Any]], model: longspan.Model) -> None:
    """Accuracy by tokens of demonstrations, a panel for each data set."""
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    mpl.rcParams["svg.hashsalt"] = "longspan"
    sets = list(dict.fromkeys(row["set"] for row in rows))
    figure, panels = plt.subplots(1, len(sets), figsize=(5 * len(sets), 3.6), squeeze=False, sharey=True)
    for axes, name in zip(panels.flat, sets, strict=True):
        for chosen in dict.fromkeys(row["selection"] for row in rows):
            line = sorted(
                (row for row in rows if (row["set"], row["selection"]) == (name, chosen)),
                key=lambda row: row["length"],
            )
            if line:
                lengths = [row["length"] for row in line]
                axes.plot(lengths, [row["accuracy"] for row in line], "o-", label=chosen)
                low, high = zip(*(row["interval"] for row in line), strict=True)
                axes.fill_between(lengths, low, high, alpha=0.1)
        if model.window is not None:
            axes.axvline(model.window, color="black", linewidth=1, linestyle=":")
        axes.set_xscale("log", base=2)
        axes.set_xticks(LENGTHS, [f"{length // 1000}k" for length in LENGTHS])
        axes.set_title(f"{name}, {rows[0]['labels'] if len(sets) == 1 else _labels(rows, name)} labels")
        axes.set_xlabel("tokens of demonstrations")
        axes.set_ylim(0, 1)
        axes.grid(alpha=0.3)
    panels.flat[0].set_ylabel("accuracy")
    panels.flat[0].legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def _labels(rows: list[dict[str, Any]], name: str) -> int:
    return int(next(row["labels"] for row in rows if row["set"] == name))


if __name__ == "__main__":
    main()
