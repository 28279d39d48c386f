"""How a transformers model is borrowed and given back unchanged.

For the time of one forward pass the model's rotary module is replaced by one that does not rotate, and its
attention implementation by a function of ours, so that queries and keys reach that function raw. What the model
would have done with them is found out once, by watching it: which layers rotate, by which frequencies, and in
which layout of channels.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from longspan.errors import UnsupportedModel
from longspan.fusing import Fused
from longspan.kernels.rotation import rotate, table
from longspan.leaving import Layers, Staying
from longspan.positions.base import Rope
from longspan.unrotated import Unrotated, frequencies

_NAME = "longspan"
_PROBE_TOKENS = 12
# Rotation in bf16 by the model itself is compared with rotation in fp32.
_ROTATION_TOLERANCE = 0.03
_LENGTH_DEPENDENT = {"dynamic", "longrope"}
# Config fields of layers that carry a state from token to token besides keys and values.
_RECURRENT = ("mamba", "ssm_", "linear_num_", "linear_conv_", "conv_L_cache", "rwkv", "lru_width")

# What families call the linear layer behind the heads.
_OUTPUTS = ("o_proj", "out_proj", "dense", "c_proj", "wo")

_current: ContextVar[Callable[..., Tensor]] = ContextVar("longspan_attention")


@dataclass(frozen=True, kw_only=True, eq=False)
class Call:
    """One layer's attention as the model asks for it.

    query `[heads, n, dim]`, key and value `[kv_heads, n, dim]`, none rotated. scale multiplies the scores,
    softcap bounds them, sinks `[heads]` are learned logits that take part in the softmax. window: how many tokens
    a query sees, itself included, or None for all.
    """

    layer: int
    query: Tensor
    key: Tensor
    value: Tensor
    scale: float
    window: int | None
    softcap: float | None
    sinks: Tensor | None


Attention = Callable[[Call], Tensor]


@dataclass(frozen=True, kw_only=True, eq=False)
class Layer:
    """What is fixed about a layer: its rotation (of no channel where it does not rotate), window, scale and heads."""

    rope: Rope
    window: int | None
    scale: float
    softcap: float | None
    heads: int
    kv_heads: int
    head_dim: int


class Seam:
    """A network, watched closely enough to be borrowed.

    Raises UnsupportedModel, naming the family and the reason, for networks that cannot be.
    """

    def __init__(self, network: Any) -> None:
        self.network = network
        self.family: str = network.config.model_type
        self._lock = threading.RLock()
        self._rotaries = _rotary_modules(network)
        self._refuse_by_config()
        try:
            self._unrotated = [Unrotated(rotary, light=True) for _, _, rotary in self._rotaries]
            try:
                self.layers = self._watch()
            except (TypeError, AttributeError):
                self._unrotated = [Unrotated(rotary, light=False) for _, _, rotary in self._rotaries]
                self.layers = self._watch()
        except (RuntimeError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise self._unsupported(f"a forward pass through the seam failed: {error}") from error
        self._fused = Fused(network, self.config.hidden_size)

    @property
    def config(self) -> Any:
        """The text model's configuration."""
        return self.network.config.get_text_config(decoder=True)

    @property
    def window(self) -> int:
        """Tokens that the model was made for."""
        return int(self.config.max_position_embeddings)

    @property
    def scaling(self) -> dict[str, Any]:
        """The config's rotary parameters, of layers that see everything."""
        kinds = _rope_parameters(self.config)
        return kinds.get("full_attention") or next(iter(kinds.values()))

    @property
    def device(self) -> torch.device:
        """Where the network's first weights are."""
        device: torch.device = next(self.network.parameters()).device
        return device

    @property
    def dtype(self) -> torch.dtype:
        """The network's number format."""
        dtype: torch.dtype = next(self.network.parameters()).dtype
        return dtype

    def output(self, layer: int) -> Tensor | None:
        """The weight that a layer applies to its heads' outputs, `[hidden, heads · dim]`, None if it has none."""
        return self._outputs.get(layer)

    @cached_property
    def _outputs(self) -> dict[int, Tensor]:
        found = {}
        for module in self.network.modules():
            layer = getattr(module, "layer_idx", None)
            for name in _OUTPUTS:
                weight = getattr(getattr(module, name, None), "weight", None)
                if isinstance(layer, int) and isinstance(weight, Tensor):
                    facts = self.layers[layer]
                    if weight.shape[-1] == facts.heads * facts.head_dim:
                        found[layer] = weight
        return found

    def forward(
        self,
        ids: Tensor,
        positions: Tensor,
        keep: Tensor,
        attention: Attention,
        staying: Staying | None = None,
    ) -> Tensor:
        """Runs tokens through the model with `attention` in place of its own.

        ids and positions int64 `[n]`; keep int64 `[k]`, indices of the tokens whose logits are wanted. staying: after
        each layer, which tokens go on; those in `keep` have to. Returns `[k, vocab]`. The model is its own again when
        this returns or raises.
        """
        thinned = nullcontext() if staying is None else self._leaving.thinned(staying)
        with self._borrowed(attention, rotating=False), self._fused.lent(), thinned, torch.inference_mode():
            return self._run(ids, positions, keep)

    @cached_property
    def _leaving(self) -> Layers:
        """The layers, from between which tokens can leave: tried once. Raises UnsupportedModel where they cannot."""
        ids = torch.arange(_PROBE_TOKENS, device=self.device)

        def run() -> Tensor:
            with self._borrowed(_nothing, rotating=False), torch.inference_mode():
                return self._run(ids, ids, ids[-1:])

        try:
            return Layers(self.network, len(self.layers), run, ids)
        except (LookupError, RuntimeError, TypeError, ValueError, AttributeError) as error:
            raise self._unsupported(
                f"tokens cannot leave between its layers: {error}",
                "choose a pattern that thins out keys, such as pattern=flexprefill",
            ) from error

    def stock(self, ids: Tensor) -> Tensor:
        """Logits `[n, vocab]` of the model as it came."""
        with self._lock, torch.inference_mode():
            return self._run(
                ids, torch.arange(len(ids), device=ids.device), torch.arange(len(ids), device=ids.device)
            )

    def _run(self, ids: Tensor, positions: Tensor, keep: Tensor) -> Tensor:
        result = self.network(
            input_ids=ids[None], position_ids=positions[None], use_cache=False, logits_to_keep=keep
        )
        logits: Tensor = result.logits[0]
        return logits

    @contextmanager
    def _borrowed(self, attention: Attention, *, rotating: bool) -> Iterator[None]:
        from transformers import AttentionInterface

        with self._lock:
            AttentionInterface.register(_NAME, _dispatch)
            config = self.config
            stock_attention = config._attn_implementation
            token = _current.set(attention)
            try:
                config._attn_implementation = _NAME
                if not rotating:
                    for (parent, name, _), unrotated in zip(self._rotaries, self._unrotated, strict=True):
                        setattr(parent, name, unrotated)
                yield
            finally:
                for parent, name, rotary in self._rotaries:
                    setattr(parent, name, rotary)
                config._attn_implementation = stock_attention
                _current.reset(token)

    def _refuse_by_config(self) -> None:
        if self.network.config.is_encoder_decoder:
            raise self._unsupported("it is an encoder-decoder, and longspan works on decoders")
        recurrent = [name for name in self.config.to_dict() if name.startswith(_RECURRENT)]
        if recurrent:
            raise self._unsupported(
                f"its layers carry a recurrent state ({recurrent[0]} in its config), not only keys and values"
            )
        if getattr(self.config, "kv_lora_rank", None):
            raise self._unsupported(
                "it makes keys and values from a shared latent vector (kv_lora_rank in its config)"
            )
        if not self._rotaries:
            raise self._unsupported("it has no rotary position embedding to take the place of")
        for parameters in _rope_parameters(self.config).values():
            if parameters.get("rope_type") in _LENGTH_DEPENDENT:
                raise self._unsupported(
                    f"rope_type={parameters['rope_type']!r} changes its frequencies with the length of the text",
                    "remove the scaling from its config and extend it with positions=yarn(factor=...) instead",
                )

    def _unsupported(self, reason: str, advice: str = "use a model of another family") -> UnsupportedModel:
        return UnsupportedModel(f"model family {self.family!r} is not supported: {reason}; {advice}")

    def _watch(self) -> list[Layer]:
        """Runs a few tokens twice with attention giving zeros, once rotating and once not, and compares."""
        generator = torch.Generator().manual_seed(0)
        ids = torch.randint(self.config.vocab_size, (_PROBE_TOKENS,), generator=generator).to(self.device)
        positions = torch.arange(_PROBE_TOKENS, device=self.device)
        seen: list[list[Call]] = []
        for rotating in (True, False):
            calls: list[Call] = []

            def watch(call: Call, calls: list[Call] = calls) -> Tensor:
                calls.append(call)
                return _nothing(call)

            with self._borrowed(watch, rotating=rotating), torch.inference_mode():
                self._run(ids, positions, positions[-1:])
            seen.append(calls)
        rotated, raw = seen
        count = self.config.num_hidden_layers
        if [call.layer for call in raw] != list(range(count)):
            raise self._unsupported(
                f"its {count} layers hand over {len(raw)} attentions, and need to hand over one each"
            )
        ropes = self._ropes()
        return [self._layer(stock, bare, ropes, positions) for stock, bare in zip(rotated, raw, strict=True)]

    def _layer(self, stock: Call, raw: Call, ropes: list[Rope], positions: Tensor) -> Layer:
        return Layer(
            rope=self._match(stock, raw, ropes, positions),
            window=raw.window,
            scale=raw.scale,
            softcap=raw.softcap,
            heads=raw.query.shape[0],
            kv_heads=raw.key.shape[0],
            head_dim=raw.key.shape[-1],
        )

    def _match(self, stock: Call, raw: Call, ropes: list[Rope], positions: Tensor) -> Rope:
        if torch.equal(stock.query, raw.query) and torch.equal(stock.key, raw.key):
            return ropes[0].with_(inv_freq=ropes[0].inv_freq[:0])
        ropes = [rope for rope in ropes if rope.channels <= raw.key.shape[-1]]
        errors = []
        for rope in ropes:
            turn = table(positions, rope.inv_freq, magnitude=rope.magnitude, interleaved=rope.interleaved)
            errors.append(
                max(
                    _distance(rotate(mine, turn), theirs)
                    for mine, theirs in ((raw.query, stock.query), (raw.key, stock.key))
                )
            )
        best = min(range(len(ropes)), key=errors.__getitem__)
        if errors[best] > _ROTATION_TOLERANCE:
            raise self._unsupported(
                f"layer {raw.layer} rotates its queries and keys in a layout that is neither half nor interleaved"
            )
        return ropes[best]

    def _ropes(self) -> list[Rope]:
        """Every kind of rotation that the rotary modules hold, in both layouts."""
        found = []
        all_parameters = _rope_parameters(self.config)
        for _, _, rotary in self._rotaries:
            for kind, inv_freq in frequencies(rotary):
                parameters = all_parameters.get(kind, next(iter(all_parameters.values())))
                scaling = f"{kind}_attention_scaling" if kind else "attention_scaling"
                for interleaved in (False, True):
                    found.append(
                        Rope(
                            inv_freq=inv_freq.float(),
                            magnitude=float(getattr(rotary, scaling, 1.0)),
                            interleaved=interleaved,
                            theta=float(parameters.get("rope_theta", 10_000.0)),
                            window=self.window,
                        )
                    )
        return found


