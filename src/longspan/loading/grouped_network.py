"""The network of a folder with GPTQ or AWQ weights."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from gguf import GGMLQuantizationType
from safetensors import safe_open
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForCausalLM, GenerationConfig, PreTrainedModel
from transformers.initialization import no_init_weights

from longspan.errors import CorruptModel, UnsupportedModel
from longspan.kernels import packed
from longspan.kernels.packed import Kind, Zeroed
from longspan.loading.claims import check_frequencies, check_sizes, stored_formats
from longspan.loading.folder import read_json, weight_files
from longspan.loading.grouped import PARTS, Grouped, Scheme
from longspan.loading.packed_modules import PackedLinear, PackedWeight, PermutedLinear, unsaved
from longspan.loading.quiet import quiet
from longspan.loading.reason import reason
from longspan.loading.weights import Form
from longspan.progress import Progress, Watcher


class NotExactError(Exception):
    """What keeps a matrix from being packed without loss."""


def grouped_network(
    folder: Path,
    dtype: torch.dtype,
    device: torch.device,
    form: Form,
    progress: Watcher | None,
    *,
    strict: bool,
) -> tuple[PreTrainedModel, str]:
    """The network, frozen and in evaluation mode, computing in `dtype`, and what of it is kept expanded, if anything.

    form: "packed" keeps numbers and scales without loss, "expanded" makes weights of them. strict: whether a matrix
    that cannot be packed is refused. Raises `CorruptModel` for tensors that are missing, left over or contradict the
    config, and `UnsupportedModel` for what is stored in another way than is read here.
    """
    path = folder / "config.json"
    config = read_json(path)
    said = config.pop("quantization_config", None)
    scheme = Scheme.of(path, said if isinstance(said, dict) else {"quant_method": said})
    files = weight_files(folder)
    formats = stored_formats(files)
    check_sizes(path, config, files, formats)
    network = _made(folder, dtype)
    modules = dict(network.named_modules())
    places = dict(network.state_dict(keep_vars=True))
    filled: set[int] = set()
    kept: list[tuple[str, str]] = []
    done, total = 0, sum(each.stat().st_size for each in files)
    for name, parts in _tensors(files):
        where = f"{folder}: {name!r}"
        done += sum(each.nbytes for each in parts.values())
        if "" in parts:
            _fill(where, name, parts[""], places, filled, dtype)
            continue
        module = modules.get(name)
        if not isinstance(module, nn.Linear):
            raise _no_place(folder, f"{name}.{next(iter(parts))}")
        matrix = Grouped.of(where, scheme, (module.out_features, module.in_features), parts)
        filled.add(id(module.weight))
        try:
            if form != "packed":
                raise NotExactError
            made: nn.Module = _packed(matrix, module.bias)
        except NotExactError as why:
            if form == "packed" and strict:
                raise UnsupportedModel(
                    f"{where} cannot be packed without loss: {why}; load it with weights='expanded'"
                ) from None
            kept.append((name, str(why)))
            module.weight.data = matrix.expanded.to(dtype)
        else:
            owner, _, leaf = name.rpartition(".")
            setattr(modules[owner], leaf, made)
        if progress is not None:
            progress(Progress(processed=done, total=total, stage="packing", unit="bytes"))
    if missing := sorted(name for name, each in places.items() if id(each) not in filled):
        raise CorruptModel(
            f"{folder} lacks {len(missing)} of the weights, {missing[0]!r} first; download the model again"
        )
    check_frequencies(folder, network)
    note = f"{len(kept)} of its matrices stay expanded, {kept[0][0]} first: {kept[0][1]}" if kept else ""
    if form == "packed":
        network.save_pretrained = unsaved
    return network.to(device).eval().requires_grad_(False), note if form == "packed" else ""


def _made(folder: Path, dtype: torch.dtype) -> PreTrainedModel:
    """The network without its weights, which are filled in."""
    try:
        with quiet(), no_init_weights():
            config = AutoConfig.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
            if hasattr(config, "quantization_config"):
                del config.quantization_config
            network: Any = AutoModelForCausalLM.from_config(config, dtype=dtype)
            if (folder / "generation_config.json").is_file():
                read_json(folder / "generation_config.json")
                network.generation_config = GenerationConfig.from_pretrained(folder)
    except (ValueError, RuntimeError, ArithmeticError, OSError, KeyError, TypeError) as error:
        raise UnsupportedModel(
            f"{folder} cannot be loaded ({reason(error)}); take the model in bfloat16 or as a .gguf file"
        ) from None
    return network


def _tensors(files: list[Path]) -> Iterator[tuple[str, dict[str, Tensor]]]:
    """What the files hold: the parts of a matrix under the name of its layer, any other tensor as the part ""."""
    homes: dict[str, dict[str, Path]] = {}
    names: dict[tuple[str, str], str] = {}
    for path in files:
        with safe_open(path, framework="pt") as file:
            for name in file.keys():  # noqa: SIM118 (no dict)
                owner, _, leaf = name.rpartition(".")
                key = (owner, leaf) if leaf in PARTS else (name, "")
                homes.setdefault(key[0], {})[key[1]] = path
                names[key] = name
    for owner, parts in homes.items():
        found = {}
        for part, path in parts.items():
            with safe_open(path, framework="pt") as file:
                found[part] = file.get_tensor(names[owner, part])
        yield owner, found


def _fill(
    where: str,
    name: str,
    tensor: Tensor | None,
    places: dict[str, Tensor],
    filled: set[int],
    dtype: torch.dtype,
) -> None:
    place = places.get(name)
    if place is None or tensor is None:
        raise _no_place(where, name)
    if place.shape != tensor.shape or not tensor.dtype.is_floating_point:
        raise CorruptModel(
            f"{where} is damaged: it has shape {tuple(tensor.shape)} and type {tensor.dtype}, and {tuple(place.shape)} "
            "in a floating format was expected; download the model again"
        )
    place.data = tensor.to(place.dtype, copy=True)
    filled.add(id(place))


def _no_place(where: Path | str, name: str) -> CorruptModel:
    return CorruptModel(
        f"{where} holds weight {name!r}, for which its config.json has no place; download the model again"
    )


def _packed(matrix: Grouped, bias: Tensor | None) -> nn.Module:
    """The matrix in blocks of 32 columns or more of one group, in another order where groups are not side by side.

    Raises NotExactError where scales, numbers or groups do not fit any block.
    """
    rows, columns = matrix.numbers.shape
    order = matrix.groups.argsort(stable=True)
    ordered = bool((order[1:] > order[:-1]).all())
    groups = matrix.groups[order]
    sizes = [
        size
        for size in (128, 64, 32)
        if columns % size == 0 and bool((groups.view(-1, size) == groups[::size, None]).all())
    ]
    if not sizes:
        raise NotExactError("its groups are no multiple of 32 columns")
    size = sizes[0] if int(matrix.numbers.max()) < 16 else 32
    of_block = groups[::size]
    kind, blocks = _blocks(
        matrix.numbers[:, order].view(rows, -1, size),
        matrix.zeros[:, of_block].unsqueeze(-1),
        matrix.scales[:, of_block].unsqueeze(-1).contiguous(),
    )
    if not packed.suits(kind, columns):
        raise NotExactError(f"there are no products with {kind.name} on this machine")
    weights, mine = PackedWeight(blocks, kind, columns), None if bias is None else bias.data
    return PackedLinear(weights, mine) if ordered else PermutedLinear(weights, mine, order)


def _blocks(numbers: Tensor, zeros: Tensor, scales: Tensor) -> tuple[Kind, Tensor]:
    """Blocks, uint8 `[rows, bytes]`, of numbers `[rows, blocks, size]` less zeros times scales `[rows, blocks, 1]`.

    Numbers of 4 bits take their zeros along; others have to be whole numbers of 8 bits without.
    """
    if int(numbers.max()) < 16:
        kind: Kind = Zeroed[f"Z4_{numbers.shape[-1]}"]
        halves = numbers.to(torch.uint8).unflatten(-1, (-1, 2, 16))
        fours = (halves[..., 0, :] | halves[..., 1, :] << 4).flatten(2)
        parts = [scales.view(torch.uint8), zeros.to(torch.uint8), fours]
    else:
        kind, shifted, half = GGMLQuantizationType.Q8_0, numbers - zeros, scales.half()
        lowest, highest = int(shifted.min()), int(shifted.max())
        if lowest < -128 or highest > 127:
            raise NotExactError(
                f"its numbers reach from {lowest} to {highest}, and a block holds those from -128 to 127"
            )
        if not torch.equal(half.float(), scales):
            raise NotExactError("its scales are more than half precision holds")
        parts = [half.view(torch.uint8), shifted.to(torch.int8).view(torch.uint8)]
    return kind, torch.cat(parts, -1).flatten(1)
