"""In which form the weights of a model are held."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from longspan.errors import UnsupportedModel
from longspan.kernels import building
from longspan.loading.known import DEFAULT

if TYPE_CHECKING:
    import torch

    from longspan.loading.gguf_header import GgufHeader

Weights = Literal["auto", "packed", "int8", "int4", "expanded"]
"""What can be asked for."""

Form: TypeAlias = Literal["packed", "int8", "int4", "expanded"]
"""What it comes to."""


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
    blocks = name in ("default", DEFAULT.name) or name.endswith(".gguf")
    if weights in ("packed", "int8", "int4") or (weights == "auto" and blocks):
        building.ahead("packed.cpp", "layers.cpp")
    building.ahead("decoding.cpp")


def form_of_file(header: GgufHeader, weights: Weights, device: torch.device) -> Choice:
    """The form for a GGUF file: "auto" keeps blocks where there are products for all of its matrices."""
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
    lacking = sorted(
        {
            tensor.kind.name
            for tensor in header.tensors.values()
            if len(tensor.shape) == 2 and not packed.suits(tensor.kind, tensor.shape[1])
        }
    )
    if not lacking:
        return Choice(form="packed")
    return Choice(
        form="expanded",
        note=f"weights are expanded: there are no products with its blocks of {', '.join(lacking)}",
    )


def check_device(weights: Weights, device: torch.device) -> None:
    """Raises ValueError for packed weights that are asked for elsewhere than on the CPU."""
    if weights in ("packed", "int8", "int4") and device.type != "cpu":
        raise ValueError(
            f"weights={weights!r} are multiplied on the CPU, not on {device}; use weights='expanded'"
        )


def form_of_folder(folder: Path, weights: Weights) -> Choice:
    """The form for a folder in transformers' format: "auto" leaves floating weights as they are.

    Raises UnsupportedModel for "packed", since there are no blocks to keep.
    """
    if weights == "packed":
        raise UnsupportedModel(
            f"{folder} holds floating weights, and weights='packed' keeps the blocks of a file; give a GGUF file, or "
            "use weights='int8' or weights='expanded'"
        )
    return Choice(form="expanded" if weights == "auto" else weights)
