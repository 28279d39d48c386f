"""From a model folder to a network and its tokenizer."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerFast
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from longspan.errors import CorruptModel, LongspanError, UnsupportedModel
from longspan.loading.converted import MANIFEST
from longspan.loading.folder import read_json
from longspan.loading.quiet import quiet
from longspan.loading.reason import reason
from longspan.loading.rope_types import rope_types


def read_network(folder: Path, dtype: torch.dtype, device: torch.device) -> PreTrainedModel:
    """The causal language model in `folder`, frozen and in evaluation mode.

    Code that the folder brings is never run. Raises `UnsupportedModel` for a family that transformers does
    not know or that is not a causal language model, `CorruptModel` when weights are missing or do not fit.
    """
    config = read_json(folder / "config.json")
    family = config.get("model_type")
    if family not in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES:
        own_code = " and brings its own code, which is never run" if "auto_map" in config else ""
        raise UnsupportedModel(
            f"{folder} holds a model of type {family!r}, which this transformers does not know as a causal "
            f"language model{own_code}; update transformers or take another model"
        )
    try:
        with quiet():
            network, problems = AutoModelForCausalLM.from_pretrained(
                folder,
                dtype=dtype,
                use_safetensors=True,
                trust_remote_code=False,
                local_files_only=True,
                output_loading_info=True,
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
        with quiet():
            tokenizer = reader.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    except Exception as error:
        raise CorruptModel(
            f"{folder} has no readable tokenizer ({reason(error)}); download the model again"
        ) from error
    if not tokenizer.is_fast:
        raise UnsupportedModel(
            f"{folder} has a tokenizer that does not tell where its tokens lie in the text; "
            "save it as a fast tokenizer (tokenizer.json)"
        )
    return tokenizer
