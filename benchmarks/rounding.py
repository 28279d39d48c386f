"""What rounding floating weights to 8 and 4 bits costs, by the blocks that they are rounded to.

    python benchmarks/rounding.py --text BOOK.txt [--model M] [--tokens 32768] [--window 2048]
        [--out benchmarks/results/rounding.json]

The expanded model in float32 reads the text in windows that do not overlap, and the second half of each counts; then
the matrices of its layers are rounded, and it reads again, so that only the rounding of weights tells the two apart.
Embedding and head are rounded to 8 bits wherever layers are. `error` is that of the layers' weights, root mean square
over that of the weights. Q8_0 and Q4_1 are made as `weights="int8"` and `"int4"` make them, the others as ggml does. A
model that was expanded from blocks was rounded once already: to the same blocks it loses nothing, which says nothing.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import gguf
import torch
from records import Records, head
from torch import Tensor, nn

import longspan
from longspan.loading.rounding import rounded

KINDS = ("", "Q8_0", "Q4_1", "IQ4_NL", "Q4_0")
MADE_HERE = ("Q8_0", "Q4_1")


def again(weight: Tensor, kind: gguf.GGMLQuantizationType) -> Tensor:
    """A weight as it is after it was rounded."""
    blocks = (
        rounded(weight, kind).numpy()
        if kind.name in MADE_HERE
        else gguf.quantize(weight.numpy(), kind)
        if kind.name != "IQ4_NL"
        else nonlinear(weight).numpy()
    )
    return torch.from_numpy(gguf.dequantize(blocks, kind))


def nonlinear(weight: Tensor) -> Tensor:
    """Blocks of IQ4_NL, which gguf reads and does not make: of some scales the one with the least squared error."""
    levels = torch.tensor(gguf.quants.IQ4_NL.kvalues, dtype=torch.float32)
    borders = (levels[1:] + levels[:-1]) / 2
    x = weight.unflatten(1, (-1, 32))
    largest = x.gather(-1, x.abs().argmax(-1, keepdim=True))
    best, scale = torch.full_like(largest, torch.inf), torch.zeros_like(largest)
    for reach in (-127, -113, -104, 113, 104):
        step = largest / reach
        for _ in range(2):
            values = levels[torch.bucketize(x / torch.where(step == 0, torch.inf, step), borders)]
            step = (x * values).sum(-1, keepdim=True) / values.square().sum(-1, keepdim=True)
        step = step.half().float()
        values = levels[torch.bucketize(x / torch.where(step == 0, torch.inf, step), borders)]
        error = (values * step - x).square().sum(-1, keepdim=True)
        scale, best = torch.where(error < best, step, scale), torch.minimum(error, best)
    numbers = torch.bucketize(x / torch.where(scale == 0, torch.inf, scale), borders).to(torch.uint8)
    return torch.cat(
        [scale.half().view(torch.uint8), numbers[..., :16] | numbers[..., 16:] << 4], -1
    ).flatten(1)


def round_all(network: nn.Module, name: str) -> float:
    """Rounds all matrices in their places; the error of those within layers."""
    kind = gguf.GGMLQuantizationType[name]
    outer = {id(network.get_input_embeddings().weight), id(network.get_output_embeddings().weight)}
    done: set[int] = set()
    wrong = all_of = 0.0
    for module in network.modules():
        weight = getattr(module, "weight", None)
        if not isinstance(module, nn.Linear | nn.Embedding) or id(weight) in done or weight.shape[1] % 32:
            continue
        done.add(id(weight))
        if id(weight) in outer:
            weight.data = again(weight.data, gguf.GGMLQuantizationType.Q8_0)
            continue
        found = again(weight.data, kind)
        wrong += float((found - weight).double().square().sum())
        all_of += float(weight.double().square().sum())
        weight.data = found
    return math.sqrt(wrong / all_of)


def perplexity(network: nn.Module, windows: list[Tensor]) -> float:
    """Of the second halves."""
    total = count = 0.0
    for ids in windows:
        half = len(ids) // 2
        with torch.inference_mode():
            logits = (
                network(input_ids=ids[None], use_cache=False, logits_to_keep=half + 1).logits[0, :-1].float()
            )
        total -= float(logits.log_softmax(-1).gather(1, ids[half:, None]).sum())
        count += half
    return math.exp(total / count)


def main() -> None:
    """One row a kind of block."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model")
    parser.add_argument("--text", type=Path, required=True)
    parser.add_argument("--tokens", type=int, default=32_768)
    parser.add_argument("--window", type=int, default=2048)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/rounding.json"))
    options = parser.parse_args()
    for name in KINDS:
        model = longspan.load(options.model, dtype="float32", weights="expanded")
        ids = model.tokenizer(options.text.read_text("utf-8"), add_special_tokens=False)["input_ids"]
        if len(ids) < options.tokens:
            parser.error(f"{options.text} has {len(ids):,} tokens, {options.tokens:,} are wanted")
        records = Records(options.out, head=head(model), key=("blocks", "tokens", "window"))
        key = {"blocks": name, "tokens": options.tokens, "window": options.window}
        if not records.has(**key):
            error = round_all(model.network, name) if name else 0.0
            windows = list(torch.tensor(ids[: options.tokens]).split(options.window))
            records.add(key | {"error": error, "perplexity": perplexity(model.network, windows)})
        row = next(row for row in records.rows if all(row[field] == value for field, value in key.items()))
        print(
            f"{name or 'float32':<8} error {row['error']:.4f}, perplexity {row['perplexity']:.4f}", flush=True
        )


if __name__ == "__main__":
    main()
