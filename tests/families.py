"""A tiny random model of any family that transformers knows, and how longspan does with it.

`PYTHONPATH=src:tests python tests/families.py > tests/families.tsv` writes the table that the tests compare with.
"""

from __future__ import annotations

import re
import sys
from dataclasses import astuple, dataclass
from pathlib import Path

import torch
import transformers
from transformers import AutoConfig, AutoModelForCausalLM, DynamicCache, PreTrainedModel
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from longspan.errors import UnsupportedModel
from tiny import VOCABULARY, model_of, tokens

FAMILIES = sorted(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES)
LENGTHS = (500,)
TABLE = Path(__file__).with_suffix(".tsv")

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
}
# Set where the family's config has them.
_WHERE_THERE = {"use_sliding_window": True, "max_window_layers": 1, "sliding_window": 40}
# What the sizes and defaults leave out of what a family can do.
_MORE: dict[str, dict[str, object]] = {
    "minimax_m3_vl_text": {"layer_types": ["full_attention", "minimax_m3_sparse"] * 2},
    "mamba2": {"num_heads": 8, "head_dim": 16, "n_groups": 1, "state_size": 8, "expand": 2, "chunk_size": 8},
    "falcon_h1": {"mamba_d_ssm": 128, "mamba_n_heads": 8, "mamba_d_head": 16, "mamba_d_state": 8},
    "granitemoehybrid": {
        "layer_types": ["mamba", "attention"] * 2,
        "position_embedding_type": "rope",
        "mamba_n_heads": 8,
        "mamba_d_head": 16,
    },
    "bamba": {"attn_layer_indices": [1, 3]},
    "dots1": {"n_routed_experts": 4, "n_shared_experts": 1},
    "lfm2": {"layer_types": ["conv", "full_attention"] * 2},
    "gpt_neo": {"attention_types": [[["global", "local"], 2]]},
    "llama4_text": {"intermediate_size_mlp": 96},
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
    ("d_ssm", 128),
    ("rotary_dim", 16),
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


@dataclass(frozen=True)
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
        with torch.random.fork_rng():
            torch.manual_seed(0)
            network = _made(family, whole.to_dict())
    except NotBuiltError:
        raise
    except Exception as error:
        raise NotBuiltError("the generic sizes do not fit it") from error
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
    left = _left(family, defaults)
    changes |= {"num_hidden_layers": 4} | {name: value for name, value in _SIZES.items() if name not in left}
    changes |= {name: value for name, value in _WHERE_THERE.items() if name in defaults}
    changes |= _MORE.get(family, {})
    config = AutoConfig.for_model(family, **changes)
    kinds = defaults.get("layer_types") or []
    found = getattr(config, "layer_types", None) or []
    if set(kinds) - set(found) and "layer_types" not in changes:
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
    return own | ({"head_dim", "num_key_value_heads"} if "qk_rope_head_dim" in defaults else set())


def _small(name: str, value: int) -> int:
    for pattern, small in _SMALL:
        if re.search(pattern, name):
            return min(value, small) if value > 0 else value
    return value


def outcome_of(family: str) -> Outcome:
    """Builds the family and compares its logits with those of transformers at each of LENGTHS, in chunks."""
    try:
        network = generic(family)
        with torch.no_grad():
            stock = {
                length: network(input_ids=tokens(length)[None], use_cache=False).logits[0]
                for length in LENGTHS
            }
    except NotBuiltError as error:
        return Outcome(family, "not built", str(error))
    except Exception as error:
        return Outcome(family, "not built", f"its forward pass fails: {type(error).__name__}")
    if not all(bool(logits.isfinite().all()) for logits in stock.values()):
        return Outcome(family, "not built", "its random weights give no finite logits")
    try:
        model = model_of(network)
    except UnsupportedModel as error:
        reason = str(error).split("is not supported: ", 1)[1].rsplit(";", 1)[0]
        return Outcome(family, "refused", reason)
    for length, theirs in stock.items():
        chunk = max(8, length // 3)
        with model.session(chunk=chunk, window=1024) as session:
            mine = session.logits(tokens(length))
        off = _off(mine, theirs)
        if not off <= 1e-4 and not _rounds(network, length, chunk, mine, theirs):
            return Outcome(family, "wrong", f"by {off:.1e} at {length} tokens")
    return Outcome(family, "reproduced", "")


def _off(mine: torch.Tensor, theirs: torch.Tensor) -> float:
    return float((mine - theirs).norm() / (theirs - theirs.mean()).norm())


def _rounds(
    network: PreTrainedModel, length: int, chunk: int, mine: torch.Tensor, theirs: torch.Tensor
) -> bool:
    """Whether a difference is the network's own, between one pass and pieces: experts that a last digit chooses."""
    cache, pieces = DynamicCache(config=network.config), []
    with torch.no_grad():
        for part in tokens(length).split(chunk):
            pieces.append(network(input_ids=part[None], cache=cache, use_cache=True).logits[0])
    own = torch.cat(pieces)
    return _off(mine, own) <= 1e-5 and _off(own, theirs) <= 1e-3


def table() -> dict[str, Outcome]:
    """What was committed."""
    lines = TABLE.read_text("utf-8").splitlines()[1:]
    return {row[0]: Outcome(*row) for row in (line.split("\t") for line in lines)}


if __name__ == "__main__":
    sys.stdout.write(f"# transformers {transformers.__version__}\n")
    for each in FAMILIES:
        sys.stdout.write("\t".join(astuple(outcome_of(each))) + "\n")
