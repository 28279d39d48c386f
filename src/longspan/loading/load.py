"""Loading a model by whatever name the user knows it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from longspan.errors import UnsupportedModel
from longspan.loading.collector import collector_paused
from longspan.loading.converted import converted_folder
from longspan.loading.digest import file_digest, weights_digest
from longspan.loading.find import find
from longspan.loading.folder import weight_files
from longspan.parameters import check_choice
from longspan.progress import Watcher

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerFast


Weights = Literal["expanded", "packed"]
"""In which form weights are held."""


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


@dataclass(frozen=True, kw_only=True)
class Pulled:
    """A model whose files are on this machine and ready to be loaded."""

    name: str
    folder: Path
    """In transformers' format."""
    digest: str
    source: str


def load_weights(
    name_or_path: str | Path | None = None,
    *,
    dtype: str | torch.dtype = "auto",
    device: str | torch.device = "auto",
    weights: Weights = "expanded",
    progress: Watcher | None = None,
) -> Loaded:
    """Load a model and its tokenizer, downloading and converting what is not on this machine yet.

    name_or_path: None or "default" for the embedded default, a short name (`longspan models list`), a
        folder in transformers' format, a `.gguf` file, or a hub id `owner/name`. Only safetensors and GGUF
        weights are read and no code that a model brings is run.
    dtype: "float32", "bfloat16", "float16" (or the torch dtype), or "auto": bfloat16 where the device
        computes in it natively (CUDA; CPUs with AVX512-BF16 or AMX), else float32.
    device: "auto" (CUDA if there is one), or a torch device.
    weights: "expanded" into `dtype`, or "packed": a GGUF file's matrices stay in its blocks, on the CPU, and tokens are
        rounded to 8 bits before they are multiplied; `dtype` is then of everything else.
    progress: told what is being downloaded and converted.

    Raises `ModelNotFound`, `CorruptModel` or `UnsupportedModel`, and `ValueError` for a bad dtype, device or weights.
    """
    check_choice("weights", weights, get_args(Weights))
    with collector_paused():
        from longspan.loading.network import read_network, read_tokenizer
        from longspan.loading.precision import resolve_device, resolve_dtype

        where = resolve_device(device)
        precision = resolve_dtype(dtype, where)
        if weights == "packed":
            if where.type != "cpu":
                raise ValueError(
                    f"weights='packed' are multiplied on the CPU, not on {where}; use 'expanded'"
                )
            return _load_packed(name_or_path, precision, progress)
        pulled = pull(name_or_path, dtype=precision, progress=progress, renew=False)
        return Loaded(
            network=read_network(pulled.folder, precision, where),
            tokenizer=read_tokenizer(pulled.folder),
            name=pulled.name,
            digest=pulled.digest,
            source=pulled.source,
        )


def _load_packed(name_or_path: str | Path | None, dtype: torch.dtype, progress: Watcher | None) -> Loaded:
    from longspan.loading.gguf_header import read_header
    from longspan.loading.gguf_tokenizer import tokenizer_of
    from longspan.loading.packed_network import packed_network

    checkpoint = find(name_or_path, progress=progress)
    if checkpoint.path.is_dir():
        raise UnsupportedModel(
            f"{checkpoint.path} is a folder, and weights='packed' keeps the blocks of a GGUF file; give one, or use "
            "weights='expanded'"
        )
    header = read_header(checkpoint.path)
    return Loaded(
        network=packed_network(header, dtype, progress),
        tokenizer=tokenizer_of(header),
        name=checkpoint.name,
        digest=checkpoint.digest or file_digest(checkpoint.path),
        source=checkpoint.source,
    )


def pull(
    name_or_path: str | Path | None = None,
    *,
    dtype: str | torch.dtype = "auto",
    progress: Watcher | None = None,
    renew: bool = True,
) -> Pulled:
    """Bring a model's files onto this machine, converted for `dtype`, without loading it.

    With `renew` the hub is asked for the newest version and damaged files in the cache are fetched again. The
    other arguments and the errors are those of `load_weights`.
    """
    checkpoint = find(name_or_path, progress=progress, renew=renew)
    if checkpoint.path.is_dir():
        digest, folder = weights_digest(weight_files(checkpoint.path)), checkpoint.path
    else:
        from longspan.loading.precision import resolve_device, resolve_dtype

        digest = checkpoint.digest or file_digest(checkpoint.path)
        folder = converted_folder(
            checkpoint.path,
            name=checkpoint.name,
            digest=digest,
            source=checkpoint.source,
            dtype=resolve_dtype(dtype, resolve_device("auto")),
            progress=progress,
        )
    return Pulled(name=checkpoint.name, folder=folder, digest=digest, source=checkpoint.source)
