"""Reading and generating against stock transformers, as ratios measured side by side in one run.

    python benchmarks/speed.py [--model M] [--dtype auto] [--repeat 3] [--out benchmarks/results/speed]

Stock is the same network object with SDPA and DynamicCache; its output head, too, runs on the last position only.
Every figure is the median over rounds, stock and the plans of a length in turn, so that a change in the machine's speed
falls on all. Prompts are random tokens, or with --text the beginning of a text. Caches for generating are filled with
random keys and values of the wanted length; what is in them does not change the work. Prints a table, and with --out
writes JSON and a picture.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from typing import Any

import torch
from records import head
from transformers import DynamicCache

import longspan
from longspan.plan import Plan
from longspan.running.reader import Reader

CASES = (
    # what, tokens, plan, ratio to reach
    ("prefill", 2048, "", 1.3),
    ("prefill", 8192, "", 1.3),
    ("prefill", 16384, "pattern=a-shape", 1.5),
    ("prefill", 32768, "", 1.3),
    ("prefill", 32768, "pattern=a-shape", 1.8),
    ("prefill", 32768, "pattern=minference", 1.8),
    ("prefill", 32768, "pattern=minference(patterns=vertical-slash)", 1.8),
    ("prefill", 32768, "pattern=flexprefill", 1.8),
    ("prefill", 32768, "pattern=xattention", 1.8),
    ("prefill", 32768, "pattern=xattention(stride=8,threshold=0.95)", 1.8),
    ("decode", 1024, "", 0.95),
    ("decode", 8192, "", 1.1),
    ("decode", 32768, "", 1.5),
    ("decode", 32768, "selector=quest(budget=1024)", 1.8),
    ("decode", 32768, "selector=shadowkv(budget=1024)", 1.8),
    ("decode", 32768, "selector=retrolm(budget=1024)", 1.8),
    ("decode", 32768, "selector=infllm(local=1024,top=8)", 1.8),
    ("decode", 32768, "selector=mpcache", 1.8),
)


# Runs of a second or two vary by a few percent: they are repeated five times as often.
SHORT = 4096


def stock_prefill(model: longspan.Model, ids: torch.Tensor) -> None:
    """The whole prompt in one pass, as `generate` does it."""
    model.network(
        input_ids=ids[None], past_key_values=DynamicCache(config=model.network.config), logits_to_keep=1
    )


def our_prefill(model: longspan.Model, plan: Plan, ids: torch.Tensor, chunk: int) -> None:
    """The prompt in chunks, as a session reads it."""
    with model.session(plan, window=len(ids), chunk=chunk) as session:
        session.read(ids)


def stock_decoder(model: longspan.Model, length: int) -> Callable[[int], None]:
    """Decodes tokens one by one over a cache of `length` entries."""
    cache = DynamicCache(config=model.network.config)
    for index, layer in enumerate(model.seam.layers):
        key, value = random_entries(model, layer, length)
        cache.update(key[None], value[None], index)

    def run(tokens: int) -> None:
        token = torch.tensor([[1]], device=model.seam.device)
        for _ in range(tokens):
            result = model.network(input_ids=token, past_key_values=cache, logits_to_keep=1)
            token = result.logits[:, -1].argmax(-1, keepdim=True)

    return run


def our_decoder(model: longspan.Model, plan: Plan, length: int, tokens: int) -> Callable[[int], None]:
    """The same over a store of `length` entries, with room for the tokens that `session.generate` would reserve."""
    reader = Reader(model.seam, plan)
    for layer, facts in zip(reader.layers, model.seam.layers, strict=True):
        layer.store.reserve(length + tokens)
        layer.store.append(*random_entries(model, facts, length))
    reader.passed(torch.ones(length, dtype=torch.long))

    def run(tokens: int) -> None:
        token = torch.tensor([1], device=model.seam.device)
        for _ in range(tokens):
            token = reader.run(token, [0], reading=False).argmax(-1)

    return run


def random_entries(model: longspan.Model, layer: Any, length: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Keys and values `[kv_heads, length, head_dim]`."""
    shape = (layer.kv_heads, length, layer.head_dim)
    return torch.randn(shape, dtype=model.seam.dtype), torch.randn(shape, dtype=model.seam.dtype)


def seconds(work: Callable[[], None]) -> float:
    """Wall time of one call."""
    began = time.perf_counter()
    with torch.inference_mode():
        work()
    return time.perf_counter() - began


def prompt(model: longspan.Model, text: Path | None, length: int) -> torch.Tensor:
    """Random tokens, or the first of a text."""
    if text is None:
        generator = torch.Generator().manual_seed(0)
        return torch.randint(100, model.seam.config.vocab_size, (length,), generator=generator)
    ids = model.tokenizer(text.read_text("utf-8"), add_special_tokens=False)["input_ids"]
    if len(ids) < length:
        raise SystemExit(f"{text} has {len(ids):,} tokens, {length:,} are wanted")
    return torch.tensor(ids[:length])


