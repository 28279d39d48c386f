"""Tokens a second of sequences that generate side by side, against one of them alone, in one run.

    python benchmarks/side_by_side.py [--model M] [--dtype auto] [--tokens 1000] [--repeat 3] [--out FILE]

Prompts are random tokens. Every figure is the best of some rounds, the numbers of sequences in turn, so that a change
in the machine's speed falls on all. Prints a table, and with --out writes JSON.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import torch
from records import head

import longspan

SIZES = (1, 2, 4, 8, 16)
SPOKEN = 16


def tokens_a_second(model: longspan.Model, size: int, length: int) -> float:
    """Of `size` sequences that have read `length` tokens each, once all of them speak."""
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(model.seam.config.vocab_size, (size, length), generator=generator).tolist()
    with model.session(size=size) as session:
        session.read(ids if size > 1 else ids[0])
        steps = session.generate(max_new_tokens=SPOKEN + 1, stop=())
        for _ in range(size):
            next(steps)
        began = time.perf_counter()
        count = sum(1 for _ in steps)
        return count / (time.perf_counter() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model")
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--tokens", type=int, default=1000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    model = longspan.load(options.model, dtype=options.dtype)
    best = dict.fromkeys(SIZES, 0.0)
    for _ in range(options.repeat):
        for size in SIZES:
            best[size] = max(best[size], tokens_a_second(model, size, options.tokens))
    rows = [
        {"sequences": size, "tokens_a_second": round(found, 1), "ratio": round(found / best[1], 2)}
        for size, found in best.items()
    ]
    for row in rows:
        print(
            f"{row['sequences']:>3} sequences {row['tokens_a_second']:>8} tokens a second, {row['ratio']} x"
        )
    if options.out is not None:
        found = head(model) | {"tokens": options.tokens, "repeat": options.repeat, "rows": rows}
        options.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
