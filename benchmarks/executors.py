"""Ways to run block-sparse attention, side by side with dense attention of the same shape in one run.

    python benchmarks/executors.py [--keys 8192 32768] [--queries 2048 0] [--out benchmarks/results/executors]

flex: torch FlexAttention, compiled, with a BlockMask. sdpa: gathered blocks through the CPU kernel behind
scaled_dot_product_attention. tiles: gathered blocks through kernels/bf16.py, where the processor suits it. compiled:
kernels/blocks.cpp. Yardstick is dense causal attention by the kernel behind scaled_dot_product_attention; every ratio
is the median over rounds of dense seconds / seconds, each round running all ways in turn. The rows "dense" visit every
block. Results are compared with each other. On CPU, FlexAttention gives no log-sum-exp, so that its output can be
timed, but not joined with other parts; it has no single columns and is left out where there are some.
Ends in seconds with --keys 1024 --queries 256 --columns 64 --ways sdpa tiles compiled.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from records import environment
from torch import Tensor
from torch.nn.attention.flex_attention import BlockMask, flex_attention

from longspan.kernels import bf16, compiled, gathered
from longspan.kernels.attention import Merge
from longspan.kernels.block_index import BlockIndex
from longspan.kernels.blocks import check

SHAPES = {"SmolLM2-135M": (9, 3, 64), "Qwen2.5-0.5B": (14, 2, 64)}  # heads, KV heads, head dim
WAYS = ("flex", "sdpa", "tiles", "compiled")
FAR = 0.06  # two bf16 results of the same numbers differ by less
_flash = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu

Result = tuple[Tensor, ...]  # output, and log-sum-exp where there is one
Run = Callable[[], Result]


def chosen_blocks(heads: int, keys: int, queries: int, block: int, share: float) -> BlockIndex:
    """A share of the earlier blocks, at random for each head and query block."""
    first, last = (keys - queries) // block, (keys - 1) // block
    own = torch.arange(first, last + 1)
    counts = (own * share).ceil().long()
    order = torch.rand(heads, len(own), max(last, 1)).masked_fill(
        torch.arange(max(last, 1)) >= own[:, None], 2
    )
    visits = order.argsort(-1)[..., : int(counts.max())]
    behind = torch.arange(visits.shape[-1]) >= counts[:, None]
    visits = visits.masked_fill(behind, last + 1).sort(-1).values
    return BlockIndex(block=block, first=first, visits=visits.masked_fill(visits > last, -1))


def chosen_columns(heads: int, keys: int, queries: int, block: int, count: int) -> BlockIndex:
    """Single keys of each head, the same for all query blocks, and the block before each query block."""
    first, last = (keys - queries) // block, (keys - 1) // block
    own = torch.arange(first, last + 1)
    columns = torch.rand(heads, keys).argsort(-1)[:, :count].sort(-1).values
    columns = columns[:, None].masked_fill(columns[:, None] >= (own[:, None] - 1) * block, -1)
    visits = (own - 1).expand(heads, -1)[..., None]
    return BlockIndex(block=block, first=first, visits=visits, columns=columns)


def dense(query: Tensor, key: Tensor, value: Tensor, scale: float) -> Result:
    """Causal attention of the last queries by the stock kernel."""
    start = key.shape[1] - query.shape[1]
    own = [x[None, :, start:] for x in (key, value)]
    out, lse = _flash(query[None], *own, 0.0, True, scale=scale)
    merge = Merge(out[0], lse[0])
    if start:
        out, lse = _flash(query[None], key[None, :, :start], value[None, :, :start], 0.0, False, scale=scale)
        merge.add(out[0], lse[0])
    return merge.result(query.dtype)


def flex(query: Tensor, key: Tensor, value: Tensor, index: BlockIndex, scale: float) -> Run:
    """FlexAttention over the same blocks, the query block itself under a causal mask."""
    heads, rows, _ = query.shape
    start, blocks = key.shape[1] - rows, index.visits.shape[1]
    visits = index.visits.expand(heads, -1, -1).to(torch.int32)
    own = torch.arange(index.first, index.first + blocks, dtype=torch.int32).expand(heads, -1)[..., None]
    room = -(-key.shape[1] // index.block)

    def padded(lists: Tensor) -> Tensor:
        return torch.nn.functional.pad(lists.clamp(min=0), (0, room - lists.shape[-1]))[None]

    def causal(batch: Tensor, head: Tensor, row: Tensor, place: Tensor) -> Tensor:
        return row + start >= place

    mask = BlockMask.from_kv_blocks(
        torch.ones_like(own[..., 0])[None],
        padded(own),
        (visits >= 0).sum(-1, dtype=torch.int32)[None],
        padded(visits),
        BLOCK_SIZE=index.block,
        mask_mod=causal,
        seq_lengths=(rows, key.shape[1]),
    )
    attend = torch.compile(flex_attention, dynamic=False)

    def run() -> Result:
        return (
            attend(query[None], key[None], value[None], block_mask=mask, scale=scale, enable_gqa=True)[0],
        )

    return run


def ways(names: list[str], query: Tensor, key: Tensor, value: Tensor, index: BlockIndex) -> dict[str, Run]:
    """Everything that can run this index here, and dense attention."""
    scale = query.shape[-1] ** -0.5
    whole = {"scale": scale, "softcap": None, "bounds": None}

    def sdpa() -> Result:
        with patch.object(bf16, "suits", lambda *_: False):
            return gathered.attend(query, key, value, index, **whole)

    def own() -> Result:
        check(index, query, key, value, None)  # part of `attend_blocks`
        return compiled.attend(query, key, value, index, **whole)

    found: dict[str, Run] = {"dense": lambda: dense(query, key, value, scale)}
    if "flex" in names and index.columns is None:
        found["flex"] = flex(query, key, value, index, scale)
    if "sdpa" in names:
        found["sdpa"] = sdpa
    if "tiles" in names and bf16.suits(query, key):
        found["tiles"] = lambda: gathered.attend(query, key, value, index, **whole)
    if "compiled" in names and compiled.suits(query, key, value):
        found["compiled"] = own
    return found


def seconds(run: Run) -> float:
    """Wall time of one call."""
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def measure(runs: dict[str, Run], repeat: int) -> dict[str, Any]:
    """Median seconds of each way and its median ratio to dense attention. The first round is not counted."""
    results = {name: run() for name, run in runs.items() if name != "dense"}
    reference = results.get("sdpa") or next(iter(results.values()))
    for name, result in results.items():
        pairs = zip(result, reference, strict=False)
        far = max(float((mine.float() - theirs.float()).abs().max()) for mine, theirs in pairs)
        if far > FAR:
            raise RuntimeError(f"{name} differs by {far:.3f} from the others; what it measures means nothing")
    rounds = [{name: seconds(run) for name, run in runs.items()} for _ in range(repeat)]
    return {
        "seconds": {name: statistics.median(each[name] for each in rounds) for name in runs},
        "ratio": {
            name: statistics.median(each["dense"] / each[name] for each in rounds)
            for name in runs
            if name != "dense"
        },
    }


def cases(options: argparse.Namespace) -> list[tuple[str, str, int, int, Callable[[], BlockIndex]]]:
    """Shape, pattern, keys, queries, and what makes the index."""
    found = []
    for shape in options.shapes:
        heads = SHAPES[shape][0]
        for keys in options.keys:
            for queries in dict.fromkeys(min(some or keys, keys) for some in options.queries):
                size = (heads, keys, queries)
                for block in (64, 128):
                    for share in (0.1, 0.25):
                        text = f"{share:.0%} of blocks of {block}"
                        found.append(
                            (
                                shape,
                                text,
                                keys,
                                queries,
                                lambda s=size, b=block, x=share: chosen_blocks(*s, b, x),
                            )
                        )
                text = f"{options.columns} columns a head"
                found.append(
                    (shape, text, keys, queries, lambda s=size: chosen_columns(*s, 64, options.columns))
                )
                found.append(
                    (shape, "dense", keys, queries, lambda s=size: chosen_blocks(1, *s[1:], 128, 1.0))
                )
    return found


def main() -> None:
    """Runs the cases one after another."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shapes", nargs="+", default=list(SHAPES), choices=SHAPES)
    parser.add_argument("--keys", nargs="+", type=int, default=[8192, 32768])
    parser.add_argument("--queries", nargs="+", type=int, default=[2048, 0], help="the last so many; 0: all")
    parser.add_argument("--columns", type=int, default=1000)
    parser.add_argument("--ways", nargs="+", default=list(WAYS), choices=WAYS)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--out", type=Path, help="path without ending for JSON")
    options = parser.parse_args()
    torch.manual_seed(0)
    rows = []
    print(
        f"{'shape':<13} {'keys':>6} {'queries':>7}  {'pattern':<22} {'dense s':>8}",
        *(f"{n:>9}" for n in options.ways),
    )
    for shape, pattern, keys, queries, make in cases(options):
        heads, kv_heads, dim = SHAPES[shape]
        query, key, value = (
            torch.randn(count, size, dim, dtype=torch.bfloat16)
            for count, size in ((heads, queries), (kv_heads, keys), (kv_heads, keys))
        )
        with torch.inference_mode():
            measured = measure(ways(options.ways, query, key, value, make()), options.repeat)
        rows.append({"shape": shape, "keys": keys, "queries": queries, "pattern": pattern} | measured)
        ratios = (
            f"{measured['ratio'][n]:>8.2f}×" if n in measured["ratio"] else f"{'–':>9}" for n in options.ways
        )
        print(
            f"{shape:<13} {keys:>6} {queries:>7}  {pattern:<22} {measured['seconds']['dense']:>8.3f}",
            *ratios,
            flush=True,
        )
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.with_suffix(".json").write_text(json.dumps(record(options, rows), indent=2) + "\n")


def record(options: argparse.Namespace, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The figures with versions and machine."""
    return {
        "shapes": {
            name: dict(zip(("heads", "kv_heads", "dim"), SHAPES[name], strict=True))
            for name in options.shapes
        },
        "dtype": "bfloat16",
        "repeat": options.repeat,
        **environment(),
        "rows": rows,
    }


if __name__ == "__main__":
    main()
