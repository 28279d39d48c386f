"""Rotations to test with, those of transformers, and a tiny model that has any frequencies one likes."""

from collections.abc import Sequence

import torch
from hypothesis import strategies as st
from transformers import LlamaConfig, PreTrainedModel
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

from longspan.positions.base import Rope
from tiny import tiny_network

CHANNELS = st.sampled_from([8, 16, 64, 96, 128])
BASES = st.sampled_from([1e4, 5e5, 1e6])
WINDOWS = st.sampled_from([512, 2048, 8192, 131_072])
FACTORS = st.sampled_from([1.0, 1.5, 2.0, 4.0, 16.0, 64.0])
SHARES = st.sampled_from([1.0, 0.75, 0.5])
"""Of a head's channels, those that rotate."""


def stock_rope(channels: int, base: float, window: int) -> Rope:
    """b^(−2j/r) as config files leave it."""
    inv_freq = base ** -(torch.arange(0, channels, 2) / channels)
    return Rope(inv_freq=inv_freq, magnitude=1.0, interleaved=False, theta=base, window=window)


def theirs(
    kind: str,
    head_dim: int,
    base: float,
    window: int,
    *,
    share: float = 1.0,
    length: int | None = None,
    **parameters: float,
) -> tuple[torch.Tensor, float]:
    """Frequencies and attention factor of transformers for a text of so many tokens."""
    config = LlamaConfig(
        hidden_size=4 * head_dim,
        num_attention_heads=4,
        head_dim=head_dim,
        max_position_embeddings=window,
        rope_parameters={
            "rope_type": kind,
            "rope_theta": base,
            "partial_rotary_factor": share,
            **parameters,
        },
    )
    return ROPE_INIT_FUNCTIONS[kind](config, torch.device("cpu"), seq_len=length)


def network_turning(inv_freq: Sequence[float], **changes: object) -> PreTrainedModel:
    """A tiny Llama that rotates by the given frequencies, its weights those of any other."""
    network = tiny_network("llama", **changes)
    network.model.rotary_emb.inv_freq = torch.tensor(inv_freq)
    return network
