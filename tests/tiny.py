"""Tiny random models of many families, and the tokenizer they share."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache

import gguf
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel, PreTrainedTokenizerFast

from longspan.loading import Loaded
from longspan.loading.packed_modules import PackedEmbedding, PackedLinear, PackedWeight
from longspan.model import Model

SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
VOCABULARY = 272
WINDOW = 512

_EXTRAS = {
    "mistral": {"sliding_window": 40},
    "gemma2": {"sliding_window": 40},
    "gemma3_text": {"sliding_window": 40, "num_hidden_layers": 7},
    "gemma4_text": {
        "sliding_window": 40,
        "num_hidden_layers": 6,
        "global_head_dim": 32,
        "hidden_size_per_layer_input": 16,
        "vocab_size_per_layer_input": VOCABULARY,
    },
    "gpt_oss": {"num_local_experts": 4, "sliding_window": 40},
    "exaone4": {"sliding_window": 40, "num_hidden_layers": 4},
    "cohere2": {"sliding_window": 40, "num_hidden_layers": 4},
    "mixtral": {"num_local_experts": 4},
    "qwen3_moe": {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32},
    "granite": {"attention_multiplier": 0.1, "embedding_multiplier": 2.0, "residual_multiplier": 0.5},
    "bamba": {
        "attn_layer_indices": [1],
        "mamba_n_heads": 8,
        "mamba_d_head": 16,
        "mamba_d_state": 8,
        "mamba_chunk_size": 8,
    },
    "mamba2": {"num_heads": 8, "n_groups": 1, "state_size": 8, "expand": 2, "chunk_size": 8},
    "granitemoehybrid": {
        "layer_types": ["mamba", "attention", "mamba"],
        "position_embedding_type": "nope",
        "mamba_n_heads": 8,
        "mamba_d_head": 16,
        "mamba_d_state": 8,
        "num_local_experts": 4,
        "shared_intermediate_size": 32,
    },
    "falcon_h1": {"mamba_d_ssm": 128, "mamba_n_heads": 8, "mamba_d_head": 16, "mamba_d_state": 8},
    "lfm2": {"layer_types": ["conv", "full_attention", "conv"]},
    "qwen3_next": {
        "num_hidden_layers": 4,
        "num_experts": 4,
        "num_experts_per_tok": 2,
        "moe_intermediate_size": 32,
        "shared_expert_intermediate_size": 32,
        "linear_num_value_heads": 4,
        "linear_num_key_heads": 2,
        "linear_key_head_dim": 8,
        "linear_value_head_dim": 8,
    },
    "glm": {"partial_rotary_factor": 0.5},
}


def tiny_network(family: str, **changes: object) -> PreTrainedModel:
    """A random model whose every weight, those of its norms and its biases too, differs from its neighbours."""
    config = AutoConfig.for_model(
        family,
        **{
            "vocab_size": VOCABULARY,
            "hidden_size": 64,
            "intermediate_size": 96,
            "num_hidden_layers": 3,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "head_dim": 16,
            "max_position_embeddings": WINDOW,
            "pad_token_id": 0,
            "bos_token_id": 0,
            "eos_token_id": 2,
        }
        | _EXTRAS.get(family, {})
        | changes,
    )
    generator = torch.Generator().manual_seed(0)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    with torch.no_grad():
        for weight in network.parameters():
            noise = torch.randn(weight.shape, generator=generator)
            weight.copy_(weight + 0.2 * noise if weight.ndim == 1 else 0.1 * noise)
    return network.eval().requires_grad_(False)


def packed_network(family: str, *, dtype: torch.dtype = torch.float32, **changes: object) -> PreTrainedModel:
    """The same with its matrices in blocks of 8 bits, in the modules that stand in for them."""
    network = tiny_network(family, **changes).to(dtype)
    held = {}
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, torch.nn.Linear | torch.nn.Embedding):
                kind, weight = gguf.GGMLQuantizationType.Q8_0, child.weight
                if weight.data_ptr() not in held:
                    blocks = torch.from_numpy(gguf.quantize(weight.float().numpy(), kind))
                    held[weight.data_ptr()] = PackedWeight(blocks, kind, weight.shape[1])
                own = held[weight.data_ptr()]
                linear = isinstance(child, torch.nn.Linear)
                stands_in = PackedLinear(own, child.bias) if linear else PackedEmbedding(own, weight.dtype)
                setattr(module, name, stands_in)
    return network


@cache
def tiny_tokenizer() -> PreTrainedTokenizerFast:
    """One token a byte, after the special tokens, with a chat template."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: number for number, token in enumerate([*SPECIAL, *alphabet])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=SPECIAL[0],
        eos_token=SPECIAL[2],
        additional_special_tokens=[SPECIAL[1]],
        chat_template=TEMPLATE,
    )


def model_of(network: PreTrainedModel, digest: str = "") -> Model:
    """The network with the shared tokenizer, through the self-check. digest: what its weights are said to have."""
    source = "made in the test"
    return Model(
        Loaded(network=network, tokenizer=tiny_tokenizer(), name="tiny", digest=digest, source=source)
    )


@cache
def tiny_model(family: str = "llama") -> Model:
    """A model to share: sessions leave no trace on it. family: after "packed ", with packed weights."""
    packed = family.startswith("packed ")
    return model_of((packed_network if packed else tiny_network)(family.removeprefix("packed ")))


def tokens(count: int, seed: int = 0) -> torch.Tensor:
    """Random token ids `[count]` without special tokens."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(len(SPECIAL), len(tiny_tokenizer()), (count,), generator=generator)


def stock_logits(network: PreTrainedModel, ids: torch.Tensor) -> torch.Tensor:
    """What transformers itself computes, `[n, vocab]`."""
    with torch.no_grad():
        return network(input_ids=ids[None]).logits[0]


@contextmanager
def embedded(network: PreTrainedModel) -> Iterator[list[int]]:
    """The tokens that the network takes in meanwhile, one after the other."""
    taken: list[int] = []
    hook = network.get_input_embeddings().register_forward_hook(
        lambda module, given, result: taken.extend(given[0].flatten().tolist())
    )
    try:
        yield taken
    finally:
        hook.remove()


@contextmanager
def headed(network: PreTrainedModel) -> Iterator[list[torch.Tensor]]:
    """The logits `[vocab]` that the network's head gives meanwhile, row after row."""
    rows: list[torch.Tensor] = []
    hook = network.get_output_embeddings().register_forward_hook(
        lambda module, given, result: rows.extend(result.flatten(0, -2).clone())
    )
    try:
        yield rows
    finally:
        hook.remove()


@contextmanager
def saying(network: PreTrainedModel, said: Sequence[int]) -> Iterator[None]:
    """Makes the network's head prefer the given tokens, one after the other, whatever was read."""
    left = list(said)

    def prefer(module: object, given: object, logits: torch.Tensor) -> torch.Tensor:
        for row in logits.flatten(0, -2):
            row[left.pop(0)] = 1e4
        return logits

    hook = network.get_output_embeddings().register_forward_hook(prefer)
    try:
        yield
    finally:
        hook.remove()
