"""Facts found in a long text, and the time to read it, under several plans.

    python benchmarks/needles.py --model qwen2.5-coder-0.5b.gguf --length 4096 --length 32768 --plan "" --plan ...

Ten facts lie in prose, one in the middle of each tenth. The text is read once a plan and length; each fact is asked
for in a fork, so the score of a length has steps of a tenth. A run that was stopped goes on. With several lengths a
picture shows which tenths were found.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from pathlib import Path
from random import Random
from typing import Any

from records import Records, head

import longspan
from longspan.evaluation.haystack import Haystack
from longspan.plan import Plan
from longspan.spans import Document

PLACES = ("Lisbon", "Oslo", "Nairobi", "Lima", "Kyoto", "Tbilisi", "Hanoi", "Tallinn", "Quito", "Dakar")


def context(model: longspan.Model, length: int, seed: int) -> tuple[str, dict[str, str]]:
    """Prose of about `length` tokens with a code for each place in it."""
    random = Random(f"{seed} {length}")  # noqa: S311
    places = random.sample(PLACES, len(PLACES))
    codes = {place: str(random.randint(10_000, 99_999)) for place in places}
    haystack = Haystack.built_in()
    share = sum(model.count(sentence) + 1 for sentence in haystack.sentences) / len(haystack.sentences)
    prose = haystack.take(int((length - 256) / share), start=seed * 97)
    for number, (place, code) in reversed(list(enumerate(codes.items()))):
        at = int((number + 0.5) / len(codes) * len(prose))
        prose.insert(at, f"The access code of the office in {place} is {code}.")
    return " ".join(prose), codes


def measure(model: longspan.Model, plan: str, length: int, seed: int) -> dict[str, Any]:
    """One reading, and a question for each place."""
    text, codes = context(model, length, seed)
    found, answers = {}, {}
    with model.session(plan, window=length + 512) as session:
        began = time.perf_counter()
        session.read(Document(name="notes.txt", text=text))
        seconds, tokens = time.perf_counter() - began, session.seen[0]
        for place, code in codes.items():
            with session.fork() as fork:
                asked = f"What is the access code of the office in {place}? Answer with the number alone."
                answers[place] = fork.ask(asked, max_new_tokens=12).text
            found[place] = code in answers[place]
    return {
        "plan": plan,
        "length": length,
        "seed": seed,
        "tokens": tokens,
        "score": sum(found.values()) / len(found),
        "found": list(found.values()),
        "answers": answers,
        "read_seconds": seconds,
    }


def main() -> None:
    """One row a plan, length and seed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model")
    parser.add_argument("--plan", action="append", required=True)
    parser.add_argument("--length", action="append", type=int, required=True)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/needles.json"))
    options = parser.parse_args()
    model = longspan.load(options.model)
    records = Records(options.out, head=head(model), key=("plan", "length", "seed"))
    for length in options.length:
        for seed in range(options.seeds):
            for plan in options.plan:
                Plan.of(plan)
                if records.has(plan=plan, length=length, seed=seed):
                    continue
                row = measure(model, plan, length, seed)
                records.add(row)
                marks = "".join("x" if found else "." for found in row["found"])
                print(
                    f"{plan or '(stock)':<60} {row['tokens']:>6} {marks} {row['score']:.1f}"
                    f" {row['read_seconds']:6.1f} s",
                    flush=True,
                )
    if len({row["length"] for row in records.rows}) > 1:
        draw(options.out.with_suffix(".svg"), records.rows, model.window)


def draw(path: Path, rows: list[dict[str, Any]], window: int) -> None:
    """For each plan the facts that were found, by length and by the tenth of the text that they are in."""
    import matplotlib.pyplot as plt

    plans = list(dict.fromkeys(row["plan"] for row in rows))
    lengths = sorted({row["length"] for row in rows})
    across = min(5, len(plans))
    down = -(-len(plans) // across)
    figure, grid = plt.subplots(down, across, figsize=(2.1 * across, 2.4 * down), squeeze=False)
    for axes in grid.flat[len(plans) :]:
        axes.set_axis_off()
    for axes, plan in zip(grid.flat, plans, strict=False):
        found = [[row["found"] for row in rows if (row["plan"], row["length"]) == (plan, n)] for n in lengths]
        shares = [
            [statistics.fmean(each) if each else math.nan for each in zip(*of, strict=True)] for of in found
        ]
        cells = [column or [math.nan] * len(PLACES) for column in shares]
        axes.imshow(list(zip(*cells, strict=True)), vmin=0, vmax=1, cmap="RdYlGn", aspect="auto")
        for place, column in enumerate(cells):
            mean = statistics.fmean(column)
            axes.text(
                place, -0.7, "" if math.isnan(mean) else f"{mean:.1f}", ha="center", va="bottom", fontsize=7
            )
        axes.set_title(plan.removeprefix("positions=") or "stock", fontsize=9, pad=14)
        axes.set_xticks(range(len(lengths)), [f"{n // 1024}k" for n in lengths], fontsize=7)
        axes.set_yticks([])
        within = sum(n <= window for n in lengths)
        if within < len(lengths):
            axes.axvline(within - 0.5, color="black", linewidth=1)
    figure.supylabel("place in the text, from its beginning down", fontsize=8)
    figure.tight_layout()
    figure.savefig(path)


if __name__ == "__main__":
    main()
