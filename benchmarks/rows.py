"""What several rows in one step cost, against one: texts side by side, and tokens of a draft; and whether they agree.

    python benchmarks/rows.py [--model M] [--weights auto] [--tokens 1024] [--repeat 8] [--same 300] [--out FILE]

Costs are the least of some rounds, all numbers of rows in turn; with one thread (OMP_NUM_THREADS=1) of the time of that
thread, so that other work on the machine does not count. `texts` are steps of so many texts out of essays, `drafts`
passes of one text with a line of drafted tokens behind it. `--same N`: eight texts are continued by N tokens side by
side and alone, greedily, and by prompt lookup without its gate, and all three must be equal.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from counts import essay
from records import head
from self_drafting import filled, passed, seconds

import longspan

TEXTS, DRAFTS = (1, 2, 4, 8), (1, 2, 3, 4, 6, 8, 12, 16)
OPENINGS = (
    "The lighthouse stood on a rock that no map had ever",
    "def merge(left, right):\n    result = []\n",
    "1, 1, 2, 3, 5, 8, 13,",
    "Dear Sir, I write to you about the parcel which",
    '{"name": "Ada", "born": 1815, "works": [',
    "Take two eggs, a cup of flour and",
    "Chapter one. In which nothing happens, and",
    "SELECT name, count(*) FROM visits",
)


def texts(model: longspan.Model, length: int, repeat: int) -> dict[int, float]:
    """Seconds of a step of so many texts."""
    speaking = {}
    for size in TEXTS:
        ids = [essay(model, length, 100 * place) for place in range(size)]
        session = model.session(size=size).read(ids if size > 1 else ids[0])
        speaking[size] = session, session.generate(max_new_tokens=repeat + 2)

    def step(size: int) -> None:
        for _ in range(size):
            if next(speaking[size][1]).finished == "stop":
                raise SystemExit(f"one of {size} texts came to its end; choose another --tokens")

    for size in TEXTS:
        step(size)
    rounds = [{size: seconds(lambda size=size: step(size)) for size in TEXTS} for _ in range(repeat)]
    for session, _ in speaking.values():
        session.close()
    return {size: min(each[size] for each in rounds) for size in TEXTS}


def drafts(model: longspan.Model, length: int, repeat: int) -> dict[int, float]:
    """Seconds of a pass of so many rows of one text."""
    sequence = filled(model, length)
    for rows in DRAFTS:
        seconds(lambda rows=rows: passed(sequence, rows - 1))
    rounds = [
        {rows: seconds(lambda rows=rows: passed(sequence, rows - 1)) for rows in DRAFTS}
        for _ in range(repeat)
    ]
    sequence.release()
    return {rows: min(each[rows] for each in rounds) for rows in DRAFTS}


def unequal(model: longspan.Model, count: int) -> list[str]:
    """What differs between texts alone, side by side and with drafts, each said in a line."""
    alone = [_said(model, "", opening, count) for opening in OPENINGS]
    drafted = [_said(model, "decode=prompt-lookup(gate=false)", opening, count) for opening in OPENINGS]
    together: list[list[int]] = [[] for _ in OPENINGS]
    with model.session(size=len(OPENINGS)) as session:
        session.read(list(OPENINGS))
        for step in session.generate(max_new_tokens=count):
            together[step.sequence].append(step.token)
    return [
        f"text {place} differs {how} at token {_first_apart(own, other)}"
        for how, others in (("side by side", together), ("with drafts", drafted))
        for place, (own, other) in enumerate(zip(alone, others, strict=True))
        if own != other
    ]


def _first_apart(own: list[int], other: list[int]) -> int:
    apart = [place for place, (one, two) in enumerate(zip(own, other, strict=False)) if one != two]
    return min((*apart, len(own), len(other)))


def _said(model: longspan.Model, plan: str, opening: str, count: int) -> list[int]:
    with model.session(plan) as session:
        session.read(opening)
        return [step.token for step in session.generate(max_new_tokens=count)]


def main() -> None:
    """Costs, then equality."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model")
    parser.add_argument("--weights", default="auto")
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--tokens", type=int, default=1024)
    parser.add_argument("--repeat", type=int, default=8)
    parser.add_argument("--same", type=int, default=0, metavar="N")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    model = longspan.load(options.model, weights=options.weights, dtype=options.dtype)
    record: dict[str, Any] = head(model) | {"tokens": options.tokens, "weights": options.weights}
    if options.repeat:
        for name, measure in (("texts", texts), ("drafts", drafts)):
            found = measure(model, options.tokens, options.repeat)
            record[name] = {str(rows): each for rows, each in found.items()}
            print(f"{name}, ms: " + ", ".join(f"{rows}: {1e3 * each:.1f}" for rows, each in found.items()))
            print(
                f"{name}, times one: "
                + ", ".join(f"{rows}: {each / found[1]:.2f}" for rows, each in found.items())
            )
    differ = unequal(model, options.same) if options.same else []
    if options.same:
        print("\n".join(differ) or f"{len(OPENINGS)} texts of {options.same} tokens are equal")
        record["unequal"] = differ
    if options.out:
        options.out.write_text(json.dumps(record, indent=1) + "\n")
    sys.exit(bool(differ))


if __name__ == "__main__":
    main()
