"""A tiny random model of any family that transformers knows, and how longspan does with it."""

from __future__ import annotations

import re
from dataclasses import dataclass

import torch
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from longspan.errors import UnsupportedModel
from tiny import VOCABULARY, model_of, stock_logits, tokens

FAMILIES = sorted(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES)
LENGTHS = (24, 300, 700)

_SIZES = {
    "vocab_size": VOCABULARY,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "max_position_embeddings": 1024,
    "pad_token_id": 0,
    "bos_token_id": 0,
    "eos_token_id": 2,
    "use_sliding_window": True,
    "max_window_layers": 1,
}
# What a config's numbers become, by the first pattern that is found in their name.
_SMALL = (
    ("window_size|sliding_window$|local_attention|attention_chunk_size", 40),
    ("keep_window", 64),
    ("experts_per_tok|top_?k$|moe_k", 2),
    ("topk_blocks|local_blocks", 2),
    ("n_group|topk_group|expert_group|shared_experts|first_k_dense|nextn", 1),
    ("num_.*experts|n_.*experts|experts$", 4),
    ("rank$", 16),
    ("vocab_size", VOCABULARY),
    ("qk_head_dim|mamba_d_head|mamba_head_dim", 32),
    ("(rope|nope|v|qk|index|linear|mamba|key|value|d)_?(head)?_dim$|d_state|d_head|headdim|head_dim$", 16),
    ("(moe|dense|shared).*(intermediate|ffn)|ffn|inner", 32),
    ("n_heads|_heads$|head$", 4),
    ("block_size", 16),
    ("hidden_size_per_layer_input|router_hidden|embed_dim|d_model|embd|embedding", 64),
    ("n_?layers?$|num_layers|layer_group", 4),
)
_LARGEST = 4_000_000


class NotBuiltError(Exception):
    """A family that this generic way gives no model of text for."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a family does: "reproduced", "refused", "not built", or "wrong"; reason: what was observed."""

    family: str
    outcome: str
    reason: str


def generic(family: str) -> PreTrainedModel:
    """A network of 4 layers or more, with norms unlike 1, small windows, real sinks and caps, and large scores."""
    try:
        whole = AutoConfig.for_model(family)
        if whole.get_text_config(decoder=True) is not whole:
            raise NotBuiltError("a model of more than text")
        network = _made(family, whole.to_dict())
    except NotBuiltError:
        raise
    except Exception as error:
        raise NotBuiltError(f"{type(error).__name__}: {' '.join(str(error).split())[:80]}") from error
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, weight in network.named_parameters():
            noise = torch.randn(weight.shape, generator=generator)
            if name.endswith(("sinks", "sink_bias", "sink")):
                weight.copy_(noise)
            elif weight.ndim == 1:
                weight.add_(0.2 * noise)
            else:
                weight.copy_(1.5 / weight.shape[-1] ** 0.5 * noise)
    return network.eval().requires_grad_(False)


def _made(family: str, defaults: dict[str, object]) -> PreTrainedModel:
    changes = {
        name: _small(name, value)
        for name, value in defaults.items()
        if type(value) is int and not name.endswith("_token_id")
    }
    changes |= {
        name: 5.0 for name in defaults if "softcap" in name and "final" not in name and defaults[name]
    }
    changes |= {"num_hidden_layers": 4} | {
        name: value
        for name, value in _SIZES.items()
        if (name in defaults or not name.startswith(("use", "max_w"))) and name not in _left(family, defaults)
    }
    config = AutoConfig.for_model(family, **changes)
    kinds = defaults.get("layer_types") or []
    found = getattr(config, "layer_types", None) or []
    if set(kinds) - set(found):
        config = AutoConfig.for_model(
            family, **changes | {"num_hidden_layers": 1 + max(map(kinds.index, kinds))}
        )
    with torch.device("meta"):
        size = sum(weight.numel() for weight in AutoModelForCausalLM.from_config(config).parameters())
    if size > _LARGEST:
        raise NotBuiltError("the generic sizes leave it large")
    return AutoModelForCausalLM.from_config(config, dtype=torch.float32)


def _left(family: str, defaults: dict[str, object]) -> set[str]:
    """Names that the config works out by itself."""
    cls = type(AutoConfig.for_model(family))
    own = {name for name in _SIZES if isinstance(getattr(cls, name, None), property)}
    return own | ({"head_dim"} if "qk_rope_head_dim" in defaults else set())


def _small(name: str, value: int) -> int:
    for pattern, small in _SMALL:
        if re.search(pattern, name):
            return min(value, small) if value > 0 else value
    return value


def outcome_of(family: str) -> Outcome:
    """Builds the family and compares its logits with those of transformers at each of LENGTHS, in chunks of 64."""
    try:
        network = generic(family)
        stock = {length: stock_logits(network, tokens(length)) for length in LENGTHS}
    except NotBuiltError as error:
        return Outcome(family=family, outcome="not built", reason=str(error))
    except Exception as error:
        return Outcome(
            family=family, outcome="not built", reason=f"its forward pass fails: {type(error).__name__}"
        )
    if not all(bool(logits.isfinite().all()) for logits in stock.values()):
        return Outcome(family=family, outcome="not built", reason="its random weights give no finite logits")
    try:
        model = model_of(network)
    except UnsupportedModel as error:
        reason = str(error).split("is not supported: ", 1)[1].rsplit(";", 1)[0]
        return Outcome(family=family, outcome="refused", reason=reason)
    for length, theirs in stock.items():
        with model.session(chunk=64, window=1024) as session:
            mine = session.logits(tokens(length))
        apart = float((mine - theirs).norm() / (theirs - theirs.mean()).norm())
        if not apart <= 1e-4:
            return Outcome(family=family, outcome="wrong", reason=f"by {apart:.1e} at {length} tokens")
    return Outcome(family=family, outcome="reproduced", reason="")