def measure(
    model: longspan.Model, what: str, length: int, plans: list[Plan], options: argparse.Namespace
) -> list[dict[str, Any]]:
    """Median seconds of stock and of each plan, and the median ratio stock / longspan; all in turn in each round."""
    if what == "prefill":
        ids = prompt(model, options.text, length)
        runs = [
            lambda: stock_prefill(model, ids),
            *(lambda plan=plan: our_prefill(model, plan, ids, options.chunk) for plan in plans),
        ]
        if length <= 2048:
            for run in runs:
                run()
    else:
        tokens = options.tokens
        steps = tokens * (5 * options.repeat + 1)
        decoders = [
            stock_decoder(model, length),
            *(our_decoder(model, plan, length, steps) for plan in plans),
        ]
        for decoder in decoders:
            decoder(2)
        runs = [lambda decoder=decoder: decoder(tokens) for decoder in decoders]
    repeat = options.repeat if length > SHORT else 5 * options.repeat
    rounds = [[seconds(run) for run in runs] for _ in range(repeat)]
    per = length if what == "prefill" else options.tokens
    return [
        {
            "stock_tokens_per_second": per / statistics.median(each[0] for each in rounds),
            "tokens_per_second": per / statistics.median(each[place] for each in rounds),
            "ratio": statistics.median(each[0] / each[place] for each in rounds),
            "ratios": [each[0] / each[place] for each in rounds],
        }
        for place in range(1, len(plans) + 1)
    ]


def main() -> None:
    """Runs the cases one after another."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model")
    parser.add_argument("--dtype", default="auto")
    parser.add_argument(
        "--repeat", type=int, default=3, help="pairs of runs; five times as many of short ones"
    )
    parser.add_argument("--tokens", type=int, default=16, help="tokens decoded in each run")
    parser.add_argument("--only", default="", help="prefill or decode")
    parser.add_argument("--length", type=int, action="append", help="cases of so many tokens alone")
    parser.add_argument("--plan", action="append", help="this one instead of the plans of a case")
    parser.add_argument("--text", type=Path, help="what is read, instead of random tokens")
    parser.add_argument(
        "--chunk", type=int, default=2048, help="tokens that pass through the model at a time"
    )
    parser.add_argument("--out", type=Path, help="path without ending for JSON and picture")
    options = parser.parse_args()
    model = longspan.load(options.model, dtype=options.dtype)
    rows = []
    print(
        f"{'what':<8} {'tokens':>7}  {'plan':<46} {'stock tok/s':>12} {'ours tok/s':>11} {'ratio':>6} {'bar':>5}"
    )
    for (what, length), cases in groupby(CASES, key=lambda case: case[:2]):
        if options.only not in ("", what) or length not in (options.length or [length]):
            continue
        bars = {text: bar for _, _, text, bar in cases}
        if options.plan:
            bars = {text: bars.get(text, 1.0) for text in options.plan}
        plans = [Plan.of(text) for text in bars]
        found = measure(model, what, length, plans, options)
        for (text, bar), figures in zip(bars.items(), found, strict=True):
            row = {"what": what, "tokens": length, "plan": text, "bar": bar} | figures
            rows.append(row)
            print(
                f"{what:<8} {length:>7}  {text or '(empty)':<46} {row['stock_tokens_per_second']:>12.1f} "
                f"{row['tokens_per_second']:>11.1f} {row['ratio']:>6.2f} {bar:>5}",
                flush=True,
            )
    if not rows:
        raise SystemExit("no case is of this kind and length; CASES at the top of this file lists them")
    if options.out:
        text = None if options.text is None else options.text.name
        write(options.out, model, {"text": text, "chunk": options.chunk}, rows)


def write(path: Path, model: longspan.Model, read: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    """The record with versions and machine, and a bar chart where matplotlib is installed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    record = head(model) | read | {"rows": rows}
    path.with_suffix(".json").write_text(json.dumps(record, indent=2) + "\n")
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        print("matplotlib is not installed, so no picture was drawn", file=sys.stderr)
        return
    figure, axes = plt.subplots(figsize=(8, 0.6 * len(rows) + 1.2))
    names = [f"{row['what']} {row['tokens']:,}  {row['plan'] or 'empty plan'}" for row in rows]
    axes.barh(names, [row["ratio"] for row in rows], color="#3b6ea5")
    for place, row in enumerate(rows):
        axes.plot([row["bar"]] * 2, [place - 0.4, place + 0.4], color="#c0392b")
        axes.text(row["ratio"], place, f" {row['ratio']:.2f}×", va="center")
    axes.axvline(1.0, color="grey", linewidth=0.8, linestyle=":")
    axes.invert_yaxis()
    axes.set_xlabel("speed relative to stock transformers (red: to reach)")
    axes.set_title(f"{record['model']}, {record['dtype']}, {record['machine']['threads']} threads")
    figure.tight_layout()
    figure.savefig(path.with_suffix(".svg"))


if __name__ == "__main__":
    main()
