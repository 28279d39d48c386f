"""Loading a model by whatever name the user knows it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from longspan.loading.collector import collector_paused
from longspan.loading.converted import converted_folder
from longspan.loading.digest import file_digest, weights_digest
from longspan.loading.find import Checkpoint, find
from longspan.loading.folder import weight_files
from longspan.loading.weights import (
    Form,
    Weights,
    begin,
    check_device,
    form_of_file,
    form_of_folder,
    is_grouped,
)
from longspan.parameters import check_choice
from longspan.progress import Watcher

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerFast


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """A model ready to be used, and where it comes from."""

    network: PreTrainedModel
    """In evaluation mode, no parameter requires a gradient."""
    tokenizer: PreTrainedTokenizerFast
    """With the model's chat template; a base model may have none (`tokenizer.chat_template` is None)."""
    name: str
    digest: str
    """Identifies the weights: the GGUF file's SHA-256, or see `longspan.loading.digest.weights_digest`."""
    source: str
    weights: Form = "expanded"
    """In which form they are held."""
    note: str = ""
    """What is to be said of their form: why they are expanded though the file has blocks, or which of them are."""


@dataclass(frozen=True, kw_only=True)
class Pulled:
    """A model whose files are on this machine and ready to be loaded."""

    name: str
    path: Path
    """A folder in transformers' format, or a `.gguf` file that is read as it is."""
    digest: str
    source: str


def load_weights(
    name_or_path: str | Path | None = None,
    *,
    dtype: str | torch.dtype = "auto",
    device: str | torch.device = "auto",
    weights: Weights = "auto",
    progress: Watcher | None = None,
) -> Loaded:
    """Load a model and its tokenizer, downloading what is not on this machine yet.

    name_or_path: None or "default" for the embedded default, a short name (`longspan models list`), a
        folder in transformers' format, a `.gguf` file, or a hub id `owner/name`. Only safetensors and GGUF
        weights are read and no code that a model brings is run.
    dtype: "float32", "bfloat16", "float16" (or the torch dtype), or "auto": bfloat16 where the device
        computes in it natively (CUDA; CPUs with AVX512-BF16 or AMX), and with packed weights, beside which it is the
        format of keys and values; else float32.
    device: "auto" (CUDA if there is one), or a torch device.
    weights: "packed": matrices stay in the blocks of their file, on the CPU, and tokens are rounded to 8 bits before
        they are multiplied. "int8", "int4": such blocks are made of a model in a floating format. "expanded": into
        `dtype`; a GGUF file is converted into the cache for it. "auto": packed where the file has blocks and this
        processor products for all of them, else expanded.
    progress: told what is being downloaded, converted and packed.

    Raises `ModelNotFound`, `CorruptModel` or `UnsupportedModel`, and `ValueError` for a bad dtype, device or weights.
    """
    check_choice("weights", weights, get_args(Weights))
    begin(name_or_path, weights)
    with collector_paused():
        from longspan.loading.precision import resolve_device, resolve_dtype

        where = resolve_device(device)
        resolve_dtype(dtype, where)
        check_device(weights, where)
        checkpoint = find(name_or_path, progress=progress)
        if checkpoint.path.is_dir():
            return _of_folder(checkpoint, weights, dtype, where, progress)
        return _of_file(checkpoint, weights, dtype, where, progress)


def _of_folder(
    checkpoint: Checkpoint,
    weights: Weights,
    number_format: str | torch.dtype,
    device: torch.device,
    progress: Watcher | None,
) -> Loaded:
    from longspan.loading.network import read_network, read_tokenizer
    from longspan.loading.precision import resolve_dtype

    choice = form_of_folder(checkpoint.path, weights, device)
    dtype = resolve_dtype(number_format, device, packed=choice.form != "expanded")
    note = choice.note
    if is_grouped(checkpoint.path):
        from longspan.loading.grouped_network import grouped_network

        network, note = grouped_network(
            checkpoint.path, dtype, device, choice.form, progress, strict=weights == "packed"
        )
    elif choice.form == "expanded":
        network = read_network(checkpoint.path, dtype, device)
    else:
        from longspan.loading.packed_folder import rounded_network

        network, note = rounded_network(checkpoint.path, dtype, choice.form, progress)
    return Loaded(
        network=network,
        tokenizer=read_tokenizer(checkpoint.path),
        name=checkpoint.name,
        digest=weights_digest(weight_files(checkpoint.path)),
        source=checkpoint.source,
        weights=choice.form,
        note=note,
    )


def _of_file(
    checkpoint: Checkpoint,
    weights: Weights,
    number_format: str | torch.dtype,
    device: torch.device,
    progress: Watcher | None,
) -> Loaded:
    from longspan.loading.gguf_header import read_header
    from longspan.loading.precision import resolve_dtype

    header = read_header(checkpoint.path)
    choice = form_of_file(header, weights, device)
    dtype = resolve_dtype(number_format, device, packed=choice.form != "expanded")
    digest = checkpoint.digest or file_digest(checkpoint.path)
    if choice.form == "expanded":
        from longspan.loading.network import read_network, read_tokenizer

        folder = _converted(checkpoint, digest, dtype, progress)
        network, tokenizer = read_network(folder, dtype, device), read_tokenizer(folder)
    else:
        from longspan.loading.kept_tokenizer import kept_tokenizer
        from longspan.loading.packed_network import packed_network

        network = packed_network(header, dtype, choice.form, progress)
        tokenizer = kept_tokenizer(header, digest)
    return Loaded(
        network=network,
        tokenizer=tokenizer,
        name=checkpoint.name,
        digest=digest,
        source=checkpoint.source,
        weights=choice.form,
        note=choice.note,
    )


def _converted(checkpoint: Checkpoint, digest: str, dtype: torch.dtype, progress: Watcher | None) -> Path:
    return converted_folder(
        checkpoint.path,
        name=checkpoint.name,
        digest=digest,
        source=checkpoint.source,
        dtype=dtype,
        progress=progress,
    )


def pull(
    name_or_path: str | Path | None = None,
    *,
    dtype: str | torch.dtype = "auto",
    weights: Weights = "auto",
    progress: Watcher | None = None,
    renew: bool = True,
) -> Pulled:
    """Bring a model's files onto this machine without loading it, converted for `dtype` where it will be expanded.

    With `renew` the hub is asked for the newest version and damaged files in the cache are fetched again. The
    other arguments and the errors are those of `load_weights`.
    """
    check_choice("weights", weights, get_args(Weights))
    checkpoint = find(name_or_path, progress=progress, renew=renew)
    path = checkpoint.path
    if path.is_dir():
        digest = weights_digest(weight_files(path))
    else:
        from longspan.loading.gguf_header import read_header
        from longspan.loading.precision import resolve_device, resolve_dtype

        device = resolve_device("auto")
        digest = checkpoint.digest or file_digest(path)
        if form_of_file(read_header(path), weights, device).form == "expanded":
            path = _converted(checkpoint, digest, resolve_dtype(dtype, device), progress)
    return Pulled(name=checkpoint.name, path=path, digest=digest, source=checkpoint.source)
