"""What `decode.py` compares: its cases, the bytes that a token of each takes, and its table and picture."""

from __future__ import annotations

import argparse
import math
import re
import statistics
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from longspan.loading.gguf_config import config_of
from longspan.loading.gguf_header import GgufHeader
from longspan.plan import Plan

SPARSE_FROM = 8192
PATTERN = "pattern=xattention"
SPARSER = "pattern=xattention(threshold=0.8,block=64,stride=8)"  # as OpenVINO sets it unless told otherwise
SELECTOR = "selector=quest(budget=1024)"


@dataclass(frozen=True, kw_only=True)
class Case:
    """One line of the table at each length. weights: how they are held, "" for numbers of its own choice.

    kv: bytes of a number of keys and values, 0 if they are numbers of its own choice.
    """

    name: str
    package: str
    weights: str
    kv: int
    options: dict[str, Any] = field(default_factory=dict)
    sparse: bool = False
    before: bool = False

    @property
    def ours(self) -> bool:
        return self.package == "longspan" and not self.before


def _stock(dtype: str, kv: int) -> Case:
    return Case(
        name=f"transformers {dtype}", package="transformers", weights=dtype, kv=kv, options={"dtype": dtype}
    )


def _longspan(weights: str, plan: str = "") -> Case:
    return Case(
        name=f"longspan {weights} {plan}".strip(),
        package="longspan",
        weights="file" if weights == "packed" else "",
        kv=0,
        options={"weights": weights, "plan": plan},
        sparse=bool(plan),
    )


def _openvino(attention: str) -> Case:
    return Case(
        name=f"openvino-genai int4 {attention}",
        package="openvino-genai",
        weights="openvino",
        kv=1,
        options={"attention": attention},
        sparse=attention == "xattention",
    )


CASES = (
    _stock("bfloat16", 2),
    _stock("float32", 4),
    Case(
        name="longspan before",
        package="longspan",
        weights="",
        kv=0,
        options={"weights": "", "plan": ""},
        before=True,
    ),
    _longspan("expanded"),
    _longspan("packed"),
    _longspan("packed", PATTERN),
    _longspan("packed", f"{PATTERN} {SELECTOR}"),
    _longspan("packed", SPARSER),
    _longspan("packed", f"{SPARSER} {SELECTOR}"),
    *(
        Case(name=package, package=package, weights="file", kv=2)
        for package in ("xllamacpp", "llama-cpp-python", "ik-llama-cpp-python")
    ),
    *(_openvino(attention) for attention in ("sdpa", "paged", "xattention")),
)


def chosen(length: int, options: argparse.Namespace) -> list[Case]:
    """The cases of a length: sparse ones where there is something to leave out."""
    return [
        case
        for case in CASES
        if case.name in (options.only or [case.name])
        and (length >= SPARSE_FROM or not case.sparse)
        and (options.before or not case.before)
        and (options.openvino or case.package != "openvino-genai")
    ]


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """Bytes that a model has: of its file, of the matrices that each token passes, of what it keeps of a token."""

    file: int
    matrices: dict[str, int]
    numbers_kept: int

    @classmethod
    def of(cls, header: GgufHeader, openvino: Path | None) -> Self:
        """A table of embeddings, of which a token takes one row, counts where it is the output head too."""
        config = config_of(header)
        tensors = [
            tensor
            for name, tensor in header.tensors.items()
            if name != "token_embd.weight" or "output.weight" not in header.tensors
        ]
        numbers = sum(math.prod(tensor.shape) for tensor in tensors)
        matrices = {
            "file": sum(tensor.size for tensor in tensors),
            "bfloat16": 2 * numbers,
            "float32": 4 * numbers,
        }
        if openvino is not None:
            matrices["openvino"] = _of_openvino(openvino)
        head_dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        return cls(
            file=header.path.stat().st_size,
            matrices=matrices,
            numbers_kept=2 * config.num_hidden_layers * config.num_key_value_heads * head_dim,
        )

    def of_token(self, case: Case, length: int, number_bytes: int | None) -> int:
        """Bytes of matrices, keys and values that a token must take from memory under a case.

        number_bytes: of the numbers of the engine's own choice, where it has one.
        """
        matrices = case.weights or {2: "bfloat16", 4: "float32"}[number_bytes or 0]
        selector = Plan.of(case.options.get("plan")).selector
        visited = min(length, getattr(selector, "budget", length))
        return self.matrices[matrices] + visited * self.numbers_kept * (case.kv or number_bytes or 0)


