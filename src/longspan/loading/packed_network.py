"""A network whose weights stay as they lie in a GGUF file, or are rounded to smaller ones."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from torch import nn
from transformers import AutoModelForCausalLM, PretrainedConfig, PreTrainedModel
from transformers.initialization import no_init_weights

from longspan.errors import UnsupportedModel
from longspan.kernels import packed
from longspan.loading.convert import expanded_weight, in_order, names_in_transformers
from longspan.loading.gguf_config import config_of, generation_config_of
from longspan.loading.gguf_header import GgufHeader, GgufTensor
from longspan.loading.packed_modules import PackedWeight, stand_in
from longspan.loading.quiet import quiet
from longspan.loading.rounding import BLOCK, kind_of, rounded
from longspan.loading.weights import Form, packed_as
from longspan.progress import Progress, Watcher


def packed_network(
    header: GgufHeader, dtype: torch.dtype, form: Form, progress: Watcher | None
) -> PreTrainedModel:
    """The network of a GGUF file, frozen and in evaluation mode, computing in `dtype`.

    form: "packed" keeps the blocks of matrices; "int8" and "int4" make blocks of matrices in a floating format.
    Everything else is expanded. Raises `UnsupportedModel` for blocks that there are no products for, or that would be
    rounded a second time, besides what `convert` raises.
    """
    config = config_of(header)
    names = names_in_transformers(header, config)
    with quiet(), no_init_weights():
        network = AutoModelForCausalLM.from_config(config, dtype=dtype)
    network.generation_config = generation_config_of(header)
    modules = dict(network.named_modules())
    head = next(name for name, each in modules.items() if each is network.get_output_embeddings())
    total, done = sum(header.tensors[name].size for name in names), 0
    waiting: dict[str, Callable[[], PackedWeight]] = {}
    for name, place in names.items():
        tensor = header.tensors[name]
        owner, _, leaf = place.rpartition(".")
        module = modules[owner]
        make = None
        if leaf == "weight" and isinstance(module, nn.Linear | nn.Embedding):
            outer = isinstance(module, nn.Embedding) or owner == head
            make = _maker(header, tensor, config, form, outer=outer)
        if make is None:
            module.get_parameter(leaf).data = expanded_weight(header, tensor, config).to(dtype)
            done += tensor.size
        else:
            waiting[name] = make
    held: dict[str, PackedWeight] = {}
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        for name, weight in zip(waiting, pool.map(lambda make: make(), waiting.values()), strict=True):
            held[names[name].removesuffix(".weight")] = weight
            done += header.tensors[name].size
            if progress is not None:
                progress(Progress(processed=done, total=total, stage="loading", unit="bytes"))
    embedding = next(name for name, each in modules.items() if each is network.get_input_embeddings())
    if config.tie_word_embeddings and embedding in held:
        held[head] = held[embedding]
    stand_in(network, held, dtype)
    return network.eval().requires_grad_(False)


def _maker(
    header: GgufHeader, tensor: GgufTensor, config: PretrainedConfig, form: Form, *, outer: bool
) -> Callable[[], PackedWeight] | None:
    """How a matrix becomes packed, None for one that is to be expanded. outer: whether it is embedding or head."""
    columns = tensor.shape[1]
    if form == "packed":
        if packed_as(tensor.kind, columns):
            return lambda: _as_it_lies(header, tensor, config)
        known = ", ".join(sorted(kind.name for kind in packed.KINDS))
        raise UnsupportedModel(
            f"{header.path} holds {tensor.name} as {tensor.kind.name}, and products with packed weights are there for "
            f"{known}, where a C++ compiler builds them; load it with weights='expanded'"
        )
    if tensor.kind not in packed.EXACT:
        raise UnsupportedModel(
            f"{header.path} holds {tensor.name} as {tensor.kind.name}, which weights={form!r} would round a second "
            "time; load it with weights='packed', or take a file in F16 or BF16"
        )
    if columns % BLOCK:
        return None
    kind = kind_of(form, outer=outer)
    return lambda: PackedWeight(rounded(expanded_weight(header, tensor, config), kind), kind, columns)


def _as_it_lies(header: GgufHeader, tensor: GgufTensor, config: PretrainedConfig) -> PackedWeight:
    blocks = np.memmap(header.path, np.uint8, "c", tensor.start, (tensor.size,))
    rows = in_order(header, tensor, config, blocks.reshape(tensor.shape[0], -1))
    return PackedWeight(torch.from_numpy(np.asarray(rows)), tensor.kind, tensor.shape[1])
