"""How a transformers model is borrowed and given back unchanged.

For the time of one forward pass the model's rotary module is replaced by one that does not rotate, and its
attention implementation by a function of ours, so that queries and keys reach that function raw. What the model
would have done with them is found out once, by watching it: which layers rotate, by which frequencies, in which
layout of channels, and which tokens they see.
"""

from __future__ import annotations

from contextlib import nullcontext
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from longspan.borrowing import Attention, Borrowing
from longspan.errors import CorruptModel, UnsupportedModel
from longspan.exclusive import original
from longspan.facts import Layer, UnfitError, layers_of, twice
from longspan.fusing import Fused
from longspan.leaving import Layers, Staying
from longspan.loading.reason import reason
from longspan.scaling import FARTHEST, rope_parameters, stretching, trained_window
from longspan.watching import Watched, nothing, watched

_PROBE_TOKENS = 24

# What families call the linear layer behind the heads.
_OUTPUTS = ("o_proj", "out_proj", "dense", "c_proj", "wo")


class Seam:
    """A network, watched closely enough to be borrowed.

    Raises UnsupportedModel, naming the family and the reason, for networks that cannot be, and CorruptModel for weights
    that are no numbers.
    """

    def __init__(self, network: Any) -> None:
        self.network = network = original(network)
        self.family: str = network.config.model_type
        self.borrowing = Borrowing(network, self.config)
        self._refuse_at_sight()
        self._seen: Watched | None = None
        try:
            try:
                self.borrowing.prepare(light=True)
                self.layers = self._watch()
            except (TypeError, AttributeError):
                self.borrowing.prepare(light=False)
                self.layers = self._watch()
        except UnfitError as error:
            raise self.unsupported(str(error)) from error
        except (RuntimeError, TypeError, ValueError, AttributeError, LookupError) as error:
            raise self.unsupported(f"a forward pass through the seam failed: {reason(error)}") from error
        self._fused = Fused(network, self.config.hidden_size)

    @property
    def config(self) -> Any:
        """The text model's configuration."""
        return self.network.config.get_text_config(decoder=True)

    @property
    def window(self) -> int:
        """Tokens that the model was made for."""
        return trained_window(self.config)

    @property
    def scaling(self) -> dict[str, Any]:
        """The config's rotary parameters, of layers that see everything."""
        kinds = rope_parameters(self.config)
        return kinds.get("full_attention") or next(iter(kinds.values()))

    def reaching(self, tokens: int) -> str | None:
        """What a session is given to read so many tokens, more than the window: `positions=...`, or `window=...` where
        positions need no help. None where no scheme is known to reach so far."""
        factor = -(-tokens // self.window)
        full = [layer.rope for layer in self.layers if layer.window is None or layer.window >= self.window]
        scheme = stretching(self.config, factor) if any(rope.channels for rope in full) else None
        if scheme is None:
            return f"window={tokens}"
        return scheme if factor <= FARTHEST else None

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

    @property
    def windows(self) -> list[int | None]:
        """The window of each layer, None where it sees everything."""
        return [layer.window for layer in self.layers]

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
        with self.borrowing.installed(attention), self._fused.installed(), thinned:
            return self.borrowing.run(ids, positions, keep)

    @cached_property
    def _leaving(self) -> Layers:
        """The layers, from between which tokens can leave: tried once. Raises UnsupportedModel where they cannot."""
        ids = torch.arange(_PROBE_TOKENS // 2, device=self.device)

        def run() -> Tensor:
            with self.borrowing.installed(nothing, watching=True):
                return self.borrowing.run(ids, ids, ids[-1:])

        try:
            return Layers(self.network, len(self.layers), run, ids)
        except (LookupError, RuntimeError, TypeError, ValueError, AttributeError) as error:
            raise self.unsupported(
                f"tokens cannot leave between its layers: {error}",
                "choose a pattern that thins out keys, such as pattern=flexprefill",
            ) from error

    def stock(self, ids: Tensor) -> Tensor:
        """Logits `[n, vocab]` of the model as it came."""
        places = torch.arange(len(ids), device=ids.device)
        return self.borrowing.run(ids, places, places)

    def watched(self) -> Watched:
        """What its layers hand over for a short prompt at the positions 0, 1, ...; first what was seen at load."""
        if self._seen is not None:
            seen, self._seen = self._seen, None
            return seen
        places = torch.arange(_PROBE_TOKENS, device=self.device)
        return watched(self.borrowing, self.probe, places)

    @property
    def probe(self) -> Tensor:
        """The tokens of the short prompt."""
        return twice(self.config.vocab_size, _PROBE_TOKENS, self.device)

    def unsupported(self, reason: str, advice: str = "use a model of another family") -> UnsupportedModel:
        """The error for this model."""
        return UnsupportedModel(f"model family {self.family!r} is not supported: {reason}; {advice}")

    def refuse_damage(self, found: Tensor) -> None:
        """Raises the error for a model that gives no numbers, with the reason, where that is what it gave."""
        if bool(torch.isfinite(found).all()):
            return
        for name, weight in self.network.named_parameters():
            if not bool(torch.isfinite(weight).all()):
                raise CorruptModel(
                    f"weight {name!r} of the model holds values that are no finite numbers; download the model again"
                )
        raise self.unsupported(
            f"its numbers overflow in {str(self.dtype).removeprefix('torch.')}",
            "load it with dtype='float32'",
        )

    def _refuse_at_sight(self) -> None:
        if any(weight.is_meta for weight in self.network.parameters()):
            raise self.unsupported(
                "its weights are on the meta device, which holds no numbers", "load it on the CPU or a GPU"
            )
        if self.network.config.is_encoder_decoder:
            raise self.unsupported("it is an encoder-decoder, and longspan works on decoders")
        if getattr(self.config, "kv_lora_rank", None):
            raise self.unsupported(
                "it makes keys and values from a shared latent vector (kv_lora_rank in its config)"
            )
        if not self.borrowing.rotaries:
            raise self.unsupported("it has no rotary position embedding to take the place of")
        try:
            trained_window(self.config)
        except ValueError as error:
            raise self.unsupported(str(error), "correct its config.json") from error

    def _watch(self) -> list[Layer]:
        with self.borrowing.once():
            seen = self.watched()
            for call in seen.raw:
                self.refuse_damage(call.value)
            layers = layers_of(self.borrowing, seen, self.probe, self.config)
        self._seen = seen
        return layers
