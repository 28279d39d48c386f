"""What a config says of its rotary frequencies, and of the length of text that they were trained for."""

from __future__ import annotations

from typing import Any

_BY_FACTOR = ("linear", "dynamic", "yarn")
"""Types of rotation whose factor counts from the original window; the others state the stretched window."""


def rope_parameters(config: Any) -> dict[str, dict[str, Any]]:
    """The config's rotary parameters by kind of layer; one kind without a name in most families."""
    parameters = getattr(config, "rope_parameters", None) or {}
    nested = {kind: value for kind, value in parameters.items() if isinstance(value, dict)}
    return nested or {"": parameters}


def trained_window(config: Any) -> int:
    """Tokens that a model was made for, its own scaling included.

    Where the rotation states a factor from an original window (yarn, linear, dynamic), it is the product of the two, as
    in vLLM, whatever max_position_embeddings says; the original is max_position_embeddings where it is not given.
    Types that state the stretched window themselves (llama3, longrope), and configs with a rotation for each kind of
    layer, mean max_position_embeddings. A model with dual chunk attention was trained for its original window.

    Raises ValueError where the config has no number.
    """
    if chunks := dual_chunks(config):
        return chunks["original_max_position_embeddings"]
    stated = getattr(config, "max_position_embeddings", None)
    if not isinstance(stated, int) or isinstance(stated, bool) or stated < 1:
        raise ValueError(f"max_position_embeddings={stated!r} in its config is no number of tokens")
    kinds = rope_parameters(config)
    parameters = kinds.get("", {})
    if parameters.get("rope_type") not in _BY_FACTOR:
        return stated
    original = parameters.get("original_max_position_embeddings") or stated
    return max(1, round(original * float(parameters.get("factor") or 1.0)))


def dual_chunks(config: Any) -> dict[str, int]:
    """The sizes that a model with dual chunk attention was made for (Qwen2.5-1M); empty for others."""
    held = getattr(config, "dual_chunk_attention_config", None)
    if not isinstance(held, dict):
        return {}
    names = ("chunk_size", "local_size", "original_max_position_embeddings")
    sizes = {name: held.get(name) for name in names}
    if any(not isinstance(size, int) or size < 1 for size in sizes.values()):
        raise ValueError(
            f"dual_chunk_attention_config={held!r} in its config lacks one of {', '.join(names)}"
        )
    return {name: int(size) for name, size in sizes.items() if size is not None}


UNBOUNDED = 1 << 31
"""The window of networks that tell no positions apart and keep states of one size: none that a text reaches."""

FARTHEST = 32
"""How many times its window a model is advised to be stretched: as far as YaRN's paper goes."""


def stretching(config: Any, factor: int) -> str | None:
    """The position scheme that reaches `factor` times as far as a model was made for, without stretching it twice.

    None where the model's own frequencies follow the text.
    """
    if chunks := dual_chunks(config):
        window = chunks["original_max_position_embeddings"]
        chunk, local = chunks["chunk_size"] / window, chunks["local_size"] / window
        return f"positions=dca(chunk={chunk:g},local={local:g})"
    kinds = rope_parameters(config)
    kind = (kinds.get("full_attention") or next(iter(kinds.values()))).get("rope_type", "default")
    if kind == "dynamic":
        return None
    return f"positions=yarn(factor={factor})" if kind in ("default", "yarn") else "positions=dca"
