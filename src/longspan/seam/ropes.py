"""The rotations that a network's rotary modules hold, and how they change with the length of a text."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn

from longspan.positions.base import Rope
from longspan.seam.scaling import rope_parameters, trained_window
from longspan.seam.unrotated import frequencies

# How far cosines may be from ours at the positions of a longer text.
_TOLERANCE = 2e-3


def ropes_of(rotaries: list[nn.Module], config: Any) -> list[Rope]:
    """Every kind of rotation that the modules hold, in both layouts of channels.

    Raises ValueError where a module's frequencies change with the length of a text in a way that is not known.
    """
    found = []
    for rotary in rotaries:
        for kind, buffer in frequencies(rotary):
            rope = _rope(rotary, kind, buffer, config)
            found += [rope, rope.with_(interleaved=True, growing=_interleaved(rope.growing))]
    return found


def unchanging(config: Any) -> int:
    """The longest text at which no frequency has changed yet."""
    lengths = [
        parameters.get("original_max_position_embeddings") or config.max_position_embeddings
        for parameters in rope_parameters(config).values()
        if _grows(parameters)
    ]
    return min(lengths, default=trained_window(config))


def _rope(rotary: nn.Module, kind: str, buffer: Tensor, config: Any) -> Rope:
    kinds = rope_parameters(config)
    parameters = kinds.get(kind, next(iter(kinds.values())))
    window = trained_window(config)
    scaling = f"{kind}_attention_scaling" if kind else "attention_scaling"
    rope = Rope(
        inv_freq=buffer.float(),
        magnitude=float(getattr(rotary, scaling, 1.0)),
        interleaved=False,
        theta=float(parameters.get("rope_theta", 10_000.0)),
        window=window,
    )
    if _grows(parameters):
        return _growing(rotary, kind, parameters, config, rope)
    if parameters.get("rope_type") == "yarn":
        original = parameters.get("original_max_position_embeddings") or config.max_position_embeddings
        return rope.with_(unscaled=_before_yarn(rope, original, float(parameters.get("factor") or 1.0)))
    return rope


def _grows(parameters: dict[str, Any]) -> bool:
    kind = str(parameters.get("rope_type"))
    return "dynamic" in kind or kind == "longrope"


def _before_yarn(rope: Rope, original: int, factor: float) -> Rope:
    """The rotation that the config's YaRN stretches, so that a plan's YaRN can stretch it once and not twice."""
    pairs = len(rope.inv_freq)
    exponent = torch.arange(pairs, dtype=torch.float32, device=rope.inv_freq.device) / pairs
    return rope.with_(
        inv_freq=rope.theta**-exponent,
        magnitude=rope.magnitude / (0.1 * math.log(max(factor, 1.0)) + 1.0),
        window=original,
    )


def _growing(rotary: nn.Module, kind: str, parameters: dict[str, Any], config: Any, rope: Rope) -> Rope:
    """A rotation that follows the length of the text as transformers has it follow: its own factors for short texts,
    others beyond (longrope), or a base that grows (dynamic)."""
    from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

    own = getattr(rotary, "config", config)
    make = ROPE_INIT_FUNCTIONS[str(parameters["rope_type"])]
    first = parameters.get("original_max_position_embeddings") or config.max_position_embeddings
    steps = parameters["rope_type"] == "longrope"

    @lru_cache(maxsize=16)
    def made(length: int) -> Rope:
        named = {"layer_type": kind} if kind else {}
        inv_freq, _ = make(own, rope.inv_freq.device, seq_len=length, **named)
        return rope.with_(inv_freq=inv_freq.float(), growing=growing)

    def growing(length: int) -> Rope:
        return made(max(1, min(length, first + 1) if steps else max(length, first)))

    _agree(rotary, kind, growing, first)
    return growing(1)


def _agree(rotary: nn.Module, kind: str, growing: Callable[[int], Rope], first: int) -> None:
    """Raises ValueError unless the module turns as it is said to, in a short text and in a longer one."""
    for length in (min(first, 8), 2 * first):
        rope = growing(length)
        places = torch.tensor([[1, length // 2, length - 1]], device=rope.inv_freq.device)
        x = torch.zeros(1, 1, 1, device=places.device)
        with torch.inference_mode():
            cosine = (rotary(x, places, kind) if kind else rotary(x, places))[0].float()
        angles = places[0, :, None].float() * rope.inv_freq
        mine = angles.cos() * rope.magnitude
        for theirs in _halves(cosine[0], len(rope.inv_freq)):
            if float((theirs - mine).abs().max()) <= _TOLERANCE:
                break
        else:
            raise ValueError(f"its frequencies for texts of {length:,} tokens are not those of its config")


def _halves(cosine: Tensor, pairs: int) -> Iterator[Tensor]:
    yield cosine[..., :pairs]
    yield cosine[..., ::2][..., :pairs]


def _interleaved(growing: Callable[[int], Rope] | None) -> Callable[[int], Rope] | None:
    if growing is None:
        return None

    @lru_cache(maxsize=16)
    def other(length: int) -> Rope:
        return growing(length).with_(interleaved=True, growing=other)

    return other
