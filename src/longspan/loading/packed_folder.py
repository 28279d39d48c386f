"""The network of a folder in transformers' format, its matrices rounded to blocks one after the other."""

from __future__ import annotations

import ctypes
import mmap
from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from longspan.loading.claims import stored_formats
from longspan.loading.folder import weight_files
from longspan.loading.network import read_network
from longspan.loading.packed_modules import PackedWeight, stand_in
from longspan.loading.rounding import BLOCK, kind_of, rounded
from longspan.loading.weights import Form
from longspan.progress import Progress, Watcher

_STORED = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}


def rounded_network(
    folder: Path, dtype: torch.dtype, form: Form, progress: Watcher | None
) -> tuple[PreTrainedModel, str]:
    """The network, frozen and in evaluation mode, computing in `dtype`, and what of it is kept expanded, if anything.

    Linear layers and embeddings are packed. Weights are mapped into memory in the format in which they are stored, and
    let go of as soon as they are rounded. Raises what `read_network` raises.
    """
    kinds = set(stored_formats(weight_files(folder)).values())
    stored = _STORED.get(kinds.pop(), torch.float32) if len(kinds) == 1 else torch.float32
    network = read_network(folder, stored, torch.device("cpu"))
    held: dict[str, PackedWeight] = {}
    kept = []
    outer = {id(network.get_input_embeddings()), id(network.get_output_embeddings())}
    owners = _owners(network)
    total, done = sum(each[0][1].weight.nbytes for each in owners), 0
    for places in owners:
        weight = places[0][1].weight
        done += weight.nbytes
        if (
            any(type(module) not in (nn.Linear, nn.Embedding) for _, module in places)
            or weight.shape[1] % BLOCK
        ):
            kept.append(places[0][0])
            continue
        kind = kind_of(form, outer=any(id(module) in outer for _, module in places))
        packed = PackedWeight(rounded(weight.data, kind), kind, weight.shape[1])
        held |= {name: packed for name, _ in places}
        stand_in(network, {name: packed for name, _ in places}, dtype)
        _let_go(weight.data)
        if progress is not None:
            progress(Progress(processed=done, total=total, stage="packing", unit="bytes"))
    _computing_in(network, dtype)
    return network, f"{len(kept)} of its matrices stay expanded, {kept[0]} first" if kept else ""


def _owners(network: PreTrainedModel) -> list[list[tuple[str, nn.Linear | nn.Embedding]]]:
    """The matrices that layers and embeddings hold, each as the modules that share it, with their names."""
    found: dict[int, list[tuple[str, nn.Linear | nn.Embedding]]] = {}
    for name, module in network.named_modules():
        if isinstance(module, nn.Linear | nn.Embedding):
            found.setdefault(id(module.weight), []).append((name, module))
    return list(found.values())


def _let_go(weight: Tensor) -> None:
    """The pages of a weight that was mapped from a file need not stay in memory."""
    give = getattr(ctypes.CDLL(None), "madvise", None) if hasattr(mmap, "MADV_DONTNEED") else None
    if give is not None and weight.untyped_storage().filename is not None:
        first = -(-weight.data_ptr() // mmap.PAGESIZE) * mmap.PAGESIZE
        count = (weight.data_ptr() + weight.nbytes - first) // mmap.PAGESIZE
        if count > 0:
            give(ctypes.c_void_p(first), ctypes.c_size_t(count * mmap.PAGESIZE), mmap.MADV_DONTNEED)


def _computing_in(network: PreTrainedModel, dtype: torch.dtype) -> None:
    """Gives what is left of the weights the format that they have in a network loaded in `dtype`, in memory."""
    whole = {*(network._keep_in_fp32_modules or ()), *(network._keep_in_fp32_modules_strict or ())}
    for name, tensor in network.state_dict(keep_vars=True).items():
        if tensor.dtype.is_floating_point:
            kept = any(part in name for part in whole)
            tensor.data = tensor.data.to(torch.float32 if kept else dtype, copy=True)