def _nothing(call: Call) -> Tensor:
    return call.query.new_zeros(*call.query.shape[:2], call.value.shape[-1])


def _dispatch(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    sliding_window: int | None = None,
    softcap: float | None = None,
    s_aux: Tensor | None = None,
    **_: Any,
) -> tuple[Tensor, None]:
    """What transformers calls: tensors `[1, heads, n, dim]`; the output goes back as `[1, n, heads, dim]`."""
    out = _current.get()(
        Call(
            layer=int(module.layer_idx),  # type: ignore[arg-type]
            query=query[0],
            key=key[0],
            value=value[0],
            scale=query.shape[-1] ** -0.5 if scaling is None else float(scaling),
            window=sliding_window,
            softcap=softcap,
            sinks=s_aux,
        )
    )
    return out.transpose(0, 1)[None].contiguous(), None


def _rotary_modules(network: nn.Module) -> list[tuple[nn.Module, str, nn.Module]]:
    return [
        (parent, name, child)
        for parent in network.modules()
        for name, child in parent.named_children()
        if type(child).__name__.endswith("RotaryEmbedding") and any(frequencies(child))
    ]


def _rope_parameters(config: Any) -> dict[str, dict[str, Any]]:
    """The config's rotary parameters by kind of layer; one kind without a name in most families."""
    parameters = getattr(config, "rope_parameters", None) or {}
    nested = {kind: value for kind, value in parameters.items() if isinstance(value, dict)}
    return nested or {"": parameters}


def _distance(mine: Tensor, theirs: Tensor) -> float:
    return float((mine.float() - theirs.float()).abs().max() / theirs.float().abs().max().clamp(min=1e-9))
