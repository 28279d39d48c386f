"""From a model folder to a network and its tokenizer."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerFast
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from longspan.errors import CorruptModel, LongspanError, UnsupportedModel
from longspan.loading.claims import (
    check_frequencies,
    check_places,
    check_quantization,
    check_sizes,
    stored_formats,
)
from longspan.loading.converted import MANIFEST
from longspan.loading.folder import read_json, weight_files
from longspan.loading.quiet import quiet
from longspan.loading.reason import panics_raised, reason
from longspan.loading.rope_types import rope_types


def read_network(folder: Path, dtype: torch.dtype, device: torch.device) -> PreTrainedModel:
    """The causal language model in `folder`, frozen and in evaluation mode.

    Code that the folder brings is never run. Raises `UnsupportedModel` for a family that transformers does
    not know or that is not a causal language model, `CorruptModel` when weights are missing or do not fit.
    """
    config = read_json(folder / "config.json")
    family = config.get("model_type")
    if not isinstance(family, str) or family not in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES:
        own_code = " and brings its own code, which is never run" if "auto_map" in config else ""
        raise UnsupportedModel(
            f"{folder} holds a model of type {family!r}, which this transformers does not know as a causal "
            f"language model{own_code}; update transformers or take another model"
        )
    if (generation := folder / "generation_config.json").is_file():
        read_json(generation)
    files = weight_files(folder)
    formats = stored_formats(files)
    check_sizes(folder / "config.json", config, files, formats)
    check_quantization(folder / "config.json", config, device)
    try:
        with quiet():
            network, problems = AutoModelForCausalLM.from_pretrained(
                folder,
                dtype=dtype,
                use_safetensors=True,
                trust_remote_code=False,
                local_files_only=True,
                output_loading_info=True,
                ignore_mismatched_sizes=True,
            )
            network = network.to(device)
    except ImportError as error:
        raise UnsupportedModel(
            f"{folder} needs a package that is not installed ({reason(error)}); "
            "install it or take another model"
        ) from None
    except (MemoryError, torch.OutOfMemoryError) as error:
        raise LongspanError(
            f"{folder} does not fit into the memory of {device} ({reason(error)}); "
            "take a smaller model or dtype"
        ) from None
    except Exception as error:
        if unknown := sorted(rope_types(config) - {"default", *ROPE_INIT_FUNCTIONS}):
            raise UnsupportedModel(
                f"{folder} turns its positions by rope_type={unknown[0]!r}, which this transformers does not know for "
                f"models of type {family!r}; update transformers or take another model"
            ) from None
        raise CorruptModel(
            f"{folder} cannot be loaded ({reason(error)}); download the model again"
        ) from error
    if missing := sorted(problems["missing_keys"]):
        raise CorruptModel(
            f"{folder} lacks {len(missing)} of the weights, {missing[0]!r} first; download the model again"
        )
    for name, found, wanted in sorted(problems["mismatched_keys"]):
        raise CorruptModel(
            f"{folder} cannot be loaded: weight {name!r} has shape {tuple(found)} and its config.json asks for "
            f"{tuple(wanted)}; download the model again"
        )
    check_places(folder, config, network, formats, problems["unexpected_keys"])
    check_frequencies(folder, network)
    return network.eval().requires_grad_(False)


def read_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    """The fast tokenizer in `folder`, with its chat template when the model has one.

    A folder converted from GGUF gets exactly the tokenizer that was saved: the class that transformers would
    choose by the model's family may normalize text in another way. Raises `CorruptModel` when there is none
    that can be read, `UnsupportedModel` when it is not a fast one: only those tell where in the text a token
    lies.
    """
    reader = PreTrainedTokenizerFast if (folder / MANIFEST).exists() else AutoTokenizer
    try:
        with quiet(), panics_raised():
            tokenizer = reader.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
            if tokenizer.is_fast:
                _tried(tokenizer)
    except Exception as error:
        raise CorruptModel(
            f"{folder} has no readable tokenizer ({reason(error)}); download the model again"
        ) from error
    if not tokenizer.is_fast:
        raise UnsupportedModel(
            f"{folder} has a tokenizer that does not tell where its tokens lie in the text; "
            "save it as a fast tokenizer (tokenizer.json)"
        )
    if getattr(tokenizer.backend_tokenizer.model, "dropout", None):
        raise UnsupportedModel(
            f"{folder} has a tokenizer that cuts words at random; set dropout to null in its tokenizer.json"
        )
    return tokenizer


def _tried(tokenizer: PreTrainedTokenizerFast) -> None:
    """Encodes a few words as they are: how texts were cut or padded where the tokenizer was saved is left behind."""
    backend = tokenizer.backend_tokenizer
    backend.no_padding()
    backend.no_truncation()
    backend.decode(backend.encode("A few words, 12 of them.").ids)