def _of_openvino(folder: Path) -> int:
    """The file of weights without its embeddings, unless they are the head too."""
    graph = (folder / "openvino_model.xml").read_text("utf-8")
    weights = (folder / "openvino_model.bin").stat().st_size
    if "lm_head" not in graph:
        return weights
    constants = re.findall(
        r'name="[^"]*embed_tokens[^"]*" type="Const"[^>]*>\s*<data [^>]*size="(\d+)"', graph
    )
    return weights - sum(map(int, constants))


def table(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Medians over rounds: one line a length and case, in the order of the cases."""
    found = []
    for length in sorted({row["length"] for row in rows}):
        for case in CASES:
            rounds = [row for row in rows if (row["case"], row["length"]) == (case.name, length)]
            if rounds:
                found.append(_line(case, length, rounds))
    return found


def _line(case: Case, length: int, rounds: list[dict[str, Any]]) -> dict[str, Any]:
    def median(values: Any) -> float:
        return statistics.median(values)

    step = median(median(row["step_seconds"][2:]) for row in rounds)
    asked = [each for row in rounds for each in row["found"] if each is not None]
    return {
        "length": length,
        "case": case.name,
        "sparse": case.sparse,
        "read_tokens_per_second": median(length / row["read_seconds"] for row in rounds),
        "token_ms": 1e3 * step,
        "peak_bytes": max(row["peak_bytes"] for row in rounds),
        "model_bytes": median(row["loaded_bytes"] - row["imported_bytes"] for row in rounds),
        "token_bytes": rounds[0]["token_bytes"],
        "of_bus": median(
            row["token_bytes"] / row["bus_bytes_per_second"] / median(row["step_seconds"][2:])
            for row in rounds
        ),
        "found": sum(asked),
        "asked": len(asked),
        "rounds": len(rounds),
    }


def show(lines: list[dict[str, Any]]) -> None:
    """The table, and below each length how longspan stands to the fastest of the others."""
    kinds = {case.name: case for case in CASES}
    head = f"{'tokens':>6}  {'':<58} {'tok/s':>7} {'ms':>7} {'peak':>6} {'model':>6} {'MB/tok':>7} {'bus':>5} facts"
    for length in sorted({line["length"] for line in lines}):
        print(head)
        here = [line for line in lines if line["length"] == length]
        for line in here:
            facts = f"{line['found']}/{line['asked']}" if line["asked"] else "-"
            print(
                f"{length:>6}  {line['case']:<58} {line['read_tokens_per_second']:>7.1f} {line['token_ms']:>7.1f} "
                f"{line['peak_bytes'] / 2**20:>6.0f} {line['model_bytes'] / 2**20:>6.0f} "
                f"{line['token_bytes'] / 1e6:>7.0f} {line['of_bus']:>5.2f} {facts:>5}"
            )
        for what, sparse in (("dense", (False,)), ("any", (False, True))):
            ours, others = (
                [line for line in here if kinds[line["case"]].ours is mine and line["sparse"] in sparse]
                for mine in (True, False)
            )
            if ours and others:
                reading = [max(line["read_tokens_per_second"] for line in each) for each in (ours, others)]
                speaking = [min(line["token_ms"] for line in each) for each in (ours, others)]
                print(
                    f"{length:>6}  {what}: longspan's best reads {reading[0] / reading[1]:.2f} times as fast as the "
                    f"others' best and generates {speaking[1] / speaking[0]:.2f} times as fast"
                )


def draw(path: Path, lines: list[dict[str, Any]]) -> None:
    """Tokens a second of reading and milliseconds a token, by case, a column a length."""
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        print("matplotlib is not installed, so no picture was drawn", file=sys.stderr)
        return
    kinds = {case.name: case for case in CASES}
    lengths = sorted({line["length"] for line in lines})
    wide = (5 * len(lengths) + 2, 8)
    figure, grid = plt.subplots(2, len(lengths), figsize=wide, squeeze=False, layout="constrained")
    for column, length in enumerate(lengths):
        here = [line for line in lines if line["length"] == length]
        colours = ["#3b6ea5" if kinds[line["case"]].ours else "#b0b0b0" for line in here]
        for axes, key, label in (
            (grid[0][column], "read_tokens_per_second", "tokens a second, reading"),
            (grid[1][column], "token_ms", "ms a token, generating"),
        ):
            axes.barh([line["case"] for line in here], [line[key] for line in here], color=colours)
            for place, line in enumerate(here):
                axes.text(line[key], place, f" {line[key]:,.0f}", va="center", fontsize=7)
            axes.invert_yaxis()
            axes.tick_params(axis="y", labelsize=7, labelleft=column == 0)
            axes.set(xlabel=label, title=f"{length:,} tokens")
            axes.margins(x=0.15)
    figure.savefig(path)
    plt.close(figure)
