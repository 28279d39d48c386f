"""Attention patterns against dense attention: seconds, and the attention mass that they visit.

    python benchmarks/patterns.py --model qwen2.5-coder-0.5b.gguf --text BOOK.txt --length 8192 --length 32768

Queries, keys and values of a few layers are taken while the model reads the text (under A-shape, which is cheap; what
they look like does not hang on it). Then each pattern chooses and attends for the whole prompt at once. Seconds are of
one layer: choosing and attending, beside `scaled_dot_product_attention` as the stock model calls it (grouped heads)
and longspan's own dense attention, in one run. Recall is the share of dense attention mass on visited
keys, over sampled queries. A run that was stopped goes on.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from records import Records, head
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

import longspan
from longspan.kernels.attention import attend
from longspan.kernels.blocks import attend_blocks
from longspan.kernels.softmax import Softmax
from longspan.patterns.a_shape import AShape
from longspan.patterns.base import PatternView
from longspan.patterns.recall import recall
from longspan.plan import Plan
from longspan.scene import Scene

PATTERNS = (
    "a-shape",
    "tri-shape",
    "mswa",
    "minference",
    "minference(patterns=vertical-slash)",
    "flexprefill",
    "flexprefill(gamma=0.95)",
    "xattention",
    "xattention(stride=8)",
    "hip",
    "hyper-attention",
    "dhsa",
    "squeezed",
)
SAMPLED = 64


@dataclass(frozen=True, kw_only=True)
class Taken(AShape):
    """A-shape that keeps the queries of some layers."""

    queries: ClassVar[dict[int, list[Tensor]]] = {}
    layers: tuple[int, ...] = ()

    def index(self, reading: PatternView) -> Any:
        """As A-shape."""
        if reading.scene.layer in self.layers:
            self.queries.setdefault(reading.scene.layer, []).append(reading.query)
        return super().index(reading)


def layers_of(
    model: longspan.Model, ids: list[int], layers: tuple[int, ...]
) -> dict[int, tuple[Tensor, ...]]:
    """Queries, keys and values of some layers, rotated: `[heads, n, d]` and twice `[kv_heads, n, d]`."""
    Taken.queries.clear()
    plan = Plan(pattern=Taken(layers=layers))
    with model.session(plan, window=len(ids)) as session:
        session.read(ids)
        found = {}
        for layer in layers:
            (group,) = session.sequences[0].layers[layer].store.groups()
            found[layer] = (
                torch.cat(Taken.queries.pop(layer), 1),
                group.keys().clone(),
                group.values().clone(),
            )
    return found


def reading_of(
    query: Tensor, key: Tensor, scale: float, layer: int, model: longspan.Model, state: Any
) -> PatternView:
    """What the engine would hand to a pattern."""

    def weights(rows: slice) -> Tensor:
        some = query[:, rows].unflatten(0, (len(key), -1)).flatten(1, 2).float()
        places = torch.arange(query.shape[1])
        scores = (some @ key.float().mT).view(len(query), -1, len(places)) * scale
        return scores.masked_fill_(places > places[rows][:, None], -torch.inf).softmax(-1)

    return PatternView(
        scene=Scene(
            softmax=Softmax(scale=scale),
            layer=layer,
            layers=len(model.seam.layers),
            seen=key.shape[1],
            profile=model.profile,
        ),
        query=query,
        key=key,
        weights=weights,
        state=state,
    )


def seconds(work: Callable[[], object]) -> float:
    """Wall time of one call."""
    began = time.perf_counter()
    with torch.inference_mode():
        work()
    return time.perf_counter() - began


def dense_seconds(
    model: longspan.Model, taken: dict[int, tuple[Tensor, ...]], repeat: int
) -> dict[str, float]:
    """Medians over layers and rounds of the stock kernel and of longspan's."""
    stock, ours = [], []
    for layer, (query, key, value) in taken.items():
        scale = model.seam.layers[layer].softmax.scale

        def by_stock(q: Tensor = query, k: Tensor = key, v: Tensor = value, s: float = scale) -> Tensor:
            return scaled_dot_product_attention(
                q[None], k[None], v[None], is_causal=True, scale=s, enable_gqa=True
            )

        for _ in range(repeat):
            stock.append(seconds(by_stock))
            ours.append(
                seconds(lambda q=query, k=key, v=value, s=scale: attend(q, k, v, scale=s, causal=True))
            )
    return {"stock_seconds": statistics.median(stock), "dense_seconds": statistics.median(ours)}


