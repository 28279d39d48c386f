"""A network whose weights stay as they lie in a GGUF file."""

from __future__ import annotations

import numpy as np
import torch
from gguf import GGMLQuantizationType
from torch import Tensor, nn
from transformers import AutoModelForCausalLM, PretrainedConfig, PreTrainedModel
from transformers.initialization import no_init_weights

from longspan.errors import UnsupportedModel
from longspan.kernels import packed
from longspan.loading.convert import expanded_weight, in_order, names_in_transformers
from longspan.loading.gguf_config import config_of, generation_config_of
from longspan.loading.gguf_header import GgufHeader, GgufTensor
from longspan.loading.packed_modules import PackedEmbedding, PackedLinear, PackedWeight
from longspan.loading.quiet import quiet
from longspan.progress import Progress, Watcher

_WHOLE = (GGMLQuantizationType.F32, GGMLQuantizationType.F16, GGMLQuantizationType.BF16)


def packed_network(header: GgufHeader, dtype: torch.dtype, progress: Watcher | None) -> PreTrainedModel:
    """The network of a GGUF file, frozen and in evaluation mode, computing in `dtype`.

    Matrices stay in their blocks, everything else is expanded. Raises `UnsupportedModel` for blocks that there are no
    products for, besides what `convert` raises.
    """
    config = config_of(header)
    names = names_in_transformers(header, config)
    with quiet(), no_init_weights():
        network = AutoModelForCausalLM.from_config(config, dtype=dtype)
    network.generation_config = generation_config_of(header)
    modules = dict(network.named_modules())
    total, done = sum(header.tensors[name].size for name in names), 0
    held: dict[str, PackedWeight] = {}
    for name, place in names.items():
        tensor = header.tensors[name]
        if progress is not None:
            progress(Progress(processed=done, total=total, stage="loading", unit="bytes"))
        done += tensor.size
        owner, _, leaf = place.rpartition(".")
        module = modules[owner]
        if leaf == "weight" and isinstance(module, nn.Linear | nn.Embedding) and tensor.kind not in _WHOLE:
            held[owner] = _packed(header, tensor, config)
        else:
            weight = expanded_weight(header, tensor, config).to(dtype)
            module.get_parameter(leaf).data = weight
    _put(network, modules, held, config, dtype)
    return network.eval().requires_grad_(False)


def _packed(header: GgufHeader, tensor: GgufTensor, config: PretrainedConfig) -> PackedWeight:
    if not packed.suits(tensor.kind, tensor.shape[1]):
        known = ", ".join(sorted(kind.name for kind in packed.KINDS))
        raise UnsupportedModel(
            f"{header.path} holds {tensor.name} as {tensor.kind.name}, and products with packed weights are there for "
            f"{known}, where a C++ compiler builds them; load it with weights='expanded'"
        )
    blocks = np.memmap(header.path, np.uint8, "r", tensor.start, (tensor.size,))
    rows = in_order(header, tensor, config, blocks.reshape(tensor.shape[0], -1))
    return PackedWeight(torch.from_numpy(np.array(rows)), tensor.kind, tensor.shape[1])


def _put(
    network: PreTrainedModel,
    modules: dict[str, nn.Module],
    held: dict[str, PackedWeight],
    config: PretrainedConfig,
    dtype: torch.dtype,
) -> None:
    """Puts packed modules in the places of those whose weights were read."""
    embedding = next(name for name, each in modules.items() if each is network.get_input_embeddings())
    if config.tie_word_embeddings and embedding in held:
        head = next(name for name, each in modules.items() if each is network.get_output_embeddings())
        held = held | {head: held[embedding]}
    for name, weights in held.items():
        module = modules[name]
        owner, _, leaf = name.rpartition(".")
        bias: Tensor | None = getattr(module, "bias", None)
        stands_in = (
            PackedEmbedding(weights, dtype)
            if isinstance(module, nn.Embedding)
            else PackedLinear(weights, None if bias is None else bias.data)
        )
        setattr(modules[owner], leaf, stands_in)
