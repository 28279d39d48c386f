"""Perplexity of a book under position schemes, inside the trained window and far beyond it.

    python benchmarks/perplexity.py --text BOOK.txt [--tokens 32768] [--out benchmarks/results/perplexity.json]

The first tokens of the text are read once a scheme, and the perplexity at a length is that of the second half of the
text up to there, so that no token counts at two lengths. Schemes that need a factor get the one of the whole text:
what that costs at short lengths belongs to the picture. A run that was stopped goes on; delete the file to begin anew.
"""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path

import torch
from records import Records, head

import longspan
from longspan.plan import Plan

CHUNK = 2048


def plans(factor: float) -> list[str]:
    """Every position scheme that needs no tuning or file, and those that do, untuned."""
    stretched = ("pi", "ntk", "ntk-by-parts", "yarn", "dprope")
    tuned = ("abf", "entropy-abf", "giraffe")
    return [
        "",
        *(f"positions={name}(factor={factor:g})" for name in (*stretched, *tuned)),
        "positions=dynamic-ntk",
        "positions=dca",
        "positions=self-extend(group=16,neighbour=2048)",
        "positions=rerope",
        "positions=string",
        "positions=string(shift=100%)",
        "positions=dpe",
        "positions=lm-infinite",
        "positions=rope-contraction",
        "positions=in-cache policy=streamingllm(budget=4096,when=chunk)",
    ]


def losses(model: longspan.Model, plan: str, ids: list[int]) -> torch.Tensor:
    """−log p of every token but the first, fp32 `[n − 1]`."""
    found, last = [], None
    with model.session(plan, window=len(ids), chunk=CHUNK) as session:
        for start in range(0, len(ids), CHUNK):
            part = torch.tensor(ids[start : start + CHUNK])
            logits = session.logits(part)
            before = logits[:-1] if last is None else torch.cat((last[None], logits[:-1]))
            wanted = part[1:] if last is None else part
            for some, targets in zip(before.split(256), wanted.split(256), strict=True):
                found.append(-some.float().log_softmax(-1).gather(1, targets[:, None])[:, 0])
            last = logits[-1]
    return torch.cat(found)


def main() -> None:
    """One row a scheme."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model")
    parser.add_argument("--text", type=Path, required=True)
    parser.add_argument("--tokens", type=int, default=32768)
    parser.add_argument("--plan", action="append", help="instead of all schemes")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/perplexity.json"))
    options = parser.parse_args()
    model = longspan.load(options.model)
    ids = model.tokenizer(options.text.read_text("utf-8"), add_special_tokens=False)["input_ids"]
    if len(ids) < options.tokens:
        raise SystemExit(f"{options.text} has {len(ids):,} tokens, {options.tokens:,} are wanted")
    ids = ids[: options.tokens]
    lengths = [options.tokens >> shift for shift in range(4, -1, -1)]
    records = Records(options.out, head=head(model), key=("plan", "tokens"))
    for text in options.plan or plans(max(1.0, options.tokens / model.window)):
        if records.has(plan=text, tokens=options.tokens):
            continue
        Plan.of(text)
        began = time.perf_counter()
        loss = losses(model, text, ids)
        halves = {length: math.exp(float(loss[length // 2 : length - 1].mean())) for length in lengths}
        records.add(
            {
                "plan": text,
                "tokens": options.tokens,
                "perplexity": halves,
                "seconds": time.perf_counter() - began,
                "text": options.text.name,
            }
        )
        shown = "  ".join(f"{length:>6}: {value:8.2f}" for length, value in halves.items())
        print(f"{text or '(stock)':<58} {shown}  {time.perf_counter() - began:5.0f} s", flush=True)
    draw(options.out, records, model.window)


def draw(path: Path, records: Records, window: int) -> None:
    """The curves, with the trained window marked."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(9, 5.5))
    for number, row in enumerate(records.rows):
        lengths, values = zip(*((int(n), v) for n, v in row["perplexity"].items()), strict=True)
        name = row["plan"].replace("positions=", "") or "stock"
        style = ("-", "--", ":", "-.")[number // 10 % 4]
        axes.plot(
            lengths,
            values,
            style,
            marker="o",
            markersize=3,
            label=name,
            linewidth=2 if name == "stock" else 1.2,
        )
    axes.axvline(window, color="grey", linewidth=0.8)
    axes.text(window, axes.get_ylim()[0], " trained window", color="grey", va="bottom")
    axes.set(xscale="log", yscale="log", xlabel="tokens", ylabel="perplexity of the second half")
    axes.set_xticks(
        [int(n) for n in records.rows[0]["perplexity"]],
        [f"{int(n) // 1024}k" for n in records.rows[0]["perplexity"]],
    )
    axes.minorticks_off()
    axes.legend(fontsize=7, loc="center left", bbox_to_anchor=(1.0, 0.5))
    figure.tight_layout()
    figure.savefig(path.with_suffix(".svg"))


if __name__ == "__main__":
    main()