def measure(
    model: longspan.Model,
    text: str,
    taken: dict[int, tuple[Tensor, ...]],
    repeat: int,
    dense: dict[str, float],
) -> dict[str, Any]:
    """Medians over layers and rounds."""
    pattern = Plan(pattern=text).pattern
    times: dict[str, list[float]] = {"index": [], "attend": []}
    recalls = []
    for layer, (query, key, value) in taken.items():
        scale = model.seam.layers[layer].softmax.scale
        sample = torch.linspace(query.shape[1] // 8, query.shape[1] - 1, SAMPLED).long()
        for number in range(repeat):
            reading = reading_of(query, key, scale, layer, model, pattern.state())
            made: list[Any] = []
            times["index"].append(seconds(lambda r=reading, m=made: m.append(pattern.index(r))))
            index = made[0]
            times["attend"].append(
                seconds(
                    lambda q=query, k=key, v=value, s=scale, i=index: attend_blocks(
                        q, k, v, i, scale=s
                    ).result(q.dtype)
                )
            )
            if number == 0:
                with torch.inference_mode():
                    recalls.append(recall(query, key, index, softmax=Softmax(scale=scale), rows=sample))
    index, attended = statistics.median(times["index"]), statistics.median(times["attend"])
    return dense | {
        "index_seconds": index,
        "attend_seconds": attended,
        "ratio": dense["stock_seconds"] / (index + attended),
        "recall": float(torch.stack(recalls).mean()),
        "recall_worst_head": float(torch.stack(recalls).min()),
    }


def main() -> None:
    """One row a length and pattern."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model")
    parser.add_argument("--text", type=Path, required=True)
    parser.add_argument("--length", action="append", type=int, required=True)
    parser.add_argument("--pattern", action="append", help="instead of all")
    parser.add_argument("--repeat", type=int, default=1, help="rounds for each layer")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/patterns.json"))
    options = parser.parse_args()
    model = longspan.load(options.model)
    ids = model.tokenizer(options.text.read_text("utf-8"), add_special_tokens=False)["input_ids"]
    count = len(model.seam.layers)
    layers = (count // 4, count // 2, 3 * count // 4)
    records = Records(options.out, head=head(model), key=("length", "pattern"))
    for length in options.length:
        wanted = [
            text for text in options.pattern or PATTERNS if not records.has(length=length, pattern=text)
        ]
        if not wanted:
            continue
        taken = layers_of(model, ids[:length], layers)
        dense = dense_seconds(model, taken, options.repeat)
        for text in wanted:
            row = {"length": length, "pattern": text} | measure(model, text, taken, options.repeat, dense)
            records.add(row)
            print(
                f"{length:>6} {text:<38} stock {row['stock_seconds']:7.2f} dense {row['dense_seconds']:7.2f} "
                f"index {row['index_seconds']:6.2f} attend {row['attend_seconds']:6.2f}  x {row['ratio']:5.2f}  "
                f"recall {row['recall']:.3f} (worst {row['recall_worst_head']:.3f})",
                flush=True,
            )
    draw(options.out, records)


def draw(path: Path, records: Records) -> None:
    """Seconds as a function of length, and recall against the ratio at the greatest length."""
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(13, 5))
    by_pattern: dict[str, list[dict[str, Any]]] = {}
    for row in sorted(records.rows, key=lambda row: row["length"]):
        by_pattern.setdefault(row["pattern"], []).append(row)
    lengths = sorted({row["length"] for row in records.rows})
    dense = [
        statistics.median(row["stock_seconds"] for row in records.rows if row["length"] == length)
        for length in lengths
    ]
    left.plot(lengths, dense, "k-", linewidth=2, label="dense (stock kernel)")
    for number, (name, rows) in enumerate(by_pattern.items()):
        style = ("-", "--")[number // 10 % 2]
        whole = [row["index_seconds"] + row["attend_seconds"] for row in rows]
        (line,) = left.plot(
            [row["length"] for row in rows], whole, style, marker="o", markersize=3, label=name
        )
        right.plot(rows[-1]["ratio"], rows[-1]["recall"], "o", color=line.get_color())
        right.annotate(
            name,
            (rows[-1]["ratio"], rows[-1]["recall"]),
            fontsize=7,
            xytext=(4, 2),
            textcoords="offset points",
        )
    left.set(xscale="log", yscale="log", xlabel="tokens", ylabel="seconds for one layer's attention")
    left.set_xticks(lengths, [f"{length // 1024}k" for length in lengths])
    left.minorticks_off()
    left.legend(fontsize=7)
    right.axvline(3, color="grey", linewidth=0.8)
    right.set(
        xlabel=f"times as fast as dense at {lengths[-1] // 1024}k", ylabel="share of attention mass visited"
    )
    figure.tight_layout()
    figure.savefig(path.with_suffix(".svg"))


if __name__ == "__main__":
    main()
