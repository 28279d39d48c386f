"""In which form the weights of a model are held."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from longspan.errors import UnsupportedModel
from longspan.kernels import building
from longspan.loading.folder import read_json
from longspan.loading.known import DEFAULT

if TYPE_CHECKING:
    import torch
    from gguf import GGMLQuantizationType

    from longspan.loading.gguf_header import GgufHeader

Weights = Literal["auto", "packed", "int8", "int4", "expanded"]
"""What can be asked for."""

Form: TypeAlias = Literal["packed", "int8", "int4", "expanded"]
"""What it comes to."""


METHODS = ("gptq", "awq")
"""Ways to quantize weights, besides GGUF's, that are read."""

PRODUCTS = "1"
"""Raised when products with packed weights round in another way, so that what was read with others is told apart."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A form. note: why it is not the one that would be best, "" where it is."""

    form: Form
    note: str = ""


def begin(name_or_path: str | Path | None, weights: Weights) -> None:
    """Begins to build what such weights will need, beside all that loading does; see `kernels/building.py`."""
    name = "default" if name_or_path is None else str(name_or_path).lower()
    here = name_or_path is not None and Path(name_or_path).exists()
    blocks = name in ("default", DEFAULT.name) or (here and name.endswith(".gguf"))
    if not blocks and not here:
        return
    if weights in ("packed", "int8", "int4") or (weights == "auto" and blocks):
        building.ahead("packed.cpp", "layers.cpp")
    building.ahead("decoding.cpp")


def form_of_file(header: GgufHeader, weights: Weights, device: torch.device) -> Choice:
    """The form for a GGUF file: "auto" keeps blocks where there are products for all of its matrices.

    A file in a floating format has none, and is expanded.
    """
    if weights != "auto":
        return Choice(form=weights)
    if device.type != "cpu":
        return Choice(
            form="expanded",
            note=f"weights are expanded: packed ones are multiplied on the CPU, and not on {device}",
        )
    from gguf import GGMLQuantizationType

    from longspan.kernels import packed

    if not packed.suits(GGMLQuantizationType.Q8_0, 32):
        return Choice(
            form="expanded", note="products with packed weights need a C++ compiler, and none works here"
        )
    matrices = [tensor for tensor in header.tensors.values() if len(tensor.shape) == 2]
    if all(tensor.kind in packed.EXACT for tensor in matrices):
        return Choice(form="expanded")
    lacking = sorted({each.kind.name for each in matrices if not packed_as(each.kind, each.shape[1])})
    if not lacking:
        return Choice(form="packed")
    return Choice(
        form="expanded",
        note=f"weights are expanded: there are no products with its blocks of {', '.join(lacking)}",
    )


def packed_as(kind: GGMLQuantizationType, columns: int) -> bool:
    """Whether there are products with rows of so many weights, in blocks or as single numbers, on this machine."""
    from longspan.kernels import packed

    return packed.suits(kind, columns) or (
        kind in packed.EXACT and packed.suits(type(kind).Q8_0, packed.GROUP)
    )


def check_device(weights: Weights, device: torch.device) -> None:
    """Raises ValueError for packed weights that are asked for elsewhere than on the CPU."""
    if weights in ("packed", "int8", "int4") and device.type != "cpu":
        raise ValueError(
            f"weights={weights!r} are multiplied on the CPU, not on {device}; use weights='expanded'"
        )


def form_of_folder(folder: Path, weights: Weights, device: torch.device) -> Choice:
    """The form for a folder in transformers' format: "auto" leaves floating weights as they are and packs those of GPTQ
    and AWQ.

    Raises UnsupportedModel for "packed" where there are no blocks to keep, and for int8 and int4 where there are.
    """
    quantization = read_json(folder / "config.json").get("quantization_config")
    if quantization is None:
        if weights == "packed":
            raise UnsupportedModel(
                f"{folder} holds floating weights, and weights='packed' keeps the blocks of a file; give a GGUF file, "
                "or use weights='int8' or weights='expanded'"
            )
        return Choice(form="expanded" if weights == "auto" else weights)
    if not is_grouped(folder):
        return Choice(form="expanded")  # which refuses it by its name
    if weights in ("int8", "int4"):
        raise UnsupportedModel(
            f"{folder} holds weights that are quantized, which weights={weights!r} would round a second time; load it "
            "with weights='auto', or take the model in bfloat16"
        )
    if weights == "auto":
        return Choice(form="packed" if device.type == "cpu" else "expanded")
    return Choice(form=weights)


def is_grouped(folder: Path) -> bool:
    """Whether the weights of a folder are those of GPTQ or AWQ."""
    quantization = read_json(folder / "config.json").get("quantization_config")
    return isinstance(quantization, dict) and quantization.get("quant_method") in METHODS
