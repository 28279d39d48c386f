"""What a network and a tokenizer are in memory, whatever they were loaded from."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import torch
import xxhash

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast


def weights_fingerprint(network: PreTrainedModel) -> str:
    """128 bits that cover names, types, shapes and every byte of all weights, read at the speed of memory."""
    hashed = xxhash.xxh3_128()
    known: dict[object, int] = {}
    for name, tensor in network.state_dict(keep_vars=True).items():
        place = (tensor.device, tensor.data_ptr(), tensor.dtype, tensor.shape, tensor.stride())
        shared = known.setdefault(place, len(known))
        hashed.update(json.dumps([name, str(tensor.dtype), list(tensor.shape), shared]).encode())
        if shared == len(known) - 1:
            hashed.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return hashed.hexdigest()


def tokenizer_fingerprint(tokenizer: PreTrainedTokenizerFast) -> str:
    """SHA-256 of how tokens are made, and turns of a chat; how text was last cut or padded does not count."""
    _, _, rules = tokenizer.backend_tokenizer.to_str().partition('"added_tokens"')
    said = [
        rules,
        tokenizer.chat_template,
        {name: str(each) for name, each in tokenizer.special_tokens_map.items()},
    ]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
